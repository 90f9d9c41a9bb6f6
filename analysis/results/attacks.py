"""Examples under several conditions: those that are correct when clean and become wrong, and the worst condition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from sweeper.records.record import ScoreRecord
from sweeper.run.run import Run
from sweeper.space import CLEAN, Condition

from .chance import CleanScores
from .items import has_own_items
from .load import RunData
from .marks import marks_of
from .outcomes import credit_of, read_outcomes
from .seed_part import MEAN
from .success import SUCCESS_COLUMNS, success_rates
from .sums import MEASURES

WORST_COLUMNS = ("worst", "num_attacks")
"""worst: the score if each example has its lowest score under clean data and all attacks (`attacks_of`) that its
language has; num_attacks: their number. Means over seeds. A mean over languages weights them equally. There is none for
tagging, whose metrics are no means over sentences."""
ATTACK_COLUMNS = (*SUCCESS_COLUMNS, *WORST_COLUMNS)
CELL = ["model", "recipe", "target", "condition", "language"]
Grouped = dict[tuple[str, str], dict[int | None, list[ScoreRecord]]]


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


def attacks(data: RunData, clean: CleanScores) -> pd.DataFrame:
    """ATTACK_COLUMNS for each model, recipe, target, condition and language, and for the mean over languages."""
    conditions_of = {target.task: target.conditions for target in data.space.targets}
    recipes = [recipe.name for recipe in data.space.recipes]
    worst, rates = [], []
    for (model, target), by_seed in _groups(data).items():
        found_credits = [_credits(records, data) for records in by_seed.values()]
        tables = [table for table, _ in found_credits if len(table)]
        of_words = any(are_of_words for _, are_of_words in found_credits)
        compared = partial(_is_compared, clean, model, target)
        has_own = has_own_items(data, target)
        found = success_rates(tables, compared, recipes, has_own_items=has_own)
        rates += [(model, recipe, target, *cell, *values) for (recipe, *cell), values in found]
        worst += [
            (model, recipe, target, *cell, *values)
            for table in (tables if _is_mean(data.space.task(target).scorer) and not of_words else ())
            for (recipe, *cell), values in _worst(table, conditions_of[target])
        ]
    table = pd.DataFrame(worst, columns=[*CELL, *WORST_COLUMNS])
    by_language = table.groupby(CELL)[list(WORST_COLUMNS)].mean()
    # The mean over the languages of a condition; nan if one of them has none.
    means = by_language.groupby(CELL[:4]).mean(skipna=False).reset_index().assign(language=MEAN)
    both = pd.concat([by_language.reset_index(), means], ignore_index=True)
    return both.merge(pd.DataFrame(rates, columns=[*CELL, *SUCCESS_COLUMNS]), on=CELL, how="outer")


def _is_mean(scorer: str) -> bool:
    """Whether the credit of an example is its part of the main metric."""
    return bool({"em", "correct"} & {*MEASURES[scorer].columns})


def _is_compared(
    clean: CleanScores, model: str, target: str, recipe: str, condition: str, languages: Sequence[str]
) -> bool:
    return not clean.is_at_chance((model, recipe, target), condition, languages)


def _groups(data: RunData) -> Grouped:
    """(model, target) -> seed -> the scores of targets with conditions, without those that trained on their rows."""
    groups: Grouped = {}
    if not data.run:
        return groups
    same_rows = marks_of(data.space).same_rows
    with_conditions = {target.task for target in data.space.targets if target.conditions}
    for score in data.cell_scores:
        if score.target in with_conditions and (score.recipe, score.target) not in same_rows:
            groups.setdefault((score.model, score.target), {}).setdefault(score.seed, []).append(score)
    return groups


def _credits(records: Sequence[ScoreRecord], data: RunData) -> tuple[pd.DataFrame, bool]:
    """A row for each example (language, example, group), with its credit in a column for each (condition, recipe).

    Also whether the credits are shares of words, so that the metric is no mean over examples.
    """
    tables, of_words, ledger = [], False, Run.open(data.run).ledger
    for record in records:
        outcomes = read_outcomes(record, ledger, data.unread)
        credit = None if outcomes is None else credit_of(outcomes)
        if outcomes is not None and credit is not None:
            rows = outcomes[["language", "example", "group"]].assign(
                recipe=record.recipe, condition=record.condition, credit=credit
            )
            tables.append(rows[rows["language"].isin(list(record.metrics))])
            of_words = of_words or "tokens_correct" in outcomes
    if not tables:
        return pd.DataFrame(), False
    rows = pd.concat(tables, ignore_index=True)
    # A language may have been scored twice, before and after a cap was raised.
    index, columns = ["language", "example", "group"], ["condition", "recipe"]
    return rows.pivot_table(index=index, columns=columns, values="credit"), of_words


def _worst(
    credits_of: pd.DataFrame, conditions: Sequence[Condition]
) -> Iterator[tuple[tuple[str, str, str], tuple[float, int]]]:
    """(recipe, condition, language), and the values of WORST_COLUMNS in one model, target and seed."""
    if CLEAN not in credits_of:
        return
    for language, rows in credits_of.groupby(level="language", sort=False):
        # A condition may leave out the language.
        present = rows.dropna(axis=1, how="all")
        attacked = attacks_of(condition for condition in conditions if condition.name in present)
        for recipe in dict.fromkeys(present.columns.get_level_values("recipe")):
            of_recipe = present.columns.get_level_values("condition")[present.columns.isin([recipe], level="recipe")]
            has_all = {CLEAN, *attacked} <= {*of_recipe}
            lowest = present[[(name, recipe) for name in (CLEAN, *attacked)]].dropna().min(axis=1) if has_all else None
            worst = float("nan") if lowest is None or not attacked else float(lowest.mean())
            # A condition that the recipe has no score of, as in a run that is not finished, says nothing of it.
            for condition in of_recipe:
                if condition != CLEAN:
                    yield (str(recipe), str(condition), str(language)), (worst, len(attacked))
