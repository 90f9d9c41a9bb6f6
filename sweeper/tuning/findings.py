"""What `sweeper doctor` says about machines: each finding with its state and, if something is wrong, a remedy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sweeper.training.machine import Machine
from sweeper.tuning.connect import OBJECT_STORE

State = Literal["ok", "warning", "problem"]
DISK_NEEDED, DISK_ADVISED = 2 * 10**9, 20 * 10**9
"""Free bytes of the cache: without the first, hardly any sweep can run."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the examination."""

    place: str
    """Host; `driver` for the machine of the driver of a cluster, `cluster` for all nodes."""
    topic: str
    state: State
    text: str
    remedy: str = ""
    """What to do; "" if nothing is wrong."""


def machine_findings(machine: Machine, *, has_device: bool, runs_trials: bool = True) -> Iterator[Finding]:
    """The findings about one machine.

    `has_device`: whether a GPU is known to the system or to Ray. `runs_trials`: False for a head that only drives.
    """
    versions = ", ".join(f"{name} {version or 'missing'}" for name, version in machine.versions.items())
    missing = [name for name, version in machine.versions.items() if not version and name != "transfer-sweeper"]
    yield Finding(
        place=machine.host,
        topic="versions",
        state="problem" if missing else "ok",
        text=versions,
        remedy=f"Install {', '.join(missing)} with: pip install -c constraints.txt -e ." if missing else "",
    )
    yield _gpus(machine, has_device=has_device, runs_trials=runs_trials)
    if machine.gpus and runs_trials:
        yield _mps(machine)
    if runs_trials:
        yield _bf16(machine)
    yield _disk(machine)
    yield _shared_memory(machine)


def _gpus(machine: Machine, *, has_device: bool, runs_trials: bool) -> Finding:
    names = ", ".join(f"{gpu.name} ({gpu.memory / 2**30:.0f} GiB)" for gpu in machine.gpus)
    build = f"torch is built for {'CUDA ' + machine.cuda if machine.cuda else 'CPUs'}"
    if not machine.gpus and has_device and machine.cuda:
        remedy = "Compare the driver (`nvidia-smi`) with this version of CUDA, and check CUDA_VISIBLE_DEVICES."
    elif not machine.gpus and has_device:
        remedy = "Install a build of torch for your GPU (pytorch.org), or run with --gpus-per-trial 0."
    else:
        remedy = ""
    use = "no trial runs here" if not runs_trials else "" if names else "trials run on CPUs"
    text = "; ".join(phrase for phrase in (names or "none", use, build) if phrase)
    return Finding(place=machine.host, topic="GPUs", state="problem" if remedy else "ok", text=text, remedy=remedy)


def _mps(machine: Machine) -> Finding:
    text = (
        "has been started: trials that share a GPU compute at the same time"
        if machine.has_mps
        else "has not been started: trials that share a GPU compute in turns (`nvidia-cuda-mps-control -d` starts it)"
    )
    return Finding(place=machine.host, topic="MPS", state="ok", text=text)


def _bf16(machine: Machine) -> Finding:
    is_fast = all(gpu.has_bf16 for gpu in machine.gpus) if machine.gpus else machine.has_bf16
    device = "GPU" if machine.gpus else "CPU"
    return Finding(
        place=machine.host,
        topic="bfloat16",
        state="ok" if is_fast else "warning",
        text=f"the {device} has {'' if is_fast else 'no '}instructions for it",
        remedy="" if is_fast else "Use --set precision=fp32: bf16 would be slower.",
    )


def _disk(machine: Machine) -> Finding:
    state: State = "problem" if machine.disk < DISK_NEEDED else "warning" if machine.disk < DISK_ADVISED else "ok"
    remedy = f"Free space, or name a larger disk with --cache: {DISK_ADVISED / 1e9:.0f} GB are advised."
    return Finding(
        place=machine.host,
        topic="disk",
        state=state,
        text=f"{machine.disk / 1e9:.1f} GB free for the cache",
        remedy="" if state == "ok" else remedy,
    )


def _shared_memory(machine: Machine) -> Finding:
    free = machine.shared_memory
    is_enough = free is None or free >= OBJECT_STORE
    return Finding(
        place=machine.host,
        topic="shared memory",
        state="ok" if is_enough else "problem",
        text="no /dev/shm" if free is None else f"{free / 1e6:,.0f} MB free in /dev/shm",
        remedy=""
        if is_enough
        else f"Ray needs {OBJECT_STORE / 1e6:.0f} MB. In a container, start it with --shm-size=1g.",
    )


def version_findings(machines: Sequence[Machine]) -> Iterator[Finding]:
    """The packages whose versions differ between nodes. Builds such as `+cpu` may differ: the head needs no CUDA."""
    for name in dict.fromkeys(name for machine in machines for name in machine.versions):
        hosts: dict[str, list[str]] = {}
        for machine in machines:
            hosts.setdefault(machine.versions.get(name, "").partition("+")[0], []).append(machine.host)
        if len(hosts) > 1:
            yield Finding(
                place="cluster",
                topic="versions",
                state="problem",
                text=f"{name}: "
                + "; ".join(f"{version or 'missing'} on {', '.join(on)}" for version, on in hosts.items()),
                remedy="Install the same version on all nodes: results depend on it, and Ray needs one version.",
            )
