"""Makes the images of docs/gallery.md from the run of `make demo`.

    python -m benchmarks.gallery runs/demo

The languages of the demo are too few for a figure of distances, which comes from a run on real text (README.md):

    python -m benchmarks.gallery runs/text_part --only distances

The demo has too few recipes and targets for correlations, no target with several layers, no conditions, no contrasts
and no data maps. Those figures show simulated values: nine recipes and eight targets with five seeds, whose gains
depend on two skills, the scores of seven recipes under two conditions, six contrasts, two slopes and two data maps.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import Results, compute_results
from analysis.figures.cartography import map_figure
from analysis.figures.contrast_points import point_figure
from analysis.figures.contrasts import contrast_figure
from analysis.figures.files import formats
from analysis.figures.frontier import frontier_figure
from analysis.figures.pages import FIGURES
from analysis.figures.sizes import SIZES, TEXT, Size
from analysis.results.correlate import pairs_of
from analysis.results.halves import half_correlations
from analysis.results.layers import LayerScores
from analysis.results.order import clustered
from analysis.results.seed_part import MEAN

FOLDER = Path(__file__).parent.parent / "docs" / "images"
DPI = 110
"""Resolution of the images: readable on a page, and small files."""
RECIPES = ("nli", "paraphrases", "sentiment", "questions", "reading", "tags", "names", "topics", "multitask")
TARGETS = ("inference", "similarity", "choice", "entities", "parts_of_speech", "spans", "passages", "retrieval")
SIMULATED = ("correlations", "layers")
"""Figures that show simulated values."""


def images(results: Results, names: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each image."""
    written = simulated(results)
    for name in [name for name in names if name in TABLES]:
        figure = TABLES[name](replace(TEXT, dpi=DPI))
        assert figure is not None
        yield f"gallery-{name}", figure
    for name, draw in ((name, FIGURES[name]) for name in names if name in FIGURES):
        for size in SIZES.values() if name == "heatmap" else (TEXT,):
            figure = draw(written if name in SIMULATED else results, replace(size, dpi=DPI))
            figure = figure[0] if isinstance(figure, list) and figure else figure
            if isinstance(figure, Figure):
                yield f"gallery-{name}{'' if size is TEXT else f'-{size.name}'}", figure


def simulated(results: Results) -> Results:
    """The results with simulated correlations and scores by layer."""
    rng = np.random.default_rng(0)
    skills = rng.normal(size=(len(TARGETS), 2)) @ rng.normal(size=(2, len(RECIPES)))
    gains = skills[..., None] + rng.normal(size=(len(TARGETS), len(RECIPES), 5))
    recipes, targets = half_correlations(gains.swapaxes(0, 1)), half_correlations(gains)
    existing = replace(
        results.correlations,
        recipes=pairs_of(recipes, RECIPES),
        targets=pairs_of(targets, TARGETS),
        recipe_order=tuple(clustered(pd.DataFrame(recipes.rho, index=list(RECIPES)))),
        target_order=tuple(clustered(pd.DataFrame(targets.rho, index=list(TARGETS)))),
        notes=(),
    )
    depth = np.linspace(0, 1, 7)
    names = list(results.matrix.scores.index)
    heights = 0.5 + 0.08 * np.arange(len(names))
    curves = pd.DataFrame([height * np.sin(np.pi * depth**0.8) for height in heights], index=names, columns=depth)
    return replace(results, correlations=existing, layers={"retrieval": LayerScores(scores=curves, shown=depth[4])})


def simulated_conditions() -> pd.DataFrame:
    """A table of `robustness`: scores of seven recipes on clean data and under two conditions, with noise."""
    rng = np.random.default_rng(1)
    clean = 0.6 + 0.02 * rng.normal(size=7)
    rows = []
    for condition, drop in (("typos", 0.06), ("distractor", 0.2)):
        scores = clean - drop * (1 + 0.4 * rng.normal(size=7))
        for recipe, before, after in zip(RECIPES, clean, scores, strict=False):
            rows.append(
                (MEAN, "reading", condition, recipe, before, after, before - after - 0.02, before - after + 0.02)
            )
    columns = ["language", "target", "condition", "recipe", "clean", "score", "low", "high"]
    return pd.DataFrame(rows, columns=columns).assign(note="")


def simulated_contrasts() -> pd.DataFrame:
    """A `contrast_table` with a family of six contrasts, one of which is not tested."""
    estimates = pd.Series([0.062, 0.031, 0.018, -0.004, -0.027, 0.011])
    half = pd.Series([0.020, 0.022, 0.024, 0.019, 0.025, 0.031])
    names = [
        "nli - baseline",
        "reading - baseline",
        "tags - baseline",
        "nli - reading",
        "tags - nli",
        "topics - baseline",
    ]
    table = pd.DataFrame({"contrast": names, "estimate": estimates, "low": estimates - half, "high": estimates + half})
    table["p_holm"] = [0.001, 0.03, 0.31, 1.0, 0.09, np.nan]
    return table.assign(model="", target="", language="", unit="points", covariate_unit="")


def simulated_points() -> pd.DataFrame:
    """A `point_table` with two slopes: gains against the size of the encoder, and against the dose of wrong labels."""
    rng = np.random.default_rng(2)
    slopes = (
        ("gain by size", "log10_parameters", "", {"small": 7.1, "base": 7.9, "large": 8.5, "xl": 9.5}, 0.02, -0.12),
        ("gain by noise", "label_noise", "30 %", {"0 %": 0.0, "15 %": 0.5, "30 %": 1.0, "45 %": 1.5}, -0.03, 0.06),
    )
    rows = []
    for contrast, covariate, unit, values, slope, start in slopes:
        for point, value in values.items():
            estimate = start + slope * value + 0.006 * rng.normal()
            rows.append((contrast, covariate, unit, point, value, estimate, estimate - 0.02, estimate + 0.02))
    columns = ["contrast", "covariate", "value_unit", "point", "value", "estimate", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(model="", target="", language="", unit="points", is_centred=False)


def simulated_maps() -> dict[str, pd.DataFrame]:
    """Examples of two data maps: 2,000 examples in five epochs, with more wrong labels in the second one."""
    rng = np.random.default_rng(3)
    maps = {}
    for recipe, wrong in (("nli", 0.03), ("nli, 30 % noise", 0.3)):
        # Examples are learned at different times and speeds; wrong labels late or never.
        start = np.where(rng.random(2000) < wrong, rng.normal(8, 2.5, 2000), rng.normal(0, 2, 2000))
        logits = 1.3 * (np.arange(1, 6) - start[:, None]) / rng.uniform(0.7, 3, (2000, 1))
        gold = 1 / (1 + np.exp(-logits - 0.5 * rng.normal(size=logits.shape)))
        columns = {"confidence": gold.mean(axis=1), "variability": gold.std(axis=1)}
        maps[recipe] = pd.DataFrame({**columns, "correctness": (gold > 0.5).mean(axis=1)})
    return maps


TABLES: Mapping[str, Callable[[Size], Figure | None]] = {
    "frontier": lambda size: frontier_figure(simulated_conditions(), size),
    "contrasts": lambda size: contrast_figure(simulated_contrasts(), "intermediate tasks · dev", size),
    "contrast-points": lambda size: point_figure(simulated_points(), "scale and noise · dev", size),
    "cartography": lambda size: map_figure(simulated_maps(), size),
}
"""Figures of simulated tables, which need no results of a run."""
NAMES = (*FIGURES, *TABLES)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the images of docs/gallery.md.")
    parser.add_argument("run", help="the run folder of `make demo`")
    parser.add_argument("--only", metavar="FIGURE", choices=NAMES, help="make the images of one figure")
    options = parser.parse_args()
    for name, figure in images(compute_results(options.run), [options.only] if options.only else NAMES):
        content = formats(figure, ("png",))["png"]
        (FOLDER / f"{name}.png").write_bytes(content)
        print(f"{name}.png: {len(content) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
