"""Scores of a trial: several targets, new languages, encoders without heads, and metrics from outcomes."""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweeper.errors import DataError, TrialError
from sweeper.records.spec import PerturbationSpec, ScoreSpec
from sweeper.scoring.accuracy import accuracy, accuracy_and_f1
from sweeper.scoring.chunks import ChunkCounts, chunk_metrics
from sweeper.scoring.counts import precision_recall_f1
from sweeper.tasks.spec import Rows
from sweeper.training.scores import check_finite
from sweeper.training.trial import run_trial
from tests.worlds import BY_NAME, LANGUAGES, TRAINING, TrialFolders, data, facts, retrieval, score, stage, trial

BASE = ("en",)
POISON = '{"tokens": ["lamps"], "pos_tags": ["poison"]}\n'
LEARNING = replace(TRAINING, cap_examples=100, epochs=6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_fails_the_trial(value: float) -> None:
    with pytest.raises(TrialError, match=rf"The metric f1 on the selection data of words is {value}"):
        check_finite({"accuracy": 0.5, "f1": value}, "the selection data of words")


def test_one_training_gives_a_score_record_for_each_target_that_shares_it(folders: TrialFolders) -> None:
    spec = trial(stage("xquestions"), scores=(score("xquestions"), score("mquestions")))
    bench = folders.bench()
    result = run_trial(spec, bench)
    assert [record.target for record in result.scores] == ["xquestions", "mquestions"]
    assert set(bench.ledger.trainings()) == {spec.key}
    assert {record.key for record in result.scores} == set(bench.ledger.scores())
    assert all(set(record.metrics) == set(LANGUAGES) for record in result.scores)
    assert all(record.training == spec.key for record in result.scores)


def test_a_stored_target_is_not_trained_again_for_a_new_language(private_folders: TrialFolders) -> None:
    spec = trial(stage("words"), scores=(score("words", languages=BASE),), keep=True)
    first = run_trial(spec, private_folders.bench())
    # Any further training would fail on this row.
    shutil.rmtree(private_folders.cache / "encoded")
    (private_folders.world / "datasets" / "demo" / "words" / "draw1" / "train.jsonl").write_text(POISON)
    more = replace(spec, scores=(score("words", languages=("xa", "xg")),))
    with pytest.raises(DataError):
        private_folders.bench().reader(more).encoded(more.chain[0].data[0])
    result = run_trial(more, private_folders.bench())
    assert result.training == first.training
    assert set(result.scores[0].metrics) == {"xa", "xg"}


def test_a_language_added_later_has_the_same_scores(folders: TrialFolders) -> None:
    spec = trial(stage("words"), scores=(score("words", languages=BASE),), keep=True)
    run_trial(spec, folders.bench("late"))
    late = run_trial(replace(spec, scores=(score("words"),)), folders.bench("late"))
    early = run_trial(replace(spec, scores=(score("words"),)), folders.bench("early"))
    assert facts(late)["scores"] == facts(early)["scores"]


def test_the_score_of_the_pretrained_encoder_has_no_seed(folders: TrialFolders) -> None:
    spec = trial(scores=(retrieval("twins"), retrieval("mining")), kind="score", seed=5)
    result = run_trial(spec, folders.bench())
    assert result.training.steps == 0
    assert [record.seed for record in result.scores] == [None, None]
    assert [set(record.metrics) for record in result.scores] == [{"xa", "xg"}] * 2


def test_a_prepared_encoder_is_scored_with_its_trained_weights(folders: TrialFolders) -> None:
    first = stage("parts", training=LEARNING)
    retrieval_score = retrieval("twins")
    retrieval_score = replace(retrieval_score, data=replace(retrieval_score.data, cap_examples=None))
    bench = folders.bench()
    prepared = run_trial(trial(first, kind="prepare", keep=True), bench)
    scored = run_trial(trial(first, scores=(retrieval_score,), kind="score"), bench)
    raw = run_trial(trial(scores=(retrieval_score,), kind="score"), bench)
    assert scored.training == prepared.training
    assert scored.scores[0].seed == 1
    assert scored.scores[0].key != raw.scores[0].key
    assert not bench.ledger.outcomes(scored.scores[0]).equals(bench.ledger.outcomes(raw.scores[0]))


def test_a_score_without_a_training_has_its_time_and_one_after_a_training_does_not(folders: TrialFolders) -> None:
    prepared = trial(stage("claims"), kind="prepare", keep=True)
    bench = folders.bench()
    (after_training,) = run_trial(trial(stage("words"), scores=(score("words"),)), bench).scores
    assert (after_training.timing, after_training.started) == ({}, "")
    run_trial(prepared, bench)
    begin = datetime.now(UTC)
    layers = tuple(replace(retrieval("twins"), layer=layer) for layer in (0.5, 1.0))
    scores = run_trial(trial(stage("claims"), scores=layers, kind="score"), bench).scores
    seconds = (datetime.now(UTC) - begin).total_seconds()
    assert scores[0].timing["evaluate"] > 0
    for each in scores:
        assert each.timing["evaluate"] + each.timing["load"] <= each.timing["total"]
        assert begin - timedelta(seconds=0.001) <= datetime.fromisoformat(each.started) <= datetime.now(UTC)
    assert sum(each.timing["total"] for each in scores) <= seconds


def test_each_layer_and_pooling_of_an_encoder_is_a_separate_score(folders: TrialFolders) -> None:
    both = (retrieval("twins"), replace(retrieval("twins"), layer=1.0), replace(retrieval("twins"), pooling="cls"))
    result = run_trial(trial(scores=both, kind="score"), folders.bench())
    assert len({record.key for record in result.scores}) == 3
    assert [(record.layer, record.pooling) for record in result.scores] == [(0.5, "mean"), (1.0, "mean"), (0.5, "cls")]


def test_labels_of_evaluation_data_are_mapped_by_name_and_not_by_number(folders: TrialFolders) -> None:
    words, scores = BY_NAME["words"], []
    for order in (1, -1):
        folder = folders.root / f"words{order}"
        write_numbered(folder, words.labels[::order], folders.world / "datasets/demo/words/draw1/test_xa.jsonl")
        task = replace(words, test={"xa": (Rows(id=str(folder), split="test"),)})
        scored = (score("words", languages=("xa",)),)
        spec = trial(stage("words", training=LEARNING), scores=scored, tasks=(task,))
        scores.append(run_trial(spec, folders.bench(folder.name)).scores[0].metrics["xa"])
    assert scores[0] == scores[1]
    assert scores[0]["accuracy"] > 0.3


def write_numbered(folder: Path, names: tuple[str, ...], lines: Path) -> None:
    """Write the tags as numbers of a label set. Copies of one data set on the Hub differ in the order of labels."""
    from datasets import ClassLabel, Dataset, Features, List, Value

    features = Features({"tokens": List(Value("string")), "pos_tags": List(ClassLabel(names=list(names)))})
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    folder.mkdir()
    Dataset.from_list(rows, features=features).to_parquet(folder / "test.parquet")


def accuracy_of(rows: pd.DataFrame) -> Mapping[str, float]:
    return accuracy(rows.to_dict("records"))


def pairs_of(rows: pd.DataFrame) -> Mapping[str, float]:
    return accuracy_and_f1(rows.to_dict("records"))


def chunks_of(rows: pd.DataFrame) -> Mapping[str, float]:
    names = list(ChunkCounts.__dataclass_fields__)
    return chunk_metrics([ChunkCounts(**row) for row in rows[names].to_dict("records")])


def spans_of(rows: pd.DataFrame) -> Mapping[str, float]:
    em, f1 = rows["em"].mean(), rows["f1"].mean()
    return {"em": em, "f1": f1, "score": (em + f1) / 2}


def mined_of(rows: pd.DataFrame) -> Mapping[str, float]:
    precision, recall, f1 = precision_recall_f1(*(rows[name].sum() for name in ("correct", "mined", "gold")))
    return {"precision": precision, "recall": recall, "f1": f1}


def loss_of(rows: pd.DataFrame) -> Mapping[str, float]:
    return {"loss": rows["loss"].sum() / rows["masked"].sum()}


def dev(target: str) -> ScoreSpec:
    """A score of a training task on its own dev data."""
    return ScoreSpec(target=target, split="dev", data=data(target, "dev", cap_examples=20))


HELD_OUT = replace(BY_NAME["texts"], dev={"en": (Rows(id="demo/texts", config="default", split="train"),)})
RECOUNTS: dict[str, tuple[str, Callable[[pd.DataFrame], Mapping[str, float]]]] = {
    "xclaims": ("xclaims", accuracy_of),
    "rewrites": ("rewrites", pairs_of),
    "gaps": ("gaps", accuracy_of),
    "words": ("words", chunks_of),
    "xquestions": ("mquestions", spans_of),
    "questions_null": ("questions_null", spans_of),
    "texts": ("texts", loss_of),
    "-": ("twins", accuracy_of),
    "--": ("mining", mined_of),
}


@pytest.mark.parametrize("trained", RECOUNTS)
def test_a_score_can_be_computed_again_from_its_outcomes(folders: TrialFolders, trained: str) -> None:
    target, recount = RECOUNTS[trained]
    if trained.startswith("-"):
        spec = trial(scores=(retrieval(target),), kind="score")
    else:
        spec = trial(stage(trained), scores=(score(target) if BY_NAME[target].test else dev(target),))
        spec = replace(spec, tasks=tuple(HELD_OUT if task.name == "texts" else task for task in spec.tasks))
    bench = folders.bench()
    record = run_trial(spec, bench).scores[0]
    rows = bench.ledger.outcomes(record)
    assert rows["language"].value_counts().to_dict() == record.counts
    for language, metrics in record.metrics.items():
        again = recount(rows[rows["language"] == language])
        assert {name: again[name] for name in metrics} == pytest.approx(dict(metrics), abs=1e-12)
        assert set(record.trivial[language]) == set(metrics)


@pytest.mark.parametrize("task", ["xclaims", "gaps", "words", "questions"])
def test_outcomes_have_log_probabilities_that_change_no_metric(folders: TrialFolders, task: str) -> None:
    spec = trial(stage(task), scores=(score(task, languages=BASE),))
    tables = []
    for wanted in (True, False):
        bench = folders.bench(f"log {wanted}")
        (record,) = run_trial(replace(spec, log_probabilities=wanted), bench).scores
        tables.append((record, bench.ledger.outcomes(record)))
    (with_logs, table), (without, bare) = tables
    columns = ["log_p_gold", "log_p_prediction"]
    # The files with outcomes differ, because one has more columns.
    assert replace(with_logs, outcome_facts=None) == replace(without, outcome_facts=None)
    pd.testing.assert_frame_equal(table.drop(columns=columns), bare)
    assert (table[columns].dtypes == "float32").all()
    known = table.dropna(subset=columns)
    assert len(known) > 0.9 * len(table)
    assert (known[columns] <= 1e-6).all(axis=None)
    if task in ("xclaims", "gaps"):
        # A correct prediction is the correct answer, and any other one is at least as likely.
        correct = known["correct"] == 1
        assert (known["log_p_gold"] == known["log_p_prediction"])[correct].all()
        assert (known["log_p_gold"] <= known["log_p_prediction"]).all()


@pytest.mark.parametrize("task", ["xclaims", "questions"])
def test_a_condition_scores_the_same_examples_of_the_same_training(folders: TrialFolders, task: str) -> None:
    clean = score(task, languages=BASE)
    typos = PerturbationSpec(name="keyboard", budget=1.0)
    noisy = replace(clean, condition="typos", data=replace(clean.data, perturbation=typos))
    bench = folders.bench("conditions")
    first, second = run_trial(trial(stage(task), scores=(clean, noisy)), bench).scores
    assert (first.condition, second.condition) == ("clean", "typos")
    tables = [bench.ledger.outcomes(record).sort_values("example") for record in (first, second)]
    assert list(tables[0]["example"]) == list(tables[1]["example"])
    assert not np.allclose(tables[0]["log_p_prediction"], tables[1]["log_p_prediction"])


def test_a_condition_that_changes_no_text_has_the_clean_score(folders: TrialFolders) -> None:
    clean = score("xclaims", languages=BASE)
    # The words of the synthetic language have no diacritics in English.
    same = PerturbationSpec(name="diacritics", budget=1.0)
    other = replace(clean, condition="bare", data=replace(clean.data, perturbation=same))
    first, second = run_trial(trial(stage("xclaims"), scores=(clean, other)), folders.bench("same")).scores
    assert first.metrics == second.metrics
    assert first.key != second.key
