"""The fonts of files of vectors: lean copies of those of matplotlib, which lay out each text once."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

from matplotlib import font_manager, ft2font
from matplotlib.backends.backend_pdf import RendererPdf
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

WHOLE, LEAN = "DejaVu Sans", "Figure Sans"
"""The family of figures, and that of its lean copies in files of vectors."""
CHARACTERS = (*range(0x20, 0x180), *range(0x370, 0x400), *range(0x2010, 0x2040), *range(0x2190, 0x2194))
CHARACTERS += (0x2212, 0x2264, 0x2265)
"""Characters of the copies: Latin, Greek, punctuation, arrows, minus, and signs of order."""
DROPPED = ("GSUB", "GPOS", "GDEF", "FFTM", "kern")
"""Tables for ligatures and kerning, which the copies lack."""
FAMILY_NAMES = (1, 16)
"""Numbers of the names of a font that matplotlib finds it by."""
FONT_OF_PDF: Any = getattr(RendererPdf, "_get_font_ttf", None)
FONT_OF_PATHS: Any = getattr(TextToPath, "_get_font", None)
"""Private methods of matplotlib that find the font of a text."""
LAYOUT: Any = getattr(ft2font.FT2Font, "_layout", None)
"""The private method of a font that places the glyphs of a text, since matplotlib 3.11."""
_LOCK = Lock()
"""Held while they are replaced: the fonts in their present size belong to one file."""


@cache
def lean_families() -> list[str]:
    """The families of files of vectors. The copies are made once in a process, regular and bold.

    Reading the whole font takes most of the time of embedding it. Characters that the copies lack are taken from it.
    """
    for weight in ("normal", "bold"):
        font_manager.fontManager.addfont(_copy(weight))
    return [LEAN, WHOLE]


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="figure-fonts-")


def _copy(weight: str) -> str:
    from fontTools import subset  # noqa: PLC0415 - only files need it

    path = font_manager.findfont(FontProperties(family=WHOLE, weight=weight))
    options = subset.Options(layout_features=[], name_IDs=["*"], recalc_timestamp=False, glyph_names=True)
    options.drop_tables += DROPPED
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    copy = Path(_folder().name) / f"{weight}.ttf"
    with subset.load_font(path, options) as font:
        subsetter.subset(font)
        for record in font["name"].names:
            if record.nameID in FAMILY_NAMES:
                record.string = LEAN
        font.save(copy)
    return str(copy)


@contextmanager
def laid_out_once() -> Iterator[None]:
    """Write one PDF or SVG file with lean fonts, and find the font of each text and its glyphs once.

    Matplotlib does both for each place of a text, which takes most of the time of writing a grid of numbers.
    A version of matplotlib without these private methods writes the file with its own fonts. Other threads have the
    fonts of matplotlib, and a second file waits.
    """
    if None in (FONT_OF_PDF, FONT_OF_PATHS, LAYOUT):
        yield
        return
    with _LOCK, _replaced_fonts():
        yield


@contextmanager
def _replaced_fonts() -> Iterator[None]:
    thread = get_ident()
    fonts: dict[FontProperties, _Font] = {}

    def found(font_of: Any, owner: Any, given: FontProperties, size: float) -> Any:
        if get_ident() != thread:
            return font_of(owner, given)
        if given not in fonts:
            lean = given.copy()
            if list(lean.get_family()) == ["sans-serif"]:
                lean.set_family(lean_families())
            fonts[given.copy()] = _laid_out(font_of(owner, lean), size)
        font = fonts[given]
        font.clear()
        font.set_size(size, TextToPath.DPI)
        return font

    RendererPdf._get_font_ttf = lambda self, prop: found(FONT_OF_PDF, self, prop, prop.get_size_in_points())  # type: ignore[method-assign]
    TextToPath._get_font = lambda self, prop: found(FONT_OF_PATHS, self, prop, self.FONT_SCALE)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        RendererPdf._get_font_ttf, TextToPath._get_font = FONT_OF_PDF, FONT_OF_PATHS  # type: ignore[attr-defined, method-assign]


class _Font:
    """A font of matplotlib in one size, which keeps the glyphs of each text."""

    def __init__(self, font: Any) -> None:
        self._font = font
        self._layouts: dict[Any, list[_Glyph]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._font, name)

    def _layout(self, text: str, *options: Any, **named: Any) -> "list[_Glyph]":
        key = (text, options, tuple(sorted(named.items())))
        if key not in self._layouts:
            self._layouts[key] = [_Glyph(item) for item in self._font._layout(text, *options, **named)]
        return self._layouts[key]


@cache
def _laid_out(font: Any, size: float) -> _Font:
    """The font in a size, the same one in all files of a process."""
    return _Font(font)


class _Glyph:
    """A glyph of a text with its place, and the font that it is from. Its outline is loaded if it is needed."""

    __slots__ = ("_font", "char", "face_index", "fname", "glyph_index", "prev_kern", "x", "y")

    def __init__(self, item: Any) -> None:
        self.char, self.glyph_index, self.prev_kern = item.char, item.glyph_index, item.prev_kern
        self.x, self.y = item.x, item.y
        self._font = item.ft_object
        self.fname, self.face_index = item.ft_object.fname, item.ft_object.face_index

    @property
    def ft_object(self) -> "_Glyph":
        """The font of the glyph, for the code of matplotlib that reads it."""
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._font, name)

    def __eq__(self, other: object) -> bool:
        """Whether both are from the same font."""
        return isinstance(other, _Glyph) and self._font is other._font

    def __hash__(self) -> int:
        return hash(self._font)

    def load_glyph(self, *_: Any, **__: Any) -> None:
        """Do nothing: few glyphs are drawn as outlines."""

    def get_path(self) -> Any:
        """The outline in the present size of the font."""
        self._font.load_glyph(self.glyph_index, flags=ft2font.LoadFlags.NO_HINTING)
        return self._font.get_path()
