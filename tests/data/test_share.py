"""Nodes with caches of their own and one remote store: tokenised data and translations are made once."""

import io
import json
import tarfile
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from transformers import PreTrainedTokenizerFast

from sweeper.data import encode as encode_module
from sweeper.data.encode import encode
from sweeper.data.entry import Encoded
from sweeper.data.source import Sources
from sweeper.data.translate.cached import GROUP, CachedTranslator
from sweeper.files.folder import Folder
from sweeper.files.seal import append_seal
from sweeper.run.shared import Shared
from tests.data.test_encode import DATA, NAMES, TASK, columns, ids
from tests.data.test_translate import UpperCase

Node = Callable[..., Encoded]


@pytest.fixture
def store() -> Folder:
    return Folder(f"memory://{uuid.uuid4().hex}/cache")


@pytest.fixture
def tokenised(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The entries that were made, and not downloaded."""
    paths: list[Path] = []
    write_entry = encode_module.write_entry

    def writing(folder: Path, fill: Any) -> None:
        paths.append(folder)
        write_entry(folder, fill)

    monkeypatch.setattr(encode_module, "write_entry", writing)
    return paths


@pytest.fixture
def read_on(
    tmp_path: Path,
    sources: Sources,
    tokenizer: PreTrainedTokenizerFast,
    store: Folder,
    write: Any,
    tokenised: list[Path],
) -> Node:
    """Read the data on a node, whose cache has the node's name."""
    write("demo/pairs", {"en": {"train": columns(9)}}, {"label": NAMES})

    def read(node: str, folder: Folder = store) -> Encoded:
        cache = tmp_path / node
        return encode(DATA, TASK, "en", replace(sources, cache=cache, shared=Shared(folder, cache)), tokenizer)

    return read


def entry_in(store: Folder) -> str:
    [name] = store.child("encoded").names()
    return f"encoded/{name}"


def test_a_second_node_downloads_an_entry_and_tokenises_nothing(
    read_on: Node, tokenised: list[Path], tmp_path: Path, store: Folder
) -> None:
    first, second = read_on("first"), read_on("second")
    assert len(tokenised) == 1
    assert ids(first) == ids(second)
    assert first.features.tokens.tolist() == second.features.tokens.tolist()
    assert first.counts == second.counts
    assert entry_in(store).endswith(".tar")
    # Neither a download nor an archive remains.
    assert not list(tmp_path.glob("*/.tmp-*"))


def test_an_entry_of_an_earlier_run_is_shared_with_the_store_of_a_new_one(read_on: Node, tokenised: list[Path]) -> None:
    new_store = Folder(f"memory://{uuid.uuid4().hex}/cache")
    read_on("first")
    read_on("first", new_store)
    read_on("second", new_store)
    assert len(tokenised) == 1


def test_a_node_asks_the_store_once_for_an_entry(read_on: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    read_on("first")
    read_on("second")

    def unreachable(*_: object, **__: object) -> bool:
        raise AssertionError("the store was asked again")

    monkeypatch.setattr(Folder, "exists", unreachable)
    monkeypatch.setattr(Folder, "download", unreachable)
    read_on("first")
    read_on("second")


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap"])
def test_a_damaged_shared_entry_is_made_again_and_replaced(
    read_on: Node, tokenised: list[Path], store: Folder, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    read_on("first")
    name = entry_in(store)
    content = store.read(name)
    middle = len(content) // 2
    damaged = {
        "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "cut": content[:-100],
        "empty": b"",
        "swap": b"other".ljust(500),
    }
    store.write(name, damaged[damage])
    assert len(read_on("second").examples) == 9
    assert "is damaged" in caplog.text
    assert len(tokenised) == 2
    assert len(store.read(name)) == len(content)
    read_on("third")
    assert len(tokenised) == 2


@pytest.mark.parametrize("member", ["../../outside", "/tmp/outside-of-the-cache", "..", "link"])
def test_an_archive_cannot_write_outside_of_its_entry(
    read_on: Node, tokenised: list[Path], store: Folder, tmp_path: Path, member: str
) -> None:
    read_on("first")
    name = entry_in(store)
    path = tmp_path / "archive"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(member)
        info.size = 4
        if member == "link":
            info.type, info.linkname, info.size = tarfile.SYMTYPE, str(tmp_path / "outside"), 0
        archive.addfile(info, io.BytesIO(b"text"))
    append_seal(path, name)
    store.upload(path, name)
    assert len(read_on("second").examples) == 9
    assert len(tokenised) == 2
    assert not list(tmp_path.rglob("outside*"))
    assert not Path("/tmp/outside-of-the-cache").exists()


@pytest.mark.parametrize("call", ["exists", "put_file", "get_file"])
@pytest.mark.parametrize("error", [OSError("the network is down"), RuntimeError("an error of a library")])
def test_a_store_that_fails_ends_nothing(
    read_on: Node, tokenised: list[Path], monkeypatch: pytest.MonkeyPatch, call: str, error: Exception, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(MemoryFileSystem, call, fail)
    assert len(read_on("first").examples) == len(read_on("second").examples) == 9
    assert len(tokenised) == 2
    assert not list(tmp_path.glob("*/.tmp-*"))


def translator_on(node: Path, store: Folder) -> tuple[CachedTranslator, UpperCase]:
    engine = UpperCase()
    return CachedTranslator(engine, {"de": node / "translations/name/de.jsonl"}, Shared(store, node)), engine


def test_a_second_node_downloads_translations_and_translates_nothing(tmp_path: Path, store: Folder) -> None:
    texts = [f"text {number}" for number in range(2 * GROUP + 9)]
    first, _ = translator_on(tmp_path / "first", store)
    second, engine = translator_on(tmp_path / "second", store)
    expected = {text: f"de:{text.upper()}" for text in texts}
    assert first.translate(texts, "de") == second.translate(texts, "de") == expected
    assert engine.batches_seen == []
    assert len(store.child("translations/name/de").names()) == 3


def test_a_node_that_has_some_translations_shares_the_groups_of_nodes_that_have_none(
    tmp_path: Path, store: Folder
) -> None:
    texts = [f"text {number}" for number in range(2 * GROUP)]
    first, engine = translator_on(tmp_path / "first", store)
    first.translate(texts[::7], "de")
    first.translate(texts, "de")
    assert sum(map(len, engine.batches_seen)) == len(texts), "a text was translated twice"
    second, engine = translator_on(tmp_path / "second", store)
    second.translate(texts, "de")
    assert engine.batches_seen == []


def test_damaged_shared_translations_are_made_again(tmp_path: Path, store: Folder) -> None:
    texts = ["one", "two"]
    first, _ = translator_on(tmp_path / "first", store)
    first.translate(texts, "de")
    folder = store.child("translations/name/de")
    [name] = folder.names()
    folder.write(name, folder.read(name).replace(b"ONE", b"SIX"))
    second, engine = translator_on(tmp_path / "second", store)
    assert second.translate(texts, "de") == {"one": "de:ONE", "two": "de:TWO"}
    assert len(engine.batches_seen) == 1
    assert json.loads(folder.read(name)[:-64]) == ["de:ONE", "de:TWO"]


def test_without_a_remote_store_nothing_is_grouped(tmp_path: Path) -> None:
    engine = UpperCase()
    translator = CachedTranslator(engine, {"de": tmp_path / "de.jsonl"})
    translator.translate(["b", "a", "c"], "de")
    assert sorted(map(tuple, engine.batches_seen)) == [("b", "a"), ("c",)]
