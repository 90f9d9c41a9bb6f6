"""A figure as the bytes of PNG, PDF and SVG files."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from .fonts import WHOLE, laid_out_once

METADATA: Mapping[str, Mapping[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
"""Format -> metadata without a date, so that equal figures give equal bytes."""
OPTIONS: Mapping[str, Any] = {"png": {"pil_kwargs": {"compress_level": 3}}}
"""Format -> options. A PNG file of this level is 2 % larger than with the default, and takes two thirds of the time."""
STYLE: Any = {
    "svg.hashsalt": "figure",
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.5,
    "text.parse_math": False,
    "font.sans-serif": [WHOLE],
}
"""Settings of files: fonts that journals accept (TrueType), ids in SVG files that do not change, and no formulas."""


def formats(figure: Figure, names: Iterable[str] = tuple(METADATA)) -> dict[str, bytes]:
    """Format -> the file, in the size of the figure. Equal figures give equal bytes."""
    return {name: _file(figure, name) for name in names}


def pdf_of_pages(pages: Iterable[Figure]) -> bytes:
    """One PDF file with a page for each figure."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE), laid_out_once(), PdfPages(buffer, metadata=dict(METADATA["pdf"])) as file:
        for page in pages:
            page.savefig(file, format="pdf")
    return buffer.getvalue()


def _file(figure: Figure, name: str) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE), laid_out_once():
        figure.savefig(buffer, format=name, dpi=figure.dpi, metadata=dict(METADATA[name]), **OPTIONS.get(name, {}))
    return buffer.getvalue()


def settings() -> list[str]:
    """The settings of matplotlib that a figure may depend on."""
    # Reading the backend would load it.
    return [f"{name} {mpl.rcParams[name]}" for name in mpl.rcParams if not name.startswith("backend")]
