"""The length of examples, measured by `sweeper pace`, in place of the length that a plan assumes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean

from sweeper.plan.measurement import Rates, length_key
from sweeper.plan.tokens import FILLED_SHARE
from sweeper.plan.units import Unit
from sweeper.space import Space


def with_lengths(rates: Rates, space: Space, unit: Unit, lengths: Mapping[str, float]) -> Rates:
    """The rates of a unit in planned tokens, which have the assumed length, instead of real tokens.

    The tasks of a mixture count equally.
    """
    training, scoring = training_keys(unit), scoring_keys(space, unit)
    trained = _ratio(training, lengths)
    scored = _ratio(scoring, lengths) if unit.targets else trained
    if unit.trains and unit.stage.training.cap_tokens:
        training, trained = [], 1.0  # the number of tokens is given
    is_measured = all(key in lengths for key in (*training, *scoring))
    return replace(
        rates,
        training=rates.training / trained,
        evaluation=rates.evaluation / scored,
        assumed=rates.assumed if is_measured else rates.assumed | {"lengths"},
    )


def training_keys(unit: Unit) -> list[str]:
    """The keys of the tasks that a unit trains on."""
    if not unit.trains:
        return []
    return [length_key(task, unit.stage.training.max_length, trains=True) for task in unit.stage.tasks]


def scoring_keys(space: Space, unit: Unit) -> list[str]:
    """The keys of the targets that a unit reads: their training data for predictors, else their evaluation data."""
    trains = unit.kind == "predict"
    tasks = {t.task: space.task(t.task).training_task if trains else t.task for t in unit.targets}
    return [length_key(tasks[t.task], t.training.max_length, trains=trains) for t in unit.targets]


def _ratio(keys: Iterable[str], lengths: Mapping[str, float]) -> float:
    """Real tokens for each planned token; 1 if nothing was measured."""
    measured = [lengths[key] for key in keys if key in lengths]
    return fmean(measured) / FILLED_SHARE if measured else 1.0
