"""Simulated trials of a large sweep: a space of any size, and records as those of real trials without any training."""

import io
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import numpy as np
import pandas as pd

from search_spaces.demo_full import SPACE as FULL
from search_spaces.demo_full import shortened
from sweeper.files.digests import bytes_digest
from sweeper.files.serialize import write_sealed
from sweeper.plan.units import make_plan
from sweeper.records.record import FileFacts, ScoreRecord, TrainingRecord, TrialResult
from sweeper.records.spec import ScoreSpec, TrialSpec, score_key
from sweeper.run.ledger import Ledger, outcomes_file
from sweeper.space import Choice, Recipe, Space
from sweeper.tuning.agenda import Agenda

NUM_RATES = 16
"""Search trials of each cell."""
NUM_EXAMPLES = 200
"""Examples of each language in the outcomes of a score."""


def scale_space(num_trials: int) -> Space:
    """About `num_trials` trials: as many recipes as they need, with the targets, seeds and world of `demo_full`.

    Each cell has a grid of learning rates, whose points need no sampler: the time of suggestions is not measured.
    Recipes of the same tasks differ in their epochs.
    """
    rates = tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-4, 3e-3, NUM_RATES))
    targets = tuple(replace(target, dials={"learning_rate": Choice(values=rates)}) for target in FULL.targets)
    cell = replace(
        FULL,
        name=f"scale_{num_trials}",
        search=replace(FULL.search, sampler="grid"),
        recipes=FULL.recipes[:1],
        targets=targets[:1],
    )
    row = replace(cell, targets=targets[: max(1, num_trials // num_trials_of(cell))])
    of_row = num_trials_of(row)
    of_recipe = num_trials_of(replace(row, recipes=(*row.recipes, _recipe(0)))) - of_row
    others = range(max(0, round((num_trials - of_row) / of_recipe)))
    return replace(row, recipes=(*row.recipes, *map(_recipe, others)))


def num_trials_of(space: Space) -> int:
    """Number of trials of a space."""
    plan = make_plan(space)
    return sum(1 for unit in plan.units for _ in plan.trials(unit))


def _recipe(number: int) -> Recipe:
    """One of the recipes of `demo_full`, in each round with more epochs."""
    trained = [recipe for recipe in FULL.recipes if recipe.stages]
    recipe, factor = trained[number % len(trained)], 1 + 0.1 * (number // len(trained))
    stages = (replace(stage, training=shortened(stage.training, factor), dials={}) for stage in recipe.stages)
    return Recipe(name=f"{recipe.name} {factor:.1f}", stages=tuple(stages))


@dataclass(frozen=True)
class SimulatedLedger:
    """A ledger with the records of simulated trials."""

    ledger: Ledger
    durable: bool = True
    """Whether each file waits for the disk, as in a real sweep."""

    def write(self, spec: TrialSpec) -> TrialResult:
        """Write the records of a trial that has just ended, as `training.trial` does, and return them."""
        scores = tuple(self._write_score(spec, score) for score in spec.scores)
        record = _training(spec)
        self._write(f"trainings/{record.key}.json", write_sealed(record))
        return TrialResult(training=record, scores=scores)

    def _write_score(self, spec: TrialSpec, score: ScoreSpec) -> ScoreRecord:
        content = _outcomes(score.data.languages)
        facts = FileFacts(
            sha256=bytes_digest(content), bytes=len(content), rows=NUM_EXAMPLES * len(score.data.languages)
        )
        record = replace(_score(spec, score), outcome_facts=facts)
        self._write(record.outcomes, content)
        self._write(f"scores/{record.key}.json", write_sealed(record))
        return record

    def _write(self, name: str, content: bytes) -> None:
        self.ledger.folder.write(name, content, durable=self.durable)


def finish(agenda: Agenda, ledger: SimulatedLedger) -> None:
    """End every trial of an agenda."""
    while (spec := agenda.next()) is not None:
        agenda.complete(spec.name, ledger.write(spec))


def _training(spec: TrialSpec) -> TrainingRecord:
    curve = tuple(Random(spec.key).random() for _ in range(20))
    value = None if spec.kind in ("score", "predict") else curve[0]
    return TrainingRecord(
        key=spec.key,
        spec=spec,
        state="done",
        value=value,
        selection={data.task: {"accuracy": curve[0]} for data in spec.select},
        tokens=100_000,
        steps=100,
        planned_steps=100,
        kept_step=100,
        examples={spec.task: 1600},
        loss=curve,
        gradient_norm=curve,
        parameters={"total": 500_000, "without_embeddings": 400_000},
        micro_tokens=8192,
        timing={"total": 1.0, "train": 0.8, "evaluate": 0.1, "wait": 0.0, "load": 0.05, "save": 0.0},
        machine={"host": "h", "device": "cpu x1", "torch": "2", "started": "2026-01-01T00:00:00.000+00:00"},
    )


def _score(spec: TrialSpec, score: ScoreSpec) -> ScoreRecord:
    key, random = score_key(spec.key, score), Random(spec.key)
    languages = score.data.languages
    return ScoreRecord(
        key=key,
        training=spec.key,
        model=spec.model.name,
        recipe=spec.recipe,
        target=score.target,
        seed=spec.seed if spec.chain else None,
        split=score.split,
        condition=score.condition,
        pooling=score.pooling,
        layer=score.layer,
        similarity=score.similarity,
        metrics={language: {"accuracy": random.random()} for language in languages},
        trivial={language: {"accuracy": 0.5} for language in languages},
        counts=dict.fromkeys(languages, NUM_EXAMPLES),
        main="accuracy",
        outcomes=outcomes_file(key),
    )


@cache
def _outcomes(languages: tuple[str, ...]) -> bytes:
    names = [language for language in languages for _ in range(NUM_EXAMPLES)]
    examples = [str(number) for _ in languages for number in range(NUM_EXAMPLES)]
    correct = [number % 2 for number in range(len(names))]
    columns = {"language": names, "example": examples, "group": examples, "prediction": examples, "correct": correct}
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
