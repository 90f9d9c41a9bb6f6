"""The synthetic world as files: the same bytes everywhere, decided by its settings, whole or not there."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.tasks.spec import Rows, Task
from sweeper.world.build import World, build, check_space, parse, world_folder
from sweeper.world.repositories import INTERMEDIATES, TARGETS
from sweeper.world.tasks import ENTRIES, EVAL_SIZE, NUM_NULLS, PLACEBOS, num_evaluated
from sweeper.world.tasks import TARGETS as TARGET_ENTRIES

WORLD = "sweeper.world.build"
SHARED = ("texts", "twins", "mining")
"""Data sets that are the same in every draw."""
GOLDEN = {
    "datasets/demo/claims/draw1/train.jsonl": "180865956ef35986",
    "datasets/demo/parts/draw1/validation.jsonl": "b839dd0eac36851c",
    "datasets/demo/questions_null/draw1/validation.jsonl": "ae015f3688cddb16",
    "datasets/demo/gaps/draw1/validation.jsonl": "bc312c12fca01f14",
    "datasets/demo/placebo_reasons/draw1/validation.jsonl": "86ec919711bea1ac",
    "datasets/demo/null_1/draw1/validation.jsonl": "3f67e8b07ac8b697",
    "datasets/demo/xrewrites/draw1/test_xg.jsonl": "8fd4464eb915324f",
    "datasets/demo/names/draw1/test_xc.jsonl": "66292f16953bc821",
    "datasets/demo/few_questions/draw1/validation.jsonl": "296eefa2e4792f7e",
    "datasets/demo/mining/default/test_xh.jsonl": "c82796a4e801ae7c",
    "datasets/demo/texts/default/train.jsonl": "5ba4fc023c309822",
    "datasets/demo/twins/README.md": "44e66e6e01f11fbe",
    "vocabulary": "20908483ed94aab1",
}
"""File of the world -> the start of its SHA-256; of the vocabulary, that of its pieces in order."""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every world a corner of itself: three data sets, one null row and a few lines of text."""
    kept = [one for one in INTERMEDIATES if one.name == "parts"]
    monkeypatch.setattr(f"{WORLD}.INTERMEDIATES", kept)
    monkeypatch.setattr(f"{WORLD}.TARGETS", [one for one in TARGETS if one.name in ("xclaims", "few_questions")])
    monkeypatch.setattr(f"{WORLD}.NUM_NULLS", 1)
    monkeypatch.setattr(f"{WORLD}.NUM_LINES", 200)


def built(world: str, folder: Path) -> dict[str, bytes]:
    build(world, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """Names of the files that differ; both worlds must hold the same ones."""
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def golden(world: Path) -> dict[str, str]:
    """What GOLDEN says, of this world."""
    saved = json.loads((world / "models" / "demo" / "blank" / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = saved["model"]["vocab"]
    pieces = "\n".join(sorted(vocabulary, key=vocabulary.__getitem__)).encode()
    return {name: sha256(pieces if name == "vocabulary" else (world / name).read_bytes()) for name in GOLDEN}


def test_files_are_those_of_every_machine_and_python_version(demo_world: Path) -> None:
    """After a change that is meant to change the world: `pytest tests/world/test_build.py -k every_machine` prints
    the GOLDEN to paste.
    """
    found = golden(demo_world)
    lines = "".join(f'    "{name}": "{new}",\n' for name, new in found.items())
    assert found == GOLDEN, f"The world has changed. If that was meant, the new hashes are:\n\nGOLDEN = {{\n{lines}}}\n"


@pytest.mark.usefixtures("tiny")
def test_the_same_world_is_the_same_bytes(tmp_path: Path) -> None:
    assert changed(built("demo:draws=2", tmp_path / "one"), built("demo:draws=2", tmp_path / "other")) == set()


@pytest.mark.usefixtures("tiny")
def test_another_truth_changes_rows_and_neither_texts_nor_tokenizer_nor_encoder(tmp_path: Path) -> None:
    before, after = (built(f"demo:draws=1,truth_seed={seed}", tmp_path / str(seed)) for seed in (0, 1))
    rows = {name for name in before if name.endswith(".jsonl") and "/texts/" not in name}
    assert changed(before, after) == rows
    assert len(rows) > 20


@pytest.mark.usefixtures("tiny")
def test_other_languages_change_texts_tokenizer_encoder_and_what_is_not_english(tmp_path: Path) -> None:
    before, after = (built(f"demo:draws=1,language_seed={seed}", tmp_path / str(seed)) for seed in (0, 1))
    assert not [name for name in after if name.startswith("models/demo/tiny/")]
    before = {name: content for name, content in before.items() if not name.startswith("models/demo/tiny/")}
    same = before.keys() - changed(before, after)
    assert {name.rsplit("/", 1)[-1] for name in same} == {
        *("README.md", "tokenizer_config.json", "config.json", "train.jsonl", "validation.jsonl"),
        *("validation_en.jsonl", "test_en.jsonl"),
    }


@pytest.mark.usefixtures("tiny")
def test_every_draw_is_another_and_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    few, many = built("demo:draws=1", tmp_path / "few"), built("demo:draws=3", tmp_path / "many")
    assert all(many[name] == content for name, content in few.items() if not name.endswith("README.md"))
    drawn = [name for name in few if "/draw0/" in name]
    for name in drawn:
        assert len({many[name.replace("/draw0/", f"/draw{draw}/")] for draw in range(3)}) == 3
    assert len(many) == len(few) + 2 * len(drawn)


@pytest.mark.usefixtures("tiny")
def test_four_times_the_scale_is_four_times_the_rows(tmp_path: Path) -> None:
    small, large = built("demo:draws=1", tmp_path / "small"), built("demo:draws=1,scale=4", tmp_path / "large")
    for name in small:
        if "/mining/default/" in name:
            pools = [json.loads(world[name]) for world in (small, large)]
            assert [len(pool["sentence1"]) for pool in pools] == [2 * EVAL_SIZE, 8 * EVAL_SIZE]
            assert [len(pool["gold"]) for pool in pools] == [EVAL_SIZE, 4 * EVAL_SIZE]
        elif name.endswith(".jsonl") and "/texts/" not in name:
            assert large[name].count(b"\n") == 4 * small[name].count(b"\n")
    assert (
        changed({n: small[n] for n in small if "/texts/" in n}, {n: large[n] for n in large if "/texts/" in n}) == set()
    )


@pytest.mark.parametrize("task", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_states_as_many_examples_as_its_rows_hold(task: Task, demo_world: Path) -> None:
    drawn = task.drawn(1)
    assert task.train_size == sum(num_rows(rows, demo_world) for several in drawn.train.values() for rows in several)
    for places in (drawn.dev, drawn.test) if task.name in [target.name for target in TARGET_ENTRIES] else ():
        found = [sum(num_rows(rows, demo_world) for rows in several) for several in places.values()]
        assert found == [num_evaluated(task)] * len(places)


def num_rows(rows: Rows, world: Path) -> int:
    """Examples behind one place of an entry; of a pool the sentences of a side."""
    text = (world / "datasets" / rows.id / str(rows.config) / f"{rows.split}.jsonl").read_text(encoding="utf-8")
    read = [json.loads(line) for line in text.splitlines()]
    held = [row for row in read if str(row.get("id", "")).startswith(rows.id_prefix)]
    return len(held[0]["sentence1"]) if "gold" in held[0] else len(held)


def test_every_data_set_has_a_card_that_lists_its_files(demo_world: Path) -> None:
    places = sorted((demo_world / "datasets" / "demo").iterdir())
    placebos = {rows.id for task in PLACEBOS for rows in task.train["en"]}
    assert len(places) == len(INTERMEDIATES) + len(placebos) + NUM_NULLS + len(TARGETS) + len(SHARED)
    for place in places:
        card = (place / "README.md").read_text(encoding="utf-8")
        files = [path.relative_to(place).as_posix() for path in place.rglob("*.jsonl")]
        assert files
        assert all(f"path: {file}\n" in card for file in files)
        configs = {file.split("/")[0] for file in files}
        assert configs == ({"default"} if place.name in SHARED else {f"draw{draw}" for draw in range(len(configs))})


def test_a_worlds_name_holds_its_settings() -> None:
    assert parse("demo") == World(language_seed=0, truth_seed=0, scale=1, draws=6)
    assert parse("demo:truth_seed=3,scale=10") == World(truth_seed=3, scale=10)


def test_the_folder_of_a_world_changes_with_its_settings_and_not_with_how_they_are_written(tmp_path: Path) -> None:
    names = ["demo", "demo:truth_seed=1", "demo:language_seed=1", "demo:scale=2", "demo:draws=1"]
    assert len({world_folder(name, tmp_path) for name in names}) == len(names)
    assert world_folder("demo:draws=6,scale=1", tmp_path) == world_folder("demo", tmp_path)
    assert world_folder("demo", tmp_path).parent == tmp_path


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("dmo", r"No world is called 'dmo'\. Did you mean 'demo'\?"),
        ("demo:truthseed=1", r"No setting of a world is called 'truthseed'\. Did you mean 'truth_seed'\?"),
        ("demo:", r"after a colon has settings, each KEY=VALUE, a comma between two, got 'demo:': name a setting"),
        ("demo:scale=2,", "each KEY=VALUE, a comma between two, got 'demo:scale=2,'"),
        ("demo:scale=2,,draws=1", "each KEY=VALUE, a comma between two, got 'demo:scale=2,,draws=1'"),
        ("demo:scale=2,scale=3", "names each setting once, got scale twice in 'demo:scale=2,scale=3': keep one"),
        ("demo:draws=1,scale=2,draws=1", "names each setting once, got draws twice"),
        ("demo:scale=ten", "A world's scale is a whole number, got 'ten'"),
        ("demo:scale", "A world's scale is a whole number, got ''"),
        ("demo:truth_seed=-1", "A world's truth_seed is a whole number, got '-1'"),
        ("demo:scale=0", "A world needs scale >= 1 and draws >= 1, got 0 and 6"),
        ("demo:draws=0", "A world needs scale >= 1 and draws >= 1, got 1 and 0"),
    ],
)
def test_a_world_that_does_not_exist_is_refused_before_anything_is_written(
    world: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        build(world, tmp_path / "world")
    with pytest.raises(UserError, match=message):
        world_folder(world, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_world_that_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    folder.mkdir()
    build("demo", folder)
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.usefixtures("tiny")
def test_a_world_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(f"{WORLD}.write_encoders", full_disk)
    with pytest.raises(OSError, match="no space left"):
        build("demo:draws=1", tmp_path / "world")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("tiny")
def test_a_world_that_another_process_finishes_first_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faster(*_: object) -> None:
        (tmp_path / "world").mkdir()
        (tmp_path / "world" / "theirs").touch()

    monkeypatch.setattr(f"{WORLD}.write_encoders", faster)
    build("demo:draws=1", tmp_path / "world")
    assert [path.name for path in tmp_path.rglob("*")] == ["world", "theirs"]


def worlds_named(told: object) -> list[str]:
    """The worlds that a message names in arguments `--set world=...`."""
    return re.findall("--set world=([^ `]+)", str(told))


@pytest.mark.parametrize("world", ["demo", "demo:draws=4", "demo:scale=10,truth_seed=3", "demo:draws=2,truth_seed=1"])
def test_more_seeds_than_draws_are_refused_with_the_same_world_of_more_draws(world: str) -> None:
    most = parse(world).draws
    check_space(world, ["demo/tiny"], [1, most - 1])
    with pytest.raises(UserError, match=f"has {most} draws, and the seeds ask for draw {most}") as refused:
        check_space(world, ["demo/tiny"], [1, most])
    (larger,) = worlds_named(refused.value)
    assert parse(larger) == replace(parse(world), draws=most + 1)
    check_space(larger, ["demo/tiny"], [1, most])


def test_the_encoder_that_ships_is_refused_where_it_does_not_speak_the_languages() -> None:
    world = "demo:scale=10,language_seed=3"
    with pytest.raises(UserError, match=r"--out runs/languages_3`.* in runs/languages_3/encoders") as refused:
        check_space(world, ["demo/tiny"], [1])
    pretraining, sweep = worlds_named(refused.value)
    assert (parse(pretraining), sweep) == (World(language_seed=3, draws=1), world)
    for name in (pretraining, sweep):
        check_space(name, ["demo/blank"], [])
