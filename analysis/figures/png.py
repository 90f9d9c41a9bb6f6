"""A figure as the bytes of a PNG file."""

import io

from matplotlib.figure import Figure

DPI = 200


def png(figure: Figure) -> bytes:
    """Return the PNG file. Equal figures give equal bytes: the metadata contain neither a date nor a version."""
    buffer = io.BytesIO()
    # "tight" makes the file as large as the drawing: the title and the notes of a small matrix are wider than its axes.
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue()
