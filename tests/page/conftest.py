"""A browser for the tests of pages, and the pages of small runs. Without a browser, the tests are skipped."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from analysis.page.data import PageSource
from analysis.page.page import page_files
from analysis.results.load import load
from analysis.results.results import results_of_run
from sweeper.space import Recipe, Space, Stage
from tests.analysis.conftest import SPACE, Run, _empty_run, fill

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
STRANGE = '<b>x | $a_b$ & "c"'
"""The name of a recipe with characters of HTML, Markdown, LaTeX and CSV."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page in a tab of its own, with everything that a test of a page must not find."""

    tab: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def cell(self, recipe: str, target: str, grid: str = "matrix") -> Any:
        return self.tab.locator(f"#{grid} td[data-recipe='{recipe}'][data-target='{target}']").first

    def rows(self, grid: str = "matrix") -> list[str]:
        names = self.tab.locator(f"#{grid} tbody th").evaluate_all("all => all.map(th => th.firstChild.textContent)")
        return [str(name) for name in names]

    def focused(self) -> tuple[str, str]:
        """Recipe and target of the cell that has the focus."""
        data = self.tab.evaluate("() => ({...document.activeElement.dataset})")
        return data.get("recipe", ""), data.get("target", "")

    def violations(self) -> list[tuple[str, str]]:
        """Serious violations of accessibility: the rule, and the first element. Skips without axe."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        found = axe.run(self.tab).response["violations"]
        return [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")]


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Opened]]:
    """A function that opens a file or an address, with options of the tab such as `color_scheme`."""
    contexts = []

    def open_page(address: Path | str, **options: Any) -> Opened:
        context = browser.new_context(**options)
        contexts.append(context)
        page = Opened(context.new_page())
        page.tab.on("request", lambda request: page.requests.append(request.url))
        page.tab.on("console", lambda text: page.errors.append(text.text) if text.type == "error" else None)
        page.tab.on("pageerror", lambda error: page.errors.append(str(error)))
        page.tab.goto(address.as_uri() if isinstance(address, Path) else address)
        page.tab.wait_for_selector("#matrix td")
        return page

    yield open_page
    for context in contexts:
        context.close()


def space_with_a_strange_name() -> Space:
    return replace(
        SPACE, recipes=(*SPACE.recipes, Recipe(name=STRANGE, stages=(Stage(tasks=("middle_qa", "small_nli")),)))
    )


@pytest.fixture(scope="session")
def strange_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with all cells, a recipe with a strange name, a failed trial and a search."""
    run = fill(_empty_run(tmp_path_factory.mktemp("page"), recipes=space_with_a_strange_name().recipes))
    for seed in (1, 2):
        run.cell(STRANGE, "tags", seed, {"en": 0.70, "de": 0.45 + 0.01 * seed})
    run.trained(STRANGE, "small_nli", seed=1, state="failed", reason="The loss is </script><i>nan</i>.")
    for number, rate in enumerate((1e-4, 1e-3)):
        run.trained(
            "baseline",
            "tags",
            seed=0,
            role="search",
            study="s",
            number=number,
            dials={"learning_rate": rate},
            value=0.5 + number / 10,
        )
    return run


@pytest.fixture(scope="session")
def strange_page(strange_run: Run) -> Path:
    """The path of the report.html of that run; report.json is beside it."""
    data = load(strange_run.url)
    source = PageSource(data=data, results=results_of_run(data), run=strange_run.url)
    folder = Path(strange_run.url, "page")
    folder.mkdir()
    for name, content in page_files(source).items():
        (folder / name).write_bytes(content)
    return folder / "report.html"
