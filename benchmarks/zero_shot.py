"""Does what is learned in English reach the other languages of the synthetic world, and less so the farther they are?

    python benchmarks/zero_shot.py RUN [ROW]

Reads the ledger of a run in a synthetic world. Of one row (default: the baseline) it prints the mean score over seeds
of every target in every language, nearest first, beside the trivial score (majority class, or a random choice),
and Spearman's correlation between a language's score and its distance from English, with its permutation p.
"""

import argparse
import platform
from datetime import date

import pandas as pd

from analysis.load import CLEAN, load
from analysis.matrix import reference_row
from analysis.stats import spearman
from sweeper.data.synthetic.languages import CODES, distance

NEAREST_FIRST = sorted(CODES, key=lambda code: distance("en", code))


def scores(run: str, row: str) -> pd.DataFrame:
    """Targets x languages, means over seeds in points, with a column `trivial` and `rho`, `p` against the distance.

    Of the first model, under the usual condition. Raises UserError if no row is called so.
    """
    study = load(run)
    table = study.table[study.table["main"] & (study.table["condition"] == CLEAN)]
    table = table[(table["recipe"] == row) & (table["model"] == study.space.models[0].name)]
    means = table.pivot_table(index="target", columns="language", values="value") * 100
    found = means.reindex(index=[target.task for target in study.space.targets], columns=NEAREST_FIRST).round(1)
    far = [code for code in NEAREST_FIRST if code != "en"]
    distances = [distance("en", code) for code in far]
    related = {target: spearman(distances, values[far]) for target, values in found.iterrows()}
    found.insert(0, "trivial", (table.groupby("target")["trivial"].mean() * 100).round(1))
    found["rho"] = {target: round(one.rho, 2) for target, one in related.items()}
    found["p"] = {target: round(one.p, 3) for target, one in related.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("row", nargs="?", default="")
    asked = parser.parse_args()
    row = reference_row(load(asked.run).space, asked.row)
    print(f"{date.today()}  {asked.run}  row {row}  {platform.machine()}, python {platform.python_version()}")
    print("distance  " + "  ".join(f"{code} {distance('en', code):.2f}" for code in NEAREST_FIRST))
    print(scores(asked.run, row).to_string())


if __name__ == "__main__":
    main()
