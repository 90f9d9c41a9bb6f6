"""A figure as the bytes of PNG, PDF and SVG files."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

METADATA: Mapping[str, Mapping[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
"""Format -> metadata without a date, so that equal figures give equal bytes."""
STYLE: Any = {"font.family": "DejaVu Sans", "svg.hashsalt": "figure", "pdf.fonttype": 42, "hatch.linewidth": 0.5}
"""Settings of files: fonts that journals accept (TrueType), and ids in SVG files that do not change."""


def formats(figure: Figure, names: Iterable[str] = tuple(METADATA)) -> dict[str, bytes]:
    """Format -> the file, in the size of the figure. Equal figures give equal bytes."""
    return {name: _file(figure, name) for name in names}


def _file(figure: Figure, name: str) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format=name, dpi=figure.dpi, metadata=dict(METADATA[name]))
    return buffer.getvalue()
