"""The matrix of a run so far: scores of recipes by targets, and a table of them that fits a terminal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.records.counting import is_shown
from sweeper.records.record import ScoreRecord
from sweeper.space import Space


@dataclass
class Cells:
    """The scores of each cell of a space."""

    space: Space
    scores: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    """(model, recipe, target) -> a score for each seed, as fractions of 1."""

    @classmethod
    def of(cls, space: Space, records: Iterable[ScoreRecord]) -> "Cells":
        """The cells with the scores of these records."""
        cells = cls(space)
        for record in records:
            cells.add(record)
        return cells

    def shows(self, record: ScoreRecord) -> bool:
        """Whether the matrix shows a score. It does not show the scores of additional layers."""
        targets = {target.task: target for target in self.space.targets}
        return record.target not in targets or is_shown(record, targets[record.target])

    def add(self, record: ScoreRecord) -> None:
        """Add a score to its cell."""
        if self.shows(record):
            self.scores.setdefault((record.model, record.recipe, record.target), []).append(mean_score(record))

    def as_json(self) -> list[dict[str, Any]]:
        """The cells that have scores: mean score as a fraction of 1, and the number of its seeds."""
        return [
            {"model": model, "recipe": recipe, "target": target, "score": fmean(values), "seeds": len(values)}
            for (model, recipe, target), values in self.scores.items()
        ]


def mean_score(score: ScoreRecord) -> float:
    """Mean of the main metric over languages, as a fraction of 1."""
    return fmean(metrics[score.main] for metrics in score.metrics.values())


@dataclass
class Matrix:
    """Recipes by targets, in as many tables as the width of the terminal requires.

    A cell is the mean score over languages and over the finished seeds. It is dim until all seeds have finished. A
    dot is a cell without scores.
    """

    cells: Cells

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """A table for each group of columns that fits the width."""
        rows = self._rows()
        first = max(len("recipe"), *(len(name) for name in rows))
        targets = [target.task for target in self.cells.space.targets]
        title = "mean score x 100"  # above the first table only
        for columns in _column_groups(targets, options.max_width - first):
            table = Table(title=title, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False, box=None)
            table.add_column("recipe", overflow="fold")
            for number in columns:
                table.add_column(targets[number], justify="right", overflow="fold")
            for name, cells in rows.items():
                table.add_row(Text(name), *(cells[number] for number in columns))
            yield table
            title = ""

    def _rows(self) -> dict[str, list[Text]]:
        """Name of a recipe, with its model if there are several -> its cells in the order of the targets."""
        space = self.cells.space
        rows = {}
        for model in space.models:
            for recipe in space.recipes:
                name = recipe.name if len(space.models) == 1 else f"{model.name} {recipe.name}"
                scores = [self.cells.scores.get((model.name, recipe.name, target.task)) for target in space.targets]
                rows[name] = [_cell(values, len(space.seeds)) for values in scores]
        return rows


def _column_groups(names: list[str], width: int) -> list[list[int]]:
    """Numbers of columns, in groups that fit into `width` characters. A column has its name, or a score like 100.0."""
    groups: list[list[int]] = [[]]
    used = 0
    for number, name in enumerate(names):
        size = 1 + max(len(name), len("100.0"))  # one blank between columns
        if groups[-1] and used + size > width:
            groups.append([])
            used = 0
        groups[-1].append(number)
        used += size
    return groups


def _cell(scores: list[float] | None, num_seeds: int) -> Text:
    if not scores:
        return Text("·", style="dim")
    return Text(f"{100 * fmean(scores):.1f}", style="" if len(scores) >= num_seeds else "dim")
