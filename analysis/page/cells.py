"""The cells of a model as JSON values: their estimates, the same by language, and the scores and gains of each seed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN

from ..results.load import main_scores
from ..results.matrix import Cell
from ..results.results import Results
from ..results.seed_part import MEAN
from .numbers import json_values

CELL_COLUMNS = (
    *("score", "gain", "num_seeds", "num_items", "se_seed", "se_item", "se", "df", "low", "high", "p", "q"),
    *("marks", "at_chance", "basis", "note"),
)
"""Columns of `cells.csv` that a cell of the page has."""
LANGUAGE_COLUMNS = ("language", "score", "gain", "num_seeds", "num_items", "se", "low", "high", "p", "marks", "note")
"""Columns of the estimates that the languages of a cell have, beside `count`: the number of evaluation examples."""

Table = dict[str, list[Any]]
"""Name of a column -> its values."""
Integers = npt.NDArray[np.intp]


def cell_values(results: Results, cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """The values of each cell: columns of its estimate, `languages` (a table) and `seeds` (a list with one for each).

    A cell without a score has `num_seeds` 0 and nothing else.
    """
    table = results.estimates[results.estimates["condition"] == CLEAN]
    estimates, rows_of = columns_of(table, {*CELL_COLUMNS, *LANGUAGE_COLUMNS}), _rows_of_cells(table)
    seeds = _Seeds.of(main_scores(results.gains))
    return [
        {"recipe": cell[0], "target": cell[1], **_values(estimates, rows_of[cell], seeds, cell)}
        if cell in rows_of
        else {"recipe": cell[0], "target": cell[1], "num_seeds": 0}
        for cell in cells
    ]


def columns_of(table: pd.DataFrame, names: Iterable[str]) -> Table:
    """Columns of a table as JSON values: five significant digits, None for a missing value."""
    return {name: json_values(table[name]) for name in names}


@dataclass(frozen=True, kw_only=True)
class _Seeds:
    """The scores of all seeds as columns, with the rows of each cell."""

    rows_of: Mapping[Cell, Integers]
    languages: Mapping[str, int]
    """Language -> its number in `language`."""
    numbers: Sequence[int | None]
    """Number in `seed` -> seed. None, for a score without a seed, comes last."""
    language: Integers
    seed: Integers
    counts: Integers
    trainings: Sequence[str]
    score: npt.NDArray[np.object_]
    """JSON values, and None at the end for rows that do not exist."""
    gain: npt.NDArray[np.object_]

    @classmethod
    def of(cls, scores: pd.DataFrame) -> "_Seeds":
        language, languages = pd.factorize(scores["language"])
        seed, numbers = pd.factorize(scores["seed"], sort=True, use_na_sentinel=False)
        values = columns_of(scores, ("value", "gain"))
        return cls(
            rows_of=_rows_of_cells(scores),
            languages={str(name): number for number, name in enumerate(languages)},
            numbers=[None if pd.isna(number) else int(number) for number in numbers],
            language=language,
            seed=seed,
            counts=scores["count"].to_numpy(),
            trainings=scores["training"].tolist(),
            score=np.array([*values["value"], None], dtype=object),
            gain=np.array([*values["gain"], None], dtype=object),
        )

    def places(self, cell: Cell, names: Sequence[str]) -> Integers:
        """The first row of each seed and language of a cell: shape (seeds, names); -1 without one."""
        rows = self.rows_of[cell][::-1]
        places = np.full((len(self.numbers), len(self.languages)), -1, dtype=np.intp)
        places[self.seed[rows], self.language[rows]] = rows
        return places[:, [self.languages[name] for name in names]]

    def counts_of(self, cell: Cell, names: Sequence[str]) -> list[int]:
        """The smallest number of examples of each language of a cell."""
        rows = self.rows_of[cell]
        smallest = np.full(len(self.languages), np.iinfo(np.int64).max)
        np.minimum.at(smallest, self.language[rows], self.counts[rows])
        return [int(smallest[self.languages[name]]) for name in names]

    def by_seed(self, cell: Cell, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """For each seed of a cell: its training, and score and gain in the order of the languages `names`."""
        rows, places = self.rows_of[cell], self.places(cell, names)
        for number, first in zip(*np.unique(self.seed[rows], return_index=True), strict=True):
            yield {
                "seed": self.numbers[number],
                "training": self.trainings[rows[first]],
                "score": self.score[places[number]].tolist(),
                "gain": self.gain[places[number]].tolist(),
            }


def _values(estimates: Table, rows: Integers, seeds: _Seeds, cell: Cell) -> dict[str, Any]:
    """The values of a cell with an estimate. `rows` are those of its estimates, of the mean and of each language."""
    by_language = [row for row in rows if estimates["language"][row] != MEAN]
    mean = [row for row in rows if estimates["language"][row] == MEAN]
    languages = {name: [estimates[name][row] for row in by_language] for name in LANGUAGE_COLUMNS}
    names = languages["language"]
    return {
        **{name: estimates[name][mean[0]] for name in CELL_COLUMNS if mean},
        "languages": {**languages, "count": seeds.counts_of(cell, names)},
        "seeds": list(seeds.by_seed(cell, names)),
    }


def _rows_of_cells(table: pd.DataFrame) -> dict[Cell, Integers]:
    """Cell -> the positions of its rows, in their order."""
    groups: Mapping[Any, Any] = table.groupby(["recipe", "target"], sort=False).indices
    return {(str(recipe), str(target)): rows for (recipe, target), rows in groups.items()}
