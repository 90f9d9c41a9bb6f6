"""How often does the demo find what is planted? Runs it in several synthetic worlds and compares with their truth.

    python -m benchmarks.demo [--worlds 11,12,13,14,15] [--out runs/demo_worlds]

A world is named by its truth_seed. A finished run is read again, and an interrupted one continues. A line per world:

    world 11  spearman 0.92  ceiling 0.95  found 8/9  false gains 0/7

spearman: rank correlation of planted and measured gains. ceiling: its largest value, given the ties of the planted
gains. found: planted gains that are significant (q < 0.05 over all cells). false gains: planted zeros that are
significant and above 0. Gains are measured over the baseline, which is no placebo: losses at planted zeros are
expected and are not counted.
"""

import argparse
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from analysis.results.planted import Outcome, Planted
from analysis.results.results import compute_results
from benchmarks.recovery import worlds_in
from search_spaces.demo import NUM_SEEDS

DRAWS = NUM_SEEDS + 1


def demo_in(world: int, out: Path) -> Path:
    """Run the demo in the world of that truth_seed. Returns the run folder."""
    run = out / f"demo-{world}"
    command = [sys.executable, "-m", "sweeper", "run", "demo", "--out", str(run)]
    command += ["--set", f"world=demo:truth_seed={world},draws={DRAWS}"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return run


def line(world: int, planted: Planted) -> str:
    """The results of one world."""
    found, false = count(planted.outcomes(1), "found"), count(planted.outcomes(0), "false gain")
    rho = f"spearman {planted.correlation.rho:.2f}  ceiling {planted.ceiling:.2f}"
    return f"world {world}  {rho}  found {found}  false gains {false}"


def count(outcomes: Sequence[Outcome], counted: Outcome) -> str:
    """Number of an outcome among all, such as 8/9."""
    return f"{outcomes.count(counted)}/{len(outcomes)}"


def lines(worlds: Sequence[int], out: Path) -> Iterator[str]:
    """A line per world, then the sums."""
    gains: list[Outcome] = []
    zeros: list[Outcome] = []
    for world in worlds:
        planted = compute_results(str(demo_in(world, out))).planted
        if planted is None:
            raise SystemExit(f"World {world} has no cell with a gain. Repeat the command to resume its run.")
        gains += planted.outcomes(1)
        zeros += planted.outcomes(0)
        yield line(world, planted)
    yield f"all worlds  found {count(gains, 'found')}  false gains {count(zeros, 'false gain')}"


def main() -> None:
    """Run the demo in every world and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=worlds_in, default="11,12,13,14,15")
    parser.add_argument("--out", type=Path, default=Path("runs/demo_worlds"))
    options = parser.parse_args()
    print(f"{date.today()}, {NUM_SEEDS} seeds, {platform.machine()}, python {platform.python_version()}")
    for text in lines(options.worlds, options.out):
        print(text, flush=True)


if __name__ == "__main__":
    main()
