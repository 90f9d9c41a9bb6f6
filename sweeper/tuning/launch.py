"""The home of ray: one Tuner for the whole sweep, reused actors that own their share, fed from the agenda."""

import base64
import errno
import math
import os
import signal
import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from sweeper.errors import DamagedError, SweeperError, TrialError, UserError
from sweeper.files.serialize import read_json, write_json
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.space import Resources
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.halt import Halt
from sweeper.tuning.watch import Watch

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "32",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
ACTOR_RETRIES = 2
"""Times that a trial whose actor died is started again within one run."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system answers when a disk or a quota is full."""
OBJECT_STORE = 200 * 2**20
"""Bytes of shared memory that a local Ray takes: nothing large travels through it."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """What a sweep runs on."""

    num: int | None = None
    """Trials at a time; None: as many as this machine has CPUs for, or as the cluster holds."""
    address: str = "local"
    """`local` starts a Ray of its own; `auto` or an address joins a cluster."""

    def at_a_time(self, largest: Resources) -> int | None:
        """Most trials handed out at once; None: the cluster decides. `largest` is what the largest trial owns."""
        if self.num is not None or self.address != "local":
            return self.num
        return max(1, int((os.cpu_count() or 1) / largest.cpus))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a launch ended."""

    interrupted: bool
    fatal: str = ""
    """Why no further trial was handed out (a full disk), if so."""


class TrialActor(tune.Trainable):
    """One reused actor: takes a spec, runs it, answers where its records are."""

    def setup(self, config: dict[str, Any], site: dict[str, Any] | None = None) -> None:
        """Open the bench once for all trials of this actor."""
        self._told: list[str] = []
        self._bench = Workbench(Site(**(site or {})), notify=self._told.append)
        self._spec = unpack(config["spec"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next spec."""
        self._spec = unpack(new_config["spec"])
        return True

    def step(self) -> dict[str, Any]:
        """Run the whole trial."""
        self._told.clear()
        try:
            run_trial(self._spec, self._bench)
        except Exception as error:  # noqa: BLE001  told to the user; the other trials go on
            told = f"{type(error).__name__}: {error}"
            full = is_full_disk(error)
            if not full and not isinstance(error, OSError | TrialError):
                told += f" (see ledger/{self._bench.ledger.write_traceback(self._spec.key, traceback.format_exc())})"
            return {"done": True, "told": list(self._told), "lost": told, "full": full}
        return {"done": True, "told": list(self._told)}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: trials keep checkpoints of their own."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: trials keep checkpoints of their own."""


class AgendaSearcher(Searcher):
    """Lets Tune pull trials from the agenda: None while all wait, FINISHED at the end."""

    def __init__(self, agenda: Agenda, ledger: Ledger, watch: Watch, workers: int | None, halt: Halt) -> None:
        super().__init__(metric="done", mode="max")  # Tune insists on a metric; the agenda needs none
        self.agenda = agenda
        self.fatal = ""
        self._ledger = ledger
        self._watch = watch
        self._workers = workers
        self._halt = halt
        self._specs: dict[str, TrialSpec] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher for a restore that is never asked for."""
        return {}

    def suggest(self, trial_id: str) -> Any:
        """The next trial's config."""
        if self.fatal or self._halt.asked:
            return None if self._specs else Searcher.FINISHED
        if self._workers is not None and len(self._specs) >= self._workers:
            return None
        spec = self.agenda.next()
        if spec is None:
            return Searcher.FINISHED if self.agenda.finished else None
        self._specs[trial_id] = spec
        self._watch.started(spec)
        return {"spec": pack(spec), "cpus": spec.resources.cpus, "gpus": spec.resources.gpus}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take a finished trial's records out of the ledger and into the agenda."""
        spec = self._specs.pop(trial_id)
        answer = {"lost": "its worker died more than once (see Ray's logs)"} if error or result is None else result
        for sentence in answer.get("told", ()):
            self._watch.notified(spec, sentence)
        if answer.get("full"):
            self.fatal = answer["lost"]
        if answer.get("lost"):
            self._lose(spec, answer["lost"])
            return
        try:
            found = read_result(self._ledger, spec)
        except (SweeperError, OSError) as problem:  # raised here it would end the whole sweep
            self._lose(spec, str(problem))
            return
        self.agenda.take(spec.name, found)
        self._watch.finished(spec, found)

    def _lose(self, spec: TrialSpec, reason: str) -> None:
        self.agenda.lose(spec.name, reason)
        self._watch.lost(spec, reason)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is what a resume reads."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is what a resume reads."""


def launch(agenda: Agenda, site: Site, workers: Workers, watch: Watch, scratch: Path, halt: Halt) -> Outcome:
    """Run everything on an agenda with one Tuner, and stop when nothing is left or a halt is asked for.

    `scratch` takes Ray's own experiment folder, which may be lost. Raises UserError if a cluster cannot be reached.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    largest = _largest(agenda)
    searcher = AgendaSearcher(agenda, site.open_ledger(), watch, workers.at_a_time(largest), halt)
    owns_ray = _connect(workers, largest)
    try:
        _check_fits(workers, largest)
        trainable = tune.with_resources(tune.with_parameters(TrialActor, site=vars(site)), _share)
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(scratch.resolve()),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=ACTOR_RETRIES),
            ),
        ).fit()
    finally:
        if owns_ray:
            ray.shutdown()
    return Outcome(interrupted=not agenda.finished and not searcher.fatal, fatal=searcher.fatal)


def read_result(ledger: Ledger, spec: TrialSpec) -> TrialResult:
    """What a finished trial left in the ledger. Raises DamagedError if its training record is not there."""
    record = ledger.training(spec.key)
    if record is None:
        raise DamagedError(
            f"{spec.name} has finished, but the ledger {ledger.folder.url} has no record {spec.key}: on a cluster of "
            "several machines the run folder must lie where all of them see it (s3://..., NFS)."
        )
    scores: list[ScoreRecord] = []
    for score in spec.scores if record.state == "done" else ():
        found = ledger.score(score_key(spec.key, score))
        if found is not None:
            scores.append(found)
    return TrialResult(training=record, scores=tuple(scores))


def is_full_disk(error: BaseException | None) -> bool:
    """Whether a disk or quota that is full stands behind an error, however the libraries in between have wrapped it."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def pack(spec: TrialSpec) -> str:
    """A spec as short text: Tune writes the configs of all trials again and again."""
    return base64.b85encode(zlib.compress(write_json(spec), 9)).decode()


def unpack(text: str) -> TrialSpec:
    """The spec behind `pack`'s text."""
    return read_json(TrialSpec, zlib.decompress(base64.b85decode(text)), "a trial's config")


def _share(config: dict[str, Any]) -> Any:
    bundle = {"CPU": config["cpus"]} | ({"GPU": config["gpus"]} if config["gpus"] else {})
    return tune.PlacementGroupFactory([bundle])


def _largest(agenda: Agenda) -> Resources:
    """The most that any trial owns."""
    resources = [agenda.specs.resources.for_model(model) for model in agenda.plan.space.models]
    return Resources(cpus=max(r.cpus for r in resources), gpus=max(r.gpus for r in resources))


def _check_fits(workers: Workers, largest: Resources) -> None:
    """Raise UserError if a trial asks for more than this machine has: it would wait for ever."""
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if workers.address == "local" and largest.gpus > there.get("GPU", 0):
        raise UserError(
            f"A trial asks for {largest.gpus:g} GPUs and this machine has {there.get('GPU', 0):g}: --gpus-per-trial 0 "
            "computes on CPUs, --address auto runs on a cluster."
        )


def _connect(workers: Workers, largest: Resources) -> bool:
    """Join or start a Ray; whether it is ours to shut down."""
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if workers.address == "local":
        options |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
        options |= {"num_cpus": math.ceil((workers.at_a_time(largest) or 1) * largest.cpus)}
        options |= {} if largest.gpus else {"num_gpus": 0}
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=workers.address, **options)
    except (ConnectionError, ValueError) as error:
        raise UserError(f"No Ray cluster answers at {workers.address!r}: {error}") from error
    signal.signal(signal.SIGTERM, terminate)  # Ray's own handler would end the process at once
    return True
