"""Contrasts: estimate, standard error, interval and corrected p of each planned comparison of a space."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, compress

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN, Claim, Contrast, Slope, Space
from sweeper.space.contrast_check import Names

from .chance import AT_CHANCE, CleanScores, clean_scores
from .contrast_items import ItemVariance, item_variances
from .contrast_sums import AXES, Score, WeightedSum, weighted_sums
from .gains import directions
from .item_part import combined
from .load import RunData
from .measured_covariates import measured_covariates
from .moderation import are_bimodal, moderated, row_variances
from .stats import CONFIDENCE, are_equal, t_intervals

Floats = npt.NDArray[np.float64]
Pattern = tuple[tuple[str, str, str, float], ...]
"""Target, condition, language and weight of the scores of one recipe; the absolute weights have the sum 1."""
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


@dataclass(frozen=True, kw_only=True)
class SeedVariance:
    """A contrast over seeds: its mean, the variance of that mean, and its degrees of freedom; nan without them."""

    estimate: float
    num_seeds: int
    variance: float = np.nan
    df: float = np.nan
    note: str = ""


def scores_of_seeds(data: RunData) -> tuple[pd.DataFrame, frozenset[Score]]:
    """The scores on the main metrics: a row for each `Score`, a column for each replicate seed; more is better.

    Also returns the scores that depend on no seed. They are repeated in every column.
    """
    table = data.table[data.table["main"]]
    signs = table["target"].map(directions(data.space)).astype(float)
    table = table.assign(value=table["value"] * signs)
    wide = table[table["seed"].notna()].pivot(index=AXES, columns="seed", values="value")
    wide = wide.reindex(columns=list(data.space.seeds)).astype(float)
    fixed = table[table["seed"].isna()].set_index(AXES)["value"]
    fixed = fixed[~fixed.index.isin(wide.index)]
    repeated = pd.DataFrame(dict.fromkeys(data.space.seeds, fixed), index=fixed.index)
    return pd.concat([wide, repeated]), frozenset(Score(*name) for name in fixed.index)


def by_score(table: pd.DataFrame) -> dict[Score, Floats]:
    """The rows of `scores_of_seeds` by name: a value for each replicate seed."""
    return {Score(*name): values for name, values in zip(table.index, table.to_numpy(dtype=float), strict=True)}


def contrast_table(data: RunData, contrasts: Sequence[Contrast] | None = None) -> pd.DataFrame:
    """Contrasts, by default those of the space: a row for each weighted sum, with COLUMNS, in the order of the space.

    The estimate is the mean over seeds of the weighted sum of scores. Its interval is about new seeds and new items,
    for these recipes, models, targets and languages.
    """
    scores, seedless = scores_of_seeds(data)
    chosen = data.space.contrasts if contrasts is None else contrasts
    planned = weighted_sums(data.space, scores, chosen, measured_covariates(data, chosen))
    recipes = [recipe.name for recipe in data.space.recipes]
    arrays = SeedScores(by_score(scores), seedless, recipes, _related(data.space))
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


class SeedScores:
    """The scores of a run by seed, for sums with weights."""

    def __init__(
        self,
        scores: Mapping[Score, Floats],
        seedless: frozenset[Score],
        recipes: Sequence[str],
        related: frozenset[frozenset[str]] = frozenset(),
    ) -> None:
        self._scores = scores
        self._related = related
        self._moderated: dict[tuple[str, Pattern, bool], tuple[Floats, Floats, npt.NDArray[np.bool_]]] = {}
        self._seedless = seedless
        self.num_seeds = max(map(len, scores.values()), default=0)
        self.recipes = recipes

    def by_seed(self, weights: Mapping[Score, float]) -> Floats:
        """The weighted sum for each seed, shape (seeds,); nan if a seed lacks a score."""
        missing = np.full(self.num_seeds, np.nan)
        total = np.zeros(self.num_seeds)
        for name, weight in weights.items():
            total = total + weight * self._scores.get(name, missing)
        return total

    def fixed_rows(self, model: str, pattern: Pattern) -> npt.NDArray[np.bool_]:
        """Whether the part of each recipe depends on no seed, shape (recipes,)."""
        return np.array([self.is_seedless(_scores(model, recipe, pattern)) for recipe in self.recipes], dtype=bool)

    def moderated_rows(
        self, model: str, pattern: Pattern, cancels: bool
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Variance of the part of each recipe, its degrees of freedom, and whether its seeds are bimodal: (recipes,).

        With `cancels`, the effect of a seed on all recipes is removed. Contrasts with the same scores share the result.
        """
        key = model, pattern, cancels
        if key not in self._moderated:
            sums = np.array([self.by_seed(_scores(model, recipe, pattern)) for recipe in self.recipes])
            sums[self.fixed_rows(model, pattern)] = np.nan
            are_two = are_bimodal(sums[None])[0]
            sums[are_two] = np.nan
            variances, df = moderated(*row_variances(sums[None], cancels))
            self._moderated[key] = variances[0], df[0], are_two
        return self._moderated[key]

    def are_related(self, weights: Iterable[Score]) -> bool:
        """Whether two recipes of a sum start with the same stage, so that they share encoders of the same seed."""
        names = {name.recipe for name in weights}
        return any(pair <= names for pair in self._related)

    def is_seedless(self, weights: Iterable[Score]) -> bool:
        """Whether no score of a sum depends on a seed."""
        return self._seedless.issuperset(weights)


def _seed_note(sums: Floats, *, is_seedless: bool) -> str:
    """Why a sum has no variance over seeds; "" if it has one."""
    if is_seedless:
        return "no seed"
    if len(sums) == 1:
        return "one seed"
    if len(sums) == 0:
        return "no seed has all scores"
    return "equal differences" if are_equal(sums.min(), sums.max(), 1.0) else ""


def _related(space: Space) -> frozenset[frozenset[str]]:
    """The pairs of recipes with the same first stage."""
    return frozenset(
        frozenset((first.name, second.name))
        for first, second in combinations(space.recipes, 2)
        if first.stages and first.stages[:1] == second.stages[:1]
    )


def seed_variance(weights: Mapping[Score, float], arrays: SeedScores) -> SeedVariance:
    """The mean of a contrast over seeds, and its variance.

    The scores of a trained model under all targets, conditions and languages depend on each other, so that its part of
    the sum is computed first for each seed. The variance of that part is moderated over all recipes with the same
    scores (`moderation.moderated`), and the parts of different recipes and models are independent but for the effect of
    a seed, which is removed if their weights add up to 0. With fewer than 8 such recipes, and if two recipes of the sum
    start with the same stage and therefore share encoders, the variance is that of the sums of the seeds (Student
    1908).
    """
    sums = arrays.by_seed(weights)
    sums = sums[~np.isnan(sums)]
    num = len(sums)
    estimate = float(sums.mean()) if num else np.nan
    note = _seed_note(sums, is_seedless=arrays.is_seedless(weights))
    if note:
        return SeedVariance(estimate=estimate, num_seeds=num, note=note)
    variances, df, is_bimodal = _of_recipes(weights, arrays)
    if is_bimodal:
        return SeedVariance(estimate=estimate, num_seeds=num, note="bimodal")
    if np.isnan(variances).any() or arrays.are_related(weights):
        return SeedVariance(estimate=estimate, num_seeds=num, variance=float(sums.var(ddof=1)) / num, df=num - 1.0)
    total = float(variances.sum())
    # Satterthwaite 1946.
    degrees = total**2 / float((variances**2 / df).sum()) if total > 0 else np.nan
    return SeedVariance(estimate=estimate, num_seeds=num, variance=total / num, df=degrees)


def _of_recipes(weights: Mapping[Score, float], arrays: SeedScores) -> tuple[Floats, Floats, bool]:
    """Variance of the part of each recipe, its degrees of freedom, and whether the seeds of a part are bimodal."""
    variances: list[float] = []
    degrees: list[float] = []
    is_bimodal = False
    for (model, pattern), scales in _patterns(weights).items():
        rows = [arrays.recipes.index(recipe) for recipe in scales]
        fixed = arrays.fixed_rows(model, pattern)
        cancels = abs(sum(scales.values())) < 1e-9 and not fixed[rows].any()
        moderate, df, are_two = arrays.moderated_rows(model, pattern, cancels)
        is_bimodal |= bool(are_two[rows].any())
        for recipe, row in zip(scales, rows, strict=True):
            if not fixed[row]:
                variances.append(scales[recipe] ** 2 * moderate[row])
                degrees.append(df[row])
    return np.array(variances), np.array(degrees), is_bimodal


def _patterns(weights: Mapping[Score, float]) -> dict[tuple[str, Pattern], dict[str, float]]:
    """(model, pattern) -> recipe -> the factor of its pattern. Recipes with the same scores share a pattern."""
    by_recipe: dict[tuple[str, str], dict[tuple[str, str, str], float]] = defaultdict(dict)
    for name, weight in weights.items():
        by_recipe[name.model, name.recipe][name[2:]] = weight
    patterns: dict[tuple[str, Pattern], dict[str, float]] = defaultdict(dict)
    for (model, recipe), scored in by_recipe.items():
        ordered = sorted(scored.items())
        scale = sum(abs(weight) for weight in scored.values()) * (1.0 if ordered[0][1] > 0 else -1.0)
        pattern = tuple((*name, round(weight / scale, 12)) for name, weight in ordered)
        patterns[model, pattern][recipe] = scale
    return patterns


def _scores(model: str, recipe: str, pattern: Pattern) -> dict[Score, float]:
    return {Score(model, recipe, target, condition, name): weight for target, condition, name, weight in pattern}


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
