"""The model card of an export: metadata for the Hub, and what the weights are, in words and tables."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.files.serialize import plain
from sweeper.records.record import ScoreRecord
from sweeper.records.spec import DataSpec, StageSpec, TranslationSpec
from sweeper.scoring.scorers import SCORERS, metric_label

from ..results.load import RunData, main_scores
from .choice import Chosen
from .metadata import OTHER_LICENCE, card_metadata, is_folder, measured_scores, trained_tasks
from .usage import ENCODER_CODE, USAGES

TEMPLATE = Path(__file__).parent / "card.md.j2"


def write_card(data: RunData, chosen: Chosen, folder: Path) -> None:
    """Write `README.md`, and the licences of the training data if they are not one licence of the Hub's list."""
    from jinja2 import Template  # noqa: PLC0415 - only a card needs it

    metadata = card_metadata(data, chosen)
    template = Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    text = template.render(
        **_values(data, chosen), **(_cell_values(data, chosen) if chosen.scores else _row(data, chosen))
    )
    (folder / "README.md").write_text(f"---\n{metadata.to_yaml()}\n---\n{text}", encoding="utf-8")
    if metadata.license == OTHER_LICENCE["license"]:
        lines = [f"- {task.title}: {task.licence or 'not stated'}" for task in trained_tasks(chosen)]
        note = "The weights were trained on data with these licences. The licence of the base model applies too."
        (folder / OTHER_LICENCE["license_link"]).write_text("\n".join([note, "", *lines, ""]), encoding="utf-8")


def _values(data: RunData, chosen: Chosen) -> dict[str, Any]:
    """The values that every card has."""
    usage = USAGES[data.space.task(chosen.target).format] if chosen.with_head else None
    own = chosen.encoder[-1].data[0]
    prepared = f"prepared by `{chosen.recipe}`" if chosen.num_recipe_stages else "without intermediate training"
    purpose = (", trained on " if chosen.with_head else ", for ") + chosen.target if chosen.target else ""
    return {
        "title": f"{chosen.model.name} {prepared}{purpose}",
        # The card is published: it must not contain paths of this machine.
        "base": Path(chosen.model.id).name if is_folder(chosen.model.id) else chosen.model.id,
        "identity": chosen.model.identity[:20] + (f", lowest {chosen.model.layers} layers" * bool(chosen.model.layers)),
        "code": usage.code if usage else ENCODER_CODE,
        "note": usage.note.format(max_length=own.max_length, stride=own.stride) if usage else "",
        "with_head": chosen.with_head,
        "trained": own.task,
        "target": chosen.target,
        "seed": chosen.seed,
        "by": chosen.by,
        "split": data.space.evaluate,
        "space": data.space.name,
        "stages": _stage_values(chosen.encoder),
        "num_recipe_stages": chosen.num_recipe_stages,
        "later": _stage_values(chosen.later),
        "licences": "; ".join(f"{task.title}: {task.licence or 'not stated'}" for task in trained_tasks(chosen)),
        "languages": list(_language_rows(data, measured_scores(data, chosen))),
    }


def _cell_values(data: RunData, chosen: Chosen) -> dict[str, Any]:
    """The scores of the cell of a target."""
    table, score = main_scores(data.table), chosen.scores[0]
    rows = table[(table["model"] == score.model) & (table["target"] == score.target)]
    scores, baseline = _seed_scores(rows, score.recipe), _seed_scores(rows, _baseline(data))
    several = len(scores) > 1
    spread = f" (standard deviation {100 * scores.std():.1f})" if several else ""
    what = "model" if chosen.with_head else "encoder"
    return {
        "main": _metric(data, score.target, score.main),
        "num_languages": rows.loc[rows["recipe"] == score.recipe, "language"].nunique(),
        "seed_reason": "named by the user" if chosen.is_seed_named else "the first one with a score",
        "vectors": _vectors_text(score),
        "table": [
            (f"this {what} (seed {chosen.seed})", f"{100 * scores.loc[chosen.seed]:.1f}"),
            (
                f"all {len(scores)} seed{'s' if several else ''} of the recipe, mean",
                f"{100 * scores.mean():.1f}{spread}",
            ),
            (
                "baseline (no intermediate training), mean over seeds",
                "not measured" if baseline.empty else f"{100 * baseline.mean():.1f}",
            ),
        ],
    }


def _row(data: RunData, chosen: Chosen) -> dict[str, Any]:
    """The scores of the recipe and of the baseline on every target, with the seed of the encoder."""
    table = main_scores(data.table)
    table = table[table["model"] == chosen.model.name]
    of_seed = table[table["seed"].isna() | (table["seed"] == chosen.seed)]
    rows = []
    for target in data.space.targets:
        scores = of_seed[of_seed["target"] == target.task]
        means = scores.groupby("recipe")["value"].mean()
        if chosen.recipe in means:
            score, baseline = (_percent(means.get(recipe)) for recipe in (chosen.recipe, _baseline(data)))
            metric = _metric(data, target.task, str(scores["metric"].iloc[0]))
            rows.append({"target": target.task, "metric": metric, "score": score, "baseline": baseline})
    return {"targets": rows}


def _percent(value: float | None) -> str:
    return "not measured" if value is None or pd.isna(value) else f"{100 * value:.1f}"


def _baseline(data: RunData) -> str:
    return data.space.baseline.name if data.space.baseline else ""


def _seed_scores(rows: pd.DataFrame, recipe: str) -> "pd.Series[float]":
    """Seed -> mean over languages."""
    return rows[rows["recipe"] == recipe].groupby("seed", dropna=False)["value"].mean()


def _language_rows(data: RunData, scores: Iterable[ScoreRecord]) -> Iterator[dict[str, str]]:
    """The main score of each target and language."""
    for score in sorted(scores, key=lambda score: (score.target, score.key)):
        for language, metrics in sorted(score.metrics.items()):
            value = f"{100 * metrics[score.main]:.1f}"
            metric = _metric(data, score.target, score.main)
            yield {"target": score.target, "language": language, "metric": f"{metric} × 100", "score": value}


def _metric(data: RunData, target: str, main: str) -> str:
    """The main metric of a target, as a table names it."""
    return metric_label(main, SCORERS[data.space.task(target).scorer].metrics)


def _vectors_text(score: ScoreRecord) -> str:
    """How sentence vectors were computed and compared."""
    similarity = ", CSLS" if score.similarity == "csls" else ""
    return f"{score.pooling} pooling at {score.layer:.3g} of its depth{similarity}"


def _stage_values(stages: Iterable[StageSpec]) -> list[dict[str, object]]:
    """The values of each stage that the card shows."""
    return [
        {
            "tasks": ", ".join(_task_text(data) for data in stage.data) + _mlm_text(stage),
            "seed": stage.seed,
            "training": json.dumps(plain(stage.training)),
        }
        for stage in stages
    ]


def _task_text(data: DataSpec) -> str:
    """A task, with the shares of its examples that are machine-translated, wrongly labelled or perturbed."""
    changes = []
    if data.translation:
        changes.append(_translation_text(data.translation))
    if data.label_noise:
        changes.append(f"wrong labels with a probability of {data.label_noise.probability:g}")
    if data.perturbation:
        changes.append(f"{data.perturbation.share:.0%} perturbed by {data.perturbation.name}")
    return f"{data.task} ({'; '.join(changes)})" if changes else data.task


def _translation_text(translation: TranslationSpec) -> str:
    is_local = translation.by.startswith(("folder:", "/", "."))
    # The card is published: it must not contain paths of this machine.
    translator = Path(translation.by.removeprefix("folder:")).name if is_local else translation.by
    languages = ", ".join(translation.languages)
    return f"{translation.share:.0%} machine-translated into {languages} by {translator}"


def _mlm_text(stage: StageSpec) -> str:
    """The share of masked language modelling in a stage."""
    return f"; {stage.mlm_share:.0%} of the steps masked language modelling on {stage.mlm.task}" if stage.mlm else ""
