"""The comparison of two runs or models as a table of text and as a CSV file."""

from collections.abc import Sequence

import pandas as pd

from sweeper.errors import UserError
from sweeper.files.folder import Folder

from ..results.compare import Comparison, compare
from ..results.load import load
from ..results.names import one_model
from ..results.results import compute_results
from .files import csv
from .numbers import gain_text, p_text
from .tables import markdown, points

POINTS = (
    *("score_a", "score_b", "score_difference", "score_low", "score_high"),
    *("gain_a", "gain_b", "gain_difference", "low", "high"),
)
"""Columns of the CSV file in points."""


def compare_runs(runs: Sequence[str], models: Sequence[str] = (), out: str | None = None) -> str:
    """Compare the same cells of two runs, or of two models of one run. Returns the table as Markdown.

    `runs` are one or two run folders, `models` no, one or two names of models: one name is that of both runs. With
    `out`, the table is also written to this CSV file, with differences in points.

    Raises UserError if there are not two runs or models to compare, or as `compare` does.
    """
    if not 1 <= len(runs) <= 2 or len(models) > 2 or (len(runs) == 1 and len(models) < 2):
        raise UserError("A comparison needs two runs, or one run and two models (--model A --model B).")
    both = [runs[0], runs[-1]]
    names = [models[0], models[-1]] if models else ["", ""]
    results = []
    for run, name in zip(both, names, strict=True):
        data = load(run)
        results.append(compute_results(data, one_model(data.space, name)))
    comparison = compare(*results)
    if out:
        path = Folder(out).local
        if path is None:
            raise UserError(f"A comparison is written to a local file, got --out {out}.")
        Folder(str(path.parent)).write(path.name, csv(comparison.cells, POINTS))
    labels = [f"{run} ({result.model})" for run, result in zip(both, results, strict=True)]
    return comparison_text(comparison, labels)


def comparison_text(comparison: Comparison, labels: Sequence[str]) -> str:
    """The cells in points, with what only one of the two has."""
    lines = [
        f"a: {labels[0]}",
        f"b: {labels[1]}",
        "Differences are b - a (a - b for a loss), in points, positive if b is better, ± half of the 95 % interval; "
        "seeds and items count as independent.",
        "",
        markdown(
            ["recipe", "target", "score a", "score b", "b - a", "gain a", "gain b", "gain b - gain a", "q"],
            [_row(row) for _, row in comparison.cells.iterrows()],
        ),
    ]
    for label, names in (("a", comparison.only_a), ("b", comparison.only_b)):
        if names:
            lines.append(f"Only {label} has: {', '.join(names)}.")
    return "\n".join(lines)


def _row(row: "pd.Series[float]") -> list[str]:
    return [
        *(str(row["recipe"]), str(row["target"])),
        *(points(float(row[name])) for name in ("score_a", "score_b")),
        gain_text(float(row["score_difference"]), float(row["score_low"]), float(row["score_high"])),
        *(gain_text(float(row[name]), float("nan"), float("nan")) for name in ("gain_a", "gain_b")),
        gain_text(float(row["gain_difference"]), float(row["low"]), float(row["high"])),
        p_text(float(row["q"]), "q") or "–",
    ]
