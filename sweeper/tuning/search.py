"""The dials of a search trial: a point of a grid, or a suggestion of an Optuna study."""

from collections.abc import Iterable, Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.files.digests import digest
from sweeper.records.record import TrainingRecord
from sweeper.space import Choice, Distribution, LogUniform, Search, Value, grid_point

FIRST_RANDOM = 4
"""Number of trials before TPE or GP fit a model, the declared first points included."""
LARGEST_SEED = 2**31 - 1


def suggest(
    study: str, number: int, dials: Mapping[str, Distribution], finished: Iterable[TrainingRecord], search: Search
) -> dict[str, Value]:
    """The dials of trial `number` of a study: the declared first points, then suggestions of the sampler.

    Every call makes a new sampler, seeded by the key of the study and the number, and adds the finished trials of
    earlier batches in order of their numbers. The suggestion therefore does not depend on timing, on the number of
    workers, or on interruptions. A grid needs no sampler: its points have an order.
    """
    if search.sampler == "grid":
        return grid_point(dials, number)
    space = {name: distribution(dial) for name, dial in dials.items()}
    sampler = _sampler(search, int(digest([study, number])[:8], 16) & LARGEST_SEED)
    # Optuna logs a line for each new study.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = optuna.create_study(direction="maximize", sampler=sampler)
    edge = barrier(number, search)
    earlier = sorted((r for r in finished if r.spec.number < edge), key=lambda record: record.spec.number)
    for record in earlier:
        trials.add_trial(optuna_trial(record, space, record.spec.dials))
    point = {name: dial.first[number] for name, dial in dials.items() if number < len(dial.first)}
    if point:
        # A point may fix only some dials; the sampler suggests the others.
        trials.enqueue_trial(point)
    return dict(trials.ask(space).params)


def barrier(number: int, search: Search) -> int:
    """First number of a trial's batch. The trials with smaller numbers are known when trial `number` is suggested.

    All trials of a grid are one batch.
    """
    return 0 if search.sampler == "grid" else number // search.batch * search.batch


def distribution(dial: Distribution) -> BaseDistribution:
    """A dial as a distribution of Optuna."""
    if isinstance(dial, LogUniform):
        return FloatDistribution(dial.low, dial.high, log=True)
    assert isinstance(dial, Choice)
    return CategoricalDistribution(list(dial.values))


def optuna_trial(
    record: TrainingRecord, space: Mapping[str, BaseDistribution], params: Mapping[str, Value], **notes: object
) -> FrozenTrial:
    """A finished trial in the form of Optuna. A trial that failed has no value."""
    done = record.state == "done" and record.value is not None
    return create_trial(
        state=TrialState.COMPLETE if done else TrialState.FAIL,
        value=record.value if done else None,
        params=dict(params),
        distributions=dict(space),
        # Shown by optuna-dashboard; samplers do not read them.
        user_attrs={"key": record.key, "role": record.spec.role, "trial": record.spec.name, **notes},
    )


def _sampler(search: Search, seed: int) -> optuna.samplers.BaseSampler:
    # Functions, so that only the requested sampler is created.
    makers = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST_RANDOM),
        "gp": lambda: optuna.samplers.GPSampler(
            seed=seed, n_startup_trials=FIRST_RANDOM, deterministic_objective=False
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    return makers[search.sampler]()  # type: ignore[no-untyped-call]
