"""Names of recipes and models that a user gives, checked against the space, and names as numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.errors import UserError, unknown
from sweeper.space import Space


def check_recipe(space: Space, name: str) -> str:
    """Return `name`. If the space has no recipe of this name, raise UserError with the most similar one."""
    names = [recipe.name for recipe in space.recipes]
    if name not in names:
        raise unknown("recipe", name, names)
    return name


def check_model(space: Space, name: str) -> str:
    """Return `name`. If the space has no model of this name, raise UserError with the most similar one."""
    names = [model.name for model in space.models]
    if name not in names:
        raise unknown("model", name, names)
    return name


def one_model(space: Space, name: str) -> str:
    """The model `name`; if `name` is empty, the only model of the space. Raises UserError if the space has several."""
    if name:
        return check_model(space, name)
    names = [model.name for model in space.models]
    if len(names) > 1:
        raise UserError(f"The run has several models. Choose one with --model: {', '.join(names)}.")
    return names[0]


def positions(column: "pd.Series[Any]", names: Sequence[object]) -> npt.NDArray[np.intp]:
    """The position of each value of a column in a list; -1 for a value that is not in it, or missing."""
    places = {name: place for place, name in enumerate(names)}
    codes, distinct = pd.factorize(column)
    return np.array([*(places.get(name, -1) for name in distinct), -1], dtype=np.intp)[codes]
