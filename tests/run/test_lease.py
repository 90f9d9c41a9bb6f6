"""The lease of a run folder in a remote store: one driver at a time."""

import os
import threading
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.run import lease
from sweeper.run.lease import FILE, Holder, leased
from tests.runs import wait_for

HERE = Holder(token="theirs", process_table=lease._process_table())
ELSEWHERE = replace(HERE, host="elsewhere", pid=7)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Folder:
    for name, seconds in {"RENEW_EVERY": 0.02, "POLL": 0.01, "EXPIRES": 0.3}.items():
        monkeypatch.setattr(lease, name, seconds)
    return Folder(f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def stopped() -> threading.Event:
    return threading.Event()


@pytest.fixture
def drive(folder: Folder, messages: list[str], stopped: threading.Event) -> Callable[[], AbstractContextManager[None]]:
    return lambda: leased(folder, messages.append, stopped.set)


def test_a_lease_is_renewed_while_a_driver_runs_and_removed_at_its_end(
    drive: Callable[[], AbstractContextManager[None]], folder: Folder, messages: list[str]
) -> None:
    with drive():
        first = folder.read(FILE)
        assert wait_for(lambda: folder.read(FILE) != first)
    assert folder.names() == []
    with drive():
        pass
    assert messages == []


def test_a_second_driver_is_refused_while_the_first_one_renews_its_lease(
    drive: Callable[[], AbstractContextManager[None]], stopped: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with drive():
        monkeypatch.setattr(lease.Holder, "is_dead", False)
        with (
            pytest.raises(UserError, match=rf"\(process {os.getpid()}\) is working in memory://.*or stop it\."),
            drive(),
        ):
            pass
        assert not stopped.is_set()


def test_a_lease_that_is_not_renewed_expires(
    drive: Callable[[], AbstractContextManager[None]], folder: Folder, messages: list[str]
) -> None:
    folder.write(FILE, write_json(ELSEWHERE))
    with drive():
        assert b"elsewhere" not in folder.read(FILE)
    (message,) = messages
    assert message.startswith("A `sweeper run` on elsewhere (process 7) has used memory://")


@pytest.mark.parametrize("content", [b"", b'{"host": 3}', write_json(replace(HERE, pid=7))])
def test_the_lease_of_a_dead_process_of_this_machine_and_a_damaged_one_do_not_wait(
    content: bytes,
    drive: Callable[[], AbstractContextManager[None]],
    folder: Folder,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kill(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(lease.os, "kill", kill)
    folder.write(FILE, content)
    with drive():
        assert messages == []


@pytest.mark.parametrize("pid", [os.getpid(), 7], ids=["pid of this process", "pid of no process"])
@pytest.mark.parametrize("process_table", ["another boot or container", ""])
def test_a_driver_with_the_same_host_name_and_another_process_table_is_not_known_to_be_dead(
    pid: int, process_table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BOOT_ID", __file__)  # also on a system without this file

    def kill(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(lease.os, "kill", kill)
    monkeypatch.setattr(lease.os, "readlink", lambda path: f"link of {path}")
    assert not Holder(pid=pid, process_table=process_table).is_dead
    assert Holder(pid=pid, process_table=lease._process_table()).is_dead


@pytest.mark.parametrize("patience", [lease.RELEASED_WITHIN, 0.01])
def test_a_renewal_in_progress_does_not_write_the_lease_again_after_its_release(
    drive: Callable[[], AbstractContextManager[None]], folder: Folder, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(lease, "RELEASED_WITHIN", patience)
    write, has_begun, may_write = Folder.write, threading.Event(), threading.Event()

    def slow(*given: Any) -> None:
        has_begun.set()
        may_write.wait(60)
        write(*given)

    with drive():
        monkeypatch.setattr(Folder, "write", slow)
        assert has_begun.wait(60)
        threading.Timer(0.2, may_write.set).start()
        renewals = [thread for thread in threading.enumerate() if thread.name == "lease"]
    for thread in renewals:
        thread.join(60)
    assert folder.names() == []


def test_a_driver_whose_lease_was_taken_starts_no_further_trial_and_leaves_the_lease(
    drive: Callable[[], AbstractContextManager[None]], folder: Folder, messages: list[str], stopped: threading.Event
) -> None:
    with drive():
        # Written again, because a renewal may be between its reading and its writing.
        wait_for(lambda: folder.write(FILE, write_json(ELSEWHERE)) or stopped.wait(0.1))
    assert b"theirs" in folder.read(FILE)
    (message,) = messages
    assert "so that this one starts no further trial" in message


def test_a_renewal_that_could_not_reach_the_store_does_not_replace_the_lease_of_another_driver(
    drive: Callable[[], AbstractContextManager[None]],
    folder: Folder,
    stopped: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipe, outages = MemoryFileSystem.pipe_file, [1]

    def away_once(self: MemoryFileSystem, path: str, value: bytes, **options: Any) -> None:
        """While the store cannot be reached, another driver takes the lease."""
        if outages:
            outages.pop()
            pipe(self, path, write_json(ELSEWHERE))
            raise ConnectionError
        pipe(self, path, value, **options)

    with drive():
        monkeypatch.setattr(MemoryFileSystem, "pipe_file", away_once)
        assert stopped.wait(10)
    assert b"theirs" in folder.read(FILE)


def test_a_store_that_fails_during_a_renewal_ends_nothing(
    drive: Callable[[], AbstractContextManager[None]],
    folder: Folder,
    stopped: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with drive():
        first = folder.read(FILE)
        with monkeypatch.context() as failing:
            failing.setattr(Folder, "write", lambda *_: 1 / 0)
            assert not stopped.wait(0.1)
        assert wait_for(lambda: folder.read(FILE) != first)


def test_of_two_drivers_that_start_at_the_same_time_one_is_refused(
    drive: Callable[[], AbstractContextManager[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease.Holder, "is_dead", False)
    create, one_at_a_time = Folder.create, threading.Lock()

    def create_alone(*given: Any) -> bool:
        with one_at_a_time:  # a store does this by itself
            return create(*given)

    monkeypatch.setattr(Folder, "create", create_alone)
    barrier, ends = threading.Barrier(2), list[str]()

    def run() -> None:
        barrier.wait()
        try:
            with drive():
                ends.append("ran")
                wait_for(lambda: len(ends) == 2)
        except UserError:
            ends.append("refused")

    drivers = [threading.Thread(target=run) for _ in range(2)]
    for each in drivers:
        each.start()
    for each in drivers:
        each.join()
    assert sorted(ends) == ["ran", "refused"]
