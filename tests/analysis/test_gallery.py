"""The page docs/gallery.md: it has every figure function that users can import, and its images exist."""

import inspect
import re

import analysis
from analysis.figures.pages import FIGURES
from analysis.figures.sizes import TEXT
from benchmarks.gallery import TABLES
from tests.sources import ROOT

PAGE = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")


def test_the_page_describes_every_function_that_draws_on_given_axes():
    public = {name: getattr(analysis, name) for name in analysis.__all__}
    functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
    drawing = [name for name, value in functions.items() if [*inspect.signature(value).parameters][:1] == ["axes"]]
    assert {"heatmap", "contrast_intervals", "contrast_points", "frontier", "data_map"} <= set(drawing)
    assert [name for name in drawing if f"| `analysis.{name}` |" not in PAGE] == []


def test_the_page_has_an_image_of_every_figure():
    images = re.findall(r"\(images/(gallery-.*?)\.png\)", PAGE)
    assert {f"gallery-{name}" for name in (*FIGURES, *TABLES)} <= set(images)
    assert [name for name in images if not (ROOT / "docs" / "images" / f"{name}.png").is_file()] == []


def test_the_figures_of_simulated_tables_can_be_drawn_without_a_run():
    for draw in TABLES.values():
        figure = draw(TEXT)
        assert figure is not None and figure.axes
