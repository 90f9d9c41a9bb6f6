"""A figure as the bytes of a PNG file."""

import io

from matplotlib.figure import Figure

DPI = 200


def png(figure: Figure) -> bytes:
    """Return the PNG file. Equal figures give equal bytes: the metadata contain neither a date nor a version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
