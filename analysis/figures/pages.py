"""All figures of one model as files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from sweeper.errors import UserError, unknown

from ..results.results import Results
from .correlations import correlation_figure
from .distances import distance_figure
from .files import formats, pdf_of_pages
from .forest import forest_figure
from .heatmap import ORDERS as MATRIX_ORDERS
from .heatmap import Order as MatrixOrder
from .heatmap import heatmap_figure, heatmap_figures
from .languages import ORDERS as LANGUAGE_ORDERS
from .languages import Order as LanguageOrder
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
    "distances": distance_figure,
    "correlations": correlation_figure,
    "traits": trait_figure,
    "search": search_figure,
    "timeline": timeline_figure,
    "planted": lambda results, size: planted_figure(results, size) if results.planted else None,
    "layers": lambda results, size: layer_figure(results, size) if results.layers else None,
}
"""Name -> figure."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """The orders of the figures."""

    matrix: MatrixOrder = "given"
    """Of the recipes and targets of the heatmap."""
    languages: LanguageOrder = "family"
    """Of the languages of the figure `languages`."""


def orders_of(text: str) -> Orders:
    """The orders that are named in a text such as `clustered,distance`.

    Raises UserError for an unknown name and for two orders of the same figure.
    """
    names = text.split(",")
    for name in names:
        if name not in (*MATRIX_ORDERS, *LANGUAGE_ORDERS):
            raise unknown("order", name, (*MATRIX_ORDERS, *LANGUAGE_ORDERS))
    of_matrix: list[MatrixOrder] = [name for name in MATRIX_ORDERS if name in names]
    of_languages: list[LanguageOrder] = [name for name in LANGUAGE_ORDERS if name in names]
    if max(len(of_matrix), len(of_languages)) > 1:
        raise UserError(
            f"--order needs at most one order of the heatmap ({' or '.join(MATRIX_ORDERS)}) and one of languages "
            f"({' or '.join(LANGUAGE_ORDERS)}), got {text!r}."
        )
    return Orders(matrix=(of_matrix or ["given"])[0], languages=(of_languages or ["family"])[0])


DEFAULT_ORDERS = Orders()


def figure_files(results: Results, suffix: str = "", orders: Orders = DEFAULT_ORDERS) -> dict[str, bytes]:
    """Name -> content of the files of all figures of one model: `NAME[-SIZE][SUFFIX].FORMAT`.

    The heatmap is written in each size as PDF, SVG and PNG, the other figures in the text width as PDF and PNG. The
    text width has the plain name, as in `heatmap.pdf`. A figure with several pages is a PDF file with all of them and a
    PNG file of the first. Equal results give equal bytes. A figure without anything to draw is left out.
    """
    files: dict[str, bytes] = {}
    heatmap = heatmap_figures(results, orders.matrix)
    figures: dict[str, Draw] = {
        **FIGURES,
        "heatmap": lambda _, size: heatmap(size),
        "languages": lambda results, size: language_figures(results, size, orders.languages),
    }
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
