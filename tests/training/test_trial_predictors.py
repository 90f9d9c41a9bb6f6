"""Trials that compute predictors of transfer, on the synthetic world."""

import uuid
from dataclasses import replace

import numpy as np
import pytest
import torch

from sweeper.formats.interface import Array
from sweeper.records.spec import PredictorSpec, TrialSpec
from sweeper.scoring.transferability import h_score, knn_accuracy, knn_choice_accuracy, logme
from sweeper.training.batches import pad_features
from sweeper.training.model import Net, load_body
from sweeper.training.stage import DataReader, read_progress
from sweeper.training.text_vectors import TextVectors
from sweeper.training.trial import run_trial
from tests.worlds import BY_NAME, TRAINING, TrialFolders, data, stage, trial

TASKS = ("claims", "reasons", "words")
"""Classification, multiple choice and tagging."""


def predictor(task: str) -> PredictorSpec:
    return PredictorSpec(target=task, data=replace(data(task), carve_share=0.0))


def hidden_states(encoder: str, reader: DataReader, task: str) -> list[Array]:
    """The last hidden states (length, hidden) of each feature, computed alone."""
    net = Net(load_body(encoder), {}).eval()
    (encoded,) = reader.encoded(predictor(task).data).values()
    batches = [pad_features(encoded.features, np.array([n]), 0) for n in range(len(encoded.features.offsets) - 1)]
    with torch.inference_mode():
        return [net.hidden(batch)[0].numpy() for batch in batches]


def test_the_predictors_of_each_format_are_those_of_the_states_that_its_head_reads(
    folders: TrialFolders, reader: DataReader, encoder: str
) -> None:
    spec = trial(kind="predict", predictors=tuple(map(predictor, TASKS)), tasks=tuple(BY_NAME[task] for task in TASKS))
    found = run_trial(spec, folders.bench()).training.predictors
    assert list(found) == list(TASKS)
    states = {task: hidden_states(encoder, reader, task) for task in TASKS}
    features = {task: reader.encoded(predictor(task).data)["en"].features for task in TASKS}

    first, labels = np.array([state[0] for state in states["claims"]]), np.asarray(features["claims"].labels["label"])
    groups = np.unique([e.group for e in reader.encoded(predictor("claims").data)["en"].examples], return_inverse=True)
    expected = (logme(first, labels), h_score(first, labels), knn_accuracy(first, labels, groups[1]))
    assert tuple(found["claims"].values.values()) == pytest.approx(expected, rel=1e-3)

    first, items = np.array([state[0] for state in states["reasons"]]), np.asarray(features["reasons"].items)
    right = np.zeros(len(first), dtype=int)
    right[items[:-1] + features["reasons"].labels["label"]] = 1
    item = np.repeat(np.arange(len(items) - 1), np.diff(items))
    expected = (logme(first, right), h_score(first, right), knn_choice_accuracy(first, right, item))
    assert tuple(found["reasons"].values.values()) == pytest.approx(expected, rel=1e-3)

    # One word of each sentence, with any of its tags.
    assert found["words"].num_rows == len(states["words"]) == 24
    assert found["words"].values.keys() == {"logme", "h_score", "knn"}
    assert all(seconds > 0 for seconds in found["words"].seconds.values())


def test_a_prepared_encoder_has_predictors_of_its_own_and_the_same_ones_again(folders: TrialFolders) -> None:
    bench, first = folders.bench(), stage("parts", training=replace(TRAINING, epochs=4))
    run_trial(trial(first, kind="prepare", keep=True), bench)
    specs = [trial(*chain, kind="predict", predictors=(predictor("words"),), select=()) for chain in ((), (first,))]
    tasks = (BY_NAME["parts"], BY_NAME["words"])
    raw, prepared = [run_trial(replace(spec, tasks=tasks), bench).training for spec in specs]
    assert raw.predictors["words"].values != prepared.predictors["words"].values
    assert {raw.key, prepared.key} <= set(bench.ledger.trainings())
    again = run_trial(replace(specs[1], tasks=tasks), folders.bench("again")).training
    assert again.predictors["words"].values == prepared.predictors["words"].values


def test_a_task_whose_examples_have_one_label_has_no_predictors(private_folders: TrialFolders) -> None:
    one = replace(predictor("claims"), data=replace(predictor("claims").data, cap_examples=1))
    spec = trial(kind="predict", predictors=(one,), tasks=(BY_NAME["claims"],))
    found = run_trial(spec, private_folders.bench()).training.predictors["claims"]
    assert (dict(found.values), found.num_rows) == ({}, 1)


TEXTS = ("claims", "words", "questions")


def compared(*sources: str, epochs: float = 1) -> TrialSpec:
    """A trial that compares the texts of a stage on some tasks with those of TEXTS."""
    prepared = stage(*sources, training=replace(TRAINING, epochs=epochs))
    read = tuple(predictor(task).data for task in sources)
    asked = tuple(replace(predictor(task), sources=read, text_encoder="pretrained") for task in TEXTS)
    tasks = tuple(BY_NAME[task] for task in dict.fromkeys([*sources, *TEXTS]))
    return trial(prepared, kind="predict", predictors=asked, select=(), tasks=tasks)


def mean_text(encoder: str, reader: DataReader, task: str) -> Array:
    mean: Array = np.mean([state.mean(axis=0) for state in hidden_states(encoder, reader, task)], axis=0)
    return mean


def overlap(reader: DataReader, source: str, target: str) -> float:
    """The share of the subwords of a target that also occur in the source, without special tokens."""
    special = set(reader.tokenizer.all_special_ids)
    known, read = (reader.encoded(predictor(task).data)["en"].features.tokens.tolist() for task in (source, target))
    words = [token for token in read if token not in special]
    return float(np.mean([token in set(known) for token in words]))


def cosine(first: Array, second: Array) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_texts_are_compared_with_the_pretrained_encoder_whatever_the_training_of_the_recipe(
    folders: TrialFolders, reader: DataReader, encoder: str
) -> None:
    short, long = (run_trial(compared("parts", epochs=n), folders.bench()).training.predictors for n in (1, 3))
    source = mean_text(encoder, reader, "parts")
    for task in TEXTS:
        expected = cosine(source, mean_text(encoder, reader, task))
        assert short[task].values["embedding"] == pytest.approx(expected, rel=1e-4)
        assert long[task].values["embedding"] == short[task].values["embedding"]
        assert long[task].seconds["embedding"] > 0
        assert long[task].values["subword_overlap"] == overlap(reader, "parts", task)
        assert long[task].seconds["subword_overlap"] > 0
    assert long["words"].values["logme"] != short["words"].values["logme"]
    # Spans have no classes.
    assert (set(short["questions"].values), short["questions"].num_rows) == ({"embedding", "subword_overlap"}, 0)


def test_the_mean_vector_of_a_text_is_computed_once_for_all_trials_that_compare_it(
    private_folders: TrialFolders,
) -> None:
    first, second = (
        run_trial(compared("parts", epochs=n), private_folders.bench()).training.predictors for n in (1, 3)
    )
    files = sorted((private_folders.cache / "vectors").glob("*.json"))
    assert len(files) == 1 + len(TEXTS)
    # The seconds are those of the process that computed the vector.
    assert [first[task].seconds["embedding"] for task in TEXTS] == [second[task].seconds["embedding"] for task in TEXTS]


def test_a_second_node_downloads_the_mean_vectors_and_the_tokenised_data(
    private_folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"memory://{uuid.uuid4().hex}"
    spec = compared("parts")
    first = run_trial(spec, private_folders.bench("first", store=store)).training.predictors
    second_node = replace(private_folders, cache=private_folders.root / "second cache")
    monkeypatch.setattr(TextVectors, "_computed", None)
    monkeypatch.setattr("sweeper.data.encode.write_entry", None)
    second = run_trial(spec, second_node.bench("second", store=store)).training.predictors
    assert {task: second[task].values for task in TEXTS} == {task: first[task].values for task in TEXTS}


def test_a_damaged_mean_vector_is_set_aside_and_computed_again(private_folders: TrialFolders) -> None:
    first = run_trial(compared("parts"), private_folders.bench()).training.predictors
    files = sorted((private_folders.cache / "vectors").glob("*.json"))
    for file in files:
        content = bytearray(file.read_bytes())
        content[len(content) // 3] ^= 1
        file.write_bytes(content)
    again = run_trial(compared("parts"), private_folders.bench("again")).training.predictors
    assert {task: again[task].values for task in TEXTS} == {task: first[task].values for task in TEXTS}
    assert len(list((private_folders.cache / "vectors").glob("*.damaged"))) == len(files)


def test_a_mean_vector_under_the_name_of_another_one_is_computed_again(private_folders: TrialFolders) -> None:
    first = run_trial(compared("parts"), private_folders.bench()).training.predictors
    files = sorted((private_folders.cache / "vectors").glob("*.json"))
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[1:] + contents[:1], strict=True):
        file.write_bytes(content)
    again = run_trial(compared("parts"), private_folders.bench("again")).training.predictors
    assert {task: again[task].values for task in TEXTS} == {task: first[task].values for task in TEXTS}


def test_the_texts_of_a_mixture_are_weighted_by_the_examples_that_its_stage_drew(
    folders: TrialFolders, reader: DataReader, encoder: str
) -> None:
    equal, bench = compared("claims", "words"), folders.bench()
    # Sorted by task, as those of a plan.
    spec = replace(equal, chain=(replace(equal.chain[0], shares=(("claims", 0.9), ("words", 0.1))),))
    found = run_trial(spec, bench).training.predictors
    drawn = read_progress(bench.store.fetch(spec.encoder)).examples
    assert drawn["claims"] != drawn["words"]
    means = [mean_text(encoder, reader, task) for task in ("claims", "words")]
    source = np.average(means, axis=0, weights=[drawn["claims"], drawn["words"]])
    expected = cosine(source, mean_text(encoder, reader, "questions"))
    assert found["questions"].values["embedding"] == pytest.approx(expected, rel=1e-5)
