"""Exports the best prepared encoder for a target, as a Hugging Face folder with a model card."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sweeper.errors import UserError, unknown
from sweeper.files.serialize import plain
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, StageSpec, training_key
from sweeper.run.encoders import MANIFEST
from sweeper.run.run import Run
from sweeper.space import Target

from .results.best import NAMED, best_per_target, first_seed_scores, reason
from .results.load import RunData, load, main_scores
from .results.names import check_recipe, one_model

CARD = """---
library_name: transformers
{% if not is_folder -%}
base_model: {{ base }}
{% endif -%}
tags: [intermediate-task training, transfer-sweeper]
---
# {{ model.name }} prepared by `{{ recipe }}`, for {{ target }}

This folder contains the encoder `{{ base }}` ({{ model.identity[:20] }}) after the training stages below, without
task heads.{% if later %} Fine-tune it on {{ target }} before use.{% endif %}

```python
from transformers import AutoModel, AutoTokenizer

encoder = AutoModel.from_pretrained("FOLDER")
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
```

## Scores

{{ main }} × 100 on {{ target }} ({{ split }} split), mean over {{ num_languages }} language
{{- "s" if num_languages != 1 else "" }}.

| encoder | score |
| --- | --- |
| this encoder (seed {{ seed }}) | {{ score }} |
| all {{ num_seeds }} seed{{ "s" if num_seeds != 1 else "" }} of the recipe, mean | {{ mean }}{{ spread }} |
| baseline (no intermediate training), mean over seeds | {{ baseline }} |

Reason for the recipe: {{ by }}. The seed is the first one with a score. No score of this table took part in the
choice.
{% if later -%}
The scores were measured after the further stages listed at the end, which are not part of this encoder.
{%- else -%}
The scores are those of this encoder without further training: {{ vectors }}.
{%- endif %}

The encoder is a result of the sweep `{{ space }}`.

## Training

{% for stage in stages -%}
{{ loop.index }}. {{ stage.tasks }}, seed {{ stage.seed }}
{%- if loop.index > num_recipe_stages %} (a stage of the target `{{ target }}`, not of the recipe){% endif %}
   `{{ stage.training }}`
{% else -%}
None: this is the pretrained encoder.
{% endfor %}
Licences of the training data: {{ licences }}
{% if later %}
## Further stages before scoring

{% for stage in later -%}
{{ loop.index }}. {{ stage.tasks }}, seed {{ stage.seed }}
   `{{ stage.training }}`
{% endfor %}
{%- endif %}"""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The encoder to export, and the cell it belongs to."""

    score: ScoreRecord
    record: TrainingRecord
    by: str
    """The reason for the recipe, in words."""
    encoder: tuple[StageSpec, ...]
    """The stages that made the encoder. They do not include the stages of a target that trains."""
    num_recipe_stages: int
    """Number of these stages that belong to the recipe. A target that trains nothing may add stages of its own."""

    @property
    def later(self) -> tuple[StageSpec, ...]:
        """The stages that follow `encoder` and come before the scoring."""
        return self.record.spec.chain[len(self.encoder) :]


def export_best(run: str, target: str, folder: Path, recipe: str = "", model: str = "") -> Path:
    """Copy the best prepared encoder for a target from a run (a path or an fsspec URL) into `folder`, and return it.

    `recipe` is by default the one that `best_per_target` chooses. `model` must be named if the run has several. The
    seed is the first replicate seed with a score, however high the score is. No reported score takes part in the
    choice.

    For a target that trains, the encoder is that of the recipe, because users will train the stages of the target
    again. For a target that scores the encoder itself (retrieval), it is the encoder that was scored, with stages of
    the target.

    Raises UserError if a name is unknown, if no recipe can be chosen, if the baseline is the best one, if the recipe
    has no score on the target, if `folder` is not empty, or if the encoder store does not have the encoder.
    """
    source = Run.open(run)
    space = source.space
    names = [column.task for column in space.targets]
    if target not in names:
        raise unknown("target", target, names)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty: name a new folder.")
    data = load(run)
    chosen = _chosen(data, one_model(space, model), space.targets[names.index(target)], recipe)
    key = training_key(chosen.record.spec.model, chosen.encoder)
    store = source.store
    if not store.has(key):
        raise UserError(
            f"The store {store.folder.url} does not have the encoder {key} of recipe {chosen.score.recipe!r}: repeat "
            "the `sweeper run` command, which makes it again."
        )
    # The heads of earlier tasks and the manifest of the store are of no use outside the sweep.
    shutil.copytree(store.fetch(key), folder, ignore=shutil.ignore_patterns(MANIFEST, "heads"), dirs_exist_ok=True)
    (folder / "README.md").write_text(_card(data, chosen), encoding="utf-8")
    return folder


def _chosen(data: RunData, model: str, target: Target, name: str) -> Chosen:
    """The encoder of the recipe `name`, or of the best recipe, with the first seed that has a score on the target."""
    recipe, by = (check_recipe(data.space, name), NAMED) if name else _best_recipe(data, model, target)
    scores = first_seed_scores(data, model, recipe, target.task)
    if not scores:
        raise UserError(f"{recipe} -> {target.task} has no {data.space.evaluate} score yet: run the sweep first.")
    score = scores[0]
    record = next(record for record in data.replicates if record.key == score.training)
    num_recipe_stages = len(record.spec.chain) - data.space.num_trained(target)
    encoder = record.spec.chain if score.scores_encoder else record.spec.chain[:num_recipe_stages]
    if not encoder:
        raise UserError(f"The encoder of {recipe!r} is the pretrained one, {record.spec.model.id}: nothing to export.")
    return Chosen(score=score, record=record, by=by, encoder=encoder, num_recipe_stages=num_recipe_stages)


def _best_recipe(data: RunData, model: str, target: Target) -> tuple[str, str]:
    """The best recipe of a target, and the reason in words. Raises UserError if it is the baseline."""
    space = data.space
    best = best_per_target(data, model, [target.task])[target.task]
    if space.baseline is not None and best.recipe == space.baseline.name:
        encoder = "the pretrained encoder" + (" with the target's own stages" if target.before else "")
        raise UserError(
            f"No recipe is better than the baseline on {target.task!r}: {encoder} has the highest selection value. "
            "--recipe NAME exports the encoder of another recipe."
        )
    return best.recipe, reason(target.task, best, len(space.recipes))


def _task_text(data: DataSpec) -> str:
    """A task, with its share of machine-translated examples."""
    if data.translation is None:
        return data.task
    translation = data.translation
    is_folder = translation.by.startswith(("folder:", "/", "."))
    # The card is published: it must not contain paths of this machine.
    translator = Path(translation.by.removeprefix("folder:")).name if is_folder else translation.by
    languages = ", ".join(translation.languages)
    return f"{data.task} ({translation.share:.0%} machine-translated into {languages} by {translator})"


def _mlm_text(stage: StageSpec) -> str:
    """The share of masked language modelling in a stage."""
    return f"; {stage.mlm_share:.0%} of the steps masked language modelling on {stage.mlm.task}" if stage.mlm else ""


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


def _vectors_text(score: ScoreRecord) -> str:
    """How sentence vectors were computed and compared."""
    similarity = ", CSLS" if score.similarity == "csls" else ""
    return f"{score.pooling} pooling at {score.layer:.3g} of its depth{similarity}"


def _target_rows(data: RunData, score: ScoreRecord) -> pd.DataFrame:
    """The main scores of the model of `score` on its target."""
    table = main_scores(data.table)
    return table[(table["model"] == score.model) & (table["target"] == score.target)]


def _seed_scores(rows: pd.DataFrame, recipe: str) -> "pd.Series[float]":
    """Seed -> mean over languages."""
    return rows[rows["recipe"] == recipe].groupby("seed", dropna=False)["value"].mean()


def _card(data: RunData, chosen: Chosen) -> str:
    from jinja2 import Template  # noqa: PLC0415 - only a card needs it, and the errors above do not

    space, score = data.space, chosen.score
    rows = _target_rows(data, score)
    scores = _seed_scores(rows, score.recipe)
    baseline = _seed_scores(rows, space.baseline.name if space.baseline else "")
    trained = [spec for stage in chosen.encoder for spec in stage.all_data]
    tasks = [space.task(name) for name in dict.fromkeys(spec.task for spec in trained)]
    model = chosen.record.spec.model
    is_folder = Path(model.id).is_absolute()
    card: str = Template(CARD).render(
        model=model,
        # The card is published: it must not contain paths of this machine.
        base=Path(model.id).name if is_folder else model.id,
        is_folder=is_folder,
        recipe=score.recipe,
        target=score.target,
        split=score.split,
        seed=chosen.record.spec.seed,
        num_languages=rows.loc[rows["recipe"] == score.recipe, "language"].nunique(),
        by=chosen.by,
        num_seeds=len(scores),
        score=f"{100 * scores.loc[chosen.record.spec.seed]:.1f}",
        mean=f"{100 * scores.mean():.1f}",
        spread=f" (standard deviation {100 * scores.std():.1f})" if len(scores) > 1 else "",
        baseline="not measured" if baseline.empty else f"{100 * baseline.mean():.1f}",
        main=score.main,
        vectors=_vectors_text(score),
        space=space.name,
        stages=_stage_values(chosen.encoder),
        num_recipe_stages=chosen.num_recipe_stages,
        later=_stage_values(chosen.later),
        licences="; ".join(f"{task.title}: {task.licence or 'not stated'}" for task in tasks),
    )
    return card
