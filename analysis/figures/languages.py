"""Gains by language: for each target, the languages from left to right and the recipes from top to bottom."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.space import CLEAN
from sweeper.tasks.languages import FAMILIES

from ..numbers import signed_text
from ..results.language_traits import properties
from ..results.marks import DAGGER, DEGREE, SECTION
from ..results.results import Results
from ..results.seed_part import MEAN as ALL
from .grid import NUM_SATURATED, Grid, Square, side_by_side
from .heatmap import BIMODAL, SIGNS, WITHOUT_INTERVAL, gain_square, source
from .key import Entry, Key
from .layout import draw_grid, pages_of, stack_figure
from .sizes import TEXT, Size

Order = Literal["family", "distance"]
"""The order of languages: English first, then by family, or by the distance from English."""
MOST_COLUMNS = 14
"""Most columns of targets that share a line of the figure: with more, numbers would not fit."""


def languages(axes: Axes, results: Results, target: str, *, order: Order = "family", size: Size = TEXT) -> Axes:
    """Draw the gains of each recipe in each language on one target, in points. Returns the axes.

    The key has the agreement between halves of the seeds about the languages. Raises KeyError if the target has no
    gain.
    """
    grid, key = language_grids(results, order)[target], language_key(results, [target])
    note = agreement_notes(results).get(target)
    if note:
        key = replace(key, entries=(Entry(text=f"{note.strip()}: {AGREEMENT}"), *key.entries))
    return draw_grid(axes, grid, key, size)


def language_figures(results: Results, size: Size = TEXT, order: Order = "family") -> list[Figure]:
    """Pages with all targets of two languages or more; empty without one. Targets with few languages share a line.

    The agreement between halves of the seeds stands after the name of a target.
    """
    grids = {name: grid for name, grid in language_grids(results, order).items() if len(grid.columns) > 1}
    notes = {name: note for name, note in agreement_notes(results).items() if name in grids}
    blocks = [side_by_side(block, notes) for block in _blocks(grids)]
    title = f"Gains by language · {source(results)}"
    pages = pages_of(blocks, _page_key(results, blocks), title, size)
    return [stack_figure(page, _page_key(results, page), title, size) for page in pages]


def _page_key(results: Results, page: Iterable[Grid]) -> Key:
    """The key of a page: only what occurs on it. The groups of its grids are targets."""
    targets = list(dict.fromkeys(target for grid in page for target in grid.groups))
    key = language_key(results, targets)
    if set(agreement_notes(results)).isdisjoint(targets):
        return key
    return replace(key, entries=(*key.entries, Entry(text=f"r: {AGREEMENT}")))


def _blocks(grids: Mapping[str, Grid]) -> list[dict[str, Grid]]:
    """The grids in blocks of at most MOST_COLUMNS columns, unless a single one has more."""
    blocks: list[dict[str, Grid]] = []
    for name, grid in grids.items():
        if blocks and sum(len(one.columns) for one in (*blocks[-1].values(), grid)) <= MOST_COLUMNS:
            blocks[-1][name] = grid
        else:
            blocks.append({name: grid})
    return blocks


AGREEMENT = "agreement of two halves of the seeds on how languages differ (near 0: noise)"


def agreement_notes(results: Results) -> dict[str, str]:
    """Target -> the agreement of `seed_agreement` after its name; targets without an agreement are left out."""
    table = results.seed_agreement.dropna(subset="differences")
    pairs = zip(table["target"], table["differences"], strict=True)
    return {str(target): f"  r = {signed_text(float(agreement), 2)}" for target, agreement in pairs}


def language_grids(results: Results, order: Order = "family") -> dict[str, Grid]:
    """Target -> its grid. All grids have one colour scale, which at most NUM_SATURATED cells exceed."""
    table = results.estimates
    rows = table[(table["language"] != ALL) & (table["condition"] == CLEAN) & table["gain"].notna()]
    values = np.sort(np.abs(100 * rows["gain"]))
    limit = max(1.0, float(values[-NUM_SATURATED - 1 :][:1].sum()))
    by_target = dict(iter(rows.groupby("target", sort=False)))
    recipes = results.matrix.recipes
    return {
        str(target): replace(_grid(part, recipes, order), bounds=limit)
        for target, part in sorted(by_target.items(), key=lambda item: list(results.matrix.scores).index(item[0]))
    }


def _grid(rows: pd.DataFrame, recipes: Sequence[str], order: Order) -> Grid:
    """`rows` are the estimates of one target by language."""
    names = ORDERS[order](set(rows["language"]))
    shown = rows[["recipe", "language", "gain", "low", "high", "basis", "note", "marks"]]
    squares = {(str(row.recipe), str(row.language)): _square(row) for row in shown.astype(object).itertuples()}
    missing = Square(text="–", is_missing=True)
    return Grid(
        rows=tuple(recipes),
        columns=tuple(names),
        column_gaps=family_gaps(names) if order == "family" else frozenset(),
        squares={(recipe, name): squares.get((recipe, name), missing) for recipe in recipes for name in names},
    )


def by_family(languages: Iterable[str]) -> list[str]:
    """English first, then the families in the order of FAMILIES, then languages without a known family."""
    families = list(dict.fromkeys(FAMILIES.values()))

    def place(language: str) -> tuple[bool, int, str]:
        family = FAMILIES.get(language)
        return language != "en", families.index(family) if family else len(families), language

    return sorted(languages, key=place)


def by_distance(languages: Iterable[str]) -> list[str]:
    """By syntactic distance from English, or by that of the synthetic world; languages without a distance last."""
    table = properties(sorted(languages))
    numbers = table["world" if table["world"].notna().any() else "syntactic"].astype(float)
    return [str(language) for language in numbers.sort_values(kind="stable").index]


def family_gaps(languages: Sequence[str]) -> frozenset[str]:
    """The first language of each family but the first. Languages of a synthetic world have no family."""
    pairs = pairwise(languages)
    return frozenset(b for a, b in pairs if FAMILIES.get(a) != FAMILIES.get(b, FAMILIES.get(a)))


ORDERS: Mapping[Order, Callable[[Iterable[str]], list[str]]] = {"family": by_family, "distance": by_distance}
"""Order -> the function that sorts languages."""


def _square(row: Any) -> Square:
    marks = row.marks.split(", ")
    signs = "".join(sign for mark, sign in SIGNS.items() if mark in marks and mark != "lacks seeds")
    return gain_square(row, signs, is_hatched="same rows" in marks)


def language_key(results: Results, targets: Sequence[str]) -> Key:
    """The key of the grids of some targets, with the marks that occur in them."""
    table = results.estimates
    is_shown = (table["language"] != ALL) & (table["condition"] == CLEAN) & table["gain"].notna()
    marks = set(", ".join(table.loc[is_shown & table["target"].isin(list(targets)), "marks"]).split(", "))
    over = "baseline" if results.matrix.is_baseline else results.matrix.reference
    notes = table.loc[is_shown & table["target"].isin(list(targets)), ["low", "note"]]
    is_bimodal = (notes["note"] == "bimodal").any()
    lacks_interval = (notes["low"].isna() & (notes["note"] != "bimodal")).any()
    entries: Mapping[str, Entry] = {
        "same rows": Entry(text=f"{DAGGER} same rows: the recipe trains on rows of the target", swatch="hatched"),
        "same items": Entry(text=f"{SECTION} same items in another language"),
        "not zero-shot": Entry(text=f"{DEGREE} not zero-shot: the recipe has labelled data in the language"),
    }
    shown = [entry for mark, entry in entries.items() if mark in marks]
    about_numbers = ["± half width of the 95 % interval", *([WITHOUT_INTERVAL] if lacks_interval else [])]
    about_numbers += [BIMODAL] if is_bimodal else []
    return Key(
        label=f"gain over {over} (points)",
        entries=(*(Entry(text=text, is_about_numbers=True) for text in about_numbers), *shown),
        scales=("bold: interval over seeds excludes 0", "pale: it does not"),
    )
