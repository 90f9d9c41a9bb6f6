"""XTREME's and XTREME-R's own means out of a matrix: a task over its languages, a group over its tasks, and overall."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.scoring.scorers import SCORERS, fits_on_dev
from sweeper.space import Space, Target
from sweeper.tasks.benchmarks import BENCHMARKS, Benchmark, Entry
from sweeper.tasks.spec import Task

from .load import CLEAN, Study

OVERALL = "overall"
AS_PUBLISHED = ("layer", "pooling", "similarity")
"""What decides a score of a target that trains nothing; the benchmarks' own are the defaults of `Target`."""
ONE_POOL = (
    "scored on one half of its gold pairs with a threshold fitted on the other, where the published one is fitted on "
    "dev pools of their own"
)


@dataclass(frozen=True, kw_only=True)
class Means:
    """One benchmark's means of one model."""

    benchmark: Benchmark
    tasks: pd.DataFrame
    """Recipes x tasks that stand for the benchmark's, in fractions of 1: mean over the published languages, then over
    seeds; nan where a language is missing or the column is measured in another way."""
    groups: pd.DataFrame
    """Recipes x groups, then `overall`: means of tasks, nan unless every one is there."""
    short: tuple[str, ...]
    """What does not count as the benchmark's task, and why: `pos: 20 of 33 languages`."""

    @property
    def shown(self) -> pd.DataFrame:
        """The columns of `groups` that any row has."""
        return self.groups.dropna(axis="columns", how="all")


def benchmark_means(study: Study, model: str) -> list[Means]:
    """The means of each benchmark that the run has a task of.

    The overall mean is that of all tasks, not of the groups, as in XTREME's `evaluate.py`; for question answering the
    mean of (EM + F1) / 2 over languages equals the half sum of its two means.
    """
    table = study.table
    table = table[table["main"] & (table["condition"] == CLEAN) & (table["model"] == model)]
    return [_means(one, table, study.space) for one in BENCHMARKS if _num_columns(one, study.space)]


def telling_means(study: Study, model: str) -> list[Means]:
    """Those of `benchmark_means` that are worth showing: of tasks in two benchmarks a run of one has some of each.

    A benchmark is shown if any row has a whole group of it, and so is the one with the most columns of the run.
    """
    found = benchmark_means(study, model)
    most = max(found, key=lambda one: _num_columns(one.benchmark, study.space), default=None)
    return [one for one in found if one is most or not one.shown.empty]


def _num_columns(benchmark: Benchmark, space: Space) -> int:
    return sum(column_of(entry, space) is not None for entry in benchmark.entries)


def left_out(space: Space, target: Target) -> Iterator[str]:
    """A phrase for each limit that keeps published items out of a column's evaluation."""
    cap = target.eval_cap or space.eval_cap
    if cap is not None:
        yield f"scored on at most {cap:,} items a language (eval_cap)"
    if target.distractors is not None:
        yield f"scored with {target.distractors:,} distractors, where the published pools are whole"
    task = space.task(target.task)
    if SCORERS[task.scorer].fits_threshold and not fits_on_dev(task):
        yield ONE_POOL


def departures(space: Space, target: Target) -> Iterator[str]:
    """A phrase for each way in which a column's scores are not the benchmark's, however its encoder was trained."""
    yield from left_out(space, target)
    task = space.task(target.task)
    yield from (entry.departs for entry in (task, *_pool(space, task)) if entry.departs)
    if task.training_task:
        return
    usual = Target(task=target.task)
    for name in AS_PUBLISHED:
        own, published = getattr(target, name), getattr(usual, name)
        if own != published:
            yield f"scored with {name} {_plain(own)}, as published {_plain(published)}"


def _pool(space: Space, task: Task) -> list[Task]:
    """The task of the candidates that a ranking task's queries search."""
    return [space.task(task.pool)] if task.pool else []


def column_of(entry: Entry, space: Space) -> Target | None:
    """The column that stands where a benchmark has this task: the task itself, or else a stand-in."""
    columns = {target.task: target for target in space.targets}
    return next((columns[name] for name in (entry.name, *entry.substitutes) if name in columns), None)


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


def _means(benchmark: Benchmark, table: pd.DataFrame, space: Space) -> Means:
    recipes = [recipe.name for recipe in space.recipes]
    short = dict(_short(benchmark, table, space))
    table = table[~table["target"].isin(list(short))]
    scores = {entry: _task_mean(entry, table[table["target"] == entry.name]) for entry in benchmark.entries}
    tasks = pd.DataFrame({entry.name: mean.reindex(recipes) for entry, mean in scores.items()}, index=recipes)
    parts = {name: [entry.name for entry in entries] for name, entries in benchmark.groups.items()}
    parts[OVERALL] = list(tasks.columns)
    groups = pd.DataFrame({name: tasks[names].mean(axis=1, skipna=False) for name, names in parts.items()})
    return Means(
        benchmark=benchmark,
        tasks=tasks,
        groups=groups,
        short=tuple(f"{name}: {reason}" for name, reason in short.items()),
    )


def _task_mean(entry: Entry, rows: pd.DataFrame) -> "pd.Series[float]":
    """Recipe -> mean over the published languages, then over the seeds that have all of them."""
    rows = rows[rows["language"].isin(entry.languages)]
    seeds = rows.groupby(["recipe", "seed"], dropna=False)["value"].agg(["mean", "count"])
    whole = seeds.loc[seeds["count"] == len(entry.languages), "mean"]
    return whole.groupby("recipe").mean()


def _short(benchmark: Benchmark, table: pd.DataFrame, space: Space) -> Iterator[tuple[str, str]]:
    """Each task that does not count, and why."""
    for entry in benchmark.entries:
        held = set(table.loc[table["target"] == entry.name, "language"]) & set(entry.languages)
        column = column_of(entry, space)
        if column is None:
            yield entry.name, "no column of this run"
        elif column.task != entry.name:
            yield entry.name, ", ".join([f"{column.task} stands in", *departures(space, column)])
        elif others := list(departures(space, column)):
            yield entry.name, ", ".join(others)
        elif len(held) < len(entry.languages):
            yield entry.name, f"{len(held)} of {len(entry.languages)} languages"


def mean_rows(found: Means) -> list[list[object]]:
    """A row a recipe: its group means and the overall one in points, a dash where a task or language is missing."""
    return [
        [recipe, *("–" if np.isnan(value) else f"{100 * value:.1f}" for value in row)]
        for recipe, row in zip(found.shown.index, found.shown.to_numpy(), strict=True)
    ]
