"""Exported encoders: the stages that made them, and the model card."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.export import export_best
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.records.record import ScoreRecord
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.encoders import EncoderStore
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import LogUniform, Recipe, Stage, Target
from tests.tuning.imaginary import FakeLedger, agenda_of, drain

BEFORE = (Stage(tasks=("claims",)),)
SPACE = replace(
    TINY,
    recipes=(Recipe(name="baseline"), Recipe(name="parts", stages=(Stage(tasks=("parts",)),))),
    targets=(
        Target(task="names", before=BEFORE, dials={"learning_rate": LogUniform(low=1e-4, high=1e-2)}),
        Target(task="twins", before=BEFORE, layer=0.25),
        Target(task="mining"),
    ),
    seeds=(1, 2),
)
FURTHER = "## Further stages before scoring"


def tasks_of(spec: TrialSpec) -> list[str]:
    return [data.task for stage in spec.chain for data in stage.data]


def complete_run(folder: Path, *, best: str) -> str:
    """A run folder with all cells and encoders, in which `best` is the best recipe and 1 its best seed."""
    run = Run.at(str(folder))
    run.keep_space(SPACE)
    run.keep_site(run.make_site())
    fake, ledger = FakeLedger(), run.ledger
    specs = drain(agenda_of(SPACE), fake)
    for record in fake.trainings.values():
        ledger.write_training(record)
    for spec in specs:
        keep_scores(ledger, spec, (0.9 if spec.recipe == best else 0.5) - 0.1 * spec.seed)
        if spec.kind == "prepare":
            keep_encoder(run.store, spec, folder / "draft")
    return run.url


def keep_scores(ledger: Ledger, spec: TrialSpec, value: float) -> None:
    for score in spec.scores:
        key = score_key(spec.key, score)
        record = ScoreRecord(
            key=key, training=spec.key, model="tiny", recipe=spec.recipe, target=score.target, seed=spec.seed,
            split=score.split, pooling=score.pooling, layer=score.layer, similarity=score.similarity,
            metrics={"xa": {"accuracy": value}}, trivial={}, counts={}, main="accuracy", outcomes=f"outcomes/{key}",
        )  # fmt: skip
        ledger.write_score(record, pd.DataFrame({"language": ["xa"]}))


def keep_encoder(store: EncoderStore, spec: TrialSpec, draft: Path) -> None:
    """Store an encoder whose configuration is the list of tasks it was trained on."""
    draft.mkdir(exist_ok=True)
    (draft / "config.json").write_text(json.dumps(tasks_of(spec)))
    store.keep(spec.encoder, draft)


def exported(run: str, target: str, folder: Path) -> tuple[list[str], str]:
    """The tasks that the exported encoder was trained on, and its card."""
    export_best(run, target, folder)
    return json.loads((folder / "config.json").read_text()), (folder / "README.md").read_text()


def test_for_a_target_that_trains_nothing_the_encoder_that_was_scored_is_exported(tmp_path: Path) -> None:
    tasks, card = exported(complete_run(tmp_path / "run", best="parts"), "twins", tmp_path / "out")
    assert tasks == ["parts", "claims"]
    assert "1. parts, seed 1\n" in card
    assert "2. claims, seed 1 (a stage of the target `twins`, not of the recipe)\n" in card
    assert "The scores are those of this encoder without further training: mean pooling at 0.25 of its depth." in card
    assert "accuracy × 100 on twins (test split), mean over 1 language." in card
    assert "| this encoder (seed 1) | 80.0 |" in card
    assert "| all 2 seeds of the recipe, mean | 75.0 (standard deviation 7.1) |" in card
    assert "This seed has the highest score of the recipe on this split, so that its score is slightly" in card
    assert "Does a claim about one word of the premise hold?: generated" in card


def test_for_a_target_that_trains_the_encoder_of_the_recipe_is_exported_and_later_stages_are_listed(
    tmp_path: Path,
) -> None:
    tasks, card = exported(complete_run(tmp_path / "run", best="parts"), "names", tmp_path / "out")
    assert tasks == ["parts"]
    encoder, further = card.split(FURTHER)
    assert "1. parts, seed 1\n" in encoder
    assert "claims" not in encoder
    assert "The scores were measured after the further stages listed at the end, which are not part of" in encoder
    assert "1. claims, seed 1\n" in further
    assert "2. names, seed 1\n" in further
    assert '"learning_rate": 0.0' in further.split("2. names")[1], "the dial that the study chose"
    assert "Does a claim" not in further, "licences are those of the data that the encoder was trained on"


def test_for_a_target_without_stages_the_encoder_of_the_recipe_is_exported_as_it_was_scored(tmp_path: Path) -> None:
    tasks, card = exported(complete_run(tmp_path / "run", best="parts"), "mining", tmp_path / "out")
    assert tasks == ["parts"]
    assert "not of the recipe" not in card
    assert FURTHER not in card


def test_if_the_baseline_is_best_the_message_names_the_encoder_that_was_scored(tmp_path: Path) -> None:
    run = complete_run(tmp_path / "run", best="baseline")
    with pytest.raises(UserError, match="No recipe is better than the baseline on 'twins': the pretrained encoder"):
        export_best(run, "twins", tmp_path / "out")
    with pytest.raises(UserError, match="on 'mining': the pretrained encoder has the highest score"):
        export_best(run, "mining", tmp_path / "out")


def test_an_export_does_not_replace_a_file(tmp_path: Path) -> None:
    run = complete_run(tmp_path / "run", best="parts")
    (tmp_path / "out").write_text("notes")
    with pytest.raises(UserError, match=r"out is not empty: name a new folder\."):
        export_best(run, "twins", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "notes"


def test_an_export_loads_no_training_or_plotting_library() -> None:
    heavy = ("torch", "transformers", "datasets", "ray", "matplotlib", "scipy")
    code = f"import sys, analysis.export; print([name for name in {heavy} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
