"""`ray up` with deploy/on-prem.yaml: three machines with SSH, a sweep that is submitted as a job, a bucket, a page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.run.ledger import Ledger
from tests.cluster.namespaces import NAMESPACES, no_namespaces, short_folder
from tests.runs import PATIENCE, ROOT, content, tiny_run

__all__ = ["short_folder"]
TOOLS = ("sshd", "ssh", "rsync", "curl", "unshare", "ip")
pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(6 * PATIENCE)]


@pytest.mark.skipif(bool(no_namespaces(TOOLS)), reason=no_namespaces(TOOLS) or "-")
def test_a_cluster_of_machines_with_ssh_runs_a_job_on_all_workers_with_the_same_ledger(short_folder: Path) -> None:
    pytest.importorskip("moto.server")
    undisturbed = content(tiny_run())
    folder = short_folder / "up"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "PYTHONPATH": str(ROOT),
        "FOLDER": str(folder),
        "PROJECT": str(ROOT),
        "VENV": str(Path(sys.executable).parent.parent),
    }
    here = ROOT / "tests/cluster"
    command = [*NAMESPACES, "bash", str(here / "ssh_nodes.sh"), str(folder), "bash", str(here / "ray_up.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=5 * PATIENCE, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-5000:]
    assert "No nodes remaining." in output
    assert content(folder / "run") == undisturbed
    hosts = {record.machine["host"] for record in Ledger.at(f"{folder}/run/ledger").trainings().values()}
    assert hosts == {"node2", "node3"}
    assert "<title>" in (folder / "page.html").read_text(encoding="utf-8")
