"""Does the matrix find what was planted, and nothing else? Sweeps over synthetic worlds, held against their truth.

    python benchmarks/recovery.py [--worlds 1,2,3] [--null 4,5,6] [--seeds 5] [--out runs/recovery] [-- RUN OPTIONS]

Runs `demo_recovery` once for each world (its number is the truth_seed) and `demo_null` for each null world; a run that
is there is gone on with, so the same command prints the table again. Every gain is measured against the row's placebo:
the same stages on data of the same format and size whose labels come from knowledge that no target needs.

    world 3  spearman 0.83  ceiling 0.94  zeros 2/44  found 23/24

spearman: rank correlation between planted and measured gain over all cells. ceiling: the highest that the ties of the
planted gains allow. zeros: cells with nothing planted that a paired t test over the seeds calls significant at 5 %.
found: cells with a large planted gain (0.5 or more) that it calls significant, on the right side; cells whose row holds
the target's own training data are left out. In a null world all rows are independent draws of one placebo; they are
compared in pairs that share no row. The binomial band beside a pooled share takes cells as independent, which cells of
one row, made by the same encoders, are not quite.
"""

import argparse
import math
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import pandas as pd
from scipy import stats

from analysis.load import load
from analysis.matrix import flags, seed_differences
from analysis.stats import MIN_SEEDS, paired_interval, spearman
from search_spaces.demo_null import SPACE as NULL
from search_spaces.demo_recovery import SPACE as RECOVERY
from sweeper.data.synthetic.skills import truth
from sweeper.space import Space
from sweeper.tasks.demo import PLACEBO

LEVEL, LARGE = 0.05, 0.5
DRAWS = 11
"""Enough for ten seeds, so that a run with fewer of them goes on with more."""
Cell = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one world came to."""

    planted: Mapping[Cell, float]
    measured: Mapping[Cell, float]
    """Mean gain over the placebo."""
    p_values: Mapping[Cell, float]
    flagged: frozenset[Cell]
    """Cells whose row holds the target's own training data."""

    @property
    def tested(self) -> list[Cell]:
        """Cells that have a test."""
        return [cell for cell in self.planted if not math.isnan(self.p_values.get(cell, math.nan))]

    @property
    def zeros(self) -> list[bool]:
        """Of each tested cell with nothing planted, whether it is called significant."""
        return [self.p_values[cell] < LEVEL for cell in self.tested if self.planted[cell] == 0]

    @property
    def large(self) -> list[bool]:
        """Of each tested cell with a large planted gain and data of its own, whether it is found."""
        cells = [cell for cell in self.tested if self.planted[cell] >= LARGE and cell not in self.flagged]
        return [self.p_values[cell] < LEVEL and self.measured[cell] > 0 for cell in cells]

    @property
    def correlation(self) -> float:
        """Spearman's rho of planted and measured gains."""
        cells = [cell for cell in self.planted if cell in self.measured]
        return spearman([self.planted[cell] for cell in cells], [self.measured[cell] for cell in cells]).rho

    @property
    def ceiling(self) -> float:
        """The rho of the planted gains with a measurement that orders them rightly and has no ties."""
        ordered = sorted(self.planted.values())
        return spearman(ordered, range(len(ordered))).rho


def planted(space: Space) -> dict[Cell, float]:
    """The truth of every cell of a row that has a placebo."""
    return {
        (recipe.name, target.task): truth([space.task(name) for name in recipe.stages[0].tasks], target.task)
        for recipe in space.recipes
        if recipe.stages and not recipe.name.startswith(PLACEBO)
        for target in space.targets
    }


def measured(run: Path, pairs: Mapping[str, str]) -> pd.DataFrame:
    """Index (recipe, target); columns mean and p of the same-seed differences to each recipe's reference."""
    study = load(str(run))
    differences = seed_differences(study, study.space.models[0].name, pairs)
    rows = []
    for (recipe, target), part in differences.groupby(["recipe", "target"]):
        interval = paired_interval(part["gain"].to_list())
        rows.append((recipe, target, interval.mean, interval.p))
    return pd.DataFrame(rows, columns=["recipe", "target", "mean", "p"]).set_index(["recipe", "target"])


def recovered(run: Path) -> Found:
    """A world's truth beside what its run measured."""
    truths = planted(RECOVERY)
    table = measured(run, {recipe: PLACEBO + recipe for recipe, _ in truths})
    means, p_values = table["mean"].to_dict(), table["p"].to_dict()
    return Found(
        planted=truths,
        measured=cast("dict[Cell, float]", means),
        p_values=cast("dict[Cell, float]", p_values),
        flagged=frozenset(flags(RECOVERY)),
    )


def null_cells(run: Path) -> list[bool]:
    """Of each cell of every second row, compared with the row before it, whether it is called significant."""
    rows = [recipe.name for recipe in NULL.recipes if recipe.stages]
    table = measured(run, dict(zip(rows[1::2], rows[::2], strict=True)))
    return [bool(p < LEVEL) for p in table["p"].dropna()]


def sweep(space: str, world: int, asked: argparse.Namespace) -> Path:
    """Run a space in the world of that truth seed, or go on with it; trials that failed leave cells without a test."""
    run = asked.out / f"{space}-{world}"
    settings = [f"seeds={asked.seeds}", f"world=demo:truth_seed={world},draws={max(DRAWS, asked.seeds + 1)}"]
    command = [sys.executable, "-m", "sweeper", "run", space, "--out", str(run), "--cache", str(asked.out / "cache")]
    for setting in settings:
        command += ["--set", setting]
    code = subprocess.run([*command, *asked.options], check=False, stdout=sys.stderr).returncode
    if code > 1:
        raise SystemExit(code)
    return run


def share(name: str, hits: list[bool], expected: str) -> str:
    """A pooled share in words."""
    if not hits:
        return f"{name}: no cell has a test"
    return f"{name} {sum(hits)}/{len(hits)} = {sum(hits) / len(hits):.1%} ({expected})"


def band(num: int) -> str:
    """The binomial 95 % band of a share of LEVEL."""
    low, high = stats.binom.interval(0.95, num, LEVEL)
    return f"nominal {LEVEL:.0%}, binomial 95 % band {low / num:.1%} to {high / num:.1%}"


def main() -> None:
    """Run what is missing, print a line a world and the pooled shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default="1,2,3")
    parser.add_argument("--null", default="4,5,6")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/recovery"))
    parser.add_argument("options", nargs="*", help="after --: options of `sweeper run`")
    asked = parser.parse_args()
    if asked.seeds < MIN_SEEDS:
        raise SystemExit(f"A paired t test needs {MIN_SEEDS} seeds or more, got {asked.seeds}.")
    print(f"{date.today()}, {asked.seeds} seeds a world, {platform.machine()}, python {platform.python_version()}")
    worlds = [int(number) for number in asked.worlds.split(",") if number]
    found = []
    for world in worlds:
        one = recovered(sweep("demo_recovery", world, asked))
        found.append(one)
        counts = f"zeros {sum(one.zeros)}/{len(one.zeros)}  found {sum(one.large)}/{len(one.large)}"
        untested = len(one.planted) - len(one.tested)
        lacking = f"  untested {untested}/{len(one.planted)}" if untested else ""
        print(
            f"world {world}  spearman {one.correlation:.2f}  ceiling {one.ceiling:.2f}  {counts}{lacking}", flush=True
        )
    if found:
        zeros = [hit for one in found for hit in one.zeros]
        print(share("zeros called significant", zeros, band(len(zeros))))
        print(share("large gains found", [hit for one in found for hit in one.large], "aim: 90 % or more"))
    nulls = []
    for world in [int(number) for number in asked.null.split(",") if number]:
        hits = null_cells(sweep("demo_null", world, asked))
        nulls += hits
        print(f"null world {world}  significant {sum(hits)}/{len(hits)}", flush=True)
    if nulls:
        print(share("null cells called significant", nulls, band(len(nulls))))


if __name__ == "__main__":
    main()
