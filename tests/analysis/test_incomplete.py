"""Every incomplete ledger has a whole report, which states what it cannot say."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analysis.report.report import write_report
from sweeper.files.folder import Folder
from sweeper.space import Model, Search
from tests.analysis.conftest import SPACE
from tests.analysis.texts import text_report

FILES = {
    *("report.md", "appendix.md", "methods.md", "report.html", "report.json"),
    *(f"{name}.csv" for name in ("marks", "trials", "cells", "languages", "seeds", "means", "best", "correlations")),
    *("english.csv", "predictors.csv"),
    *(f"tables/{name}.tex" for name in ("gains", "scores", "means")),
    *(f"heatmap{size}.{ending}" for size in ("", "-column", "-slide") for ending in ("pdf", "png", "svg")),
}
SCORES = {"baseline": 0.5, "small_nli": 0.6, "middle_qa": 0.45}


def fill(run, seeds=(1, 2), languages=("en", "de"), recipes=tuple(SCORES)):
    """Score recipes on `tags`; the gains differ between seeds."""
    for seed in seeds:
        for recipe in recipes:
            score = SCORES[recipe] * (1 + seed / 50)
            run.cell(recipe, "tags", seed, dict.fromkeys(languages, score))


def failures_only(run):
    for seed in (1, 2):
        run.trained("baseline", "tags", seed, state="failed", reason="The disk is full.")


def half_finished(run):
    fill(run, seeds=(1,))
    fill(run, seeds=(2,), recipes=("baseline",))


def without_outcomes(run):
    fill(run)
    for file in (Path(run.url) / "ledger" / "outcomes").glob("*"):
        file.unlink()


def unequal_seeds(run):
    fill(run, seeds=(1, 2, 3), recipes=("baseline", "small_nli"))
    fill(run, seeds=(1, 3), recipes=("middle_qa",))


def baseline_without_a_seed(run):
    run.scored(run.trained("baseline"), "search", {"de": 0.30, "fr": 0.10}, seed=None)


def damaged(run):
    fill(run, seeds=range(1, 21))
    Folder(run.url).write("ledger/scores/0000.json", b'{"key": "00')


@dataclass(frozen=True)
class Case:
    """A ledger, and sentences of its report."""

    fill: object
    sentences: tuple[str, ...]
    changes: dict[str, object] = field(default_factory=dict)
    methods: str = ""


CASES = {
    "empty": Case(
        lambda run: None,
        ("the run has no dev score of a replicate. Its ledger has 0 trainings.", "6 of 6 cells have no score"),
        methods="none of them has a score yet",
    ),
    "only failures": Case(
        failures_only,
        ("2 of them failed; the first reason is: The disk is full.", "- 2 trainings failed; the [appendix]"),
    ),
    "only a baseline without a seed": Case(
        baseline_without_a_seed,
        ("There is no gain yet: no cell has a score and one of the baseline with the same seed.",),
        {"targets": SPACE.targets[2:]},
    ),
    "half finished": Case(
        half_finished,
        ("No gain can be tested: one seed", "small_nli -> tags (1 of 2 seeds)", "3 of 6 cells have no score"),
        methods="No gain has an interval.",
    ),
    "one seed": Case(
        lambda run: fill(run, seeds=(1,)),
        ("One seed does not show how much scores vary between seeds", "No gain can be tested: one seed does not show"),
        {"seeds": (1,)},
    ),
    "one of three seeds": Case(
        lambda run: fill(run, seeds=(1,)),
        (
            "Only 1 of the 3 seeds that the space asks for have scores",
            "One seed does not show how much scores vary between seeds",
        ),
        {"seeds": (1, 2, 3)},
        methods="repeated with 1 seed (1; the space asks for 3)",
    ),
    "one language": Case(
        lambda run: fill(run, languages=("en",)),
        ("Scores are in one language (en), so that nothing is known about other languages.",),
    ),
    "no baseline": Case(
        lambda run: fill(run, recipes=("small_nli", "middle_qa")),
        ("The space has no baseline, so that no gain can be computed.", "only scores can be compared"),
        {"recipes": SPACE.recipes[1:], "search": Search(scope="cell", trials=1)},
        methods="Without a baseline, there is no gain",
    ),
    "no outcomes": Case(
        without_outcomes,
        ("Intervals on tags are about new seeds only, because outcomes of items are missing.",),
    ),
    "two models": Case(
        fill,
        ("**other**", "There is no gain yet: no cell has a score and one of the baseline with the same seed."),
        {"models": (*SPACE.models, Model(name="other", id="tests/other"))},
    ),
    "unequal seeds": Case(
        unequal_seeds,
        (
            "Cells without some of the replicate seeds: middle_qa -> tags (2 of 3 seeds).",
            "1 further cell cannot be tested: seeds of the cell or of its reference are missing.",
        ),
        {"seeds": (1, 2, 3)},
    ),
    "one damaged record": Case(
        damaged,
        ("Left out because it cannot be read: ", "scores/0000.json is not JSON", "Of 2 cells, 1 gain and 1 loss"),
        {"seeds": tuple(range(1, 21))},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_incomplete_ledger_has_a_whole_report_that_states_what_is_missing(make_run, name):
    case = CASES[name]
    space = {"targets": SPACE.targets[:2], "recipes": tuple(SPACE.recipes[number] for number in (0, 1, 3))}
    run = make_run(**{**space, **case.changes})
    case.fill(run)
    report = write_report(run.url)
    folder = report.path.parent
    written = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert written >= FILES
    text = report.path.read_text()
    for sentence in case.sentences:
        assert sentence in text
    methods = (folder / "methods.md").read_text()
    assert case.methods in methods
    assert "nan" not in text + methods + (folder / "appendix.md").read_text()
    for file in folder.rglob("*.csv"):
        assert len(file.read_text().splitlines()[0].split(",")) > 2, f"{file.name} has no header"
    names = [model.name for model in run.space.models]
    assert [model["model"] for model in json.loads((folder / "report.json").read_text())["models"]] == names


def test_a_report_of_an_unfinished_run_says_that_the_last_seeds_are_missing(make_run):
    run = make_run(seeds=(1, 2, 3), targets=SPACE.targets[:1])
    fill(run)
    text = text_report(run.url).path.read_text()
    assert "No gain can be tested: seeds of the cell or of its reference are missing." in text
    assert "With two seeds, intervals are wide" in text
