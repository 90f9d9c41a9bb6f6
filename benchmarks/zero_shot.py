"""Does what is learned in English reach the other languages of the synthetic world, and less so the farther they are?

    python benchmarks/zero_shot.py RUN [ROW]

Reads the ledger of a run in a synthetic world. Of one row (default: the baseline) it prints for every target

    trivial  the score of a constant answer: the majority class, a random choice in retrieval, no answer, no tag
    guess    what to expect of who knows all but the classes: the right words tagged, one class in three right (and
             every X of `words`, which seqeval counts too); one of two words that a question can mean; else as trivial
    en ...   the mean score over seeds in each language, nearest first
    error    the largest standard error of these means
    above    in how many of the other languages the mean is above trivial, and above guess, by two standard errors
    rho, p   Spearman's correlation of score and distance from English over the other languages, its permutation p

all but counts and correlations in points.
"""

import argparse
import platform
from datetime import date

import pandas as pd

from analysis.load import CLEAN, load
from analysis.matrix import reference_row
from analysis.stats import spearman
from sweeper.data.synthetic.languages import CODES, distance
from sweeper.errors import UserError

NEAREST_FIRST = sorted(CODES, key=lambda code: distance("en", code))
FAR = [code for code in NEAREST_FIRST if code != "en"]
GUESS = {"words": 0.62, "names": 1 / 3, "xquestions": 1 / 2, "mquestions": 1 / 2, "few_questions": 1 / 2}
"""Target -> expected score of who knows all but the classes; tests/data/test_synthetic_guess.py draws them."""


def scores(run: str, row: str) -> pd.DataFrame:
    """A line for each target, columns as above. Of the first model, under the usual condition.

    Raises UserError if no row is called so.
    """
    study = load(run)
    space = study.space
    table = study.table[study.table["main"] & (study.table["condition"] == CLEAN)]
    table = table[(table["recipe"] == row) & (table["model"] == space.models[0].name)]
    groups = table.assign(value=table["value"] * 100).groupby(["target", "language"])["value"]
    names = [target.task for target in space.targets]
    means, errors = (one.unstack().reindex(index=names, columns=NEAREST_FIRST) for one in (groups.mean(), groups.sem()))
    trivial = (table.groupby("target")["trivial"].mean() * 100).reindex(names)
    guess = (pd.Series(GUESS) * 100).reindex(names).fillna(trivial)
    related = {name: spearman([distance("en", code) for code in FAR], means.loc[name, FAR]) for name in names}
    found = pd.DataFrame({"trivial": trivial, "guess": guess}).join(means).round(1)
    found["error"] = errors.max(axis=1).round(1)
    for name, level in (("above trivial", trivial), ("above guess", guess)):
        found[name] = (means - 2 * errors.fillna(0))[FAR].gt(level, axis=0).sum(axis=1)
    found["rho"] = {target: round(one.rho, 2) for target, one in related.items()}
    found["p"] = {target: round(one.p, 3) for target, one in related.items()}
    return found


def main() -> None:
    """Print the table, with what it was made on above it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("row", nargs="?", default="")
    asked = parser.parse_args()
    try:
        row = reference_row(load(asked.run).space, asked.row)
    except UserError as error:
        raise SystemExit(str(error)) from error
    print(f"{date.today()}  {asked.run}  row {row}  {platform.machine()}, python {platform.python_version()}")
    print("distance  " + "  ".join(f"{code} {distance('en', code):.2f}" for code in NEAREST_FIRST))
    print(scores(asked.run, row).to_string())


if __name__ == "__main__":
    main()
