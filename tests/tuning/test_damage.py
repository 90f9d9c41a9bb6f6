"""Each type of stored file with each type of damage: the sweep makes the same ledger, and names what was damaged."""

import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.run.run import Run
from sweeper.space import Recipe, Stage, Training, Translation
from sweeper.training.checkpoints import Checkpoints
from tests import translators_tiny
from tests.here import sweep_here
from tests.runs import content

pytestmark = [pytest.mark.slow, pytest.mark.faults]

SHORT = Training(learning_rate=1e-3, epochs=2, batch_size=8, max_length=48, cap_examples=16)
LONGER = replace(SHORT, epochs=11)
"""22 steps: a training looks every 20 steps whether a checkpoint is due."""
TRANSLATION = Translation(languages=("es", "gl"), by="apertium", share=0.5)
SPACE = replace(
    TINY,
    name="damage",
    recipes=(
        Recipe(name="baseline"),
        Recipe(name="parts", stages=(Stage(tasks=("parts",), training=SHORT),)),
        Recipe(name="claims", stages=(Stage(tasks=("claims",), training=SHORT, translation=TRANSLATION),)),
    ),
    targets=(replace(TINY.targets[0], task="names", training=LONGER, dials={}, languages=("en", "xa")),),
    seeds=(1,),
    predictors=True,
    world="demo:draws=2",
)
LAST = ("baseline -> names", "claims -> names", "= predictors")
"""Parts of the names of the trials whose records are damaged, and that have no record in a half-finished sweep."""


def damaged_content(damage: str, content: bytes) -> bytes:
    middle = len(content) // 2
    if damage == "one bit flipped":
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    if damage == "a block zeroed":
        block = min(4096, len(content) // 3)
        return content[:middle] + bytes(block) + content[middle + block :]
    assert damage == "truncated"
    return content[:middle]


def damage_files(damage: str, files: Sequence[Path]) -> None:
    """Damage each file. With "swapped with its neighbour", each has the content of the next one."""
    assert files
    contents = [path.read_bytes() for path in files]
    for number, path in enumerate(files):
        path.unlink()  # the file may be a link to that of another case
        if damage == "swapped with its neighbour":
            path.write_bytes(contents[(number + 1) % len(files)])
        elif damage != "removed":
            path.write_bytes(damaged_content(damage, contents[number]))


DAMAGES = ("one bit flipped", "a block zeroed", "truncated", "swapped with its neighbour", "removed")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A type of stored file."""

    files: tuple[str, ...]
    """Patterns inside the run folder. All files that match one are damaged. LAST is each key of `keys_of_last`."""
    half: bool = False
    """Whether only a sweep that is not finished uses them."""
    without: tuple[str, ...] = ()
    """Folders and files that are removed, because the sweep would otherwise use them instead."""
    silent: bool = False
    """Whether no result depends on them, so that the damage need not be named."""


RETOKENISED = ("cache/encoded",)
STORED = {
    "training record": Stored(files=("ledger/trainings/LAST.json",)),
    "score record": Stored(files=("ledger/scores/LAST.json",)),
    "outcomes": Stored(files=("ledger/outcomes/LAST.parquet",)),
    "checkpoint": Stored(files=("checkpoints/*.pt",), half=True),
    "weights of an encoder": Stored(files=("encoders/*/*.safetensors",), half=True),
    "configuration of an encoder": Stored(files=("encoders/*/[!m]*.json",), half=True),
    "manifest of an encoder": Stored(files=("encoders/*/manifest.json",), half=True),
    "token arrays": Stored(files=("cache/encoded/*/*.npy",), half=True),
    "examples": Stored(files=("cache/encoded/*/examples.jsonl",), half=True),
    "manifest of tokens": Stored(files=("cache/encoded/*/manifest.json",), half=True),
    "translations": Stored(files=("cache/translations/*/*.jsonl",), half=True, without=RETOKENISED),
    "text vectors": Stored(files=("cache/vectors/*.json",), half=True),
    "world": Stored(files=("cache/worlds/*/datasets/demo/*/*/*",), half=True, without=RETOKENISED),
    "manifest of a world": Stored(files=("cache/worlds/*/manifest.json",), half=True),
    "copy of a data set": Stored(files=("cache/datasets/**/*.arrow",), half=True, without=RETOKENISED),
    "facts of a copy": Stored(files=("cache/datasets/**/dataset_info.json",), half=True, without=RETOKENISED),
    "manifest of a copy": Stored(files=("cache/datasets/*/*.files.json",), half=True, without=RETOKENISED),
    "settings": Stored(files=("space.json", "site.json", "options.json")),
    "note about verified outcomes": Stored(files=("ledger/verified.json",), silent=True),
    "state of a running sweep": Stored(files=("live.json",), silent=True),
    "journal": Stored(files=("optuna.journal",), silent=True),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished sweep with the checkpoints of LAST, which no sweep has after its end."""
    folder = tmp_path_factory.mktemp("damage")
    run = folder / "whole"
    with pytest.MonkeyPatch.context() as patch:
        program = translators_tiny.apertium(folder / "usr", "eng-spa", "en-gl")
        patch.setenv("PATH", f"{program}:{os.environ['PATH']}")
        patch.setattr(Checkpoints, "clear", lambda _: None)
        sweep_here(SPACE, run)
        sweep_here(SPACE, run)  # it compares the outcomes and writes the note about them
        patch.undo()
        patch.setenv("PATH", f"{program}:{os.environ['PATH']}")
        last = keys_of_last(run)
        for path in (run / "checkpoints").iterdir():
            if path.stem not in last:
                path.unlink()
        (run / "optuna.journal").write_text("no search of this space has a study\n" * 10)
        yield run


def keys_of_last(run: Path) -> list[str]:
    """The keys of the trials in LAST and of their scores."""
    ledger = Run.at(str(run)).ledger
    keys = [key for key, record in ledger.trainings().items() if any(name in record.spec.name for name in LAST)]
    return [*keys, *(key for key, score in ledger.scores().items() if score.training in keys)]


def linked(source: str, target: str) -> None:
    """Copy a file. Most files are only linked, because they are replaced and not changed when they are written."""
    if source.endswith((".jsonl", ".log")):
        shutil.copyfile(source, target)
    else:
        os.link(source, target)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", STORED)
def test_any_damage_to_any_stored_file_is_named_and_the_sweep_makes_the_same_ledger(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    stored, run, keys = STORED[name], tmp_path / "run", keys_of_last(whole)
    shutil.copytree(whole, run, copy_function=linked)
    if stored.half:
        for path in (path for key in keys for path in run.glob(f"ledger/*/{key}.*")):
            path.unlink()
    else:
        shutil.rmtree(run / "checkpoints")
    for folder in stored.without:
        shutil.rmtree(run / folder)
    patterns = [pattern.replace("LAST", key) for pattern in stored.files for key in keys]
    files = sorted({path for pattern in patterns for path in run.glob(pattern)})
    if damage == "swapped with its neighbour" and len(files) == 1:
        pytest.skip("the only file of its type has no neighbour")
    damage_files(damage, files)
    caplog.set_level(logging.WARNING, "sweeper")
    output = sweep_here(SPACE, run)
    assert content(run) == content(whole)
    told = output + caplog.text
    assert stored.silent or damage == "removed" or re.search("damaged|made again", told), told
