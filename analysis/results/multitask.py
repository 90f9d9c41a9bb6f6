"""Recipes of several tasks against the recipes of their single tasks."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN, Space, tasks_of

from .estimates import is_summarised, mean_estimates
from .gains import directions
from .halves import splits
from .moderation import score_variances
from .seed_part import MEAN
from .stats import t_intervals

Floats = npt.NDArray[np.float64]
COLUMNS = (
    *("recipe", "target", "num_members", "num_seeds", "over_mean", "mean_low", "mean_high"),
    *("best_member", "over_best", "best_low", "best_high"),
)
"""recipe, target; the number of single-task recipes that it is compared with; `over_mean`: its score minus the mean of
its tasks, with a 95 % interval over seeds, where the score of a task is the mean of its single-task recipes;
`best_member`: the single-task recipe with the highest mean; `over_best`: its score minus that of the best member. The
best member is chosen on one half of the seeds and the difference measured on the other, both ways, mean over divisions,
because the same seeds would favour the member that was lucky."""


def multitask_gains(space: Space, seeds: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each recipe of several tasks, two or more of which have a single-task recipe, and each target of both.

    All single-task recipes of a task take part. Cells that summaries leave out do not. A bimodal row has no interval.
    `seeds` are the `scores_by_seed`, `cells` the table of estimates. The columns are COLUMNS, with differences as
    fractions of 1, positive if the recipe is better.
    """
    members = _members(space)
    means = mean_estimates(cells)
    kept = set(means.loc[is_summarised(means), ["recipe", "target"]].itertuples(index=False, name=None))
    rows = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)].dropna(subset=["score", "seed"])
    rows = rows.assign(score=rows["score"] * rows["target"].map(directions(space)).astype(float))
    comparisons = []
    for target in dict.fromkeys(means["target"]):
        wide = rows[rows["target"] == target].pivot(index="recipe", columns="seed", values="score")
        for recipe, singles in members.items():
            present = [[name for name in names if (name, target) in kept and name in wide.index] for names in singles]
            used = [names for names in present if names]
            if len(used) > 1 and (recipe, target) in kept and recipe in wide.index:
                weights = {name: 1 / (len(used) * len(names)) for names in used for name in names}
                comparisons.append((recipe, target, *_compared(wide, recipe, weights)))
    return pd.DataFrame(comparisons, columns=list(COLUMNS))


def _members(space: Space) -> dict[str, list[list[str]]]:
    """Recipe of several tasks -> for each of its tasks, the recipes whose only task it is."""
    tasks = {recipe.name: tasks_of(recipe.stages, masked=False) for recipe in space.recipes}
    return {
        recipe: [[other for other, single in tasks.items() if tuple(single) == (name,)] for name in names]
        for recipe, names in tasks.items()
        if len(names) > 1
    }


def _compared(wide: pd.DataFrame, recipe: str, weights: Mapping[str, float]) -> Iterator[object]:
    """The values of COLUMNS after recipe and target, from the scores of a target: recipes x seeds.

    `weights` are those of the single-task recipes in the mean of the tasks.
    """
    members, shares = list(weights), np.array(list(weights.values()))
    of_rows = score_variances(wide.to_numpy()[None])[:2]
    variances, df = (pd.Series(values[0], index=wide.index) for values in of_rows)
    both = wide.loc[[recipe, *members]].dropna(axis="columns")
    own_scores, member_scores = both.loc[recipe].to_numpy(), both.loc[members].to_numpy()
    num = len(own_scores)
    yield from (len(members), num)
    yield from _interval(
        float((own_scores - shares @ member_scores).mean()) if num else np.nan,
        [variances[recipe] / max(num, 1), *(variances[name] / max(num, 1) * weights[name] ** 2 for name in members)],
        [df[recipe], *(df[name] for name in members)],
    )
    best = members[int(member_scores.mean(axis=1).argmax())] if num else ""
    yield best
    yield from _interval(
        _over_best(own_scores, member_scores),
        [variances[name] / max(num, 1) for name in (recipe, best)] if best else [np.nan],
        [df[name] for name in (recipe, best)] if best else [np.nan],
    )


def _over_best(own_scores: Floats, member_scores: Floats) -> float:
    """Mean difference to the member that is best on the other half of the seeds; nan with fewer than two seeds."""
    differences = []
    for half in splits(len(own_scores)):
        for chosen_on, measured_on in ((half, ~half), (~half, half)):
            best = member_scores[:, chosen_on].mean(axis=1).argmax()
            differences.append((own_scores - member_scores[best])[measured_on].mean())
    return float(np.mean(differences)) if differences else np.nan


def _interval(mean: float, variances: Sequence[float], df: Sequence[float]) -> tuple[float, float, float]:
    """A difference and its 95 % interval (Satterthwaite 1946)."""
    parts, degrees = np.array(variances, dtype=float), np.array(df, dtype=float)
    total = parts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high, _ = t_intervals(mean, np.sqrt(total), total**2 / (parts**2 / degrees).sum())
    return mean, float(low), float(high)
