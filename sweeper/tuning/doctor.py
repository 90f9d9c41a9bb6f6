"""Examines the machines, stores and sources that a sweep would use, and says what to do about each problem."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.data.hub import is_reachable
from sweeper.data.places import mirror_folder
from sweeper.errors import MachineError, SweeperError
from sweeper.files.measure import measure_store
from sweeper.files.probe import check_writable
from sweeper.run.cache import cache_here
from sweeper.training.machine import Machine, inspect_machine
from sweeper.tuning.connect import OBJECT_STORE, join
from sweeper.tuning.machines import can_have_gpu, no_cluster

State = Literal["ok", "warning", "problem"]
ANSWER_WITHIN = 120.0
"""Seconds in which each node of a cluster must answer. Its first process imports torch."""
DISK_NEEDED, DISK_ADVISED = 2 * 10**9, 20 * 10**9
"""Free bytes of the cache: without the first, hardly any sweep can run."""
SLOW_STORE = 5e6
"""Bytes per second; an encoder of XLM-R Large (1.1 GB in 16 bits, 2.2 GB in 32) takes minutes."""
CLOCK_LIMIT = 5.0
"""Seconds by which clocks may differ. Signed requests to stores fail beyond some minutes."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the examination."""

    place: str
    """Host, store or source."""
    topic: str
    state: State
    text: str
    remedy: str = ""
    """What to do; "" if nothing is wrong."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of one node of a cluster."""

    machine: Machine
    clock_difference: float
    """Seconds by which its clock is ahead of that of the driver."""
    uncertainty: float
    """Half of the time between question and answer, in seconds."""
    num_cpus: float
    num_gpus: float
    """CPUs and GPUs that Ray manages on the node. A head without both runs no trial."""


def examine(*, address: str, run: str, cache: str, mirror: str | None) -> Iterator[Finding]:
    """Examine this machine, or each running node of the cluster at `address`; from here, the run folder and the source.

    `run` is a path or URL, `cache` a local folder, `mirror` a folder of downloads or None for the Hub. Raises
    MachineError if no cluster answers at the address.
    """
    if address == "local":
        machine = inspect_machine(cache)
        yield from machine_findings(machine, has_device=can_have_gpu())
    else:
        answers, silent = _cluster(address, cache)
        for answer in answers:
            runs_trials = answer.num_cpus + answer.num_gpus > 0
            yield from machine_findings(answer.machine, has_device=answer.num_gpus > 0, runs_trials=runs_trials)
            yield _clock(answer)
        yield from silent
        yield from version_findings([answer.machine for answer in answers])
    yield from _store(run, is_local=address == "local")
    yield _source(mirror)


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


def _clock(answer: Answer) -> Finding:
    difference = answer.clock_difference
    is_close = abs(difference) <= CLOCK_LIMIT + answer.uncertainty
    return Finding(
        place=answer.machine.host,
        topic="clock",
        state="ok" if is_close else "warning",
        text=f"{difference:+.1f} ± {answer.uncertainty:.1f} s from the driver",
        remedy="" if is_close else "Synchronise the clocks (NTP): times of trials and signed requests depend on them.",
    )


def version_findings(machines: Sequence[Machine]) -> Iterator[Finding]:
    """The packages whose versions differ between nodes."""
    for name in dict.fromkeys(name for machine in machines for name in machine.versions):
        hosts: dict[str, list[str]] = {}
        for machine in machines:
            hosts.setdefault(machine.versions.get(name, ""), []).append(machine.host)
        if len(hosts) > 1:
            yield Finding(
                place="cluster",
                topic="versions",
                state="problem",
                text=f"{name}: "
                + "; ".join(f"{version or 'missing'} on {', '.join(on)}" for version, on in hosts.items()),
                remedy="Install the same version on all nodes: results depend on it, and Ray needs one version.",
            )


def _store(run: str, *, is_local: bool) -> Iterator[Finding]:
    """The findings about the run folder."""
    try:
        check_writable(run, "run folder")
        speed = measure_store(run)
    except (SweeperError, OSError) as error:
        reason = str(error) or type(error).__name__
        yield Finding(place=run, topic="store", state="problem", text=reason, remedy="Check path and permissions.")
        return
    is_slow = min(speed.written, speed.read) < SLOW_STORE
    yield Finding(
        place=run,
        topic="store",
        state="warning" if is_slow else "ok",
        text=f"writes {speed.written / 1e6:,.1f} MB/s, reads {speed.read / 1e6:,.1f} MB/s, "
        f"{1000 * speed.small:,.0f} ms for a small file",
        remedy="Use a store near the machines: encoders of gigabytes pass through it." if is_slow else "",
    )
    yield Finding(
        place=run,
        topic="conditional write",
        state="ok",
        text="supported" if speed.creates_once else "not supported, and not needed",
    )
    if not is_local and "://" not in run:
        yield Finding(
            place=run,
            topic="store",
            state="warning",
            text="a local path, on a cluster",
            remedy="It must be a folder that all nodes share, at the same path. Otherwise use a store such as s3://.",
        )


def _source(mirror: str | None) -> Finding:
    """The finding about the source of models and data."""
    if mirror is not None:
        try:
            mirror_folder(mirror)
        except SweeperError as error:
            return Finding(
                place=mirror, topic="mirror", state="problem", text=str(error), remedy="Name another folder."
            )
        return Finding(place=mirror, topic="mirror", state="ok", text="found")
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        remedy = "Unset HF_HUB_OFFLINE, or name a mirror with --mirror."
        return Finding(
            place="Hub", topic="Hub", state="warning", text="not asked: HF_HUB_OFFLINE is set", remedy=remedy
        )
    if is_reachable():
        return Finding(place="Hub", topic="Hub", state="ok", text="answers")
    remedy = "Check the network, or name a mirror with --mirror. Synthetic worlds (demo, tiny) need neither."
    return Finding(place="Hub", topic="Hub", state="warning", text="does not answer", remedy=remedy)


def _cluster(address: str, cache: str) -> tuple[list[Answer], list[Finding]]:
    """The answers of all nodes of a cluster, and findings about those that do not answer."""
    was_connected = ray.is_initialized()
    try:
        if not was_connected:
            join(address)
        return _asked(cache)
    except (OSError, ValueError, ray.exceptions.RayError) as error:
        raise no_cluster(address, error) from error
    finally:
        if not was_connected:
            ray.shutdown()


def _asked(cache: str) -> tuple[list[Answer], list[Finding]]:
    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    if not nodes:
        raise MachineError("The cluster has no node that is alive. Start it again with `ray up`.")
    first = {node["NodeID"]: _ask(node["NodeID"], cache) for node in nodes}
    ray.wait(list(first.values()), num_returns=len(first), timeout=ANSWER_WITHIN)
    answers, silent = [], []
    for node in nodes:
        try:
            ray.get(first[node["NodeID"]], timeout=0)
            # The second question finds a process that has imported everything, so that the clock is exact.
            start = time.time()
            machine = ray.get(_ask(node["NodeID"], cache), timeout=ANSWER_WITHIN)
        except (ray.exceptions.RayError, TimeoutError) as error:
            silent.append(_silent(node["NodeManagerHostname"], error))
            continue
        half = (time.time() - start) / 2
        resources = {f"num_{name.lower()}s": node["Resources"].get(name, 0.0) for name in ("CPU", "GPU")}
        difference = machine.clock - start - half
        answers.append(Answer(machine=machine, clock_difference=difference, uncertainty=half, **resources))
    return answers, silent


def _ask(node: str, cache: str) -> "ray.ObjectRef[Machine]":
    """Inspect one node in a process of Ray that uses no CPU and sees all GPUs."""
    strategy = NodeAffinitySchedulingStrategy(node, soft=False)
    environment = {"env_vars": {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}}
    task = ray.remote(num_cpus=0, max_retries=0)(_inspect_here)
    return task.options(scheduling_strategy=strategy, runtime_env=environment).remote(cache)


def _inspect_here(cache: str) -> Machine:
    """Describe this node, whose cache can have a path of its own."""
    return inspect_machine(cache_here(cache))


def _silent(host: str, error: Exception) -> Finding:
    reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    return Finding(
        place=host,
        topic="answer",
        state="problem",
        text=f"no answer: {reason}",
        remedy="Check that this package is installed on the node, and read the logs of Ray there (/tmp/ray).",
    )
