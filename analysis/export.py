"""The best prepared encoder for a target, as a Hugging Face folder with a model card that says how it was made."""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from jinja2 import Template

from sweeper.errors import UserError, unknown
from sweeper.files.serialize import plain
from sweeper.records.counting import counting, is_shown
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, StageSpec, training_key
from sweeper.run.encoders import MANIFEST
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Space

CARD = Template(
    """---
library_name: transformers
base_model: {{ model.id }}
tags: [intermediate-task training, transfer-sweeper]
---
# {{ model.name }} prepared by `{{ recipe }}`, for {{ target }}

The body of `{{ model.id }}` ({{ model.identity[:20] }}) after the stages below, without heads
{%- if behind %}: fine-tune it further{% endif %}.
Load it with `AutoModel.from_pretrained(FOLDER)`.

| | {{ target }}, {{ split }}, mean over {{ num_languages }} languages |
| --- | --- |
| this encoder (seed {{ seed }}, the best of {{ scores|length }} on this split, so a little flattered) | {{ own }} |
| its recipe, mean over seeds | {{ mean }}{{ spread }} |
| baseline (no intermediate training), mean over seeds | {{ baseline }} |

Scores are {{ main }} x 100 {% if behind -%}
after the further stages below, which are no part of this encoder.
{%- else -%}
of this encoder as it is: {{ way }}.
{%- endif %}
Sweep: `{{ space }}`.

## Stages
{% for stage in stages %}
{{ loop.index }}. {{ stage.tasks }}, seed {{ stage.seed }}
{%- if loop.index > num_own %} (not of the row: the target `{{ target }}` puts it there){% endif %}
   `{{ stage.training }}`
{% endfor %}
Licences of the data it was trained on: {{ licences }}
{% if behind %}
## Behind it, for the scores alone
{% for stage in behind %}
{{ loop.index }}. {{ stage.tasks }}, seed {{ stage.seed }}
   `{{ stage.training }}`
{% endfor %}
{%- endif %}"""
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A prepared encoder with its score on the target."""

    score: ScoreRecord
    record: TrainingRecord
    value: float
    """Mean of the main metric over languages, as a fraction of 1."""
    encoder: tuple[StageSpec, ...]
    """The chain that made the encoder: what a target that trains puts behind the row is left out."""
    num_own: int
    """How many of these stages are the row's own; a target that trains nothing itself may have put more behind them."""

    @property
    def behind(self) -> tuple[StageSpec, ...]:
        """What was trained on the encoder before it was scored."""
        return self.record.spec.chain[len(self.encoder) :]


def export_best(run: str, target: str, folder: Path) -> Path:
    """Copy the encoder whose recipe does best on a target (mean over seeds), the recipe's best seed, into `folder`.

    Of a target that trains it is the row's own, for the target's stages are there to be trained anew; of one that is
    scored on the encoder itself (retrieval) it is the one that was scored, stages that the target puts there included.
    Raises UserError if the target is unknown or not scored yet, if no recipe beats the baseline, or `folder` is taken.
    """
    space = Run.open(run).space
    if target not in [one.task for one in space.targets]:
        raise unknown("target", target, [one.task for one in space.targets])
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: name a folder that is new.")
    source = Run.open(run)
    candidates = list(_candidates(source.ledger, space, target))
    best = max(_best_recipe(space, candidates, target), key=lambda one: (one.value, -one.record.spec.seed))
    key = training_key(best.record.spec.model, best.encoder)
    store = source.store
    if not store.holds(key):
        raise UserError(
            f"The encoder {key} of recipe {best.score.recipe!r} is not in the store {store.folder.url}: run again."
        )
    shutil.copytree(store.fetch(key), folder, ignore=shutil.ignore_patterns(MANIFEST, "heads"), dirs_exist_ok=True)
    (folder / "README.md").write_text(_card(space, best, candidates), encoding="utf-8")
    return folder


def _candidates(ledger: Ledger, space: Space, target: str) -> Iterator[Candidate]:
    """Cells of the target's column: replicates on the space's split, with the dials that their study chooses now."""
    trainings = counting(ledger.trainings(), space.search.trials)
    column = next(one for one in space.targets if one.task == target)
    num_trained = space.num_trained(column)
    for score in ledger.scores().values():
        record = trainings.get(score.training)
        if record is None or (score.target, score.split) != (target, space.evaluate) or not is_shown(score, column):
            continue
        if score.scores_encoder or record.spec.kind == "target":
            chain = record.spec.chain
            value = fmean(metrics[score.main] for metrics in score.metrics.values())
            num_own = len(chain) - num_trained
            encoder = chain if score.scores_encoder else chain[:num_own]
            yield Candidate(score=score, record=record, value=value, encoder=encoder, num_own=num_own)


def _best_recipe(space: Space, candidates: Sequence[Candidate], target: str) -> list[Candidate]:
    rows: dict[tuple[str, str], list[Candidate]] = {}
    for one in candidates:
        rows.setdefault((one.score.model, one.score.recipe), []).append(one)
    if not rows:
        raise UserError(f"Target {target!r} has no scores yet: run the sweep first.")
    best = max(rows, key=lambda row: fmean(one.value for one in rows[row]))
    if space.baseline is not None and best[1] == space.baseline.name:
        extended = "its own stages on the pretrained encoder are the best preparation"
        best_one = extended if rows[best][0].encoder else "the pretrained encoder is the best one"
        raise UserError(f"No recipe beats the baseline on {target!r}: {best_one}.")
    return rows[best]


def _named(data: DataSpec) -> str:
    """A task as the card names it."""
    if data.translation is None:
        return data.task
    made = data.translation
    is_folder = made.by.startswith(("folder:", "/", "."))
    by = Path(made.by.removeprefix("folder:")).name if is_folder else made.by  # the card is for others
    return f"{data.task} ({made.share:.0%} machine-translated into {', '.join(made.languages)} by {by})"


def _mixed(stage: StageSpec) -> str:
    """What masked language modelling a stage mixes in, as the card names it."""
    return f"; {stage.mlm_share:.0%} of the steps masked language modelling on {stage.mlm.task}" if stage.mlm else ""


def _told(stages: Iterable[StageSpec]) -> list[dict[str, object]]:
    """Stages as the card lists them."""
    return [
        {
            "tasks": ", ".join(_named(data) for data in stage.data) + _mixed(stage),
            "seed": stage.seed,
            "training": json.dumps(plain(stage.training)),
        }
        for stage in stages
    ]


def _way(score: ScoreRecord) -> str:
    """How sentences became vectors, and how these were compared if not as published."""
    return f"{score.pooling} pooling at {score.layer:.3g} of its depth" + (
        ", CSLS" if score.similarity == "csls" else ""
    )


def _card(space: Space, best: Candidate, candidates: Sequence[Candidate]) -> str:
    rivals = [one for one in candidates if one.score.model == best.score.model]
    same = [one.value for one in rivals if one.score.recipe == best.score.recipe]
    base = [one.value for one in rivals if space.baseline and one.score.recipe == space.baseline.name]
    read = [data for stage in best.encoder for data in (*stage.data, *([stage.mlm] if stage.mlm else []))]
    trained = [space.task(name) for name in dict.fromkeys(data.task for data in read)]
    card: str = CARD.render(
        model=best.record.spec.model,
        recipe=best.score.recipe,
        target=best.score.target,
        split=best.score.split,
        seed=best.record.spec.seed,
        num_languages=len(best.score.metrics),
        scores=same,
        own=f"{100 * best.value:.1f}",
        mean=f"{100 * fmean(same):.1f}",
        spread=f" (sd {100 * stdev(same):.1f}, n = {len(same)})" if len(same) > 1 else " (n = 1)",
        baseline=f"{100 * fmean(base):.1f}" if base else "not measured",
        main=best.score.main,
        way=_way(best.score),
        space=space.name,
        stages=_told(best.encoder),
        num_own=best.num_own,
        behind=_told(best.behind),
        licences="; ".join(f"{task.title}: {task.licence}" for task in trained),
    )
    return card
