"""The comparison of two runs or models, from hand-made ledgers."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.__main__ import main
from analysis.report.compare import compare_runs
from analysis.report.findings import damage_notes
from analysis.report.gains import item_notes
from analysis.results.compare import compare
from analysis.results.contrasts import contrast_table
from analysis.results.load import load
from analysis.results.paired import Side, _joined, paired_cells, paired_differences
from analysis.results.results import compute_results
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.spec import DataSpec, ScoreSpec
from sweeper.space import Contrast, Model, Term

FIRST = {"baseline": (0.50, 0.52, 0.49), "small_nli": (0.60, 0.61, 0.62)}
SECOND = {"baseline": (0.55, 0.56, 0.54), "small_nli": (0.75, 0.77, 0.70), "middle_qa": (0.5, 0.5, 0.6)}


def filled(run, scores, model="tiny"):
    for recipe, values in scores.items():
        for seed, value in enumerate(values, 1):
            # The key of a hand-made score does not contain its model.
            by_language = dict.fromkeys(("en", "de") if model == "tiny" else ("en",), value)
            run.scored(run.trained(recipe, "tags", seed), "tags", by_language, model=model)
    return run


@pytest.fixture
def runs(make_run):
    return filled(make_run("first", seeds=(1, 2, 3)), FIRST), filled(make_run("second", seeds=(1, 2, 3)), SECOND)


def test_the_difference_of_gains_adds_the_variances_of_both(runs):
    first, second = (compute_results(run.url) for run in runs)
    cells = compare(first, second).cells.set_index("recipe")
    row = cells.loc["small_nli"]
    gains = [np.array(scores["small_nli"]) - np.array(scores["baseline"]) for scores in (FIRST, SECOND)]
    assert row["gain_difference"] == pytest.approx(gains[1].mean() - gains[0].mean())
    expected = stats.ttest_ind(gains[1], gains[0], equal_var=False).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))


def test_the_difference_of_scores_has_the_interval_of_welch(runs):
    first, second = (compute_results(run.url) for run in runs)
    row = compare(first, second).cells.set_index("recipe").loc["baseline"]
    expected = stats.ttest_ind(SECOND["baseline"], FIRST["baseline"], equal_var=False).confidence_interval()
    assert (row["score_low"], row["score_high"]) == pytest.approx((expected.low, expected.high))
    assert np.isnan(row["gain_difference"])


def test_what_only_one_run_has_is_named_and_the_table_is_written(runs, tmp_path, capsys):
    path = tmp_path / "compared.csv"
    assert main(["compare", runs[0].url, runs[1].url, "--out", str(path)]) == 0
    text = capsys.readouterr().out
    assert "Only b has: middle_qa." in text
    assert "| small_nli | tags | 61.0 | 74.0 | +13.0 ±" in text
    with path.open() as file:
        rows = {row["recipe"]: row for row in csv.DictReader(file)}
    assert float(rows["small_nli"]["score_difference"]) == pytest.approx(13.0)


def test_a_comparison_names_splits_seeds_and_what_q_tests_and_counts_the_gains_that_differ(runs):
    text = compare_runs([run.url for run in runs])
    assert f"a: {runs[0].url} (tiny, dev split, 3 seeds)" in text
    assert "of 1 gains differ (q < 0.05; q tests gain b - gain a" in text
    assert "Intervals treat a and b as independent; they are too wide if both used the same seeds and items." in text
    (line,) = (line for line in text.splitlines() if line.startswith("| small_nli"))
    assert 0 < float(line.rstrip("| ").split("| ")[-1]) < 1


def test_a_run_is_not_compared_with_itself(runs):
    for same in (runs[0].url, f"{runs[0].url}/", f"{runs[0].url}/../{runs[0].url.rsplit('/')[-1]}"):
        with pytest.raises(UserError, match="no run differs from itself"):
            compare_runs([runs[0].url, same])


def test_two_models_of_one_run_are_compared(runs):
    run = runs[0]
    models = (*run.space.models, Model(name="other", id="tests/other"))
    Folder(run.url).write("space.json", write_json(replace(run.space, models=models)))
    filled(run, {"baseline": (0.7, 0.7, 0.7)}, model="other")
    assert "| baseline | tags | 50.3 | 70.0 | +19.7 ±" in compare_runs([run.url], ["tiny", "other"])
    Folder(run.url).write("ledger/scores/bad.json", b"{")
    (note,) = damage_notes(load(run.url))
    for names in ([run.url], [run.url, f"{run.url}/"]):
        lines = compare_runs(names, ["tiny", "other"]).splitlines()
        assert [line for line in lines if "scores/bad.json" in line] == [note]


def test_what_cannot_be_compared_is_refused(runs, make_run, capsys):
    with pytest.raises(UserError, match="needs two runs, or one run and two models"):
        compare_runs([runs[0].url])
    space = runs[0].space
    recipes = (replace(space.recipes[3], name="odd"),)
    other = make_run("other", recipes=recipes, seeds=(1, 2, 3), search=replace(space.search, scope="cell"))
    filled(other, {"odd": (0.1, 0.2, 0.3)})
    with pytest.raises(UserError, match=r"no cell in common\. The first has the recipes baseline, small_nli"):
        compare_runs([runs[0].url, other.url])
    assert main(["compare", "nowhere", runs[0].url]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_a_smaller_loss_is_a_positive_difference_of_scores(make_run):
    tasks = tuple(
        replace(task, format="mlm", scorer="loss") if task.name == "tags" else task for task in make_run().space.tasks
    )
    runs = [make_run(name, tasks=tasks, seeds=(1, 2, 3)) for name in ("worse", "better")]
    for run, offset in zip(runs, (1.0, 0.0), strict=True):
        filled(run, {"baseline": (2.0 + offset, 2.1 + offset, 2.05 + offset)})
    (row,) = compare(*(compute_results(run.url) for run in runs)).cells.itertuples()
    assert (row.score_a, row.score_b) == pytest.approx((3.05, 2.05))
    assert row.score_difference == pytest.approx(1.0)
    assert row.score_low < 1.0 < row.score_high


def test_a_cell_that_lacks_seeds_in_one_run_has_no_corrected_p(make_run):
    runs = [make_run(name, seeds=(1, 2, 3)) for name in ("whole", "half")]
    filled(runs[0], FIRST)
    filled(runs[1], {name: values[:2] for name, values in FIRST.items()})
    cells = compare(*(compute_results(run.url) for run in runs)).cells.set_index("recipe")
    assert not np.isnan(cells.loc["small_nli", "p"]) and np.isnan(cells.loc["small_nli", "q"])


def with_items(run, recipe_scores, ids=range(8)):
    """Write scores with outcomes: for each recipe and seed, the digits say which example is correct."""
    for recipe, seeds in recipe_scores.items():
        for seed, digits in enumerate(seeds, 1):
            correct = [int(digit) for digit in digits]
            names = [str(number) for number in list(ids)[: len(correct)]]
            table = pd.DataFrame({"language": "en", "example": names, "group": names, "correct": correct})
            training = run.trained(recipe, "small_nli", seed)
            run.scored(training, "pairs", {"en": float(np.mean(correct))}, table=table)
    return run


# Both runs find the same examples difficult.
EASY = {"baseline": ("11100000", "11110000", "11010000"), "middle_qa": ("11110010", "11110100", "11111000")}
EASIER = {"baseline": ("11110000", "11110100", "11011000"), "middle_qa": ("11111110", "11111100", "11111010")}


def paired_runs(make_run, ids=range(8)):
    first = with_items(make_run("first", seeds=(1, 2, 3)), EASY)
    return first, with_items(make_run("second", seeds=(1, 2, 3)), EASIER, ids)


def test_cells_with_the_same_items_and_seeds_are_paired_as_a_contrast_of_two_models(make_run):
    runs = paired_runs(make_run)
    data = [load(run.url) for run in runs]
    first, second = (Side(each, "tiny") for each in data)
    assert paired_cells(first, second) == {("baseline", "pairs"), ("middle_qa", "pairs")}
    table = paired_differences(first, second, "baseline").set_index(["recipe", "of"])
    # The same scores as two models of one run.
    models = (replace(runs[0].space.models[0], name="tiny"), Model(name="other", id="tests/other"))
    one = make_run("one", seeds=(1, 2, 3), models=models)
    for run, name in zip(runs, ("tiny", "other"), strict=True):
        # The key of a hand-made score does not contain its model.
        dials = {"learning_rate": 1e-5 if name == "other" else 2e-5}
        for score in load(run.url).cell_scores:
            training = one.trained(score.recipe, "small_nli", score.seed, dials=dials)
            outcomes = run.ledger.outcomes(score)
            one.scored(training, "pairs", {"en": score.metrics["en"]["accuracy"]}, table=outcomes, model=name)
    terms = (Term(model="other", recipe="middle_qa"), Term(model="tiny", recipe="middle_qa", weight=-1.0))
    contrast = Contrast(name="c", terms=terms, targets=("pairs",))
    expected = contrast_table(load(one.url), [contrast]).iloc[0]
    assert table.loc[("middle_qa", "score"), ["low", "high"]].tolist() == pytest.approx(
        expected[["low", "high"]].tolist()
    )


def test_equal_scores_of_the_same_items_have_no_interval(make_run):
    runs = [with_items(make_run(name, seeds=(1, 2, 3)), EASY) for name in ("first", "second")]
    table = paired_differences(*(Side(load(run.url), "tiny") for run in runs), "baseline")
    assert len(table) == 3
    assert table[["low", "high", "p"]].isna().all(axis=None)


def test_a_paired_comparison_says_so_and_has_the_paired_intervals(make_run):
    runs = paired_runs(make_run)
    text = compare_runs([run.url for run in runs])
    assert (
        "Paired on the same seeds and items: 2 of 2 scores and 1 of 1 gains. Their intervals are those of con" in text
    )
    results = [compute_results(run.url) for run in runs]
    sides = [Side(load(run.url), "tiny") for run in runs]
    alone = compare(*results).cells.set_index("recipe").loc["middle_qa"]
    cells = compare(*results, paired_differences(*sides, "baseline")).cells.set_index("recipe")
    paired = cells.loc["middle_qa"]
    assert paired["score_difference"] == pytest.approx(alone["score_difference"])
    assert (paired["score_low"], paired["score_high"]) != pytest.approx((alone["score_low"], alone["score_high"]))
    assert cells["is_score_paired"].all() and paired["is_gain_paired"]


@pytest.mark.parametrize("change", ["items", "seeds", "number"])
def test_other_items_or_seeds_are_not_paired(make_run, change):
    if change == "items":
        runs = paired_runs(make_run, ids=range(3, 11))
    else:
        runs = [with_items(make_run("first", seeds=(1, 2, 3)), EASY)]
        short = {
            recipe: seeds[:2] if change == "seeds" else tuple(digits[:6] for digits in seeds)
            for recipe, seeds in EASIER.items()
        }
        runs.append(with_items(make_run("second", seeds=(1, 2, 3)), short))
    if change == "number":
        records = [replace(score, counts={"en": 6}) for score in load(runs[1].url).cell_scores]
        second = Side(replace(load(runs[1].url), cell_scores=tuple(records)), "tiny")
    else:
        second = Side(load(runs[1].url), "tiny")
    assert paired_cells(Side(load(runs[0].url), "tiny"), second) == set()
    assert "Intervals treat a and b as independent" in compare_runs([run.url for run in runs])


@pytest.mark.parametrize("identity", ["of one version", "of another version"])
def test_two_versions_of_a_data_set_whose_ids_are_numbers_of_rows_are_not_paired(make_run, identity):
    sides = [
        evaluated_on(Side(load(run.url), "tiny"), version)
        for run, version in zip(paired_runs(make_run), ("of one version", identity), strict=True)
    ]
    assert bool(paired_cells(*sides)) == (identity == "of one version")


def evaluated_on(side, identity):
    """The same scores, with this identity of the evaluation data in the specs of their trainings."""
    data = DataSpec(task="pairs", part="dev", languages=("en",), max_length=8, stride=4, identity=identity)
    scores = (ScoreSpec(target="pairs", split="dev", data=data),)
    trainings = [replace(each, spec=replace(each.spec, scores=scores)) for each in side.data.trainings]
    return replace(side, data=replace(side.data, trainings=tuple(trainings)))


def test_outcomes_that_the_file_system_does_not_return_in_a_comparison_are_noted(make_run):
    first, second = (Side(load(run.url), "tiny") for run in paired_runs(make_run))
    first.data.unread.add("outcomes/a.parquet")
    assert "outcomes/a.parquet" in _joined(first, second).unread


def test_a_comparison_says_what_could_not_be_read_in_the_sentences_of_the_reports(make_run):
    runs = paired_runs(make_run)
    assert "cannot be read" not in compare_runs([run.url for run in runs])
    assert "are missing" not in compare_runs([run.url for run in runs])
    for score in load(runs[1].url).cell_scores:
        if score.recipe == "middle_qa":
            Path(runs[1].url, "ledger", score.outcomes).write_bytes(b"PAR1")
    Folder(runs[1].url).write("ledger/scores/bad.json", b"{")
    lines = compare_runs([run.url for run in runs]).splitlines()
    (of_outcomes,) = item_notes(compute_results(runs[1].url))
    (of_records,) = damage_notes(load(runs[1].url))
    assert lines[-2:] == [f"b: {of_outcomes}", f"b: {of_records}"]
    assert "outcomes of items are missing" in of_outcomes and "scores/bad.json" in of_records
