"""Tables for a paper, as LaTeX with the commands of booktabs. Each file is a tabular environment to `\\input`."""

from collections.abc import Iterable, Sequence

import pandas as pd

from ..results.estimates import Estimate, cell_estimates
from ..results.results import Results
from ..results.seed_part import MEAN
from .numbers import gain_text, points_text

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "±": r"$\pm$",
    "†": r"$^\dagger$",
    "§": r"$^\S$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
"""Character -> its form in text mode. The names of recipes and tasks come from the user."""


def escaped(text: str) -> str:
    """A text with the special characters of LaTeX escaped."""
    return "".join(SPECIAL.get(character, character) for character in text)


def tabular(header: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    """A tabular environment with the rules of booktabs. The cells are LaTeX already."""
    lines = [
        "% \\usepackage{booktabs}",
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
    """Gains in points with the half width of their 95 % interval; bold if q < 0.05, † for the same rows."""
    cells = cell_estimates(results.estimates)
    targets = list(results.matrix.scores.columns)
    rows = [
        [escaped(recipe), *(_gain(cells.get((recipe, target))) for target in targets)]
        for recipe in results.matrix.recipes
    ]
    return tabular(["recipe", *map(escaped, targets)], rows, "l" + "r" * len(targets))


def _gain(cell: Estimate | None) -> str:
    if cell is None:
        return "--"
    text = escaped(gain_text(cell.gain, cell.low, cell.high, cell.note) + ("†" if cell.has("same rows") else ""))
    return f"\\textbf{{{text}}}" if cell.is_significant else text


def scores(results: Results) -> str:
    """Scores in points, mean over languages and seeds."""
    frame = results.matrix.scores
    rows = [
        [escaped(str(recipe)), *("--" if pd.isna(value) else f"{100 * value:.1f}" for value in values)]
        for recipe, values in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    return tabular(["recipe", *map(escaped, map(str, frame.columns))], rows, "l" + "r" * len(frame.columns))


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
                escaped(gain_text(score["gain"], score["low"], score["high"], str(score["note"]))),
                escaped(points_text(spread["gain"] / 100)),
                r"$\checkmark$" if recipe in members else "",
            ]
        )
    return tabular(["recipe", "mean gain (points)", "mean gain (spreads)", "best at 95\\,\\%"], rows, "lrrc")
