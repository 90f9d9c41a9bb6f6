"""Removes the stored encoders that no remaining trial of a space needs (`Space.keep_encoders`)."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sweeper.errors import SweeperError, UserError
from sweeper.plan.encoders import StoredEncoders
from sweeper.plan.status import never_runs
from sweeper.plan.units import PlannedTrial, Unit
from sweeper.records.ended import EndedTrial
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.run.encoders import EncoderStore
from sweeper.run.site import Site
from sweeper.space import Space
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.watch import Watch

logger = logging.getLogger(__name__)


def check_store(space: Space, site: Site) -> None:
    """Raise UserError if encoders would be removed from a store that other sweeps may use."""
    if space.keep_encoders == "needed" and site.shares_store:
        raise UserError(
            f"keep_encoders = 'needed' removes encoders, and other sweeps may need those of the store {site.store}. "
            "Use keep_encoders = 'all', or leave out --store: the store is then in the run folder."
        )


def remover(agenda: Agenda, site: Site, report: Callable[[str], object]) -> "Remover | None":
    """The remover of a sweep; None if the space keeps all encoders."""
    if agenda.plan.space.keep_encoders == "all":
        return None
    whole = _whole(agenda)
    done = whole.done.items()
    return Remover(
        agenda=agenda,
        encoders=StoredEncoders(replace(agenda.plan, part=None)),
        store=site.open_store(),
        report=report,
        outside=frozenset(
            (whole.unit(slot).name, slot.role, slot.number) for slot, record in done if not record.can_be_retried
        ),
        failed={whole.name(slot) for slot, record in done if _has_failed(record)},
    )


def _whole(agenda: Agenda) -> Agenda:
    """The agenda of the whole space before a part of it runs, or that of the part if other data are missing."""
    if agenda.plan.part is None:
        return agenda
    specs = replace(agenda.specs, plan=replace(agenda.plan, part=None))
    try:
        return Agenda(specs=specs, trainings=agenda.trainings, scores=agenda.scores, retried=agenda.retried)
    except SweeperError as error:
        # A part can run without the data of the others.
        logger.info("encoders that trials outside of the part need stay in the store: %s", error)
        return agenda


@dataclass(eq=False, kw_only=True)
class Remover(Watch):
    """Removes encoders when the last trial that needs them has ended. No failure of it ends the sweep."""

    subject: ClassVar[str] = "The removal of encoders"
    agenda: Agenda
    encoders: StoredEncoders
    store: EncoderStore
    report: Callable[[str], object]
    outside: frozenset[PlannedTrial]
    """The trials that had ended before the sweep and may be outside of the part of the space that runs."""
    failed: set[str]
    """Names of trials that failed and will not run again."""
    removed: set[str] = field(default_factory=set)
    """Keys of the encoders that were removed."""
    _keys: dict[PlannedTrial, str] = field(default_factory=dict)
    _is_reported: bool = False

    def remove_all(self) -> int:
        """Remove every encoder in the store that no trial needs, also if a killed sweep has removed it in part.

        Returns the number of encoders.
        """
        stored = frozenset(self.store.folder.names())
        keys = stored.intersection(self._unneeded(self.encoders.plan.unit(name) for name in self.encoders.users))
        return sum(self._remove(key) for key in sorted(keys))

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Remove the encoders that only this trial still needed."""
        ended = EndedTrial.of(result.training)
        name, _, _ = spec.name.rpartition("/")
        units: Iterable[Unit] = self.encoders.needed_by[name]
        if _has_failed(ended):
            # Any trial may be one that can never run now.
            done = self.agenda.done
            self.failed |= {self.agenda.name(slot) for slot, record in done.items() if _has_failed(record)}
            units = map(self.encoders.plan.unit, self.encoders.users)
        for key in self._unneeded(units):
            self._remove(key)

    def started(self, spec: TrialSpec) -> None:
        """Nothing."""

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Nothing."""

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Nothing: the next sweep runs the trial again."""

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Nothing."""

    def _remove(self, key: str) -> bool:
        """Remove an encoder. Returns whether it was removed now; the next sweep tries again after an error."""
        if key in self.removed:
            return False
        try:
            self.store.remove(key)
        except (OSError, SweeperError) as error:
            if not self._is_reported:
                self._is_reported = True
                self.report(f"The encoder {key}, which no trial needs any more, cannot be removed: {error}.")
            return False
        logger.info("no trial needs encoder %s any more: it is removed", key)
        self.removed.add(key)
        return True

    def _unneeded(self, units: Iterable[Unit]) -> Iterator[str]:
        """The keys of the encoders of some preparations that no trial of the space needs."""
        for unit in units:
            trials = [*self._unneeded_replicates(unit), *self._unneeded_searched(unit)]
            yield from filter(None, map(self._key, trials))

    def _unneeded_replicates(self, unit: Unit) -> Iterator[PlannedTrial]:
        for seed in self.encoders.plan.seeds(unit):
            if self._have_ended(self.encoders.replicate_users(unit, seed)):
                yield unit.name, "replicate", seed

    def _unneeded_searched(self, unit: Unit) -> Iterator[PlannedTrial]:
        """The trials of a preparation's study: all but the chosen one as soon as one is chosen, and that one later."""
        trials = self.encoders.searched(unit)
        if not trials or not self._have_ended((unit.name, *trial) for trial in self.encoders.plan.studied(unit)):
            return
        chosen = self.agenda.results.choice(unit)
        is_needed = not self._have_ended(self.encoders.search_users(unit))
        kept = self._key((unit.name, chosen.spec.role, chosen.spec.number)) if chosen and is_needed else ""
        # By key, because trials of a study with equal dials share an encoder.
        yield from (trial for trial in trials if self._key(trial) != kept)

    def _key(self, trial: PlannedTrial) -> str:
        """The key of the encoder of a trial. It is kept, because a digest takes longer than all other steps."""
        if not self._keys.get(trial):
            self._keys[trial] = self.agenda.encoder(trial)
        return self._keys[trial]

    def _have_ended(self, trials: Iterable[PlannedTrial]) -> bool:
        return all(map(self._has_ended, trials))

    def _has_ended(self, trial: PlannedTrial) -> bool:
        """Whether a trial has ended and will not run again, or can never run."""
        part = self.agenda.plan.part
        if part is None or trial in part:
            record = self.agenda.record(trial)
            has_ended = record is not None and not record.can_be_retried
        else:
            has_ended = trial in self.outside
        return has_ended or (bool(self.failed) and never_runs(self.encoders.plan, trial, self.failed))


def _has_failed(record: EndedTrial) -> bool:
    """Whether a trial has failed and will not run again."""
    return record.state == "failed" and not record.can_be_retried
