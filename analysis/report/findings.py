"""The strongest findings of a model, as sentences that claim no more than the data support."""

import math

import pandas as pd

from ..results.correlate import comparable_targets
from ..results.matrix import Cell, Matrix, entry
from ..results.results import Results
from ..results.significance import CellTest
from ..results.stats import MIN_SEEDS
from .planted import planted_finding

NUM_FINDINGS = 3


def strongest_findings(results: Results) -> list[str]:
    """At most three findings: the largest gain, the largest loss, the best recipe on average.

    In a synthetic world, the comparison with the planted gains comes first.

    Cells with the same rows and cells that lack languages are left out. With fewer than three seeds, the
    sentences describe the seeds and make no claim of significance.
    """
    matrix = results.matrix
    gains = matrix.summarised
    cells = {(recipe, target): entry(gains, (recipe, target)) for recipe in gains.index for target in gains.columns}
    cells = {cell: gain for cell, gain in cells.items() if not math.isnan(gain)}
    if not cells:
        return [f"There is no gain yet: no cell has a score and one of {matrix.reference_words} with the same seed."]
    best, worst = max(cells, key=cells.__getitem__), min(cells, key=cells.__getitem__)
    named = [("smallest loss" if is_loss(cells[best]) else "largest gain", best)]
    if worst != best:
        named.append(("largest loss" if is_loss(cells[worst]) else "smallest gain", worst))
    # A cell that is left out may have a larger gain, which the matrix shows.
    is_partial = int(gains.count().sum()) < int(matrix.gains.loc[matrix.recipes].count().sum())
    scope = " outside cells with the same rows and incomplete cells" if is_partial else ""
    sentences = [_cell_finding(f"{name}{scope}", cell, results) for name, cell in named]
    best_recipe = _best_recipe_finding(matrix, gains)
    findings = [planted_finding(results.planted)] if results.planted else []
    findings += [*sentences, best_recipe] if best_recipe else sentences
    return findings[:NUM_FINDINGS]


def is_loss(gain: float) -> bool:
    """Whether a gain, a fraction of 1, is negative as a report shows it. A difference of equal means may be -1e-17."""
    return round(100 * gain, 1) < 0


def _cell_finding(name: str, cell: Cell, results: Results) -> str:
    matrix, test = results.matrix, results.tests[cell]
    recipe, target = cell
    base, score = entry(matrix.scores, (matrix.reference, target)), entry(matrix.scores, cell)
    finding = (
        f"The {name} is {100 * test.interval.mean:+z.1f} points: `{recipe}` on `{target}` "
        f"({100 * score:.1f}, against {100 * base:.1f} for {matrix.reference_words}). {_certainty(test)}"
    )
    if any(level.target == target and level.verdict != "above" for level in results.targets):
        finding += f" On `{target}`, {matrix.reference_words} itself is not clearly above the trivial score."
    return finding


def _certainty(test: CellTest) -> str:
    interval = test.interval
    if interval.n == 1:
        return "There is one seed, so that the variation between seeds is unknown."
    if interval.n < MIN_SEEDS or math.isnan(interval.p):
        return (
            f"{test.num_agreeing} of {interval.n} seeds have this sign (standard deviation {100 * interval.sd:.1f}); "
            "there are too few seeds for a claim of significance."
        )
    summary = "" if test.is_significant else ", so that the gain cannot be distinguished from no effect"
    return (
        f"The 95 % interval over {interval.n} seeds is {100 * interval.low:+z.1f} to {100 * interval.high:+z.1f} "
        f"(p = {interval.p:.3f}; {test.q:.3f} after correction for the number of cells{summary})."
    )


def _best_recipe_finding(matrix: Matrix, gains: pd.DataFrame) -> str:
    """The recipes with the highest and the lowest mean gain; "" with fewer than two recipes or targets."""
    targets = list(comparable_targets(gains))
    if len(targets) < 2 or len(gains) < 2:
        return ""
    means = gains[targets].mean(axis=1).sort_values(ascending=False, kind="stable")
    best, last = str(means.index[0]), str(means.index[-1])
    num_positive = sum(entry(gains, (best, target)) > 0 for target in targets)
    return (
        f"On average over the {len(targets)} targets on which every recipe has a gain and none trains on the same "
        f"rows, `{best}` has the highest gain with {100 * means.iloc[0]:+z.1f} points"
        f"{_seed_range(matrix, best, targets)}, positive on {num_positive} of them; "
        f"`{last}` has the lowest with {100 * means.iloc[-1]:+z.1f}."
    )


def _seed_range(matrix: Matrix, recipe: str, targets: list[str]) -> str:
    """The lowest and the highest mean gain of a seed, in parentheses."""
    rows = matrix.seed_gains[(matrix.seed_gains["recipe"] == recipe) & matrix.seed_gains["target"].isin(targets)]
    by_seed = rows.pivot(index="seed", columns="target", values="gain").dropna().mean(axis=1)
    if len(by_seed) < 2:
        return " (one seed)"
    return f" ({100 * by_seed.min():+z.1f} to {100 * by_seed.max():+z.1f} over {len(by_seed)} seeds)"
