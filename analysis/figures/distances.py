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
from ..results.estimates import is_summarised, mean_estimates
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
NUM_ON_LINE = 65
"""Points of a line that codes of languages must not cover."""


def distances(axes: Axes, results: Results, target: str = MEAN, *, trait: str = "", size: Size = TEXT) -> Axes:
    """Draw the gain in each language against its distance from English, in points. Returns the axes.

    Large dots with the codes of the languages are means over recipes, adjusted for the cells that have the language;
    small dots are single recipes, in their colours, which are the labels. English is an open circle. The line is the
    slope of the other languages, whose value and 95 % interval are in the title. `target` can be `mean`: over the
    targets of mean gains, without small dots. `trait` is a key of `language_traits.DISTANCES`, by default the syntactic
    distance, or that of the world.
    """
    name = trait or distance_of(results)
    points, inks = language_points(results, target, name), recipe_colours(results)
    of_recipes = dict(recipe_points(results, target, name))
    axes.axhline(0, color=FAINT, lw=0.6, zorder=1)
    for recipe, rows in of_recipes.items():
        style: dict[str, Any] = {"s": (0.25 * size.font) ** 2, "c": inks[recipe], "lw": 0}
        axes.scatter(rows["distance"], rows["gain"], label=recipe, zorder=2, **style)
    faces = ["white" if language == ENGLISH else INK for language in points["language"]]
    style = {"s": (0.45 * size.font) ** 2, "c": faces, "ec": INK, "lw": 0.6, "zorder": 4}
    axes.scatter(points["distance"], points["gain"], **style)
    slope = slope_of(results, target, name)
    line = slope_line(points, 0.0 if slope is None else 100 * slope["slope"] / STEPS[name])
    if slope is not None:
        axes.plot(line["distance"], line["gain"], color=INK, lw=0.8, zorder=3)
    axes.margins(0.1)
    num_others = int((points["language"] != ENGLISH).sum())
    style_axes(axes, size, title=f"{target}: {_summary(slope, num_others)}", x=DISTANCES[name])
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3))
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.06 * (high - low), high + 0.12 * (high - low))  # space for codes
    covered = pd.concat([*of_recipes.values(), *([] if slope is None else [line])])
    axes.add_artist(Labels(_codes(axes, points, covered, size)))
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
            Entry(text="large dots: means over cells, adjusted for the cells that a language has (open: English)"),
            *([Entry(text="mean: over targets, without dots of recipes")] if MEAN in targets else []),
            Entry(
                text=f"lines and titles: slope without English for a distance of {STEPS[name]:g} ± half width of its "
                f"95 % interval over languages, and their number (at least {MIN_N})"
            ),
            *([Entry(text="panels have different y axes")] if len(targets) > 1 else []),
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
    """Recipe -> its gain in each language that `language_points` have; columns as there.

    The cells are those of the means: without cells that summaries leave out, zero-shot or English.
    """
    points = language_points(results, target, trait).set_index("language")["distance"]
    table = results.estimates[results.estimates["target"] == target]
    is_shown = (table["condition"] == CLEAN) & table["gain"].notna() & table["language"].isin(points.index)
    means = mean_estimates(results.estimates)
    compared = means.loc[is_summarised(means) & (means["target"] == target), "recipe"]
    shown = table[is_shown & table["recipe"].isin(compared)]
    shown = shown[(shown["language"] == ENGLISH).to_numpy() | results.matrix.are_zero_shot(shown)]
    shown = shown.assign(distance=shown["language"].map(points).astype(float), gain=100 * shown["gain"])
    for recipe, rows in shown[["recipe", "language", "distance", "gain"]].groupby("recipe", sort=False):
        yield str(recipe), rows


def slope_of(results: Results, target: str, trait: str) -> "pd.Series[float] | None":
    """The slope of the mean over recipes in languages other than English, as a row of `language_traits.slopes`.

    None without a slope. A target without English has the slope over all of its languages, which are others.
    """
    table = results.language_traits.slopes
    of_target = table[table["target"] == target]
    of = "difference" if (of_target["of"] == "difference").any() else "gain"
    is_chosen = (table["of"] == of) & (table["recipe"] == MEAN) & (table["target"] == target)
    rows = table[is_chosen & (table["trait"] == trait)].dropna(subset="slope")
    return None if rows.empty else rows.iloc[0]


def slope_line(points: pd.DataFrame, slope: float) -> pd.DataFrame:
    """Points of the least-squares line of languages other than English; columns distance and gain."""
    others = points[points["language"] != ENGLISH]
    distance = np.linspace(others["distance"].min(), others["distance"].max(), NUM_ON_LINE)
    # A least-squares line goes through the means.
    gain = others["gain"].mean() + slope * (distance - others["distance"].mean())
    return pd.DataFrame({"distance": distance, "gain": gain})


def _summary(slope: "pd.Series[float] | None", num: int) -> str:
    if slope is None:
        return f"no slope from {num} languages"
    half = 50 * (slope["high"] - slope["low"])
    width = "" if np.isnan(half) else f" ± {half:.1f}"
    return f"{signed_text(100 * slope['slope'], 1)}{width}, n = {int(slope['n'])}"


def _codes(axes: Axes, points: pd.DataFrame, covered: pd.DataFrame, size: Size) -> list[Label]:
    """The codes of the languages beside their dots; without those that would cover a dot, the line or another code.

    `covered` has the small dots and the points of the line. English and the languages with the most unusual gains come
    first.
    """
    to_points = POINTS / axes.figure.get_dpi()
    dots, small = (
        to_points * axes.transData.transform(rows[["distance", "gain"]].to_numpy(float).reshape(-1, 2))
        for rows in (points, covered)
    )
    unusual = (points["gain"] - points["gain"].mean()).abs() + np.where(points["language"] == ENGLISH, np.inf, 0)
    taken = [(x, y, 0.5 * size.font, 0.5 * size.font) for x, y in dots]
    taken += [(x, y, 0.25 * size.font, 0.25 * size.font) for x, y in small]
    labels = []
    for number in unusual.sort_values(ascending=False, kind="stable").index:
        language = str(points["language"][number])
        boxes = _beside(dots[number][0], dots[number][1], language, size)
        free = next((box for box in boxes if not any(_overlap(box, other) for other in taken)), None)
        if free:
            taken.append(free)
            x, y = axes.transData.inverted().transform((free[0] / to_points, free[1] / to_points))
            labels.append(Label(x=x, y=y, text=language, font=size.small, colour=INK))
    return labels


def _beside(x: float, y: float, code: str, size: Size) -> list[Box]:
    """The boxes of a code above, below, to the right and to the left of a dot."""
    width, height = text_width(code, size.small), size.small
    up, right = 0.3 * size.font + LINE * height / 2, 0.4 * size.font + width / 2
    return [(x + dx, y + dy, width, height) for dx, dy in ((0, up), (0, -up), (right, 0), (-right, 0))]


def _overlap(first: Box, second: Box) -> bool:
    """Whether two boxes overlap: middle from the left and from below, width, height."""
    return abs(first[0] - second[0]) < (first[2] + second[2]) / 2 and abs(first[1] - second[1]) < (
        (first[3] + second[3]) / 2
    )
