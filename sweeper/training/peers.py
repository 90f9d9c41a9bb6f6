"""The further processes of a data-parallel training, as its first process starts, directs and ends them."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event

import torch
import torch.distributed as dist
from torch import Tensor

from sweeper.errors import MachineError, ShortageError
from sweeper.files.leftovers import locked_folder
from sweeper.files.serialize import write_json
from sweeper.records.record import DEAD_WORKER, OUT_OF_MEMORY
from sweeper.records.spec import StageSpec, TrialSpec
from sweeper.run.site import Site
from sweeper.training.gradients import ALONE, Team
from sweeper.training.model import Net
from sweeper.training.runtime import TOO_LITTLE_MEMORY, main_memory_errors
from sweeper.training.schedule import Rank
from sweeper.training.watchdog import Watchdog

logger = logging.getLogger(__name__)

START_PATIENCE = 600.0
"""Seconds in which the other processes of a training must start and read their data, and in which all must meet."""
STEP_PATIENCE = 1800.0
"""Seconds in which all processes must compute their part of a step."""
NO_ANSWER = (
    f"{DEAD_WORKER}: another process of the training did not answer within {{seconds:.0f}} seconds and was ended. "
    "It was stopped, or its GPU or its connection failed. Look for such errors in the log of the machine (dmesg)."
)
END_PATIENCE = 5.0
"""Seconds in which a process that has closed its connections ends."""
GRACE = 3.0
"""Seconds after the end of one process in which others may end because of the same cause."""
GROUP = 2**24
"""Maximum number of values of a message that joins several tensors."""
LOAD = -1
"""Instead of the number of a step: the process receives all weights, those that are frozen included."""
Order = tuple[int, int]
"""A step or LOAD, and the maximum number of tokens of a forward pass."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The input of a further process of a training, as a JSON file."""

    spec: TrialSpec
    """Its chain ends with the stage that is trained."""
    site: Site
    rank: Rank
    folder: str
    """The temporary folder in which the processes meet."""

    @property
    def stage(self) -> StageSpec:
        """The stage that is trained."""
        return self.spec.chain[-1]

    @property
    def ready(self) -> Path:
        """A file that this process makes when it is ready."""
        return Path(self.folder, f"ready-{self.rank.number}")


class CommonMemoryError(torch.OutOfMemoryError):
    """Too little memory in one process of a training, of which all of its processes know."""


@dataclass
class Group(Team):
    """What all processes of a training have in common: their messages to each other.

    Counts and orders go through the CPU. Weights and gradients stay on the devices.
    """

    rank: Rank

    def total(self, *counts: int) -> list[int]:
        """The sum of each count over all processes."""
        sums = torch.tensor(counts)
        dist.all_reduce(sums)
        return [int(count) for count in sums]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise an error about too little memory in all processes if the block raises it in one of them."""
        failure: BaseException | None = None
        try:
            with main_memory_errors():
                yield
        except TOO_LITTLE_MEMORY as error:
            failure = error
        if self.total(failure is not None) != [0]:
            raise CommonMemoryError(str(failure or "Another process of the training ran out of memory.")) from failure

    def collect(self, net: Net, loss: Tensor) -> Tensor:
        """Add up gradients and losses in the first process."""
        # A head that a step does not use has no gradient. All processes must send the same tensors.
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in _trained(net)]
        _exchange([*gradients, loss], partial(dist.reduce, dst=0))
        return loss

    def exchange(self, order: Order) -> Order:
        """The order of the first process, which the others receive."""
        numbers = torch.tensor(order)
        dist.broadcast(numbers, src=0)
        step, micro_tokens = numbers.tolist()
        return step, micro_tokens

    def share(self, net: Net, step: int) -> None:
        """Copy the weights that a step or LOAD needs from the first process to the others."""
        tensors = net.state_dict().values() if step == LOAD else [p.detach() for p in _trained(net)]
        _exchange(tensors, partial(dist.broadcast, src=0))


@dataclass
class First(Group):
    """The first process of a training, which has the optimiser, the checkpoints and the other processes."""

    peers: Sequence[subprocess.Popen[bytes]] = ()
    errors: Sequence[Path] = ()
    """For each other process, the file of its messages."""
    problem: str = ""
    """Set if the others did not answer in time and were ended."""
    watchdog: Watchdog = field(init=False)
    _noticed: Event = field(default_factory=Event, init=False)
    """Whether this process has noticed the end of the others, or needs them no longer."""

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(STEP_PATIENCE, self._give_up)

    def _give_up(self) -> None:
        """End the others, and this process as well if it is still waiting for them then (in a thread)."""
        self.problem = NO_ANSWER.format(seconds=STEP_PATIENCE)
        for peer in self.peers:
            peer.kill()
        if not self._noticed.wait(END_PATIENCE + GRACE) and not self.watchdog.is_finished():
            # NCCL waits for ever on the GPU. Ray counts the end of this process as a lost worker.
            logger.critical(self.problem)
            os._exit(1)

    def close(self) -> None:
        """End the watchdog, even if it has begun to act: the worker of this process may run another trial."""
        self.watchdog.close()
        self._noticed.set()

    def load(self, net: Net) -> None:
        """Give all weights to the other processes."""
        self.watchdog.begin()
        with self.alive():
            self.exchange((LOAD, 0))
            self.share(net, LOAD)
        self.watchdog.finish(_finished_on(net))

    def begin(self, net: Net, step: int, micro_tokens: int) -> None:
        """Let the other processes compute their part of a step with these weights."""
        self.watchdog.begin()
        with self.alive():
            self.exchange((step, micro_tokens))
            self.share(net, step)

    def total(self, *counts: int) -> list[int]:
        """The sum of each count over all processes."""
        with self.alive():
            return super().total(*counts)

    def collect(self, net: Net, loss: Tensor) -> Tensor:
        """Add the gradients of the other processes to those of the net. Returns the sum of the losses."""
        with self.alive():
            total = super().collect(net, loss)
        self.watchdog.finish(_finished_on(net))
        return total

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Give the reason of another process that has ended, instead of the error of a lost connection."""
        try:
            with main_memory_errors():
                yield
        except RuntimeError as error:
            if isinstance(error, TOO_LITTLE_MEMORY):
                raise
            self._noticed.set()
            if self.problem:
                raise ShortageError(self.problem) from error
            ended = _ended(self.peers, self.errors, END_PATIENCE)
            if ended is None:
                raise
            raise ended from error


@contextmanager
def team(spec: TrialSpec, chain: tuple[StageSpec, ...], site: Site) -> Iterator[Team]:
    """The processes that train the last stage of a chain. The others end with the block, or with this process.

    Raises MachineError if one does not start, or if there are fewer GPUs than processes.
    """
    processes = chain[-1].processes
    if processes == 1:
        yield ALONE
        return
    _check_devices(spec, processes)
    with locked_folder("sweeper-peers-") as folder:
        ranks = [Rank(number, processes) for number in range(processes)]
        spec = replace(spec, chain=chain)
        jobs = [Job(spec=spec, site=site, rank=rank, folder=str(folder)) for rank in ranks]
        errors = [folder / f"messages-{job.rank.number}" for job in jobs[1:]]
        peers = [_start(job, file) for job, file in zip(jobs[1:], errors, strict=True)]
        try:
            _wait_until_ready(jobs[1:], peers, errors)
            first = First(rank=ranks[0], peers=peers, errors=errors)
            with first.alive():
                meet(jobs[0])
            with leaving(), closing(first):
                first.watchdog.start()
                yield first
        finally:
            for peer in peers:  # they have no state
                peer.kill()
                peer.communicate()


def meet(job: Job) -> None:
    """Connect this process to the others of a training. Raises RuntimeError if one does not come."""
    # All processes are on one machine, and other machines must not reach them.
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "")
    if loopback:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={loopback}")  # "=": the exact name, not a prefix
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{job.folder}/meeting",
        rank=job.rank.number,
        world_size=job.rank.processes,
        timeout=timedelta(seconds=START_PATIENCE),
    )
    # Evaluations between two steps can be long. A process that has died closes its connections at once.
    dist.distributed_c10d._set_pg_timeout(timedelta(days=7))


@contextmanager
def leaving() -> Iterator[None]:
    """Close the connections to the other processes after the block."""
    try:
        yield
    finally:
        with suppress(RuntimeError):  # another process has died
            dist.destroy_process_group()


def _finished_on(net: Net) -> Callable[[], bool]:
    """A function that tells whether the device of a net has finished everything that it has been given so far."""
    if net.embeddings().device.type != "cuda":
        return lambda: True
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()

    def is_finished() -> bool:
        try:
            return bool(event.query())  # type: ignore[no-untyped-call]
        except RuntimeError:  # the device has failed, which must not end the thread
            return False

    return is_finished


def _check_devices(spec: TrialSpec, processes: int) -> None:
    """Raise MachineError if there are GPUs, but fewer than processes."""
    if spec.resources.gpus and torch.cuda.is_available() and torch.cuda.device_count() < processes:
        raise MachineError(
            f"A training with {processes} processes needs a GPU for each, and this trial has "
            f"{torch.cuda.device_count()}. Use a machine with more GPUs, or --gpus-per-trial 0."
        )


def _start(job: Job, errors: Path) -> subprocess.Popen[bytes]:
    """Start another process. It ends when its standard input is closed, which happens when this process dies."""
    file = Path(job.folder, f"job-{job.rank.number}.json")
    file.write_bytes(write_json(job))
    with errors.open("wb") as messages:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "sweeper.training.peer", str(file)],
            stdin=subprocess.PIPE,
            stdout=messages,
            stderr=messages,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )


def _wait_until_ready(jobs: Sequence[Job], peers: Sequence[subprocess.Popen[bytes]], errors: Sequence[Path]) -> None:
    def is_decided() -> bool:
        return _any_ended(peers) or all(job.ready.exists() for job in jobs)

    if not _wait_for(is_decided, START_PATIENCE):
        raise MachineError(f"The processes of a training did not start within {START_PATIENCE:.0f} seconds.")
    ended = _ended(peers, errors, patience=0.0)
    if ended:
        raise ended


def _wait_for(condition: Callable[[], bool], patience: float) -> bool:
    """Whether a condition is met within some seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _any_ended(peers: Iterable[subprocess.Popen[bytes]]) -> bool:
    return any(peer.poll() is not None for peer in peers)


def _ended(peers: Sequence[subprocess.Popen[bytes]], errors: Sequence[Path], patience: float) -> Exception | None:
    """The error for another process that has ended; None if all of them run after some seconds."""
    if not _wait_for(partial(_any_ended, peers), patience):
        return None
    # The loss of one process ends others. The code of a signal is negative, and the cause writes its message first.
    _wait_for(lambda: all(_any_ended([peer]) for peer in peers), GRACE)
    ended = [(peer.returncode, file) for peer, file in zip(peers, errors, strict=True) if _any_ended([peer])]
    code, file = min(ended, key=lambda pair: (pair[0], pair[1].stat().st_mtime_ns))
    if code < 0:
        # A record with this reason can be retried.
        cause = OUT_OF_MEMORY if code == -signal.SIGKILL else DEAD_WORKER
        return ShortageError(
            f"{cause}: another process of the training was ended by signal {-code}. If memory is short, use fewer "
            "trials at a time."
        )
    last = (file.read_text(errors="replace").strip().splitlines() or ["it left no message"])[-1]
    kind = torch.OutOfMemoryError if last.split(":")[0].endswith("MemoryError") else MachineError
    return kind(f"Another process of the training has ended: {last}")


def _trained(net: Net) -> list[Tensor]:
    return [parameter for parameter in net.parameters() if parameter.requires_grad]


def _exchange(tensors: Iterable[Tensor], message: Callable[[Tensor], object]) -> None:
    """Send or receive tensors in place. Small ones are joined, because each message waits for all processes."""
    for group in _groups(tensors):
        if len(group) == 1:
            message(group[0])
            continue
        joined_values = torch.cat([tensor.reshape(-1) for tensor in group])
        message(joined_values)
        parts = torch.split(joined_values, [tensor.numel() for tensor in group])
        for tensor, values in zip(group, parts, strict=True):
            tensor.copy_(values.view_as(tensor))


def _groups(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Groups of tensors of one type, with at most GROUP values or a single tensor."""
    group: list[Tensor] = []
    for tensor in tensors:
        total = tensor.numel() + sum(each.numel() for each in group)
        if group and (tensor.dtype != group[0].dtype or total > GROUP):
            yield group
            group = []
        group.append(tensor)
    if group:
        yield group
