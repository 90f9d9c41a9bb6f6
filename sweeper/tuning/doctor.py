"""Examines the machines, stores and sources that a sweep would use, and says what to do about each problem."""

import platform
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.errors import MachineError
from sweeper.files.draft import DRAFT_PREFIX
from sweeper.files.folder import Folder, expand_path
from sweeper.run.cache import cache_here
from sweeper.training.machine import Machine, inspect_machine
from sweeper.tuning.access import access_findings
from sweeper.tuning.connect import join
from sweeper.tuning.credentials import credentials, use_credentials
from sweeper.tuning.findings import Finding, machine_findings, version_findings
from sweeper.tuning.machines import can_have_gpu, no_cluster, ray_folder

ANSWER_WITHIN = 300.0
"""Seconds in which each node of a cluster must answer. Its first process imports torch and measures the store."""
CLOCK_LIMIT = 5.0
"""Seconds by which clocks may differ. Signed requests to stores fail beyond some minutes."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """The run folder, cache and mirror that each node examines."""

    run: str
    """Path or URL of the run folder."""
    cache: str
    """Local folder of the cache."""
    mirror: str | None
    """Folder of downloads, or None for the Hub."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of one node of a cluster."""

    machine: Machine
    access: tuple[Finding, ...]
    """The findings about the run folder and the source of models and data, made on the node."""
    clock_difference: float
    """Seconds by which its clock is ahead of that of the driver."""
    uncertainty: float
    """Half of the time between question and answer, in seconds."""
    num_cpus: float
    num_gpus: float
    """CPUs and GPUs that Ray manages on the node. A head without both runs no trial."""


def examine(*, address: str, run: str, cache: str, mirror: str | None) -> Iterator[Finding]:
    """Examine this machine, or each running node of the cluster at `address` and this machine as its driver.

    Each machine tests the run folder and the source of models and data. `run` is a path or URL, `cache` a local folder,
    `mirror` a folder of downloads or None for the Hub. Raises MachineError if no cluster answers at the address.
    """
    # Relative paths have another meaning in a process of Ray.
    folder = Folder(run).local
    run, mirror = str(folder or run), str(expand_path(mirror).absolute()) if mirror else None
    if address == "local":
        machine = inspect_machine(cache)
        yield from machine_findings(machine, has_device=can_have_gpu())
        yield from access_findings(machine.host, run, mirror)
        return
    yield from access_findings("driver", run, mirror)
    answers, silent = _cluster(address, Places(run=run, cache=cache, mirror=mirror))
    for answer in answers:
        runs_trials = answer.num_cpus + answer.num_gpus > 0
        yield from machine_findings(answer.machine, has_device=answer.num_gpus > 0, runs_trials=runs_trials)
        yield _clock(answer)
        yield from answer.access
    yield from silent
    yield from version_findings([answer.machine for answer in answers])


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


def _cluster(address: str, places: Places) -> tuple[list[Answer], list[Finding]]:
    """The answers of all nodes of a cluster, and findings about those that do not answer."""
    was_connected = ray.is_initialized()
    try:
        if not was_connected:
            join(address)
        with _marked(places.run) as marker:
            return _asked(places, marker)
    except (OSError, ValueError, ray.exceptions.RayError) as error:
        raise no_cluster(address, error) from error
    finally:
        if not was_connected:
            ray.shutdown()


@contextmanager
def _marked(run: str) -> Iterator[str]:
    """The name of a file in the run folder, which shows a node that it has the same folder. "" if it is not written."""
    folder, marker = Folder(run, patience=0.0), f"{DRAFT_PREFIX}{uuid.uuid4().hex}"
    try:
        folder.write(marker, b"")
    except Exception:  # noqa: BLE001 - the libraries of stores raise errors of many types, which the driver has reported
        marker = ""
    try:
        yield marker
    finally:
        if marker:
            # A store can refuse to delete, which is no reason to reject the cluster. Reports ignore drafts.
            with suppress(Exception):
                folder.remove(marker)


def _asked(places: Places, marker: str) -> tuple[list[Answer], list[Finding]]:
    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    if not nodes:
        raise MachineError("The cluster has no node that is alive. Start it again with `ray up`.")
    keys = ray.put(credentials())
    # All nodes use the store at the same time, as in a sweep.
    first = {node["NodeID"]: _ask(node["NodeID"], _access_here, places, marker, keys) for node in nodes}
    ray.wait(list(first.values()), num_returns=len(first), timeout=ANSWER_WITHIN)
    answers, silent = [], []
    for node in nodes:
        try:
            access = ray.get(first[node["NodeID"]], timeout=0)
            # The second question finds a process that has imported everything, so that the clock is exact.
            start = time.time()
            machine = ray.get(_ask(node["NodeID"], _inspect_here, places.cache), timeout=ANSWER_WITHIN)
        except (ray.exceptions.RayError, TimeoutError) as error:
            silent.append(_silent(node["NodeManagerHostname"], error))
            continue
        half = (time.time() - start) / 2
        resources = {f"num_{name.lower()}s": node["Resources"].get(name, 0.0) for name in ("CPU", "GPU")}
        difference = machine.clock - start - half
        answers.append(
            Answer(machine=machine, access=access, clock_difference=difference, uncertainty=half, **resources)
        )
    return answers, silent


def _ask(node: str, question: Callable[..., Any], *args: Any) -> "ray.ObjectRef[Any]":
    """Call a function on one node in a process of Ray that uses no CPU and sees all GPUs."""
    strategy = NodeAffinitySchedulingStrategy(node, soft=False)
    environment = {"env_vars": {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}}
    task = ray.remote(num_cpus=0, max_retries=0)(question)
    answer: ray.ObjectRef[Any] = task.options(scheduling_strategy=strategy, runtime_env=environment).remote(*args)
    return answer


def _access_here(places: Places, marker: str, keys: Mapping[str, str]) -> tuple[Finding, ...]:
    """Test the run folder and the source on this node, with the credentials of the driver."""
    use_credentials(keys)
    return tuple(access_findings(platform.node(), places.run, places.mirror, marker))


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
        remedy="Check that this package is installed on the node, and read the logs of Ray there "
        f"({ray_folder()}, unless RAY_TMPDIR has another value on the node).",
    )
