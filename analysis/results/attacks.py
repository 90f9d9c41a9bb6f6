"""Examples under several conditions: which of those that are correct when clean become wrong, and the worst condition.

Only for targets whose examples have a score of their own: classification, choice, question answering.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from sweeper.records.record import ScoreRecord
from sweeper.run.run import Run
from sweeper.space import CLEAN, Condition

from .load import RunData
from .marks import marks_of
from .outcomes import read_outcomes
from .seed_part import MEAN

ATTACK_COLUMNS = ("success", "num_correct", "worst", "num_attacks")
"""success: the share of the examples that every recipe answers correctly when clean, in the same seed, and that are
wrong under the condition. num_correct: the number of these examples. worst: the score if each example has its lowest
score under clean data and all attacks (`attacks_of`) that its language has; num_attacks: their number. Means over
seeds. A mean over languages weights them equally, and adds up the examples."""
CELL = ["model", "recipe", "target", "condition", "language"]
Grouped = dict[tuple[str, str, int | None], list[ScoreRecord]]


def attacks_of(conditions: Iterable[Condition]) -> list[str]:
    """The names of the conditions that the worst score is over.

    Conditions that differ only in their budget (and languages) are one attack, with its largest budget: it includes the
    changes of the smaller ones, and a score would be lower with more budgets of one attack. Conditions without input
    are no attacks.
    """
    largest: dict[Condition, str] = {}
    for condition in sorted(conditions, key=lambda condition: condition.budget):
        if condition.perturbation != "null_input":
            largest[replace(condition, name="attack", budget=1.0, languages=())] = condition.name
    return list(largest.values())


def attacks(data: RunData) -> pd.DataFrame:
    """ATTACK_COLUMNS for each model, recipe, target, condition and language, and for the mean over languages."""
    conditions_of = {target.task: target.conditions for target in data.space.targets}
    rows = [
        (model, recipe, target, condition, language, *measured)
        for (model, target, _), records in _groups(data).items()
        for (recipe, condition, language), measured in _of_seed(_credits(records, data), conditions_of[target])
    ]
    table = pd.DataFrame(rows, columns=[*CELL, *ATTACK_COLUMNS])
    by_language = table.groupby(CELL)[list(ATTACK_COLUMNS)].mean()
    groups = by_language.groupby(CELL[:4])
    # The mean over the languages of a condition; nan if one of them has none.
    means = groups.mean(skipna=False).assign(num_correct=groups["num_correct"].sum())
    return pd.concat([by_language.reset_index(), means.reset_index().assign(language=MEAN)], ignore_index=True)


def _groups(data: RunData) -> Grouped:
    """(model, target, seed) -> the scores of targets with conditions, without those that trained on their rows."""
    groups: Grouped = {}
    if not data.run:
        return groups
    same_rows = marks_of(data.space).same_rows
    with_conditions = {target.task for target in data.space.targets if target.conditions}
    for score in data.cell_scores:
        if score.target in with_conditions and (score.recipe, score.target) not in same_rows:
            groups.setdefault((score.model, score.target, score.seed), []).append(score)
    return groups


def _credits(records: Sequence[ScoreRecord], data: RunData) -> pd.DataFrame:
    """A row for each example and recipe: recipe, language, example, and a column with its credit for each condition."""
    tables, ledger = [], Run.open(data.run).ledger
    for record in records:
        outcomes = read_outcomes(record, ledger, data.unread)
        credit = None if outcomes is None else _credit(outcomes)
        if outcomes is not None and credit is not None:
            rows = outcomes[["language", "example"]].assign(
                recipe=record.recipe, condition=record.condition, credit=credit
            )
            tables.append(rows[rows["language"].isin(list(record.metrics))])
    if not tables:
        return pd.DataFrame()
    rows = pd.concat(tables, ignore_index=True)
    # A language may have been scored twice, before and after a cap was raised.
    return rows.pivot_table(index=["recipe", "language", "example"], columns="condition", values="credit")


def _credit(outcomes: pd.DataFrame) -> "pd.Series[float] | None":
    """The credit of each example, 0 to 1; None for counts that are no score of an example."""
    if "em" in outcomes:
        return (outcomes["em"] + outcomes["f1"]) / 2
    return outcomes["correct"].astype(float) if "correct" in outcomes and "chunks_gold" not in outcomes else None


def _of_seed(
    credits_of: pd.DataFrame, conditions: Sequence[Condition]
) -> Iterator[tuple[tuple[str, str, str], tuple[float, float, float, int]]]:
    """(recipe, condition, language), and the values of ATTACK_COLUMNS in one model, target and seed."""
    if CLEAN not in credits_of:
        return
    for language, rows in credits_of.groupby(level="language", sort=False):
        # A condition may leave out the language.
        present = rows.dropna(axis=1, how="all")
        attacked = attacks_of(condition for condition in conditions if condition.name in present)
        is_right = (present[CLEAN] == 1).groupby(level="example").agg(["sum", "size"])
        num_recipes = is_right["size"].max()
        # The examples that every recipe answers correctly, so that recipes are compared on one set.
        compared = is_right.index[is_right["sum"] == num_recipes]
        for recipe, of_recipe in present.groupby(level="recipe", sort=False):
            lowest = of_recipe[[CLEAN, *attacked]].dropna().min(axis=1)
            worst = float(lowest.mean()) if attacked else float("nan")
            counted = of_recipe[of_recipe.index.get_level_values("example").isin(compared)]
            # A condition that the recipe has no score of, as in a run that is not finished, says nothing of it.
            for condition in of_recipe.dropna(axis=1, how="all").columns.drop(CLEAN, errors="ignore"):
                scored = counted[condition].dropna()
                success = float((scored < 1).mean()) if len(scored) else float("nan")
                measured = (success, float(len(scored)), worst, len(attacked))
                yield (str(recipe), str(condition), str(language)), measured
