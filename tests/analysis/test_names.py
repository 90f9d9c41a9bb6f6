"""Names with characters that have a meaning in Markdown, HTML, formulas or tables."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from analysis.report.documents import document
from analysis.report.report import write_report
from analysis.report.tables import markdown
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.space import Space, Target
from tests.analysis.conftest import SPACE, Run, fill

NAMES = {
    "small_nli": r"cost $\frac$ <img src=x onerror=alert(1)> a|b",
    "large_nli": r"`code` [link](javascript:alert(1)) <https:example> <i>",
    "middle_qa": r"a\|b\<b>c\[x](https:example) $x$ ` [y](&#106;avascript:alert(1))",
    "tags": "$ {tags} | <script>alert(1)",
}
"""Name in the space of the other tests -> its name here."""


def renamed(space: Space) -> Space:
    """The space with other names of its recipes and of a target."""
    tasks = tuple(replace(task, name=NAMES["tags"]) if task.name == "tags" else task for task in space.tasks)
    recipes = tuple(replace(row, name=NAMES.get(row.name, row.name)) for row in space.recipes)
    targets = tuple(Target(task=NAMES["tags"] if t.task == "tags" else t.task) for t in space.targets)
    return replace(space, tasks=tasks, recipes=recipes, targets=targets)


class Renamed(Run):
    """A run that is filled with the names of other tests."""

    def trained(self, recipe: str, task: str = "", seed: int = 1, **changes: object) -> TrainingRecord:
        return super().trained(NAMES.get(recipe, recipe), NAMES.get(task, task), seed, **changes)

    def scored(
        self, training: TrainingRecord, target: str, values: Mapping[str, float], **changes: object
    ) -> ScoreRecord:
        if target in [recipe.name for recipe in SPACE.recipes]:
            return super().scored(training, target, values, **changes)
        return super().scored(training, NAMES.get(target, target), values, **changes)

    def cell(self, recipe: str, target: str, seed: int, values: Mapping[str, float], **changes: object) -> ScoreRecord:
        return super().cell(recipe, NAMES.get(target, target), seed, values, **changes)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The Markdown files of a report with strange names."""
    space = renamed(SPACE)
    url = str(tmp_path_factory.mktemp("strange") / "run")
    Folder(url).write("space.json", write_json(space))
    run = Renamed(url=url, space=space)
    fill(run)
    folder = write_report(run.url).path.parent
    assert all((folder / f"heatmap.{ending}").stat().st_size > 1000 for ending in ("png", "pdf", "svg"))
    return {path.name: path.read_text() for path in folder.glob("*.md")}


def tokens_of(text: str) -> list[Token]:
    """All parts of a Markdown file, as a renderer that allows HTML finds them."""
    blocks = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def test_strange_names_make_no_html_and_no_link_in_a_report(pages: Mapping[str, str]) -> None:
    assert set(pages) == {"report.md", "appendix.md", "methods.md"}
    for name, text in pages.items():
        tokens = tokens_of(text)
        assert [token.content for token in tokens if token.type.startswith("html")] == [], name
        links = {
            str(token.attrs.get("href") or token.attrs.get("src"))
            for token in tokens
            if token.type in ("link_open", "image")
        }
        assert all(link.split("#")[0].endswith((".md", ".png")) and ":" not in link for link in links), name


def test_a_strange_name_is_one_cell_of_a_table(pages: Mapping[str, str]) -> None:
    tokens = tokens_of(pages["report.md"])
    texts = ["".join(child.content for child in token.children or ()) for token in tokens if token.type == "inline"]
    assert NAMES["small_nli"] in texts
    assert NAMES["tags"] in texts


def test_dollar_signs_are_no_formulas_outside_code() -> None:
    assert document("a $x$ `$HOME` b $").decode() == "a &#36;x&#36; `$HOME` b &#36;"
    assert document("``a ` $b`` $").decode() == "``a ` $b`` &#36;"


def test_the_own_links_and_comparisons_of_a_report_are_kept() -> None:
    text = "x < y and q <= 1: [page](appendix.md#failed-trials) ![Figure](heatmap-a%20b.png)"
    assert document(text).decode() == text


def test_a_bar_with_backslashes_before_it_stays_in_its_cell() -> None:
    for name in ("a|b", r"a\|b", r"a\\|b"):
        tokens = tokens_of(markdown([name], [["x"]]))
        assert sum(token.type == "th_open" for token in tokens) == 1
