"""The matrix of a run so far: scores and gains of recipes by targets, and a table of them that fits a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.plan.shorten import shorten
from sweeper.records.counting import is_shown
from sweeper.records.record import ScoreRecord
from sweeper.scoring.scorers import SCORERS
from sweeper.space import CLEAN, Space

CellId = tuple[str, str, str]
"""Model, recipe and target of a cell."""
LEAST = 6
"""Smallest width of a column: a gain like -12.3, or a name with this many characters."""
SPLIT = 12
"""Longest name of a target in a matrix that needs several tables."""


@dataclass
class Cells:
    """The scores of each cell of a space."""

    space: Space
    scores: dict[CellId, dict[int | None, Mapping[str, float]]] = field(default_factory=dict)
    """Cell -> seed -> language -> main metric, as a fraction of 1. The seed is None if the score depends on no seed."""

    @classmethod
    def of(cls, space: Space, records: Iterable[ScoreRecord]) -> "Cells":
        """The cells with the scores of these records."""
        cells = cls(space)
        for record in records:
            cells.add(record)
        return cells

    def shows(self, record: ScoreRecord) -> bool:
        """Whether the matrix shows a score. It does not show the scores of additional layers and conditions."""
        if record.condition != CLEAN:
            return False
        targets = {target.task: target for target in self.space.targets}
        return record.target not in targets or is_shown(record, targets[record.target])

    def add(self, record: ScoreRecord) -> None:
        """Add a score to its cell. A score of fewer languages does not replace one of the same seed."""
        if not self.shows(record):
            return
        seeds = self.scores.setdefault((record.model, record.recipe, record.target), {})
        languages = {language: metrics[record.main] for language, metrics in record.metrics.items()}
        if len(languages) >= len(seeds.get(record.seed, ())):
            seeds[record.seed] = languages

    def score(self, cell: CellId) -> float:
        """Mean over languages and seeds, as a fraction of 1. Raises KeyError if the cell has no score."""
        return fmean(fmean(languages.values()) for languages in list(self.scores[cell].values()))

    def gain(self, cell: CellId) -> float | None:
        """Mean difference from the baseline over the seeds and languages that both have; None if they share none.

        A fraction of 1, positive if the recipe is better: the sign of a loss is changed.
        """
        model, recipe, target = cell
        baseline = self.space.baseline
        if baseline is None or recipe == baseline.name:
            return None
        reference = self.scores.get((model, baseline.name, target), {})
        # A copy: the thread of a display calls this while the sweep adds scores.
        seeds = list(self.scores.get(cell, {}).items())
        pairs = [(own, reference.get(seed) or reference.get(None)) for seed, own in seeds]
        gains = [_mean_difference(own, base) for own, base in pairs if base and own.keys() & base.keys()]
        return self._sign(target) * fmean(gains) if gains else None

    def has_all_seeds(self, cell: CellId) -> bool:
        """Whether a cell has a score of every seed, or one that depends on no seed."""
        seeds = self.scores[cell]
        return None in seeds or len(seeds) >= len(self.space.seeds)

    def as_json(self) -> list[dict[str, Any]]:
        """The cells that have scores: mean score and gain as fractions of 1, and the number of seeds of the score."""
        return [
            {
                **dict(zip(("model", "recipe", "target"), cell, strict=True)),
                "score": self.score(cell),
                "gain": self.gain(cell),
                "seeds": len(seeds),
            }
            for cell, seeds in self.scores.items()
        ]

    def _sign(self, target: str) -> int:
        return 1 if SCORERS[self.space.task(target).scorer].higher_is_better else -1


def _mean_difference(own: Mapping[str, float], base: Mapping[str, float]) -> float:
    return fmean(own[language] - base[language] for language in own.keys() & base.keys())


def mean_score(score: ScoreRecord) -> float:
    """Mean of the main metric over languages, as a fraction of 1."""
    return fmean(metrics[score.main] for metrics in score.metrics.values())


@dataclass
class Matrix:
    """Recipes by targets, in one table if abbreviated names make it narrow enough for the terminal.

    A cell is the gain over the baseline, with a sign, or the mean score, without a sign: in the row of the baseline,
    and as long as the baseline has no score. Cells are dim until all seeds have finished. A dot is a cell without
    scores.
    """

    cells: Cells

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The legend, then a table for each group of columns that fits the width."""
        rows = self._rows()
        targets = [target.task for target in self.cells.space.targets]
        least = max(LEAST, *(len(cell) for cells in rows.values() for cell in cells))
        names, headers = _names(list(rows), targets, options.max_width, least)
        first = max(len("recipe"), *map(len, names))
        yield Text(self._legend(), no_wrap=True, overflow="ellipsis")
        for columns in _column_groups(headers, options.max_width - first, least):
            table = Table(padding=(0, 1, 0, 0), pad_edge=False, box=None)
            table.add_column("recipe", overflow="fold")
            for number in columns:
                table.add_column(Text(headers[number]), justify="right", no_wrap=True)
            for name, cells in zip(names, rows.values(), strict=True):
                table.add_row(Text(name), *(cells[number] for number in columns))
            yield table

    def _legend(self) -> str:
        baseline = self.cells.space.baseline
        if baseline is None:
            return "x 100: mean score; dim: seeds missing"
        return f"x 100: gain over {baseline.name} (with a sign) or mean score; dim: seeds missing"

    def _rows(self) -> dict[str, list[Text]]:
        """Name of a recipe, with its model if there are several -> its cells in the order of the targets."""
        space = self.cells.space
        rows = {}
        for model in space.models:
            for recipe in space.recipes:
                name = recipe.name if len(space.models) == 1 else f"{model.name} {recipe.name}"
                rows[name] = [self._cell((model.name, recipe.name, target.task)) for target in space.targets]
        return rows

    def _cell(self, cell: CellId) -> Text:
        if cell not in self.cells.scores:
            return Text("·", style="dim")
        gain = self.cells.gain(cell)
        # The sum with 0.0 makes a rounded gain of -0.0 positive.
        text = f"{100 * self.cells.score(cell):.1f}" if gain is None else f"{round(100 * gain, 1) + 0.0:+.1f}"
        return Text(text, style="" if self.cells.has_all_seeds(cell) else "dim")


def _names(rows: list[str], targets: list[str], width: int, least: int) -> tuple[list[str], list[str]]:
    """The names of rows and targets, so short that the matrix fits into `width` characters if it can.

    The names of targets are as long as possible. Those of rows may be twice as long, and are the first to be shortened.
    """
    for size in range(max(map(len, (*rows, *targets))), least - 1, -1):
        headers = shorten(targets, size)
        for longest in (2 * size, 3 * size // 2, size):
            names = shorten(rows, longest)
            first = max(len("recipe"), *map(len, names))
            if len(_column_groups(headers, width - first, least)) == 1:
                return names, headers
    return shorten(rows, 2 * SPLIT), shorten(targets, max(SPLIT, least))


def _column_groups(names: list[str], width: int, least: int) -> list[list[int]]:
    """Numbers of columns, in groups that fit into `width` characters. A column has its name, or `least` characters."""
    groups: list[list[int]] = [[]]
    used = 0
    for number, name in enumerate(names):
        size = 1 + max(len(name), least)  # one blank between columns
        if groups[-1] and used + size > width:
            groups.append([])
            used = 0
        groups[-1].append(number)
        used += size
    return groups
