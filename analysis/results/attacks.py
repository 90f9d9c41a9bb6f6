"""Examples under several conditions: which of those that are correct when clean become wrong, and the worst condition.

Only for targets whose examples have a score of their own: classification, choice, question answering.
"""

from collections.abc import Iterator

import pandas as pd

from sweeper.errors import SweeperError
from sweeper.run.run import Run

from .load import CLEAN, RunData
from .seed_part import MEAN

ATTACK_COLUMNS = ("success", "num_correct", "worst", "num_conditions")
"""success: the share of the examples that every recipe answers correctly when clean, in the same seed, and that are
wrong under the condition. num_correct: the number of these examples. worst: the score if each example has its lowest
score under clean data and all conditions; num_conditions: their number. Means over seeds; a mean over languages weights
them equally."""
KEYS = ["language", "example"]
EXAMPLE_COLUMNS = [*KEYS, "model", "recipe", "target", "seed", "condition", "credit", "is_correct"]


def attacks(data: RunData) -> pd.DataFrame:
    """ATTACK_COLUMNS for each model, recipe, target, condition and language, and for the mean over languages."""
    columns = ["model", "recipe", "target", "condition", "language", "seed", *ATTACK_COLUMNS]
    examples_of = _examples(data) if data.run else pd.DataFrame(columns=EXAMPLE_COLUMNS)
    rows = [
        (model, recipe, target, condition, language, seed, *measured)
        for (model, target, seed), examples in examples_of.groupby(["model", "target", "seed"], dropna=False)
        for (recipe, condition, language), measured in _of_seed(examples)
    ]
    table = pd.DataFrame(rows, columns=columns)
    cell = columns[:5]
    by_language = table.groupby(cell)[list(ATTACK_COLUMNS)].mean()
    means = by_language.groupby(cell[:4]).mean().assign(language=MEAN).set_index("language", append=True)
    return pd.concat([by_language, means]).reset_index()


def _examples(data: RunData) -> pd.DataFrame:
    """A row for each example of each score, with EXAMPLE_COLUMNS; credit is from 0 to 1."""
    ledger = Run.open(data.run).ledger
    with_conditions = {target.task for target in data.space.targets if target.conditions}
    tables = []
    for score in data.cell_scores:
        if score.target not in with_conditions:
            continue
        try:
            outcomes = ledger.outcomes(score)
        except (OSError, SweeperError, ValueError):
            continue
        credit, is_correct = _credit(outcomes)
        if credit is None or is_correct is None:
            continue
        tables.append(
            outcomes[KEYS].assign(
                model=score.model,
                recipe=score.recipe,
                target=score.target,
                seed=score.seed,
                condition=score.condition,
                credit=credit,
                is_correct=is_correct,
            )
        )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=EXAMPLE_COLUMNS)


def _credit(outcomes: pd.DataFrame) -> "tuple[pd.Series[float] | None, pd.Series[bool] | None]":
    """The credit of each example, and whether it is entirely correct; None for counts that say neither."""
    if "em" in outcomes:
        return (outcomes["em"] + outcomes["f1"]) / 2, outcomes["em"] == 1
    if "correct" in outcomes and "chunks_gold" not in outcomes:
        return outcomes["correct"].astype(float), outcomes["correct"] == 1
    return None, None


def _of_seed(examples: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], tuple[float, float, float, int]]]:
    """(recipe, condition, language), and the values of ATTACK_COLUMNS in one model, target and seed."""
    clean = examples[examples["condition"] == CLEAN]
    num_recipes = clean["recipe"].nunique()
    # The examples that every recipe answers correctly, so that recipes are compared on one set.
    right = clean[clean["is_correct"]].groupby(KEYS)["recipe"].nunique()
    compared = right.index[right == num_recipes]
    for recipe, of_recipe in examples.groupby("recipe", sort=False):
        wide = of_recipe.pivot_table(index=KEYS, columns="condition", values="credit").dropna()
        worst = wide.min(axis=1).groupby(level="language").mean()
        for (condition, language), rows in of_recipe.groupby(["condition", "language"], sort=False):
            if condition == CLEAN:
                continue
            compared_rows = rows[pd.MultiIndex.from_frame(rows[KEYS]).isin(compared)]
            success = 1 - compared_rows["is_correct"].mean() if len(compared_rows) else float("nan")
            lowest = float(worst.get(language, float("nan")))
            yield (str(recipe), str(condition), str(language)), (success, len(compared_rows), lowest, wide.shape[1] - 1)
