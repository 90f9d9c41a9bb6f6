"""The findings of a model, as sentences that claim no more than the estimates support."""

import math
from collections.abc import Iterator

import pandas as pd

from ..numbers import interval_text, p_text, points_text
from ..results.estimates import Estimate, cell_estimates
from ..results.load import RunData
from ..results.results import Results
from ..results.seed_part import MEAN
from ..results.stats import LEVEL
from .planted import planted_finding

MAX_NAMED = 5
"""Number of recipes that a sentence names before it counts the others."""
EXPLANATION = "The largest of many estimates is too large on average;"
"""Why named gains are corrected. The first finding that names one says it for all."""


def findings_of(data: RunData, results: Results) -> list[str]:
    """The findings of a model; of a run without any score, what its ledger has instead."""
    return [_no_scores(data)] if data.table.empty else strongest_findings(results)


def _no_scores(data: RunData) -> str:
    failed, num = data.failed, len(data.damaged)
    reason = f" {len(failed)} of them failed; the first reason is: {failed[0].reason}" if failed else ""
    damaged = f" {num} record{'s are' if num > 1 else ' is'} damaged: {data.damaged[0]}" if num else ""
    return (
        f"Nothing is known yet: the run has no {data.space.evaluate} score of a replicate. Its ledger has "
        f"{len(data.trainings)} trainings.{reason}{damaged} `sweeper run` has to score the baseline on one target "
        "first."
    )


def damage_notes(data: RunData) -> tuple[str, ...]:
    """A sentence about damaged records; nothing without any."""
    if not data.damaged:
        return ()
    reason, more = ("they", f" and {len(data.damaged) - 1} more") if len(data.damaged) > 1 else ("it", "")
    return (
        f"Left out because {reason} cannot be read: {data.damaged[0].rstrip('.')}{more}. `sweeper run` sets damaged "
        "records aside and runs their trials again.",
    )


def strongest_findings(results: Results) -> list[str]:
    """The findings of a model: how much is known, the largest gain and loss, the best recipes on average.

    In a synthetic world, the comparison with the planted gains comes first. Cells with the same rows and cells that
    lack languages are left out. The named gains are given with their interval and with the value that is expected after
    the correction for being the largest of many. Recipes are called best only together with all that cannot be
    distinguished from them.
    """
    cells = [estimate for estimate in cell_estimates(results.estimates).values() if _is_summarised(estimate)]
    if not cells and not results.matrix.reference:
        return ["There is no gain, because the space has no baseline: only scores can be compared."]
    if not cells:
        return [
            f"There is no gain yet: no cell has a score and one of {results.matrix.reference_words} with the same seed."
        ]
    findings = [planted_finding(results.planted)] if results.planted else []
    findings += [_settled(cells), _largest_gain(max(cells, key=lambda cell: cell.gain), results)]
    worst = min(cells, key=lambda cell: cell.gain)
    if worst.is_settled and worst.gain < 0:
        findings.append(_named("The largest loss is", worst, results))
    return [*findings, *_best_recipes(results)]


def _is_summarised(estimate: Estimate) -> bool:
    return not math.isnan(estimate.gain) and not estimate.has("same rows") and not estimate.has("lacks languages")


def _settled(cells: list[Estimate]) -> str:
    """How many gains are known to differ from 0."""
    tested = [cell for cell in cells if not math.isnan(cell.q)]
    if not tested:
        return f"No gain can be tested: {_reason(cells)}"
    found = [cell for cell in tested if cell.is_significant]
    gains = sum(cell.gain > 0 for cell in found)
    losses = len(found) - gains
    counts = f"{gains} {_plural('gain', gains)} and {losses} {_plural('loss', losses)}"
    names = [f"`{cell.recipe}` on `{cell.target}`" for cell in sorted(found, key=lambda cell: cell.q)]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    named = f": {', '.join(names[:MAX_NAMED])}{more}" if names else ""
    sentence = (
        f"Of {len(tested)} cells, {counts} differ from 0 (q < {LEVEL}, corrected for the number of cells){named}."
    )
    untested = len(cells) - len(tested)
    if untested:
        sentence += f" {untested} further {_plural('cell', untested)} cannot be tested: {_reason(cells)}"
    return sentence


def _reason(cells: list[Estimate]) -> str:
    """Why cells have no test, as a sentence."""
    notes = {cell.note for cell in cells if math.isnan(cell.q)} - {""}
    reasons = {
        "one seed": "one seed does not show how much scores vary between seeds",
        "bimodal": "the seeds form two groups, as after collapsed trainings",
        "equal differences": "the gains of all seeds are equal, so that their variance is unknown",
        "no reference": "the reference has no score with the same seed",
        "incomplete": "seeds of the cell or of its reference are missing",
    }
    named = [reasons[note] for note in reasons if note in notes]
    return f"{'; '.join(named) or 'there is no interval'}."


def _largest_gain(cell: Estimate, results: Results) -> str:
    """Sentences about the cell with the largest gain, which may be a loss or 0."""
    if cell.gain > 0:
        return _named("The largest gain is", cell, results, EXPLANATION)
    return _named("No recipe gains on any target; the smallest loss is", cell, results, EXPLANATION)


def _named(introduction: str, cell: Estimate, results: Results, explanation: str = "") -> str:
    """A sentence about one cell, which was named because it is the largest. A loss is named by its negative gain."""
    sentence = f"{introduction} {points_text(cell.gain)} points{interval_text(cell.low, cell.high)}: "
    sentence += f"`{cell.recipe}` on `{cell.target}`{_test_text(cell)}."
    sentence += _corrected_text(results, cell.recipe, cell.target, explanation)
    if cell.note == "bimodal":
        sentence += " Its seeds are bimodal: look at each of them."
    if cell.at_chance and cell.gain > 0:
        sentence += (
            f" On `{cell.target}`, {results.matrix.reference_words} itself is not above the trivial score, so that the "
            "gain may show that the task was learned at all, and not transfer."
        )
    return sentence


def _corrected_text(results: Results, recipe: str, target: str, explanation: str = "") -> str:
    """A gain corrected for selection, after an `explanation`; "" if it is unknown."""
    rows = results.leaders.rows
    row = rows[(rows["target"] == target) & (rows["recipe"] == recipe)]
    corrected = float(row["corrected"].iloc[0]) if len(row) else math.nan
    if math.isnan(corrected):
        return ""
    return f" {f'{explanation} c' if explanation else 'C'}orrected for selection: {points_text(corrected)}."


def _test_text(cell: Estimate) -> str:
    """The p of a cell in parentheses."""
    if math.isnan(cell.p):
        seeds = "one seed" if cell.num_seeds == 1 else f"{cell.num_seeds} seeds"
        return f" ({seeds}, no test)"
    corrected = "" if math.isnan(cell.q) else f"; {p_text(cell.q, 'q')}"
    basis = {"items": ", for new items only", "seeds": ", for new seeds only"}.get(cell.basis, "")
    return f" ({p_text(cell.p)}{corrected}{basis})"


def _best_recipes(results: Results) -> Iterator[str]:
    """A sentence about the recipes with the highest mean gain."""
    rows, targets = results.leaders.rows, results.leaders.targets
    rows = rows[rows["target"] == MEAN]
    mean = results.row_means[results.row_means["unit"] == "score"].set_index("recipe")
    if rows.empty or len(rows) < 3:
        return
    summary = targets[targets["target"] == MEAN].iloc[0]
    best, num_targets = str(summary["best"]), len(results.row_means.attrs.get("targets", ()))
    reference = results.matrix.reference
    if best == reference:
        runner_up = str(mean["gain"].idxmax())
        yield (
            f"No recipe gains on average over the {num_targets} targets that all compared recipes have; the smallest "
            f"loss is {_mean_text(mean, runner_up)}, of `{runner_up}`."
        )
        return
    yield (
        f"On average over the {num_targets} targets that all compared recipes have, `{best}` has the highest "
        f"gain, {_mean_text(mean, best)}.{_corrected_text(results, best, MEAN)} "
        f"{_rivals(rows, best, results)}{_seeds_needed(summary, results)}"
    )


def _mean_text(mean: pd.DataFrame, recipe: str) -> str:
    """The mean gain of a recipe with its interval."""
    value, low, high = (float(number) for number in mean.loc[[recipe], ["gain", "low", "high"]].to_numpy(float)[0])
    return f"{points_text(value)} points{interval_text(low, high)}"


def _rivals(rows: pd.DataFrame, best: str, results: Results) -> str:
    """The recipes that cannot be distinguished from the best one."""
    rivals = [str(name) for name in rows.loc[rows["is_best"], "recipe"] if name != best]
    if not rivals:
        return "It is better than every other recipe at 95 %."
    names = [_in_words(name, results) for name in rivals]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"It cannot be distinguished from {', '.join(names[:MAX_NAMED])}{more} at 95 %."


def _seeds_needed(summary: "pd.Series[float]", results: Results) -> str:
    """How many further seeds would separate the two best recipes, by the interval of their difference alone."""
    needed = float(summary["seeds_needed"])
    if math.isnan(needed) or needed == 0:
        return ""
    both = " and ".join(_in_words(str(summary[name]), results) for name in ("best", "runner_up"))
    condition = f"If the difference of {both} stays at {100 * abs(float(summary['difference'])):.1f} points,"
    if math.isinf(needed):
        return f" {condition} no feasible number of further seeds would make its uncorrected 95 % interval exclude 0."
    num = int(needed)
    return (
        f" {condition} about {num} further {_plural('seed', num)} would make its uncorrected 95 % interval exclude 0; "
        "half of such repetitions would succeed."
    )


def _in_words(recipe: str, results: Results) -> str:
    return results.matrix.reference_words if recipe == results.matrix.reference else f"`{recipe}`"


def _plural(word: str, num: int) -> str:
    return word if num == 1 else "losses" if word == "loss" else f"{word}s"
