"""The conventional trial of `benchmarks/peer.py`: it reads the items of the sweeper, and its costs add up."""

from itertools import pairwise

import pytest

from benchmarks.peer import SPACE, report, searched, total_of
from benchmarks.simulations.pair import Pair, Part, items_of, run_pair
from sweeper.training.stage import DataReader
from tests.worlds import TRAINING, data


@pytest.mark.parametrize(("task", "name"), [("claims", "label"), ("words", "tags")])
def test_the_items_of_a_trainer_are_the_features_of_the_sweeper(reader: DataReader, task: str, name: str) -> None:
    features = reader.encoded(data(task))["en"].features
    items = items_of(features)
    assert [token for item in items for token in item["input_ids"]] == features.tokens.tolist()
    assert [len(item["attention_mask"]) for item in items] == [b - a for a, b in pairwise(features.offsets.tolist())]
    labels = [item["label"] for item in items] if name == "label" else [tag for item in items for tag in item["labels"]]
    assert labels == features.labels[name].tolist()


def test_a_pair_of_trainers_scores_its_target_and_counts_its_cpu_seconds(reader: DataReader, encoder: str) -> None:
    pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate: pip install accelerate")

    def part(task: str, *, is_tagging: bool) -> Part:
        features = reader.encoded(data(task))["en"].features
        num_labels = len(reader.labels(task))
        return Part(items=items_of(features), num_labels=num_labels, is_tagging=is_tagging, training=TRAINING)

    target = part("words", is_tagging=True)
    parts = (part("claims", is_tagging=False), target)
    pair = Pair(encoder=encoder, tokenizer=encoder, parts=parts, evaluation={"en": target.items}, seed=1)
    result = run_pair(pair)
    assert 0 <= result["accuracy"]["en"] <= 1
    assert set(result["cpu"]) == {"start", "load", "train", "save", "evaluate"}
    assert run_pair(pair)["accuracy"] == result["accuracy"]


def test_costs_of_a_matrix_are_those_of_one_trial_of_each_type_times_their_number() -> None:
    ours = total_of({"a": {"train": 2.0}, "b": {"train": 1.0, "load": 0.5}}, {"a": 3, "b": 4})
    assert ours == {"train": 10.0, "load": 2.0}
    lines = list(report(ours, {"train": 90.0, "load": 30.0}, 7, {"baseline -> t": 5, "mnli -> t": 5}))
    assert lines[1].split() == ["trainings", "15", "7", "2.1"]
    assert lines[-2].split() == ["total", "120", "12", "10.0"]


def test_the_numbers_of_trainings_are_those_of_a_search_in_every_stage_and_target() -> None:
    space = searched(7)
    assert space.search.trials == 7
    assert all(stage.dials for stage in space.stages) and all(target.dials for target in space.targets)
    assert not any(stage.dials for stage in SPACE.stages)
