"""CPU seconds of the commands that train nothing, each in a process of its own, beside their targets.

    python -m benchmarks.startup [RUN]

RUN is a finished run of `tiny`; without it, one is made first (about a minute). Each command runs three times; the
median of user plus system seconds is printed. The ideal value is that of a Python that imports nothing.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

REPETITIONS = 3
TARGETS = {"--help": 1.0, "tasks": 1.0, "plan tiny": 2.5, "status RUN": 2.0, "report RUN": 4.0, "export RUN": 2.0}
"""Command -> CPU seconds that it may take."""
OPTIONS = {"report RUN": ["--out", "OUT/report"], "export RUN": ["--target", "names", "--out", "OUT/encoder"]}


def cpu_seconds(arguments: list[str]) -> float:
    """User plus system seconds of a Python process and its children. Raises CalledProcessError if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median_seconds(command: str, run: Path, scratch: Path) -> float:
    """The median over the repetitions, each with its own output folder."""
    seconds = []
    for number in range(REPETITIONS):
        words = [*command.split(), *OPTIONS.get(command, [])]
        paths = {"RUN": str(run), "OUT": str(scratch / f"{command.split(maxsplit=1)[0]}-{number}")}
        for name, path in paths.items():
            words = [word.replace(name, path) for word in words]
        seconds.append(cpu_seconds(["-m", "sweeper", *words]))
    return float(np.median(seconds))


def main() -> None:
    """Measure the commands, after making a run if none is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a finished run of `tiny`")
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory(prefix="sweeper-startup-") as scratch:
        folder = Path(scratch)
        run = options.run or folder / "tiny"
        if not run.exists():
            subprocess.run([sys.executable, "-m", "sweeper", "run", "tiny", "--out", str(run)], check=True)
        print(f"{date.today()}, {platform.node()}, {platform.machine()}, Python {platform.python_version()}")
        ideal = float(np.median([cpu_seconds(["-c", "pass"]) for _ in range(REPETITIONS)]))
        print(f"{'command':12} {'CPU s':>6} {'target':>7}")
        print(f"{'(python)':12} {ideal:6.2f} {'':>7}")
        for command, target in TARGETS.items():
            seconds = median_seconds(command, run, folder)
            print(f"{command:12} {seconds:6.2f} {target:7.1f} {'' if seconds <= target else 'MISSED'}".rstrip())


if __name__ == "__main__":
    main()
