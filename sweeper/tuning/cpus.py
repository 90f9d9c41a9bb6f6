"""The CPUs that this process may use: its affinity, the quota of its control group, and the share of its Slurm job."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cpus() -> int:
    """Number of CPUs that this process may use, at least 1. It can be smaller than the number of the machine."""
    return max(1, int(min(_affinity(), _slurm_cpus(), cgroup_cpus())))


def _affinity() -> float:
    if hasattr(os, "process_cpu_count"):  # Python 3.13; it also reads PYTHON_CPU_COUNT
        return float(os.process_cpu_count() or math.inf)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or math.inf  # macOS has no affinity


def _slurm_cpus() -> float:
    """CPUs of this node that a Slurm job has. A job without affinity and control groups is limited by this alone."""
    # SLURM_CPUS_PER_TASK would be too small: the script of a job with several tasks is one process.
    text = os.environ.get("SLURM_CPUS_ON_NODE", "")
    return int(text) if text.isdecimal() and int(text) else math.inf


def cgroup_cpus(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float:
    """The smallest CPU quota of the control groups of this process and of the groups above them, version 1 or 2.

    Infinity without a quota. `groups` lists the control groups of a process, `root` has their settings.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # no Linux
        return math.inf
    return min((_quota(folder) for line in lines for folder in _folders(line, root)), default=math.inf)


def _folders(line: str, root: Path) -> Iterator[Path]:
    """The folders of a control group and of the groups above it, if they have a quota of CPUs.

    A line is `NUMBER:CONTROLLERS:PATH`; version 2 has no controllers.
    """
    _, controllers, path = line.split(":", 2)
    names = ("", "unified") if not controllers else ("cpu",) if "cpu" in controllers.split(",") else ()
    # In a container, the path can be that of the host, which does not exist inside; the root of the mount does.
    group = PurePosixPath(path.lstrip("/"))
    yield from (root / name / part for name in names for part in (group, *group.parents))


def _quota(folder: Path) -> float:
    """CPUs per period: `QUOTA PERIOD` in one file (version 2), or each in a file of its own (version 1)."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except OSError:
        return math.inf
    return int(quota) / int(period) if quota.isdecimal() else math.inf  # `max` or -1: no quota
