"""Outputs of a head for several data sets, such as the languages of a target: their features form common batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sweeper.formats.interface import Array, Features, Outputs
from sweeper.training.predict import Predictor

MAX_TOKENS = 2**24
"""Maximum number of tokens whose outputs are held at a time, unless one data set has more."""


def outputs_of_all(
    predictor: Predictor, task: str, data_sets: Sequence[Features], *, with_gold: bool = False
) -> Iterator[Outputs]:
    """Yield the outputs of a head for each of the data sets in turn, as `Predictor.heads` does for one.

    The features of all data sets are sorted by length together, so that few batches are small. Masked language
    modelling reads each data set alone, because its masks are drawn over the whole data set.

    Raises TrialError if an output is not finite.
    """
    head = predictor.net.head(task)
    for group in _groups(data_sets, max_tokens=0 if head.is_masked else MAX_TOKENS):
        outputs = predictor.heads(task, joined(group), with_gold=with_gold)
        yield from split(outputs, group, head.token_outputs)


def joined(data_sets: Sequence[Features]) -> Features:
    """The features of several data sets, one after the other, without their `extra` arrays.

    All must have the same labels, and segments or not.
    """
    if len(data_sets) == 1:
        return data_sets[0]
    first = data_sets[0]
    return replace(
        first,
        tokens=np.concatenate([each.tokens for each in data_sets]),
        offsets=_joined_starts([each.offsets for each in data_sets]),
        items=_joined_starts([each.items for each in data_sets]),
        example=np.concatenate([each.example for each in data_sets]),
        labels={name: np.concatenate([each.labels[name] for each in data_sets]) for name in first.labels},
        segments=None if first.segments is None else np.concatenate([_segments(each) for each in data_sets]),
        extra={},
    )


def split(outputs: Outputs, data_sets: Sequence[Features], by_token: Sequence[str]) -> Iterator[Outputs]:
    """Yield the part of each data set of the outputs for all. `by_token` names those with a value for each token."""
    first_token = first_feature = 0
    for data in data_sets:
        last_token, last_feature = first_token + len(data.tokens), first_feature + len(data.offsets) - 1
        tokens, features = slice(first_token, last_token), slice(first_feature, last_feature)
        yield {name: values[tokens if name in by_token else features] for name, values in outputs.items()}
        first_token, first_feature = last_token, last_feature


def _groups(data_sets: Sequence[Features], max_tokens: int) -> Iterator[list[Features]]:
    """Neighbouring data sets of at most `max_tokens` tokens together, or a data set alone."""
    group: list[Features] = []
    size = 0
    for data in data_sets:
        if group and size + len(data.tokens) > max_tokens:
            yield group
            group, size = [], 0
        group.append(data)
        size += len(data.tokens)
    if group:
        yield group


def _joined_starts(starts: Sequence[Array]) -> Array:
    """Starts (n + 1,) of ragged rows of several arrays as starts in the array of all."""
    ends = np.cumsum([0, *(int(each[-1]) for each in starts)])
    parts = [each[:-1] + end for each, end in zip(starts, ends, strict=False)]
    return np.concatenate([*parts, ends[-1:]])


def _segments(data: Features) -> Array:
    assert data.segments is not None
    return data.segments
