"""The searches: selection value against the learning rate, a line for each study."""

from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results.responses import RATE
from ..results.results import Results
from .colours import INK
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import TEXT, Size

PREPARATION = "recipes"
"""Title of the panel with the studies of preparations; each other panel has the studies of a target."""

MOST_TICKS = 3
"""Most learning rates that are written below a panel."""


def search(axes: Axes, results: Results, target: str = "", *, size: Size = TEXT) -> Axes:
    """Draw the selection value of each trial against its learning rate, a line for each study. Returns the axes.

    `target` selects the studies of a target, which are those of the task that it trains on; by default those of the
    preparations. The chosen trial of each study is a
    large dot. Colours are those of the recipes, which are the labels of the lines.
    """
    table = results.responses
    rows = table[table["kind"] == "prepare"]
    if target:
        task = results.space.task(target).training_task
        rows = table[(table["task"] == task) & (table["kind"] == "target")]
    inks = recipe_colours(results)
    for _, study in rows.groupby("study", sort=False):
        recipe = str(study["recipe"].iloc[0])
        style: dict[str, Any] = {"color": inks[recipe], "lw": 0.8, "marker": "o", "ms": 0.3 * size.font}
        axes.plot(study["setting"], 100 * study["value"], label=recipe, **style)
    chosen = rows[rows["is_chosen"]]
    inks_chosen = [inks[recipe] for recipe in chosen["recipe"]]
    style = {"s": (0.8 * size.font) ** 2, "c": inks_chosen, "ec": INK, "lw": 0.6, "zorder": 3}
    axes.scatter(chosen["setting"], 100 * chosen["value"], **style)
    _style(axes, rows, ", ".join(_same_training(results, target)) or PREPARATION, size)
    return axes


def _same_training(results: Results, target: str) -> list[str]:
    """The targets that share the training of a target, and so its searches; empty without a target."""
    task = results.space.task(target).training_task if target else ""
    targets = map(str, results.matrix.scores.columns) if task else ()
    return [name for name in targets if results.space.task(name).training_task == task]


def _style(axes: Axes, rows: pd.DataFrame, title: str, size: Size) -> None:
    dial = str(rows["dial"].iloc[0]) if len(rows) else RATE
    if dial == RATE:
        axes.set_xscale("log")
        axes.set_xticks([], minor=True)
        # Powers of ten would have exponents in a font below 6 points.
        ticks = sorted(set(rows["setting"]))
        ticks = ticks if len(ticks) <= MOST_TICKS else [ticks[0], ticks[len(ticks) // 2], ticks[-1]]
        axes.set_xticks(ticks, [_rate(tick) for tick in ticks])
    style_axes(axes, size, title=title, x=dial.replace("_", " "))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.margins(0.1)


def _rate(value: float) -> str:
    """A learning rate such as 5e-4."""
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def search_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """A panel for the preparations and one for each target; None without search trials."""
    table = results.responses
    searched = set(table.loc[table["kind"] == "target", "task"])
    tasks = {target: results.space.task(target).training_task for target in map(str, results.matrix.scores.columns)}
    # Targets that share a training share a panel.
    targets = [next(name for name in tasks if tasks[name] == task) for task in dict.fromkeys(tasks.values())]
    targets = [target for target in targets if tasks[target] in searched]
    names = ([""] if (table["kind"] == "prepare").any() else []) + targets
    if not names:
        return None
    inks = recipe_colours(results)
    recipes = [recipe for recipe in inks if recipe in set(table["recipe"])]
    panels = Panels(
        num=len(names),
        height=10 * size.font,
        narrowest=13 * size.font,
        left=4 * size.font,
        between=3 * size.font,
        title=f"Selection value (points, held-out English training examples) by trial · {results.model}",
        notes=(
            *(Entry(text=recipe, swatch=inks[recipe]) for recipe in recipes),
            Entry(text="large dot: chosen, the first of equal values"),
        ),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, name in zip(all_axes, names, strict=True):
        search(axes, results, name, size=size)
    return figure


def recipe_colours(results: Results) -> dict[str, str]:
    """Recipe -> its colour, in the order of the space."""
    recipes = list(results.matrix.scores.index)
    colours = mpl.colormaps["tab10" if len(recipes) <= 10 else "tab20"]
    return {recipe: mpl.colors.to_hex(colours(number % colours.N)) for number, recipe in enumerate(recipes)}
