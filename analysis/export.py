"""Exports the best prepared encoder for a target, as a Hugging Face folder with a model card."""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from sweeper.errors import UserError, unknown
from sweeper.files.serialize import plain
from sweeper.records.counting import is_shown, valid_replicates
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, StageSpec, training_key
from sweeper.run.encoders import MANIFEST
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Space

CARD = """---
library_name: transformers
base_model: {{ model.id }}
tags: [intermediate-task training, transfer-sweeper]
---
# {{ model.name }} prepared by `{{ recipe }}`, for {{ target }}

This folder contains the encoder `{{ model.id }}` ({{ model.identity[:20] }}) after the training stages below, without
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
| all {{ scores|length }} seed{{ "s" if scores|length != 1 else "" }} of the recipe, mean | {{ mean }}{{ spread }} |
| baseline (no intermediate training), mean over seeds | {{ baseline }} |

{% if scores|length > 1 -%}
This seed has the highest score of the recipe on this split, so that its score is slightly optimistic.
{% endif -%}
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
class Candidate:
    """A prepared encoder with its score on the target."""

    score: ScoreRecord
    record: TrainingRecord
    value: float
    """Main metric, mean over languages: a fraction of 1."""
    encoder: tuple[StageSpec, ...]
    """The stages that made the encoder. They do not include the stages of a target that trains."""
    num_recipe_stages: int
    """Number of these stages that belong to the recipe. A target that trains nothing may add stages of its own."""

    @property
    def later(self) -> tuple[StageSpec, ...]:
        """The stages that the encoder was trained on further before it was scored."""
        return self.record.spec.chain[len(self.encoder) :]


def export_best(run: str, target: str, folder: Path) -> Path:
    """Copy the best prepared encoder for a target from a run (a path or an fsspec URL) into `folder`, and return it.

    The recipe with the highest mean score over seeds is chosen, and of its seeds the one with the highest score. For a
    target that trains, the encoder is that of the recipe, because users will train the stages of the target again. For
    a target that scores the encoder itself (retrieval), it is the encoder that was scored, with stages of the target.

    Raises UserError if the target is unknown or has no score, if no recipe is better than the baseline, if `folder` is
    not empty, or if the encoder store does not have the encoder.
    """
    source = Run.open(run)
    space = source.space
    names = [column.task for column in space.targets]
    if target not in names:
        raise unknown("target", target, names)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty: name a new folder.")
    candidates = list(_candidates(source.ledger, space, target))
    recipe = _best_recipe(space, candidates, target)
    # Of seeds with equal scores, the lowest.
    best = max(recipe, key=lambda candidate: (candidate.value, -candidate.record.spec.seed))
    key = training_key(best.record.spec.model, best.encoder)
    store = source.store
    if not store.has(key):
        raise UserError(
            f"The store {store.folder.url} does not have the encoder {key} of recipe {best.score.recipe!r}: repeat the "
            "`sweeper run` command, which makes it again."
        )
    # The heads of earlier tasks and the manifest of the store are of no use outside the sweep.
    shutil.copytree(store.fetch(key), folder, ignore=shutil.ignore_patterns(MANIFEST, "heads"), dirs_exist_ok=True)
    (folder / "README.md").write_text(_card(space, best, candidates), encoding="utf-8")
    return folder


def _candidates(ledger: Ledger, space: Space, target: str) -> Iterator[Candidate]:
    """The cells of the target: replicates on the split of the space, with the currently chosen dials."""
    trainings = valid_replicates(ledger.trainings(), space.search.trials)
    column = next(column for column in space.targets if column.task == target)
    num_trained = space.num_trained(column)
    for score in ledger.scores().values():
        record = trainings.get(score.training)
        if record is None or (score.target, score.split) != (target, space.evaluate) or not is_shown(score, column):
            continue
        if score.scores_encoder or record.spec.kind == "target":
            chain = record.spec.chain
            value = fmean(metrics[score.main] for metrics in score.metrics.values())
            num_recipe_stages = len(chain) - num_trained
            encoder = chain if score.scores_encoder else chain[:num_recipe_stages]
            yield Candidate(
                score=score, record=record, value=value, encoder=encoder, num_recipe_stages=num_recipe_stages
            )


def _best_recipe(space: Space, candidates: Sequence[Candidate], target: str) -> list[Candidate]:
    """The candidates of the model and recipe with the highest mean score."""
    groups: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.score.model, candidate.score.recipe), []).append(candidate)
    if not groups:
        raise UserError(f"Target {target!r} has no score yet: run the sweep first.")
    best = max(groups, key=lambda group: fmean(candidate.value for candidate in groups[group]))
    if space.baseline is not None and best[1] == space.baseline.name:
        with_stages = "the pretrained encoder with the target's own stages has the highest score"
        reason = with_stages if groups[best][0].encoder else "the pretrained encoder has the highest score"
        raise UserError(f"No recipe is better than the baseline on {target!r}: {reason}.")
    return groups[best]


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


def _card(space: Space, best: Candidate, candidates: Sequence[Candidate]) -> str:
    from jinja2 import Template  # noqa: PLC0415 - only a card needs it, and the errors above do not

    values: dict[str, list[float]] = {}
    for candidate in candidates:
        if candidate.score.model == best.score.model:
            values.setdefault(candidate.score.recipe, []).append(candidate.value)
    scores = values[best.score.recipe]
    baseline = values.get(space.baseline.name, []) if space.baseline else []
    data = [data for stage in best.encoder for data in stage.all_data]
    tasks = [space.task(name) for name in dict.fromkeys(spec.task for spec in data)]
    card: str = Template(CARD).render(
        model=best.record.spec.model,
        recipe=best.score.recipe,
        target=best.score.target,
        split=best.score.split,
        seed=best.record.spec.seed,
        num_languages=len(best.score.metrics),
        scores=scores,
        score=f"{100 * best.value:.1f}",
        mean=f"{100 * fmean(scores):.1f}",
        spread=f" (standard deviation {100 * stdev(scores):.1f})" if len(scores) > 1 else "",
        baseline=f"{100 * fmean(baseline):.1f}" if baseline else "not measured",
        main=best.score.main,
        vectors=_vectors_text(best.score),
        space=space.name,
        stages=_stage_values(best.encoder),
        num_recipe_stages=best.num_recipe_stages,
        later=_stage_values(best.later),
        licences="; ".join(f"{task.title}: {task.licence}" for task in tasks),
    )
    return card
