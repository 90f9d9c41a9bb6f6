"""Rules that the sweep and the analysis share: the best search trial, the valid replicates, the displayed score."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from sweeper.records.ended import EndedTrial
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import StageSpec
from sweeper.space import Target

Encoder = tuple[str, tuple[StageSpec, ...]]
"""Identity of the pretrained model, and the stages of its training."""
Trial = TypeVar("Trial", TrainingRecord, EndedTrial)


def best_search_trial(records: Iterable[Trial], num_trials: int) -> Trial | None:
    """The search record with the highest value among the first `num_trials` trials of one study; None without any.

    All records must belong to one study. Replicates, failed trials and trials numbered `num_trials` or higher are
    ignored. Of equal values, the lower trial number wins.
    """
    candidates = [record for record in records if record.spec.number < num_trials and _is_done_search(record)]
    return min(candidates, key=_descending_value, default=None)


def _is_done_search(record: TrainingRecord | EndedTrial) -> bool:
    # Every comparison with NaN is false, so a NaN would make the result depend on the order of the records.
    return (
        record.spec.role == "search"
        and record.state == "done"
        and record.value is not None
        and not math.isnan(record.value)
    )


def _descending_value(record: TrainingRecord | EndedTrial) -> tuple[float, int]:
    assert record.value is not None
    # Sorting by the trial number after the value makes ties independent of the order of the records.
    return (-record.value, record.spec.number)


def winners(records: Iterable[TrainingRecord], num_trials: int) -> dict[str, TrainingRecord | None]:
    """Study key -> its best search record among the first `num_trials`; None if none of them has finished."""
    studies: dict[str, list[TrainingRecord]] = defaultdict(list)
    for record in records:
        # Replicates also have the key of their study, but they do not take part in the choice of dials.
        if record.spec.role == "search" and record.spec.study:
            studies[record.spec.study].append(record)
    return {study: best_search_trial(trials, num_trials) for study, trials in studies.items()}


def valid_replicates(trainings: Mapping[str, TrainingRecord], num_trials: int) -> dict[str, TrainingRecord]:
    """Key -> record of every replicate that was trained with the best known dials.

    A replicate is outdated if a later search trial has found better dials for its own stage or for an earlier one.
    """
    best = winners(trainings.values(), num_trials)
    replicates = {key: record for key, record in trainings.items() if is_replicate(record)}
    # A target training can have the same stages as a preparation. It has another study, whose dials do not matter here.
    prepared = [record for record in replicates.values() if record.spec.kind != "target"]
    outdated = {_encoder(record) for record in prepared if not _has_chosen_dials(record, best)}
    return {
        key: record
        for key, record in replicates.items()
        if _has_chosen_dials(record, best) and not outdated.intersection(_earlier_encoders(record))
    }


def is_replicate(record: TrainingRecord) -> bool:
    """Whether a record is a replicate of a training or of a scoring."""
    return record.spec.role == "replicate" and record.spec.kind != "predict"


def is_shown(score: ScoreRecord, target: Target) -> bool:
    """Whether the column of a target shows this score: the pooling, layer and similarity of both are equal."""
    return not score.scores_encoder or _embedding(score) == _embedding(target)


def _embedding(owner: ScoreRecord | Target) -> tuple[str, float, str]:
    """The settings of sentence vectors: pooling, layer and similarity."""
    return owner.pooling, owner.layer, owner.similarity


def _has_chosen_dials(record: TrainingRecord, best: Mapping[str, TrainingRecord | None]) -> bool:
    # Without search records there are no better dials that could make this record outdated.
    if record.spec.study not in best:
        return True
    winner = best[record.spec.study]
    return winner is not None and dict(winner.spec.dials) == dict(record.spec.dials)


def _encoder(record: TrainingRecord) -> Encoder:
    return record.spec.model.identity, record.spec.chain


def _earlier_encoders(record: TrainingRecord) -> list[Encoder]:
    """The encoders after each stage except the last one."""
    model, chain = _encoder(record)
    # The last stage is the training of the record itself; its own dials are checked separately.
    return [(model, chain[:length]) for length in range(1, len(chain))]
