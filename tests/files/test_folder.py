"""Folders on a local and on a remote file system."""

import threading
from pathlib import Path

import fsspec
import pytest

from sweeper.errors import UserError
from sweeper.files.folder import Folder, expand_path


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "run") if request.param == "local" else f"memory://{tmp_path.name}/run")


def test_a_written_file_is_read_back(folder: Folder) -> None:
    folder.write("deep/inside/record.json", b"{}")
    assert folder.read("deep/inside/record.json") == b"{}"
    assert folder.exists("deep/inside/record.json")
    assert not folder.exists("deep/inside/other.json")


def test_a_folder_that_does_not_exist_is_empty(folder: Folder) -> None:
    assert folder.names() == []


def test_names_are_sorted_and_without_drafts(folder: Folder) -> None:
    for name in ("b.json", "a.json", ".tmp-half", "c/d.json"):
        folder.write(name, b"")
    assert folder.names() == ["a.json", "b.json", "c"]


def test_many_files_are_read_at_once(folder: Folder) -> None:
    for number in range(3):
        folder.write(f"{number}.json", str(number).encode())
    assert folder.read_all(["0.json", "2.json"]) == {"0.json": b"0", "2.json": b"2"}
    assert folder.read_all(["1.json"]) == {"1.json": b"1"}
    assert folder.read_all([]) == {}


def test_reading_a_missing_file_is_an_error(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read("nothing.json")


def test_a_child_is_a_folder_inside(folder: Folder) -> None:
    folder.child("ledger").write("record.json", b"record")
    assert folder.read("ledger/record.json") == b"record"


def test_a_file_that_is_set_aside_keeps_its_bytes(folder: Folder) -> None:
    folder.write("record.json", b"half")
    folder.set_aside("record.json")
    assert folder.names() == ["record.json.damaged"]
    assert folder.read("record.json.damaged") == b"half"


def test_a_folder_that_is_set_aside_keeps_its_files(folder: Folder) -> None:
    folder.write("encoder/config.json", b"{}")
    folder.write("encoder/heads/one.bin", b"1")
    folder.set_aside("encoder")
    assert folder.read("encoder.damaged/heads/one.bin") == b"1"
    assert not folder.exists("encoder")


def test_every_file_that_is_set_aside_is_kept(folder: Folder) -> None:
    contents = (b"first", b"second", b"third")
    for text in contents:
        folder.write("record.json", text)
        folder.set_aside("record.json")
    names = ["record.json.damaged", "record.json.2.damaged", "record.json.3.damaged"]
    assert folder.names() == sorted(names)
    assert tuple(folder.read(name) for name in names) == contents


def test_every_folder_that_is_set_aside_is_kept(folder: Folder) -> None:
    for text in (b"first", b"second"):
        folder.write("encoder/weights", text)
        folder.set_aside("encoder")
    assert not folder.exists("encoder")
    assert folder.read("encoder.damaged/weights") == b"first"
    assert folder.read("encoder.2.damaged/weights") == b"second"


def test_a_folder_is_not_moved_into_one_that_another_process_sets_aside_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, exists, names = Folder(str(tmp_path)), Folder.exists, list[str]()
    folder.write("encoder.damaged/weights", b"first")
    folder.write("encoder/weights", b"second")

    def too_early(folder: Folder, name: str) -> bool:
        names.append(name)
        return len(names) > 1 and exists(folder, name)

    monkeypatch.setattr(Folder, "exists", too_early)
    assert folder.set_aside("encoder") == str(tmp_path / "encoder.2.damaged")
    assert folder.read("encoder.damaged/weights") == b"first"
    assert folder.read("encoder.2.damaged/weights") == b"second"
    assert folder.child("encoder.damaged").names() == ["weights"]


def test_a_file_is_uploaded_and_downloaded(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "source.bin").write_bytes(b"bytes")
    folder.upload(tmp_path / "source.bin", "store/key/weights.bin")
    folder.download("store/key/weights.bin", tmp_path / "copy" / "weights.bin")
    assert (tmp_path / "copy" / "weights.bin").read_bytes() == b"bytes"


def test_removing_a_folder_twice_is_no_error(folder: Folder) -> None:
    folder.write("checkpoints/a.pt", b"")
    folder.remove("checkpoints")
    folder.remove("checkpoints")
    assert folder.names() == []


def test_only_a_local_folder_has_a_path(tmp_path: Path) -> None:
    assert Folder(str(tmp_path)).local == tmp_path
    assert Folder(f"file://{tmp_path}").local == tmp_path
    assert Folder("memory://somewhere").local is None


def test_a_reader_never_sees_a_partly_written_file(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    # Large enough that a reader would often meet a write that is not atomic.
    texts = {number: str(number).encode() * 200_000 for number in range(2)}
    folder.write("record.json", texts[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for text in texts.values():
                folder.write("record.json", text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(folder.read("record.json") in texts.values() for _ in range(50))
    finally:
        stop.set()
        writer.join()


def test_a_failed_write_leaves_the_old_content_and_no_draft(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    # A folder at the path of the file makes the rename fail after the draft is complete.
    folder.write("record.json/inside", b"")
    with pytest.raises(OSError, match="record"):
        folder.write("record.json", b"a folder has this name")
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_file_of_another_process_is_seen_despite_a_cached_listing(tmp_path: Path) -> None:
    folder = Folder(f"memory://{tmp_path.name}/watched")
    # This listing stays in the cache of fsspec.
    assert folder.names() == []
    fsspec.filesystem("memory").pipe_file(f"/{tmp_path.name}/watched/new.json", b"")
    assert folder.exists("new.json")


def test_a_home_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert expand_path("~/encoder") == Path.home() / "encoder"
    assert expand_path(str(tmp_path)) == tmp_path
    with pytest.raises(UserError, match="'~no-such-user/encoder' refers to a home folder that does not exist"):
        expand_path("~no-such-user/encoder")


def test_files_that_vanish_after_they_were_listed_are_left_out(folder: Folder) -> None:
    for name in ("a.json", "b.json"):
        folder.write(name, name.encode())
    names = folder.names()
    folder.remove("a.json")
    assert folder.read_all(names) == {"b.json": b"b.json"}
