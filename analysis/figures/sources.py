"""Scores of source languages beside English in each target language: a grid of gains."""

from types import SimpleNamespace

import pandas as pd
from matplotlib.figure import Figure

from ..results.seed_part import ENGLISH
from .grid import Grid, Square
from .heatmap import NO_INTERVAL, WITHOUT_INTERVAL, gain_square
from .key import Entry, Key
from .layout import grid_figure
from .sizes import TEXT, Size

ENGLISH_ROW = "en (score)"
OWN = "the source language is the target language"


def source_grid(rows: pd.DataFrame) -> Grid:
    """The grid of one model and target of the table of `source_matrix`: a row for each source language.

    Target languages that are sources come first, in the order of the sources.
    """
    sources = list(dict.fromkeys(rows["source"]))
    languages = list(dict.fromkeys(rows["language"]))
    columns = [name for name in sources if name in languages] + [name for name in languages if name not in sources]
    squares = dict.fromkeys(
        ((source, name) for source in sources for name in columns), Square(text="–", is_missing=True)
    )
    for row in rows.to_dict("records"):
        source, language = str(row["source"]), str(row["language"])
        if source == ENGLISH:
            square = Square(text=f"{100 * row['score']:.1f}", short=f"{100 * row['score']:.0f}")
        else:
            values = {name: row[name] for name in ("gain", "low", "high", "basis", "note")}
            square = gain_square(SimpleNamespace(**values), is_hatched=source == language)
        squares[source, language] = square
    return Grid(
        rows=tuple(sources),
        columns=tuple(columns),
        squares=squares,
        row_captions={ENGLISH: ENGLISH_ROW},
        row_gaps=frozenset(sources[1:2]),
    )


def source_figure(rows: pd.DataFrame, title: str, size: Size = TEXT) -> Figure:
    """The grid of one model and target as a figure."""
    grid = source_grid(rows)
    squares = grid.squares.values()
    entries = (
        ("±", Entry(text="± half width of the 95 % interval about new seeds and new items", is_about_numbers=True)),
        (NO_INTERVAL, Entry(text=WITHOUT_INTERVAL, is_about_numbers=True)),
    )
    texts = "\n".join(square.small for square in squares)
    key = Key(
        label="gain over the English source (points)",
        entries=(
            Entry(text="row: language of the intermediate task; column: target language"),
            *(entry for sign, entry in entries if sign in texts),
            *([Entry(text=OWN, swatch="hatched")] if any(square.is_hatched for square in squares) else []),
            *([Entry(text="no score", swatch="missing")] if any(square.is_missing for square in squares) else []),
        ),
        scales=("bold: interval over seeds excludes 0", "pale: it does not"),
    )
    return grid_figure(grid, key, title, size)
