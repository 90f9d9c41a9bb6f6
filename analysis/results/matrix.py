"""The transfer matrix: mean scores and same-seed gains of every cell, with missing and marked cells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN, Space
from sweeper.space.overlap import trained_languages

from .gains import gain_table, reference_recipe
from .load import RunData, main_scores
from .marks import Marks, marks_of
from .names import combined_codes, positions, tuples_of

Cell = tuple[str, str]
"""Names of a recipe and of a target."""
CELL = ["recipe", "target"]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The matrix of one model. Every frame has recipes as index and targets as columns, in the order of the space."""

    model: str
    scores: pd.DataFrame
    """Main metric, mean over languages, then over seeds: fractions of 1, nan for a missing cell."""
    score_sd: pd.DataFrame
    """Standard deviation over seeds (n - 1), nan with one seed."""
    num_seeds: pd.DataFrame
    gains: pd.DataFrame
    """Same-seed gain over the reference, mean over seeds: nan without a reference score, 0 for the reference itself."""
    gain_sd: pd.DataFrame
    """Standard deviation of the gain over seeds (n - 1), nan with one seed."""
    num_pairs: pd.DataFrame
    """Number of seeds that both the cell and its reference have."""
    seed_gains: pd.DataFrame
    """Columns recipe, target, seed, gain."""
    lacking: Mapping[Cell, tuple[str, ...]]
    """Languages in which the column has scores and at least one seed of the cell has none."""
    marks: Marks
    """What the training data of recipes and targets have in common."""
    reference: str
    """Name of the recipe that gains are measured against: the baseline by default, "" without a baseline."""
    is_baseline: bool
    """Whether the reference is the default one: the baseline, or "" without a baseline."""
    single_split: tuple[str, ...] = ()
    """Targets whose dev and test split have the same rows."""

    @property
    def recipes(self) -> list[str]:
        """Names of all recipes except the reference."""
        return [recipe for recipe in self.scores.index if recipe != self.reference]

    @property
    def reference_words(self) -> str:
        """The reference as the object of a sentence."""
        return "the baseline" if self.is_baseline else f"`{self.reference}`"

    @property
    def missing(self) -> tuple[Cell, ...]:
        """The cells without a score."""
        cells = product(self.scores.index, self.scores.columns)
        return tuple(cell for cell in cells if np.isnan(entry(self.scores, cell)))

    @property
    def summarised(self) -> pd.DataFrame:
        """Gains of `recipes` that summaries include: nan for cells with the same rows and cells that lack languages.

        If the reference itself trains on rows of the target, the whole column is nan: every gain depends on these rows.
        """
        gains = self.gains.loc[self.recipes].copy()
        gains[[target for recipe, target in (*self.marks.same_rows, *self.lacking) if recipe == self.reference]] = (
            np.nan
        )
        for recipe, target in [*self.marks.same_rows, *self.lacking]:
            if recipe in gains.index:
                gains.loc[recipe, target] = np.nan
        return gains

    def are_zero_shot(self, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Whether the gain of each row of a table with recipe, target and language is zero-shot.

        It is if neither the recipe nor the reference is marked for the language.
        """
        names = [list(rows[column].unique()) for column in ("recipe", "target", "language")]
        is_marked = np.zeros([len(of_column) for of_column in names], dtype=bool)
        for (recipe, target), languages in self.marks.not_zero_shot.items():
            marked = names[0] if recipe == self.reference else [recipe]
            is_marked[np.ix_(*map(np.isin, names, (marked, [target], languages)))] = True
        places = map(positions, (rows["recipe"], rows["target"], rows["language"]), names)
        return ~is_marked[tuple(places)]


def entry(values: pd.DataFrame, cell: Cell) -> float:
    """The number of one cell in a frame of recipes x targets."""
    return float(cast(float, values.at[cell[0], cell[1]]))


def transfer_matrix(data: RunData, model: str, against: str = "") -> Matrix:
    """The matrix of one model under the usual condition, with gains over the recipe `against` (default: the baseline).

    Raises UserError if the space has no recipe `against`.
    """
    return matrix_of(data.space, gain_table(data, model, against), model, against)


def matrix_of(space: Space, gains: pd.DataFrame, model: str, against: str = "") -> Matrix:
    """The matrix of one model from its `gain_table`, under the usual condition."""
    reference = reference_recipe(space, against)
    table = main_scores(gains)
    seeds = seed_table(table)
    score, gain = _over_seeds(seeds, "score", space), _over_seeds(seeds, "gain", space)
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
        marks=marks_of(space),
        reference=reference,
        is_baseline=reference == reference_recipe(space),
        single_split=tuple(target.task for target in space.targets if space.task(target.task).single_split),
    )


def seed_differences(data: RunData, model: str, pairs: Mapping[str, str]) -> pd.DataFrame:
    """Same-seed differences of each recipe to a reference recipe of its own (`pairs`: recipe -> reference).

    Columns recipe, reference, target, seed, gain, in the order of `pairs`. Gains are means over languages of the main
    metric, fractions of 1, positive if the recipe is better. Only seeds that both recipes have are included.

    Raises UserError if `pairs` names a recipe that the space does not have.
    """
    checked = {reference_recipe(data.space, name): reference_recipe(data.space, base) for name, base in pairs.items()}
    # Recipes with the same reference share one table.
    gains = {base: _seed_gains(seed_table(main_scores(gain_table(data, model, base)))) for base in {*checked.values()}}
    parts = [gains[base][gains[base]["recipe"] == name].assign(reference=base) for name, base in checked.items()]
    columns = ["recipe", "reference", "target", "seed", "gain"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def cells_of(table: pd.DataFrame) -> Iterator[tuple[Cell, pd.DataFrame]]:
    """The cells of a table and the rows of each, sorted by name."""
    for (recipe, target), rows in table.groupby(["recipe", "target"]):
        yield (str(recipe), str(target)), rows


def language_table(space: Space, gains: pd.DataFrame, marks: Marks | None = None) -> pd.DataFrame:
    """Scores and gains by language under the usual condition, from a `gain_table`.

    Columns recipe, target, language, metric, main, mean, sd, num_seeds, trivial, count, gain (fractions of 1), mark
    (`same rows`, `same items` or empty) and zero_shot (whether neither recipe nor target trains on labelled data in the
    language), sorted by recipe and target in the order of the space. `marks` are those of the space, if they are
    computed already.
    """
    table = gains[gains["condition"] == CLEAN]
    groups = table.groupby(["recipe", "target", "language", "metric", "main"], sort=False)
    statistics = groups.agg(
        mean=("value", "mean"),
        sd=("value", "std"),
        num_seeds=("value", "count"),
        trivial=("trivial", "mean"),
        count=("count", "min"),
        gain=("gain", "mean"),
    ).reset_index()
    rows = {recipe.name: number for number, recipe in enumerate(space.recipes)}
    columns = {target.task: number for number, target in enumerate(space.targets)}
    statistics["row"], statistics["column"] = statistics["recipe"].map(rows), statistics["target"].map(columns)
    statistics = statistics.join(_marks_of_rows(space, statistics, marks or marks_of(space)))
    order = ["row", "column", "language", "metric"]
    return statistics.sort_values(order, ignore_index=True).drop(columns=["row", "column"])


def _marks_of_rows(space: Space, table: pd.DataFrame, marks: Marks) -> pd.DataFrame:
    """Columns mark and zero_shot for a table with recipe, target and language."""
    trained = {target.task: trained_languages(space, target) for target in space.targets}
    rows = []
    for recipe, target, language in tuples_of(table[["recipe", "target", "language"]]):
        cell = (recipe, target)
        mark = "same rows" if cell in marks.same_rows else "same items" if cell in marks.same_items else ""
        rows.append((mark, language not in {*marks.not_zero_shot.get(cell, ()), *trained[target]}))
    return pd.DataFrame(rows, columns=["mark", "zero_shot"], index=table.index)


def seed_table(table: pd.DataFrame) -> pd.DataFrame:
    """Columns recipe, target, seed, score, gain: means over languages, sorted by cell and seed.

    The score is the mean over the languages that all seeds of the cell have, because means over different languages
    could not be compared. The gain is the mean over those of them in which every seed with a reference has a gain.
    """
    cell, language = _numbered(table)
    is_common = _is_common(table, cell, language)
    table, cell, language = table[is_common], cell[is_common], language[is_common]
    seed = table.groupby([*CELL, "seed"], dropna=False).ngroup()
    has_gain = table["gain"].notna()
    num_paired = np.bincount(cell[has_gain & ~seed.where(has_gain).duplicated()], minlength=cell.max(initial=-1) + 1)
    num_gains = np.bincount(language[has_gain], minlength=language.max(initial=-1) + 1)
    is_shared = num_gains[language] == num_paired[cell]
    groups = table.assign(gain=table["gain"].where(is_shared)).groupby(seed)
    means = groups.agg(
        recipe=("recipe", "first"),
        target=("target", "first"),
        seed=("seed", "first"),
        score=("value", "mean"),
        gain=("gain", "mean"),
    )
    return means.reset_index(drop=True)


def _numbered(table: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """The numbers of the cell of each row, and of its cell and language. Numbers are grouped faster than names."""
    *of_cell, of_language = (pd.factorize(table[name])[0] for name in (*CELL, "language"))
    return combined_codes(of_cell), combined_codes([*of_cell, of_language])


def _seed_gains(seeds: pd.DataFrame) -> pd.DataFrame:
    return seeds.dropna(subset="gain")[["recipe", "target", "seed", "gain"]].reset_index(drop=True)


def _is_common(table: pd.DataFrame, cell: Numbers, language: Numbers) -> npt.NDArray[np.bool_]:
    """Whether all seeds of the cell of a row have its language. `cell` and `language` are the numbers of each row."""
    seeds = table["seed"].astype("Int64").fillna(-1)
    num_seeds = seeds.groupby(cell).transform("nunique").to_numpy()
    return np.asarray(np.bincount(language)[language] == num_seeds) if len(table) else np.zeros(0, dtype=bool)


def _lacking(table: pd.DataFrame) -> dict[Cell, tuple[str, ...]]:
    """Cell -> languages of its column in which at least one of its seeds has no score; complete cells are left out."""
    cells, columns = table[CELL].drop_duplicates(), table[["target", "language"]].drop_duplicates()
    common = table.loc[_is_common(table, *_numbered(table)), [*CELL, "language"]].drop_duplicates()
    expected = cells.merge(columns, on="target").merge(
        common.assign(is_common=True), on=[*CELL, "language"], how="left"
    )
    lacking = expected[expected["is_common"].isna()]
    return {cell: tuple(sorted(rows["language"])) for cell, rows in cells_of(lacking)}


def _over_seeds(seeds: pd.DataFrame, column: str, space: Space) -> dict[str, pd.DataFrame]:
    """Statistic (mean, std, count) -> frame of recipes x targets."""
    statistics = seeds.groupby(["recipe", "target"])[column].agg(["mean", "std", "count"])
    recipes = pd.Index([recipe.name for recipe in space.recipes], name="recipe")
    targets = pd.Index([target.task for target in space.targets], name="target")
    return {
        name: statistics[name].unstack("target").reindex(index=recipes, columns=targets).astype(float)
        for name in ("mean", "std", "count")
    }
