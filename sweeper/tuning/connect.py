"""Starts Ray on this machine or joins a running cluster, and ends the connection."""

import logging
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import ray
from ray._private import ray_constants, services

from sweeper.errors import MachineError
from sweeper.space import Resources
from sweeper.tuning.halt import Halt
from sweeper.tuning.head import watching_head
from sweeper.tuning.machines import check_cluster, check_gpus, no_cluster, ray_folder
from sweeper.tuning.options import Workers
from sweeper.tuning.processes import kill_descendants

ROTATION = {"RAY_ROTATION_MAX_BYTES": str(16 * 2**20), "RAY_ROTATION_BACKUP_COUNT": "1"}
"""Bytes of each file with the output of a worker or of Ray, and number of older files.

Without these variables, the output of a worker has no limit. The files of a cluster set the same values.
"""
ENVIRONMENT = {
    # The ledger has the results: Tune needs no CSV, JSON and TensorBoard files of its own.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Trials that may wait for resources on a cluster. The default for a searcher is 1.
    "TUNE_MAX_PENDING_TRIALS_PG": "32",
    # Seconds between two snapshots of the experiment, which nobody reads: a sweep resumes from the ledger.
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",
    # Report each result at once: a trial has only one.
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    # Seconds without resources before Tune warns (the name has Tune's own spelling).
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Do not change CUDA_VISIBLE_DEVICES for trials without GPUs.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    **ROTATION,
    # The sweep has its own display.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Relative paths of a space must mean the same in every worker.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
"""Environment variables of Ray and Tune that a sweep sets unless the user has set them."""
OBJECT_STORE = 200 * 2**20
"""Bytes of shared memory of a local Ray. Only specs and small results pass through it."""

# Tune logs the traceback of each dead worker as an error. The sweep reports it in its own words.
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
"""Arguments of `ray.init` that keep messages of Ray and its workers from the terminal."""


@contextmanager
def connected(workers: Workers, largest: Resources, halt: Halt) -> Iterator[Mapping[str, float]]:
    """Join or start Ray, and leave or end it afterwards. Yields its resources, such as {"CPU": 4.0, "GPU": 1.0}.

    Raises MachineError if the cluster cannot be reached or Ray does not start, and UserError if a trial needs more GPUs
    than this machine has.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    if ray.is_initialized():
        # The caller has started Ray, and may use it afterwards.
        yield _resources(workers, largest)
        return
    # Tune would end all trials in order when Ctrl-C is pressed. The sweep ends Ray instead.
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
    try:
        _start(workers, largest, halt)
        with nullcontext() if workers.is_local or workers.address.startswith("ray://") else watching_head():
            yield _resources(workers, largest)
    finally:
        if halt.requested and workers.is_local:
            # Some of Ray's processes may have received the signal too. An orderly end would wait for them.
            kill_descendants()
        else:
            ray.shutdown()


def _resources(workers: Workers, largest: Resources) -> Mapping[str, float]:
    """The resources of Ray. Raises UserError if a trial needs more GPUs than this machine has: it would never start."""
    available: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if workers.is_local:
        check_gpus(largest.gpus, available.get("GPU", 0))
    return available


def _start(workers: Workers, largest: Resources, halt: Halt) -> None:
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        if workers.is_local:
            _start_here(workers, largest)
        else:
            join(workers.address)
    except SystemExit as error:
        # Ray has replaced the handler of SIGTERM by one that ends the process.
        halt.requested = True
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGTERM, terminate)


def join(address: str) -> None:
    """Join a running cluster. Raises UserError if the address is not valid, MachineError if it cannot be joined."""
    check_cluster(address)
    try:
        ray.init(address=address, **QUIET)
    except (OSError, ValueError) as error:
        raise no_cluster(address, error) from error
    except (RuntimeError, ray.exceptions.RayError) as error:  # for example other versions of Ray or Python
        raise MachineError(
            f"The Ray cluster at {address!r} cannot be joined: {' '.join(str(error).split())} "
            "This machine needs the cluster's versions of Ray and Python, and its token (~/.ray/auth_token)."
        ) from error


def _start_here(workers: Workers, largest: Resources) -> None:
    # Ray's processes read this variable. Ray's own default is 15.
    os.environ.update({"RAY_worker_niceness": str(workers.nice)})
    try:
        with _isolated():
            ray.init(
                address="local",
                num_cpus=workers.cpus(largest),
                # A sweep on CPUs leaves the GPUs to others.
                num_gpus=None if largest.gpus else 0,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE,
                **QUIET,
            )
    except Exception as error:
        raise MachineError(
            f"Ray could not start on this machine. It needs free space in /dev/shm and in its folder "
            f"{ray_folder()} (RAY_TMPDIR changes it), where its logs are. "
            f"Ray: {type(error).__name__}: {error}"
        ) from error


@contextmanager
def _isolated() -> Iterator[None]:
    """Keep the processes of a Ray that starts inside the block on 127.0.0.1, and out of this process group.

    Ray has no public settings for either. It listens on loopback by itself on macOS and Windows only: a loopback
    address in its argument `_node_ip_address` is replaced. In this process group, its processes would receive the stop
    signals of `timeout` and of a closed terminal, and this process would wait for dead ones.
    """
    cluster, popen = ray_constants.ENABLE_RAY_CLUSTER, services.ConsolePopen
    ray_constants.ENABLE_RAY_CLUSTER = False
    services.ConsolePopen = partial(popen, process_group=0)  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER, services.ConsolePopen = cluster, popen  # type: ignore[misc]
