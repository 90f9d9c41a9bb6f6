"""Are the statistics of a report right? Simulated matrices with known gains, measured with the functions of a report.

    python -m benchmarks.statistics [--only cells] [--worlds 2000] [--jobs 2]

Prints one line for each measure: its value with the statistics of a report, its value with the plain statistics (paired
t tests over seeds), and the target. A measure outside its target is marked with `<-`. Each part of the table is a
module of `benchmarks/simulations`. The simulated matrices have 10 rows and 9 targets that share a baseline. The noise
of a score differs by target (log-normal, 0.6). 30 % of the cells have a gain, with a standard deviation of 1.5 times
that noise.
"""

import argparse
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import date

from benchmarks.simulations import best, cells, correlations, items, languages
from benchmarks.simulations.measure import Measure, header

PARTS: Mapping[str, Callable[[int], Iterable[Measure]]] = {
    "cells": cells.measures,
    "items": items.measures,
    "best": best.measures,
    "correlations": correlations.measures,
    "languages": languages.measures,
}
"""Part of the table -> the function that measures it on a number of simulated matrices."""


def measured(part: str, num_worlds: int) -> list[Measure]:
    """Return the measures of a part."""
    return list(PARTS[part](num_worlds))


def parts_in(text: str) -> list[str]:
    """Return the parts of a list such as cells,items. Raises ArgumentTypeError."""
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part is called {unknown[0]!r}; known: {', '.join(PARTS)}")
    return names


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=parts_in, default=list(PARTS), help="parts, separated by commas")
    parser.add_argument("--worlds", type=int, default=2000, help="number of simulated matrices")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    options = parser.parse_args()
    started = time.monotonic()
    print(f"{date.today()}, {options.worlds} matrices, {platform.machine()}, python {platform.python_version()}")
    print(header())
    with ProcessPoolExecutor(options.jobs) as pool:
        for part in [pool.submit(measured, name, options.worlds) for name in options.only]:
            print(*part.result(), sep="\n", flush=True)
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
