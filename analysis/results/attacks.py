"""Examples under several conditions: those that are correct when clean and become wrong, and the worst condition."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from sweeper.files.serialize import plain
from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import CLEAN, Condition

from .chance import CleanScores
from .item_cache import cache_file, kept_blocks, states_of
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
BySeed = Mapping[int | None, Sequence[ScoreRecord]]
CODE = (
    *("attacks.py", "chance.py", "influence.py", "item_part.py", "outcomes.py", "stats.py", "success.py", "sums.py"),
    "trivial.py",
)
"""Files of this package on which the values of given outcomes depend."""


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """Values of a recipe on one target, in one condition and language."""

    recipe: str
    condition: str
    language: str
    values: tuple[float | str, ...]
    """Of SUCCESS_COLUMNS, or of WORST_COLUMNS."""
    is_worst: bool = False


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
    """ATTACK_COLUMNS for each model, recipe, target, condition and language, and for the mean over languages.

    The values are kept in the cache of the run folder.
    """
    rows = list(_rows(data, clean)) if data.run else []
    worst = [(*cell, *row.values) for cell, row in rows if row.is_worst]
    rates = [(*cell, *row.values) for cell, row in rows if not row.is_worst]
    table = pd.DataFrame(worst, columns=[*CELL, *WORST_COLUMNS])
    by_language = table.groupby(CELL)[list(WORST_COLUMNS)].mean()
    # The mean over the languages of a condition; nan if one of them has none.
    means = by_language.groupby(CELL[:4]).mean(skipna=False).reset_index().assign(language=MEAN)
    both = pd.concat([by_language.reset_index(), means], ignore_index=True)
    return both.merge(pd.DataFrame(rates, columns=[*CELL, *SUCCESS_COLUMNS]), on=CELL, how="outer")


def _rows(data: RunData, clean: CleanScores) -> Iterator[tuple[tuple[str, ...], Attacked]]:
    """The cell (CELL) and the values of each row, from the cache if the outcomes are as they were."""
    run = Run.open(data.run)
    states = run.ledger.outcome_states()
    for (model, target), by_seed in _groups(data).items():
        column = _Column(data=data, ledger=run.ledger, clean=clean, model=model, target=target, by_seed=by_seed)
        file = cache_file("attacks", CODE, column.inputs(states))
        for row in kept_blocks(run.analysis_cache, file, Attacked, column.read):
            yield (model, row.recipe, target, row.condition, row.language), row


@dataclass(frozen=True, kw_only=True)
class _Column:
    """The scores of one model on one target, under all conditions."""

    data: RunData
    ledger: Ledger
    clean: CleanScores
    model: str
    target: str
    by_seed: BySeed

    @property
    def scorer(self) -> str:
        return self.data.space.task(self.target).scorer

    @property
    def conditions(self) -> Sequence[Condition]:
        return next(target.conditions for target in self.data.space.targets if target.task == self.target)

    @property
    def recipes(self) -> list[str]:
        return [recipe.name for recipe in self.data.space.recipes]

    def inputs(self, states: Mapping[str, list[str]]) -> list[object]:
        """What the values depend on, as JSON values. `states` are those of the files with outcomes."""
        column = self.model, self.target
        clean = sorted((name, row) for name, row in self.clean.levels.items() if (name[0], name[2]) == column)
        records = [[seed, sorted(states_of(scores, states))] for seed, scores in self.by_seed.items()]
        conditions, has_own = list(map(plain, self.conditions)), has_own_items(self.data, self.target)
        return [records, clean, conditions, self.recipes, self.scorer, has_own]

    def read(self) -> tuple[list[Attacked], bool]:
        """Read all outcomes. Returns the values, and whether all outcomes could be read."""
        read = [_credits(records, self.ledger, self.data.unread) for records in self.by_seed.values()]
        tables = [each.table for each in read if len(each.table)]
        has_worst = _is_mean(self.scorer) and not any(each.are_of_words for each in read)
        compared = partial(_is_compared, self.clean, self.model, self.target)
        rates = success_rates(tables, compared, self.recipes, has_own_items=has_own_items(self.data, self.target))
        worst = (row for table in (tables if has_worst else ()) for row in _worst(table, self.conditions))
        rows = [(cell, values, False) for cell, values in rates] + [(cell, values, True) for cell, values in worst]
        found = [
            Attacked(recipe=recipe, condition=condition, language=language, values=values, is_worst=is_worst)
            for (recipe, condition, language), values, is_worst in rows
        ]
        return found, all(each.is_complete for each in read)


def _is_mean(scorer: str) -> bool:
    """Whether the credit of an example is its part of the main metric."""
    return bool({"em", "correct"} & {*MEASURES[scorer].columns})


def _is_compared(
    clean: CleanScores, model: str, target: str, recipe: str, condition: str, languages: Sequence[str]
) -> bool:
    return not clean.is_at_chance((model, recipe, target), condition, languages)


def _groups(data: RunData) -> Mapping[tuple[str, str], BySeed]:
    """(model, target) -> seed -> the scores of targets with conditions, without those that trained on their rows."""
    groups: dict[tuple[str, str], dict[int | None, list[ScoreRecord]]] = {}
    same_rows = marks_of(data.space).same_rows
    with_conditions = {target.task for target in data.space.targets if target.conditions}
    for score in data.cell_scores:
        if score.target in with_conditions and (score.recipe, score.target) not in same_rows:
            groups.setdefault((score.model, score.target), {}).setdefault(score.seed, []).append(score)
    return groups


@dataclass(frozen=True, kw_only=True)
class _Credits:
    """The credits of one seed."""

    table: pd.DataFrame
    """A row for each example (language, example, group), and a column for each (condition, recipe)."""
    are_of_words: bool
    """Whether the credits are shares of words, so that the metric is no mean over examples."""
    is_complete: bool
    """Whether all outcomes could be read."""


def _credits(records: Sequence[ScoreRecord], ledger: Ledger, unread: set[str]) -> _Credits:
    tables, of_words, is_complete = [], False, True
    for record in records:
        outcomes = read_outcomes(record, ledger, unread)
        is_complete &= outcomes is not None
        credit = None if outcomes is None else credit_of(outcomes)
        if outcomes is not None and credit is not None:
            rows = outcomes[["language", "example", "group"]].assign(
                recipe=record.recipe, condition=record.condition, credit=credit
            )
            tables.append(rows[rows["language"].isin(list(record.metrics))])
            of_words = of_words or "tokens_correct" in outcomes
    if not tables:
        return _Credits(table=pd.DataFrame(), are_of_words=False, is_complete=is_complete)
    rows = pd.concat(tables, ignore_index=True)
    # A language may have been scored twice, before and after a cap was raised.
    index, columns = ["language", "example", "group"], ["condition", "recipe"]
    table = rows.pivot_table(index=index, columns=columns, values="credit")
    return _Credits(table=table, are_of_words=of_words, is_complete=is_complete)


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
