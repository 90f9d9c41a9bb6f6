"""The means of XTREME and XTREME-R: a task over its languages, a group over its tasks, and all tasks together."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeper.scoring.scorers import SCORERS, fits_on_dev
from sweeper.space import Space, Target
from sweeper.tasks.benchmarks import BENCHMARKS, Benchmark, Entry
from sweeper.tasks.spec import Task

from .estimates import has_mark
from .gains import reference_recipe
from .load import RunData, main_scores
from .row_means import bimodal_recipes, item_parts_of_means, mean_rows, with_intervals
from .stats import adjusted

OVERALL = "overall"
AS_PUBLISHED = ("layer", "pooling", "similarity")
"""Fields that decide the score of a target that trains nothing. The benchmarks use the defaults of `Target`."""
SINGLE_POOL = (
    "scored on one half of its gold pairs with a threshold fitted on the other half, whereas the published threshold "
    "is fitted on separate dev pools"
)


@dataclass(frozen=True, kw_only=True)
class Means:
    """The means of one benchmark for one model."""

    benchmark: Benchmark
    tasks: pd.DataFrame
    """Recipes x tasks of the benchmark: mean over the published languages, then over seeds, a fraction of 1. nan if a
    language is missing or the target is not scored as published."""
    groups: pd.DataFrame
    """Recipes x groups and `overall`: means of tasks over the seeds that have all of them, nan without such a seed."""
    gains: pd.DataFrame
    """Columns group, those of `row_means.with_intervals`, and q: the same-seed gain of each recipe in a group, over the
    seeds in which the recipe and the reference have all tasks. q is corrected for the number of recipes of a group with
    all seeds of the space. `basis` states whether the interval is also about items: only if the table of estimates is
    given, and if every task of the group has outcomes and a plain mean over the scored languages."""
    excluded: tuple[str, ...]
    """The tasks that do not count, each with the reason: `pos: 20 of 33 languages`."""

    @property
    def shown(self) -> pd.DataFrame:
        """The columns of `groups` with a value for at least one recipe."""
        return self.groups.dropna(axis="columns", how="all")


def benchmark_means(
    data: RunData, model: str, against: str = "", estimates: pd.DataFrame | None = None
) -> tuple[Means, ...]:
    """The means of each benchmark that has a task among the targets of the run.

    Gains are measured against the recipe `against` (default: the baseline). `estimates` is the table of estimates of
    the model, with the item variances of its cells.

    The overall mean is that of all tasks, not of the groups, as in XTREME's `evaluate.py`. For question answering, the
    mean of (EM + F1) / 2 over languages equals half the sum of the two means.
    """
    table = main_scores(data.table)
    table = table[table["model"] == model]
    benchmarks = [benchmark for benchmark in BENCHMARKS if _num_columns(benchmark, data.space)]
    reference = reference_recipe(data.space, against)
    return tuple(_means(benchmark, table, data.space, reference, estimates) for benchmark in benchmarks)


def shown_means(means: tuple[Means, ...], space: Space) -> tuple[Means, ...]:
    """The means that a report shows: of benchmarks with a complete group, and of the one with the most targets.

    The two benchmarks have tasks in common, so that a run for one of them has some targets of the other.
    """
    largest = max(means, key=lambda mean: _num_columns(mean.benchmark, space), default=None)
    return tuple(mean for mean in means if mean is largest or not mean.shown.empty)


def _num_columns(benchmark: Benchmark, space: Space) -> int:
    return sum(column_of(entry, space) is not None for entry in benchmark.entries)


def exclusions(space: Space, target: Target) -> Iterator[str]:
    """A phrase for each limit that leaves published items out of the evaluation of a target."""
    cap = target.eval_cap or space.eval_cap
    if cap is not None:
        yield f"scored on at most {cap:,} items per language (eval_cap)"
    if target.distractors is not None:
        yield f"scored with {target.distractors:,} distractors, whereas the published pools are complete"
    task = space.task(target.task)
    if SCORERS[task.scorer].fits_threshold and not fits_on_dev(task):
        yield SINGLE_POOL


def data_departures(space: Space, target: Target) -> Iterator[str]:
    """How the data of a target and of its candidates differ from those of the benchmark (`departs`)."""
    task = space.task(target.task)
    yield from (spec.departs for spec in (task, *_pool(space, task)) if spec.departs)


def departures(space: Space, target: Target) -> Iterator[str]:
    """A phrase for each difference between the scoring of a target and that of the benchmark."""
    yield from exclusions(space, target)
    yield from data_departures(space, target)
    task = space.task(target.task)
    # The layer, pooling and similarity have no effect on a target that trains.
    if task.training_task:
        return
    default = Target(task=target.task)
    for name in AS_PUBLISHED:
        value, published = getattr(target, name), getattr(default, name)
        if value != published:
            yield f"scored with {name} {_plain(value)}, as published {_plain(published)}"


def _pool(space: Space, task: Task) -> list[Task]:
    """The task of the candidates that the queries of a ranking task search."""
    return [space.task(task.pool)] if task.pool else []


def column_of(entry: Entry, space: Space) -> Target | None:
    """The target that measures a task of a benchmark: the task itself, otherwise a substitute."""
    columns = {target.task: target for target in space.targets}
    return next((columns[name] for name in (entry.name, *entry.substitutes) if name in columns), None)


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


def _means(
    benchmark: Benchmark, table: pd.DataFrame, space: Space, reference: str, estimates: pd.DataFrame | None
) -> Means:
    recipes = [recipe.name for recipe in space.recipes]
    names = [entry.name for entry in benchmark.entries]
    excluded = dict(_excluded(benchmark, table, space))
    table = table[~table["target"].isin(list(excluded))]
    seeds = pd.concat([_task_scores(entry, table[table["target"] == entry.name]) for entry in benchmark.entries])
    tasks = seeds.groupby(["recipe", "target"])["score"].mean().unstack("target").reindex(index=recipes, columns=names)
    members = {name: [entry.name for entry in entries] for name, entries in benchmark.groups.items()} | {OVERALL: names}
    rows = {group: mean_rows(seeds, members[group], space.seeds, reference) for group in members}
    means = {group: means.groupby("recipe")["score"].mean().reindex(recipes) for group, means in rows.items()}
    cells = None if estimates is None else estimates[~has_mark(estimates, {"lacks languages"})]
    plain = _plain_tasks(benchmark, table)
    gains = [
        _gains(means, reference, _parts_of_cells(cells, members[group], plain), len(space.seeds)).assign(group=group)
        for group, means in rows.items()
    ]
    return Means(
        benchmark=benchmark,
        tasks=tasks,
        groups=pd.DataFrame(means, index=recipes),
        gains=pd.concat(gains, ignore_index=True),
        excluded=tuple(f"{name}: {reason}" for name, reason in excluded.items()),
    )


def _plain_tasks(benchmark: Benchmark, table: pd.DataFrame) -> frozenset[str]:
    """The tasks whose score is the plain mean over the scored languages, as in a cell of the matrix."""
    scored = {str(target): set(rows["language"]) for target, rows in table.groupby("target")}
    return frozenset(
        entry.name
        for entry in benchmark.entries
        if not entry.weighted and scored.get(entry.name) == set(entry.languages)
    )


def _parts_of_cells(
    cells: pd.DataFrame | None, tasks: Sequence[str], plain: Collection[str]
) -> tuple[pd.DataFrame | None, frozenset[str]]:
    """The item variances of a mean over tasks, None if it has none, and the recipes with bimodal seeds in it."""
    if cells is None:
        return None, frozenset()
    names = list(tasks)
    extra = item_parts_of_means(cells, names, pd.Series(1.0, index=names)) if set(names) <= {*plain} else None
    return extra, bimodal_recipes(cells, names)


def _gains(
    means: pd.DataFrame, reference: str, parts_of_cells: tuple[pd.DataFrame | None, frozenset[str]], num_asked: int
) -> pd.DataFrame:
    """The columns of `Means.gains` except group."""
    gains = with_intervals(means, reference, *parts_of_cells)
    is_tested = gains["se_seed"].notna() & (gains["num_seeds"] >= num_asked)
    return gains.assign(q=adjusted(gains["p"].where(is_tested)))


def _task_scores(entry: Entry, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns recipe, target, seed, score: the mean over the published languages, for seeds that have all of them."""
    rows = rows[rows["language"].isin(entry.languages)].dropna(subset="value")
    weights = rows["count"] if entry.weighted else 1.0
    seeds = rows.assign(weight=weights, product=rows["value"] * weights).groupby(["recipe", "seed"], dropna=False)
    complete = seeds.sum(numeric_only=True)[seeds.size() == len(entry.languages)]
    scores = (complete["product"] / complete["weight"]).rename("score").reset_index()
    return scores.assign(target=entry.name)


def _excluded(benchmark: Benchmark, table: pd.DataFrame, space: Space) -> Iterator[tuple[str, str]]:
    """Each task that does not count, and the reason."""
    for entry in benchmark.entries:
        languages = set(table.loc[table["target"] == entry.name, "language"]) & set(entry.languages)
        column = column_of(entry, space)
        if column is None:
            yield entry.name, "not a target of this run"
        elif column.task != entry.name:
            yield entry.name, ", ".join([f"replaced by {column.task}", *departures(space, column)])
        elif reasons := list(departures(space, column)):
            yield entry.name, ", ".join(reasons)
        elif len(languages) < len(entry.languages):
            yield entry.name, f"{len(languages)} of {len(entry.languages)} languages"
