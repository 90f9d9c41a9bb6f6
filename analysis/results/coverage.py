"""How complete a run is: replicate seeds of cells, languages of targets, trials of studies."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from sweeper.records.counting import race_mean
from sweeper.records.record import TrainingRecord
from sweeper.space import Search

from .load import RunData
from .matrix import Cell, Matrix, entry


@dataclass(frozen=True, kw_only=True)
class LanguageCoverage:
    """The languages of one target."""

    target: str
    scored: tuple[str, ...]
    """Languages with a score, sorted."""
    absent: tuple[str, ...]
    """Languages without a score among those of the target, or of its task if the target names none."""


@dataclass(frozen=True, kw_only=True)
class StudySummary:
    """One Optuna study: the search for the dials of one training."""

    model: str
    recipe: str
    task: str
    num_trials: int
    """Trials of the search, its rungs and its race."""
    num_failed: int
    dials: Mapping[str, object] | None
    """The chosen dials; None while no trial is done."""
    value: float | None
    """Selection value of the chosen dials, a fraction of 1: with a race, their mean value in it."""


def partial_cells(data: RunData, matrix: Matrix) -> dict[Cell, int]:
    """Cell -> its number of seeds, for cells that have scores, but not of every replicate seed.

    Cells whose scores depend on no seed (retrieval with the raw encoder) are complete with one score.
    """
    seedless = data.table.loc[data.table["seed"].isna(), ["recipe", "target"]].drop_duplicates()
    complete = set(seedless.itertuples(index=False, name=None))
    cells = product(matrix.num_seeds.index, matrix.num_seeds.columns)
    counts = {cell: int(entry(matrix.num_seeds, cell)) for cell in cells}
    return {cell: num for cell, num in counts.items() if 0 < num < len(data.space.seeds) and cell not in complete}


def language_coverage(data: RunData, model: str) -> tuple[LanguageCoverage, ...]:
    """The languages of each target, in the order of the space."""
    pairs = data.table.loc[data.table["model"] == model, ["target", "language"]].drop_duplicates()
    coverage = []
    for target in data.space.targets:
        scored = tuple(sorted(pairs.loc[pairs["target"] == target.task, "language"]))
        declared = target.languages or tuple(data.space.task(target.task).rows(data.space.evaluate))
        absent = tuple(language for language in declared if language not in scored)
        coverage.append(LanguageCoverage(target=target.task, scored=scored, absent=absent))
    return tuple(coverage)


def studies(data: RunData) -> tuple[StudySummary, ...]:
    """The studies of a run, sorted by model, recipe and task."""
    summaries = []
    for key, winner in data.chosen.items():
        trials = [record for record in data.trainings if record.spec.study == key and record.spec.role != "replicate"]
        spec = trials[0].spec
        summaries.append(
            StudySummary(
                model=spec.model.name,
                recipe=spec.recipe,
                task=spec.task,
                num_trials=len(trials),
                num_failed=sum(record.state == "failed" for record in trials),
                dials=dict(winner.spec.dials) if winner else None,
                value=_value(winner, trials, data.space.search) if winner else None,
            )
        )
    return tuple(sorted(summaries, key=lambda study: (study.model, study.recipe, study.task)))


def _value(winner: TrainingRecord, trials: list[TrainingRecord], search: Search) -> float | None:
    """The value of the chosen dials: their mean in the race; without a complete race, that of their trial."""
    raced = race_mean(winner, trials, search) if search.race else None
    return winner.value if raced is None else raced
