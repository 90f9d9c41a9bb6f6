"""Gains against the distance of the language from English, with the slope of each target."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeper.space import CLEAN

from ..numbers import signed_text
from ..results.halves import MIN_N
from ..results.items import ENGLISH
from ..results.language_traits import DISTANCES, STEPS
from ..results.results import Results
from ..results.seed_part import MEAN
from .colours import FAINT, INK
from .heatmap import source
from .key import Entry
from .labels import Label, Labels
from .panels import Panels, panel_figure, style_axes
from .search import recipe_colours
from .sizes import LINE, POINTS, TEXT, Size, text_width

Box = tuple[float, float, float, float]


def distances(axes: Axes, results: Results, target: str = MEAN, *, trait: str = "", size: Size = TEXT) -> Axes:
    """Draw the gain in each language against its distance from English, in points. Returns the axes.

    Large dots with the codes of the languages are means over recipes, adjusted for the cells that have the language;
    small dots are single recipes, in their colours, which are the labels. A line is the slope of the large dots, whose
    value and 95 % interval are in the title. `target` can be `mean`: over the targets of mean gains, without small
    dots. `trait` is a key of `language_traits.DISTANCES`, by default the syntactic distance, or that of the world.
    """
    name = trait or distance_of(results)
    points, inks = language_points(results, target, name), recipe_colours(results)
    axes.axhline(0, color=FAINT, lw=0.6, zorder=1)
    for recipe, rows in recipe_points(results, target, name):
        style: dict[str, Any] = {"s": (0.25 * size.font) ** 2, "c": inks[recipe], "lw": 0}
        axes.scatter(rows["distance"], rows["gain"], label=recipe, zorder=2, **style)
    axes.scatter(points["distance"], points["gain"], s=(0.45 * size.font) ** 2, c=INK, lw=0, zorder=4)
    slope = slope_of(results, target, name)
    if slope is not None:
        ends = np.array([points["distance"].min(), points["distance"].max()])
        # A least-squares line goes through the means.
        heights = points["gain"].mean() + 100 * slope["slope"] / STEPS[name] * (ends - points["distance"].mean())
        axes.plot(ends, heights, color=INK, lw=0.8, zorder=3)
    axes.margins(0.1)
    style_axes(axes, size, title=f"{target}: {_summary(slope, len(points))}", x=DISTANCES[name])
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))  # space for the code of the highest dot
    axes.add_artist(Labels(_codes(axes, points, size)))
    return axes


def distance_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """A panel for each target with a slope, and one for their mean; None without a slope."""
    name = distance_of(results)
    targets = [t for t in (*results.matrix.scores.columns, MEAN) if slope_of(results, t, name) is not None]
    if not targets:
        return None
    inks = recipe_colours(results)
    drawn = {recipe for target in targets for recipe, _ in recipe_points(results, target, name)}
    panels = Panels(
        num=len(targets),
        height=11 * size.font,
        narrowest=17 * size.font,
        left=3.5 * size.font,
        between=2.5 * size.font,
        title=f"Gain (points) by distance of the language · {source(results)}",
        notes=(
            *(Entry(text=recipe, swatch=inks[recipe]) for recipe in inks if recipe in drawn),
            Entry(text="large dots: means over recipes, adjusted for the recipes that a language has"),
            Entry(
                text=f"titles: slope for a distance of {STEPS[name]:g} ± half width of its 95 % interval over "
                f"languages, and their number (at least {MIN_N})"
            ),
        ),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, target in zip(all_axes, targets, strict=True):
        distances(axes, results, target, trait=name, size=size)
    return figure


def distance_of(results: Results) -> str:
    """The distance that is drawn: that of the synthetic world if its languages have one, or the syntactic one."""
    return "world" if results.language_traits.languages["world"].notna().any() else "syntactic"


def language_points(results: Results, target: str, trait: str) -> pd.DataFrame:
    """Columns language, distance, gain (points): the mean over recipes in each language with a known distance."""
    table = results.language_traits.languages
    rows = table[table["target"] == target]
    points = pd.DataFrame(
        {"language": rows["language"], "distance": rows[trait].astype(float), "gain": 100 * rows["gain"].astype(float)}
    )
    return points.dropna().reset_index(drop=True)


def recipe_points(results: Results, target: str, trait: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Recipe -> its gain in each language that `language_points` have, zero-shot or English; columns as there."""
    points = language_points(results, target, trait).set_index("language")["distance"]
    table = results.estimates[results.estimates["target"] == target]
    is_shown = (table["condition"] == CLEAN) & table["gain"].notna() & table["language"].isin(points.index)
    shown = table[is_shown & (table["recipe"] != results.matrix.reference)]
    shown = shown[(shown["language"] == ENGLISH).to_numpy() | results.matrix.are_zero_shot(shown)]
    shown = shown.assign(distance=shown["language"].map(points).astype(float), gain=100 * shown["gain"])
    for recipe, rows in shown[["recipe", "language", "distance", "gain"]].groupby("recipe", sort=False):
        yield str(recipe), rows


def slope_of(results: Results, target: str, trait: str) -> "pd.Series[float] | None":
    """The slope of the mean over recipes, as a row of `language_traits.slopes`; None without one."""
    table = results.language_traits.slopes
    is_chosen = (table["of"] == "gain") & (table["recipe"] == MEAN) & (table["target"] == target)
    rows = table[is_chosen & (table["trait"] == trait)].dropna(subset="slope")
    return None if rows.empty else rows.iloc[0]


def _summary(slope: "pd.Series[float] | None", num: int) -> str:
    if slope is None:
        return f"no slope from {num} languages"
    half = 50 * (slope["high"] - slope["low"])
    width = "" if np.isnan(half) else f" ± {half:.1f}"
    return f"{signed_text(100 * slope['slope'], 1)}{width}, n = {int(slope['n'])}"


def _codes(axes: Axes, points: pd.DataFrame, size: Size) -> list[Label]:
    """The codes of the languages above their dots; without those that would cover a dot or another code.

    English and the languages with the most unusual gains come first.
    """
    to_points = POINTS / axes.figure.get_dpi()
    dots = to_points * axes.transData.transform(points[["distance", "gain"]].to_numpy(float).reshape(-1, 2))
    unusual = (points["gain"] - points["gain"].mean()).abs() + np.where(points["language"] == ENGLISH, np.inf, 0)
    taken = [(x, y, 0.5 * size.font, 0.5 * size.font) for x, y in dots]
    labels = []
    for number in unusual.sort_values(ascending=False, kind="stable").index:
        language = str(points["language"][number])
        x, y = dots[number][0], dots[number][1] + 0.3 * size.font + LINE * size.small / 2
        box = (x, y, text_width(language, size.small), size.small)
        if not any(_overlap(box, other) for other in taken):
            taken.append(box)
            place = axes.transData.inverted().transform((x / to_points, y / to_points))
            labels.append(Label(x=place[0], y=place[1], text=language, font=size.small, colour=INK))
    return labels


def _overlap(first: Box, second: Box) -> bool:
    """Whether two boxes overlap: middle from the left and from below, width, height."""
    return abs(first[0] - second[0]) < (first[2] + second[2]) / 2 and abs(first[1] - second[1]) < (
        (first[3] + second[3]) / 2
    )
