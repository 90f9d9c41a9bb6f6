"""The further processes of a data-parallel training, as its first process starts, directs and ends them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from sweeper.errors import MachineError, ShortageError
from sweeper.files.leftovers import locked_folder
from sweeper.files.serialize import write_json
from sweeper.records.spec import StageSpec, TrialSpec
from sweeper.run.site import Site
from sweeper.training.gradients import ALONE, Team
from sweeper.training.model import Net
from sweeper.training.runtime import TOO_LITTLE_MEMORY
from sweeper.training.schedule import Rank

START_PATIENCE = 600.0
"""Seconds in which the other processes of a training must start and read their data."""
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
            yield
        except TOO_LITTLE_MEMORY as error:
            failure = error
        if self.total(failure is not None) != [0]:
            raise failure or torch.OutOfMemoryError("Another process of the training ran out of memory.")

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

    def load(self, net: Net) -> None:
        """Give all weights to the other processes."""
        with self._alive():
            self.exchange((LOAD, 0))
            self.share(net, LOAD)

    def begin(self, net: Net, step: int, micro_tokens: int) -> None:
        """Let the other processes compute their part of a step with these weights."""
        with self._alive():
            self.exchange((step, micro_tokens))
            self.share(net, step)

    def total(self, *counts: int) -> list[int]:
        """The sum of each count over all processes."""
        with self._alive():
            return super().total(*counts)

    def collect(self, net: Net, loss: Tensor) -> Tensor:
        """Add the gradients of the other processes to those of the net. Returns the sum of the losses."""
        with self._alive():
            return super().collect(net, loss)

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Give the reason of another process that has ended, instead of the error of a lost connection."""
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, TOO_LITTLE_MEMORY):
                raise
            raise _ended(self.peers, self.errors) or error from error


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
            with joined(jobs[0]):
                yield First(rank=ranks[0], peers=peers, errors=errors)
        finally:
            for peer in peers:  # they have no state
                peer.kill()
                peer.communicate()


@contextmanager
def joined(job: Job) -> Iterator[None]:
    """Take part in the messages of a training inside the block."""
    # All processes are on one machine, and other machines must not reach them.
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "")
    if loopback:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    # Evaluations between two steps can be long. A process that has died closes its connections at once.
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{job.folder}/meeting",
        rank=job.rank.number,
        world_size=job.rank.processes,
        timeout=timedelta(days=7),
    )
    try:
        yield
    finally:
        with suppress(RuntimeError):  # another process has died
            dist.destroy_process_group()


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
    deadline = time.monotonic() + START_PATIENCE
    while not all(job.ready.exists() for job in jobs):
        ended = _ended(peers, errors, patience=0.0)
        if ended:
            raise ended
        if time.monotonic() > deadline:
            raise MachineError(f"The processes of a training did not start within {START_PATIENCE:.0f} seconds.")
        time.sleep(0.02)


def _ended(peers: Sequence[subprocess.Popen[bytes]], errors: Sequence[Path], patience: float = 5.0) -> Exception | None:
    """The error for another process that has ended; None if all of them run after some seconds."""
    deadline = time.monotonic() + patience
    while all(peer.poll() is None for peer in peers):
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)
    peer, file = next(pair for pair in zip(peers, errors, strict=True) if pair[0].poll() is not None)
    if peer.returncode < 0:
        return ShortageError(
            f"Another process of the training was ended by signal {-peer.returncode}, as it happens when memory is "
            "short. Use fewer trials at a time."
        )
    lines = file.read_text(errors="replace").strip().splitlines()
    return MachineError(f"Another process of the training has ended: {lines[-1] if lines else 'it left no message'}")


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
