"""Names of recipes and models that a user gives, checked against the space, and names as numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.errors import UserError, unknown
from sweeper.space import Space

Integers = npt.NDArray[np.intp]


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


def combined_codes(codes: Sequence[Integers]) -> Integers:
    """A number for each combination of codes, which are at least 0, in the order of the codes."""
    numbers: Integers = np.ravel_multi_index(tuple(codes), [int(code.max(initial=0)) + 1 for code in codes])
    return numbers


def renumbered(numbers: Integers) -> tuple[Integers, Integers, Integers]:
    """The different numbers, ascending; the position of each number among them; the last place of each in the input.

    As `np.unique`, but without sorting the numbers, which must be at least 0 and small.
    """
    is_used = np.bincount(numbers) > 0
    new_numbers = (np.cumsum(is_used) - 1)[numbers]
    last = np.zeros(int(is_used.sum()), dtype=np.intp)
    last[new_numbers] = np.arange(len(numbers))
    return np.flatnonzero(is_used), new_numbers, last


def tuples_of(table: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as plain tuples. pandas converts string columns more slowly."""
    return table.astype(object).itertuples(index=False, name=None)


def positions(column: "pd.Series[Any]", names: Sequence[object]) -> Integers:
    """The position of each value of a column in a list; -1 for a value that is not in it, or missing."""
    places = {name: place for place, name in enumerate(names)}
    codes, distinct = pd.factorize(column)
    return np.array([*(places.get(name, -1) for name in distinct), -1], dtype=np.intp)[codes]
