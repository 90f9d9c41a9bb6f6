"""Names with `$`, `_` and `^` are shown as such: figures have no formulas."""

import ast
from collections.abc import Callable, Mapping

import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.figures.forest import forest
from analysis.figures.heatmap import heatmap
from analysis.figures.pages import FIGURES
from analysis.figures.sizes import TEXT
from analysis.results.results import Results, compute_results
from benchmarks import gallery
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from tests.analysis.conftest import SPACE, fill
from tests.analysis.test_figures import texts_of
from tests.analysis.test_names import Renamed, renamed
from tests.sources import TREES

FORMULA = r"$\frac$ x_1^2"
"""Matplotlib would raise ValueError for this formula."""
WRITERS = {
    *("text", "annotate", "suptitle", "supxlabel", "supylabel", "set_title", "set_xlabel", "set_ylabel", "legend"),
    *("set_xticklabels", "set_yticklabels"),
}
"""Methods of matplotlib that write texts of any kind."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results with names of recipes and of a target that have dollar signs, with simulated correlations and layers."""
    run = Renamed(url=str(tmp_path_factory.mktemp("formulas") / "run"), space=renamed(SPACE))
    Folder(run.url).write("space.json", write_json(run.space))
    return gallery.simulated(compute_results(fill(run).url))


def with_formulas(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return table.assign(**{column: FORMULA + table[column].astype(str) for column in columns})


TABLES: Mapping[str, Callable[[], Figure | None]] = {
    "frontier": lambda: gallery.frontier_figure(with_formulas(gallery.simulated_conditions(), "recipe", "target")),
    "contrasts": lambda: gallery.contrast_figure(with_formulas(gallery.simulated_contrasts(), "contrast"), FORMULA),
    "points": lambda: gallery.point_figure(with_formulas(gallery.simulated_points(), "point", "covariate"), FORMULA),
    "maps": lambda: gallery.map_figure({FORMULA + name: rows for name, rows in gallery.simulated_maps().items()}),
}


def check_is_literal(figure: Figure) -> None:
    texts = [text for text in texts_of(figure) if "$" in text.get_text()]
    assert texts and not any(text.get_parse_math() for text in texts)


@pytest.mark.parametrize("name", ["heatmap", "forest", "languages", "layers"])
def test_a_figure_of_results_shows_names_with_formulas_as_they_are(name: str, results: Results) -> None:
    drawn = FIGURES[name](results, TEXT)
    figure = drawn[0] if isinstance(drawn, list) else drawn
    assert figure is not None
    check_is_literal(figure)


@pytest.mark.parametrize("draw", TABLES.values(), ids=TABLES)
def test_a_figure_of_a_table_shows_names_with_formulas_as_they_are(draw: Callable[[], Figure | None]) -> None:
    figure = draw()
    assert figure is not None
    check_is_literal(figure)


def test_axes_of_the_user_show_names_with_formulas_as_they_are(results: Results) -> None:
    figure = Figure(figsize=(12, 4))
    left, right = figure.subplots(ncols=2)
    heatmap(left, results)
    forest(right, results, str(results.matrix.scores.columns[0]))
    check_is_literal(figure)


def writes_texts(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    names_rows = node.func.attr == "set_yticks" and len(node.args) > 1
    return node.func.attr in WRITERS or names_rows


def test_only_two_modules_of_figures_call_the_methods_of_matplotlib_that_write_texts() -> None:
    calling = {
        module
        for module, tree in TREES.items()
        if module.startswith("analysis.figures.") and any(writes_texts(node) for node in ast.walk(tree))
    }
    assert calling == {"analysis.figures.texts", "analysis.figures.panels"}
