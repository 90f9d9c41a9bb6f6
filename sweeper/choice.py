"""Which search trial of a study is the chosen one: the one rule that the sweep and the analysis share."""

import math
from collections.abc import Iterable

from sweeper.records import TrainingRecord


def chosen(records: Iterable[TrainingRecord], num_trials: int) -> TrainingRecord | None:
    """The search record with the highest value among the first `num_trials` trials of one study.

    Takes records of ONE study; replicates, failed trials and trials numbered `num_trials` or later have no say.
    Equal values: the lower number. None if no trial is done.
    """
    done = [record for record in records if record.spec.number < num_trials and _is_done_search(record)]
    return min(done, key=_best_first, default=None)


def _is_done_search(record: TrainingRecord) -> bool:
    # A NaN compares with nothing, so one of them would make the choice depend on the order of the records.
    return (
        record.spec.role == "search"
        and record.state == "done"
        and record.value is not None
        and not math.isnan(record.value)
    )


def _best_first(record: TrainingRecord) -> tuple[float, int]:
    assert record.value is not None
    return (-record.value, record.spec.number)
