"""The three marks of cells: the same rows, the same items in another language, not zero-shot."""

import csv
from dataclasses import replace

import pytest

from analysis.figures.heatmap import WITHOUT_INTERVAL, matrix_grid, matrix_key
from analysis.figures.languages import language_grids, language_key
from analysis.results.marks import marks_of
from analysis.results.results import compute_results
from sweeper.space import Recipe, Space, Stage
from tests.analysis.conftest import SPACE, TASKS
from tests.analysis.texts import text_report


def in_german(task):
    """The task with parallel German training data."""
    rows = task.train["en"][0]
    return replace(task, train={"en": (rows,), "de": (replace(rows, config="de"),)}, parallel=True)


GERMAN: Space = replace(
    SPACE,
    tasks=tuple(in_german(task) if task.name == "small_nli" else task for task in TASKS),
    recipes=(
        Recipe(name="baseline"),
        Recipe(name="middle_qa", stages=(Stage(tasks=("middle_qa",)),)),
        Recipe(name="small_nli", stages=(Stage(tasks=("small_nli",)),)),
        Recipe(name="german", stages=(Stage(tasks=("small_nli",), languages=("de",)),)),
    ),
    targets=SPACE.targets[:2],
    seeds=(1,),
)
GAINS = {"baseline": (0, 0), "middle_qa": (0.02, 0.02), "small_nli": (0.04, 0.04), "german": (0.06, 0.30)}
"""Recipe -> gain in English and in German, on both targets."""


@pytest.fixture
def run(make_run):
    run = make_run(**vars(GERMAN))
    for recipe, (english, german) in GAINS.items():
        for target in ("tags", "pairs"):
            run.cell(recipe, target, 1, {"en": 0.5 + english, "de": 0.4 + german})
    return run


@pytest.fixture
def results(run):
    return compute_results(run.url)


def test_each_cell_has_the_marks_of_its_data_set_language_and_rows():
    marks = marks_of(GERMAN)
    assert marks.same_rows == {("small_nli", "pairs"): ("small_nli",)}
    assert marks.same_items == {("german", "pairs"): ("small_nli",)}
    assert marks.not_zero_shot == {("german", "tags"): ("de",), ("german", "pairs"): ("de",)}
    assert [marks.signs("german", target) for target in ("tags", "pairs")] == ["°", "§°"]
    assert marks.of_row("german", ["pairs", "tags"]) == "§°"


def test_a_cell_with_the_same_items_is_shown_and_summarised_and_one_with_the_same_rows_is_only_shown(results):
    assert results.matrix.summarised["pairs"].dropna().to_dict() == pytest.approx({"middle_qa": 0.02, "german": 0.18})
    square = matrix_grid(results).squares["german", "pairs"]
    assert (square.text, square.is_hatched) == ("+18.0§°", False)
    square = matrix_grid(results).squares["small_nli", "pairs"]
    assert (square.text, square.is_hatched) == ("+4.0†", True)


def test_a_gain_in_a_language_is_marked_only_if_the_recipe_trains_in_that_language(results):
    grid = language_grids(results)["tags"]
    assert grid.squares["german", "de"].text.endswith("°")
    assert not any("°" in grid.squares[recipe, "en"].text for recipe in grid.rows)
    signs = {
        target: [entry.text[0] for entry in language_key(results, [target]).entries] for target in ("tags", "search")
    }
    assert "°" in signs["tags"] and "°" not in signs["search"]


def test_the_key_of_languages_explains_missing_intervals_where_they_occur(results):
    texts = [entry.text for entry in language_key(results, ["tags"]).entries]
    estimates = results.estimates.assign(low=0.1, note="")
    settled = [entry.text for entry in language_key(replace(results, estimates=estimates), ["tags"]).entries]
    assert WITHOUT_INTERVAL in texts and WITHOUT_INTERVAL not in settled


def test_the_key_explains_each_sign_that_occurs(results):
    signs = [entry.text[0] for entry in matrix_key(results).entries]
    assert [sign for sign in signs if sign in "†§°*¶"] == ["†", "§", "°"]


def test_the_report_and_its_csv_files_name_the_marks(run):
    path = text_report(run.url).path
    text = path.read_text()
    assert "† Same rows: " in text and "small_nli -> pairs (small_nli)" in text
    assert "§ Same items: " in text and "german -> pairs (small_nli)" in text
    assert "° Not zero-shot: " in text and "german -> tags (de); german -> pairs (de)" in text
    assert "| german | +18.0° | +18.0§° |" in text
    with (path.parent / "marks.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["recipe", "target", "mark", "refers to"],
            ["small_nli", "pairs", "same rows", "small_nli"],
            ["german", "pairs", "same items", "small_nli"],
            ["german", "tags", "not zero-shot", "de"],
            ["german", "pairs", "not zero-shot", "de"],
        ]
    with (path.parent / "languages.csv").open() as file:
        rows = {(row["recipe"], row["target"], row["language"]): row for row in csv.DictReader(file)}
    german, small = rows["german", "pairs", "de"], rows["small_nli", "pairs", "de"]
    assert (german["marks"], german["zero_shot"]) == ("same items, not zero-shot", "False")
    assert (small["marks"], small["zero_shot"]) == ("same rows", "True")
    assert {rows[recipe, "tags", "en"]["zero_shot"] for recipe in GAINS} == {"False"}
