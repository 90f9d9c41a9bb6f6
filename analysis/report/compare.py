"""The comparison of two runs or models as a table of text and as a CSV file."""

from collections.abc import Sequence

import pandas as pd

from sweeper.errors import UserError
from sweeper.files.folder import Folder

from ..numbers import gain_text, p_text
from ..results.compare import Comparison, compare
from ..results.load import RunData, load
from ..results.names import one_model
from ..results.paired import Side, paired_differences
from ..results.results import Results, compute_results
from ..results.stats import LEVEL
from .files import csv
from .findings import damage_notes
from .gains import item_notes
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
    is_one_run = _place(both[0]) == _place(both[1])
    first_run = load(both[0])
    loaded = [first_run, first_run if is_one_run else load(both[1])]
    chosen = [one_model(data.space, name) for data, name in zip(loaded, names, strict=True)]
    if chosen[0] == chosen[1] and is_one_run:
        raise UserError(
            f"Both are the model {chosen[0]} of {both[0]}, and no run differs from itself. Name another run or model."
        )
    results = [compute_results(data, model) for data, model in zip(loaded, chosen, strict=True)]
    first, second = results
    comparison = compare(first, second, _paired(results, loaded))
    if out:
        path = Folder(out).local
        if path is None:
            raise UserError(f"A comparison is written to a local file, got --out {out}.")
        Folder(str(path.parent)).write(path.name, csv(comparison.cells, POINTS))
    labels = [_label(run, each) for run, each in zip(both, results, strict=True)]
    return comparison_text(comparison, labels, _notes(loaded, results))


def _paired(results: Sequence[Results], loaded: Sequence[RunData]) -> pd.DataFrame | None:
    """The paired differences of two results; None if they report different splits or use different references."""
    first, second = results
    if first.space.evaluate != second.space.evaluate or first.matrix.reference != second.matrix.reference:
        return None
    sides = [Side(data, result.model) for data, result in zip(loaded, results, strict=True)]
    return paired_differences(sides[0], sides[1], first.matrix.reference)


def _notes(loaded: Sequence[RunData], results: Sequence[Results]) -> list[str]:
    """What could not be read of the two, in the sentences of their reports; once about the records of one run."""
    outcomes = [f"{name}: {text}" for name, each in zip("ab", results, strict=True) for text in item_notes(each)]
    if loaded[0] is loaded[1]:
        return [*outcomes, *damage_notes(loaded[0])]
    records = [f"{name}: {text}" for name, data in zip("ab", loaded, strict=True) for text in damage_notes(data)]
    return [*outcomes, *records]


def _place(run: str) -> str:
    """The place of a run folder, however it is written."""
    local = Folder(run).local
    return str(local.resolve()) if local else run.rstrip("/")


def _label(run: str, results: Results) -> str:
    num = len(results.seeds_done)
    return f"{run} ({results.model}, {results.space.evaluate} split, {num} seed{'' if num == 1 else 's'})"


def comparison_text(comparison: Comparison, labels: Sequence[str], notes: Sequence[str] = ()) -> str:
    """The cells in points, with what only one of the two has, and notes about them."""
    lines = [
        f"a: {labels[0]}",
        f"b: {labels[1]}",
        "Differences are b - a (a - b for a loss) in points ± half width of the 95 % interval; positive: b is better.",
        _pairing(comparison),
        _summary(comparison),
        "",
        markdown(
            ["recipe", "target", "score a", "score b", "b - a", "gain a", "gain b", "gain b - gain a", "q of gains"],
            [_row(row) for _, row in comparison.cells.iterrows()],
        ),
    ]
    for label, names in (("a", comparison.only_a), ("b", comparison.only_b)):
        if names:
            lines.append(f"Only {label} has: {', '.join(names)}.")
    return "\n".join([*lines, *notes])


def _pairing(comparison: Comparison) -> str:
    """Whether the intervals compare the same seeds and items."""
    num, num_scores, num_gains = (
        len(comparison.cells),
        int(comparison.cells["is_score_paired"].sum()),
        int((comparison.cells["is_gain_paired"] & comparison.cells["gain_difference"].notna()).sum()),
    )
    if not num_scores:
        return "Intervals treat a and b as independent; they are too wide if both used the same seeds and items."
    gains = int(comparison.cells["gain_difference"].notna().sum())
    text = (
        f"Paired on the same seeds and items: {num_scores} of {num} scores and {num_gains} of {gains} gains. Their "
        "intervals are those of contrasts."
    )
    if num_scores == num and num_gains == gains:
        return text
    return f"{text} Other intervals treat a and b as independent."


def _row(row: "pd.Series[float]") -> list[str]:
    return [
        *(str(row["recipe"]), str(row["target"])),
        *(points(float(row[name])) for name in ("score_a", "score_b")),
        gain_text(float(row["score_difference"]), float(row["score_low"]), float(row["score_high"])),
        *(gain_text(float(row[name]), float("nan"), float("nan")) for name in ("gain_a", "gain_b")),
        gain_text(float(row["gain_difference"]), float(row["low"]), float(row["high"])),
        p_text(float(row["q"]), "q").removeprefix("q ").removeprefix("= ") or "–",
    ]


def _summary(comparison: Comparison) -> str:
    """How many gains differ, and what q and a dash mean."""
    q = comparison.cells["q"].dropna()
    if q.empty:
        return 'No difference of gains can be tested; "–": no value.'
    return (
        f"{int((q < LEVEL).sum())} of {len(q)} gains differ (q < {LEVEL}; q tests gain b - gain a and is corrected for "
        'the number of cells; "–": no value, or no test).'
    )
