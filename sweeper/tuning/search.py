"""The home of optuna: what a study suggests, and the journal that a dashboard opens."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.files.digests import digest
from sweeper.records.record import TrainingRecord
from sweeper.space import Choice, Distribution, LogUniform, Search, Value

FIRST_RANDOM = 4
"""Trials before TPE or GP model anything, the declared first points counted."""
LARGEST_SEED = 2**31 - 1


def suggest(
    study: str, number: int, dials: Mapping[str, Distribution], finished: Iterable[TrainingRecord], search: Search
) -> dict[str, Value]:
    """The dials of trial `number`: the declared first points, then the sampler's.

    The sampler is fresh, seeded by (study, number) and told only of finished trials before this one's batch, in number
    order: neither timing nor the number of workers nor a kill can change the answer.
    """
    space = {name: distribution(dial) for name, dial in dials.items()}
    sampler = _sampler(search, int(digest([study, number])[:8], 16) & LARGEST_SEED)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = optuna.create_study(direction="maximize", sampler=sampler)
    known = sorted((r for r in finished if r.spec.number < barrier(number, search)), key=lambda r: r.spec.number)
    for record in known:
        trials.add_trial(_frozen(record, space, record.spec.dials))
    point = {name: dial.first[number] for name, dial in dials.items() if number < len(dial.first)}
    if point:
        trials.enqueue_trial(point)
    return dict(trials.ask(space).params)


def barrier(number: int, search: Search) -> int:
    """Trials with a smaller number than this are known when trial `number` is suggested: whole batches only."""
    return number // search.batch * search.batch


def distribution(dial: Distribution) -> BaseDistribution:
    """A dial as Optuna's distribution."""
    if isinstance(dial, LogUniform):
        return FloatDistribution(dial.low, dial.high, log=True)
    assert isinstance(dial, Choice)
    return CategoricalDistribution(list(dial.values))


def _num_trials(path: Path) -> int:
    """Trials that a journal file holds; -1 if it cannot be read."""
    if not path.exists():
        return 0
    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
        return sum(summary.n_trials for summary in optuna.get_all_study_summaries(storage))
    except (ValueError, KeyError):
        return -1


def _sampler(search: Search, seed: int) -> optuna.samplers.BaseSampler:
    makers = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST_RANDOM),
        "gp": lambda: optuna.samplers.GPSampler(
            seed=seed, n_startup_trials=FIRST_RANDOM, deterministic_objective=False
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    return makers[search.sampler]()  # type: ignore[no-untyped-call]


def _frozen(
    record: TrainingRecord, space: Mapping[str, BaseDistribution], params: Mapping[str, Value], **notes: object
) -> FrozenTrial:
    done = record.state == "done" and record.value is not None
    return create_trial(
        state=TrialState.COMPLETE if done else TrialState.FAIL,
        value=record.value if done else None,
        params=dict(params),
        distributions=dict(space),
        user_attrs={"key": record.key, "role": record.spec.role, "trial": record.spec.name, **notes},
    )


class Journal:
    """Every finished trial as an Optuna journal file, a study a search unit, for `optuna-dashboard FILE`.

    A mirror of the ledger: nothing reads it back, and it may be lost. Replicates have `seed` as a parameter.
    """

    def __init__(self, path: Path, num_known: int) -> None:
        """Open the journal; one that is torn, or does not hold `num_known` trials (after a kill), starts anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._studies: dict[str, optuna.Study] = {}
        if _num_trials(path) != num_known:
            path.unlink(missing_ok=True)
        self.empty = not path.exists()
        self._storage = JournalStorage(JournalFileBackend(str(path)))

    def add(self, study: str, dials: Mapping[str, Distribution], record: TrainingRecord) -> None:
        """Add a finished trial to the study of that name."""
        space = {name: distribution(dial) for name, dial in dials.items()} | {"seed": IntDistribution(0, LARGEST_SEED)}
        params = {**record.spec.dials, "seed": record.spec.seed}
        if study not in self._studies:
            optuna.logging.set_verbosity(optuna.logging.WARNING)
            self._studies[study] = optuna.create_study(
                study_name=study, storage=self._storage, direction="maximize", load_if_exists=True
            )
        self._studies[study].add_trial(_frozen(record, space, params, recipe=record.spec.recipe))
