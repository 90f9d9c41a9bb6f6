"""Rows that train on translations, from a space file to the ledger; and what stops them before anything is trained."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.source import Sources
from sweeper.ledger import Ledger
from sweeper.records import TrainingRecord
from sweeper.tasks.catalog import CATALOG
from tests import translators_tiny as tiny
from tests.runs import PATIENCE, run_arguments, shared_cache, sweeper

CORNER = """
from dataclasses import replace
from search_spaces.tiny import SPACE as TINY
from sweeper.space import Recipe, Stage, Training, Translation
TRAINING = Training(epochs=1, batch_size=8, max_length=64, cap_examples=40)
MT = Translation(languages=("es",), by={by!r}, share=0.5)
ROW = Recipe(name="translated", stages=(Stage(tasks=("claims",), training=TRAINING, translation=MT),))
SPACE = replace(TINY, name="corner", recipes=(TINY.recipes[0], ROW))
"""
VARIANTS = """
from dataclasses import replace
from search_spaces.text_small import SHORT, SPACE as TEXT
from sweeper.space import Recipe, Stage, Target, Translation
TRAINING = replace(SHORT, cap_tokens=None, cap_examples=48)
MNLI = Stage(tasks=("mnli",), training=TRAINING)
MIXED = replace(MNLI, mlm_share=0.5, mlm_languages=("en", "es"))
SPANISH = replace(MNLI, translation=Translation(languages=("es",), by={by!r}, share=0.5))
STAGES = {{"mnli": MNLI, "mixed": MIXED, "es": SPANISH}}
SPACE = replace(
    TEXT,
    name="variants",
    recipes=(Recipe(name="baseline"), *(Recipe(name=name, stages=(stage,)) for name, stage in STAGES.items())),
    targets=(Target(task="xnli", training=TRAINING, languages=("en", "es")),),
    seeds=(1,),
    eval_cap=20,
)
"""


def space(folder: Path, text: str, by: str) -> str:
    path = folder / "variants.py"
    path.write_text(text.format(by=by))
    return str(path)


def run(tmp_path: Path, by: str) -> Any:
    """The corner of the generated world, with a row that one cannot have."""
    return sweeper("run", space(tmp_path, CORNER, by), "--out", str(tmp_path / "run"), "--cache", shared_cache())


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("folder:{folder}/none", "is a folder with files *.jsonl, of lines such as"),
        ("folder:{folder}/some", "has no translation into 'es' of "),
        ("{folder}/encoder", "Models are loaded from safetensors only"),
    ],
)
def test_a_translator_that_is_not_there_stops_a_run_before_anything_is_trained(
    tmp_path: Path, demo_world: Path, by: str, said: str
) -> None:
    tiny.recorded(tmp_path / "some", {"No text of the world.": "Ningún texto."})
    (tmp_path / "encoder").mkdir()
    done = run(tmp_path, by.format(folder=tmp_path))
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run").rglob("trainings/*.json"))


def pretended(folder: Path, mirror: Path) -> Path:
    """Every text of the mirror's MNLI with its words turned round, as if that were Spanish."""
    sources = Sources(mirror=mirror, cache=Path(shared_cache()))
    rows = sources.load(CATALOG["mnli"].train["en"][0])
    texts = {text: " ".join(reversed(text.split())) for row in rows for text in (row["premise"], row["hypothesis"])}
    return tiny.recorded(folder, texts)


@pytest.mark.slow
@pytest.mark.mirror
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.parametrize("by", ["folder", "apertium"])
def test_mnli_trains_plain_with_masked_text_and_in_spanish(tmp_path: Path, mirror: Path, by: str) -> None:
    if by == "apertium" and shutil.which("apertium") is None:
        pytest.skip("the program apertium is not installed")
    name = f"folder:{pretended(tmp_path / 'spanish', mirror)}" if by == "folder" else by
    done = sweeper(*run_arguments(tmp_path / "run", "--mirror", str(mirror), space=space(tmp_path, VARIANTS, name)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mnli: examples translated by" in done.stdout
    ledger = Ledger.at(f"{tmp_path}/run/ledger")
    found = {one.spec.recipe: one for one in ledger.trainings().values() if one.spec.kind == "prepare"}
    assert set(found) == {"mnli", "mixed", "es"}
    assert found["mixed"].examples["mlm_text"] > 0
    assert found["es"].examples == found["mnli"].examples
    assert [one.translated for one in (found["mnli"], found["mixed"])] == [{}, {}]
    assert _translated(found["es"]) == pytest.approx(24, abs=12)
    assert found["es"].loss != found["mnli"].loss
    scored = {score.recipe: set(score.metrics) for score in ledger.scores().values() if score.target == "xnli"}
    assert scored == {row: {"en", "es"} for row in ("baseline", "mnli", "mixed", "es")}


def _translated(record: TrainingRecord) -> int:
    counts = record.translated["mnli"]["es"]
    assert counts["dropped"] == 0
    return counts["translated"]
