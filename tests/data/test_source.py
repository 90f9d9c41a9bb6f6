"""Rows from a mirror, a folder and the Hub: label names, identities, and errors about missing data."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, List, Value

from sweeper.data.source import Sources, _open, available_languages, check_task, data_identity
from sweeper.errors import DataError, UserError
from sweeper.tasks.spec import Rows, Task

PAIRS = {"text": ["a b", "c d", "e f"], "label": [0, 1, -1]}
NAMES = ClassLabel(names=["no", "yes"])
ROWS = Rows(id="demo/pairs", config="en", split="train")
TASK = Task(
    name="pairs",
    title="",
    format="classify",
    scorer="accuracy",
    columns={"text": "text", "label": "label"},
    train={"en": (ROWS,)},
    dev={code: (replace(ROWS, config=code, split="validation"),) for code in ("en", "de")},
)


def write_pairs(write: Any, texts: list[str] | None = None) -> None:
    train = PAIRS | {"text": texts} if texts else PAIRS
    dev = PAIRS | {"text": ["g h", "i j", "k l"]}
    write("demo/pairs", {"en": {"train": train, "validation": dev}}, {"label": NAMES})


def write_lines(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"text": "a b"}\n')


def test_label_numbers_become_the_names_that_the_data_set_declares(sources: Sources, write: Any) -> None:
    write_pairs(write)
    rows = sources.load(ROWS)
    assert [row["label"] for row in rows] == ["no", "yes", None]
    assert rows[1] == {"text": "c d", "label": "yes"}
    assert len(rows) == 3


def test_lists_of_label_numbers_become_lists_of_names(sources: Sources, write: Any) -> None:
    columns = {"tokens": [["a", "b"]], "tags": [[1, 0]]}
    write("demo/tags", {"en": {"train": columns}}, {"tokens": List(Value("string")), "tags": List(NAMES)})
    rows = Rows(id="demo/tags", config="en", split="train")
    assert list(sources.load(rows)) == [{"tokens": ["a", "b"], "tags": ["yes", "no"]}]
    assert sources.labels(rows, "tags") == ("no", "yes")


def test_a_missing_column_or_a_column_without_label_names_is_a_data_error(sources: Sources, write: Any) -> None:
    write_pairs(write)
    with pytest.raises(DataError, match="declares no label names for column 'text'"):
        sources.labels(ROWS, "text")
    with pytest.raises(DataError, match=r"has no column 'tag'; its columns are text, label"):
        sources.labels(ROWS, "tag")


def test_a_changed_file_changes_the_identity_and_is_not_read_from_an_old_cache(
    sources: Sources, write: Any, tmp_path: Path
) -> None:
    write_pairs(write)
    before = sources.identity(ROWS)
    assert sources.load(ROWS)[0]["text"] == "a b"
    card = tmp_path / "mirror/datasets/demo/pairs/README.md"
    old = card.read_text()
    write_pairs(write, ["x y", "c d", "e f"])
    assert card.read_text() == old
    assert sources.load(ROWS)[0]["text"] == "x y"
    assert sources.identity(ROWS) != before


def test_a_damaged_copy_of_a_data_set_is_made_again(
    sources: Sources, write: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["one", "two"]}}})
    rows = Rows(id="demo/pairs", config="en", split="train")
    assert sources.load(rows).table["text"][:] == ["one", "two"]
    (copy,) = sources.cache.rglob("*.arrow")
    content = copy.read_bytes()
    assert b"two" in content
    for damaged in (content.replace(b"two", b"tvo"), content[:100]):
        copy.write_bytes(damaged)
        _open.cache_clear()
        assert sources.load(rows).table["text"][:] == ["one", "two"]
        assert copy.read_bytes() == content
    for manifest in sources.cache.rglob("*.files.json"):
        manifest.write_bytes(manifest.read_bytes().replace(b"sha256", b"sha257"))
    _open.cache_clear()
    assert sources.load(rows).table["text"][:] == ["one", "two"]
    assert caplog.text.count("is damaged") == 3


def test_a_copy_of_a_data_set_without_a_manifest_is_made_again(
    sources: Sources, write: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["one", "two"]}, "validation": {"text": ["three"]}}})
    train, validation = (Rows(id="demo/pairs", config="en", split=split) for split in ("train", "validation"))
    for rows in (train, validation):
        sources.load(rows)
    copy = next(sources.cache.rglob("*train.arrow"))
    changed = copy.read_bytes().replace(b"two", b"tvo")
    for manifest in sources.cache.rglob("*.files.json"):
        manifest.unlink()
    copy.write_bytes(changed)
    _open.cache_clear()
    assert sources.load(validation).table["text"][:] == ["three"]
    assert sources.load(train).table["text"][:] == ["one", "two"]
    assert caplog.text.count("made again") == 1  # all splits at once
    copy.write_bytes(changed[:100])
    for manifest in sources.cache.rglob("*.files.json"):
        manifest.unlink()
    _open.cache_clear()
    assert sources.load(train).table["text"][:] == ["one", "two"]


def test_a_split_whose_copy_was_made_with_that_of_another_split_is_verified_and_not_made_again(
    sources: Sources, write: Any, caplog: pytest.LogCaptureFixture
) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["one", "two"]}, "validation": {"text": ["three"]}}})
    train, validation = (Rows(id="demo/pairs", config="en", split=split) for split in ("train", "validation"))
    sources.load(train)
    copy = next(sources.cache.rglob("*validation.arrow"))
    made, content = copy.stat(), copy.read_bytes()
    assert sources.load(validation).table["text"][:] == ["three"]
    assert copy.stat().st_ino == made.st_ino
    assert not caplog.text
    for manifest in sources.cache.rglob("*.files.json"):
        if b"train.arrow" not in manifest.read_bytes():  # that of the validation split
            manifest.unlink()
    copy.write_bytes(content.replace(b"three", b"thrEe"))
    _open.cache_clear()
    assert sources.load(validation).table["text"][:] == ["three"]
    assert "made again" in caplog.text
    assert sources.load(train).table["text"][:] == ["one", "two"]


def test_changed_label_names_of_a_copy_are_noticed(sources: Sources, write: Any) -> None:
    write_pairs(write)
    assert sources.load(ROWS)[0]["label"] == "no"
    (info,) = sources.cache.rglob("dataset_info.json")
    text = info.read_text()
    assert '["no", "yes"]' in text.replace("\n", "")
    info.write_text(text.replace('"no"', '"xx"').replace('"yes"', '"no"').replace('"xx"', '"yes"'))
    _open.cache_clear()
    assert sources.load(ROWS)[0]["label"] == "no"


def test_an_identity_depends_on_one_split_and_not_on_the_path_of_the_mirror(
    sources: Sources, write: Any, tmp_path: Path
) -> None:
    write_pairs(write)
    train, dev = (sources.identity(replace(ROWS, split=split)) for split in ("train", "validation"))
    write_pairs(write, ["x y", "c d", "e f"])
    assert sources.identity(replace(ROWS, split="validation")) == dev
    assert sources.identity(ROWS) != train
    again = sources.identity(ROWS)
    (tmp_path / "mirror").rename(tmp_path / "moved")
    assert replace(sources, mirror=tmp_path / "moved").identity(ROWS) == again


def test_label_names_that_change_in_the_readme_change_the_identity(
    sources: Sources, write: Any, tmp_path: Path
) -> None:
    write_pairs(write)
    before = sources.identity(ROWS)
    card = tmp_path / "mirror/datasets/demo/pairs/README.md"
    card.write_text(card.read_text().replace("'1': yes", "'1': maybe").replace("'1': 'yes'", "'1': maybe"))
    assert sources.labels(ROWS, "label") == ("no", "maybe")
    assert sources.identity(ROWS) != before


def test_the_error_of_a_missing_data_set_names_id_config_and_path(sources: Sources, write: Any) -> None:
    write_pairs(write)
    for rows in (replace(ROWS, id="demo/nothing"), replace(ROWS, config="fr"), replace(ROWS, split="test")):
        assert not sources.has(rows)
        for method in (sources.identity, sources.load):
            with pytest.raises(DataError) as error:
                method(rows)
            assert all(str(value) in str(error.value) for value in (rows.id, rows.config, sources.path(rows)))


def test_only_the_rows_whose_id_starts_with_the_prefix_are_kept(sources: Sources, write: Any) -> None:
    write("demo/many", {"default": {"train": {"id": ["english-1", "korean-1", "english-2"], "text": ["a", "b", "c"]}}})
    rows = Rows(id="demo/many", split="train", id_prefix="english-")
    assert [row["text"] for row in sources.load(rows)] == ["a", "c"]
    assert sources.has(rows)
    assert not sources.has(replace(rows, id_prefix="finnish-"))


def test_rows_with_a_prefix_are_looked_for_again_when_their_file_has_changed(sources: Sources, write: Any) -> None:
    rows = Rows(id="demo/many", split="train", id_prefix="finnish-")
    for ids, is_there in ((["english-1"], False), (["finnish-1", "english-1"], True)):
        write("demo/many", {"default": {"train": {"id": ids, "text": ["a"] * len(ids)}}})
        assert sources.has(rows) == is_there


def test_a_local_folder_needs_neither_a_mirror_nor_a_readme(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\na b,yes\n")
    rows = Rows(id=str(folder), split="train")
    sources = Sources(mirror=None, cache=tmp_path / "cache")
    assert list(sources.load(rows)) == [{"text": "a b", "label": "yes"}]
    assert sources.has(rows)
    assert not sources.has(replace(rows, split="validation"))


def test_a_pinned_commit_is_the_identity_and_needs_no_network(tmp_path: Path) -> None:
    sources = Sources(mirror=None, cache=tmp_path)
    assert sources.identity(replace(ROWS, revision="a" * 40)) == "a" * 40
    assert sources.model_identity("some/model", "b" * 40) == "b" * 40


def test_a_local_id_without_a_folder_is_missing(tmp_path: Path) -> None:
    sources = Sources(mirror=None, cache=tmp_path)
    assert sources.has(ROWS)
    assert not sources.has(replace(ROWS, id="local/ccgbank"))
    with pytest.raises(DataError, match="local/ccgbank"):
        sources.identity(replace(ROWS, id="local/ccgbank"))


@pytest.fixture
def licensed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """Licensed data in a folder `local` of the working directory."""
    write_lines(tmp_path / "home/local/ccgbank")
    monkeypatch.chdir(tmp_path / "home")
    return Rows(id="local/ccgbank", split="train")


def test_mirror_hub_and_local_folders_are_mixed_and_offline_the_hub_counts_as_missing(
    tmp_path: Path, licensed: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    without_mirror = Sources(mirror=None, cache=tmp_path)
    assert without_mirror.has(licensed)
    assert without_mirror.path(ROWS) is None  # read from the Hub
    write_lines(tmp_path / "mirror/datasets/demo/mirrored")
    mirrored = Sources(mirror=tmp_path / "mirror", cache=tmp_path)
    assert mirrored.has(licensed)
    assert mirrored.path(replace(ROWS, id="demo/mirrored")) == tmp_path / "mirror/datasets/demo/mirrored"
    assert not mirrored.has(ROWS)
    tried = rf"tried {tmp_path}/mirror/datasets/demo/pairs, .*, not the Hub, which cannot be reached"
    with pytest.raises(DataError, match=tried):
        mirrored.load(ROWS)
    monkeypatch.setattr("sweeper.data.hub.is_reachable", lambda: True)
    assert mirrored.path(ROWS) is None  # read from the Hub
    assert mirrored.has(ROWS)
    assert not mirrored.has(replace(ROWS, id="local/nothing"))


def test_workers_read_pinned_rows_from_the_hub_without_asking_whether_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    worker = Sources(mirror=tmp_path / "mirror", cache=tmp_path, are_pinned=True)
    assert worker.path(replace(ROWS, revision="a" * 40)) is None


def test_a_pinned_local_folder_is_readable_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, licensed: Rows
) -> None:
    driver = Sources(mirror=None, cache=tmp_path / "cache")
    pinned, identity = driver.pinned(licensed), driver.identity(licensed)
    assert pinned.id == str(tmp_path / "home/local/ccgbank")
    monkeypatch.chdir(tmp_path)
    worker = Sources(mirror=None, cache=tmp_path / "other")
    assert worker.identity(pinned) == identity
    assert not worker.has(licensed)
    with pytest.raises(DataError, match=rf"tried {tmp_path}/local/ccgbank"):
        worker.identity(licensed)


def test_a_damaged_file_is_a_data_error_that_names_the_data_set(sources: Sources, write: Any, tmp_path: Path) -> None:
    write_pairs(write)
    (tmp_path / "mirror/datasets/demo/pairs/en/train.parquet").write_bytes(b"PAR1 no longer")
    with pytest.raises(DataError, match=r"demo/pairs .*cannot be read"):
        sources.load(ROWS)


def test_the_data_identity_depends_on_rows_columns_and_labels_and_not_on_names(sources: Sources, write: Any) -> None:
    write_pairs(write)
    same = data_identity(TASK, "train", ["en"], sources)
    assert data_identity(replace(TASK, name="other", title="Other"), "train", ["en"], sources) == same
    assert data_identity(replace(TASK, labels=("yes", "no")), "train", ["en"], sources) != same
    assert data_identity(replace(TASK, columns={"text": "label"}), "train", ["en"], sources) != same
    assert data_identity(TASK, "dev", ["en"], sources) != same


def test_languages_missing_from_the_mirror_are_not_available_and_raise_a_data_error(
    sources: Sources, write: Any
) -> None:
    write_pairs(write)
    assert available_languages(TASK, "dev", sources) == ("en",)
    check_task(TASK, ["train", "dev"], None, sources)
    with pytest.raises(DataError, match=r"Task 'pairs', dev, de: .*'de'"):
        check_task(TASK, ["dev"], ["en", "de"], sources)
    with pytest.raises(UserError, match=r"No dev language of 'pairs' is called 'dee'\. Did you mean 'de'"):
        check_task(TASK, ["dev"], ["dee"], sources)


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "README.md"):
        (folder / name).write_text(name)
    (folder / "model.safetensors").write_bytes(b"weights")


def test_an_encoders_identity_depends_only_on_weights_config_and_tokenizer(sources: Sources, tmp_path: Path) -> None:
    folder = tmp_path / "mirror/models/tiny"
    write_model(folder)
    assert sources.model_location("tiny") == str(folder)
    before = sources.model_identity("tiny", None)
    (folder / "README.md").write_text("another card")
    assert sources.model_identity("tiny", None) == before
    (folder / "model.safetensors").write_bytes(b"other w")
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert sources.model_identity("tiny", None) != before


def test_an_encoder_without_safetensors_is_rejected(sources: Sources, tmp_path: Path) -> None:
    folder = tmp_path / "mirror/models/tiny"
    write_model(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors only"):
        sources.model_identity("tiny", None)


def test_an_encoder_without_a_local_folder_keeps_its_hub_id(sources: Sources) -> None:
    assert sources.model_location("FacebookAI/xlm-roberta-base") == "FacebookAI/xlm-roberta-base"


def test_an_unreachable_hub_is_a_data_error_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="go online, pin a revision"):
        Sources(mirror=None, cache=tmp_path).identity(ROWS)
