"""Checkpoints in a remote folder: uploaded in the background, in order, and at once before the machine ends."""

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem

from sweeper.files.folder import Folder
from sweeper.files.leftovers import LOCK, remove_temporary
from sweeper.files.seal import append_seal
from sweeper.training.checkpoints import Checkpoints
from sweeper.training.loop import StageContext
from sweeper.training.runtime import Clock
from sweeper.training.stage import DataReader, run_stage
from tests.training.test_loop import STAGES, Killed, MakeBody, killed_at, weights


@pytest.fixture
def folder() -> Folder:
    return Folder(f"memory://{uuid.uuid4().hex}/checkpoints")


@pytest.fixture
def checkpoints(folder: Folder) -> Checkpoints:
    return Checkpoints(folder=folder, name="one.pt", interval=0.0)


class Gate:
    """Holds up the uploads to a remote folder until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.error: Exception | None = None
        self._put = MemoryFileSystem.put_file

    def put_file(self, fs: MemoryFileSystem, *arguments: str, **options: object) -> None:
        self.opened.wait(60)
        if self.error:
            raise self.error
        self._put(fs, *arguments, **options)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()

    def put_file(fs: MemoryFileSystem, source: str, target: str, **options: object) -> None:
        gate.put_file(fs, source, target, **options)

    monkeypatch.setattr(MemoryFileSystem, "put_file", put_file)
    yield gate
    gate.opened.set()


def state(number: int) -> dict[str, torch.Tensor]:
    return {"number": torch.tensor(number)}


def stored(checkpoints: Checkpoints) -> int | None:
    loaded = checkpoints.load(pytest.fail)
    return None if loaded is None else int(loaded["number"])


def test_a_training_does_not_wait_for_an_upload_and_starts_no_second_one_meanwhile(
    checkpoints: Checkpoints, folder: Folder, gate: Gate
) -> None:
    checkpoints.save(state(1), Clock())
    assert not folder.exists("one.pt"), "the upload has not ended"
    deadline = checkpoints._due
    while time.monotonic() <= deadline:
        time.sleep(0.01)
    assert not checkpoints.is_due()
    gate.opened.set()
    checkpoints.close()
    assert checkpoints.is_due()
    assert stored(checkpoints) == 1


def test_a_checkpoint_that_is_uploaded_is_in_a_folder_that_is_removed_after_its_process_is_killed(
    checkpoints: Checkpoints, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    checkpoints.save(state(1), Clock())
    [scratch] = tmp_path.iterdir()
    remove_temporary()
    assert {path.name for path in scratch.iterdir()} == {LOCK, "draft"}, "its process lives"
    # The lock of a killed process can be taken.
    (scratch / LOCK).unlink()
    (scratch / LOCK).touch()
    remove_temporary()
    assert not scratch.exists()
    gate.opened.set()
    checkpoints.close()


def test_no_temporary_file_is_left_after_an_upload(
    checkpoints: Checkpoints, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gate.opened.set()
    checkpoints.save(state(1), Clock())
    assert stored(checkpoints) == 1
    gate.error = OSError("The store refuses the request.")
    checkpoints.save(state(2), Clock())
    checkpoints.close()
    assert list(tmp_path.iterdir()) == []


def test_an_upload_never_replaces_a_newer_one(checkpoints: Checkpoints, gate: Gate) -> None:
    threading.Timer(0.2, gate.opened.set).start()
    for number in (1, 2, 3):
        checkpoints.save(state(number), Clock())
    assert stored(checkpoints) == 3


def test_the_error_of_an_upload_ends_the_training_at_its_next_checkpoint(checkpoints: Checkpoints, gate: Gate) -> None:
    gate.error = OSError("The store refuses the request.")
    gate.opened.set()
    checkpoints.save(state(1), Clock())
    with pytest.raises(OSError, match="refuses"):
        checkpoints.save(state(2), Clock())
    gate.error = None
    checkpoints.save(state(3), Clock())
    assert stored(checkpoints) == 3


def test_an_upload_is_repeated_while_the_store_cannot_be_reached(checkpoints: Checkpoints, gate: Gate) -> None:
    gate.error = ConnectionError("no route")
    gate.opened.set()
    checkpoints.save(state(1), Clock())
    time.sleep(0.2)
    gate.error = None
    assert stored(checkpoints) == 1


def test_a_checkpoint_is_due_once_at_the_announced_end_of_the_machine_whatever_the_interval(
    checkpoints: Checkpoints,
) -> None:
    announced: list[bool] = []
    rare = replace(checkpoints, interval=1e9, is_ending=lambda: bool(announced))
    rare.begin()
    assert not rare.is_due()
    announced.append(True)
    assert rare.is_due()
    rare.save(state(1), Clock())
    rare.close()
    assert not rare.is_due()


def test_a_training_that_is_resumed_from_a_remote_checkpoint_ends_with_the_same_bytes(
    body: MakeBody, reader: DataReader, context: StageContext, checkpoints: Checkpoints
) -> None:
    spec = STAGES["tag"]
    uninterrupted = run_stage(
        body, spec, reader, replace(context, checkpoints=replace(checkpoints, interval=1e9, name="unsaved.pt"))
    )
    remote = replace(context, checkpoints=checkpoints)
    with pytest.raises(Killed):
        run_stage(killed_at(body, 30), spec, reader, remote)
    resumed = run_stage(body, spec, reader, remote)
    assert weights(resumed) == weights(uninterrupted)
    assert remote.clock.resumed_at == 20


class Payload:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_checkpoint_with_another_pickle_is_renamed_and_its_code_does_not_run(
    tmp_path: Path, checkpoints: Checkpoints
) -> None:
    executed, messages = tmp_path / "executed", list[str]()
    torch.save({"net": Payload(executed)}, tmp_path / "file")
    append_seal(tmp_path / "file", checkpoints.name)
    checkpoints.folder.upload(tmp_path / "file", checkpoints.name)
    assert checkpoints.load(messages.append) is None
    assert "is damaged (UnpicklingError) and was renamed to" in messages[-1]
    assert not executed.exists()
