"""Gives Ray Tune the trials of an agenda, and gives the agenda their results."""

import logging
from dataclasses import dataclass
from typing import Any

from ray.tune.search import Searcher

from sweeper.errors import DamagedError, MachineError, SweeperError
from sweeper.files.patience import UnreachableError
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.ledger import Ledger
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.attempts import Attempts, Cause, Death, dead_worker, nodes
from sweeper.tuning.halt import Halt
from sweeper.tuning.packed import pack
from sweeper.tuning.room import Room
from sweeper.tuning.shares import Shares
from sweeper.tuning.watch import Watch

logger = logging.getLogger(__name__)

REPLACED = "another `sweeper run` has continued the sweep"
"""The reason why trials are left if the driver has lost the lease of its run folder."""


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    """Whether and why a launch ended before all trials had run."""

    interrupted: bool
    """Whether trials are left because a stop was requested."""
    fatal: str = ""
    """The reason (a full disk, an unreachable store) why trials are left; "" if there is none."""


class AgendaSearcher(Searcher):
    """Gives Tune the trials of the agenda: None while all of them wait for a running trial, FINISHED at the end."""

    def __init__(
        self, agenda: Agenda, ledger: Ledger, watch: Watch, room: Room, halt: Halt, shares: Shares | None = None
    ) -> None:
        super().__init__(metric="done", mode="max")  # Tune requires a metric, the agenda does not use it
        self.agenda = agenda
        self.fatal = ""
        self._ledger = ledger
        self._watch = watch
        self._room = room
        self._halt = halt
        # Running trials, under the ids that Tune gives them.
        self._specs: dict[str, TrialSpec] = {}
        self._attempts = Attempts(nodes=nodes)
        self._shares = shares or Shares()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing. Tune pickles its searcher to restore an experiment, but a sweep resumes from the ledger."""
        return {}

    def suggest(self, trial_id: str) -> Any:
        """The config of the next trial."""
        if self.fatal or self._halt.requested or self._halt.is_replaced:
            # Running trials may finish. No trial starts, because it would be killed.
            return None if self._specs else Searcher.FINISHED
        upcoming = self._attempts.upcoming or self.agenda.upcoming
        if upcoming and not self._fits(upcoming):
            return None
        spec = self._attempts.next() or self.agenda.next()
        if spec is None and not self._specs:
            spec = self._attempts.next_later()
        if spec is None:
            return Searcher.FINISHED if self.agenda.finished else None
        spec = self._specs[trial_id] = self._shares.resized(spec)
        return {"spec": pack(spec), "cpus": spec.resources.cpus, "gpus": spec.resources.gpus}

    def _fits(self, spec: TrialSpec) -> bool:
        """Whether a trial fits beside the running ones."""
        running = [each.resources for each in self._specs.values()]
        return self._room.fits(running, self._shares.resized(spec).resources)

    def on_trial_start(self, trial_id: str) -> None:
        """An actor has started the trial. Until then, the trial may have waited for resources."""
        if trial_id in self._specs:
            logger.info("%s has started", self._specs[trial_id].name)
            self._watch.started(self._specs[trial_id])

    def on_progress(self, progress: TrialProgress) -> None:
        """A running trial has written its progress."""
        for spec in self.running():
            if spec.key == progress.key:
                self._watch.progressed(spec, progress)

    def result(self) -> LaunchResult:
        """Whether and why trials are left at the end."""
        is_left = not self.agenda.finished
        fatal = self.fatal or (REPLACED if is_left and self._halt.is_replaced and not self._halt.requested else "")
        return LaunchResult(interrupted=is_left and not fatal, fatal=fatal)

    def running(self) -> list[TrialSpec]:
        """The trials that were handed to Tune and have not ended."""
        return list(self._specs.values())

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Read the records of a finished trial from the ledger and give them to the agenda."""
        if error:
            return  # the worker has died: `on_worker_death` follows, with the exception
        spec = self._specs.pop(trial_id, None)
        if spec is None:
            return  # Tune repeats an event after an error
        # A trial that raised an error returns a result too.
        answer: dict[str, Any] = {"lost": "it has no result (see Ray's logs)"} if result is None else result
        for message in answer.get("messages", ()):
            self._watch.notified(spec, message)
        if answer.get("fatal"):
            self.fatal = answer["lost"]
        if answer.get("lost"):
            self._repeat_or_lose(spec, answer["lost"], answer.get("cause"))
            return
        self._read(spec)

    def on_worker_death(self, trial_id: str, death: Death) -> None:
        """The worker of a trial has died, or did not start. The trial runs again, or is recorded as failed."""
        spec = self._specs.pop(trial_id, None)
        if spec is None or self._halt.requested:
            # The signal has ended the worker too. The trial is not lost: it runs again when the sweep continues.
            return
        self._watch.died(spec)
        if death.cause:
            self._repeat_or_lose(spec, death.reason, death.cause)
        elif self._attempts.repeat_after(spec, death):
            self._watch.notified(spec, f"Its worker died, and it runs again. Ray: {death.reason}")
        else:
            self._record_failure(spec, dead_worker(death))

    def _repeat_or_lose(self, spec: TrialSpec, reason: str, cause: Cause | None) -> None:
        """Run a trial again that ended without a record, if its cause allows it."""
        if cause == "damage":
            cause = self._without_damage(spec)
        if cause == "crowd":
            reason = f"{reason} {self._shares.enlarge(spec)}"
        if cause and self._attempts.repeat(spec, cause):
            self._watch.waits(spec)
            self._watch.notified(spec, f"It runs again: {reason}")
        elif cause == "shortage":
            self._record_failure(spec, reason)
        else:
            self._mark_lost(spec, reason)

    def _without_damage(self, spec: TrialSpec) -> Cause | None:
        """Rename damaged records of a trial. Returns the cause of another attempt; None if that is not possible."""
        try:
            self._ledger.set_trial_aside(spec.key, [score_key(spec.key, score) for score in spec.scores])
        except (OSError, SweeperError):
            return None
        return "damage"

    def _record_failure(self, spec: TrialSpec, reason: str) -> None:
        """Write the record of a trial that failed without one. The record of an encoder that is scored stays."""
        try:
            is_kept = spec.kind == "score" or self._ledger.training(spec.key) is not None
            if not is_kept:
                self._ledger.write_training(TrainingRecord(key=spec.key, spec=spec, state="failed", reason=reason))
        except (OSError, SweeperError) as error:
            is_kept, reason = True, f"{reason} Its record cannot be written: {error}"
        if is_kept:
            self._mark_lost(spec, reason)
        else:
            self._read(spec)

    def _read(self, spec: TrialSpec) -> None:
        """Read the records of a trial that has ended, and give them to the agenda."""
        try:
            records = read_result(self._ledger, spec)
        except DamagedError as problem:
            self._repeat_or_lose(spec, str(problem), "damage")
            return
        except UnreachableError as problem:
            self.fatal = str(problem)
            self._mark_lost(spec, self.fatal)
            return
        except Exception as problem:  # noqa: BLE001  an error that leaves this method would end the whole sweep
            self._mark_lost(spec, str(problem) or type(problem).__name__)
            return
        logger.info("%s is %s", spec.name, records.training.state)
        if message := self._shares.measure(spec, records.training):
            self._watch.notified(spec, message)
        self.agenda.complete(spec.name, records)
        self._watch.finished(spec, records)

    def _mark_lost(self, spec: TrialSpec, reason: str) -> None:
        logger.warning("%s is lost: %s", spec.name, reason)
        self.agenda.mark_lost(spec.name, reason)
        self._watch.lost(spec, reason)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a sweep resumes from the ledger."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: a sweep resumes from the ledger."""


def read_result(ledger: Ledger, spec: TrialSpec) -> TrialResult:
    """The records of a finished trial.

    Raises MachineError if the ledger has no training record of it, DamagedError and FormatError for a record that
    cannot be read.
    """
    record = ledger.training(spec.key)
    if record is None:
        raise MachineError(
            f"{spec.name} has finished, but the ledger {ledger.folder.url} has no record {spec.key}. On a cluster, "
            "all machines must share the run folder: use s3://... or NFS."
        )
    scores: list[ScoreRecord] = []
    for score in spec.scores if record.state == "done" else ():
        stored = ledger.score(score_key(spec.key, score))
        if stored is not None:
            scores.append(stored)
    return TrialResult(training=record, scores=tuple(scores))
