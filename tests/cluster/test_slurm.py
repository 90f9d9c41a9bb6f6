"""`deploy/slurm/sweep.sbatch` on a real Slurm with two nodes, which are namespaces of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.namespaces import NAMESPACES, no_namespaces, short_folder
from tests.runs import PATIENCE, ROOT, content, shared_cache, tiny_run

__all__ = ["short_folder"]
pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(6 * PATIENCE)]

TOOLS = ("slurmctld", "slurmd", "sbatch", "munged", "unshare", "ip")
JOB = """
set -eu
mkdir -p logs
sbatch {options} {script} tiny --out {run} --cache {cache}
limited=yes
driver="bin/sweeper run tiny"
for _ in $(seq {patience}); do
  sleep 1
  state=$(squeue --noheader --jobs 1 --format %T)
  # After its first record, the driver is paused until the signal has come: a fast machine would finish before it.
  if [ "$limited" = yes ] && ls {run}/ledger/trainings/*.json > /dev/null 2>&1; then
    if grep -q "CANCELLED AT" logs/*; then pkill -CONT -f "$driver" || true; else pkill -STOP -f "$driver" || true; fi
  fi
  # Once the limit has cut the job, the rest of the sweep has more time.
  if [ "$limited" = yes ] && scontrol show job 1 | grep -q Restarts=1; then
    scontrol update JobId=1 TimeLimit=60
    limited=
  fi
  case "$state" in "" | COMPLETED | FAILED | TIMEOUT | CANCELLED | NODE_FAIL) break ;; esac
done
scontrol show job 1
cat logs/*
"""


@pytest.mark.skipif(bool(no_namespaces(TOOLS)), reason=no_namespaces(TOOLS) or "-")
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_job_that_its_time_limit_stops_goes_back_into_the_queue_and_ends_in_the_same_ledger(
    nodes: int, short_folder: Path
) -> None:
    undisturbed = content(tiny_run())
    run = short_folder / "run"
    # The job has six minutes. The signal comes in its first minute.
    options = f"--nodes={nodes} --time=6 --signal=B:TERM@320"
    job = JOB.format(
        options=options,
        script=ROOT / "deploy/slurm/sweep.sbatch",
        run=run,
        cache=shared_cache(),
        patience=int(4 * PATIENCE),
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "PYTHONPATH": str(ROOT),
        "SWEEPER_VENV": str(Path(sys.executable).parent.parent),
        "TMPDIR": f"{short_folder}/slurm/tmp",
        "RAY_TMPDIR": f"{short_folder}/slurm/tmp",
    }
    (short_folder / "slurm/tmp").mkdir(parents=True)
    command = [*NAMESPACES, "bash", str(ROOT / "tests/cluster/slurm_nodes.sh"), f"{short_folder}/slurm"]
    done = subprocess.run(
        [*command, "bash", "-c", job],
        cwd=short_folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
        check=False,
    )
    output = done.stdout + done.stderr
    assert "JobState=COMPLETED" in output, output[-5000:]
    assert "The sweep has stopped before the time limit" in output
    assert "Restarts=0" not in output
    assert content(run) == undisturbed
