"""Run an agenda with Ray: one Tuner for the whole sweep, and actors that are reused from trial to trial."""

import errno
import logging
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from sweeper.errors import CrowdedError, DamagedError, MachineError, ShortageError, SweeperError, TrialError
from sweeper.files.leftovers import locked_folder, remove_temporary
from sweeper.files.patience import UnreachableError
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.cache import cache_here
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.attempts import Attempts, Cause, Death, dead_worker, nodes
from sweeper.tuning.callbacks import ActorCallback, FollowCallback
from sweeper.tuning.connect import connected
from sweeper.tuning.credentials import credentials, unlogged_credentials, use_credentials
from sweeper.tuning.follow import following
from sweeper.tuning.halt import Halt
from sweeper.tuning.notice import Notice
from sweeper.tuning.options import Workers
from sweeper.tuning.packed import pack, placement, unpack
from sweeper.tuning.room import Room
from sweeper.tuning.shares import Shares
from sweeper.tuning.watch import Watch

logger = logging.getLogger(__name__)

CAUSES: Mapping[type[Exception], Cause] = {
    DamagedError: "damage",
    CrowdedError: "crowd",
    ShortageError: "shortage",
}
"""Error of a trial -> the cause of another attempt. The first one that fits counts."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers for a full disk and an exceeded quota."""
REPLACED = "another `sweeper run` has continued the sweep"
"""The reason why trials are left if the driver has lost the lease of its run folder."""


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    """Whether and why a launch ended before all trials had run."""

    interrupted: bool
    """Whether trials are left because a stop was requested."""
    fatal: str = ""
    """The reason (a full disk, an unreachable store) why trials are left; "" if there is none."""


class TrialActor(tune.Trainable):
    """One actor: runs trials one after the other. The results are in the ledger, only messages return through Ray."""

    def setup(
        self, config: dict[str, Any], site: dict[str, Any] | None = None, keys: dict[str, str] | None = None
    ) -> None:
        """Open the workbench, once for all trials of this actor. `keys` are the credentials of the driver."""
        use_credentials(keys or {})
        remove_temporary()
        self._messages: list[str] = []
        self._notice = Notice()
        given = Site(**(site or {}))
        self._open_bench(given.with_cache(cache_here(given.cache)))
        self._spec = unpack(config["spec"])

    def _open_bench(self, site: Site) -> None:
        self._bench = Workbench(site, notify=self._messages.append, is_ending=self._notice)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Receive the next spec. Returns True: Tune may reuse the actor."""
        self._spec = unpack(new_config["spec"])
        return True

    def step(self) -> dict[str, Any]:
        """Run the whole trial. A trial that raises an error is lost, and the result has the reason."""
        self._messages.clear()
        try:
            run_trial(self._spec, self._bench)
        except Exception as error:  # noqa: BLE001  the driver shows the reason, and the other trials continue
            # The reason of a shortage can become that of a record.
            reason = str(error) if isinstance(error, ShortageError) else f"{type(error).__name__}: {error}"
            is_fatal = is_full_disk(error) or isinstance(error, UnreachableError)
            if not is_fatal and not isinstance(error, OSError | TrialError | ShortageError):
                # An unexpected error is a bug: its traceback must not be lost with the worker.
                reason += _traceback_place(self._bench.ledger, self._spec.key)
            cause = next((cause for kind, cause in CAUSES.items() if isinstance(error, kind)), None)
            if cause:
                # The next attempt opens all files again.
                self._open_bench(self._bench.site)
            failure = {"lost": reason, "fatal": is_fatal, "cause": cause}
            return {"done": True, "messages": list(self._messages), **failure}
        return {"done": True, "messages": list(self._messages)}


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


def launch(agenda: Agenda, site: Site, workers: Workers, watch: Watch, halt: Halt, shares: Shares) -> LaunchResult:
    """Run all trials of an agenda with one Tuner, until none is left or a stop is requested.

    Raises MachineError if the cluster cannot be reached or Ray does not start, and UserError if a trial needs more GPUs
    than this machine has.
    """
    largest = agenda.specs.resources.largest(agenda.plan.space.models)
    ledger = site.open_ledger()
    # The follower ends after the workers, and then removes the files of those that were stopped.
    with (
        locked_folder("sweeper-ray-") as scratch,
        following(site.open_progress()) as follower,
        connected(workers, largest, halt) as available,
    ):
        room = workers.room(available)
        logger.info("Ray has %s; %s", available, room)
        searcher = AgendaSearcher(agenda, ledger, watch, room, halt, shares)
        try:
            callbacks = [ActorCallback(searcher), FollowCallback(searcher, follower)]
            with unlogged_credentials():
                _tuner(searcher, site, scratch, callbacks).fit()
        except Exception as error:  # noqa: BLE001  Tune's traceback tells the user nothing, and the ledger is safe
            if not halt.requested:  # the signal may have ended Ray
                searcher.fatal = f"{type(error).__name__}: {error}{_traceback_place(ledger, 'driver')}"
    return searcher.result()


def _tuner(searcher: AgendaSearcher, site: Site, scratch: Path, callbacks: list[tune.Callback]) -> tune.Tuner:
    actor = tune.with_parameters(TrialActor, site=vars(site), keys=credentials())
    return tune.Tuner(
        tune.with_resources(actor, placement),
        # -1: until the searcher answers FINISHED. A new actor would cost a second or more per trial.
        tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(scratch.resolve()),
            verbose=0,
            # The searcher suggests a trial again if its actor dies.
            failure_config=tune.FailureConfig(max_failures=0),
            # A trial writes its own checkpoints. The default of Tune is one more call of the actor after each trial.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=callbacks,
        ),
    )


def _traceback_place(ledger: Ledger, name: str) -> str:
    """Write the traceback of the current exception to the ledger. Returns the place, or why it was not written."""
    try:
        return f" (see ledger/{ledger.write_traceback(name, traceback.format_exc())})"
    except OSError as error:
        return f" (its traceback cannot be written: {error})"


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


def is_full_disk(error: BaseException | None) -> bool:
    """Whether a full disk or quota caused an error, directly or through errors that libraries raised from it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        # Some libraries keep only the text of the system's error.
        if getattr(error, "errno", None) in DISK_FULL or os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
