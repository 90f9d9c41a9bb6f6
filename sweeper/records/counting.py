"""Which search trial is chosen and which replicates count: rules that the sweep and the analysis share."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import StageSpec
from sweeper.space import Target

Encoder = tuple[str, tuple[StageSpec, ...]]
"""Identity of the model, and the stages that prepared it."""


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


def winners(records: Iterable[TrainingRecord], num_trials: int) -> dict[str, TrainingRecord | None]:
    """Study key -> its chosen search record among the first `num_trials`, None while none of them is done."""
    studies: dict[str, list[TrainingRecord]] = defaultdict(list)
    for record in records:
        if record.spec.role == "search" and record.spec.study:
            studies[record.spec.study].append(record)
    return {study: chosen(trials, num_trials) for study, trials in studies.items()}


def counting(trainings: Mapping[str, TrainingRecord], num_trials: int) -> dict[str, TrainingRecord]:
    """Key -> replicate, without those whose dials, or an earlier stage's dials, a later search trial has outdone."""
    best = winners(trainings.values(), num_trials)
    replicates = {key: record for key, record in trainings.items() if record.spec.role == "replicate"}
    # A target's training may come to the bytes of a preparation; its own search says nothing about that one.
    prepared = [record for record in replicates.values() if record.spec.kind != "target"]
    outdated = {_encoder(record) for record in prepared if not _has_chosen_dials(record, best)}
    return {
        key: record
        for key, record in replicates.items()
        if _has_chosen_dials(record, best) and not outdated.intersection(_earlier_encoders(record))
    }


def is_shown(score: ScoreRecord, target: Target) -> bool:
    """Whether a score of the target is the one that its column shows, made with its pooling, layer and similarity."""
    return not score.scores_encoder or _way(score) == _way(target)


def _way(one: ScoreRecord | Target) -> tuple[str, float, str]:
    return one.pooling, one.layer, one.similarity


def _has_chosen_dials(record: TrainingRecord, best: Mapping[str, TrainingRecord | None]) -> bool:
    if record.spec.study not in best:
        return True
    winner = best[record.spec.study]
    return winner is not None and dict(winner.spec.dials) == dict(record.spec.dials)


def _encoder(record: TrainingRecord) -> Encoder:
    return record.spec.model.identity, record.spec.chain


def _earlier_encoders(record: TrainingRecord) -> list[Encoder]:
    """What each stage but the last left behind."""
    model, chain = _encoder(record)
    return [(model, chain[:length]) for length in range(1, len(chain))]
