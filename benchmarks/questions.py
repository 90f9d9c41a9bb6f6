"""Do the five questions find what is planted in synthetic worlds, and nothing else?

    python -m benchmarks.questions --question NAME [--world 1,2,3] [--out runs/questions] [-- RUN OPTIONS]

Runs `questions/NAME_world` once for each world, whose number is the truth_seed. An existing run is resumed, so the same
command prints the table again. Each line is one estimate of a contrast of the space, in points, with its 95 % interval:

    world 1  + dose on xclaims en              planted -   -38.2 (-45.0 to -31.4)  p 0.000  found

planted: the sign that the world plants, 0 if it plants nothing. A planted contrast is found if its p, not corrected
for the number of contrasts, is below 5 % and it has the planted sign. A null contrast is called if its p is below 5 %.
Null contrasts that are exactly 0 in every seed have no p, cannot be called, and are counted apart. Any other contrast
without a p has failed: it is in no share, and the program ends with an error. The binomial band of the pooled share
assumes that the contrasts are independent. Contrasts of one world share recipes, draws and seeds, and are therefore
dependent.
"""

import argparse
import importlib
import math
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd
from scipy import stats

from analysis.results.contrasts import contrast_table
from analysis.results.load import load
from search_spaces.load import PLANTED, QUESTIONS, shipped
from sweeper.errors import SweeperError
from sweeper.space import Space
from sweeper.world.settings import parse_world, world_name

LEVEL = 0.05
FEWEST = {"planted": 20, "null": 40}
"""Contrasts that a question needs over all worlds."""
SIGN_TEXTS = {1: "+", -1: "-", 0: "0"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One estimate of a contrast and what is planted in it."""

    label: str
    planted: int
    """1, -1 or 0."""
    estimate: float
    low: float
    high: float
    p: float
    note: str = ""

    @property
    def is_significant(self) -> bool:
        """Whether 0 is rejected at LEVEL."""
        return self.p < LEVEL

    @property
    def is_exactly_zero(self) -> bool:
        """Whether the estimate is 0 in every seed, so that it has no p and cannot be called."""
        return self.estimate == 0 and math.isnan(self.p)

    @property
    def has_failed(self) -> bool:
        """Whether it has no p for any other reason, for example no score or only one seed."""
        return math.isnan(self.p) and not self.is_exactly_zero

    @property
    def is_found(self) -> bool:
        """Whether the planted sign is found."""
        return self.is_significant and self.estimate * self.planted > 0

    @property
    def text(self) -> str:
        """The line of the contrast."""
        word = ("found" if self.is_found else "missed") if self.planted else ("called" if self.is_significant else "")
        word = "failed" if self.has_failed else word
        values = f"{100 * self.estimate:+7.1f} ({100 * self.low:+.1f} to {100 * self.high:+.1f})  p {self.p:.3f}"
        return f"{self.label:<48} planted {SIGN_TEXTS[self.planted]}  {values}  {word} {self.note}".rstrip()


def verdicts(table: pd.DataFrame, signs: Mapping[str, int]) -> list[Verdict]:
    """Compare a table of contrasts with the planted signs."""
    return [
        Verdict(
            label=" ".join(str(row[name]) for name in ("contrast", "target", "language") if row[name]),
            planted=signs[row["contrast"]],
            estimate=float(row["estimate"]),
            low=float(row["low"]),
            high=float(row["high"]),
            p=float(row["p"]),
            note=str(row["note"]),
        )
        for _, row in table.iterrows()
        if row["contrast"] in signs
    ]


def lines_of(found: list[Verdict]) -> Iterator[str]:
    """Yield the pooled shares of planted contrasts that are found and of null contrasts that are called.

    Null contrasts that are exactly 0, and failed contrasts, are in neither share.
    """
    tested = [verdict for verdict in found if not verdict.has_failed]
    zeros = [verdict for verdict in tested if not verdict.planted and verdict.is_exactly_zero]
    planted = [verdict.is_found for verdict in tested if verdict.planted]
    null = [verdict.is_significant for verdict in tested if not verdict.planted and not verdict.is_exactly_zero]
    if planted:
        yield f"planted contrasts found {sum(planted)}/{len(planted)} = {sum(planted) / len(planted):.1%} (aim: 80 %)"
    if null:
        low, high = (bound / len(null) for bound in stats.binom.interval(0.95, len(null), LEVEL))
        share = f"{sum(null)}/{len(null)} = {sum(null) / len(null):.1%}"
        yield f"null contrasts called {share} (nominal {LEVEL:.0%}, binomial 95 % band {low:.1%} to {high:.1%})"
    if zeros:
        yield f"null contrasts that are exactly 0 in every seed: {len(zeros)}"
    if len(tested) < len(found):
        yield f"failed contrasts (without a p): {len(found) - len(tested)}"
    for name, hits in (("planted", planted), ("null", null)):
        if len(hits) < FEWEST[name]:
            yield f"These worlds have {len(hits)} {name} contrasts, fewer than {FEWEST[name]}. Add worlds."


def sweep(space: Space, world: int, options: argparse.Namespace) -> Path:
    """Run or resume the space of a question in the world of a truth seed."""
    run: Path = options.out / f"{options.question}-{world}"
    setting = world_name(replace(parse_world(space.world), truth_seed=world))
    command = [sys.executable, "-m", "sweeper", "run", space.name, "--out", str(run), "--set", f"world={setting}"]
    command += ["--cache", str(options.out / "cache"), *options.run_options]
    code = subprocess.run(command, check=False, stdout=sys.stderr).returncode
    # Exit code 1: some trials failed, and the others have scores.
    if code not in (0, 1):
        raise SystemExit(f"The run of {run} ended with {code}: the same command resumes it.")
    return run


def report(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of all worlds, then the pooled shares."""
    module = importlib.import_module(f"search_spaces.{QUESTIONS}.{options.question}{PLANTED}")
    pooled: list[Verdict] = []
    for world in options.world:
        start = time.monotonic()
        run = sweep(module.SPACE, world, options)
        judged = verdicts(contrast_table(load(str(run))), module.SIGNS)
        yield from (f"world {world}  {verdict.text}" for verdict in judged)
        yield f"world {world}  {(time.monotonic() - start) / 60:.1f} minutes"
        pooled += judged
    yield from lines_of(pooled)
    if any(verdict.has_failed for verdict in pooled):
        raise SweeperError("Some contrasts have no p. Run the same command again to repeat failed trials.")


def questions() -> list[str]:
    """Return the questions that have a space in the synthetic world."""
    prefix = f"{QUESTIONS}/"
    return [name.removeprefix(prefix).removesuffix(PLANTED) for name in shipped() if name.endswith(PLANTED)]


def worlds_in(text: str) -> list[int]:
    """Return the worlds of a list such as 1,2,3. Raises ArgumentTypeError."""
    if not all(name.isdecimal() for name in text.split(",")):
        raise argparse.ArgumentTypeError(f"worlds are whole numbers, as in 1,2,3; got {text!r}")
    return [int(name) for name in text.split(",")]


def main() -> None:
    """Run or resume all worlds of a question, and print planted and measured values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--question", required=True, choices=questions())
    parser.add_argument("--world", type=worlds_in, default="1")
    parser.add_argument("--out", type=Path, default=Path("runs/questions"))
    parser.add_argument("run_options", metavar="options", nargs="*", help="after --: options of `sweeper run`")
    options = parser.parse_args()
    print(f"{date.today()}, {options.question}, {platform.machine()}, python {platform.python_version()}")
    try:
        for line in report(options):
            print(line, flush=True)
    except SweeperError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
