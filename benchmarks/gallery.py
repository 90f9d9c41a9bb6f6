"""Makes the images of docs/gallery.md from the run of `make demo`.

    python -m benchmarks.gallery runs/demo

The languages of the demo are too few for a figure of distances, which comes from a run on real text (README.md):

    python -m benchmarks.gallery runs/text_part --only distances

The demo has too few recipes and targets for correlations, no target with several layers and no conditions. Those three
figures show simulated values: nine recipes and eight targets with five seeds, whose gains depend on two skills, and the
scores of seven recipes under two conditions.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import Results, compute_results
from analysis.figures.files import formats
from analysis.figures.frontier import frontier_figure
from analysis.figures.pages import FIGURES
from analysis.figures.sizes import SIZES, TEXT
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
FRONTIER = "frontier"
"""The figure of conditions, which needs no results of a run."""
NAMES = (*FIGURES, FRONTIER)


def images(results: Results, names: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    """Name and figure of each image."""
    written = simulated(results)
    if FRONTIER in names:
        figure = frontier_figure(simulated_conditions(), replace(TEXT, dpi=DPI))
        assert figure is not None
        yield f"gallery-{FRONTIER}", figure
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
