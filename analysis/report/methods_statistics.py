"""The statistics of gains in a run as sentences for a paper."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweeper.tasks.distances import KINDS

from ..results.estimates import mean_estimates
from ..results.language_traits import NUMBERS
from ..results.moderation import CAP
from ..results.results import Results


def statistics_sentences(results: Results) -> Iterator[str]:
    """How gains, their intervals and p values were computed."""
    cells = mean_estimates(results.estimates)
    if cells["gain"].isna().all():
        yield "No gain can be computed yet." if results.matrix.reference else "Without a baseline, there is no gain."
        return
    yield f"A gain is the difference from {results.matrix.reference_words} with the same seed."
    yield _variances(cells[cells["se_seed"].notna()])
    yield from interval_sentences(cells)
    if cells["q"].notna().any():
        yield (
            "p values of complete cells whose recipe does not train on the target's own rows are corrected for their "
            "number (Benjamini and Hochberg 1995)."
        )
    if results.correlations.recipes["rho"].notna().any() or results.correlations.targets["rho"].notna().any():
        yield (
            "Correlations between gains are Pearson correlations across disjoint halves of the seeds with permutation "
            "p."
        )
    if cells["se_seed"].notna().any():
        yield "The best recipes are those that a range test (Tukey 1953) does not distinguish from the best."
    if results.leaders.rows["corrected"].notna().any():
        yield "Named gains are corrected for selection with a spike-and-normal empirical Bayes prior."


def slope_sentences(results: Results) -> Iterator[str]:
    """How gains were related to properties of languages."""
    table = results.language_traits.slopes
    table = table[table["trait"].isin(list(NUMBERS)) & table["slope"].notna()]
    if table.empty:
        return
    traits = set(table["trait"])
    kinds = [kind for kind in KINDS if kind in traits]
    names = [f"{', '.join(kinds)} distance from English (Khan et al. 2025)"] if kinds else []
    names += [label for trait, label in NUMBERS.items() if trait in traits and trait not in KINDS]
    few, many = table["n"].min(), table["n"].max()
    num = f"{few} to {many}" if few < many else str(few)
    yield (
        "Gains of languages, adjusted for the cells that have each language, were regressed on each of the following "
        f"properties separately, with and without English, over the languages that have it (n = {num}): the "
        f"{', the '.join(names)}. Intervals of slopes are jackknife intervals over languages, and p is the "
        "permutation p of Spearman's correlation."
    )


def interval_sentences(cells: pd.DataFrame) -> Iterator[str]:
    """What the intervals of the mean estimates cover."""
    bases, has_items = cells["basis"], cells["se_item"].notna()
    kinds = np.select([bases == "seeds", bases == "items", has_items], [_SEEDS, _ITEMS, _CROSSED], default=_OWN)
    groups = cells.assign(kind=kinds)[bases != ""].groupby("kind")["target"]
    targets = {str(kind): list(dict.fromkeys(names)) for kind, names in groups}
    if not targets:
        yield "No gain has an interval."
        return
    is_sum = cells["se_seed"].notna() & cells["is_moderated"]
    yield f"95 % intervals use Student's t{f' with degrees of freedom by {SATTERTHWAITE}' if is_sum.any() else ''}."
    if (cells["se_seed"].notna() & cells["se_item"].notna()).any():
        yield "Where they cover both, intervals over seeds and over items are combined (Zou and Donner 2008)."
    for kind, names in targets.items():
        where = "Those on " + ", ".join(names) if len(targets) > 1 else "They"
        yield f"{where} cover {kind}."


SATTERTHWAITE = "Satterthwaite 1946"
_CROSSED, _OWN, _SEEDS, _ITEMS = (
    "new seeds and new items: the variance over seeds plus a paired jackknife variance over items minus the part that "
    "both contain",
    "new seeds and new items, because each seed has its own items",
    "new seeds only, because the ledger has no outcomes of items",
    "new items only, because these cells have one seed",
)
"""What intervals cover, and why."""


def _variances(cells: pd.DataFrame) -> str:
    """How the variances over seeds of the cells with an interval over seeds were estimated."""
    moderated = (
        "Variances over seeds are moderated over the recipes of a target after the common effect of each seed is "
        f"removed (Smyth 2004), with at most {CAP:g} times their own degrees of freedom"
    )
    plain = cells.loc[~cells["is_moderated"], "target"]
    if cells.empty:
        return ""
    if len(plain) == len(cells):
        return (
            "Intervals over seeds are those of paired t tests (Student 1908), because the matrix is too small for "
            "moderated variances."
        )
    if plain.empty:
        return f"{moderated}."
    freedom = sorted({int(num) - 1 for num in cells.loc[~cells["is_moderated"], "num_seeds"]})
    words = "degree" if freedom == [1] else "degrees"
    return (
        f"{moderated}; the {counted(len(plain), 'cell')} on {', '.join(dict.fromkeys(plain))} have paired t tests with "
        f"{' or '.join(map(str, freedom))} {words} of freedom instead."
    )


def counted(num: int, word: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{num} {word}" if num == 1 else f"{num} {word}s"
