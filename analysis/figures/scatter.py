"""The correlations as a picture: rows with rows, columns with columns, and mean gain against two traits."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..results.correlate import MEAN, TRAITS, Correlations, as_square
from ..results.matrix import Matrix
from .heatmap import DIVERGING, FAINT, INK, MISSING


def correlation_map(found: Correlations, matrix: Matrix) -> Figure:
    """Two maps of rho above, two scatter plots of the mean gain below."""
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    if not matrix.is_baseline:
        figure.suptitle(f"Gains over {matrix.reference}", x=0.01, ha="left", fontsize=10.5, color=INK)
    axes = figure.subplots(2, 2, height_ratios=(1.25, 1))
    draw_pairs(axes[0, 0], found.rows, matrix.rows, "Rows with rows, over {} targets a pair")
    draw_pairs(axes[0, 1], found.columns, list(matrix.scores.columns), "Columns with columns, over {} rows a pair")
    draw_trait(axes[1, 0], found, "train_size")
    draw_trait(axes[1, 1], found, "own_dev")
    return figure


def draw_pairs(axes: Axes, pairs: pd.DataFrame, names: list[str], title: str) -> Axes:
    """Rho of every pair on the axes, bold where p < 0.05; pairs without one are grey. Returns the axes."""
    square, p_values = as_square(pairs, names, "rho"), as_square(pairs, names, "p")
    axes.imshow(square, cmap=mpl.colormaps[DIVERGING].with_extremes(bad=MISSING), vmin=-1, vmax=1)
    for (row, column), rho in np.ndenumerate(square):
        text = "" if row == column else "–" if np.isnan(rho) else f"{rho:+z.2f}"
        weight = "bold" if p_values[row, column] < 0.05 else "normal"
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


def _range(counts: "pd.Series[int]") -> str:
    if counts.empty:
        return "0"
    return str(counts.min()) if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def _tally(pairs: pd.DataFrame) -> str:
    known = pairs["p"].notna().sum()
    small = (pairs["p"] < 0.05).sum()
    return f"Spearman; bold: p < 0.05 uncorrected ({small} of {known}; {0.05 * known:.1f} by luck)"


def draw_trait(axes: Axes, found: Correlations, trait: str) -> Axes:
    """Mean gain in points against one trait, a labelled dot for each recipe. Returns the axes."""
    dots = found.traits[[trait, MEAN]].dropna()
    factor = 100 if trait == "own_dev" else 1
    axes.scatter(dots[trait] * factor, dots[MEAN] * 100, color="#2166ac", s=26, zorder=3)
    for number, (recipe, dot) in enumerate(dots.sort_values(trait).iterrows()):
        axes.annotate(
            str(recipe),
            (dot[trait] * factor, dot[MEAN] * 100),
            # Neighbours on the axis take turns, or their names overlap.
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
        axes.text(0.5, 0.55, "no complete row and column yet", transform=axes.transAxes, ha="center", color=FAINT)
    axes.margins(0.14)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    unit = " (points)" if trait == "own_dev" else ""
    axes.set_xlabel(f"{TRAITS[trait]}{unit}", fontsize=8.5, color=INK)
    axes.set_ylabel(f"mean gain over {len(found.mean_over)} targets (points)", fontsize=8.5, color=INK)
    axes.set_title(f"Mean gain: {_verdict(found, trait)}", loc="left", fontsize=9, color=INK)
    return axes


def _verdict(found: Correlations, trait: str) -> str:
    row = found.predictors[(found.predictors["trait"] == trait) & (found.predictors["target"] == MEAN)].iloc[0]
    return (
        f"no correlation (n = {row['n']})"
        if np.isnan(row["rho"])
        else f"Spearman ρ = {row['rho']:+z.2f}, n = {row['n']}, p = {row['p']:.2f}"
    )
