"""Predictors of transfer judged on the measured matrix: how well each of them ranks the recipes of a target."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import Space

from .contrasts import holm
from .halves import MIN_N
from .seed_part import MEAN
from .stats import LEVEL, t_intervals
from .traits import CATEGORIES, TRAITS

Floats = npt.NDArray[np.float64]
BAR = "recipe mean"
"""The predictor that another one must beat: the mean gain of a recipe on the other targets."""
RETRIEVAL = "retrieval"
BY_LANGUAGE = "retrieval by language"
"""The retrieval accuracy of each prepared encoder in a language, which may predict the gains in that language."""
RANDOM = "random order"
COLUMNS = (
    *("predictor", "target", "ndcg", "regret_1", "regret_3", "n", "low", "high", "p", "seconds", "note"),
    *("p_holm", "recommended"),
)
"""The columns of the table, see `rankings`."""
MEASURED = ("logme", "h_score", "knn", "embedding", "subword_overlap")
"""Predictors that a sweep computes from forward passes of the prepared encoders (`Space.predictors`)."""


NO_LANGUAGES = pd.DataFrame(columns=["recipe", "target", "language", "main", "gain"])
Quality = tuple[float, float, float, int, str]
"""ndcg, regret_1, regret_3, n and note of a predictor on a target."""


def rankings(
    space: Space,
    gains: pd.DataFrame,
    traits: pd.DataFrame,
    measured: pd.DataFrame,
    languages: pd.DataFrame = NO_LANGUAGES,
) -> pd.DataFrame:
    """How well each predictor ranks the recipes of each target, and on average.

    `gains` are those that summaries include (recipes x targets), `traits` the `traits_of` the recipes, `measured` the
    rows of `RunData.predictors` of the model, and `languages` the `language_table`. Columns:

    - predictor, target (or `mean`: over the targets with a value), n: number of recipes, or of targets for the mean;
    - ndcg: discounted cumulative gain of the predicted order divided by that of the best order (Järvelin & Kekäläinen
      2002). The relevance of a recipe is its gain, scaled to 0 (the smallest gain) to 1 (the largest);
    - regret_1, regret_3: the largest gain minus the largest one among the first 1 or 3 recipes, as a fraction of 1;
    - low, high: for the mean, the 95 % interval over targets of the difference in ndcg to the recipe mean, on the
      recipes that both rank; nan with fewer than three targets;
    - seconds: mean cost of a predictor that the sweep computes, for one encoder and target;
    - p: two-sided, of the same difference; p_holm: corrected for the number of predictors with a p (Holm 1979). The
      random order is no candidate and has none;
    - recommended: whether `p_holm` is below 0.05 and the difference positive;
    - note: "not defined" for a target whose format has no such predictor, "fewer than 6 recipes", or "".

    No predictor is fitted to the target that it ranks: the recipe mean leaves it out, and the others need no gains. Of
    equal predictions, ndcg takes the mean over their orders, regret the worst order. "retrieval by language" ranks the
    recipes in each language by their gains in it; its values, and those of the recipe mean that it is compared with,
    are means over the languages of a target that have retrieval scores.
    """
    predictors = predictions(space, gains, traits, measured)
    seconds = measured.groupby("predictor")["seconds"].mean()
    rows: list[tuple[object, ...]] = []
    for name, values in predictors.items():
        each = [(name, target, *_quality(values[target], gains[target])) for target in gains.columns]
        rows += [(*row[:6], np.nan, np.nan, np.nan, seconds.get(name, np.nan), row[6]) for row in each]
        rows.append(_mean_row(name, each, _differences(values, predictors[BAR], gains), seconds.get(name, np.nan)))
        if name == RETRIEVAL:
            rows += _language_rows(_retrieval_targets(space, gains), gains, languages, predictors[BAR])
    table = pd.DataFrame(rows, columns=list(COLUMNS[:11]))
    table["p_holm"] = holm(table["p"])
    return table.assign(recommended=(table["p_holm"] < LEVEL) & (table["low"] > 0))


def predictions(
    space: Space, gains: pd.DataFrame, traits: pd.DataFrame, measured: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Predictor -> a value for each recipe and target (recipes x targets); higher values predict larger gains.

    The recipe mean and the mean over retrieval targets are in units of the spread of each target, without the target
    itself. The traits of a task are the same for every target; a recipe of several tasks has none.
    """
    scaled = _scaled(gains)
    retrieval = _retrieval_targets(space, gains)
    judged = {BAR: _mean_of_others(scaled, list(gains.columns))}
    if retrieval:
        judged[RETRIEVAL] = _mean_of_others(scaled, retrieval)
    for trait in TRAITS:
        if trait not in CATEGORIES and trait in traits:
            values = traits[trait].reindex(gains.index).astype(float)
            judged[trait] = pd.DataFrame(dict.fromkeys(gains.columns, values))
    for name in MEASURED if len(measured) else ():
        means = measured[measured["predictor"] == name].groupby(["recipe", "target"])["value"].mean().unstack()
        judged[name] = means.reindex(index=gains.index, columns=gains.columns).astype(float)
    judged[RANDOM] = pd.DataFrame(0.0, index=gains.index, columns=gains.columns)
    return judged


def _retrieval_targets(space: Space, gains: pd.DataFrame) -> list[str]:
    """The targets that train nothing: their scores are those of the prepared encoders."""
    return [t.task for t in space.targets if not space.task(t.task).training_task and t.task in gains.columns]


def _scaled(gains: pd.DataFrame) -> pd.DataFrame:
    """Gains (recipes x targets) with mean 0 and spread 1 on each target; nan without a spread."""
    spread = gains.std(ddof=1)
    return (gains - gains.mean()) / spread.where(spread > 0)


def _language_rows(
    retrieval: list[str], gains: pd.DataFrame, languages: pd.DataFrame, bar: pd.DataFrame
) -> list[tuple[object, ...]]:
    """The rows of "retrieval by language". `bar` has the predictions of the recipe mean.

    In a language, the order by gains on a retrieval target is that by accuracy. The target itself is left out.
    """
    frames = _gains_of_languages(languages, gains)
    predicted = {name: _mean_of_others(_scaled(frame), retrieval) for name, frame in frames.items()}
    each, differences = [], []
    for target in gains.columns:
        own = [name for name, frame in frames.items() if frame[target].notna().any()]
        qualities = [_quality(predicted[name][target], frames[name][target]) for name in own]
        each.append((BY_LANGUAGE, target, *_mean_quality(qualities)))
        by_language = [
            difference
            for name in own
            for difference in _differences(predicted[name][[target]], bar, frames[name][[target]])
        ]
        differences += [float(np.mean(by_language))] if by_language else []
    rows = [(*row[:6], np.nan, np.nan, np.nan, np.nan, row[6]) for row in each]
    return [*rows, _mean_row(BY_LANGUAGE, each, differences, np.nan)]


def _gains_of_languages(languages: pd.DataFrame, gains: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Language -> the gains in it (recipes x targets), of the cells that have one in `gains`."""
    rows = languages[languages["main"].astype(bool) & languages["gain"].notna()]
    frames = {}
    for language, part in rows.groupby("language"):
        wide = part.pivot(index="recipe", columns="target", values="gain")
        frames[str(language)] = wide.reindex(index=gains.index, columns=gains.columns).where(gains.notna())
    return frames


def _mean_quality(qualities: list[Quality]) -> Quality:
    """The mean over languages; n is the largest number of recipes in a language."""
    judged = np.array([quality[:3] for quality in qualities if not np.isnan(quality[0])])
    num = max((quality[3] for quality in qualities), default=0)
    if len(judged):
        ndcg_mean, first, three = (float(mean) for mean in judged.mean(axis=0))
        return ndcg_mean, first, three, num, ""
    notes = {quality[4] for quality in qualities} - {"", "not defined"}
    return np.nan, np.nan, np.nan, num, min(notes, default="not defined")


def ndcg(predicted: Floats, gains: Floats) -> float:
    """Normalised discounted cumulative gain of an order of n recipes, 0 to 1; nan if all gains are equal."""
    spread = gains.max() - gains.min()
    if not spread > 0:
        return float("nan")
    relevance = (gains - gains.min()) / spread
    discounts = 1 / np.log2(np.arange(len(gains)) + 2)
    # The mean over the orders of equal predictions: each has the mean relevance of its group.
    has_ties = len(np.unique(predicted)) < len(predicted)
    means = pd.Series(relevance).groupby(predicted).transform("mean").to_numpy() if has_ties else relevance
    order = np.argsort(-predicted, kind="stable")
    return float(discounts @ means[order] / (discounts @ np.sort(relevance)[::-1]))


def regret(predicted: Floats, gains: Floats, k: int) -> float:
    """The largest gain minus the largest one of the first k recipes. Of equal predictions, smaller gains come first."""
    order = np.lexsort((gains, -predicted))
    return float(gains.max() - gains[order[:k]].max())


def _mean_of_others(scaled: pd.DataFrame, targets: list[str]) -> pd.DataFrame:
    """For each target the mean over `targets` without the target itself, as far as a recipe has gains on them."""
    columns = {}
    for target in scaled.columns:
        other_targets = [name for name in targets if name != target and scaled[name].notna().any()]
        columns[target] = scaled[other_targets].mean(axis=1) if other_targets else scaled[target] * np.nan
    return pd.DataFrame(columns, index=scaled.index)


def _quality(values: "pd.Series[float]", gains: "pd.Series[float]") -> Quality:
    """ndcg, regret_1, regret_3, n and note of one predictor on one target."""
    predicted, measured = _complete(values, gains)
    if len(measured) < MIN_N:
        note = "not defined" if values.isna().all() else f"fewer than {MIN_N} recipes"
        return np.nan, np.nan, np.nan, len(measured), note
    return ndcg(predicted, measured), regret(predicted, measured, 1), regret(predicted, measured, 3), len(measured), ""


def _complete(*columns: "pd.Series[float]") -> list[Floats]:
    """Columns with the same index as arrays, without the rows in which one of them is missing."""
    values = np.array([column.to_numpy(dtype=float) for column in columns])
    return list(values[:, ~np.isnan(values).any(axis=0)])


def _differences(values: pd.DataFrame, bar: pd.DataFrame, gains: pd.DataFrame) -> list[float]:
    """For each target the ndcg of a predictor minus that of the recipe mean, on the recipes that both rank."""
    judged = []
    for target in gains.columns:
        predicted, by_bar, measured = _complete(values[target], bar[target], gains[target])
        if len(measured) >= MIN_N:
            judged.append(ndcg(predicted, measured) - ndcg(by_bar, measured))
    return [value for value in judged if not np.isnan(value)]


def _mean_row(
    name: str, each: list[tuple[str, str, float, float, float, int, str]], differences: list[float], seconds: float
) -> tuple[object, ...]:
    """The row of the means over targets."""
    known_gains = np.array([row[2:5] for row in each if not np.isnan(row[2])]).reshape(-1, 3)
    means = known_gains.mean(axis=0) if len(known_gains) else np.full(3, np.nan)
    low = high = p = np.nan
    if name != BAR and len(differences) >= 3:
        error = np.std(differences, ddof=1) / np.sqrt(len(differences))
        low, high, p = t_intervals(np.mean(differences), error, len(differences) - 1)
    if name == RANDOM:
        p = np.nan
    notes = {row[6] for row in each}
    note = "" if len(known_gains) else "not defined" if notes == {"not defined"} else f"fewer than {MIN_N} recipes"
    return (name, MEAN, *means, len(known_gains), float(low), float(high), float(p), seconds, note)
