"""Which encoder an export takes along, and what its card says, where a target trains in a chain."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.export import export_best
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import ScoreRecord
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.ledger import Ledger
from sweeper.run.run import SITE_FILE, SPACE_FILE
from sweeper.run.site import Site
from sweeper.space import LogUniform, Recipe, Stage, Target
from sweeper.training.workbench import Workbench
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


def tasks_of(spec: TrialSpec) -> list[str]:
    return [data.task for stage in spec.chain for data in stage.data]


def filled(run: Path, *, best: str) -> str:
    """A run folder that holds every cell and encoder: `best` is the best row, seed 1 its best seed."""
    site = Site(ledger=str(run / "ledger"), store=str(run), checkpoints="", cache=str(run / "cache"))
    Folder(str(run)).write(SPACE_FILE, write_json(SPACE))
    Folder(str(run)).write(SITE_FILE, json.dumps(vars(site)).encode())
    shelf, ledger = FakeLedger(), Ledger.at(site.ledger)
    specs = drain(agenda_of(SPACE), shelf)
    for record in shelf.trainings.values():
        ledger.write_training(record)
    for spec in specs:
        keep_scores(ledger, spec, (0.9 if spec.recipe == best else 0.5) - 0.1 * spec.seed)
        if spec.kind == "prepare":
            keep_encoder(Workbench(site), spec, run / "made")
    return str(run)


def keep_scores(ledger: Ledger, spec: TrialSpec, value: float) -> None:
    for score in spec.scores:
        key = score_key(spec.key, score)
        record = ScoreRecord(
            key=key, training=spec.key, model="tiny", recipe=spec.recipe, target=score.target, seed=spec.seed,
            split=score.split, pooling=score.pooling, layer=score.layer, similarity=score.similarity,
            metrics={"xa": {"accuracy": value}}, trivial={}, counts={}, main="accuracy", outcomes=f"outcomes/{key}",
        )  # fmt: skip
        ledger.write_score(record, pd.DataFrame({"language": ["xa"]}))


def keep_encoder(bench: Workbench, spec: TrialSpec, draft: Path) -> None:
    """An encoder that says what it was trained on."""
    draft.mkdir(exist_ok=True)
    (draft / "config.json").write_text(json.dumps(tasks_of(spec)))
    bench.store.keep(spec.encoder, draft)


def exported(run: str, target: str, folder: Path) -> tuple[list[str], str]:
    """What the exported encoder was trained on, and its card."""
    export_best(run, target, folder)
    return json.loads((folder / "config.json").read_text()), (folder / "README.md").read_text()


def test_of_a_target_that_trains_nothing_itself_the_encoder_that_was_scored_is_taken(tmp_path: Path) -> None:
    tasks, card = exported(filled(tmp_path / "run", best="parts"), "twins", tmp_path / "out")
    assert tasks == ["parts", "claims"]
    assert "1. parts, seed 1\n" in card
    assert "2. claims, seed 1 (not of the row: the target `twins` puts it there)\n" in card
    assert "Scores are accuracy x 100 of this encoder as it is: mean pooling at 0.25 of its depth." in card
    assert "| this encoder (seed 1, the best of 2 on this split, so a little flattered) | 80.0 |" in card
    assert "Does a claim about one word of the premise hold?: generated" in card


def test_of_a_target_that_trains_the_rows_own_encoder_is_taken_and_what_came_behind_it_is_told(tmp_path: Path) -> None:
    tasks, card = exported(filled(tmp_path / "run", best="parts"), "names", tmp_path / "out")
    assert tasks == ["parts"]
    own, behind = card.split("## Behind it, for the scores alone")
    assert "1. parts, seed 1\n" in own
    assert "claims" not in own
    assert "Scores are accuracy x 100 after the further stages below, which are no part of this encoder." in own
    assert "1. claims, seed 1\n" in behind
    assert "2. names, seed 1\n" in behind
    assert '"learning_rate": 0.0' in behind.split("2. names")[1], "the dial that the study chose"
    assert "Does a claim" not in behind, "licences are of what trained the encoder"


def test_of_a_target_without_any_stage_the_rows_own_encoder_is_taken_as_it_was_scored(tmp_path: Path) -> None:
    tasks, card = exported(filled(tmp_path / "run", best="parts"), "mining", tmp_path / "out")
    assert tasks == ["parts"]
    assert "not of the row" not in card
    assert "## Behind it" not in card


def test_where_the_baseline_is_best_the_message_claims_no_encoder_that_was_not_scored(tmp_path: Path) -> None:
    run = filled(tmp_path / "run", best="baseline")
    with pytest.raises(UserError, match="No recipe beats the baseline on 'twins': its own stages on the pretrained"):
        export_best(run, "twins", tmp_path / "out")
    with pytest.raises(UserError, match="No recipe beats the baseline on 'mining': the pretrained encoder is the best"):
        export_best(run, "mining", tmp_path / "out")
