"""Measures zero-shot transfer in the synthetic world: do tasks learned in English work in the other languages?

    python -m benchmarks.zero_shot RUN [RECIPE]

Reads the ledger of a run in a synthetic world. For one recipe (default: the baseline), it prints for each target:

    trivial  score of a constant answer: the majority class, the most frequent tag for every word, no answer; for
             retrieval, of a random choice (`twins`) or of no pair (`mining`)
    guess    expected score of a model that has learned everything but the classes: it tags the right words, with the
             right class for one in three (runs of X in `words` are chunks too, so that this guess depends on the
             word order; the mean over languages is printed), and picks one of the two words that can be the
             answer to a question; for other targets, the trivial score
    en ...   mean score over seeds in each language, nearest to English first
    error    largest standard error of these means
    above    number of languages other than English with a mean above the trivial score, and above the guess of the
             language, by more than two standard errors; empty with one seed
    rho, p   Spearman's correlation of score and distance from English over the other languages, and its permutation p

Scores are in points.
"""

import argparse
import platform
from collections.abc import Mapping
from datetime import date

import pandas as pd

from analysis.results.gains import reference_recipe
from analysis.results.load import RunData, load, main_scores
from analysis.results.stats import spearman
from sweeper.errors import SweeperError
from sweeper.world.languages import CODES, distance

NEAREST_FIRST = sorted(CODES, key=lambda code: distance("en", code))
FAR = [code for code in NEAREST_FIRST if code != "en"]
WORDS = (0.705, 0.73, 0.71, 0.68, 0.71, 0.68, 0.73, 0.68, 0.735)
QUESTIONS = ("xquestions", "mquestions", "few_questions")
GUESS: Mapping[str, Mapping[str, float]] = {
    "words": dict(zip(CODES, WORDS, strict=True)),
    "names": dict.fromkeys(CODES, 1 / 3),
    **{name: dict.fromkeys(CODES, 1 / 2) for name in QUESTIONS},
}
"""Target -> language -> expected score of a model that has learned all but the classes: tests/world/test_guess.py."""


def scores(data: RunData, recipe: str) -> pd.DataFrame:
    """One row per target with the columns above, for the first model under the usual condition."""
    table = main_scores(data.table)
    table = table[(table["recipe"] == recipe) & (table["model"] == data.space.models[0].name)]
    targets = [target.task for target in data.space.targets]
    groups = table.assign(value=table["value"] * 100).groupby(["target", "language"])["value"]
    means, errors = (
        statistic.unstack().reindex(index=targets, columns=NEAREST_FIRST) for statistic in (groups.mean(), groups.sem())
    )
    trivial = (table.groupby("target")["trivial"].mean() * 100).reindex(targets)
    guess = (pd.DataFrame(GUESS).T * 100).reindex(index=targets, columns=NEAREST_FIRST)
    guess = guess.apply(lambda column: column.fillna(trivial))
    result = pd.DataFrame({"trivial": trivial, "guess": guess[FAR].mean(axis=1)}).join(means).round(1)
    result["error"] = errors.max(axis=1).round(1)
    for name, gaps in (("above trivial", means.sub(trivial, axis=0)), ("above guess", means - guess)):
        counts = (gaps > 2 * errors)[FAR].sum(axis=1)
        # Without a standard error nothing can be counted.
        result[name] = counts.where(errors.notna().any(axis=1)).astype("Int64")
    distances = [distance("en", code) for code in FAR]
    correlations = {target: spearman(distances, means.loc[target, FAR]) for target in targets}
    result["rho"] = {target: round(correlation.rho, 2) for target, correlation in correlations.items()}
    result["p"] = {target: round(correlation.p, 3) for target, correlation in correlations.items()}
    return result


def main() -> None:
    """Print the table and the run, recipe and machine that it belongs to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("recipe", nargs="?", default="")
    arguments = parser.parse_args()
    try:
        data = load(arguments.run)
        recipe = reference_recipe(data.space, arguments.recipe)
    except SweeperError as error:
        raise SystemExit(str(error)) from error
    if data.table.empty or not set(data.table["language"]) <= set(CODES):
        raise SystemExit(f"{arguments.run} is not a run in the synthetic world, or has no scores yet.")
    version = f"{platform.machine()}, python {platform.python_version()}"
    print(f"{date.today()}  {arguments.run}  recipe {recipe}  {version}")
    print("distance  " + "  ".join(f"{code} {distance('en', code):.2f}" for code in NEAREST_FIRST))
    print(scores(data, recipe).to_string())


if __name__ == "__main__":
    main()
