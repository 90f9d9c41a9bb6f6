"""The page of a run in a browser: it makes no request, and works with the keyboard, in light and in dark."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.page.data import PageSource
from analysis.page.page import page_files
from analysis.results.load import load
from analysis.results.results import results_of_run
from sweeper.space import Search
from tests.analysis.conftest import SPACE, _empty_run
from tests.page.conftest import STRANGE, Opened

Show = Callable[..., Opened]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_requests_no_errors_and_no_serious_violations_of_accessibility(
    show: Show, strange_page: Path, scheme: str
) -> None:
    page = show(strange_page, color_scheme=scheme)
    page.cell("small_nli", "tags").click()
    assert page.violations() == []
    assert page.requests == [strange_page.as_uri()]
    assert page.errors == []


def test_names_are_shown_as_they_are_and_never_read_as_html(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    assert STRANGE in page.rows()
    assert page.tab.locator("#matrix b, #failures i").count() == 0
    assert "</script><i>nan</i>" in page.tab.locator("#failures").inner_text()


def test_the_matrix_is_a_table_whose_cells_have_row_and_column_headers(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    heads = page.tab.locator("#matrix thead th").evaluate_all("all => all.map(th => th.scope)")
    rows = page.tab.locator("#matrix tbody th").evaluate_all("all => all.map(th => th.scope)")
    assert set(heads) == {"col"}
    assert rows == ["row"] * 5
    # small_nli gains 10 and 20 points on tags, in both languages.
    assert page.cell("small_nli", "tags").inner_text().startswith("+15.0")
    assert page.cell("baseline", "tags").inner_text().startswith("50.0")


def test_a_header_sorts_the_rows_by_its_column_in_both_directions(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    head = page.tab.locator("#matrix thead th", has_text="tags")
    head.locator("button").click()
    assert page.rows() == ["baseline", "small_nli", STRANGE, "middle_qa", "large_nli"]
    assert head.get_attribute("aria-sort") == "descending"
    page.tab.locator("#matrix thead th", has_text="tags").locator("button").click()
    assert page.rows() == ["baseline", "large_nli", "middle_qa", STRANGE, "small_nli"]


def test_every_cell_is_reached_with_arrow_keys_and_shows_its_details(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    assert page.tab.locator("#matrix [tabindex='0']").count() == 1
    page.cell("baseline", "tags").focus()
    page.tab.keyboard.press("ArrowDown")
    assert page.focused() == ("small_nli", "tags")
    page.tab.keyboard.press("ArrowRight")
    assert page.focused() == ("small_nli", "pairs")
    page.tab.keyboard.press("Enter")
    details = page.tab.locator("#details").inner_text()
    assert "small_nli on pairs" in details
    assert "sweeper trial" in details
    assert "seed 2" in details
    assert "100 in each of 2 languages" in details
    page.tab.keyboard.press("Escape")
    assert page.focused() == ("small_nli", "pairs")
    assert not page.tab.locator("#details").is_visible()


def test_a_language_filters_the_matrix(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    page.tab.select_option("#language", "de")
    assert page.cell("baseline", "tags").inner_text().startswith("40.0")
    assert page.cell("large_nli", "tags").inner_text().startswith("−10.0")


def test_a_family_filters_the_languages(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    page.tab.select_option("#target", "search")
    assert page.rows("languages") == ["de", "fr"]
    page.tab.select_option("#family", "Indo-European: Romance")
    assert page.rows("languages") == ["fr"]
    page.tab.select_option("#language", "fr")
    assert page.cell("baseline", "search").inner_text().startswith("10.0")


def test_the_legend_explains_the_signs_that_occur_and_no_others(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    legend = page.tab.locator("#legend").inner_text()
    assert "bold: its 95 % interval excludes 0." in legend
    signs = set("†§°*") & set("".join(page.tab.locator("#matrix td .number").all_inner_texts()))
    assert signs == set("†§°*") & set(legend)


def test_the_switch_for_certainty_shows_the_colours_of_unsettled_gains(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    cell = page.tab.locator("#matrix td.unsettled.gain").first
    colour = "cell => getComputedStyle(cell).backgroundColor"
    faded = cell.evaluate(colour)
    page.tab.locator("#fade").uncheck()
    assert page.tab.locator("#matrix td.unsettled.gain").first.evaluate(colour) != faded


def test_the_theme_can_be_chosen(show: Show, strange_page: Path) -> None:
    page = show(strange_page, color_scheme="light")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert page.tab.evaluate(ground) == "rgb(255, 255, 255)"
    page.tab.select_option("#theme", "dark")
    assert page.tab.evaluate(ground) == "rgb(21, 24, 28)"


def test_the_matrix_is_copied_as_csv_and_as_latex(show: Show, strange_page: Path) -> None:
    page = show(strange_page, permissions=["clipboard-read", "clipboard-write"])
    page.tab.locator("#copy-csv-matrix").click()
    page.tab.wait_for_function("() => document.getElementById('status').textContent.includes('CSV')")
    lines = page.tab.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].startswith("recipe,tags,tags half width,pairs")
    assert lines[1].startswith("baseline (score),")
    assert lines[2].startswith("small_nli,15.00,")
    assert lines[-1].startswith('"<b>x | $a_b$ & ""c""",')
    page.tab.locator("#copy-latex-matrix").click()
    page.tab.wait_for_function("() => document.getElementById('status').textContent.includes('LaTeX')")
    latex = page.tab.evaluate("navigator.clipboard.readText()")
    assert latex.startswith("% gain in points +- half width of the 95 % interval")
    assert r"\textless{}b\textgreater{}x \textbar{} \$a\_b\$ \& " in latex
    assert re.search(r"small\\_nli & \$\S*\+15\.0", latex)


def test_a_run_without_a_baseline_shows_scores_and_says_why(show: Show, tmp_path: Path) -> None:
    run = _empty_run(tmp_path, recipes=SPACE.recipes[1:3], search=Search(scope="cell"))
    run.cell("small_nli", "tags", 1, {"en": 0.5, "de": 0.3})
    data = load(run.url)
    source = PageSource(data=data, results=results_of_run(data), run=run.url)
    (tmp_path / "report.html").write_bytes(page_files(source)["report.html"])
    page = show(tmp_path / "report.html")
    assert page.cell("small_nli", "tags").inner_text().startswith("40.0")
    assert "no baseline" in page.tab.locator("#matrix caption").inner_text()
    assert page.errors == []


def test_the_search_is_drawn_with_the_chosen_trial(show: Show, strange_page: Path) -> None:
    page = show(strange_page)
    label = page.tab.locator("#searches svg").first.get_attribute("aria-label")
    assert label == (
        "baseline → tags: selection value against learning_rate, 2 trials, chosen learning_rate = 0.001, "
        "selection value 60.0"
    )


def test_best_recipes_are_a_table_with_the_size_of_each_set_and_missing_tables_say_why(
    show: Show, strange_page: Path
) -> None:
    model = json.loads((strange_page.parent / "report.json").read_text())["models"][0]
    best = pd.DataFrame(model["best"])
    page = show(strange_page)
    rows = page.tab.locator("#best tbody tr").evaluate_all("all => all.map(tr => tr.innerText.split('\\t'))")
    assert [row[0] for row in rows] == best["target"].tolist()
    assert rows[0][1] == ", ".join(best["recipes"][0])
    assert rows[0][2] == f"{len(best['recipes'][0])} of {best['num_rows'][0]}"
    assert page.tab.locator("#correlations table").count() == page.tab.locator("#predictors table").count() == 0
    assert page.tab.locator("#correlations p").last.inner_text() == model["notes"][-1]
    assert page.tab.locator("#predictors").is_hidden()


def test_a_narrow_window_scrolls_tables_and_not_the_page(show: Show, strange_page: Path) -> None:
    page = show(strange_page, viewport={"width": 390, "height": 800})
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_data_of_the_page_are_tables_that_pandas_reads(strange_page: Path) -> None:
    data = json.loads((strange_page.parent / "report.json").read_text())
    cell = next(
        cell for cell in data["models"][0]["cells"] if (cell["recipe"], cell["target"]) == ("small_nli", "tags")
    )
    languages = pd.DataFrame(cell["languages"]).set_index("language")
    assert cell["gain"] == pytest.approx(0.15)
    assert languages.loc["de", "score"] == pytest.approx(0.55)
    assert len(pd.DataFrame(data["trials"])) == len(data["trials"]["key"]) > 20
