"""Distances between the texts of recipes and of targets, from the predictors of transfer of a run."""

from sweeper.space.contrast import DISTANCES

from .load import RunData


def text_distances(data: RunData) -> dict[tuple[str, str, str], dict[str, float]]:
    """(covariate, model, target) -> recipe -> distance: 100 (1 - predictor), as the mean over seeds.

    The covariates are those of DISTANCES; empty for a space without `predictors`.
    """
    distances: dict[tuple[str, str, str], dict[str, float]] = {}
    for covariate, predictor in DISTANCES.items():
        rows = data.predictors[data.predictors["predictor"] == predictor]
        for (model, target), group in rows.groupby(["model", "target"]):
            means = 100 * (1 - group.groupby("recipe")["value"].mean())
            distances[covariate, str(model), str(target)] = {str(name): float(mean) for name, mean in means.items()}
    return distances
