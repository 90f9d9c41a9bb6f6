"""Gains against the distance of the language from English, with the slope of each target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeper.space import CLEAN

from ..numbers import signed_text
from ..results.estimates import is_summarised, mean_estimates
from ..results.halves import MIN_N
from ..results.language_traits import DISTANCES, STEPS
from ..results.results import Results
from ..results.seed_part import ENGLISH, MEAN
from ..results.stats import Floats
from .colours import FAINT, INK
from .dots import Dots
from .heatmap import source
from .key import Entry
from .labels import Label, Labels
from .languages import AGREEMENT, agreement_notes
from .panels import Panels, panel_figure, style_axes
from .search import recipe_colours
from .sizes import LINE, POINTS, TEXT, Size, text_width

NUM_ON_LINE = 65
"""Points of a line that codes of languages must not cover."""


def distances(axes: Axes, results: Results, target: str = MEAN, *, trait: str = "", size: Size = TEXT) -> Axes:
    """Draw the gain in each language against its distance from English, in points. Returns the axes.

    Large dots with the codes of the languages are means over recipes, adjusted for the cells that have the language;
    small dots are single recipes, in the colours of `recipe_colours`. English is an open circle. The line is the slope
    of the other languages, whose value and 95 % interval are in the title. `target` can be `mean`: over the targets of
    mean gains, without small dots. `trait` is a key of `language_traits.DISTANCES`, by default the syntactic distance,
    or that of the world.
    """
    name = trait or distance_of(results)
    return _draw_panel(axes, results, target, name, recipe_points(results, name), size)


def _draw_panel(axes: Axes, results: Results, target: str, name: str, dots: pd.DataFrame, size: Size) -> Axes:
    """`name` is that of the trait, and `dots` are the `recipe_points` of all targets."""
    points, dots = language_points(results, target, name), dots[dots["target"] == target]
    axes.axhline(0, color=FAINT, lw=0.6, zorder=1)
    inks = dots["recipe"].map(recipe_colours(results)).tolist()
    small = Dots(axes, dots[["distance", "gain"]].to_numpy(float), inks, 0.25 * size.font)
    small.set_zorder(2)
    axes.add_collection(small)
    faces = ["white" if language == ENGLISH else INK for language in points["language"]]
    style: dict[str, Any] = {"s": (0.45 * size.font) ** 2, "c": faces, "ec": INK, "lw": 0.6, "zorder": 4}
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
    covered = pd.concat([dots, *([] if slope is None else [line])])
    axes.add_artist(Labels(_codes(axes, points, covered, size)))
    return axes


def distance_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """A panel for each target with a slope, and one for their mean; None without a slope."""
    name = distance_of(results)
    targets = [t for t in (*results.matrix.scores.columns, MEAN) if slope_of(results, t, name) is not None]
    if not targets:
        return None
    inks, dots = recipe_colours(results), recipe_points(results, name)
    drawn = set(dots.loc[dots["target"].isin(targets), "recipe"])
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
            *_agreements(results, targets),
            *([Entry(text="panels have different y axes")] if len(targets) > 1 else []),
        ),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, target in zip(all_axes, targets, strict=True):
        _draw_panel(axes, results, target, name, dots, size)
    return figure


def _agreements(results: Results, targets: Sequence[str]) -> list[Entry]:
    """What r means, and its value for each target; nothing without a value. Titles of small panels have no space."""
    notes = [f"{target}{note}" for target, note in agreement_notes(results).items() if target in targets]
    return [Entry(text=text) for text in ([f"r: {AGREEMENT}", *notes] if notes else [])]


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


def recipe_points(results: Results, trait: str) -> pd.DataFrame:
    """Columns recipe, target, distance, gain (points): the gain of each recipe in the languages of `language_points`.

    The cells are those of the means: without cells that summaries leave out, zero-shot or English.
    """
    table = results.estimates
    shown = table[(table["condition"] == CLEAN) & table["gain"].notna()]
    shown = shown[(shown["language"] == ENGLISH).to_numpy() | results.matrix.are_zero_shot(shown)]
    means, known = mean_estimates(table), results.language_traits.languages.dropna(subset=[trait, "gain"])
    known = known.assign(distance=known[trait].astype(float))[["target", "language", "distance"]]
    shown = shown.merge(means.loc[is_summarised(means), ["recipe", "target"]], on=["recipe", "target"])
    shown = shown.merge(known, on=["target", "language"])
    return shown.assign(gain=100 * shown["gain"])[["recipe", "target", "distance", "gain"]]


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
    languages = points["language"].tolist()
    if not languages:
        return []
    unusual = (points["gain"] - points["gain"].mean()).abs() + np.where(points["language"] == ENGLISH, np.inf, 0)
    beside = np.stack([_beside(dot, language, size) for dot, language in zip(dots, languages, strict=True)])
    drawn = np.concatenate([_squares(dots, 0.5 * size.font), _squares(small, 0.25 * size.font)])
    are_free = ~_overlap(beside.reshape(-1, 4), drawn).reshape(beside.shape[:2])
    placed: dict[str, Floats] = {}
    for number in unusual.sort_values(ascending=False, kind="stable").index:
        boxes = beside[number][are_free[number]]
        boxes = boxes[~_overlap(boxes, np.reshape(list(placed.values()), (-1, 4)))]
        if len(boxes):
            placed[languages[number]] = boxes[0]
    middles = axes.transData.inverted().transform(np.reshape(list(placed.values()), (-1, 4))[:, :2] / to_points)
    return [
        Label(x=x, y=y, text=language, font=size.small, colour=INK)
        for language, (x, y) in zip(placed, middles.tolist(), strict=True)
    ]


def _squares(middles: Floats, width: float) -> Floats:
    """Boxes around points: middle from the left and from below, width, height."""
    return np.column_stack([middles, np.full_like(middles, width)])


def _beside(dot: Floats, code: str, size: Size) -> Floats:
    """The boxes of a code above, below, to the right and to the left of a dot."""
    width, height = text_width(code, size.small), size.small
    up, right = 0.3 * size.font + LINE * height / 2, 0.4 * size.font + width / 2
    middles = dot + np.array([(0, up), (0, -up), (right, 0), (-right, 0)])
    return np.column_stack([middles, np.full(4, width), np.full(4, height)])


def _overlap(boxes: Floats, others: Floats) -> npt.NDArray[np.bool_]:
    """Whether each box overlaps any of the others."""
    across, above = (
        np.abs(boxes[:, None, axis] - others[:, axis]) < (boxes[:, None, axis + 2] + others[:, axis + 2]) / 2
        for axis in (0, 1)
    )
    return np.asarray((across & above).any(axis=1))
