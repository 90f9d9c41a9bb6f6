"""Does the matrix find what was planted, and nothing else? Sweeps over synthetic worlds, held against their truth.

    python benchmarks/recovery.py [--worlds 1,2,3] [--null 4,5,6] [--seeds 10] [--out runs/recovery] [-- RUN OPTIONS]

Runs `demo_recovery` once for each world (its number is the truth_seed) and `demo_null` for each null world, none of
either where the list is `none`; a run that is there is gone on with, so the same command prints the table again. Every
gain is measured against the row's placebo: the same stages on data of the same format and size whose labels come from
knowledge that no target needs.

    world 3  spearman 0.83  ceiling 0.94  zeros 2/44  found 23/24  harms 2/4

spearman: rank correlation between planted and measured gain over all cells. ceiling: the highest that the ties of the
planted gains allow. zeros: cells with nothing planted that a paired t test over the seeds calls significant at 5 %.
found: cells with a large planted gain (0.5 or more) that it calls significant, on the side of gains; cells whose row
holds the target's own training data are left out. harms: cells with a planted loss that it calls significant, on the
side of losses. In a null world all rows are independent draws of one placebo; they are compared in pairs that share no
row. The binomial band beside a pooled share takes cells as independent, which cells of one row, made by the same
encoders, are not quite.
"""

import argparse
import math
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path

from scipy import stats

from analysis.results.load import load
from analysis.results.matrix import Cell, cells_of, flags, seed_differences
from analysis.results.stats import MIN_SEEDS, paired_interval, spearman
from search_spaces.demo_null import SPACE as NULL
from search_spaces.demo_recovery import SPACE as RECOVERY
from sweeper.errors import SweeperError
from sweeper.space import Space
from sweeper.world.truth import LARGE_GAIN, placebo_recipes, planted_gains

LEVEL = 0.05
SEEDS = 10
DRAWS = SEEDS + 1
"""Seeds count from 1 and draw 0 is the search's. A run with fewer seeds can go on with more in the same world."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One cell: what was planted in it, and what a paired t test over the seeds says."""

    planted: float
    measured: float
    """Mean gain over the reference, a fraction of 1; nan if nothing was measured."""
    p: float
    """nan without a test: fewer than three seeds, or no seed differs."""
    num_seeds: int
    is_flagged: bool = False
    """Whether the row holds the target's own training data."""

    @property
    def is_significant(self) -> bool:
        """At LEVEL, on either side."""
        return self.p < LEVEL

    @property
    def is_found(self) -> bool:
        """Significant, and on the side on which it was planted."""
        return self.is_significant and self.measured * self.planted > 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one world came to: every cell of its rows that have a reference."""

    cells: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def tested(self) -> list[Verdict]:
        """Cells that have a test."""
        return [cell for cell in self.cells if not math.isnan(cell.p)]

    @property
    def zeros(self) -> list[bool]:
        """Of each tested cell with nothing planted, whether it is called significant."""
        return [cell.is_significant for cell in self.tested if cell.planted == 0]

    @property
    def large(self) -> list[bool]:
        """Of each tested cell with a large planted gain and data of its own, whether it is found."""
        return [cell.is_found for cell in self.tested if cell.planted >= LARGE_GAIN and not cell.is_flagged]

    @property
    def harms(self) -> list[bool]:
        """Of each tested cell with a planted loss, whether it is found."""
        return [cell.is_found for cell in self.tested if cell.planted < 0]

    @property
    def correlation(self) -> float:
        """Spearman's rho of planted and measured gains."""
        cells = [cell for cell in self.cells if not math.isnan(cell.measured)]
        return spearman([cell.planted for cell in cells], [cell.measured for cell in cells]).rho

    @property
    def ceiling(self) -> float:
        """The rho of the same cells' planted gains with a measurement that orders them rightly and has no ties."""
        ordered = sorted(cell.planted for cell in self.cells if not math.isnan(cell.measured))
        return spearman(ordered, range(len(ordered))).rho

    def lacking(self, seeds: int) -> str:
        """What is missing, in words: cells without a test, the fewest seeds of a cell; "" where nothing is."""
        untested, fewest = len(self.cells) - len(self.tested), min(cell.num_seeds for cell in self.cells)
        words = f"  untested {untested}/{len(self.cells)}" if untested else ""
        return words + (f"  fewest seeds {fewest}" if fewest < seeds else "")


def planted(space: Space) -> dict[Cell, float]:
    """The planted gain of every cell whose recipe has a placebo in the space."""
    placebos = placebo_recipes(space)
    return {cell: gain for cell, gain in planted_gains(space).items() if cell[0] in placebos}


def measured(run: Path, pairs: Mapping[str, str], truths: Mapping[Cell, float], flagged: Iterable[Cell]) -> Outcome:
    """The cells of `truths`, measured by the same-seed differences of each recipe to its reference (`pairs`)."""
    study = load(str(run))
    differences = seed_differences(study, study.space.models[0].name, pairs)
    gains = {cell: part["gain"].to_list() for cell, part in cells_of(differences)}
    known = frozenset(flagged)

    def one(cell: Cell) -> Verdict:
        found = paired_interval(gains.get(cell, []))
        return Verdict(
            planted=truths[cell], measured=found.mean, p=found.p, num_seeds=found.n, is_flagged=cell in known
        )

    return Outcome(cells=tuple(one(cell) for cell in truths), notes=study.notes)


def recovered(run: Path) -> Outcome:
    """A world's truth beside what its run measured."""
    truths = planted(RECOVERY)
    return measured(run, placebo_recipes(RECOVERY), truths, flags(RECOVERY))


def null(run: Path) -> Outcome:
    """Every second row of a null world, compared with the row before it."""
    rows = [recipe.name for recipe in NULL.recipes if recipe.stages]
    nothing = {(row, target.task): 0.0 for row in rows[1::2] for target in NULL.targets}
    return measured(run, dict(zip(rows[1::2], rows[::2], strict=True)), nothing, ())


def sweep(space: str, world: int, asked: argparse.Namespace) -> Path:
    """Run a space in the world of that truth seed, or go on with it; trials that failed leave cells without a test."""
    run: Path = asked.out / f"{space}-{world}"
    settings = [f"seeds={asked.seeds}", f"world=demo:truth_seed={world},draws={max(DRAWS, asked.seeds + 1)}"]
    command = [sys.executable, "-m", "sweeper", "run", space, "--out", str(run), "--cache", str(asked.out / "cache")]
    for setting in settings:
        command += ["--set", setting]
    code = subprocess.run([*command, *asked.options], check=False, stdout=sys.stderr).returncode
    if code not in (0, 1):
        raise SystemExit(f"The run of {run} ended with {code}: the same command goes on with it.")
    return run


def count(hits: list[bool]) -> str:
    """Hits of all."""
    return f"{sum(hits)}/{len(hits)}"


def share(name: str, hits: list[bool], expected: str) -> str:
    """A pooled share in words."""
    if not hits:
        return f"{name}: no cell has a test"
    return f"{name} {count(hits)} = {sum(hits) / len(hits):.1%} ({expected})"


def band(num: int) -> str:
    """The binomial 95 % band of a share of LEVEL."""
    low, high = stats.binom.interval(0.95, num, LEVEL)
    return f"nominal {LEVEL:.0%}, binomial 95 % band {low / num:.1%} to {high / num:.1%}"


def worlds_in(text: str) -> list[int]:
    """The worlds of a list such as 1,2,3, or none. Raises ArgumentTypeError."""
    names = [] if text in ("", "none") else text.split(",")
    if not all(name.isdecimal() for name in names) or len({int(name) for name in names}) < len(names):
        raise argparse.ArgumentTypeError(f"worlds are whole numbers, each once, as in 1,2,3, or none; got {text!r}")
    return [int(name) for name in names]


def planted_lines(asked: argparse.Namespace) -> Iterator[str]:
    """A line a world, then the pooled shares."""
    outcomes = []
    for world in asked.worlds:
        found = recovered(sweep("demo_recovery", world, asked))
        outcomes.append(found)
        counts = f"zeros {count(found.zeros)}  found {count(found.large)}  harms {count(found.harms)}"
        rho = f"spearman {found.correlation:.2f}  ceiling {found.ceiling:.2f}"
        yield f"world {world}  {rho}  {counts}{found.lacking(asked.seeds)}"
        yield from (f"  {note}" for note in found.notes)
    zeros = [hit for found in outcomes for hit in found.zeros]
    if outcomes:
        yield share("zeros called significant", zeros, band(len(zeros)) if zeros else "")
        yield share("large gains found", [hit for found in outcomes for hit in found.large], "aim: 90 % or more")
        yield share("losses found", [hit for found in outcomes for hit in found.harms], "no aim")


def null_lines(asked: argparse.Namespace) -> Iterator[str]:
    """A line a null world, then the pooled share."""
    hits: list[bool] = []
    for world in asked.null:
        found = null(sweep("demo_null", world, asked))
        hits += found.zeros
        yield f"null world {world}  significant {count(found.zeros)}{found.lacking(asked.seeds)}"
        yield from (f"  {note}" for note in found.notes)
    if hits:
        yield share("null cells called significant", hits, band(len(hits)))


def main() -> None:
    """Run what is missing, print a line a world and the pooled shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=worlds_in, default="1,2,3")
    parser.add_argument("--null", type=worlds_in, default="4,5,6")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, default=Path("runs/recovery"))
    parser.add_argument("options", nargs="*", help="after --: options of `sweeper run`")
    asked = parser.parse_args()
    if asked.seeds < MIN_SEEDS:
        raise SystemExit(f"A paired t test needs {MIN_SEEDS} seeds or more, got {asked.seeds}.")
    print(f"{date.today()}, {asked.seeds} seeds a world, {platform.machine()}, python {platform.python_version()}")
    try:
        for line in chain(planted_lines(asked), null_lines(asked)):
            print(line, flush=True)
    except SweeperError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
