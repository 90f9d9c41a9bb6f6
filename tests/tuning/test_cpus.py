"""The number of usable CPUs: affinity, control groups of versions 1 and 2, Slurm."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.tuning.cpus import cgroup_cpus, usable_cpus
from tests.runs import ROOT

COUNT = "from sweeper.tuning.cpus import usable_cpus; print(usable_cpus())"


def counted(*before: str, **env: str) -> int:
    """The number of CPUs that a new process finds. `before` are commands that start it with fewer."""
    command = [*before, sys.executable, "-c", COUNT]
    return int(subprocess.check_output(command, cwd=ROOT, env={**os.environ, **env}, text=True))


def test_the_affinity_of_the_process_limits_the_cpus() -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    assert counted("taskset", "-c", cpu) == 1


def test_the_allocation_of_a_slurm_job_limits_the_cpus_and_a_larger_one_does_not_add_any() -> None:
    assert counted(SLURM_CPUS_ON_NODE="1") == 1
    assert counted(SLURM_CPUS_ON_NODE="4096") == usable_cpus()


@pytest.fixture
def half_a_cpu() -> Iterator[Path]:
    """A control group of version 1 with half a CPU."""
    group = Path("/sys/fs/cgroup/cpu", f"sweeper-tests-{os.getpid()}")
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("50000")
    except OSError:
        pytest.skip("only root can create a control group of version 1")
    yield group
    group.rmdir()


def test_the_quota_of_a_real_control_group_limits_the_cpus_to_at_least_one(half_a_cpu: Path) -> None:
    enter = f'echo $$ > "{half_a_cpu}/cgroup.procs"; exec "$@"'
    assert counted("sh", "-c", enter, "sh") == 1


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_smallest_quota_of_a_group_and_the_groups_above_it_counts_in_version_2(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/slurm/job_7/step_0\n")
    write(tmp_path / "fs/slurm/job_7/step_0/cpu.max", "max 100000\n")
    write(tmp_path / "fs/slurm/job_7/cpu.max", "350000 100000\n")
    write(tmp_path / "fs/slurm/cpu.max", "3200000 100000\n")
    assert cgroup_cpus(tmp_path / "cgroup", tmp_path / "fs") == 3.5


def test_a_container_of_version_1_has_its_quota_at_the_root_although_its_path_is_that_of_the_host(
    tmp_path: Path,
) -> None:
    write(tmp_path / "cgroup", "5:cpuacct,cpu:/docker/3f\n4:memory:/docker/3f\n0::/docker/3f\n")
    write(tmp_path / "fs/cpu/cpu.cfs_quota_us", "150000\n")
    write(tmp_path / "fs/cpu/cpu.cfs_period_us", "50000\n")
    assert cgroup_cpus(tmp_path / "cgroup", tmp_path / "fs") == 3


def test_a_machine_without_quota_or_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert cgroup_cpus(tmp_path / "missing", tmp_path) == math.inf
    write(tmp_path / "cgroup", "1:cpu:/\n")
    write(tmp_path / "fs/cpu/cpu.cfs_quota_us", "-1\n")
    write(tmp_path / "fs/cpu/cpu.cfs_period_us", "100000\n")
    assert cgroup_cpus(tmp_path / "cgroup", tmp_path / "fs") == math.inf
