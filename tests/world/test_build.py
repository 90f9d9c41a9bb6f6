"""The files of a synthetic world: equal settings give equal bytes on every machine, and a folder is whole or absent."""

import hashlib
import json
from pathlib import Path

import pytest

from sweeper.files.manifest import MANIFEST, list_files, manifest_bytes
from sweeper.tasks.spec import Rows, Task
from sweeper.world.build import build
from sweeper.world.repositories import INTERMEDIATES, TARGETS
from sweeper.world.tasks import ENTRIES, EVAL_SIZE, NUM_NULLS, PLACEBOS, num_evaluated
from sweeper.world.tasks import TARGETS as TARGET_TASKS

BUILD = "sweeper.world.build"
SHARED = ("texts", "twins", "mining")
"""Data sets that all draws share."""
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
"""File of the world -> first digits of its SHA-256. "vocabulary" is the list of tokenizer pieces."""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce every world to three data sets, one null data set and a few lines of text."""
    monkeypatch.setattr(f"{BUILD}.INTERMEDIATES", [data_set for data_set in INTERMEDIATES if data_set.name == "parts"])
    targets = [data_set for data_set in TARGETS if data_set.name in ("xclaims", "few_questions")]
    monkeypatch.setattr(f"{BUILD}.TARGETS", targets)
    monkeypatch.setattr(f"{BUILD}.NUM_NULLS", 1)
    monkeypatch.setattr(f"{BUILD}.NUM_LINES", 200)


def built(world: str, folder: Path) -> dict[str, bytes]:
    """Path of each file of a world, without its manifest -> its bytes."""
    build(world, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """Names of the files that differ. Both worlds must have the same names."""
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def golden(world: Path) -> dict[str, str]:
    """The hashes of GOLDEN, for this world."""
    saved = json.loads((world / "models" / "demo" / "blank" / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = saved["model"]["vocab"]
    pieces = "\n".join(sorted(vocabulary, key=vocabulary.__getitem__)).encode()
    return {name: sha256(pieces if name == "vocabulary" else (world / name).read_bytes()) for name in GOLDEN}


def test_the_files_of_a_world_are_the_same_on_all_machines_and_python_versions(demo_world: Path) -> None:
    """After an intended change, `pytest tests/world/test_build.py -k all_machines` prints the new GOLDEN."""
    hashes = golden(demo_world)
    lines = "".join(f'    "{name}": "{value}",\n' for name, value in hashes.items())
    assert hashes == GOLDEN, (
        f"The world has changed. If that is intended, the new hashes are:\n\nGOLDEN = {{\n{lines}}}\n"
    )


@pytest.mark.usefixtures("tiny")
def test_two_worlds_with_equal_settings_have_equal_bytes(tmp_path: Path) -> None:
    assert changed(built("demo:draws=2", tmp_path / "first"), built("demo:draws=2", tmp_path / "second")) == set()


@pytest.mark.usefixtures("tiny")
def test_the_truth_seed_changes_rows_and_neither_texts_nor_tokenizer_nor_encoder(tmp_path: Path) -> None:
    before, after = (built(f"demo:draws=1,truth_seed={seed}", tmp_path / str(seed)) for seed in (0, 1))
    rows = {name for name in before if name.endswith(".jsonl") and "/texts/" not in name}
    assert changed(before, after) == rows
    assert len(rows) > 20


@pytest.mark.usefixtures("tiny")
def test_the_language_seed_changes_texts_tokenizer_encoder_and_all_rows_but_the_english_ones(
    tmp_path: Path,
) -> None:
    before, after = (built(f"demo:draws=1,language_seed={seed}", tmp_path / str(seed)) for seed in (0, 1))
    assert not [name for name in after if name.startswith("models/demo/tiny/")]
    before = {name: content for name, content in before.items() if not name.startswith("models/demo/tiny/")}
    unchanged = before.keys() - changed(before, after)
    assert {name.rsplit("/", 1)[-1] for name in unchanged} == {
        *("README.md", "tokenizer_config.json", "config.json", "train.jsonl", "validation.jsonl"),
        *("validation_en.jsonl", "test_en.jsonl"),
    }


@pytest.mark.usefixtures("tiny")
def test_draws_differ_from_each_other_and_do_not_depend_on_their_number(tmp_path: Path) -> None:
    few, many = built("demo:draws=1", tmp_path / "few"), built("demo:draws=3", tmp_path / "many")
    # The card of a data set lists its files, and therefore depends on the number of draws.
    assert all(many[name] == content for name, content in few.items() if not name.endswith("README.md"))
    drawn = [name for name in few if "/draw0/" in name]
    for name in drawn:
        assert len({many[name.replace("/draw0/", f"/draw{draw}/")] for draw in range(3)}) == 3
    assert len(many) == len(few) + 2 * len(drawn)


@pytest.mark.usefixtures("tiny")
def test_a_scale_of_four_gives_four_times_the_rows(tmp_path: Path) -> None:
    small, large = built("demo:draws=1", tmp_path / "small"), built("demo:draws=1,scale=4", tmp_path / "large")
    for name in small:
        if "/mining/default/" in name:
            pools = [json.loads(world[name]) for world in (small, large)]
            assert [len(pool["sentence1"]) for pool in pools] == [2 * EVAL_SIZE, 8 * EVAL_SIZE]
            assert [len(pool["gold"]) for pool in pools] == [EVAL_SIZE, 4 * EVAL_SIZE]
        elif name.endswith(".jsonl") and "/texts/" not in name:
            assert large[name].count(b"\n") == 4 * small[name].count(b"\n")
    texts = [{name: world[name] for name in world if "/texts/" in name} for world in (small, large)]
    assert changed(*texts) == set()


@pytest.mark.parametrize("task", ENTRIES.values(), ids=ENTRIES)
def test_a_task_states_as_many_examples_as_its_files_have(task: Task, demo_world: Path) -> None:
    drawn = task.drawn(1)
    assert task.train_size == sum(num_rows(rows, demo_world) for sources in drawn.train.values() for rows in sources)
    for split in (drawn.dev, drawn.test) if task.name in [target.name for target in TARGET_TASKS] else ():
        sizes = [sum(num_rows(rows, demo_world) for rows in sources) for sources in split.values()]
        assert sizes == [num_evaluated(task)] * len(split)


def num_rows(rows: Rows, world: Path) -> int:
    """Examples of one source of a task; for a pool of `mining`, the sentences of one side."""
    text = (world / "datasets" / rows.id / str(rows.config) / f"{rows.split}.jsonl").read_text(encoding="utf-8")
    all_rows = [json.loads(line) for line in text.splitlines()]
    selected = [row for row in all_rows if str(row.get("id", "")).startswith(rows.id_prefix)]
    return len(selected[0]["sentence1"]) if "gold" in selected[0] else len(selected)


def test_each_data_set_has_a_card_that_lists_its_files(demo_world: Path) -> None:
    folders = sorted((demo_world / "datasets" / "demo").iterdir())
    placebos = {rows.id for task in PLACEBOS for rows in task.train["en"]}
    assert len(folders) == len(INTERMEDIATES) + len(placebos) + NUM_NULLS + len(TARGETS) + len(SHARED)
    for folder in folders:
        card = (folder / "README.md").read_text(encoding="utf-8")
        files = [path.relative_to(folder).as_posix() for path in folder.rglob("*.jsonl")]
        assert files
        assert all(f"path: {file}\n" in card for file in files)
        configs = {file.split("/")[0] for file in files}
        assert configs == ({"default"} if folder.name in SHARED else {f"draw{draw}" for draw in range(len(configs))})


@pytest.mark.usefixtures("tiny")
def test_a_world_that_exists_is_left_unchanged_and_a_damaged_one_is_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    build("demo:draws=1", folder)
    changed = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    build("demo:draws=1", folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == changed
    rows = next(folder.rglob("*.jsonl"))
    content = rows.read_bytes()
    rows.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    build("demo:draws=1", folder)
    assert rows.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


@pytest.mark.usefixtures("tiny")
def test_a_world_that_fails_half_way_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(f"{BUILD}.write_encoders", full_disk)
    with pytest.raises(OSError, match="no space left"):
        build("demo:draws=1", tmp_path / "world")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("tiny")
def test_the_world_of_a_faster_process_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faster(*_: object, **__: object) -> None:
        (tmp_path / "world").mkdir()
        (tmp_path / "world" / "theirs").touch()
        (tmp_path / "world" / MANIFEST).write_bytes(manifest_bytes(list_files(tmp_path / "world"), "world"))

    monkeypatch.setattr(f"{BUILD}.write_encoders", faster)
    build("demo:draws=1", tmp_path / "world")
    assert {path.name for path in tmp_path.rglob("*")} == {"world", "theirs", MANIFEST}
