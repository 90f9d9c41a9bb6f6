"""Contrasts and scores under conditions on the page of a run, in a browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.page import comparisons
from analysis.page.data import PageSource
from analysis.page.page import page_files
from analysis.page.state import LiveRun
from analysis.results.contrasts import contrast_table
from analysis.results.load import load
from analysis.results.results import results_of_run
from analysis.results.robustness import robustness
from sweeper.space import Claim, Condition, Contrast, Term
from tests.analysis.conftest import SPACE, Run, _empty_run, _recipe
from tests.page.conftest import Opened

Show = Callable[..., Opened]
CONDITIONS = (Condition(name="typos", perturbation="keyboard"), Condition(name="bare", perturbation="diacritics"))
CONTRASTS = (
    Contrast(
        name="qa - tags, typos",
        title="Is qa better?",
        terms=(
            Term(recipe="middle_qa", condition="typos"),
            Term(recipe="tags", condition="typos", weight=-1.0),
        ),
        targets=("pairs",),
        family="robustness",
    ),
    Contrast(
        name="qa - tags",
        terms=(Term(recipe="middle_qa"), Term(recipe="tags", weight=-1.0)),
        targets=("pairs",),
        family="clean",
    ),
)
CLAIM = Claim(name="qa is better", contrasts=("qa - tags, typos", "qa - tags"))
SCORES = {
    # Of twenty examples in each seed: recipe -> condition -> how many are correct in English and German.
    "baseline": {"clean": (14, 12), "typos": (8, 6), "bare": (14, 13)},
    "tags": {"clean": (16, 13), "typos": (5, 4), "bare": (16, 12)},
    "middle_qa": {"clean": (17, 15), "typos": (13, 12), "bare": (17, 15)},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with scores under two conditions, and two contrasts of two families."""
    targets = tuple(
        replace(target, conditions=CONDITIONS) if target.task == "pairs" else target for target in SPACE.targets
    )
    recipes = tuple(_recipe(name) if name != "baseline" else SPACE.recipes[0] for name in SCORES)
    changes = {"targets": targets, "recipes": recipes, "contrasts": CONTRASTS, "claims": (CLAIM,), "seeds": (1, 2, 3)}
    run = _empty_run(tmp_path_factory.mktemp("comparisons"), **changes)
    for row, (recipe, conditions) in enumerate(SCORES.items()):
        for seed in run.space.seeds:
            training = run.trained(recipe, "small_nli", seed)
            for condition, (english, german) in conditions.items():
                num = {"en": english + row * seed % 3, "de": german + seed % 3}
                run.scored(
                    training,
                    "pairs",
                    {language: correct / 20 for language, correct in num.items()},
                    table=outcomes(num),
                    condition=condition,
                )
    return run


def outcomes(num_correct: dict[str, int]) -> pd.DataFrame:
    """Twenty examples in each language, of which the first ones are correct."""
    return pd.concat(
        pd.DataFrame(
            {
                "language": language,
                "example": [str(number) for number in range(20)],
                "group": [str(number) for number in range(20)],
                "correct": [int(number < correct) for number in range(20)],
            }
        )
        for language, correct in num_correct.items()
    )


@pytest.fixture(scope="module")
def page_path(run: Run) -> Path:
    data = load(run.url)
    source = PageSource(
        data=data,
        results=results_of_run(data),
        contrasts=contrast_table(data),
        conditions=robustness(data),
        run=run.url,
    )
    folder = Path(run.url, "page")
    folder.mkdir()
    for name, content in page_files(source).items():
        (folder / name).write_bytes(content)
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_with_contrasts_and_conditions_is_accessible_and_makes_no_request(
    show: Show, page_path: Path, scheme: str
) -> None:
    page = show(page_path, color_scheme=scheme)
    page.cell("tags", "pairs", "condition-table").click()
    assert page.violations() == []
    assert page.requests == [page_path.as_uri()]
    assert page.errors == []


def test_each_contrast_has_a_row_with_the_numbers_and_the_sentence_of_its_page(
    show: Show, run: Run, page_path: Path
) -> None:
    page = show(page_path)
    assert page.rows("contrast-table") == ["qa - tags, typos", "qa - tags"]
    row = page.tab.locator("#contrast-table tbody tr").first
    table = contrast_table(load(run.url))
    estimate = 100 * table["estimate"][0]
    cells = row.locator("td").evaluate_all("all => all.map(td => td.innerText)")
    assert cells[0].split() == ["robustness", "Is", "qa", "better?"]
    assert cells[1].split() == [f"+{estimate:.1f}", "points"]
    assert cells[2] == f"+{100 * table['low'][0]:.1f} to +{100 * table['high'][0]:.1f}"
    assert cells[4] == "3"
    assert cells[-1].startswith(f"qa - tags, typos: +{estimate:.1f} points, differs from 0 (corrected p ")
    assert "Claim (tiny): qa is better." in page.tab.locator("#claims").inner_text()


def test_contrasts_are_sorted_by_a_column_and_filtered_by_family(show: Show, page_path: Path) -> None:
    page = show(page_path)
    page.tab.locator("#contrast-table thead button", has_text="estimate").click()
    assert page.rows("contrast-table") == ["qa - tags, typos", "qa - tags"]
    page.tab.locator("#contrast-table thead button", has_text="estimate").click()
    assert page.rows("contrast-table") == ["qa - tags", "qa - tags, typos"]
    page.tab.select_option("#contrast-family", "clean")
    assert page.rows("contrast-table") == ["qa - tags"]


def test_the_rows_of_contrasts_are_reached_with_arrow_keys(show: Show, page_path: Path) -> None:
    page = show(page_path)
    assert page.tab.locator("#contrast-table [tabindex='0']").count() == 1
    page.tab.locator("#contrast-table tbody th").first.focus()
    page.tab.keyboard.press("ArrowDown")
    page.tab.keyboard.press("End")
    assert page.tab.evaluate("document.activeElement.innerText").startswith("qa - tags: ")


def test_drops_are_shown_by_recipe_and_language_with_both_scores(show: Show, run: Run, page_path: Path) -> None:
    page = show(page_path)
    heads = page.tab.locator("#condition-table thead button").all_inner_texts()
    assert heads == ["recipe", "mean", "en", "de"]
    assert page.rows("condition-table") == list(SCORES)
    table = robustness(load(run.url)).set_index(["recipe", "condition", "language"])
    drop = table.loc[("tags", "typos", "mean")]
    shown = page.cell("tags", "pairs", "condition-table").inner_text().splitlines()
    assert shown[0].startswith(f"{100 * drop['drop']:.1f}")
    assert f"{100 * drop['clean']:.1f} → {100 * drop['score']:.1f}" in shown
    page.tab.select_option("#condition", "bare")
    page.tab.select_option("#measure", "score")
    bare = table.loc[("tags", "bare", "mean")]
    text = page.cell("tags", "pairs", "condition-table").inner_text()
    assert text.startswith(f"{100 * bare['score']:.1f}")


def test_the_details_of_a_cell_have_its_scores_under_all_conditions(show: Show, page_path: Path) -> None:
    page = show(page_path)
    page.cell("baseline", "pairs", "condition-table").focus()
    page.tab.keyboard.press("ArrowDown")
    assert page.focused() == ("tags", "pairs")
    page.tab.keyboard.press("Enter")
    details = page.tab.locator("#details table", has_text="Scores under conditions")
    assert details.locator("tbody th").all_inner_texts() == ["typos"] * 3 + ["bare"] * 3
    page.tab.keyboard.press("Escape")
    assert page.focused() == ("tags", "pairs")


def test_contrasts_and_conditions_are_copied_as_csv_and_as_latex(show: Show, page_path: Path) -> None:
    page = show(page_path, permissions=["clipboard-read", "clipboard-write"])
    assert copied(page, "csv", "contrasts").splitlines()[1].startswith('robustness,"qa - tags, typos",')
    latex = copied(page, "latex", "contrasts")
    assert latex.splitlines()[1:3] == ["\\begin{tabular}{lrlr}", "\\toprule"]
    assert "qa - tags, typos & $" in latex
    lines = copied(page, "csv", "conditions").splitlines()
    assert lines[0] == "recipe,mean,mean half width,en,en half width,de,de half width"
    assert [line.split(",")[0] for line in lines[1:]] == list(SCORES)
    assert "tags & $" in copied(page, "latex", "conditions")
    # The message is beside the button.
    assert page.tab.locator("#conditions #status").inner_text() == "Copied the scores under the condition as LaTeX."


def copied(page: Opened, form: str, name: str) -> str:
    """The text that a button copies."""
    page.tab.locator(f"#copy-{form}-{name}").click()
    label = "CSV" if form == "csv" else "LaTeX"
    page.tab.wait_for_function(f"() => document.querySelector('#{name} #status')?.textContent.includes('{label}')")
    return str(page.tab.evaluate("navigator.clipboard.readText()"))


def test_a_page_without_contrasts_and_conditions_has_no_sections_for_them(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    assert page.tab.locator("#contrasts").is_hidden()
    assert page.tab.locator("#conditions").is_hidden()


def test_a_page_with_too_many_scores_has_the_means_over_languages_only(
    show: Show, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "MOST_ROWS", 5)
    data = load(run.url)
    source = PageSource(data=data, results=results_of_run(data), conditions=robustness(data), run=run.url)
    (tmp_path / "report.html").write_bytes(page_files(source)["report.html"])
    page = show(tmp_path / "report.html")
    assert page.tab.locator("#condition-table thead button").all_inner_texts() == ["recipe", "mean"]
    assert "each language is in robustness.csv" in page.tab.locator("#condition-table caption").inner_text()
    assert page.errors == []


def test_the_live_page_has_the_contrasts_and_conditions_of_the_report(run: Run, page_path: Path) -> None:
    live = LiveRun(run.url)
    live.update()
    assert live.latest.data is not None
    shown, written = json.loads(live.latest.data), json.loads((page_path.parent / "report.json").read_text())
    assert shown["contrasts"] == written["contrasts"]
    assert shown["claims"] == written["claims"]
    assert shown["models"] == written["models"]
