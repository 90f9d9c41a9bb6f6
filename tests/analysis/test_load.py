"""The records of a ledger that enter the tables, and those that are left out."""

import subprocess
import sys
import uuid
from dataclasses import replace

import pandas as pd
import pytest

from analysis.results.load import COLUMNS, PREDICTOR_COLUMNS, load
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import TrainingRecord, TransferPredictors
from sweeper.records.spec import DataSpec, PredictorSpec
from sweeper.space import Stage, Target

DATA = DataSpec(task="tags", part="train", languages=("en",), max_length=8, stride=4)


def values(data, **where):
    table = data.table
    for column, value in where.items():
        table = table[table[column] == value]
    return {(row.recipe, row.seed, row.language): row.value for row in table.itertuples()}


def test_a_row_of_the_table_is_one_metric_in_one_language_of_one_replicate(make_run):
    run = make_run()
    score = run.cell("baseline", "tags", 1, {"en": 0.6})
    table = load(run.url).table
    assert list(table.columns) == COLUMNS
    row = table.iloc[0].to_dict()
    assert row == {
        "model": "tiny",
        "recipe": "baseline",
        "target": "tags",
        "seed": 1,
        "split": "dev",
        "condition": "clean",
        "language": "en",
        "metric": "f1",
        "value": 0.6,
        "trivial": 0.25,
        "count": 100,
        "main": True,
        "training": score.training,
    }


def test_a_cell_needs_all_stages_of_its_target(make_run):
    run = make_run(targets=(Target(task="tags", before=(Stage(tasks=("middle_qa",)),)),))
    run.cell("baseline", "tags", 1, {"en": 0.6})
    short = make_run("short").trained("baseline", "tags", 2)
    run.ledger.write_training(short)
    run.scored(short, "tags", {"en": 0.9})
    assert values(load(run.url)) == {("baseline", 1, "en"): 0.6}


def test_separately_scored_languages_of_one_training_are_merged(make_run):
    run = make_run()
    training = run.trained("baseline", "tags", 1)
    run.scored(training, "tags", {"en": 0.6})
    run.scored(training, "tags", {"de": 0.4})
    assert values(load(run.url)) == {("baseline", 1, "en"): 0.6, ("baseline", 1, "de"): 0.4}


def test_the_other_split_and_seeds_recipes_and_targets_outside_the_space_are_left_out(make_run):
    run = make_run()
    training = run.trained("baseline", "tags", 1)
    run.scored(training, "tags", {"en": 0.1}, split="test")
    run.scored(training, "tags", {"en": 0.2}, recipe="another")
    run.scored(training, "middle_qa", {"en": 0.3})
    run.scored(training, "tags", {"de": 0.4}, model="another")
    run.cell("baseline", "tags", 7, {"en": 0.5})
    assert load(run.url).table.empty


def test_languages_that_the_target_does_not_name_are_left_out(make_run):
    run = make_run(targets=(Target(task="tags", languages=("de",)),))
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.4})
    assert values(load(run.url)) == {("baseline", 1, "de"): 0.4}


def test_retrieval_with_another_pooling_is_left_out(make_run):
    run = make_run()
    raw = run.trained("baseline")
    run.scored(raw, "search", {"de": 0.3}, seed=None, pooling="cls", layer=14 / 24)
    run.scored(raw, "search", {"fr": 0.1}, seed=None, pooling="mean", layer=14 / 24)
    assert list(load(run.url).table["language"]) == ["fr"]


def test_search_trials_are_not_cells(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6}, role="search", study="s", value=0.9)
    assert load(run.url).table.empty


def search(run, rates):
    for number, (rate, value) in enumerate(rates.items()):
        dials = {"learning_rate": rate}
        run.trained("baseline", "tags", 0, role="search", study="s", number=number, value=value, dials=dials)


def test_only_replicates_with_the_chosen_dials_count(make_run):
    run = make_run()
    search(run, {1e-3: 0.5, 1e-4: 0.7})
    run.cell("baseline", "tags", 1, {"en": 0.1}, study="s", dials={"learning_rate": 1e-3})
    run.cell("baseline", "tags", 1, {"en": 0.6}, study="s", dials={"learning_rate": 1e-4})
    data = load(run.url)
    assert values(data) == {("baseline", 1, "en"): 0.6}
    assert data.num_outdated == 1
    assert data.chosen["s"].spec.dials == {"learning_rate": 1e-4}


def test_the_number_of_trials_in_the_space_limits_the_choice(make_run):
    run = make_run()
    search(run, {1e-3: 0.5, 1e-4: 0.7, 1e-5: 0.9})
    run.cell("baseline", "tags", 1, {"en": 0.6}, study="s", dials={"learning_rate": 1e-4})
    assert values(load(run.url)) == {("baseline", 1, "en"): 0.6}


def test_a_replicate_of_a_study_without_search_records_counts(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6}, study="elsewhere", dials={"learning_rate": 1e-4})
    assert values(load(run.url)) == {("baseline", 1, "en"): 0.6}


def predicted(run, encoder, started, **by_target):
    """Write a record of predictors of the encoder of a preparation: target -> LogME."""
    found = {
        target: TransferPredictors(values={"logme": value}, seconds={"logme": 2.0}, num_rows=8)
        for target, value in by_target.items()
    }
    predictors = tuple(PredictorSpec(target=target, data=DATA) for target in by_target)
    spec = replace(encoder.spec, kind="predict", predictors=predictors)
    record = TrainingRecord(key=spec.key, spec=spec, state="done", predictors=found, machine={"started": started})
    run.ledger.write_training(record)


def test_the_predictors_of_transfer_are_those_of_the_newest_record_of_each_encoder_that_counts(make_run):
    run = make_run(predictors=True)
    run.trained("small_nli", seed=0, role="search", study="p", value=0.5, dials={"learning_rate": 1e-4})
    outdated = run.trained("small_nli", seed=1, study="p", dials={"learning_rate": 1e-3})
    raw, first, unknown_seed = (
        run.trained("baseline"),
        run.trained("middle_qa", seed=2),
        run.trained("middle_qa", seed=9),
    )
    predicted(run, first, "2026-01-01", tags=0.1)
    predicted(run, first, "2026-01-02", tags=0.2, pairs=0.3, elsewhere=0.9)
    for encoder in (outdated, unknown_seed):
        predicted(run, encoder, "2026-01-03", tags=0.9)
    predicted(run, raw, "2026-01-01", tags=0.4)
    data = load(run.url)
    rows = [tuple(row) for row in data.predictors.astype(object).itertuples(index=False)]
    expected = [("baseline", "tags", pd.NA, 0.4), ("middle_qa", "tags", 2, 0.2), ("middle_qa", "pairs", 2, 0.3)]
    assert sorted(map(str, rows)) == sorted(
        str(("tiny", recipe, target, seed, "logme", value, 2.0)) for recipe, target, seed, value in expected
    )
    assert all(record.spec.kind != "predict" for record in data.replicates)
    assert data.num_outdated == 1


def test_a_run_without_predictors_has_an_empty_table_of_them(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6})
    assert list(load(run.url).predictors.columns) == PREDICTOR_COLUMNS
    assert load(run.url).predictors.empty


def test_a_target_on_an_encoder_with_outdated_dials_is_left_out(make_run):
    run = make_run()
    chosen = {"learning_rate": 1e-4}
    run.trained("small_nli", seed=0, role="search", study="p", value=0.5, dials=chosen)
    run.trained("small_nli", seed=1, study="p", dials={"learning_rate": 1e-3})
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    data = load(run.url)
    assert data.table.empty
    assert data.num_outdated == 2


def test_the_dev_score_of_a_prepared_encoder_is_not_a_cell(make_run):
    run = make_run(targets=(Target(task="tags"), Target(task="middle_qa")))
    run.scored(run.trained("middle_qa"), "middle_qa", {"en": 0.26})
    run.cell("middle_qa", "middle_qa", 1, {"en": 0.50})
    data = load(run.url)
    assert list(data.preparation_scores["value"]) == [0.26]
    assert list(data.table["value"]) == [0.50]


def test_two_trainings_of_one_cell_and_seed_are_not_mixed_and_give_a_note(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.4})
    run.cell("baseline", "tags", 1, {"en": 0.9}, dials={"learning_rate": 0.5})
    data = load(run.url)
    assert values(data) == {("baseline", 1, "en"): 0.6, ("baseline", 1, "de"): 0.4}
    assert len(data.notes) == 1 and "tiny/baseline -> tags, seed 1" in data.notes[0]


def test_a_missing_folder_is_refused_with_the_command_that_creates_one(tmp_path):
    with pytest.raises(UserError, match=r"nowhere is not a run folder.*sweeper run"):
        load(str(tmp_path / "nowhere"))


def test_a_folder_without_a_space_is_not_a_run_folder(tmp_path):
    (tmp_path / "file.txt").write_text("something else")
    with pytest.raises(UserError, match=r"is not a run folder: it has no space\.json"):
        load(str(tmp_path))


def test_a_run_folder_without_a_ledger_loads_as_an_empty_table(make_run):
    assert load(make_run().url).table.empty


def test_records_are_read_from_a_remote_file_system(make_run):
    run = replace(make_run(), url=f"memory://{uuid.uuid4()}")
    Folder(run.url).write("space.json", write_json(run.space))
    run.cell("baseline", "tags", 1, {"en": 0.6})
    assert values(load(run.url)) == {("baseline", 1, "en"): 0.6}


def test_the_analysis_loads_no_heavy_library():
    heavy = ("torch", "ray", "transformers", "datasets", "optuna")
    modules = "sys, analysis.report.report, analysis.__main__"
    code = f"import {modules}; print([name for name in {heavy} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_an_outdated_target_training_does_not_exclude_a_preparation_with_the_same_encoder(make_run):
    run = make_run()
    run.trained("baseline", "small_nli", 0, role="search", study="s", value=0.5, dials={"learning_rate": 1e-4})
    outdated = run.trained("baseline", "small_nli", 1, study="s")
    prepared = run.trained("small_nli", seed=1)
    assert outdated.spec.encoder == prepared.spec.encoder
    run.scored(outdated, "pairs", {"en": 0.3})
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    assert values(load(run.url)) == {("small_nli", 1, "en"): 0.6}


def test_of_two_trainings_of_a_cell_the_newest_is_used_for_every_recipe(make_run):
    run = make_run()
    for recipe in ("baseline", "small_nli"):
        for rate, started, value in ((1e-3, "2026-01-01T00:00:00", 0.9), (2e-3, "2026-02-01T00:00:00", 0.5)):
            changes = {"dials": {"learning_rate": rate}, "machine": {"started": started}}
            run.cell(recipe, "tags", 1, {"en": value}, **changes)
    data = load(run.url)
    assert set(data.table["value"]) == {0.5}
    assert len(data.notes) == 2


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_table_has_scores_of_one_split_only(make_run, split):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    run = make_run(evaluate=split, tasks=tasks)
    training = run.trained("baseline", "tags", 1)
    run.scored(training, "tags", {"en": 0.1, "de": 0.2}, split="dev")
    run.scored(training, "tags", {"en": 0.8, "de": 0.9}, split="test")
    data = load(run.url)
    assert set(data.table["split"]) == {split}
    assert {score.split for score in data.cell_scores} == {split}
    assert values(data)["baseline", 1, "en"] == (0.1 if split == "dev" else 0.8)
