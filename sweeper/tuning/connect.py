"""Starts Ray on this machine or joins a running cluster, and ends the connection."""

import logging
import math
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import ray
from ray._private import ray_constants

from sweeper.errors import UserError
from sweeper.space import Resources
from sweeper.tuning.cpus import usable_cpus

ENVIRONMENT = {
    # The ledger has the results: Tune needs no CSV, JSON and TensorBoard files of its own.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Trials that may wait for resources on a cluster. The default for a searcher is 1.
    "TUNE_MAX_PENDING_TRIALS_PG": "32",
    # Report each result at once: a trial has only one.
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    # Seconds without resources before Tune warns (the name has Tune's own spelling).
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Do not change CUDA_VISIBLE_DEVICES for trials without GPUs.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    # The sweep has its own display.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Relative paths of a space must mean the same in every worker.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
"""Environment variables of Ray and Tune that a sweep sets unless the user has set them."""
OBJECT_STORE = 200 * 2**20
"""Bytes of shared memory of a local Ray. Only specs and small results pass through it."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The workers of a sweep."""

    num: int | None = None
    """Largest number of trials at a time; None: as many as the usable CPUs and GPUs, or the cluster, allow."""
    address: str = "local"
    """`local` starts Ray on this machine; `auto` or an address joins a running cluster."""
    nice: int = 0
    """Nice level that a local Ray adds to its workers, 0 to 19. A higher level leaves the CPU to other programs."""

    def __post_init__(self) -> None:
        if self.nice and not self.is_local:
            raise UserError("--nice applies to a local Ray. On a cluster, start Ray with RAY_worker_niceness=N.")

    @property
    def is_local(self) -> bool:
        """Whether the workers run on this machine alone."""
        return self.address == "local"

    def max_running(self, largest: Resources, available: Mapping[str, float]) -> int | None:
        """Largest number of trials at a time if each needs the resources `largest`; None: Ray decides.

        `available` are the resources of Ray, such as {"CPU": 4.0, "GPU": 1.0}.
        """
        if not self.is_local:
            return self.num
        fitting = [_ratio(available.get("CPU", 0), largest.cpus)]
        fitting += [_ratio(available.get("GPU", 0), largest.gpus)] if largest.gpus else []
        return max(1, min(fitting if self.num is None else [self.num, *fitting]))

    def cpus(self, largest: Resources) -> int:
        """Number of CPUs that a local Ray distributes. With a given number of trials, it is what they need."""
        num = _ratio(usable_cpus(), largest.cpus) if self.num is None else self.num
        return math.ceil(max(1, num) * largest.cpus)


@contextmanager
def connected(workers: Workers, largest: Resources) -> Iterator[Mapping[str, float]]:
    """Join or start Ray, and leave or end it afterwards. Yields its resources, such as {"CPU": 4.0, "GPU": 1.0}.

    Raises UserError if the cluster cannot be reached or a trial needs more GPUs than this machine has.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    # A caller that has started Ray may use it afterwards.
    owns_ray = not ray.is_initialized()
    try:
        if owns_ray:
            _start(workers, largest)
        available: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        _check_fits(workers, largest, available)
        yield available
    finally:
        if owns_ray:
            ray.shutdown()


def _start(workers: Workers, largest: Resources) -> None:
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        if workers.is_local:
            _start_here(workers, largest)
        else:
            _join(workers)
    finally:
        signal.signal(signal.SIGTERM, terminate)  # Ray installs a handler that ends the process at once


def _join(workers: Workers) -> None:
    try:
        ray.init(address=workers.address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        raise UserError(
            f"No Ray cluster answers at {workers.address!r}. Start the cluster, or use --address local. Ray: {error}"
        ) from error


def _start_here(workers: Workers, largest: Resources) -> None:
    # Ray's processes read this variable. Ray's own default is 15.
    os.environ.update({"RAY_worker_niceness": str(workers.nice)})
    with _loopback():
        ray.init(
            address="local",
            num_cpus=workers.cpus(largest),
            # A sweep on CPUs leaves the GPUs to others.
            num_gpus=None if largest.gpus else 0,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


@contextmanager
def _loopback() -> Iterator[None]:
    """Let a Ray that starts inside the block listen on 127.0.0.1 alone, as it does on macOS and Windows.

    Its argument `_node_ip_address` does not have this effect: Ray replaces a loopback address there.
    """
    previous = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = previous


def _check_fits(workers: Workers, largest: Resources, available: Mapping[str, float]) -> None:
    """Raise UserError if a trial needs more GPUs than this machine has. Ray would wait for them without end."""
    if workers.is_local and largest.gpus > available.get("GPU", 0):
        raise UserError(
            f"A trial needs {largest.gpus:g} GPUs, and this machine has {available.get('GPU', 0):g}. Use "
            "--gpus-per-trial 0 to run on CPUs, or --address auto to run on a cluster."
        )


def _ratio(available: float, needed: float) -> int:
    """How many times `needed` fits into `available`. The tolerance is for fractions such as 0.6 / 0.2."""
    return math.floor(available / needed + 1e-6)
