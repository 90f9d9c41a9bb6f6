"""The transfer matrix: mean scores and same-seed gains of every cell, and what is missing or flagged in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from sweeper.errors import unknown
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Space, tasks_of
from sweeper.tasks.overlap import shares_training_data

from .load import CLEAN, Study

Cell = tuple[str, str]
"""(recipe, target)"""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One model's matrix. Every frame has the recipes as index and the targets as columns, in the space's order."""

    model: str
    scores: pd.DataFrame
    """Mean over languages, then over seeds, of the main metric: fractions of 1, nan where the cell is missing."""
    score_sd: pd.DataFrame
    """Standard deviation over seeds (n - 1), nan with one seed."""
    num_seeds: pd.DataFrame
    gains: pd.DataFrame
    """Mean over seeds of the gain over the reference with the same seed; nan without one, 0 in the reference's row."""
    gain_sd: pd.DataFrame
    num_pairs: pd.DataFrame
    """Seeds that both the cell and its reference have."""
    seed_gains: pd.DataFrame
    """Columns recipe, target, seed, gain."""
    lacking: Mapping[Cell, tuple[str, ...]]
    """Languages that other cells of the column have and this one lacks, in some seed at least."""
    flags: Mapping[Cell, tuple[str, ...]]
    """Intermediate tasks of the row whose training data are, or hold, the target's own."""
    reference: str
    """Name of the row that gains are measured against: the baseline unless another was named, "" if there is none."""
    is_baseline: bool
    """Whether the reference is the baseline, or there is none."""
    single_split: tuple[str, ...] = ()
    """Targets whose dev and test split are the same rows."""

    @property
    def rows(self) -> list[str]:
        """Every row but the reference."""
        return [recipe for recipe in self.scores.index if recipe != self.reference]

    @property
    def reference_words(self) -> str:
        """The reference as a sentence names it."""
        return "the baseline" if self.is_baseline else f"`{self.reference}`"

    @property
    def unflagged(self) -> pd.DataFrame:
        """Gains of `rows`, nan where the cell is flagged or lacks languages: what may be compared across cells.

        A column in which the reference itself is flagged is nan altogether: none of its gains is transfer alone.
        """
        gains = self.gains.loc[self.rows].copy()
        gains[[target for recipe, target in self.flags if recipe == self.reference]] = np.nan
        for recipe, target in [*self.flags, *self.lacking]:
            if recipe in gains.index:
                gains.loc[recipe, target] = np.nan
        return gains


def entry(values: pd.DataFrame, cell: Cell) -> float:
    """One number of a recipes x targets frame."""
    return float(cast(float, values.at[cell[0], cell[1]]))


def reference_row(space: Space, against: str = "") -> str:
    """Name of the row that gains are measured against: `against`, or else the baseline's, "" if the space has none.

    Raises UserError naming the nearest row if the space has none of that name.
    """
    rows = [recipe.name for recipe in space.recipes]
    if against and against not in rows:
        raise unknown("row", against, rows)
    return against or (space.baseline.name if space.baseline else "")


def with_gains(study: Study, against: str = "") -> pd.DataFrame:
    """The study's table with a column `gain`: value minus the reference's, same model, seed, language and metric.

    The reference is the row `against`, or else the baseline. One without a seed stands beside every seed; so does
    another row without one, which gets a line more for each seed, with a gain and no value. Where less is better the
    sign is turned, so that a gain above 0 is always an improvement. nan where there is nothing to compare with.
    Raises UserError if no row is called `against`.
    """
    table, space, name = study.table, study.space, reference_row(study.space, against)
    keys = ["model", "target", "seed", "condition", "language", "metric"]
    own = table.loc[table["recipe"] == name, [*keys, "value"]]
    base = pd.concat([own[own["seed"].notna()], _at_every_seed(own, space), own[own["seed"].isna()]])[[*keys, "value"]]
    base = base.drop_duplicates(keys).rename(columns={"value": "base"})
    wide = pd.concat([table, _at_every_seed(table[table["recipe"] != name], space)], ignore_index=True)
    found = wide.merge(base, on=keys, how="left", validate="many_to_one")
    found["gain"] = (found["value"] - found["base"]) * found["target"].map(_signs(space)).astype(float)
    # A score that stands beside several seeds is still one score.
    found.loc[len(table) :, "value"] = np.nan
    return found.drop(columns="base")


def matrix(study: Study, model: str, against: str = "") -> Matrix:
    """The matrix of one model under the usual condition, gains measured against the row `against` or the baseline.

    Raises UserError if no row is called `against`.
    """
    name = reference_row(study.space, against)
    table = _cell_rows(study, model, against)
    seeds = _seed_table(table)
    score, gain = _over_seeds(seeds, "score", study.space), _over_seeds(seeds, "gain", study.space)
    return Matrix(
        model=model,
        scores=score["mean"],
        score_sd=score["std"],
        num_seeds=score["count"].fillna(0).astype(int),
        gains=gain["mean"],
        gain_sd=gain["std"],
        num_pairs=gain["count"].fillna(0).astype(int),
        seed_gains=_seed_gains(seeds),
        lacking=_lacking(table),
        flags=flags(study.space),
        reference=name,
        is_baseline=name == reference_row(study.space),
        single_split=single_split(study.space),
    )


def single_split(space: Space) -> tuple[str, ...]:
    """Targets whose dev and test split are the same rows, so that nothing may be selected on them."""
    return tuple(target.task for target in space.targets if space.task(target.task).single_split)


def seed_differences(study: Study, model: str, pairs: Mapping[str, str]) -> pd.DataFrame:
    """Same-seed differences of each recipe to its own reference row (`pairs`: recipe -> reference).

    Columns recipe, reference, target, seed, gain: means over languages of the main metric, fractions of 1, above 0
    where the recipe is better; in the order of `pairs`. What either side lacks is left out.
    Raises UserError if no row is called so.
    """
    wanted = {reference_row(study.space, recipe): reference_row(study.space, name) for recipe, name in pairs.items()}
    gains = {name: _seed_gains(_seed_table(_cell_rows(study, model, name))) for name in set(wanted.values())}
    parts = [gains[name][gains[name]["recipe"] == recipe].assign(reference=name) for recipe, name in wanted.items()]
    columns = ["recipe", "reference", "target", "seed", "gain"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def cells_of(table: pd.DataFrame) -> Iterator[tuple[Cell, pd.DataFrame]]:
    """The table's rows, cell by cell, sorted by name."""
    for (recipe, target), rows in table.groupby(["recipe", "target"]):
        yield (str(recipe), str(target)), rows


def flags(space: Space) -> dict[Cell, tuple[str, ...]]:
    """Cell -> intermediate tasks of its row that repeat the target's own training data. Cells without any stay out."""
    catalog = space.catalog()
    found = {
        (recipe.name, target.task): shares_training_data(
            tasks_of(recipe.stages, masked=False), space.task(target.task), catalog, space.trained_tasks(target)
        )
        for recipe in space.recipes
        for target in space.targets
    }
    return {cell: names for cell, names in found.items() if names}


def languages(study: Study, model: str, against: str = "") -> pd.DataFrame:
    """Columns recipe, target, language, metric, main, mean, sd, num_seeds, trivial, count, gain: fractions of 1."""
    table = with_gains(study, against)
    table = table[(table["condition"] == CLEAN) & (table["model"] == model)]
    groups = table.groupby(["recipe", "target", "language", "metric", "main"], sort=False)
    found = groups.agg(
        mean=("value", "mean"),
        sd=("value", "std"),
        num_seeds=("value", "count"),
        trivial=("trivial", "mean"),
        count=("count", "min"),
        gain=("gain", "mean"),
    ).reset_index()
    order = {name: place for place, name in enumerate([r.name for r in study.space.recipes])}
    columns = {name: place for place, name in enumerate([t.task for t in study.space.targets])}
    found["row"], found["column"] = found["recipe"].map(order), found["target"].map(columns)
    return found.sort_values(["row", "column", "language", "metric"], ignore_index=True).drop(columns=["row", "column"])


def _signs(space: Space) -> dict[str, int]:
    scorers = {target.task: SCORERS[space.task(target.task).scorer] for target in space.targets}
    return {name: 1 if scorer.higher_is_better else -1 for name, scorer in scorers.items()}


def _at_every_seed(rows: pd.DataFrame, space: Space) -> pd.DataFrame:
    """The rows without a seed, once with each replicate seed."""
    seeds = pd.DataFrame({"seed": pd.array(space.seeds, dtype="Int64")})
    return rows[rows["seed"].isna()].drop(columns="seed").merge(seeds, how="cross")


def _cell_rows(study: Study, model: str, against: str) -> pd.DataFrame:
    """Main metrics of one model under the usual condition, with gains."""
    table = with_gains(study, against)
    return table[table["main"] & (table["condition"] == CLEAN) & (table["model"] == model)]


def _seed_table(table: pd.DataFrame) -> pd.DataFrame:
    """Columns recipe, target, seed, score, gain: means over languages."""
    held = _languages_of_cells(table)
    return pd.DataFrame(
        [row for cell, rows in cells_of(table) for row in _seed_rows(cell, rows, held[cell])],
        columns=["recipe", "target", "seed", "score", "gain"],
    )


def _seed_gains(seeds: pd.DataFrame) -> pd.DataFrame:
    return seeds.dropna(subset="gain")[["recipe", "target", "seed", "gain"]].reset_index(drop=True)


def _languages_of_cells(table: pd.DataFrame) -> dict[Cell, frozenset[str]]:
    """Cell -> languages that every one of its seeds has: a mean over different languages would compare nothing."""
    found: dict[Cell, frozenset[str]] = {}
    for cell, rows in cells_of(table):
        sets = [frozenset(seed["language"]) for _, seed in rows.groupby("seed", dropna=False)]
        found[cell] = frozenset.intersection(*sets)
    return found


def _lacking(table: pd.DataFrame) -> dict[Cell, tuple[str, ...]]:
    every = {target: frozenset(rows["language"]) for target, rows in table.groupby("target")}
    held = _languages_of_cells(table)
    lacking = {cell: tuple(sorted(every[cell[1]] - languages)) for cell, languages in held.items()}
    return {cell: names for cell, names in lacking.items() if names}


def _seed_rows(cell: Cell, rows: pd.DataFrame, held: frozenset[str]) -> list[tuple[object, ...]]:
    """(recipe, target, seed, score, gain) a seed; the gain over the languages that every paired seed has a gain in."""
    rows = rows[rows["language"].isin(held)]
    seeds = dict(iter(rows.groupby("seed", dropna=False)))
    paired = {seed: frozenset(part.dropna(subset="gain")["language"]) for seed, part in seeds.items()}
    shared = frozenset.intersection(*[names for names in paired.values() if names] or [frozenset()])
    return [
        (*cell, seed, part["value"].mean(), part.loc[part["language"].isin(shared), "gain"].mean())
        for seed, part in seeds.items()
    ]


def _over_seeds(seeds: pd.DataFrame, column: str, space: Space) -> dict[str, pd.DataFrame]:
    """Statistic -> recipes x targets."""
    table = seeds.groupby(["recipe", "target"])[column].agg(["mean", "std", "count"])
    recipes = pd.Index([recipe.name for recipe in space.recipes], name="recipe")
    targets = pd.Index([target.task for target in space.targets], name="target")
    return {
        name: table[name].unstack("target").reindex(index=recipes, columns=targets).astype(float)
        for name in ("mean", "std", "count")
    }
