"""The uncertainty of scores and gains about new items, from the outcomes of all examples in the ledger."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.files.folder import Folder
from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger
from sweeper.tasks.spec import has_draws

from .influence import Units, influences
from .item_cache import cache_file, read_blocks, states_of, write_blocks
from .item_sums import InfluenceSums, UnitMap, unit_maps
from .load import RunData
from .outcomes import read_outcomes
from .own_items import Counts, own_counts
from .sums import MEASURES, Measure

Floats = npt.NDArray[np.float64]
CODE = ("items.py", "item_sums.py", "influence.py", "sums.py", "outcomes.py")
"""Files of this package on which the variances of given outcomes depend."""


@dataclass(frozen=True, kw_only=True)
class ItemBlock:
    """Variances over new items of the scores of one target, condition and language. Rows are recipes; fractions of 1.

    An item is a group of examples that depend on each other, in all parallel languages together. The scores are means
    over seeds, and two rows are compared on the same items. With the effects a of a seed, b of an item and e of both,
    the variance of a mean over S seeds and G items is var(a) / S + var(b) / G + var(e) / (S G). `variance` and
    `difference` estimate the last two terms, `residual` the last one, which the variance between seeds contains too.
    """

    target: str
    condition: str
    language: str
    """A language, or `mean`: over all languages of the target."""
    minus: str = ""
    """"en" for differences to the English score of the same row; "" for scores."""
    recipes: tuple[str, ...]
    num_items: int
    variance: Floats
    """Shape (rows,): of the score of a row."""
    difference: Floats
    """Shape (rows, rows): of the difference between two rows."""
    residual: Floats
    """Shape (rows, rows): the part of `difference` that differs between seeds; nan with fewer than two seeds."""

    def of_gain(self, recipe: str, reference: str) -> tuple[float, float]:
        """Variance of a gain over new items, and its residual part; nan if a row has no outcomes."""
        if recipe not in self.recipes or reference not in self.recipes:
            return np.nan, np.nan
        pair = self.recipes.index(recipe), self.recipes.index(reference)
        return float(self.difference[pair]), float(self.residual[pair])

    def of_mean_gain(self, recipes: Sequence[str], reference: str) -> tuple[float, float]:
        """`of_gain` of the mean gain of several recipes, which all share the items and the reference.

        The variance of a contrast with weights w, whose sum is 0, is -w'Dw / 2 for the variances D of differences.
        """
        if not recipes or not {*recipes, reference} <= {*self.recipes}:
            return np.nan, np.nan
        rows = [self.recipes.index(name) for name in (*recipes, reference)]
        weights = np.array([*[1 / len(recipes)] * len(recipes), -1.0])
        variances = (-0.5 * weights @ part[np.ix_(rows, rows)] @ weights for part in (self.difference, self.residual))
        variance, residual = (max(float(part), 0.0) if np.isfinite(part) else np.nan for part in variances)
        return variance, residual


@dataclass(frozen=True, kw_only=True)
class ItemParts:
    """The item variances of one model."""

    blocks: Mapping[tuple[str, str, str, str], ItemBlock]
    """(target, condition, language or `mean`, minus) -> its block. Targets of `own_items` have none."""
    own_items: frozenset[str]
    """Targets whose every seed has items of its own: the variance between seeds already contains that of items."""
    own_counts: Counts = field(default_factory=dict)
    """Number of items of one seed on the targets of `own_items`."""
    num_read: int = 0
    """Number of outcomes files that were read; 0 if the cache had all sums."""
    seconds: float = 0.0
    """Time that reading them took."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Target -> its outcomes files that are missing or damaged, relative to the ledger. The sums of a seed leave out
    the recipes that lack one of its files."""

    def block(self, target: str, language: str, condition: str = "clean", minus: str = "") -> ItemBlock | None:
        """The block of a target and language; None if there is none."""
        return self.blocks.get((target, condition, language, minus))


def item_parts(data: RunData, model: str, ledger: Ledger, cache: Folder | None = None) -> ItemParts:
    """The item variances of all targets of one model.

    The outcomes are read once, one target at a time; the variances are kept in the folder `cache` under a digest of the
    scores, the states of their outcomes files and the code. A recipe is left out of the sums of a seed if one of its
    outcomes files cannot be read, which `missing` names.
    """
    started = time.monotonic()
    own = frozenset(target.task for target in data.space.targets if has_own_items(data, target.task))
    blocks: list[ItemBlock] = []
    missing: dict[str, list[str]] = defaultdict(list)
    num_read = 0
    states = ledger.outcome_states()
    for (target, condition), scores in _scores_of_columns(data, model).items():
        if target in own:
            continue
        name = cache_file("items", CODE, [target, condition, sorted(_identity(scores, states))])
        influences_of = read_blocks(cache, name, ItemBlock) if cache else None
        if influences_of is None:
            measure = MEASURES[data.space.task(target).scorer]
            column = _Column(
                target=target, condition=condition, measure=measure, unread=data.unread, present=frozenset(states)
            )
            influences_of = list(column.read(scores, ledger))
            num_read += column.num_read
            missing[target] += column.missing
            if cache and not column.missing:
                write_blocks(cache, name, influences_of)
        blocks += influences_of
    return ItemParts(
        blocks={(block.target, block.condition, block.language, block.minus): block for block in blocks},
        own_items=own,
        own_counts=own_counts(data, own, model, ledger),
        num_read=num_read,
        seconds=time.monotonic() - started if num_read else 0.0,
        missing={target: tuple(files) for target, files in missing.items() if files},
    )


RowScores = Mapping[tuple[str, int | None], Sequence[ScoreRecord]]
"""(recipe, seed) -> the scores of one column; several if languages were scored one after another."""


def _scores_of_columns(data: RunData, model: str) -> dict[tuple[str, str], RowScores]:
    """(target, condition) -> the scores of its rows, in the order of the space."""
    order = {target.task: number for number, target in enumerate(data.space.targets)}
    scores = [score for score in data.cell_scores if score.model == model]
    columns: dict[tuple[str, str], dict[tuple[str, int | None], list[ScoreRecord]]] = {}
    for score in sorted(scores, key=lambda score: order[score.target]):
        rows = columns.setdefault((score.target, score.condition), defaultdict(list))
        rows[score.recipe, score.seed].append(score)
    return {column: dict(rows) for column, rows in columns.items()}


def _identity(scores: RowScores, states: Mapping[str, list[str]]) -> Iterator[list[object]]:
    """What the blocks of a column depend on."""
    for (recipe, seed), records in scores.items():
        yield [recipe, -1 if seed is None else seed, states_of(records, states)]


def has_own_items(data: RunData, target: str) -> bool:
    """Whether each seed draws its own items of a target."""
    task = data.space.task(target)
    return has_draws(task.dev if data.space.evaluate == "dev" else task.test)


def _lacking(recipes: Sequence[str], scores: RowScores) -> list[frozenset[str]]:
    """For each recipe, the languages of the column in which at least one of its seeds has no score."""
    languages = {cell: {name for record in records for name in record.metrics} for cell, records in scores.items()}
    column = frozenset[str]().union(*languages.values())
    return [column - frozenset.intersection(*map(frozenset, _of_recipe(languages, name))) for name in recipes]


def _of_recipe(languages: Mapping[tuple[str, int | None], set[str]], recipe: str) -> list[set[str]]:
    return [names for (owner, _), names in languages.items() if owner == recipe]


def read_influences(
    records: Sequence[ScoreRecord], ledger: Ledger, units: Units, measure: Measure, unread: set[str]
) -> Floats | list[str]:
    """The influences of one trained model on a target; the names of outcomes files that cannot be read.

    `records` are its scores, of which each has other languages. New items are added to `units`, and
    files that may be readable later to `unread`.
    """
    read = [(record, read_outcomes(record, ledger, unread)) for record in records]
    missing = [record.outcomes for record, table in read if table is None]
    if missing:
        return missing
    tables = [table[table["language"].isin(list(record.metrics))] for record, table in read if table is not None]
    outcomes = pd.concat(tables, ignore_index=True)
    return influences(outcomes, units.positions(outcomes), units, measure)


class _Column:
    """Accumulates the influences of a target's items, seed by seed."""

    def __init__(
        self, *, target: str, condition: str, measure: Measure, unread: set[str], present: frozenset[str]
    ) -> None:
        """`present` has the files with outcomes: no other file is opened. A ledger may have none of thousands."""
        self.unread = unread
        self.present = present
        self.target = target
        self.condition = condition
        self.measure = measure
        self.units = Units()
        self.num_read = 0
        self.missing: list[str] = []

    def read(self, scores: RowScores, ledger: Ledger) -> Iterator[ItemBlock]:
        """Read all outcomes and yield the blocks of the column."""
        recipes = tuple(dict.fromkeys(recipe for recipe, _ in scores))
        # Without any seed, the scores are compared once.
        seeds = sorted({seed for _, seed in scores if seed is not None}) or [0]
        lacking = _lacking(recipes, scores)
        fixed = {recipe: self._influences(scores[recipe, None], ledger) for recipe, seed in scores if seed is None}
        sums = InfluenceSums(len(recipes))
        for seed in seeds:
            influences_of = {
                recipe: self._influences(scores[recipe, seed], ledger) for recipe in recipes if (recipe, seed) in scores
            }
            # A score without a seed is compared with every seed.
            rows = {recipe: w for recipe, w in (fixed | influences_of).items() if w is not None}
            numbers = [recipes.index(recipe) for recipe in rows]
            sums.add(numbers, list(rows.values()), self._absent(lacking)[numbers], self._maps())
        absent = self._absent(lacking)
        for (language, minus), table in self._maps().items():
            num_items = int(np.unique(table.units[table.weights != 0]).size)
            yield ItemBlock(
                target=self.target,
                condition=self.condition,
                language=language,
                minus=minus,
                recipes=recipes,
                num_items=num_items,
                **sums.variances((language, minus), table, absent),
            )

    def _influences(self, records: Sequence[ScoreRecord], ledger: Ledger) -> Floats | None:
        """The influences of one row and seed; None if an outcomes file cannot be read."""
        absent = [record.outcomes for record in records if record.outcomes not in self.present]
        if absent:
            self.missing += absent
            self.unread.update(absent)
            return None
        values = read_influences(records, ledger, self.units, self.measure, self.unread)
        if isinstance(values, list):
            self.missing += values
            return None
        self.num_read += len(records)
        return values

    def _absent(self, lacking: Sequence[frozenset[str]]) -> npt.NDArray[np.bool_]:
        """Shape (rows, positions): whether a row lacks the language of a position."""
        languages = self.units.languages
        return np.array([[language in row for language in languages] for row in lacking], dtype=bool)

    def _maps(self) -> dict[tuple[str, str], UnitMap]:
        return unit_maps(self.units)


def cost_text(parts: Iterable[ItemParts]) -> str:
    """What reading the outcomes cost, for the user; "" if the cache had everything."""
    read = [item_part for item_part in parts if item_part.num_read]
    if not read:
        return ""
    num, seconds = sum(item_part.num_read for item_part in read), sum(item_part.seconds for item_part in read)
    return f"Read the outcomes of {num:,} scores in {seconds:.1f} s for the intervals over items; their sums are kept."
