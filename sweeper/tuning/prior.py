"""The results of other studies from which a study starts (`Search.prior`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sweeper.records.counting import best_search_trial
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrainingRecord
from sweeper.space import Choice, Distribution, Value
from sweeper.space.dials import MAX_TRIALS


def has_value(record: EndedTrial | TrainingRecord) -> bool:
    """Whether a search trial ended with a selection value."""
    return record.state == "done" and record.value is not None


def with_value(study: Iterable[EndedTrial]) -> list[EndedTrial]:
    """The trials of a study that have a selection value."""
    return [record for record in study if has_value(record)]


def best_dials(prior: Sequence[Sequence[EndedTrial]], dials: Mapping[str, Distribution]) -> dict[str, Value]:
    """The best dials of a study; of several studies the median of each dial over their best trials.

    The lower of two medians. The values of a Choice have their order in the Choice.
    """
    best = [best_search_trial(study, MAX_TRIALS) for study in prior]
    points = [record.spec.dials for record in best if record is not None]
    return {name: _median([point[name] for point in points], dial) for name, dial in dials.items()}


def levelled(prior: Sequence[Sequence[EndedTrial]], own: Sequence[EndedTrial]) -> Iterator[EndedTrial]:
    """The trials of a prior, with values shifted so that the best value of each study is that of `own`.

    Two encoders reach different scores on a target. Only the differences within a study tell which dials are better.
    """
    level = max(map(_value, with_value(own)), default=0.0)
    for study in prior:
        shift = level - max(map(_value, study))
        yield from (replace(record, value=_value(record) + shift) for record in study)


def _median(values: list[Value], dial: Distribution) -> Value:
    middle = (len(values) - 1) // 2
    if isinstance(dial, Choice):
        return sorted(values, key=dial.values.index)[middle]
    return sorted(values, key=float)[middle]


def _value(record: EndedTrial) -> float:
    assert record.value is not None
    return record.value
