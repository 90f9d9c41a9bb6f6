"""Lists and small tables of the report, about the space, the searches, the languages and the correlations."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from sweeper.scoring.scorers import SCORERS, fits_on_dev
from sweeper.space import Space, Training, tasks_of

from ..numbers import gain_text, p_alone, p_text, points_text, signed_text
from ..results.correlate import MEAN, TRAITS, Correlations
from ..results.coverage import LanguageCoverage, StudySummary
from ..results.matrix import Cell
from .tables import Row, markdown

CAPS = ("cap_examples", "cap_tokens")


def setting(space: Space) -> str:
    """The space of a page with its models, seeds, split and limits of the data, and its note."""
    title = f" ({space.title})" if space.title and space.title != space.name else ""
    parts = {
        "Models": ", ".join(model.name for model in space.models),
        "Replicate seeds": ", ".join(map(str, space.seeds)),
        "Scored split": space.evaluate,
        "Limits of the data": "; ".join(data_limits(space)),
    }
    text = f"Space `{space.name}`{title}. {'. '.join(f'{name}: {value}' for name, value in parts.items())}."
    return f"{text}\n\n{space.note}" if space.note else text


def data_limits(space: Space) -> list[str]:
    """A phrase for each limit that the space sets on the data."""
    spaces = [space.for_model(model) for model in space.models]
    stages = [stage.training for own in spaces for recipe in own.recipes for stage in recipe.stages]
    stages += [stage.training for own in spaces for target in own.targets for stage in target.before]
    targets = [t.training for own in spaces for t in own.targets if space.task(t.task).training_task]
    limits = [*_training_limits("each task of a recipe", stages), *_training_limits("each target", targets)]
    steps = sorted({training.max_steps for training in (*stages, *targets) if training.max_steps})
    limits += [f"at most {' or '.join(f'{number:,}' for number in steps)} steps of a training"] if steps else []
    if space.eval_cap:
        limits.append(f"at most {space.eval_cap:,} evaluation items per language (parallel languages: the same items)")
    eval_caps = {target.task: target.eval_cap for target in space.targets if target.eval_cap}
    limits += [f"{task}: at most {cap:,} evaluation items per language" for task, cap in eval_caps.items()]
    cap = f"at most {space.search.cap:,} examples"
    limits.append(f"{cap} of each task for selection, and {cap} per language for the dev score of a recipe's task")
    pools = {target.task: target.distractors for target in space.targets if target.distractors is not None}
    limits += [f"{task}: {number:,} sentences without a translation in each pool" for task, number in pools.items()]
    return limits


def _training_limits(scope: str, trainings: Iterable[Training]) -> list[str]:
    values = [asdict(training) for training in trainings]
    limits = []
    for name in CAPS:
        caps = sorted({value[name] for value in values if value[name]})
        if caps:
            unit = name.removeprefix("cap_")
            limits.append(f"at most {' or '.join(f'{cap:,}' for cap in caps)} training {unit} for {scope}")
    return limits


def retrieval_settings(space: Space) -> list[str]:
    """A phrase for each target that trains nothing: how sentence vectors are computed and compared."""
    settings = []
    for target in space.targets:
        task = space.task(target.task)
        if task.training_task:
            continue
        threshold = _FITTED[space.evaluate] if fits_on_dev(task) else "fitted on one half and applied to the other"
        margin = f"ratio margin with a threshold {threshold}"
        compared = margin if SCORERS[task.scorer].fits_threshold else _SIMILARITIES[target.similarity]
        settings.append(f"{target.task}: {_POOLINGS[target.pooling]} at {target.layer:.2f} of the depth, {compared}")
    return settings


_FITTED = {"test": "fitted on the dev pools", "dev": "fitted on the same pools"}
_SIMILARITIES = {"cosine": "cosine similarity", "csls": "CSLS (k = 10)"}
_POOLINGS = {"mean": "mean of the token vectors", "cls": "vector of the first token"}


def cell_list(cells: Iterable[Cell]) -> list[str]:
    """`recipe -> target` for each cell."""
    return [f"{recipe} -> {target}" for recipe, target in cells]


def annotated(cells: Mapping[Cell, Iterable[str]]) -> list[str]:
    """`recipe -> target (names)` for each cell."""
    return [f"{recipe} -> {target} ({', '.join(names)})" for (recipe, target), names in cells.items()]


def partial_list(partial: Mapping[Cell, int], num_seeds: int) -> list[str]:
    """`recipe -> target (1 of 3 seeds)` for each cell that lacks seeds."""
    return [f"{recipe} -> {target} ({num} of {num_seeds} seeds)" for (recipe, target), num in partial.items()]


def language_rows(coverage: Iterable[LanguageCoverage]) -> list[Row]:
    """One row per target: number of languages, languages with a score, languages without."""
    return [
        [target.target, len(target.scored), " ".join(target.scored) or "–", " ".join(target.absent) or "–"]
        for target in coverage
    ]


def study_rows(studies: Iterable[StudySummary]) -> list[Row]:
    """One row per study: model, recipe, task, trials, failures, chosen dials, selection value in points."""
    return [
        [
            *(study.model, study.recipe, study.task, study.num_trials, study.num_failed),
            "none yet" if study.dials is None else ", ".join(f"{k} = {_dial(v)}" for k, v in study.dials.items()),
            "–" if study.value is None else f"{100 * study.value:.1f}",
        ]
        for study in studies
    ]


def _dial(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def licence_rows(space: Space) -> list[Row]:
    """One row for each task whose data the space uses: name, title, licence, note."""
    names = [task for recipe in space.recipes for task in tasks_of(recipe.stages, masked=False)]
    names += [stage.mlm_task for recipe in space.recipes for stage in recipe.stages if stage.mlm_share]
    for target in space.targets:
        names += [target.task, *space.trained_tasks(target), space.task(target.task).pool]
    tasks = [space.task(name) for name in dict.fromkeys(name for name in names if name)]
    return [[task.name, task.title, task.licence or "not stated", task.note or "–"] for task in tasks]


def pair_table(pairs: pd.DataFrame, num: int = 10) -> str:
    """The `num` pairs with the largest absolute correlation, as Markdown; "" without any correlation."""
    pairs = pairs.dropna(subset="rho")
    order = pairs["rho"].abs().sort_values(ascending=False, kind="stable").index[:num]
    rows = [[row["a"], row["b"], *_correlation(row)] for _, row in pairs.loc[order].iterrows()]
    return markdown(["a", "b", *STATISTICS], rows) if rows else ""


def target_table(correlations: pd.DataFrame) -> str:
    """A table of one correlation for each target, as Markdown; "" without any correlation."""
    rows = [[row["target"], *_correlation(row)] for _, row in correlations.dropna(subset="rho").iterrows()]
    return markdown(["target", *STATISTICS], rows) if rows else ""


STATISTICS = ("r", "95 % interval", "n", "p", "q")


def _correlation(row: "pd.Series[float]") -> list[str]:
    interval = "–" if np.isnan(row["low"]) else f"{signed_text(row['low'], 2)} to {signed_text(row['high'], 2)}"
    return [signed_text(row["rho"], 2), interval, str(int(row["n"])), p_alone(row["p"]), p_alone(row["q"])]


def predictor_table(correlations: Correlations) -> str:
    """Correlation of the gain with each trait as Markdown: a line per target, the mean gain last; "" without any."""
    if correlations.predictors["rho"].isna().all():
        return ""
    table = correlations.predictors.set_index(["target", "trait"])
    rows = []
    for target in dict.fromkeys(correlations.predictors["target"]):
        num = len(correlations.mean_over)
        label = target if target != MEAN else f"mean of {num}" if num else "mean (of no target)"
        rows.append([label, *(_rho(table.loc[(target, trait)]) for trait in TRAITS)])
    return markdown(["gain on", *TRAITS.values()], rows)


def _rho(row: "pd.Series[float]") -> str:
    n = int(row["n"])
    return f"– (n = {n})" if np.isnan(row["rho"]) else f"{signed_text(row['rho'], 2)} (n = {n}, {p_text(row['p'])})"


def multitask_rows(correlations: Correlations) -> list[Row]:
    """One row per recipe of several tasks and target: its gain over the mean and the best of its single tasks."""
    return [
        [
            *(row["recipe"], row["target"], row["num_members"]),
            gain_text(float(row["over_mean"]), float(row["mean_low"]), float(row["mean_high"])),
            row["best_member"],
            gain_text(float(row["over_best"]), float(row["best_low"]), float(row["best_high"])),
        ]
        for _, row in correlations.multitask.iterrows()
    ]


def trait_rows(correlations: Correlations) -> list[Row]:
    """One row per recipe of one task: published size, examples seen, share of its headroom gained, mean gain."""

    def count(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:,.0f}"

    def share(value: float) -> str:
        return "–" if np.isnan(value) else f"{100 * value:.0f}"

    return [
        [
            *(name, count(row["train_size"]), count(row["seen"])),
            *(share(row["headroom"]), points_text(row[MEAN])),
        ]
        for name, row in correlations.traits.iterrows()
    ]
