"""Differences between two runs or models that scored the same items with the same seeds, as paired contrasts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sweeper.records.record import ScoreRecord
from sweeper.run.run import Run
from sweeper.space import CLEAN, Contrast, Term

from .contrasts import contrast_table
from .load import RunData
from .matrix import Cell
from .outcomes import read_outcomes

A, B = "a", "b"
"""Names of the two models in the joined tables."""
CELL = ["recipe", "target"]
COLUMNS = ("recipe", "target", "of", "low", "high", "p", "note")
"""of is `score` or `gain`. low, high and p are those of the contrast b - a, in fractions of 1; note is its note."""
NEGLIGIBLE = 1e-12
"""Standard errors below this are rounding errors of 0."""
BySeed = Mapping[int | None, Sequence[ScoreRecord]]


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    data: RunData
    model: str

    def records(self) -> dict[Cell, BySeed]:
        """The scores of each cell on clean data, by seed."""
        cells: dict[Cell, dict[int | None, list[ScoreRecord]]] = defaultdict(lambda: defaultdict(list))
        for score in self.data.cell_scores:
            if score.model == self.model and score.condition == CLEAN:
                cells[score.recipe, score.target][score.seed].append(score)
        return {cell: dict(records) for cell, records in cells.items()}


def paired_differences(first: Side, second: Side, reference: str) -> pd.DataFrame:
    """The differences b - a of the scores and gains of the cells that can be paired: a frame with COLUMNS.

    A score is paired if its cell has the same seeds, languages, evaluation data, numbers of examples and ids of
    examples on both sides. A gain is paired if the cell of `reference` is paired, too; without a reference it has no
    row. Intervals are those of contrasts.
    """
    cells = paired_cells(first, second)
    contrasts = [*(_difference(cell) for cell in cells)]
    contrasts += [
        _difference(cell, reference)
        for cell in cells
        if reference and cell[0] != reference and (reference, cell[1]) in cells
    ]
    if not contrasts:
        return pd.DataFrame(columns=list(COLUMNS))
    table = contrast_table(_joined(first, second), contrasts)
    table = table[table["estimate"].notna()]
    # Equal scores differ by rounding errors.
    table.loc[table["se"] < NEGLIGIBLE, ["low", "high", "p"]] = np.nan
    names = [name.split("\0") for name in table["contrast"]]
    table["recipe"], table["target"], table["of"] = ([name[number] for name in names] for number in range(3))
    return table[list(COLUMNS)]


def paired_cells(first: Side, second: Side) -> set[Cell]:
    """The cells whose scores come from the same seeds and items."""
    sides = first.records(), second.records()
    identities = _identities(first), _identities(second)
    same_ids: dict[str, bool] = {}
    cells = set()
    for cell in sides[0].keys() & sides[1].keys():
        a, b = (side[cell] for side in sides)
        if {seed: _counts(records) for seed, records in a.items()} != {seed: _counts(b[seed]) for seed in b}:
            continue
        if cell[1] not in same_ids:
            seed = next(iter(a))
            data = [_data_of(records[seed], each) for records, each in zip((a, b), identities, strict=True)]
            # Two versions of a data set have the same ids if these are numbers of rows.
            is_same = data[0] == data[1] or not all(data)
            same_ids[cell[1]] = is_same and _have_same_ids(first, a[seed], second, b[seed])
        if same_ids[cell[1]]:
            cells.add(cell)
    return cells


def _identities(side: Side) -> dict[tuple[str, str], str]:
    """(Training, target) -> the identity of its clean evaluation data."""
    return {
        (training.key, score.target): score.data.identity
        for training in side.data.trainings
        for score in training.spec.scores
        if score.condition == CLEAN
    }


def _data_of(records: Sequence[ScoreRecord], identities: Mapping[tuple[str, str], str]) -> set[str]:
    """The identities of the evaluation data of scores. Specs without a source have none."""
    return {identities.get((record.training, record.target), "") for record in records} - {""}


def _counts(records: Sequence[ScoreRecord]) -> dict[str, int]:
    """Language -> the number of its examples."""
    return {language: record.counts[language] for record in records for language in record.metrics}


def _have_same_ids(first: Side, a: Sequence[ScoreRecord], second: Side, b: Sequence[ScoreRecord]) -> bool:
    """Whether the outcomes of two scores have the same examples. Scores without outcomes have not."""
    ids = [_ids(side, records) for side, records in ((first, a), (second, b))]
    return ids[0] is not None and ids[0] == ids[1]


def _ids(side: Side, records: Sequence[ScoreRecord]) -> set[tuple[str, str]] | None:
    if not side.data.run:
        return None
    ledger = Run.open(side.data.run).ledger
    ids: set[tuple[str, str]] = set()
    for record in records:
        table = read_outcomes(record, ledger, side.data.unread)
        if table is None:
            return None
        ids |= set(zip(table["language"].astype(str), table["example"].astype(str), strict=True))
    return ids


def _difference(cell: Cell, reference: str = "") -> Contrast:
    """The difference of a score between the two, or with a reference that of a gain."""
    recipe, target = cell
    terms = [Term(model=B, recipe=recipe), Term(model=A, recipe=recipe, weight=-1.0)]
    if reference:
        terms += [Term(model=B, recipe=reference, weight=-1.0), Term(model=A, recipe=reference)]
    name = "\0".join((recipe, target, "gain" if reference else "score"))
    return Contrast(name=name, terms=tuple(terms), targets=(target,))


def _joined(first: Side, second: Side) -> RunData:
    """The tables of both, in which the models are called `a` and `b`."""
    sides = {A: first, B: second}
    tables = [
        side.data.table[side.data.table["model"] == side.model].assign(model=name) for name, side in sides.items()
    ]
    records = [
        replace(score, model=name)
        for name, side in sides.items()
        for score in side.data.cell_scores
        if score.model == side.model
    ]
    models = tuple(
        replace(model, name=name, training={}, dials={})
        for name, side in sides.items()
        for model in side.data.space.models
        if model.name == side.model
    )
    seeds = tuple(dict.fromkeys((*first.data.space.seeds, *second.data.space.seeds)))
    space = replace(first.data.space, models=models, seeds=seeds, contrasts=(), claims=())
    return replace(
        first.data,
        space=space,
        table=pd.concat(tables, ignore_index=True),
        cell_scores=tuple(records),
        unread=first.data.unread | second.data.unread,
        runs_of_models={name: side.data.run for name, side in sides.items()},
    )
