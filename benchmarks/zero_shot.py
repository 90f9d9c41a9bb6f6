"""Does what is learned in English reach the other languages of the synthetic world, and less so the farther they are?

    python benchmarks/zero_shot.py RUN [ROW]

Reads the ledger of a run in a synthetic world. Of one row (default: the baseline) it prints for every target

    trivial  the score of a constant answer: the majority class, the commonest tag on every word, no answer; in
             retrieval of a random choice (`twins`), of none (`mining`)
    guess    what to expect of who knows all but the classes: the right words tagged, one class in three right (and the
             runs of X that seqeval counts in `words`, so that its guess depends on the word order: the mean over
             languages is printed); one of the two words that a question can mean; else as trivial
    en ...   the mean score over seeds in each language, nearest first
    error    the largest standard error of these means
    above    in how many of the other languages the mean is above trivial, and above the language's guess, by two
             standard errors; blank where there is one seed alone
    rho, p   Spearman's correlation of score and distance from English over the other languages, its permutation p

all but counts and correlations in points.
"""

import argparse
import platform
from collections.abc import Mapping
from datetime import date

import pandas as pd

from analysis.results.load import CLEAN, Study, load
from analysis.results.matrix import reference_row
from analysis.results.stats import spearman
from sweeper.errors import SweeperError
from sweeper.world.languages import CODES, distance

NEAREST_FIRST = sorted(CODES, key=lambda code: distance("en", code))
FAR = [code for code in NEAREST_FIRST if code != "en"]
WORDS = (0.615, 0.665, 0.63, 0.59, 0.63, 0.575, 0.665, 0.575, 0.675)
QUESTIONS = ("xquestions", "mquestions", "few_questions")
GUESS: Mapping[str, Mapping[str, float]] = {
    "words": dict(zip(CODES, WORDS, strict=True)),
    "names": dict.fromkeys(CODES, 1 / 3),
    **{name: dict.fromkeys(CODES, 1 / 2) for name in QUESTIONS},
}
"""Target -> language -> expected score of who knows all but the classes: see tests/world/test_guess.py."""


def scores(study: Study, row: str) -> pd.DataFrame:
    """A line for each target, columns as above. Of the first model, under the usual condition."""
    table = study.table[study.table["main"] & (study.table["condition"] == CLEAN)]
    table = table[(table["recipe"] == row) & (table["model"] == study.space.models[0].name)]
    names = [target.task for target in study.space.targets]
    groups = table.assign(value=table["value"] * 100).groupby(["target", "language"])["value"]
    means, errors = (one.unstack().reindex(index=names, columns=NEAREST_FIRST) for one in (groups.mean(), groups.sem()))
    trivial = (table.groupby("target")["trivial"].mean() * 100).reindex(names)
    guess = (pd.DataFrame(GUESS).T * 100).reindex(index=names, columns=NEAREST_FIRST)
    guess = guess.apply(lambda column: column.fillna(trivial))
    found = pd.DataFrame({"trivial": trivial, "guess": guess[FAR].mean(axis=1)}).join(means).round(1)
    found["error"] = errors.max(axis=1).round(1)
    for name, gaps in (("above trivial", means.sub(trivial, axis=0)), ("above guess", means - guess)):
        counts = (gaps > 2 * errors)[FAR].sum(axis=1)
        found[name] = counts.where(errors.notna().any(axis=1)).astype("Int64")
    related = {name: spearman([distance("en", code) for code in FAR], means.loc[name, FAR]) for name in names}
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
        study = load(asked.run)
        row = reference_row(study.space, asked.row)
    except SweeperError as error:
        raise SystemExit(str(error)) from error
    if study.table.empty or not set(study.table["language"]) <= set(CODES):
        raise SystemExit(f"{asked.run} is no run of the synthetic world, or has no scores yet.")
    print(f"{date.today()}  {asked.run}  row {row}  {platform.machine()}, python {platform.python_version()}")
    print("distance  " + "  ".join(f"{code} {distance('en', code):.2f}" for code in NEAREST_FIRST))
    print(scores(study, row).to_string())


if __name__ == "__main__":
    main()
