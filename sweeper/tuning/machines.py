"""Quick checks of the machines that a sweep needs: a GPU here, or a cluster that answers. Loads no heavy library."""

import os
import re
import sys
from pathlib import Path

from sweeper.errors import MachineError, UserError
from sweeper.files.probe import ANSWER_WITHIN, check_answers
from sweeper.tuning.grpc import speaks_grpc

ADDRESS = re.compile(r"(?:ray://)?(?P<host>[^/:\s]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")
"""HOST:PORT or ray://HOST:PORT; an IPv6 address is in brackets."""
RUN_ELSEWHERE = "Use --gpus-per-trial 0 to run on CPUs, or --address auto to run on a cluster."
HIDDEN = ("", "-1", "NoDevFiles")
"""Values of CUDA_VISIBLE_DEVICES that hide all GPUs of NVIDIA."""


def check_gpus(needed: float, available: float, remedy: str = RUN_ELSEWHERE) -> None:
    """Raise UserError if a trial needs more GPUs than this machine has: it would never start."""
    if needed > available:
        unit = "GPU" if needed == 1 else "GPUs"
        raise UserError(f"A trial needs {needed:g} {unit}, and this machine has {available:g}. {remedy}")


def can_have_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether this machine may have a GPU that is not hidden. False is certain; Ray finds the number later."""
    if not sys.platform.startswith("linux"):
        return True
    # Devices of NVIDIA, of NVIDIA in the Linux of Windows, of AMD, and of any other type, such as Intel's.
    has_nvidia = any(devices.glob("nvidia[0-9]*")) or (devices / "dxg").exists()
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN
    has_other = (devices / "kfd").exists() or (any(devices.glob("dri/renderD*")) and not has_nvidia)
    return (has_nvidia and not is_hidden) or has_other


def check_cluster(address: str) -> None:
    """Raise UserError if an address is not valid, MachineError if no cluster answers there.

    Ray itself would try for more than a minute.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or "auto"
    if address in ("auto", "local"):
        _check_runs_here()
        return
    match = ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 2**16:
        raise UserError(f"--address needs local, auto, HOST:PORT or ray://HOST:PORT, got {address!r}.")
    host, port = match["host"].strip("[]"), int(match["port"])
    try:
        # With TLS, the server answers only after a handshake.
        is_encrypted = os.environ.get("RAY_USE_TLS", "0") not in ("", "0")
        speaks = check_answers(host, port) if is_encrypted else speaks_grpc(host, port, ANSWER_WITHIN)
    except OSError as error:
        raise no_cluster(address, error) from error
    if speaks is False:  # None: a slow server, for which Ray waits longer
        raise no_cluster(address, "another program answers there.")


def no_cluster(address: str, error: object) -> MachineError:
    """The error for a cluster that does not answer."""
    return MachineError(
        f"No Ray cluster answers at {address!r}. Start the cluster, or use --address local. Reason: {error}"
    )


def _check_runs_here() -> None:
    """Raise MachineError if no Ray runs on this machine. Ray finds its processes by the same argument."""
    recorded = ray_folder() / "ray_current_cluster"
    if not sys.platform.startswith("linux") or recorded.exists():
        return
    if not any(b"--gcs-address=" in _command(process) for process in Path("/proc").glob("[0-9]*")):
        raise no_cluster("auto", "no Ray runs on this machine, and RAY_ADDRESS is not set.")


def ray_folder() -> Path:
    """The folder in which Ray writes its logs and the address of its cluster on Linux."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # the process has ended
        return b""
