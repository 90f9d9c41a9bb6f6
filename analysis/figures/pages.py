"""All figures of one model as files."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from ..results.results import Results
from .correlations import correlation_figure
from .files import formats, pdf_of_pages
from .forest import forest_figure
from .heatmap import Order, heatmap_figure
from .languages import language_figures
from .layers import layer_figure
from .planted import planted_figure
from .search import search_figure
from .sizes import SIZES, TEXT, Size
from .timeline import timeline_figure
from .traits import trait_figure

Draw = Callable[[Results, Size], Figure | list[Figure] | None]
"""Draws a figure of a given width, or its pages; None or no page if the results have nothing to draw."""
FIGURES: Mapping[str, Draw] = {
    "heatmap": heatmap_figure,
    "forest": forest_figure,
    "languages": language_figures,
    "correlations": correlation_figure,
    "traits": trait_figure,
    "search": search_figure,
    "timeline": timeline_figure,
    "planted": lambda results, size: planted_figure(results, size) if results.planted else None,
    "layers": lambda results, size: layer_figure(results, size) if results.layers else None,
}
"""Name -> figure."""


def figure_files(results: Results, suffix: str = "", order: Order = "given") -> dict[str, bytes]:
    """Name -> content of the files of all figures of one model: `NAME[-SIZE][SUFFIX].FORMAT`.

    The heatmap is written in each size as PDF, SVG and PNG, the other figures in the text width as PDF and PNG. The
    text width has the plain name, as in `heatmap.pdf`. A figure with several pages is a PDF file with all of them and a
    PNG file of the first. Equal results give equal bytes. A figure without anything to draw is left out.

    `order` is the order of the rows and columns of the heatmap.
    """
    files: dict[str, bytes] = {}
    figures: dict[str, Draw] = {**FIGURES, "heatmap": lambda results, size: heatmap_figure(results, size, order)}
    for name, draw in figures.items():
        is_main = name == "heatmap"
        for size in SIZES.values() if is_main else (TEXT,):
            stem = f"{name}{'' if size is TEXT else f'-{size.name}'}{suffix}"
            written = _written(draw(results, size), ("pdf", "svg", "png") if is_main else ("pdf", "png"))
            files |= {f"{stem}.{ending}": content for ending, content in written.items()}
    return files


def _written(drawn: Figure | list[Figure] | None, names: Sequence[str]) -> dict[str, bytes]:
    """Format -> content."""
    pages = drawn if isinstance(drawn, list) else [drawn] if drawn else []
    if len(pages) < 2:
        return formats(pages[0], names) if pages else {}
    return {**formats(pages[0], [name for name in names if name != "pdf"]), "pdf": pdf_of_pages(pages)}
