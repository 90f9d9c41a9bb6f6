"""Attempts of trials that end without a record: the same trial runs again, now or later, a limited number of times."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import ray
import ray.cloudpickle
from ray._private.state import state
from ray.exceptions import RayActorError
from ray.tune.experiment import Trial

from sweeper.records.record import DEAD_WORKER, OUT_OF_MEMORY
from sweeper.records.spec import TrialSpec

Cause = Literal["damage", "shortage", "crowd", "start"]
REPEATS: dict[Cause, int] = {"damage": 1, "shortage": 2, "crowd": 10, "start": 2}
"""Cause -> further attempts: a damaged file, too little memory because of other processes, too little memory on a share
of a GPU (each attempt has twice the share), a worker that did not start or whose node is not known."""
MOST_DEATHS = 3
"""Deaths of the worker of a trial, on nodes that stayed alive, after which the trial has failed."""
NODE_TIMEOUT = 30.0
"""Seconds after which Ray knows that a node is lost. On one machine, the driver dies with the node."""
LOW_MEMORY = "the node running low on memory"
"""Words of Ray about a worker that it has ended for this reason."""
REMEDY = "If memory is short, use fewer trials at a time. --retry-failed runs the trial again."
PAUSE = 60.0
"""Seconds before a trial without enough memory runs again."""


@dataclass(frozen=True)
class Death:
    """The death of a worker: its node, the time, and what Ray says."""

    node: str
    """"" if the death does not count, because the node was preempted, or because there is a `cause`."""
    reason: str
    time: float = field(default_factory=time.monotonic)
    cause: Cause | None = None
    """`start` if the worker did not start or its node is not known, `shortage` if Ray ended it because its machine had
    little memory left."""


@dataclass
class Attempts:
    """The attempts of the trials of a sweep, and the trials that run again."""

    nodes: Callable[[], dict[str, bool]]
    """Returns node -> whether it is alive."""
    _used: Counter[tuple[str, Cause]] = field(default_factory=Counter)
    _deaths: dict[str, list[Death]] = field(default_factory=dict)
    _next: list[TrialSpec] = field(default_factory=list)
    _later: list[tuple[float, TrialSpec]] = field(default_factory=list)

    def repeat(self, spec: TrialSpec, cause: Cause) -> bool:
        """Run a trial again if the cause allows a further attempt. Returns whether it does."""
        self._used[spec.key, cause] += 1
        if self._used[spec.key, cause] > REPEATS[cause]:
            return False
        self._again(spec, is_later=cause == "shortage")
        return True

    def repeat_after(self, spec: TrialSpec, death: Death) -> bool:
        """Run a trial again unless its worker has died too often. Returns whether it runs again."""
        self._deaths.setdefault(spec.key, []).append(death)
        if self._num_deaths(spec.key) >= MOST_DEATHS:
            return False
        self._again(spec, is_later=False)
        return True

    @property
    def upcoming(self) -> TrialSpec | None:
        """The trial that `next` would return."""
        return self._next[0] if self._next else None

    def next(self) -> TrialSpec | None:
        """A trial that runs again now; None if there is none."""
        return self._next.pop(0) if self._next else None

    def next_later(self) -> TrialSpec | None:
        """A trial that runs again when no other trial runs, so that it has all the memory; None if it is too early."""
        due = bool(self._later) and time.monotonic() >= self._later[0][0]
        return self._later.pop(0)[1] if due else None

    def _again(self, spec: TrialSpec, *, is_later: bool) -> None:
        if is_later:
            self._later.append((time.monotonic() + PAUSE, spec))
        else:
            self._next.append(spec)

    def _num_deaths(self, key: str) -> int:
        """Deaths of a trial's worker on nodes that stayed alive; with several nodes, without the most recent deaths."""
        alive = self.nodes()
        patience = NODE_TIMEOUT if len(alive) > 1 else 0.0
        now = time.monotonic()
        # A node that Ray no longer lists cannot be told from one that is alive. The sweep must not go on for ever.
        counted = [death for death in self._deaths[key] if death.node and alive.get(death.node, True)]
        return sum(now - death.time >= patience for death in counted)


def dead_worker(death: Death) -> str:
    """The reason of a trial whose worker has died too often."""
    return f"{DEAD_WORKER} {MOST_DEATHS} times, although its node was alive. {REMEDY} Ray: {death.reason}"


def death_of(trial: Trial) -> Death:
    """The death of the worker of a trial in Tune."""
    error, text = _error(trial), _text(trial)
    if LOW_MEMORY in text:
        return Death(
            node="",
            reason=f"{OUT_OF_MEMORY}: Ray ended the worker because its node had little memory left. {REMEDY}",
            cause="shortage",
        )
    if not isinstance(error, RayActorError) or error.actor_init_failed:
        return Death(node="", reason=_last_line(text), cause="start")
    if error.preempted:
        return Death(node="", reason="the node was preempted")
    node = _node(error)
    # Deaths on a node that is not known cannot be counted, and must not be repeated without end.
    return Death(node=node, reason=" ".join(str(error).split()), cause=None if node else "start")


def nodes() -> dict[str, bool]:
    """Node of the cluster -> whether it is alive."""
    return {node["NodeID"]: node["Alive"] for node in ray.nodes()}  # type: ignore[no-untyped-call]


def _error(trial: Trial) -> BaseException | None:
    """The exception that Tune has written to a file of the trial; None if it did not."""
    try:
        error: BaseException = ray.cloudpickle.loads(Path(str(trial.pickled_error_file)).read_bytes())
    except Exception:  # noqa: BLE001 - any error of the file or of the exception's class: the death is then not known
        return None
    return error


def _node(error: RayActorError) -> str:
    """The node of an actor; "" if Ray does not know it."""
    entry = state.actor_table(error.actor_id) if error.actor_id else {}
    return str(entry.get("Address", {}).get("NodeID", ""))


def _text(trial: Trial) -> str:
    """The messages of all errors that Tune has written to a file of the trial."""
    try:
        return Path(str(trial.error_file)).read_text(errors="replace")
    except OSError:
        return ""


def _last_line(text: str) -> str:
    """The end of a message: that of an error in a worker is a traceback."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "its worker did not start (see Ray's logs)"
