"""Rules that the sweep and the analysis share: the chosen search trial, the valid replicates, the displayed score."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from sweeper.records.ended import EndedTrial
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import StageSpec
from sweeper.scoring.sums import mean
from sweeper.space import Search, Target

Encoder = tuple[str, tuple[StageSpec, ...]]
"""Identity of the pretrained model, and the stages of its training."""
Trial = TypeVar("Trial", TrainingRecord, EndedTrial)


def best_search_trial(records: Iterable[Trial], num_trials: int) -> Trial | None:
    """The search record with the highest value among the first `num_trials` trials of one study; None without any.

    All records must belong to one study. Replicates, failed trials and trials numbered `num_trials` or higher are
    ignored. Of equal values, the lower trial number wins.
    """
    return next(iter(leaders(_searched(records, num_trials), 1)), None)


def leaders(records: Iterable[Trial], num: int) -> list[Trial]:
    """The best of some records of one study with `num` different dials, or with fewer, in descending order."""
    best: list[Trial] = []
    for record in sorted(filter(_has_value, records), key=_descending_value):
        if len(best) < num and all(record.spec.dials != other.spec.dials for other in best):
            best.append(record)
    return best


def chosen_trial(records: Iterable[Trial], search: Search) -> Trial | None:
    """The record of one study with the chosen dials and the search seed, trained to the end; None without any.

    Without a race it is the best search record, or with rungs the best record of the last rung. With a race it is the
    one whose dials have the highest mean value in the race. Dials without a value for every seed of the race are not
    chosen; if there are no others, the record that would be chosen without a race is.
    """
    records = list(records)
    finished = _last_rung(records, search) if search.rungs else _searched(records, search.largest_study)
    best = leaders(finished, max(1, search.race))
    means = [(value, record) for record in best if (value := race_mean(record, records, search)) is not None]
    # Of equal means, the first one: its search trial has the higher value.
    return max(means, key=lambda pair: pair[0])[1] if means else next(iter(best), None)


def _searched(records: Iterable[Trial], num_trials: int) -> list[Trial]:
    """The records of the first search trials."""
    return [record for record in records if record.spec.role == "search" and record.spec.number < num_trials]


def _last_rung(records: list[Trial], search: Search) -> list[Trial]:
    """The records of the last rung of the dials that continue to it, with their numbers in the plan.

    A ledger can also have records of other dials: of those that continued before a failed trial of an earlier rung was
    repeated, and lost their place to its dials.
    """
    rungs = _rungs_by_dials(records)
    finished, first = _searched(records, search.largest_study), 0
    for level, size in enumerate(search.rung_sizes(_num_trials(finished, search))):
        reached = enumerate(rungs[_dials(leader)] for leader in leaders(finished, size))
        finished = [_numbered(own[level], first + place) for place, own in reached if level < len(own)]
        first += size
    return finished


def _rungs_by_dials(records: list[Trial]) -> dict[tuple[object, ...], list[Trial]]:
    """Dials -> their records in the rungs after the first, in ascending order."""
    by_dials: dict[tuple[object, ...], dict[str, Trial]] = defaultdict(dict)
    for record in sorted(records, key=lambda record: record.spec.number):
        if record.spec.role == "rung":
            # By key, because the slots of a study with few different dials share trainings.
            by_dials[_dials(record)].setdefault(record.key, record)
    return defaultdict(list, {dials: list(rungs.values()) for dials, rungs in by_dials.items()})


def _num_trials(searched: list[Trial], search: Search) -> int:
    """The number of search trials of the study that has these search records."""
    highest = max((record.spec.number for record in searched), default=0)
    if search.sampler == "grid":
        return highest + 1
    with_prior = search.num_trials({}, has_prior=True)
    return with_prior if search.prior != "off" and highest < with_prior else search.trials


def _dials(record: TrainingRecord | EndedTrial) -> tuple[object, ...]:
    return tuple(sorted(record.spec.dials.items()))


def _numbered(record: Trial, number: int) -> Trial:
    """The record with its number in the plan, which decides between equal values."""
    return record if record.spec.number == number else replace(record, spec=replace(record.spec, number=number))


def race_mean(leader: Trial, records: list[Trial], search: Search) -> float | None:
    """The mean value of a record's dials in the race; None if a seed is missing."""
    raced = (record for record in records if record.spec.role == "race" and record.spec.dials == leader.spec.dials)
    # By key, because the slots of a study with few different dials share trainings.
    values = {record.key: record.value for record in raced if _has_value(record) and record.value is not None}
    return mean(list(values.values())) if len(values) == len(search.race_seeds) else None


def _has_value(record: TrainingRecord | EndedTrial) -> bool:
    # Every comparison with NaN is false, so a NaN would make the result depend on the order of the records.
    return record.state == "done" and record.value is not None and not math.isnan(record.value)


def _descending_value(record: TrainingRecord | EndedTrial) -> tuple[float, int]:
    assert record.value is not None
    # Sorting by the trial number after the value makes ties independent of the order of the records.
    return (-record.value, record.spec.number)


def winners(records: Iterable[TrainingRecord], search: Search) -> dict[str, TrainingRecord | None]:
    """Study key -> its record with the chosen dials; None if there is none yet.

    A study without search records is left out, as if the ledger did not have it: its search records cannot be read.
    """
    studies: dict[str, list[TrainingRecord]] = defaultdict(list)
    searched = set()
    for record in records:
        # Replicates also have the key of their study, but they do not take part in the choice of dials.
        if record.spec.role != "replicate" and record.spec.study:
            studies[record.spec.study].append(record)
        if record.spec.role == "search":
            searched.add(record.spec.study)
    return {study: chosen_trial(trials, search) for study, trials in studies.items() if study in searched}


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
