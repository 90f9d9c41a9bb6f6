"""The Optuna journal in a local run folder, for `optuna-dashboard FILE`. The sweep takes no results from it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.distributions import IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.space import Distribution
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.search import LARGEST_SEED, distribution, optuna_trial
from sweeper.tuning.watch import Watch


class Journal:
    """Finished trials in an Optuna journal file. Each search unit has a study, named like the unit.

    The file repeats what the ledger contains and may be deleted. Replicates have `seed` as an additional parameter.
    """

    def __init__(self, path: Path, num_expected: int) -> None:
        """Open the file. If it is damaged or does not have `num_expected` trials, an empty file replaces it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opening a study reads the whole file, so each study is opened only once.
        self._studies: dict[str, optuna.Study] = {}
        if _num_trials(path) != num_expected:
            path.unlink(missing_ok=True)
        self.empty = not path.exists()
        self._storage = JournalStorage(JournalFileBackend(str(path)))

    def add(self, study: str, dials: Mapping[str, Distribution], record: TrainingRecord) -> None:
        """Add a finished trial to the study of that name. Raises OSError if the file cannot be written."""
        space = {name: distribution(dial) for name, dial in dials.items()} | {"seed": IntDistribution(0, LARGEST_SEED)}
        params = {**record.spec.dials, "seed": record.spec.seed}
        if study not in self._studies:
            optuna.logging.set_verbosity(optuna.logging.WARNING)
            self._studies[study] = optuna.create_study(
                study_name=study, storage=self._storage, direction="maximize", load_if_exists=True
            )
        self._studies[study].add_trial(optuna_trial(record, space, params, recipe=record.spec.recipe))


def _num_trials(path: Path) -> int:
    """Number of trials in a journal file; -1 if the file cannot be read."""
    if not path.exists():
        return 0
    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
        return sum(summary.n_trials for summary in optuna.get_all_study_summaries(storage))
    except Exception:  # noqa: BLE001  Optuna raises errors of many types for a damaged file
        return -1


class JournalWatch(Watch):
    """Adds finished trials to the journal of a local run. The first failure is reported, and then nothing is added."""

    def __init__(self, agenda: Agenda, path: Path, report: Callable[[str], object]) -> None:
        self._report = report
        self._owners = {
            agenda.name(slot): agenda.plan.unit(agenda.unit(slot).study)
            for slot in agenda.slots()
            if agenda.unit(slot).study
        }
        # By key, because dials that a study suggested twice have one training.
        by_key = {r.key: r for slot, r in agenda.done.items() if agenda.name(slot) in self._owners}
        self._journal: Journal | None = None
        with self._one_failure():
            self._journal = Journal(path, len(by_key))
            for record in by_key.values() if self._journal.empty else ():
                self._add(record)

    def started(self, spec: TrialSpec) -> None:
        """Nothing: a journal contains finished trials only."""

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Nothing: a journal contains finished trials only."""

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Nothing: the trial runs again."""

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Nothing: a journal contains no messages."""

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Add the trial to its study."""
        with self._one_failure():
            self._add(result.training)

    def _add(self, record: TrainingRecord) -> None:
        owner = self._owners.get(record.spec.name)
        if self._journal is not None and owner is not None:
            self._journal.add(owner.name, owner.stage.dials, record)

    @contextmanager
    def _one_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  the ledger has the trial, so nothing here may end the sweep
            self._journal = None
            self._report(
                f"optuna.journal is not written any more ({type(error).__name__}: {error}). The sweep continues. "
                "The next `sweeper run` that has trials left writes the file again from the ledger."
            )
