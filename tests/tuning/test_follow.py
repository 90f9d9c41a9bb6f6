"""The progress of running trials on the driver, read from files without a Ray process."""

from pathlib import Path

import pytest

from sweeper.files.folder import Folder
from sweeper.records.progress import TrialProgress
from sweeper.run.ledger import Ledger
from sweeper.run.progress import ProgressFolder
from sweeper.tuning.attempts import Death
from sweeper.tuning.callbacks import FollowCallback
from sweeper.tuning.follow import Follower, following
from sweeper.tuning.halt import Halt
from sweeper.tuning.packed import unpack
from sweeper.tuning.room import Room
from sweeper.tuning.searcher import AgendaSearcher
from tests.runs import wait_for
from tests.tuning.imaginary import SMALL, agenda_of
from tests.tuning.test_launch import RecordingWatch


def progress_of(key: str, **values: float) -> TrialProgress:
    return TrialProgress(key=key, name=f"trial {key}", phase="train", **values)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> ProgressFolder:
    return ProgressFolder(Folder(str(tmp_path / "progress")))


def test_each_written_progress_of_a_followed_trial_is_news_once(folder: ProgressFolder) -> None:
    follower = Follower(folder)
    follower.follow(["a"])
    folder.write(progress_of("other", written=1.0))
    for written, news in ((1.0, [1.0]), (1.0, []), (2.0, [2.0])):
        folder.write(progress_of("a", written=written))
        follower.read()
        assert [progress.written for progress in follower.news()] == news


def test_a_damaged_progress_file_is_ignored(folder: ProgressFolder) -> None:
    follower = Follower(folder)
    follower.follow("ab")
    folder.folder.write("a.json", b'{"key": "a", ')
    folder.write(progress_of("b"))
    follower.read()
    assert [progress.key for progress in follower.news()] == ["b"]


def test_the_progress_of_a_running_trial_reaches_the_watch_and_the_file_of_a_dead_worker_is_removed(
    folder: ProgressFolder, tmp_path: Path
) -> None:
    watch = RecordingWatch()
    searcher = AgendaSearcher(agenda_of(SMALL), Ledger.at(str(tmp_path / "ledger")), watch, Room(), Halt())
    spec = unpack(searcher.suggest("a")["spec"])
    follower = Follower(folder)
    callback = FollowCallback(searcher, follower)
    folder.write(progress_of(spec.key, written=1.0))
    callback.on_step_end(1, [])
    follower.read()
    callback.on_step_end(2, [])
    assert watch.events == [("train", spec.name)]
    searcher.on_trial_complete("a", None, error=True)
    searcher.on_worker_death("a", Death(node="", reason="SIGSEGV", cause="start"))
    callback.on_step_end(3, [])
    follower.read()
    assert folder.read_all() == []


def test_files_of_an_earlier_sweep_and_of_stopped_workers_are_removed(folder: ProgressFolder) -> None:
    folder.write(progress_of("dead"))
    with following(folder):
        wait_for(lambda: not folder.read_all())
        folder.write(progress_of("stopped"))
    wait_for(lambda: not folder.read_all())
