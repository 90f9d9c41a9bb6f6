"""The texts of figures: composed of characters, laid out once, and in lean fonts that lack no character."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.textpath import text_to_path

from analysis.figures import fonts
from analysis.figures.files import formats
from analysis.figures.sizes import NUMERIC, _unit_font, unit_outline, unit_width

needs_layout = pytest.mark.skipif(fonts.LAYOUT is None, reason="needs matplotlib 3.11, whose fonts place glyphs")


@pytest.fixture
def figure():
    """Texts of two fonts, one of them vertical, and one of them twice."""
    drawn = Figure(figsize=(3, 2), dpi=100)
    drawn.text(0.1, 0.1, "AVATAR +1.5 ± 0.5", fontsize=8)
    drawn.text(0.1, 0.4, "AVATAR +1.5 ± 0.5", fontsize=8, weight="bold")
    for place in (0.7, 0.9):
        drawn.text(place, 0.1, "column of 12", fontsize=6, rotation=90)
    return drawn


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_texts_of_numbers_are_composed_of_the_widths_that_matplotlib_gives_them(weight):
    for text in map("".join, product(sorted(NUMERIC), repeat=2)):
        width, _, _ = text_to_path.get_text_width_height_descent(text, _unit_font(weight), ismath=False)
        assert unit_width(text, weight) == pytest.approx(width / 100, abs=1e-9), text


def test_texts_of_numbers_have_the_outlines_that_matplotlib_draws():
    for text in ("+12.3", "\N{MINUS SIGN}0.45", "±<1"):
        vertices, codes = text_to_path.get_text_path(_unit_font("bold"), text)
        composed = unit_outline(text, "bold")
        assert np.allclose(composed[0], np.asarray(vertices) / text_to_path.FONT_SCALE, atol=1e-3)
        assert list(composed[1]) == list(codes)


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_texts_that_are_laid_out_once_give_the_same_file(ending, figure, monkeypatch):
    once = formats(figure, [ending])[ending]
    assert once == formats(figure, [ending])[ending]
    monkeypatch.setattr(fonts, "_laid_out", lambda font, size: font)
    assert once == formats(figure, [ending])[ending]


@needs_layout
def test_characters_that_the_lean_fonts_lack_are_taken_from_the_whole_font(figure):
    lean = formats(figure, ["pdf"])["pdf"]
    assert lean.count(b"/FontFile2") == 2  # regular and bold
    figure.text(0.5, 0.5, "имя ≥ 5")
    assert formats(figure, ["pdf"])["pdf"].count(b"/FontFile2") > 2
    assert set(formats(figure, ["svg", "png"])) == {"svg", "png"}


@pytest.mark.parametrize("method", ["FONT_OF_PDF", "LAYOUT"])
def test_a_version_of_matplotlib_without_a_private_method_writes_files_with_its_own_fonts(method, figure, monkeypatch):
    monkeypatch.setattr(fonts, method, None)
    assert formats(figure, ["pdf"])["pdf"].startswith(b"%PDF")


@needs_layout
def test_other_threads_have_the_fonts_of_matplotlib_while_a_file_is_written():
    with ThreadPoolExecutor() as pool, fonts.laid_out_once():
        assert isinstance(text_to_path._get_font(_unit_font("bold")), fonts._Font)
        other = pool.submit(text_to_path._get_font, _unit_font("bold")).result()
        assert not isinstance(other, fonts._Font)


@needs_layout
def test_two_files_are_written_one_after_the_other():
    def enter() -> None:
        with fonts.laid_out_once():
            pass

    with ThreadPoolExecutor() as pool:
        with fonts.laid_out_once():
            second = pool.submit(enter)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.2)
        second.result(timeout=30)
