"""Several data sets are evaluated in common batches: equal outputs in fewer passes."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from sweeper.formats.interface import Features
from sweeper.training import together
from sweeper.training.predict import Predictor
from sweeper.training.stage import DataReader
from sweeper.training.together import joined, outputs_of_all, split
from tests.training.test_predict import MakePredictor, load_features, make_predictor  # noqa: F401


def first_features(features: Features, number: int) -> Features:
    """The first `number` features, which must be whole items."""
    tokens = int(features.offsets[number])
    by_token = {"tags", "start", "end"}
    return replace(
        features,
        tokens=features.tokens[:tokens],
        offsets=features.offsets[: number + 1],
        items=features.items[features.items <= number],
        example=features.example[:number],
        labels={name: values[:tokens] for name, values in features.labels.items() if name in by_token},
        segments=None if features.segments is None else features.segments[:tokens],
    )


def count_passes(predictor: Predictor) -> list[int]:
    """A list that grows by the number of features of each forward pass."""
    passes: list[int] = []
    body = predictor.net.body
    assert isinstance(body, nn.Module)
    body.register_forward_pre_hook(lambda _, args, inputs: passes.append(len(inputs["input_ids"])), with_kwargs=True)
    return passes


@pytest.mark.parametrize("task", ["claims", "gaps", "words", "questions"])
def test_data_sets_together_have_the_outputs_that_each_has_alone(
    make_predictor: MakePredictor,  # noqa: F811
    reader: DataReader,
    task: str,
) -> None:
    predictor, features = make_predictor(task), load_features(reader, task)
    data_sets = [first_features(features, 5), features, first_features(features, 10)]
    with_gold = task == "words"
    common = list(outputs_of_all(predictor, task, data_sets, with_gold=with_gold))
    for data, outputs in zip(data_sets, common, strict=True):
        alone = predictor.heads(task, data, with_gold=with_gold)
        assert outputs.keys() == alone.keys()
        for name in alone:
            assert outputs[name].shape == alone[name].shape
            assert outputs[name] == pytest.approx(alone[name], abs=1e-4)


def test_data_sets_together_need_fewer_passes(
    make_predictor: MakePredictor,  # noqa: F811
    reader: DataReader,
) -> None:
    predictor, features = make_predictor("claims"), load_features(reader, "claims")
    data_sets = [first_features(features, 4)] * 6
    passes = count_passes(predictor)
    for data in data_sets:
        predictor.heads("claims", data)
    assert len(passes) == 6
    passes.clear()
    assert len(list(outputs_of_all(predictor, "claims", data_sets))) == 6
    assert passes == [24]


def test_outputs_of_more_tokens_than_the_maximum_are_not_held_at_a_time(
    make_predictor: MakePredictor,  # noqa: F811
    reader: DataReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictor, features = make_predictor("claims"), load_features(reader, "claims")
    data_sets = [first_features(features, 4)] * 3
    monkeypatch.setattr(together, "MAX_TOKENS", 2 * len(data_sets[0].tokens))
    passes = count_passes(predictor)
    assert len(list(outputs_of_all(predictor, "claims", data_sets))) == 3
    assert passes == [8, 4]


def test_masks_do_not_depend_on_other_data_sets(
    make_predictor: MakePredictor,  # noqa: F811
    reader: DataReader,
) -> None:
    predictor, features = make_predictor("texts"), load_features(reader, "texts")
    first, second = outputs_of_all(predictor, "texts", [features, features])
    assert first["masked"].tolist() == second["masked"].tolist()


def test_joined_features_are_split_into_the_same_arrays(reader: DataReader) -> None:
    features = load_features(reader, "gaps")
    data_sets = [first_features(features, 5), features]
    both = joined(data_sets)
    assert both.items.tolist() == [*data_sets[0].items[:-1].tolist(), *(features.items + 5).tolist()]
    parts = split({"token": both.tokens, "feature": np.diff(both.offsets)}, data_sets, ["token"])
    for data, part in zip(data_sets, parts, strict=True):
        assert np.array_equal(part["token"], data.tokens)
        assert np.array_equal(part["feature"], np.diff(data.offsets))
