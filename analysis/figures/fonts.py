"""The fonts of figure files: those of matplotlib without tables that cost time when a PDF file embeds them."""

import tempfile
from functools import cache
from pathlib import Path

from matplotlib import font_manager

FAMILY = "Figure Sans"
"""Name of the lean copies of DejaVu Sans."""
DROPPED = ("GSUB", "GPOS", "GDEF", "FFTM", "kern")
"""Tables for ligatures and kerning. Reading them takes most of the time of embedding a font."""
FAMILY_NAMES = (1, 16)
"""Numbers of the names of a font that matplotlib finds it by."""


@cache
def lean_family() -> str:
    """The family of copies of DejaVu Sans, regular and bold, which are made once in a process."""
    for weight in ("normal", "bold"):
        font_manager.fontManager.addfont(_copy(weight))
    return FAMILY


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="figure-fonts-")


def _copy(weight: str) -> str:
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - only files need it

    properties = font_manager.FontProperties(family="DejaVu Sans", weight=weight)
    font = TTFont(font_manager.findfont(properties), recalcTimestamp=False)
    for table in DROPPED:
        if table in font:
            del font[table]
    for record in font["name"].names:
        if record.nameID in FAMILY_NAMES:
            record.string = FAMILY
    path = Path(_folder().name) / f"{weight}.ttf"
    font.save(path)
    return str(path)
