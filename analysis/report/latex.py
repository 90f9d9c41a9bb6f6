"""Tables for a paper, as LaTeX with the commands of booktabs. Each file is a tabular environment to `\\input`."""

import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ..numbers import MINUS, num_decimals_of, signed_text
from ..results.estimates import Estimate, cell_estimates
from ..results.marks import DAGGER, DEGREE, DOUBLE_DAGGER, PILCROW, SECTION, STAR
from ..results.results import Results
from ..results.seed_part import MEAN

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
"""Character -> its form in text mode. The names of recipes and tasks come from the user."""


SIGNS: Mapping[str, tuple[str, str]] = {
    DAGGER: (r"\dagger", "the recipe trains on rows of the target"),
    SECTION: (r"\S", "the recipe trains on items of the target in another language"),
    DEGREE: (r"\circ", "not zero-shot in some language"),
    DOUBLE_DAGGER: (r"\ddagger", "the dev and test split are the same rows"),
    STAR: ("*", "lacks languages"),
    PILCROW: (r"\P", "lacks seeds"),
}
"""Sign of a cell or target -> its form in math mode, and its meaning."""


def escaped(text: str) -> str:
    """A text with the special characters of LaTeX escaped."""
    return "".join(SPECIAL.get(character, character) for character in text)


def math_gain(
    gain: float, low: float, high: float, *, signs: str = "", is_bold: bool = False, scale: float = 100
) -> str:
    """A gain with the half width of its interval in math mode, such as `$\\mathbf{-3.3}^{\\dagger} \\pm 8.2$`."""
    if math.isnan(gain):
        return "--"
    half = scale / 2 * (high - low)
    num_decimals = num_decimals_of(scale * gain, half)
    main = signed_text(scale * gain, num_decimals).replace(MINUS, "-")
    text = (f"\\mathbf{{{main}}}" if is_bold else main) + raised(signs)
    return f"${text}$" if math.isnan(low) else f"${text} \\pm {half:.{num_decimals}f}$"


def raised(signs: str) -> str:
    """Signs as a superscript in math mode; "" without any."""
    return f"^{{{''.join(SIGNS[sign][0] for sign in signs)}}}" if signs else ""


def tabular(header: Sequence[str], rows: Iterable[Sequence[str]], alignment: str, notes: Iterable[str] = ()) -> str:
    """A tabular environment with the rules of booktabs. The cells are LaTeX already; `notes` become comments."""
    lines = [
        "% \\usepackage{booktabs}",
        *(f"% {note}" for note in notes),
        f"\\begin{{tabular}}{{{alignment}}}",
        "\\toprule",
        " & ".join(header) + r" \\",
        "\\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def table_files(results: Results, suffix: str = "") -> dict[str, bytes]:
    """Name -> content: tables/gains.tex, tables/scores.tex and tables/means.tex of one model."""
    texts = {"gains": gains(results), "scores": scores(results), "means": means(results)}
    return {f"tables/{name}{suffix}.tex": text.encode() for name, text in texts.items()}


def gains(results: Results) -> str:
    """Gains in points with the half width of their 95 % interval, bold if it excludes 0, and the signs of cells."""
    cells, matrix = cell_estimates(results.estimates), results.matrix
    targets = list(matrix.scores.columns)
    shown = {(recipe, target): cells.get((recipe, target)) for recipe in matrix.recipes for target in targets}
    signs = {place: _signs(results, *place) for place, cell in shown.items() if cell}
    rows = [
        [escaped(recipe), *(_gain(shown[recipe, target], signs.get((recipe, target), "")) for target in targets)]
        for recipe in matrix.recipes
    ]
    notes = [
        f"Gains over {matrix.reference_words} in points +- half width of the 95 % interval; bold: it excludes 0, "
        "without a correction for the number of cells.",
        *_sign_notes("".join(signs.values())),
    ]
    return tabular(["recipe", *_headers(results)], rows, "l" + "r" * len(targets), [*notes, *_split_note(results)])


def _gain(cell: Estimate | None, signs: str) -> str:
    if cell is None:
        return "--"
    text = math_gain(cell.gain, cell.low, cell.high, signs=signs, is_bold=cell.is_settled)
    return f"{text} bimodal" if cell.note == "bimodal" else text


def _signs(results: Results, recipe: str, target: str) -> str:
    """The signs of a cell: those of its marks, and of missing languages and seeds."""
    lacks_languages = STAR if (recipe, target) in results.matrix.lacking else ""
    lacks_seeds = PILCROW if (recipe, target) in results.partial else ""
    return results.matrix.marks.signs(recipe, target) + lacks_languages + lacks_seeds


def _headers(results: Results) -> list[str]:
    """The names of the targets, with the sign of those whose dev and test split are the same rows."""
    single = results.matrix.single_split
    signs = {name: DOUBLE_DAGGER if name in single else "" for name in results.matrix.scores.columns}
    return [escaped(str(name)) + (f"${raised(sign)}$" if sign else "") for name, sign in signs.items()]


def _sign_notes(signs: str) -> list[str]:
    """The meaning of each sign that occurs."""
    return [f"{form}: {meaning}" for sign, (form, meaning) in SIGNS.items() if sign in signs]


def _split_note(results: Results) -> list[str]:
    return _sign_notes(DOUBLE_DAGGER) if results.matrix.single_split else []


def scores(results: Results) -> str:
    """Scores in points, mean over languages and seeds, with the signs of cells."""
    frame = results.matrix.scores
    signs = {(recipe, target): _signs(results, recipe, target) for recipe in frame.index for target in frame.columns}
    rows = [
        [
            escaped(str(recipe)),
            *(_score(entry, signs.get((recipe, target), "")) for target, entry in zip(frame.columns, row, strict=True)),
        ]
        for recipe, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    notes = ["Scores in points, mean over languages and seeds.", *_sign_notes("".join(signs.values()))]
    alignment = "l" + "r" * len(frame.columns)
    return tabular(["recipe", *_headers(results)], rows, alignment, [*notes, *_split_note(results)])


def _score(score: float, signs: str) -> str:
    return "--" if math.isnan(score) else f"${100 * score:.1f}{raised(signs)}$"


def means(results: Results) -> str:
    """The mean gain of each recipe in points and in units of the spread of each target, and the set of best rows."""
    table, rows = results.row_means, []
    best = results.leaders.rows
    members = set(best.loc[(best["target"] == MEAN) & best["is_best"], "recipe"])
    for recipe in dict.fromkeys(table["recipe"]):
        # Without any difference between scores there is no spread.
        own = table[table["recipe"] == recipe].set_index("unit").reindex(["score", "spread"])
        score, spread = own.loc["score"], own.loc["spread"]
        rows.append(
            [
                escaped(str(recipe)),
                math_gain(score["gain"], score["low"], score["high"], is_bold=_excludes_0(score)),
                math_gain(spread["gain"], spread["low"], spread["high"], is_bold=_excludes_0(spread), scale=1),
                r"$\checkmark$" if recipe in members else "",
            ]
        )
    header = ["recipe", "mean gain (points)", "mean gain (spreads)", "best at 95\\,\\%"]
    targets = ", ".join(results.row_means.attrs.get("targets", ()))
    notes = [
        f"Mean gain over {targets or 'no target'} +- half width of the 95 % interval; bold: it excludes 0.",
        "\\usepackage{amssymb}",
        "Checked: recipes that cannot be distinguished from the best mean.",
    ]
    return tabular(header, rows, "lrrc", notes)


def _excludes_0(mean: "pd.Series[float]") -> bool:
    """Whether the interval of a mean includes the variation between seeds and excludes 0."""
    return str(mean["basis"]).startswith("seeds") and bool(mean["low"] > 0 or mean["high"] < 0)
