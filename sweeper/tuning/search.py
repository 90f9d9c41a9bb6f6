"""The dials of a search trial: a point of a grid, or a suggestion of an Optuna study."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.files.digests import digest
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import Phase
from sweeper.space import Choice, Distribution, LogUniform, Search, Value, grid_point
from sweeper.space.search import Sampler
from sweeper.tuning.prior import best_dials, has_value, levelled, with_value

FIRST_TRIALS = 4
"""Number of trials before TPE or GP fit a model, the declared first points included."""
LARGEST_SEED = 2**31 - 1
DIGITS = 4
"""Significant digits of a suggested number."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that the dials of one search trial depend on."""

    study: str
    """Key of the study."""
    number: int
    dials: Mapping[str, Distribution]
    finished: Iterable[EndedTrial]
    """The finished trials of the study. Those of the same and of later batches are ignored."""
    prior: Sequence[Sequence[EndedTrial]] = ()
    """The trials of each study from whose results this one starts."""
    search: Search

    @property
    def earlier(self) -> list[EndedTrial]:
        """The finished trials of earlier batches, in order of their numbers."""
        edge = self.search.barrier(self.number, has_prior=bool(self.prior))
        return sorted((r for r in self.finished if r.spec.number < edge), key=lambda record: record.spec.number)

    @property
    def is_last(self) -> bool:
        """Whether the study has no trial with a higher number."""
        return self.number + 1 == self.search.num_trials(self.dials, has_prior=bool(self.prior))


class Suggestion(NamedTuple):
    """The dials of a search trial, and the phase of the search that they belong to."""

    dials: Mapping[str, Value]
    phase: Phase


@dataclass
class Studies:
    """The studies of a sweep, in memory. Each finished trial is added to its study once."""

    _studies: dict[str, "_Study"] = field(default_factory=dict)

    def suggestion(self, request: Request) -> Suggestion:
        """The dials of a trial with their phase: first points (`fixed`), then suggestions of the sampler.

        Every suggestion has a new sampler, seeded by the key of the study and the number, which reads the finished
        trials of earlier batches in order of their numbers. The suggestion therefore does not depend on timing, on the
        number of workers, or on interruptions. A grid needs no sampler: its points have an order.
        """
        dials, search = request.dials, request.search
        if search.sampler == "grid":
            return Suggestion(grid_point(dials, request.number), "fixed")
        sampler = search.sampler_of(dials)
        prior = list(filter(None, map(with_value, request.prior)))
        point = first_point(dials, request.number, prior, sampler)
        if len(point) == len(dials):
            return Suggestion(point, "fixed")
        earlier = request.earlier
        filled = self._filled(request, [*levelled(prior, earlier), *earlier])
        seed = int(digest([request.study, request.number])[:8], 16) & LARGEST_SEED
        suggested = filled.ask(_sampler(sampler, seed), point)
        if request.is_last:
            del self._studies[request.study]
        values = {name: point.get(name, rounded(value, dials[name])) for name, value in suggested.items()}
        return Suggestion(values, "suggested")

    def suggest(self, request: Request) -> Mapping[str, Value]:
        """The dials of a trial."""
        return self.suggestion(request).dials

    def _filled(self, request: Request, trials: list[EndedTrial]) -> "_Study":
        """The study with exactly these trials."""
        filled = self._studies.get(request.study)
        if filled is None or not filled.starts(trials):
            filled = self._studies[request.study] = _Study(request.dials)
        filled.add(trials)
        return filled


class _Study:
    """A study of Optuna with the finished trials that were added so far."""

    def __init__(self, dials: Mapping[str, Distribution]) -> None:
        # Optuna logs a line for each new study.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = {name: distribution(dial) for name, dial in dials.items()}
        self._study = optuna.create_study(direction="maximize")
        self._added: list[EndedTrial] = []

    def starts(self, records: list[EndedTrial]) -> bool:
        """Whether the trials of the study are the first of these records."""
        return self._added == records[: len(self._added)]

    def add(self, records: list[EndedTrial]) -> None:
        """Add the records that the study does not have."""
        for record in records[len(self._added) :]:
            self._study.add_trial(optuna_trial(record, self._space, record.spec.dials))
            self._added.append(record)

    def ask(self, sampler: optuna.samplers.BaseSampler, point: Mapping[str, Value]) -> dict[str, Value]:
        """The suggestion of a sampler; `point` fixes some of its dials."""
        self._study.sampler = sampler
        if point:
            self._study.enqueue_trial(dict(point))
        trial = self._study.ask(self._space)
        # Samplers ignore failed trials, so the next suggestion is that of a study without this trial.
        self._study.tell(trial, state=TrialState.FAIL)
        return dict(trial.params)


def first_point(
    dials: Mapping[str, Distribution], number: int, prior: Sequence[Sequence[EndedTrial]], sampler: Sampler
) -> dict[str, Value]:
    """The dials that are not left to the sampler: with a prior its best ones, otherwise those of a declared point.

    A Gaussian process fits nothing before it has FIRST_TRIALS trials. Without a prior, LogUniform dials of its first
    trials therefore get values that are spread over their range.
    """
    if prior:
        return best_dials(prior, dials) if number == 0 else {}
    point = {name: dial.first[number] for name, dial in dials.items() if number < len(dial.first)}
    spread = _spread(dials, number) if sampler == "gp" and number < FIRST_TRIALS else {}
    return {name: (spread | point)[name] for name in dials if name in spread or name in point}


def _spread(dials: Mapping[str, Distribution], number: int) -> dict[str, Value]:
    """Point `number` of FIRST_TRIALS points whose LogUniform dials are spread over their ranges."""
    point: dict[str, Value] = {}
    for position, (name, dial) in enumerate(sorted(dials.items())):
        if isinstance(dial, LogUniform):
            # FIRST_TRIALS + 1 is prime, so that each dial has the same ranks in another order.
            rank = (number + 1) * (position % FIRST_TRIALS + 1) % (FIRST_TRIALS + 1) - 1
            value = dial.low * (dial.high / dial.low) ** ((rank + 0.5) / FIRST_TRIALS)
            point[name] = rounded(value, dial)
    return point


def rounded(value: Value, dial: Distribution) -> Value:
    """A suggested value with DIGITS significant digits, within the bounds of its dial.

    The last digits of a suggestion can depend on the processor. The value of a Choice is not changed.
    """
    if not isinstance(dial, LogUniform):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), dial.low), dial.high)


def distribution(dial: Distribution) -> BaseDistribution:
    """A dial as a distribution of Optuna."""
    if isinstance(dial, LogUniform):
        return FloatDistribution(dial.low, dial.high, log=True)
    assert isinstance(dial, Choice)
    return CategoricalDistribution(list(dial.values))


def optuna_trial(
    record: TrainingRecord | EndedTrial,
    space: Mapping[str, BaseDistribution],
    params: Mapping[str, Value],
    **notes: object,
) -> FrozenTrial:
    """A finished trial in the form of Optuna. A trial that failed has no value."""
    done = has_value(record)
    return create_trial(
        state=TrialState.COMPLETE if done else TrialState.FAIL,
        value=record.value if done else None,
        params=dict(params),
        distributions=dict(space),
        # Shown by optuna-dashboard; samplers do not read them.
        user_attrs={"key": record.key, "role": record.spec.role, "trial": record.spec.name, **notes},
    )


def _sampler(name: Sampler, seed: int) -> optuna.samplers.BaseSampler:
    # Functions, so that only the requested sampler is created.
    makers = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST_TRIALS),
        "gp": lambda: optuna.samplers.GPSampler(
            seed=seed, n_startup_trials=FIRST_TRIALS, deterministic_objective=False
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    with warnings.catch_warnings():
        # Before version 5, Optuna warns that the Gaussian process is experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[name]()  # type: ignore[no-untyped-call]
