"""Tell Ray when a cloud announces the end of this spot machine, so that its trainings write checkpoints in time.

    python spot_notice.py aws       AWS announces the end two minutes before it
    python spot_notice.py google    Google Cloud, 30 seconds before it

Runs beside the Ray of a worker until the end has been announced. It asks the metadata server of the machine, and calls
`ray drain-node` for each node of Ray on the machine. A second process on a machine ends at once. Needs Python and Ray.
"""

import argparse
import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

METADATA = "http://169.254.169.254"
"""The metadata server, at the same address on both clouds."""
PAUSE = 3.0
"""Seconds between two questions."""
ANSWER_WITHIN = 2.0
"""Seconds to wait for an answer of the metadata server."""
GOOGLE_SECONDS = 30
"""Seconds that Google Cloud leaves a machine after its notice."""
LOCK = Path.home() / ".sweeper-spot-notice.lock"
"""A file that one process at a time locks: the launcher of Ray repeats its commands on running machines."""


def seconds_on_aws(metadata: str) -> float | None:
    """The seconds until the end of this machine; None if no end is announced."""
    # A token is always accepted, and the machines of cluster.yaml require one.
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = ask(f"{metadata}/latest/api/token", lifetime, "PUT")
    notice = ask(f"{metadata}/latest/meta-data/spot/instance-action", {"X-aws-ec2-metadata-token": token})
    if not notice:
        return None
    return max(0.0, datetime.fromisoformat(json.loads(notice)["time"]).timestamp() - time.time())


def seconds_on_google(metadata: str) -> float | None:
    """The seconds until the end of this machine; None if no end is announced."""
    url = f"{metadata}/computeMetadata/v1/instance/preempted"
    return GOOGLE_SECONDS if ask(url, {"Metadata-Flavor": "Google"}).strip() == "TRUE" else None


CLOUDS: Mapping[str, Callable[[str], float | None]] = {"aws": seconds_on_aws, "google": seconds_on_google}


def ask(url: str, headers: Mapping[str, str], method: str = "GET") -> str:
    """The answer of the metadata server, or "" if it has none at this address."""
    request = Request(url, headers=dict(headers), method=method)
    try:
        # A proxy of the environment is for the internet.
        with build_opener(ProxyHandler({})).open(request, timeout=ANSWER_WITHIN) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        if error.code == 404:
            return ""
        raise


def ray_nodes(processes: Path = Path("/proc")) -> dict[str, str]:
    """Id of each Ray node on this machine -> address of the head of its cluster."""
    nodes = {}
    for process in processes.glob("[0-9]*"):
        try:
            program, *arguments = (process / "cmdline").read_text(errors="replace").split("\0")
        except OSError:  # the process has ended
            continue
        options = dict(argument.split("=", 1) for argument in arguments if argument[:2] == "--" and "=" in argument)
        if Path(program).name == "raylet" and {"--node_id", "--gcs-address"} <= set(options):
            nodes[options["--node_id"]] = options["--gcs-address"]
    return nodes


def drain(node: str, address: str, seconds: float) -> bool:
    """Ask Ray to drain a node. Returns whether it does, within these seconds."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--node-id", node, "--address", address]
    command += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "The cloud takes this machine away."]
    command += ["--deadline-remaining-seconds", str(int(seconds))]
    try:
        return subprocess.run(command, check=False, timeout=max(1.0, seconds)).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def wait_for_notice(cloud: str, metadata: str) -> float:
    """Wait until the end of this machine is announced. Returns the seconds until it."""
    problem = ""
    while True:
        try:
            seconds = CLOUDS[cloud](metadata)
        except (OSError, HTTPException, ValueError, KeyError) as error:
            seconds = None
            if str(error) != problem:  # once, and not every few seconds
                problem = str(error)
                log(f"The metadata server does not answer as expected: {problem}")
        if seconds is not None:
            return seconds
        time.sleep(PAUSE)


def log(message: str) -> None:
    """Print a message with the time."""
    sys.stdout.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {message}\n")
    sys.stdout.flush()


def main() -> int:
    """Wait for the notice, and drain the nodes of Ray on this machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud", choices=CLOUDS)
    parser.add_argument("--metadata", default=METADATA, metavar="URL", help="another metadata server, for tests")
    parser.add_argument("--node", metavar="ID", help="drain this node alone, for tests")
    parser.add_argument("--lock", type=Path, default=LOCK, metavar="FILE")
    given = parser.parse_args()
    with given.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        seconds = wait_for_notice(given.cloud, given.metadata)
        log(f"The cloud takes this machine away in {seconds:.0f} seconds.")
        return drain_all(seconds, given.node)


def drain_all(seconds: float, only: str | None = None) -> int:
    """Drain the nodes of Ray on this machine, which ends after these seconds. Returns an exit code."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        nodes = {node: address for node, address in ray_nodes().items() if only in (None, node)}
        is_drained = [drain(node, address, left) for node, address in nodes.items()]
        if nodes and all(is_drained):
            return 0
        time.sleep(PAUSE)  # the head may be busy, or Ray may be starting
    return 1


if __name__ == "__main__":
    sys.exit(main())
