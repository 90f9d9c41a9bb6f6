"""Recipes that train on translations, from a space file to the ledger, and the errors before any training."""

import json
import shutil
from dataclasses import replace
from io import StringIO
from itertools import product
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.data.source import Sources
from sweeper.plan.resolve import Resolver
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.space import Model, Recipe, Search, Space, Stage, Target, Training, Translation
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task
from sweeper.training.workbench import Workbench
from sweeper.tuning.pending import check_pending
from sweeper.tuning.sweep import make_agenda
from tests import translators_tiny as tiny
from tests.runs import PATIENCE, Call, ended, run_arguments, shared_cache, start
from tests.tokenizers_tiny import save_tiny_encoder

SMALL_SPACE = """
from dataclasses import replace
from search_spaces.tiny import SPACE as TINY
from sweeper.space import Recipe, Stage, Training, Translation
TRAINING = Training(epochs=1, batch_size=8, max_length=64, cap_examples=40)
MT = Translation(languages=("es",), by={by!r}, share=0.5)
ROW = Recipe(name="translated", stages=(Stage(tasks=("claims",), training=TRAINING, translation=MT),))
SPACE = replace(TINY, name="corner", recipes=(TINY.recipes[0], ROW))
"""
LANGUAGES = {
    **dict.fromkeys(("xnli", "pawsx", "pos_hub", "ner", "mlqa"), ("en", "es")),
    **dict.fromkeys(("xquad", "tatoeba"), ("es",)),
    "tydiqa": ("en", "sw"),
    "bucc": ("zh",),
    "xcopa": ("en", "it"),
}
"""A few languages of each target. LAReQA is omitted: its pool contains all languages and takes minutes per recipe."""
ROWS = """
from dataclasses import replace
from search_spaces.text_rows import SPACE as ROWS
from sweeper.space import Recipe, Translation
LANGUAGES = {languages!r}
(STAGE,) = next(recipe.stages for recipe in ROWS.recipes if recipe.name == "mnli_mt")
SPANISH = Recipe(name="mnli_mt", stages=(replace(STAGE, translation=Translation(languages=("es",), by={by!r})),))
SPACE = replace(
    ROWS,
    recipes=tuple(SPANISH if recipe.name == "mnli_mt" else recipe for recipe in ROWS.recipes),
    targets=tuple(
        replace(target, languages=LANGUAGES[target.task]) for target in ROWS.targets if target.task in LANGUAGES
    ),
)
"""


def space(folder: Path, text: str, by: str) -> str:
    path = folder / "variants.py"
    path.write_text(text.format(by=by, languages=LANGUAGES))
    return str(path)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("folder:{folder}/none", "needs *.jsonl files in that folder, and there are none"),
        ("folder:{folder}/some", "has no translation into 'es' of "),
        ("{folder}/encoder", "Models are loaded from safetensors only"),
    ],
)
def test_a_missing_translator_ends_a_run_before_any_training(
    call: Call, tmp_path: Path, demo_world: Path, by: str, message: str
) -> None:
    tiny.recorded(tmp_path / "some", {"No text of the world.": "Ningún texto."})
    (tmp_path / "encoder").mkdir()
    part_of_tiny = space(tmp_path, SMALL_SPACE, by.format(folder=tmp_path))
    done = call("run", part_of_tiny, "--out", str(tmp_path / "run"), "--cache", shared_cache())
    assert done.code == 2, done.out + done.err
    assert message in done.err
    assert "Traceback" not in done.err
    assert not list((tmp_path / "run").rglob("trainings/*.json"))


CLAIMS = Task(
    name="own_claims",
    title="",
    format="classify",
    scorer="accuracy",
    columns={"id": "id", "text": "premise", "pair": "hypothesis", "label": "label"},
    labels=("no", "yes"),
    train={"en": (Rows(id="own/claims", split="train"),)},
    dev={"en": (Rows(id="own/claims", split="validation"),)},
)
TAGS = Task(
    name="own_tags",
    title="",
    format="tag",
    scorer="accuracy",
    columns={"id": "id", "tokens": "tokens", "tags": "tags"},
    labels=("A", "B"),
    train={"en": (Rows(id="own/tags", split="train"),)},
)


def write_mirror(mirror: Path) -> Path:
    """Write a mirror with a tiny encoder and the two tasks, ten rows per split."""
    save_tiny_encoder(mirror / "models" / "own" / "encoder")
    rows = {
        "claims/train": {"premise": "the river is old", "hypothesis": "the town is new", "label": "no"},
        "claims/validation": {"premise": "the bridge is old", "hypothesis": "the bridge is old", "label": "yes"},
        "tags/train": {"tokens": ["old", "town"], "tags": ["A", "B"]},
    }
    for name, row in rows.items():
        path = mirror / "datasets" / "own" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"id": str(number), **row}) + "\n" for number in range(10)))
    return mirror


def test_a_task_that_cannot_be_translated_stays_in_english_with_one_message(tmp_path: Path) -> None:
    run, mirror = str(tmp_path / "run"), write_mirror(tmp_path / "mirror")
    site = Site(ledger=f"{run}/ledger", store=run, checkpoints=run, cache=f"{run}/cache", mirror=str(mirror))
    sources = Workbench(site).sources
    by = f"folder:{fake_translations(tmp_path / 'spanish', CLAIMS, sources)}"
    short = Training(epochs=1, batch_size=8, max_length=16)
    jointly = Stage(tasks=("own_claims", "own_tags"), training=short, translation=Translation(languages=("es",), by=by))
    space = Space(
        name="own",
        models=(Model(name="own", id="own/encoder"),),
        recipes=(
            Recipe(name="jointly", stages=(jointly,)),
            Recipe(name="evenly", stages=(replace(jointly, temperature=2.0),)),
        ),
        targets=(Target(task="own_claims", training=short),),
        tasks=(CLAIMS, TAGS),
        seeds=(1,),
        search=Search(share=0.3),
    )
    agenda, output = make_agenda(Resolver(space=space, sources=sources), Ledger.at(site.ledger).contents()), StringIO()
    check_pending(agenda, site, Console(file=output, width=1000))
    lines = output.getvalue().splitlines()
    assert [line for line in lines if line.startswith("own_tags ")] == [
        "own_tags stays in English, while own_claims is translated: a translation does not preserve the labels of "
        "format tag."
    ]
    assert len([line for line in lines if line.startswith(f"own_claims: examples translated by {by}: es ")]) == 1


def fake_translations(folder: Path, task: Task, sources: Sources) -> Path:
    """Write "Spanish" translations of all premises and hypotheses of a task: their words in reverse order."""
    rows = sources.load(task.train["en"][0])
    texts = {text: " ".join(reversed(text.split())) for row in rows for text in (row["premise"], row["hypothesis"])}
    return tiny.recorded(folder, texts)


@pytest.mark.slow
@pytest.mark.mirror
@pytest.mark.timeout(5 * PATIENCE)
@pytest.mark.parametrize("by", ["folder", "apertium"])
def test_recipes_of_every_type_are_scored_on_ten_targets_of_the_mirror(tmp_path: Path, mirror: Path, by: str) -> None:
    if by == "apertium" and shutil.which("apertium") is None:
        pytest.skip("the program apertium is not installed")
    sources = Sources(mirror=mirror, cache=Path(shared_cache()))
    name = f"folder:{fake_translations(tmp_path / 'spanish', CATALOG['mnli'], sources)}" if by == "folder" else by
    arguments = run_arguments(tmp_path / "run", "--mirror", str(mirror), space=space(tmp_path, ROWS, name))
    done = ended(start(*arguments), patience=4 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mnli: examples translated by" in done.stdout
    ledger = Ledger.at(f"{tmp_path}/run/ledger")
    by_recipe = {record.spec.recipe: record for record in ledger.trainings().values() if record.spec.kind == "prepare"}
    assert set(by_recipe) == {"mnli", "mnli_mlm", "mnli_mt", "multitask"}
    assert by_recipe["mnli_mlm"].examples["local_text"] > 0
    assert 1 < len(by_recipe["multitask"].examples) <= 9
    counts = by_recipe["mnli_mt"].translated["mnli"]["es"]
    assert counts["dropped"] == 0
    assert counts["translated"] >= by_recipe["mnli_mt"].examples["mnli"]
    assert [record.translated for recipe, record in by_recipe.items() if recipe != "mnli_mt"] == [{}, {}, {}]
    assert by_recipe["mnli_mt"].loss != by_recipe["mnli"].loss
    scored = {(score.recipe, score.target) for score in ledger.scores().values()}
    assert scored >= set(product(("baseline", *by_recipe), LANGUAGES))
