"""The covariates of slopes that a run measures: distances of texts, and the difficulty of the tasks of recipes."""

from collections.abc import Iterable

import numpy as np

from sweeper.space import Contrast
from sweeper.space.contrast import DIFFICULTIES

from .contrast_sums import Measured
from .difficulty import information_of, loss_of
from .load import RunData
from .text_distances import text_distances
from .traits import traits_of
from .trivial import preparation_levels


def measured_covariates(data: RunData, contrasts: Iterable[Contrast]) -> Measured:
    """The values of the covariates of contrasts. Those of difficulty are only computed if a contrast needs them."""
    named = {contrast.slope.covariate for contrast in contrasts if contrast.slope and contrast.slope.is_measured}
    measured = text_distances(data)
    for model in data.space.models:
        for covariate in named & set(DIFFICULTIES):
            values = _difficulty(data, model.name, covariate)
            known = {name: value for name, value in values.items() if np.isfinite(value)}
            measured |= {(covariate, model.name, target.task): known for target in data.space.targets}
    return measured


def _difficulty(data: RunData, model: str, covariate: str) -> dict[str, float]:
    """Recipe -> the difficulty of its task, in nats or in percent of the headroom; nan without it."""
    recipes = [
        recipe for recipe in data.space.recipes if recipe.name in data.space.contrast_names().measured[covariate]
    ]
    if covariate == "own_headroom":
        shares = traits_of(data, model, preparation_levels(data, model))["headroom"]
        return {recipe.name: 100 * float(shares.get(recipe.name, np.nan)) for recipe in recipes}
    if covariate == "mean_loss":
        return {recipe.name: loss_of(data, model, recipe) for recipe in recipes}
    return {recipe.name: information_of(data, model, recipe).information for recipe in recipes}
