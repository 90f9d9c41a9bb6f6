"""Contrasts: estimate, standard error, interval and corrected p of each planned comparison of a space."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import compress

import numpy as np
import pandas as pd

from sweeper.space import CLEAN, Claim, Contrast, Slope
from sweeper.space.contrast_check import Names

from .chance import AT_CHANCE, CleanScores, clean_scores
from .contrast_items import ItemVariance, item_variances
from .contrast_seeds import SeedScores, SeedVariance, by_score, related_recipes, scores_of_seeds, seed_variance
from .contrast_sums import WeightedSum, weighted_sums
from .item_part import combined
from .load import RunData
from .measured_covariates import measured_covariates
from .stats import CONFIDENCE, t_intervals

COLUMNS = (
    *("family", "contrast", "model", "target", "language", "covariate", "covariate_unit", "unit", "targets"),
    *("languages", "estimate", "num_seeds", "num_items", "se_seed", "se_item", "se", "df", "low", "high", "p"),
    *("p_holm", "basis", "note"),
)
"""Columns of the table of contrasts. target and language are empty for means, `targets` and `languages` have the names
that the mean includes, separated by spaces. covariate_unit is the unit of the covariate of a slope. unit is "points",
or the score or headroom of a recipe in percent. estimate, standard errors and bounds are fractions of 1, or fractions
of 1 for each unit of the covariate. p_holm is corrected for the number of tested estimates of the family (Holm 1979); p
and p_holm are nan for an estimate that is not tested (`UNTESTED_NOTES`). The words of `basis` and `note` are those of
`estimates`, and a note can be the reason why there is no estimate. A language can have the note "fewer targets, no
outcomes"."""
UNTESTED_NOTES = ("no seed", "one seed", AT_CHANCE, "lacks seeds", "lacks languages")
"""Notes of estimates with an interval that are not tested: no score depends on a seed, the variation between seeds is
unknown, the clean score of a recipe under a condition is at chance (`CleanScores.is_at_chance`), seeds of the space
lack a score, or a target lacks languages that the contrast names. A test that is repeated after each seed finds more
than its share."""
FEWER_TARGETS = "fewer targets"
"""Note of a contrast for each language in a language that some of its targets lack."""
CLAIM_COLUMNS = ("claim", "model", "contrasts", "smallest", "p", "p_holm", "holds")
"""Columns of the table of claims. smallest is the estimate of the contrast with the largest p, p the largest one-sided
p of its contrasts (intersection-union test, Berger 1982); nan if a contrast is not tested. p_holm is p corrected for
the number of tested claims of the space, each with each of its models (Holm 1979)."""


def contrast_table(data: RunData, contrasts: Sequence[Contrast] | None = None) -> pd.DataFrame:
    """Contrasts, by default those of the space: a row for each weighted sum, with COLUMNS, in the order of the space.

    The estimate is the mean over seeds of the weighted sum of scores. Its interval is about new seeds and new items,
    for these recipes, models, targets and languages.
    """
    scores, seedless = scores_of_seeds(data)
    chosen = data.space.contrasts if contrasts is None else contrasts
    planned = weighted_sums(data.space, scores, chosen, measured_covariates(data, chosen))
    recipes = [recipe.name for recipe in data.space.recipes]
    arrays = SeedScores(by_score(scores), seedless, recipes, related_recipes(data.space))
    complete = [~np.isnan(arrays.by_seed(weighted.weights)) for weighted in planned]
    items = item_variances(data, planned, [set(compress(data.space.seeds, has_all)) for has_all in complete])
    names, clean = data.space.contrast_names(), clean_scores(data)
    notes = [AT_CHANCE if _is_at_chance(weighted, clean) else "" for weighted in planned]
    rows = [_row(*each, arrays=arrays, names=names) for each in zip(planned, items, notes, strict=True)]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("low", "high", "p", "p_holm")])
    table = table.astype(dict.fromkeys(("estimate", "se_seed", "se_item", "se", "df"), float))
    table["low"], table["high"], table["p"] = t_intervals(table["estimate"], table["se"], table["df"])
    table["p"] = table["p"].mask(table["note"].isin(UNTESTED_NOTES))
    table["p_holm"] = table.groupby("family", group_keys=False)["p"].transform(holm) if len(table) else table["p"]
    return table[list(COLUMNS)]


def claim_table(claims: Sequence[Claim], contrasts: pd.DataFrame) -> pd.DataFrame:
    """The claims of a space for each model, with CLAIM_COLUMNS.

    A claim holds if its p, corrected for the number of rows, is below half of the level of the intervals. It is not
    corrected for the number of contrasts, because all of them must have the claimed sign.
    """
    rows = []
    for claim in claims:
        evaluated = contrasts[contrasts["contrast"].isin(claim.contrasts)]
        # A contrast whose terms name their models belongs to every model.
        is_shared = evaluated["model"] == ""
        for model in list(dict.fromkeys(evaluated.loc[~is_shared, "model"])) or [""]:
            group = evaluated[is_shared | (evaluated["model"] == model)]
            sign = 1.0 if claim.sign == "positive" else -1.0
            one_sided = np.where(sign * group["estimate"] > 0, group["p"] / 2, 1 - group["p"] / 2)
            is_complete = len(set(group["contrast"])) == len(set(claim.contrasts)) and not np.isnan(one_sided).any()
            p = float(one_sided.max()) if is_complete else np.nan
            weakest = group["estimate"].iloc[int(np.argmax(one_sided))] if is_complete else np.nan
            rows.append((claim.name, model, " ".join(claim.contrasts), weakest, p))
    table = pd.DataFrame(rows, columns=list(CLAIM_COLUMNS[:5]))
    table["p_holm"] = holm(table["p"])
    return table.assign(holds=table["p_holm"] < (1 - CONFIDENCE) / 2)


def covariate_unit(slope: Slope | None) -> str:
    """The unit of the covariate of a slope, for example "decade of parameters"; "" without a slope."""
    return slope.unit or f"unit of {slope.covariate}" if slope else ""


def _unit(contrast: Contrast, reference: str) -> str:
    return "points" if contrast.unit == "points" else f"% of the {contrast.unit} of {reference}"


def row_labels(table: pd.DataFrame) -> list[str]:
    """The name of each row of a table of contrasts: `contrast · model · target · language`, without what is equal."""
    has_models = table.groupby("contrast")["model"].transform("nunique") > 1
    names = [table["contrast"], table["model"].where(has_models, ""), table["target"], table["language"]]
    return [" · ".join(name for name in row if name) for row in zip(*names, strict=True)]


def holm(p_values: "pd.Series[float]") -> "pd.Series[float]":
    """p values corrected for their number (Holm 1979). nan values stay nan and are not counted."""
    tested = p_values.dropna().sort_values()
    factors = np.arange(len(tested), 0, -1)
    corrected = np.minimum(np.maximum.accumulate(tested.to_numpy(dtype=float) * factors), 1.0)
    return pd.Series(corrected, index=tested.index).reindex(p_values.index)


def _is_at_chance(weighted: WeightedSum, clean: CleanScores) -> bool:
    """Whether the clean score of a recipe is at chance, which a sum has under another condition."""
    languages: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for name in weighted.weights:
        if name.condition != CLEAN:
            languages[name[:4]].append(name.language)
    return any(clean.is_at_chance(cell[:3], cell[3], names) for cell, names in languages.items())


def _minor_note(weighted: WeightedSum, *, has_item: bool) -> str:
    """The notes that do not change the test, separated by ", "."""
    notes = {FEWER_TARGETS: weighted.lacks_targets, "no outcomes": not has_item}
    return ", ".join(compress(notes, notes.values())) if weighted.weights else ""


def _row(
    weighted: WeightedSum, item: ItemVariance, chance: str, *, arrays: SeedScores, names: Names
) -> dict[str, object]:
    """A row of the table. `chance` is AT_CHANCE or empty."""
    seed = seed_variance(weighted.weights, arrays) if weighted.weights else SeedVariance(estimate=np.nan, num_seeds=0)
    note = weighted.reason or seed.note or chance or ("lacks seeds" if seed.num_seeds < arrays.num_seeds else "")
    note = note or ("lacks languages" if weighted.lacks_languages else "")
    # One seed is no test of a recipe, but its interval over items is given, as in the estimates.
    has_none = note not in ("", *UNTESTED_NOTES)
    variance, df = combined(seed.variance, seed.df, np.nan if has_none else item.variance, item.df, item.residual)
    has_seed, has_item = not np.isnan(seed.variance), not np.isnan(item.variance) or item.are_own
    se = np.nan if has_none else float(np.sqrt(variance))
    basis = "" if np.isnan(se) else " and ".join([*(["seeds"] if has_seed else []), *(["items"] if has_item else [])])
    slope = weighted.contrast.slope
    return {
        "family": weighted.contrast.family,
        "contrast": weighted.contrast.name,
        "model": weighted.model,
        "target": weighted.target,
        "language": weighted.language,
        "covariate": slope.covariate if slope else "",
        "covariate_unit": covariate_unit(slope),
        "unit": _unit(weighted.contrast, names.reference(weighted.contrast)),
        "targets": " ".join(weighted.targets),
        "languages": " ".join(weighted.languages),
        "estimate": seed.estimate,
        "num_seeds": seed.num_seeds,
        "num_items": item.num_items,
        "se_seed": float(np.sqrt(seed.variance)),
        "se_item": float(np.sqrt(item.variance)),
        "se": se,
        "df": float(df),
        "basis": basis,
        "note": note or _minor_note(weighted, has_item=has_item),
    }
