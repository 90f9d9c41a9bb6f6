"""The strongest findings of a model, as sentences that claim no more than the data support."""

import pandas as pd

from ..results.estimates import Estimate, cell_estimates, is_summarised, mean_estimates
from ..results.matrix import entry
from ..results.results import Results
from .planted import planted_finding

NUM_FINDINGS = 3


def strongest_findings(results: Results) -> list[str]:
    """At most three findings: the largest gain, the largest loss, the best recipe on average.

    In a synthetic world, the comparison with the planted gains comes first.

    Cells with the same rows and cells that lack languages are left out.
    """
    table = mean_estimates(results.estimates)
    estimates = cell_estimates(table[is_summarised(table)])
    if not estimates:
        reference = results.matrix.reference_words
        return [f"There is no gain yet: no cell has a score and one of {reference} with the same seed."]
    gains = {cell: estimate.gain for cell, estimate in estimates.items()}
    best, worst = max(gains, key=gains.__getitem__), min(gains, key=gains.__getitem__)
    named = [("smallest loss" if is_loss(gains[best]) else "largest gain", best)]
    if worst != best:
        named.append(("largest loss" if is_loss(gains[worst]) else "smallest gain", worst))
    # A cell that is left out may have a larger gain, which the matrix shows.
    is_partial = len(estimates) < int(table["gain"].count())
    scope = " outside cells with the same rows and incomplete cells" if is_partial else ""
    sentences = [_cell_finding(f"{name}{scope}", estimates[cell], results) for name, cell in named]
    best_recipe = _best_recipe_finding(results, estimates)
    findings = [planted_finding(results.planted)] if results.planted else []
    findings += [*sentences, best_recipe] if best_recipe else sentences
    return findings[:NUM_FINDINGS]


def is_loss(gain: float) -> bool:
    """Whether a gain, a fraction of 1, is negative as a report shows it. A difference of equal means may be -1e-17."""
    return round(100 * gain, 1) < 0


def _cell_finding(name: str, estimate: Estimate, results: Results) -> str:
    matrix, target = results.matrix, estimate.target
    base = entry(matrix.scores, (matrix.reference, target))
    finding = (
        f"The {name} is {100 * estimate.gain:+z.1f} points: `{estimate.recipe}` on `{target}` "
        f"({100 * estimate.score:.1f}, against {100 * base:.1f} for {matrix.reference_words}). {_certainty(estimate)}"
    )
    if any(level.target == target and level.verdict != "above" for level in results.targets):
        finding += f" On `{target}`, {matrix.reference_words} itself is not clearly above the trivial score."
    return finding


def _certainty(estimate: Estimate) -> str:
    if not estimate.basis.startswith("seeds"):
        return {
            "one seed": "There is one seed, so that the variation between seeds is unknown.",
            "bimodal": "Its seeds or those of the reference form two groups, so that it has no interval.",
            "equal differences": f"All {estimate.num_seeds} seeds have this gain, so that their variation is unknown.",
        }.get(estimate.note, "It has no interval.")
    summary = "" if estimate.is_significant else ", so that the gain cannot be distinguished from no effect"
    items = f" and {estimate.num_items:,} items" if estimate.num_items else ""
    return (
        f"The 95 % interval over {estimate.num_seeds} seeds{items} is {100 * estimate.low:+z.1f} to "
        f"{100 * estimate.high:+z.1f} (p = {estimate.p:.3f}; {estimate.q:.3f} after correction for the number of "
        f"cells{summary})."
    )


def _best_recipe_finding(results: Results, estimates: dict[tuple[str, str], Estimate]) -> str:
    """The recipes with the highest and the lowest mean gain; "" with fewer than two recipes or targets."""
    targets = results.row_means.attrs["targets"]
    means = results.row_means[results.row_means["unit"] == "score"]
    means = means.sort_values("gain", ascending=False, kind="stable")
    if len(targets) < 2 or len(means) < 2:
        return ""
    best, last = means.iloc[0], means.iloc[-1]
    num_positive = sum(estimates[best["recipe"], target].gain > 0 for target in targets)
    return (
        f"On average over the {len(targets)} targets on which every recipe has a gain and none trains on the same "
        f"rows, `{best['recipe']}` has the highest gain with {100 * best['gain']:+z.1f} points{_interval(best)}, "
        f"positive on {num_positive} of them; `{last['recipe']}` has the lowest with {100 * last['gain']:+z.1f}."
    )


def _interval(mean: "pd.Series[float]") -> str:
    """The interval of a mean, in parentheses."""
    num = int(mean["num_seeds"])
    if pd.isna(mean["low"]):
        return " (one seed)" if num == 1 else f" ({num} seeds, no interval)"
    return f" (95 % interval {100 * mean['low']:+z.1f} to {100 * mean['high']:+z.1f} over {num} seeds)"
