"""Rules that the sweep and the analysis share: the chosen search trial, the valid replicates, the displayed score."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import TypeVar

from sweeper.records.ended import EndedTrial
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import StageSpec
from sweeper.space import Search, Target

Encoder = tuple[str, tuple[StageSpec, ...]]
"""Identity of the pretrained model, and the stages of its training."""
Trial = TypeVar("Trial", TrainingRecord, EndedTrial)


def best_search_trial(records: Iterable[Trial], num_trials: int) -> Trial | None:
    """The search record with the highest value among the first `num_trials` trials of one study; None without any.

    All records must belong to one study. Replicates, failed trials and trials numbered `num_trials` or higher are
    ignored. Of equal values, the lower trial number wins.
    """
    return next(iter(leaders(records, num_trials, 1)), None)


def leaders(records: Iterable[Trial], num_trials: int, num: int) -> list[Trial]:
    """The best search records of one study with `num` different dials, or with fewer, in descending order."""
    done = [r for r in records if r.spec.role == "search" and r.spec.number < num_trials and _has_value(r)]
    best: list[Trial] = []
    for record in sorted(done, key=_descending_value):
        if len(best) < num and all(record.spec.dials != other.spec.dials for other in best):
            best.append(record)
    return best


def chosen_trial(records: Iterable[Trial], search: Search) -> Trial | None:
    """The search record of one study with the chosen dials; None without any that is done.

    Without a race it is the best search record. With a race it is the one whose dials have the highest mean value in
    the race. Dials without a value for every seed of the race are not chosen; if there are no others, the best search
    record is.
    """
    records = list(records)
    best = leaders(records, search.largest_study, max(1, search.race))
    means = [(mean, record) for record in best if (mean := _race_mean(record, records, search)) is not None]
    # Of equal means, the first one: its search trial has the higher value.
    return max(means, key=lambda pair: pair[0])[1] if means else next(iter(best), None)


def _race_mean(leader: Trial, records: list[Trial], search: Search) -> float | None:
    """The mean value of a record's dials in the race; None if a seed is missing."""
    raced = (record for record in records if record.spec.role == "race" and record.spec.dials == leader.spec.dials)
    # By key, because the slots of a study with few different dials share trainings.
    values = {record.key: record.value for record in raced if _has_value(record) and record.value is not None}
    return fmean(values.values()) if len(values) == len(search.race_seeds) else None


def _has_value(record: TrainingRecord | EndedTrial) -> bool:
    # Every comparison with NaN is false, so a NaN would make the result depend on the order of the records.
    return record.state == "done" and record.value is not None and not math.isnan(record.value)


def _descending_value(record: TrainingRecord | EndedTrial) -> tuple[float, int]:
    assert record.value is not None
    # Sorting by the trial number after the value makes ties independent of the order of the records.
    return (-record.value, record.spec.number)


def winners(records: Iterable[TrainingRecord], search: Search) -> dict[str, TrainingRecord | None]:
    """Study key -> the search record with the chosen dials; None if no search trial is done."""
    studies: dict[str, list[TrainingRecord]] = defaultdict(list)
    for record in records:
        # Replicates also have the key of their study, but they do not take part in the choice of dials.
        if record.spec.role != "replicate" and record.spec.study:
            studies[record.spec.study].append(record)
    return {study: chosen_trial(trials, search) for study, trials in studies.items()}


def valid_replicates(trainings: Mapping[str, TrainingRecord], search: Search) -> dict[str, TrainingRecord]:
    """Key -> record of every replicate that was trained with the best known dials.

    A replicate is outdated if a later search trial has found better dials for its own stage or for an earlier one.
    """
    best = winners(trainings.values(), search)
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
