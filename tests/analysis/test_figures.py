"""The heatmap and other grids: contents, fonts, places and contrast of texts, read back from the figure."""

import re
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from analysis.figures.cells import draw_cells
from analysis.figures.colours import DIVERGING, FAINT, INK, MISSING, contrast, ink_on, pale
from analysis.figures.files import formats, pdf_of_pages
from analysis.figures.grid import MEAN, Grid, Square
from analysis.figures.heatmap import gain_square, heatmap, heatmap_figure, matrix_grid, matrix_key
from analysis.figures.key import Entry, Key, _ticks
from analysis.figures.labels import Label, Labels
from analysis.figures.languages import (
    by_distance,
    by_family,
    language_figures,
    language_grids,
    languages,
)
from analysis.figures.layout import draw_grid, grid_figure, pages_of
from analysis.figures.pages import FIGURES
from analysis.figures.sizes import COLUMN, SIZES, SLIDE, SMALLEST, TEXT, shortened, size_of
from analysis.results.language_effects import AGREEMENT_COLUMNS
from analysis.results.order import clustered
from analysis.results.results import compute_results
from sweeper.errors import UserError


@pytest.fixture(scope="module")
def results(full_report):
    """The results of a full run."""
    return compute_results(str(full_report.path.parent.parent))


@pytest.fixture
def grid(results):
    return matrix_grid(results)


def texts_of(figure):
    """The visible texts of a figure."""
    figure.draw_without_rendering()
    hidden = {label for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in outside(axis)}
    texts = figure.findobj(mpl.text.Text)
    return [text for text in texts if text.get_visible() and text.get_text() and text not in hidden]


def outside(axis):
    """The labels of ticks beyond the limits of an axis, which are not drawn."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]


def words(figure):
    return [text.get_text() for text in texts_of(figure)]


def large_grid(num_rows=11, num_columns=9):
    """A grid with long names, all kinds of cells and numbers as wide as they get."""
    rows = [f"paraphrase_identification_in_language_{number}" for number in range(num_rows)]
    columns = [
        f"tatoeba_sentence_retrieval_{number}" if number % 2 else f"xnli{number}" for number in range(num_columns)
    ]
    rng = np.random.default_rng(0)
    squares = {}
    for row in ["baseline", *rows, MEAN]:
        for column in [*columns, MEAN]:
            gain = rng.normal() * 10
            numbers = {"text": f"{gain:+.1f}", "short": f"{gain:+.0f}", "small": "±12.3", "small_short": "±12"}
            is_score, is_settled = row == "baseline", abs(gain) > 8
            value = np.nan if is_score else gain
            squares[row, column] = Square(value=value, is_settled=is_settled, is_bold=is_settled, **numbers)
    squares[rows[1], columns[1]] = Square(text="–", is_missing=True)
    squares[rows[2], columns[2]] = replace(squares[rows[2], columns[2]], is_hatched=True, text="+12.3†")
    return Grid(
        rows=("baseline", *rows, MEAN),
        columns=(*columns, MEAN),
        squares=squares,
        groups=("classification",) * 4 + ("retrieval",) * (num_columns - 4) + ("",),
        row_gaps=frozenset({rows[0], MEAN}),
        column_gaps=frozenset({MEAN}),
        row_captions={"baseline": "baseline (score)", MEAN: "mean"},
        column_captions={MEAN: "mean"},
        at_chance=frozenset(columns[1:3]),
    )


KEY = Key(
    label="gain over baseline (points)",
    entries=(Entry(text="† same rows: recipe and target train on them", swatch="hatched"), Entry(text="words " * 40)),
    scales=("bold: interval over seeds excludes 0", "pale: it does not"),
)


def check_texts(figure):
    """No font is below 6 points, no text leaves the figure, no two texts overlap, and no name can be a formula."""
    texts = texts_of(figure)
    assert not [text for text in texts if text.get_parse_math() and re.search("[A-Za-z]{2}", text.get_text())]
    assert min(text.get_fontsize() for text in texts) >= SMALLEST == 6
    # One renderer: each text without one would make its own, with all pixels of the figure.
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = {text: text.get_window_extent(renderer) for text in texts}
    for text, box in boxes.items():
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    corners = np.array([box.extents for box in boxes.values()])
    low, high = corners[:, None, :2], corners[:, None, 2:]
    width, height = np.moveaxis(np.minimum(high, high.swapaxes(0, 1)) - np.maximum(low, low.swapaxes(0, 1)), -1, 0)
    # The boxes of two lines have space for accents, which may overlap by a tenth of their height.
    heights = corners[:, 3] - corners[:, 1]
    is_overlap = (width >= 1) & (height >= 0.1 * np.minimum(heights[:, None], heights))
    np.fill_diagonal(is_overlap, val=False)
    assert not [(texts[first], texts[second]) for first, second in np.argwhere(is_overlap)]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_no_font_is_below_6_points_and_no_text_overlaps_or_leaves_the_figure(size, results):
    figure = grid_figure(large_grid(), KEY, "a title", size)
    assert figure.get_figwidth() == size.width
    assert figure.get_figheight() <= size.tallest
    check_texts(figure)
    check_texts(heatmap_figure(results, size))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_large_matrix_has_short_numbers_or_dots_rather_than_small_fonts(size):
    figure = grid_figure(large_grid(25, 20), KEY, "a title", size)
    check_texts(figure)
    expected = {COLUMN: None, TEXT: "±12", SLIDE: "±12.3"}[size]
    assert ({"±12", "±12.3"} & set(words(figure))) == ({expected} - {None})


def test_the_numbers_of_11_x_9_cells_and_their_intervals_fit_into_a_column():
    found = words(grid_figure(large_grid(), KEY, "a title", COLUMN))
    assert found.count("±12") > 100
    assert "dot: the interval excludes 0" not in found
    assert "dot: the interval excludes 0" in words(grid_figure(large_grid(25, 20), KEY, "a title", COLUMN))


def test_the_signs_of_a_narrow_cell_are_in_its_second_line_unless_hatching_shows_them():
    gain = SimpleNamespace(gain=-0.004, low=-0.02, high=0.012, basis="seeds", note="")
    square = gain_square(gain, "§")
    assert square.lines(is_short=False) == ("−0.4§", "±1.6")
    assert square.lines(is_short=True) == ("0", "±2§")
    assert gain_square(gain, "†", is_hatched=True).lines(is_short=True) == ("0", "±2")


def test_the_sizes_are_those_of_a_column_a_text_and_a_slide():
    assert [(size.name, size.width) for size in SIZES.values()] == [("column", 3.33), ("text", 6.75), ("slide", 13.33)]


def test_the_number_beside_a_gain_is_the_half_width_of_its_interval(results, grid):
    row = results.estimates.set_index(["recipe", "target", "language"]).loc["small_nli", "tags", "mean"]
    square = grid.squares["small_nli", "tags"]
    assert (square.text, square.small) == ("+15.0", f"±{50 * (row['high'] - row['low']):.1f}")
    assert grid.squares["small_nli", "tags"].small in words(heatmap_figure(results))


def test_the_cells_contain_scores_of_the_baseline_and_gains_of_the_other_recipes(grid):
    assert grid.rows == ("baseline", "small_nli", "large_nli", "middle_qa", MEAN)
    assert [grid.squares["baseline", target].text for target in ("tags", "pairs", "search")] == ["50.0", "34.0", "20.0"]
    assert grid.squares["large_nli", "tags"].text == "−10.0"
    assert grid.row_label("baseline") == "baseline (score)"


def test_settled_cells_are_bold_and_in_full_colour_and_others_are_pale(make_run):
    run = make_run(seeds=(1, 2, 3))
    for seed in (1, 2, 3):
        run.cell("baseline", "tags", seed, {"en": 0.5})
        run.cell("small_nli", "tags", seed, {"en": 0.6 + 0.001 * seed})
        run.cell("large_nli", "tags", seed, {"en": (0.3, 0.6, 0.7)[seed - 1]})
    grid = matrix_grid(compute_results(run.url))
    sure, unsure = grid.squares["small_nli", "tags"], grid.squares["large_nli", "tags"]
    assert (sure.is_settled, sure.is_bold, unsure.is_settled, unsure.is_bold) == (True, True, False, False)
    axes = draw_cells(Figure().subplots(), grid, TEXT)
    weights = {text.get_text(): text.get_weight() for text in axes.findobj(mpl.text.Text)}
    assert (weights[sure.text], weights[unsure.text]) == ("bold", "normal")
    full = mpl.colormaps[DIVERGING](0.8)
    assert np.allclose(1 - pale(full)[:3], 0.3 * (1 - np.array(full[:3])))


def test_a_cell_without_an_interval_says_so_and_is_not_settled(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    results = compute_results(run.url)
    square = matrix_grid(results).squares["small_nli", "tags"]
    assert (square.text, square.small, square.is_settled) == ("+10.0¶", "±?", False)
    assert any(word.startswith("±? no interval") for word in words(heatmap_figure(results)))


@pytest.mark.parametrize(("values", "num"), [((-9, 9), 2), ((0, 9), 1), ((-9, 0), 1), ((0, 0), 0)])
def test_an_end_of_the_colour_scale_is_pointed_if_a_value_is_beyond_it(values, num):
    squares = {("row", str(number)): Square(text="", value=value) for number, value in enumerate((*values, 1.0))}
    grid = Grid(rows=("row",), columns=("0", "1", "2"), squares=squares, bounds=5.0)
    two_scales = replace(KEY, entries=())
    for figure in (grid_figure(grid, two_scales, "a title", TEXT), Figure()):
        if not figure.axes:
            draw_grid(figure.subplots(), grid, two_scales, TEXT)
        points = [patch for patch in figure.findobj(Polygon) if patch.get_facecolor()[3]]
        assert len(points) == num * len(KEY.scales)


@pytest.mark.parametrize(
    ("limit", "room", "expected"),
    [(4.24, 5.8, [-4, 4]), (4.24, 30, [-4, -2, 0, 2, 4]), (0.15, 5.8, [-0.1, 0.1]), (1.0, 5.8, [-1, 1])],
)
def test_a_colour_scale_has_labels_on_both_sides_even_if_it_is_short(limit, room, expected):
    assert _ticks(limit, room) == pytest.approx(expected)


def test_the_colour_scale_saturates_in_at_most_two_cells(grid):
    wild = replace(large_grid(), squares={("row", str(n)): Square(text="", value=1.5**n) for n in range(40)})
    for one in (grid, large_grid(), wild):
        assert one.num_saturated <= 2
    assert wild.limit == 1.5**37
    calm = replace(wild, squares={("row", "column"): Square(text="", value=0.2)})
    assert calm.limit == 1.0


def test_cells_with_the_same_rows_are_hatched_and_daggered(grid):
    square = grid.squares["small_nli", "pairs"]
    assert (square.text, square.is_hatched) == ("+4.0†", True)
    axes = draw_cells(Figure().subplots(), grid, TEXT)
    hatched = [collection for collection in axes.collections if collection.get_hatch()]
    assert [len(collection.get_paths()) for collection in hatched] == [2]


def test_missing_cells_are_grey_with_a_dash(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    grid = matrix_grid(compute_results(run.url))
    assert grid.squares["small_nli", "tags"].text == "–"
    axes = draw_cells(Figure().subplots(), grid, TEXT)
    faces = [tuple(face) for face in axes.collections[0].get_facecolor()]
    # All cells of one colour are one path, with five points for each.
    path = axes.collections[0].get_paths()[faces.index(mpl.colors.to_rgba(MISSING))]
    assert len(path.vertices) == 5 * 11


def test_a_score_without_a_baseline_is_shown_as_a_score(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.5})
    square = matrix_grid(compute_results(run.url)).squares["small_nli", "tags"]
    assert (square.text, square.small, square.is_missing) == ("50.0¶", "score only", True)


def test_columns_at_chance_are_marked_in_the_header(make_run):
    run = make_run()
    for seed in (1, 2):
        run.cell("baseline", "tags", seed, {"en": 0.2})
        run.cell("small_nli", "tags", seed, {"en": 0.2 + 0.1 * seed})
    results = compute_results(run.url)
    table = results.estimates.assign(at_chance=results.estimates["target"] == "tags")
    figure = heatmap_figure(replace(results, estimates=table))
    assert {"tags", "(at chance)"} <= {*words(figure)}
    assert any(word.startswith("at chance: ") for word in words(figure))


def test_the_margins_have_means_with_intervals(results, grid):
    assert (grid.rows[-1], grid.columns[-1]) == (MEAN, MEAN)
    means = results.row_means[results.row_means["unit"] == "score"].set_index("recipe")
    square = grid.squares["small_nli", MEAN]
    assert square.text == f"{100 * means.loc['small_nli', 'gain']:+.1f}"
    assert square.small.startswith("±")
    columns = results.column_means.set_index("target")
    assert columns.loc["tags", "gain"] == pytest.approx(np.mean([0.15, -0.10, 0.05]))
    by_seed = [np.mean([0.10, -0.10, 0.05]), np.mean([0.20, -0.10, 0.05])]
    half = 12.706 * np.std(by_seed, ddof=1) / np.sqrt(2)
    assert (columns.loc["tags", "high"] - columns.loc["tags", "low"]) / 2 == pytest.approx(half, rel=1e-3)
    assert grid.squares[MEAN, "tags"].text == "+3.3"


def test_the_mean_of_a_column_leaves_out_cells_with_the_same_rows(results):
    columns = results.column_means.set_index("target")
    assert columns.loc["pairs", "num_recipes"] == 1
    assert columns.loc["pairs", "gain"] == pytest.approx(-0.02)


def test_similar_rows_and_columns_are_neighbours_in_the_clustered_order(results):
    frame = results.matrix.gains.loc[["small_nli", "large_nli", "middle_qa"]]
    assert clustered(frame) in (["small_nli", "middle_qa", "large_nli"], ["large_nli", "middle_qa", "small_nli"])
    grid = matrix_grid(results, "clustered")
    assert grid.rows[0] == "baseline" and grid.rows[2] == "middle_qa" and grid.rows[-1] == MEAN
    assert not grid.groups


def test_a_line_separates_two_groups_of_targets(grid):
    assert [name for name, _, _ in grid.spans] == ["tagging", "classification", "retrieval", ""]
    axes = draw_cells(Figure().subplots(), grid, TEXT)
    # The gap before the means needs no line.
    assert [line.get_xdata()[0] for line in axes.lines] == [1.0, 2.0]


def test_the_key_has_only_entries_that_occur(results):
    entries = [entry.text.split(":")[0] for entry in matrix_key(results).entries]
    assert "† same rows" in entries
    assert not {"§ same items", "‡ dev and test are the same rows", "bimodal (bim.)"} & set(entries)


def test_all_text_has_a_contrast_of_at_least_4_5():
    for share in np.linspace(0, 1, 501):
        full = mpl.colormaps[DIVERGING](share)
        for face in (full, tuple(pale(full))):
            assert contrast(mpl.colors.to_rgba(ink_on(face)), face) >= 4.5
    grey = mpl.colors.to_rgba(MISSING)
    assert contrast(mpl.colors.to_rgba(ink_on(grey)), grey) >= 4.5
    assert all(contrast(mpl.colors.to_rgba(ink), (1, 1, 1, 1)) >= 4.5 for ink in (INK, FAINT))


def test_the_same_results_give_the_same_bytes_in_every_format(results):
    files = formats(heatmap_figure(results, COLUMN))
    assert files == formats(heatmap_figure(results, COLUMN))
    assert {name: content[:4] for name, content in files.items()} == {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xm"}


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_labels_look_like_texts(ending):
    """The same words in the same places: pixels are nearly equal, and files of vectors draw the same glyphs."""
    labels = [
        *(Label(x=0.31 * number, y=0.2 * number, text="+1.5†", font=7.5, colour="white") for number in range(4)),
        Label(x=0.5, y=0.1, text="±0.5", font=6.0, colour="black", weight="bold"),
        Label(x=0.2, y=0.9, text="row", font=7.5, colour="black", align="right"),
    ]
    if ending != "png":  # matplotlib moves vertical texts by a part of a pixel to the side
        labels.append(Label(x=0.2, y=0.5, text="column", font=7.5, colour="black", align="left", is_vertical=True))
    figures = [Figure(figsize=(2, 1), dpi=200, facecolor="0.5") for _ in range(2)]
    axes = [figure.add_axes((0.1, 0.1, 0.8, 0.8)) for figure in figures]
    axes[0].add_artist(Labels(labels))
    for label in labels:
        style = {"weight": label.weight, "color": label.colour, "ha": label.align, "va": "center_baseline"}
        style |= {"ha": "center", "va": "bottom", "rotation": 90} if label.is_vertical else {}
        axes[1].text(label.x, label.y, label.text, fontsize=label.font, **style)
    found, expected = (formats(figure, [ending])[ending] for figure in figures)
    if ending == "png":
        # Outlines are not moved to whole pixels, which differs far less than text that is moved by one pixel.
        outlines, texts = (mpl.image.imread(BytesIO(content)) for content in (found, expected))
        assert 8 * np.abs(outlines - texts).sum() < np.abs(outlines - np.roll(texts, 1, axis=0)).sum()
    elif ending == "pdf":
        assert abs(len(found) - len(expected)) < 20
    else:
        assert found.count(b"<use") == expected.count(b"<use")
    assert sorted(words(figures[0])) == sorted(words(figures[1]))


def test_the_heatmap_is_drawn_on_the_axes_of_the_user_and_returns_them(results):
    axes = Figure(figsize=(5, 4)).subplots()
    assert heatmap(axes, results, size=SLIDE) is axes
    assert "baseline (score)" in [text.get_text() for text in axes.findobj(mpl.text.Text)]


def test_an_unknown_size_names_the_known_ones():
    assert size_of("column") is COLUMN
    with pytest.raises(UserError, match=r"No size is called 'slid'\. Did you mean 'slide'"):
        size_of("slid")


def test_long_names_lose_their_middle_and_stay_distinct():
    names = ["paraphrase_identification", "paraphrase_generation", "nli"]
    short = shortened(names, 50, 6)
    assert len(set(short.values())) == 3 and short["nli"] == "nli"
    assert all("…" in short[name] for name in names[:2])


def test_figures_name_the_recipe_that_gains_are_measured_against(full_run):
    results = compute_results(full_run.url, against="middle_qa")
    grid = matrix_grid(results)
    assert (grid.rows[0], grid.row_label("middle_qa")) == ("middle_qa", "middle_qa (score)")
    assert grid.squares["baseline", "search"].text == "+5.0"
    assert matrix_key(results).label == "gain over middle_qa (points)"


def test_a_target_with_a_single_split_is_marked_and_explained(make_run):
    tasks = tuple(replace(task, test=task.dev) if task.name == "tags" else task for task in make_run().space.tasks)
    run = make_run("single", tasks=tasks)
    for recipe in ("baseline", "small_nli"):
        run.cell(recipe, "tags", 1, {"en": 0.5})
    found = words(heatmap_figure(compute_results(run.url)))
    assert {"tags‡", "‡ dev and test are the same rows"} <= set(found)


def test_the_gains_by_language_have_a_grid_for_each_target_with_one_colour_scale(results):
    grids = language_grids(results)
    assert list(grids) == ["tags", "pairs", "search"]
    assert (grids["tags"].columns, grids["tags"].rows) == (("en", "de"), ("small_nli", "large_nli", "middle_qa"))
    assert grids["tags"].squares["small_nli", "de"].value == pytest.approx(15)
    assert len({grid.bounds for grid in grids.values()}) == 1
    assert grids["pairs"].squares["small_nli", "de"].is_hatched
    [figure] = language_figures(results)
    check_texts(figure)
    assert {"tags", "pairs", "search"} <= set(words(figure))
    axes = Figure().subplots()
    assert languages(axes, results, "tags") is axes


def test_languages_are_ordered_by_family_with_english_first():
    assert by_family(["zh", "de", "xa", "en", "fr", "es", "nl"]) == ["en", "de", "nl", "es", "fr", "zh", "xa"]


def test_languages_are_ordered_by_distance_with_unknown_ones_last():
    assert by_distance(["zz", "ja", "en", "nl", "ru"]) == ["en", "nl", "ru", "ja", "zz"]
    assert by_distance(["xg", "xa", "en", "xc"]) == ["en", "xa", "xc", "xg"]


def test_the_agreement_of_halves_of_the_seeds_stands_beside_each_target(results):
    agreement = pd.DataFrame([("tags", 6, 0.9, 0.25), ("pairs", 6, 0.9, np.nan)], columns=AGREEMENT_COLUMNS)
    measured = replace(results, seed_agreement=agreement)
    [figure] = language_figures(measured)
    check_texts(figure)
    assert "tags  r = +0.25" in words(figure) and "pairs" in words(figure)
    axes = languages(Figure().subplots(), measured, "tags", order="distance")
    assert any(text.get_text().startswith("r = +0.25: agreement") for text in axes.texts)


def test_many_languages_are_spread_over_pages_of_one_pdf_file():
    sizes = [len(page) for page in pages_of([large_grid(25, 4)] * 3, KEY, "a title", TEXT)]
    assert sizes == [1, 1, 1]
    [page] = pages_of([large_grid(3, 4)] * 2, KEY, "a title", TEXT)
    assert len(page) == 2
    figures = [grid_figure(large_grid(3, 4), KEY, "a title", COLUMN) for _ in range(2)]
    content = pdf_of_pages(figures)
    assert content.count(b"/Type /Page ") == 2 and content == pdf_of_pages(figures)


def test_pdf_files_have_truetype_fonts_which_journals_accept(results):
    content = formats(heatmap_figure(results, COLUMN), ("pdf",))["pdf"]
    assert b"/FontFile2" in content and b"/Type3" not in content


@pytest.mark.parametrize("rows", [(), ("baseline",), ("small_nli",), ("baseline", "small_nli")], ids="-".join)
def test_an_incomplete_run_has_readable_figures_of_what_it_has(rows, make_run):
    run = make_run()
    for recipe in rows:
        run.cell(recipe, "tags", 1, {"en": 0.5})
    results = compute_results(run.url)
    drawn = {name: draw(results, COLUMN) for name, draw in FIGURES.items()}
    figures = {name: figure for name, figure in drawn.items() if figure}
    assert ("forest" in figures) == (len(rows) == 2)
    for figure in figures.values():
        check_texts(figure)
