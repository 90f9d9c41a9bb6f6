"""Correlations as a figure: between recipes, between targets, and of the mean gain with two traits."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..results.correlate import MEAN, TRAITS, Correlations, as_square
from ..results.results import Results
from .colours import DIVERGING, DOT, FAINT, INK, MISSING


def correlation_map(results: Results) -> Figure:
    """Two maps of rho above two scatter plots of the mean gain."""
    matrix, correlations = results.matrix, results.correlations
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    if not matrix.is_baseline:
        figure.suptitle(f"Gains over {matrix.reference}", x=0.01, ha="left", fontsize=10.5, color=INK)
    axes = figure.subplots(2, 2, height_ratios=(1.25, 1))
    draw_pairs(axes[0, 0], correlations.recipes, matrix.recipes, "Between recipes, over {} targets")
    draw_pairs(axes[0, 1], correlations.targets, list(matrix.scores.columns), "Between targets, over {} recipes")
    draw_trait(axes[1, 0], correlations, "train_size")
    draw_trait(axes[1, 1], correlations, "headroom")
    return figure


def draw_pairs(axes: Axes, pairs: pd.DataFrame, names: list[str], title: str) -> Axes:
    """Draw rho of each pair, bold if p < 0.05. Pairs without a rho are grey. Returns the axes.

    `pairs` is a table of `Correlations`. `title` contains `{}` for the number of values in a correlation.
    """
    if pairs["rho"].isna().all():
        return _draw_empty(axes, f"{title.split(',', maxsplit=1)[0]}: no pair has three values in common")
    square, p_values = as_square(pairs, names, "rho"), as_square(pairs, names, "p")
    axes.imshow(square, cmap=mpl.colormaps[DIVERGING].with_extremes(bad=MISSING), vmin=-1, vmax=1)
    for (row, column), rho in np.ndenumerate(square):
        text = "" if row == column else "–" if np.isnan(rho) else f"{rho:+z.2f}"
        weight = "bold" if p_values[row, column] < 0.05 else "normal"
        # The ends of the colour map are dark.
        ink = "white" if abs(rho) > 0.7 else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink, weight=weight)
        if row == column:
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="white"))
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{title.format(_range(pairs['n']))}\n{_tally(pairs)}", loc="left", fontsize=9, color=INK)
    return axes


def _draw_empty(axes: Axes, title: str) -> Axes:
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=9, color=INK)
    return axes


def _range(counts: "pd.Series[int]") -> str:
    if counts.empty:
        return "0"
    return str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def _tally(pairs: pd.DataFrame) -> str:
    num_tested = pairs["p"].notna().sum()
    num_small = (pairs["p"] < 0.05).sum()
    by_chance = f"{num_small} of {num_tested}; {0.05 * num_tested:.1f} by chance"
    return f"Pearson, across halves of the seeds; bold: p < 0.05, uncorrected ({by_chance})"


def draw_trait(axes: Axes, correlations: Correlations, trait: str) -> Axes:
    """Draw the mean gain in points against one trait, with one labelled dot per recipe. Returns the axes."""
    dots = correlations.traits[[trait, MEAN]].dropna()
    factor = 100 if trait == "headroom" else 1
    axes.scatter(dots[trait] * factor, dots[MEAN] * 100, color=DOT, s=26, zorder=3)
    for number, (recipe, dot) in enumerate(dots.sort_values(trait).iterrows()):
        axes.annotate(
            str(recipe),
            (dot[trait] * factor, dot[MEAN] * 100),
            # Labels of neighbours alternate between above and below, so that they do not overlap.
            xytext=(5, 4) if number % 2 else (5, -10),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
        )
    axes.axhline(0, color=FAINT, lw=0.8, zorder=1)
    if trait == "train_size" and len(dots):
        axes.set_xscale("log")
    if not len(dots):
        axes.set(xticks=[], yticks=[])
        axes.text(
            0.5, 0.55, "no target on which every recipe has a gain", transform=axes.transAxes, ha="center", color=FAINT
        )
    axes.margins(0.14)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    unit = " (points)" if trait == "headroom" else ""
    axes.set_xlabel(f"{TRAITS[trait]}{unit}", fontsize=8.5, color=INK)
    axes.set_ylabel(f"mean gain over {len(correlations.mean_over)} targets (points)", fontsize=8.5, color=INK)
    axes.set_title(f"Mean gain: {_summary(correlations, trait)}", loc="left", fontsize=9, color=INK)
    return axes


def _summary(correlations: Correlations, trait: str) -> str:
    table = correlations.predictors
    row = table[(table["trait"] == trait) & (table["target"] == MEAN)].iloc[0]
    if np.isnan(row["rho"]):
        return f"no correlation (n = {row['n']})"
    return f"Spearman ρ = {row['rho']:+z.2f}, n = {row['n']}, p = {row['p']:.2f}"
