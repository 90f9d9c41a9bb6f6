"""Does the matrix show the planted gains, and no others? Sweeps over synthetic worlds, compared with their truth.

    python -m benchmarks.recovery [--worlds 1,2,3] [--null 4,5,6] [--seeds 10] [--out runs/recovery] [-- RUN OPTIONS]

Runs `demo_recovery` once for each world (its number is the truth_seed) and `demo_null` once for each null world; the
value `none` skips a space. An existing run is resumed, so the same command prints the table again. Each gain is
measured against the placebo of the recipe: the same stages on data of the same format and size whose labels come from
knowledge that no target needs.

    world 3  spearman 0.83  ceiling 0.94  zeros 2/44 (3/44)  found 23/24 (21/24)  harms 2/4 (2/4)

spearman: rank correlation between planted and measured gain over all cells. ceiling: the highest value that the ties of
the planted gains allow. zeros: cells with nothing planted for which the test of a report (variances over seeds that are
moderated over the matrix) is significant at 5 %, before the correction for the number of cells. found: cells with a
large planted gain (0.5 or more) that are significant gains; cells whose recipe contains the training data of the target
are left out. harms: cells with a planted loss that are significant losses. The values in parentheses are those of the
paired t test. In a null world all recipes are independent draws of one placebo; they are compared in pairs, and no two
pairs share a recipe. The binomial band of a pooled share assumes independent cells. Cells of one recipe have the same
encoders and are therefore slightly dependent.
"""

import argparse
import math
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from analysis.results.gains import gain_table
from analysis.results.load import RunData, load
from analysis.results.marks import marks_of
from analysis.results.matrix import Cell, seed_differences
from analysis.results.seed_part import MEAN, scores_by_seed, seed_part
from analysis.results.stats import rho_ceiling, spearman, t_intervals
from search_spaces.demo_null import SPACE as NULL
from search_spaces.demo_recovery import SPACE as RECOVERY
from sweeper.errors import SweeperError
from sweeper.space import CLEAN, Space
from sweeper.world.truth import LARGE_GAIN, placebo_recipes, planted_gains

LEVEL = 0.05
SEEDS = 10
DRAWS = SEEDS + 1
"""Draw 0 belongs to the search, and seeds count from 1. The number does not depend on --seeds, so that a run with few
seeds can be resumed with more of them in the same world."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The planted gain of one cell, and the results of the test of a report and of the paired t test over seeds."""

    planted: float
    measured: float
    """Mean gain over the reference, as a fraction of 1; nan without scores."""
    p: float
    """p value of a report; nan without a test, as with one seed or equal differences."""
    num_seeds: int
    plain_p: float = math.nan
    """p value of the paired t test."""
    has_same_rows: bool = False
    """Whether the recipe trains on rows that the target also trains on."""

    @property
    def is_significant(self) -> bool:
        """Whether the cell is a significant gain or loss at LEVEL."""
        return self.p < LEVEL

    @property
    def is_found(self) -> bool:
        """Whether the cell is significant and has the planted sign."""
        return self.is_significant and self.measured * self.planted > 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Results of one world: all cells of its recipes that have a reference."""

    cells: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> "Outcome":
        """The same world, judged by the paired t test."""
        return replace(self, cells=tuple(replace(cell, p=cell.plain_p) for cell in self.cells))

    @property
    def tested(self) -> list[Verdict]:
        """Cells that have a test."""
        return [cell for cell in self.cells if not math.isnan(cell.p)]

    @property
    def zeros(self) -> list[bool]:
        """For each tested cell with nothing planted: whether it is significant."""
        return [cell.is_significant for cell in self.tested if cell.planted == 0]

    @property
    def large(self) -> list[bool]:
        """Whether each tested cell with a large planted gain is found. Cells with the same rows are left out."""
        return [cell.is_found for cell in self.tested if cell.planted >= LARGE_GAIN and not cell.has_same_rows]

    @property
    def harms(self) -> list[bool]:
        """For each tested cell with a planted loss: whether it is found."""
        return [cell.is_found for cell in self.tested if cell.planted < 0]

    @property
    def correlation(self) -> float:
        """Spearman's rank correlation of planted and measured gains."""
        cells = [cell for cell in self.cells if not math.isnan(cell.measured)]
        return spearman([cell.planted for cell in cells], [cell.measured for cell in cells]).rho

    @property
    def ceiling(self) -> float:
        """The correlation that a measurement with the right order and without ties would have."""
        return rho_ceiling(cell.planted for cell in self.cells if not math.isnan(cell.measured))

    def lacking(self, seeds: int) -> str:
        """Return a text with the cells without a test and the fewest seeds of a cell; "" if nothing is missing."""
        untested, fewest = len(self.cells) - len(self.tested), min(cell.num_seeds for cell in self.cells)
        words = f"  untested {untested}/{len(self.cells)}" if untested else ""
        return words + (f"  fewest seeds {fewest}" if fewest < seeds else "")


ZEROS, LARGE, HARMS = attrgetter("zeros"), attrgetter("large"), attrgetter("harms")
PARTS: Mapping[str, Callable[[Outcome], list[bool]]] = {"zeros": ZEROS, "found": LARGE, "harms": HARMS}
"""Count of a line -> the hits that it counts."""
PLAIN = ", paired t test"


def planted(space: Space) -> dict[Cell, float]:
    """Return the planted gain of each cell whose recipe has a placebo in the space."""
    placebos = placebo_recipes(space)
    return {cell: gain for cell, gain in planted_gains(space).items() if cell[0] in placebos}


def measured(run: Path, pairs: Mapping[str, str], truths: Mapping[Cell, float], same_rows: Iterable[Cell]) -> Outcome:
    """Measure the cells of `truths` by same-seed differences between a recipe and its reference in `pairs`."""
    run_data = load(str(run))
    tests = tested_gains(run_data, pairs)
    excluded = frozenset(same_rows)

    def verdict(cell: Cell) -> Verdict:
        if cell not in tests.index:
            return Verdict(planted=truths[cell], measured=math.nan, p=math.nan, num_seeds=0)
        test = tests.loc[cell]
        return Verdict(
            planted=truths[cell],
            measured=test["gain"],
            p=test["p"],
            num_seeds=test["num_seeds"],
            plain_p=test["plain_p"],
            has_same_rows=cell in excluded,
        )

    return Outcome(cells=tuple(verdict(cell) for cell in truths), notes=run_data.notes)


def tested_gains(run_data: RunData, pairs: Mapping[str, str]) -> pd.DataFrame:
    """Indexed by recipe and target: gain over the reference in `pairs`, num_seeds, p of a report, and plain_p."""
    model = run_data.space.models[0].name
    differences = seed_differences(run_data, model, pairs).astype({"seed": "Int64"})
    scores = scores_by_seed(gain_table(run_data, model)).drop(columns="gain")
    scores = scores[(scores["language"] == MEAN) & (scores["condition"] == CLEAN)].dropna(subset="score")
    rows = scores.merge(differences.drop(columns="reference"), on=["recipe", "target", "seed"], how="left")
    table = seed_part(rows.astype({"gain": float}), pairs)
    _, _, table["p"] = t_intervals(table["gain"], np.sqrt(table["variance"]), table["df"])
    table.index = table.index.droplevel(["condition", "language"]).swaplevel()
    groups = differences.groupby(["recipe", "target"])["gain"]
    plain = groups.std() / np.sqrt(groups.count())
    plain = plain.reindex(table.index).where(~table["are_equal"])
    _, _, table["plain_p"] = t_intervals(table["gain"], plain, table["num_seeds"] - 1)
    return table


def recovered(run: Path) -> Outcome:
    """Return the results of a run of `demo_recovery`."""
    truths = planted(RECOVERY)
    return measured(run, placebo_recipes(RECOVERY), truths, marks_of(RECOVERY).same_rows)


def null(run: Path) -> Outcome:
    """Return the results of a run of `demo_null`: each second recipe against the one before it."""
    rows = [recipe.name for recipe in NULL.recipes if recipe.stages]
    nothing = {(row, target.task): 0.0 for row in rows[1::2] for target in NULL.targets}
    return measured(run, dict(zip(rows[1::2], rows[::2], strict=True)), nothing, ())


def sweep(space: str, world: int, options: argparse.Namespace) -> Path:
    """Run or resume a space in the world of a truth seed. Failed trials leave cells without a test."""
    run: Path = options.out / f"{space}-{world}"
    settings = [f"seeds={options.seeds}", f"world=demo:truth_seed={world},draws={max(DRAWS, options.seeds + 1)}"]
    command = [sys.executable, "-m", "sweeper", "run", space, "--out", str(run), "--cache", str(options.out / "cache")]
    for setting in settings:
        command += ["--set", setting]
    code = subprocess.run([*command, *options.run_options], check=False, stdout=sys.stderr).returncode
    # Exit code 1: some trials failed, and the others have scores.
    if code not in (0, 1):
        raise SystemExit(f"The run of {run} ended with {code}: the same command resumes it.")
    return run


def count(hits: list[bool]) -> str:
    """Return the hits as a fraction, such as 2/44."""
    return f"{sum(hits)}/{len(hits)}"


def both(outcome: Outcome, part: Callable[[Outcome], list[bool]]) -> str:
    """Return the hits of the test of a report, and in parentheses those of the paired t test."""
    return f"{count(part(outcome))} ({count(part(outcome.plain))})"


def share(name: str, hits: list[bool], expected: str) -> str:
    """Return a line with a pooled share."""
    if not hits:
        return f"{name}: no cell has a test"
    return f"{name} {count(hits)} = {sum(hits) / len(hits):.1%} ({expected})"


def band(num: int) -> str:
    """Return a text with the binomial 95 % band around LEVEL for `num` cells."""
    low, high = stats.binom.interval(0.95, num, LEVEL)
    return f"nominal {LEVEL:.0%}, binomial 95 % band {low / num:.1%} to {high / num:.1%}"


def worlds_in(text: str) -> list[int]:
    """Return the worlds of a list such as 1,2,3, or none. Raises ArgumentTypeError."""
    names = [] if text in ("", "none") else text.split(",")
    if not all(name.isdecimal() for name in names) or len({int(name) for name in names}) < len(names):
        raise argparse.ArgumentTypeError(f"worlds are whole numbers, each once, as in 1,2,3, or none; got {text!r}")
    return [int(name) for name in names]


def planted_lines(options: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each world, then the pooled shares."""
    outcomes = []
    for world in options.worlds:
        outcome = recovered(sweep("demo_recovery", world, options))
        outcomes.append(outcome)
        counts = "  ".join(f"{name} {both(outcome, part)}" for name, part in PARTS.items())
        rho = f"spearman {outcome.correlation:.2f}  ceiling {outcome.ceiling:.2f}"
        yield f"world {world}  {rho}  {counts}{outcome.lacking(options.seeds)}"
        yield from (f"  {note}" for note in outcome.notes)
    for title, worlds in (("", outcomes), (PLAIN, [outcome.plain for outcome in outcomes])):
        zeros = [hit for outcome in worlds for hit in outcome.zeros]
        if outcomes:
            large, harms = ([hit for outcome in worlds for hit in part(outcome)] for part in (LARGE, HARMS))
            yield share(f"zeros called significant{title}", zeros, band(len(zeros)) if zeros else "")
            yield share(f"large gains found{title}", large, "aim: 90 % or more")
            yield share(f"losses found{title}", harms, "no aim")


def null_lines(options: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each null world, then the pooled share."""
    outcomes = []
    for world in options.null:
        outcome = null(sweep("demo_null", world, options))
        outcomes.append(outcome)
        yield f"null world {world}  significant {both(outcome, ZEROS)}{outcome.lacking(options.seeds)}"
        yield from (f"  {note}" for note in outcome.notes)
    for title, worlds in (("", outcomes), (PLAIN, [outcome.plain for outcome in outcomes])):
        if hits := [hit for outcome in worlds for hit in outcome.zeros]:
            yield share(f"null cells called significant{title}", hits, band(len(hits)))


def main() -> None:
    """Run or resume all worlds; print a line for each, and the pooled shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=worlds_in, default="1,2,3")
    parser.add_argument("--null", type=worlds_in, default="4,5,6")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, default=Path("runs/recovery"))
    parser.add_argument("run_options", metavar="options", nargs="*", help="after --: options of `sweeper run`")
    options = parser.parse_args()
    if options.seeds < 2:
        raise SystemExit(f"A test needs two seeds or more, got {options.seeds}.")
    print(f"{date.today()}, {options.seeds} seeds a world, {platform.machine()}, python {platform.python_version()}")
    try:
        for line in chain(planted_lines(options), null_lines(options)):
            print(line, flush=True)
    except SweeperError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
