"""The search trials of each study: the selection value against the value of a dial."""

from collections.abc import Iterable, Mapping

import pandas as pd

from sweeper.records.record import TrainingRecord

RATE = "learning_rate"
COLUMNS = ("study", "recipe", "task", "kind", "number", "dial", "setting", "value", "is_chosen")
"""Columns of the table of search trials, see `responses`."""


def responses(
    trainings: Iterable[TrainingRecord], chosen: Mapping[str, TrainingRecord | None], model: str
) -> pd.DataFrame:
    """One row for each finished search trial of a model, sorted by study and setting.

    Columns: study (key), recipe, task (recipe or target that is trained), kind (`prepare` or `target`), number, dial
    (the learning rate if it is searched, otherwise the first numeric dial), setting (its value), value (selection
    value) and is_chosen. Trials without a numeric dial or without a selection value are left out.

    `chosen` has the chosen search trial of each study.
    """
    rows = []
    for record in trainings:
        spec, value = record.spec, record.value
        dial = _dial(spec.dials)
        if spec.role != "search" or spec.model.name != model or value is None or not dial:
            continue
        winner = chosen.get(spec.study)
        is_chosen = winner is not None and winner.spec.dials == spec.dials
        names = (spec.study, spec.recipe, spec.task, spec.kind, spec.number)
        rows.append((*names, dial, float(spec.dials[dial]), value, is_chosen))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["kind", "task", "recipe", "study", "setting", "number"], ignore_index=True)


def _dial(dials: Mapping[str, object]) -> str:
    numeric = [name for name, value in dials.items() if isinstance(value, int | float)]
    return RATE if RATE in numeric else next(iter(numeric), "")
