"""The encoder store: manifests, damaged files, copies on a node."""

import hashlib
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sweeper.errors import DamagedError
from sweeper.files import manifest
from sweeper.files.folder import Folder
from sweeper.files.manifest import MANIFEST, FileList, list_files, manifest_bytes
from sweeper.run.encoders import EncoderStore

FILES = {"config.json": b"{}", "model.safetensors": bytes(range(200)), "heads/heads.safetensors": b"head"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "source"


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> EncoderStore:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}/encoders"
    return EncoderStore(Folder(url), tmp_path / "copies")


def test_a_removed_encoder_is_not_in_the_store_and_has_no_file_left(store: EncoderStore, source: Path) -> None:
    store.keep("a1", source)
    store.keep("b2", source)
    store.fetch("a1")
    store.remove("a1")
    store.remove("a1")  # without an effect
    assert not store.has("a1")
    assert store.folder.names() == store.keys() == ["b2"]
    with pytest.raises(FileNotFoundError):
        store.fetch("a1")


def test_a_copy_that_another_sweep_has_fetched_remains_when_a_sweep_removes_its_encoder(
    tmp_path: Path, source: Path
) -> None:
    # By default, all sweeps of a user with run folders in buckets have one cache on a machine.
    ours, theirs = (
        EncoderStore(Folder(f"memory://{uuid.uuid4().hex}/encoders"), tmp_path / "copies") for _ in range(2)
    )
    ours.keep("a1", source)
    theirs.keep("a1", source)
    fetched = theirs.fetch("a1")
    ours.remove("a1")
    assert {name: (fetched / name).read_bytes() for name in FILES} == FILES


@pytest.mark.parametrize("cut", range(2))
def test_a_removal_that_was_cut_short_leaves_an_encoder_that_is_whole_or_missing(
    cut: int, store: EncoderStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep("a1", source)
    calls = 0
    remove = Folder.remove

    def remove_until_cut(folder: Folder, name: str) -> None:
        nonlocal calls
        if calls == cut:
            raise KeyboardInterrupt
        calls += 1
        remove(folder, name)

    monkeypatch.setattr(Folder, "remove", remove_until_cut)
    with pytest.raises(KeyboardInterrupt):
        store.remove("a1")
    monkeypatch.undo()
    if cut:
        assert not store.has("a1")
    else:
        assert {name: (store.fetch("a1") / name).read_bytes() for name in FILES} == FILES
    store.remove("a1")
    assert store.folder.names() == []


def flip(store: EncoderStore, name: str) -> None:
    content = bytearray(store.folder.read(name))
    # One changed bit keeps the size, so only the checksum can detect it.
    content[len(content) // 2] ^= 1
    store.folder.write(name, bytes(content))


def test_a_fetched_encoder_has_the_files_that_were_stored(store: EncoderStore, source: Path) -> None:
    store.keep("a1", source)
    folder = store.fetch("a1")
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES


def test_an_encoder_is_complete_only_after_its_manifest_is_written(store: EncoderStore, source: Path) -> None:
    for name in FILES:
        store.folder.upload(source / name, f"a1/{name}")
    assert not store.has("a1")
    with pytest.raises(FileNotFoundError):
        store.fetch("a1")
    store.keep("a1", source)
    assert store.has("a1")


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_an_encoder_with_a_flipped_byte_is_set_aside(store: EncoderStore, source: Path, name: str) -> None:
    store.keep("a1", source)
    flip(store, f"a1/{name}")
    with pytest.raises(
        DamagedError, match=r"a1 is damaged \(.*\)\. It was renamed to .*a1\.damaged and will be made again"
    ):
        store.fetch("a1")
    assert not store.has("a1")
    store.keep("a1", source)
    assert (store.fetch("a1") / name).is_file() or name == MANIFEST


@pytest.mark.parametrize("name", ["../../outside/pwned.py", "/tmp/pwned.py", "a/../../pwned.py", "..\\pwned.py"])
def test_a_manifest_with_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, source: Path, name: str) -> None:
    store = EncoderStore(Folder(f"memory://{uuid.uuid4().hex}/encoders"), tmp_path / "copies")
    store.keep("a1", source)
    store.folder.write(f"a1/{MANIFEST}", manifest_bytes({name: {"bytes": 2, "sha256": "0" * 64}}, "a1"))
    with pytest.raises(DamagedError, match=r"a1 is damaged \(manifest\.json\)"):
        store.fetch("a1")
    assert not list(tmp_path.rglob("pwned.py"))


def test_encoders_that_changed_places_are_set_aside(tmp_path: Path, source: Path) -> None:
    store = EncoderStore(Folder(str(tmp_path / "store")), tmp_path / "copies")
    store.keep("a1", source)
    (source / "config.json").write_bytes(b"[]")
    store.keep("b2", source)
    (tmp_path / "store/a1").rename(tmp_path / "a1")
    (tmp_path / "store/b2").rename(tmp_path / "store/a1")
    with pytest.raises(DamagedError, match=r"a1 is damaged \(manifest\.json\)"):
        store.fetch("a1")


def test_an_encoder_that_another_worker_replaces_during_the_check_is_kept(
    store: EncoderStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep("a1", source)
    flip(store, "a1/model.safetensors")
    read = store._files
    calls: list[str] = []

    def replacing(key: str) -> FileList:
        calls.append(key)
        if len(calls) == 2:  # after this worker has noticed the damage
            store.keep("a1", source)
        return read(key)

    monkeypatch.setattr(EncoderStore, "_files", lambda _, key: replacing(key))
    if store.folder.local:
        assert (store.fetch("a1") / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_an_encoder_with_the_manifest_of_an_earlier_version_is_read(store: EncoderStore, source: Path) -> None:
    store.keep("a1", source)
    store.folder.write(f"a1/{MANIFEST}", json.dumps(list_files(source)).encode())
    folder = store.fetch("a1")
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES


def test_the_keys_of_a_store_are_those_of_complete_and_undamaged_encoders(store: EncoderStore, source: Path) -> None:
    for key in ("b2", "a1", "c3"):
        store.keep(key, source)
    store.folder.upload(source / "config.json", "d4/config.json")
    store.folder.set_aside("c3")
    assert store.keys() == ["a1", "b2"]


def test_storing_an_encoder_twice_has_no_effect(store: EncoderStore, source: Path) -> None:
    store.keep("a1", source)
    first = store.fetch("a1")
    store.keep("a1", source)
    assert store.fetch("a1") == first


@pytest.fixture
def remote(tmp_path: Path, source: Path) -> EncoderStore:
    store = EncoderStore(Folder(f"memory://{uuid.uuid4().hex}/encoders"), tmp_path / "copies")
    store.keep("a1", source)
    return store


def test_a_node_downloads_an_encoder_only_once(remote: EncoderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = remote.fetch("a1")

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("a file was downloaded again")

    monkeypatch.setattr(MemoryFileSystem, "get_file", unreachable)
    assert remote.fetch("a1") == folder


def test_workers_of_a_node_that_need_an_encoder_at_the_same_time_download_it_once(
    remote: EncoderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded: list[str] = []
    download = MemoryFileSystem.get_file

    def slow(fs: MemoryFileSystem, source: str, target: str, **options: object) -> None:
        downloaded.append(source.rpartition("/")[2])
        time.sleep(0.05)
        download(fs, source, target, **options)

    monkeypatch.setattr(MemoryFileSystem, "get_file", slow)
    with ThreadPoolExecutor(4) as workers:
        folders = set(workers.map(lambda _: remote.fetch("a1"), range(4)))
    assert folders == {remote.copies / "a1"}
    assert sorted(downloaded) == sorted(Path(name).name for name in FILES)


@pytest.mark.parametrize("num_damaged", [1, 2])
def test_a_store_counts_as_damaged_only_after_two_damaged_downloads(
    remote: EncoderStore, monkeypatch: pytest.MonkeyPatch, num_damaged: int
) -> None:
    download = MemoryFileSystem.get_file
    left = [num_damaged]

    def damaging(fs: MemoryFileSystem, source: str, target: str, **options: object) -> None:
        download(fs, source, target, **options)
        if source.endswith("model.safetensors") and left[0]:
            left[0] -= 1
            Path(target).write_bytes(bytes(200))

    monkeypatch.setattr(MemoryFileSystem, "get_file", damaging)
    if num_damaged == 2:
        with pytest.raises(DamagedError):
            remote.fetch("a1")
    else:
        assert (remote.fetch("a1") / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert remote.has("a1") == (num_damaged == 1)


def test_a_damaged_copy_on_a_node_is_replaced_and_the_store_is_kept(remote: EncoderStore) -> None:
    folder = remote.fetch("a1")
    (folder / "model.safetensors").write_bytes(b"half")
    assert (remote.fetch("a1") / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert remote.has("a1")
    assert [path.name for path in remote.copies.iterdir() if path.is_dir()] == ["a1"]


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read for their digest."""
    names: list[str] = []

    def counting(path: Path) -> str:
        names.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    # Without the digests that a process remembers, as in a new process.
    monkeypatch.setattr(manifest, "file_digest", counting)
    return names


def test_a_copy_is_verified_once_for_all_processes_of_a_node(remote: EncoderStore, hashed: list[str]) -> None:
    folder = remote.fetch("a1")
    assert sorted(hashed) == sorted(Path(name).name for name in FILES)
    hashed.clear()
    assert EncoderStore(remote.folder, remote.copies).fetch("a1") == folder
    assert hashed == []


@pytest.mark.parametrize("change", ["write", "replace", "manifest"])
def test_a_copy_that_has_changed_is_verified_again(
    remote: EncoderStore, hashed: list[str], change: str, source: Path
) -> None:
    weights = remote.fetch("a1") / "model.safetensors"
    if change == "write":
        weights.write_bytes(bytes(200))
    elif change == "replace":
        (weights.parent / "new").write_bytes(bytes(200))
        (weights.parent / "new").replace(weights)
    else:
        (source / "model.safetensors").write_bytes(bytes(200))
        remote.keep("a1", source)
    hashed.clear()
    expected = (source / "model.safetensors").read_bytes()
    assert (remote.fetch("a1") / "model.safetensors").read_bytes() == expected
    assert "model.safetensors" in hashed
