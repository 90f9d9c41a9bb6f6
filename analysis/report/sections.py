"""What the report says in words and small tables: computed here, worded in the template."""

from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import pandas as pd

from sweeper.records.record import TrainingRecord
from sweeper.scoring.scorers import SCORERS, fits_on_dev
from sweeper.space import Space, Training, tasks_of

from ..results.correlate import MEAN, TRAITS, Correlations
from ..results.load import Study
from ..results.matrix import Matrix, entry
from .tables import markdown

CAPS = ("cap_examples", "cap_tokens")


def caps(space: Space) -> list[str]:
    """A sentence for each limit on the data that the space sets."""
    stages = [stage.training for recipe in space.recipes for stage in recipe.stages]
    stages += [stage.training for target in space.targets for stage in target.before]
    targets = [target.training for target in space.targets if space.task(target.task).training_task]
    sentences = [*_training_caps("a preparation's task", stages), *_training_caps("a target", targets)]
    if space.eval_cap:
        sentences.append(f"at most {space.eval_cap:,} evaluation items a language, the same ones in parallel languages")
    own = {target.task: target.eval_cap for target in space.targets if target.eval_cap}
    sentences += [f"{task}: at most {number:,} evaluation items a language" for task, number in own.items()]
    sentences.append(f"at most {space.search.cap:,} examples to select on, and as many of a preparation's own dev data")
    pools = {target.task: target.distractors for target in space.targets if target.distractors is not None}
    sentences += [f"{task}: {number:,} sentences without a partner in each pool" for task, number in pools.items()]
    return sentences


def retrieval(space: Space) -> list[str]:
    """A phrase for each target that is scored on sentence vectors: how they are made and compared."""
    found = []
    for target in space.targets:
        task = space.task(target.task)
        if task.training_task:
            continue
        fitted = _FITTED[space.evaluate] if fits_on_dev(task) else "fitted on one half, the other scored"
        margin = f"ratio margin, threshold {fitted}"
        how = margin if SCORERS[task.scorer].fits_threshold else _SIMILARITIES[target.similarity]
        found.append(f"{target.task}: {_POOLINGS[target.pooling]} of layer {target.layer:.2f} of the depth, {how}")
    return found


_FITTED = {"test": "fitted on the dev pools", "dev": "fitted on the pools that are scored"}
_SIMILARITIES = {"cosine": "cosine", "csls": "CSLS (k = 10)"}
_POOLINGS = {"mean": "mean", "cls": "first token"}


def _training_caps(what: str, trainings: Iterable[Training]) -> list[str]:
    values = [asdict(training) for training in trainings]
    return [
        f"at most {' or '.join(f'{cap:,}' for cap in found)} training {name.removeprefix('cap_')} {what}"
        for name in CAPS
        if (found := sorted({value[name] for value in values if value[name]}))
    ]


def missing_cells(matrix: Matrix) -> list[str]:
    """`recipe -> target` for every cell without a score."""
    return [
        f"{recipe} -> {target}"
        for recipe in matrix.scores.index
        for target in matrix.scores.columns
        if np.isnan(entry(matrix.scores, (recipe, target)))
    ]


def lean_cells(study: Study, matrix: Matrix) -> list[str]:
    """Cells that have scores but not of every replicate seed. The seedless baseline of retrieval is complete."""
    seedless = study.table.loc[study.table["seed"].isna(), ["recipe", "target"]].drop_duplicates()
    complete = set(seedless.itertuples(index=False, name=None))
    seeds = len(study.space.seeds)
    return [
        f"{recipe} -> {target} ({matrix.num_seeds.loc[recipe, target]} of {seeds} seeds)"
        for recipe in matrix.scores.index
        for target in matrix.scores.columns
        if 0 < matrix.num_seeds.loc[recipe, target] < seeds and (recipe, target) not in complete
    ]


def language_rows(study: Study, matrix: Matrix) -> list[list[object]]:
    """A row a target: its languages in the ledger, and those that its entry or the space names but no cell has."""
    found: list[list[object]] = []
    for target in study.space.targets:
        rows = study.table[(study.table["target"] == target.task) & (study.table["model"] == matrix.model)]
        held = sorted(set(rows["language"]))
        asked = target.languages or tuple(study.space.task(target.task).rows(study.space.evaluate))
        absent = [language for language in asked if language not in held]
        found.append([target.task, len(held), " ".join(held) or "–", " ".join(absent) or "–"])
    return found


def failed(study: Study) -> list[TrainingRecord]:
    """Every training that ended in failure."""
    return [record for record in study.trainings if record.state == "failed"]


def study_rows(study: Study) -> list[list[object]]:
    """A row for each search: where it ran, trials done and failed, the dials it chose and their selection score."""
    found: list[list[object]] = []
    for key, winner in study.chosen.items():
        trials = [record for record in study.trainings if record.spec.study == key and record.spec.role == "search"]
        num_failed = sum(record.state == "failed" for record in trials)
        first = trials[0].spec
        dials = _dials(winner.spec.dials.items()) if winner else "none: no trial is done"
        value = f"{winner.value:.4f}" if winner and winner.value is not None else "–"
        found.append([first.model.name, first.recipe, first.task, len(trials), num_failed, dials, value])
    return sorted(found, key=lambda row: [str(cell) for cell in row[:3]])


def _dials(dials: Iterable[tuple[str, object]]) -> str:
    return ", ".join(
        f"{name} = {value:.3g}" if isinstance(value, float) else f"{name} = {value}" for name, value in dials
    )


def licence_rows(space: Space) -> list[list[object]]:
    """A row for every task whose data the space touches: title, licence, note."""
    names = [task for recipe in space.recipes for task in tasks_of(recipe.stages, masked=False)]
    names += [stage.mlm_task for recipe in space.recipes for stage in recipe.stages if stage.mlm_share]
    for target in space.targets:
        names += [target.task, *space.trained_tasks(target), space.task(target.task).pool]
    tasks = [space.task(name) for name in dict.fromkeys(name for name in names if name)]
    return [[task.name, task.title, task.licence or "not stated", task.note or "–"] for task in tasks]


def pair_table(pairs: pd.DataFrame, num: int = 10) -> str:
    """The `num` pairs with the largest |rho|, as Markdown."""
    known = pairs.dropna(subset="rho")
    order = known["rho"].abs().sort_values(ascending=False, kind="stable").index[:num]
    rows = [[pair.a, pair.b, f"{pair.rho:+.2f}", pair.n, f"{pair.p:.3f}"] for pair in known.loc[order].itertuples()]
    return markdown(["a", "b", "rho", "n", "p"], rows) if rows else "No pair has three values in common."


def predictor_table(found: Correlations) -> str:
    """Gain against each trait, a row a target, the mean over comparable targets last, as Markdown."""
    table = found.predictors.set_index(["target", "trait"])
    rows = []
    for target in dict.fromkeys(found.predictors["target"]):
        label = f"mean of {len(found.mean_over)}" if target == MEAN else target
        rows.append([label, *(_rho(table.loc[(target, trait)]) for trait in TRAITS)])
    return markdown(["gain on", *TRAITS.values()], rows)


def _rho(row: "pd.Series[float]") -> str:
    n = int(row["n"])
    return f"– (n = {n})" if np.isnan(row["rho"]) else f"{row['rho']:+.2f} (n = {n}, p = {row['p']:.3f})"


def trait_rows(found: Correlations) -> list[list[object]]:
    """A row a recipe of one task: published size, examples seen, own dev score, mean gain."""

    def count(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:,.0f}"

    def share(value: float, form: str) -> str:
        return "–" if np.isnan(value) else form.format(100 * value)

    return [
        [
            name,
            count(row["train_size"]),
            count(row["seen"]),
            share(row["own_dev"], "{:.1f}"),
            share(row[MEAN], "{:+z.1f}"),
        ]
        for name, row in found.traits.iterrows()
    ]
