"""The file live.json: what it says while a sweep runs, and that no failure of it reaches the sweep."""

import threading
import time
from pathlib import Path

import pytest

from sweeper.files.folder import Folder
from sweeper.records.live import LiveState, Waiting
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.run.live import LiveFile
from sweeper.tuning.halt import Halt
from sweeper.tuning.live_file import LiveFileWatch, Writer, live_file, queue
from sweeper.tuning.progress import Progress
from tests.runs import tiny_run, wait_for
from tests.tuning.imaginary import SMALL, agenda_of, fail


@pytest.fixture
def file(tmp_path: Path) -> LiveFile:
    return LiveFile(Folder(str(tmp_path)))


def state_of(file: LiveFile) -> LiveState:
    state = file.read()
    assert state is not None
    return state


def test_the_file_has_the_running_trials_the_queue_and_lost_trials(file: LiveFile) -> None:
    agenda = agenda_of(SMALL)
    first, second = agenda.next(), agenda.next()
    assert first is not None
    assert second is not None
    with live_file(agenda, file, print, Halt()) as watch:
        assert isinstance(watch, LiveFileWatch)
        watch.started(first)
        watch.started(second)
        inside = TrialProgress(
            key=first.key, name=first.name, step=5, planned_steps=40, loss=2.5, host="node7", device="cpu x1"
        )
        watch.progressed(first, inside)
        watch.lost(second, "its worker died")
        agenda.mark_lost(second.name, "its worker died")
        state = watch.state("running")
    (trial,) = state.running
    assert (trial.name, trial.step, trial.steps, trial.loss, trial.host) == (first.name, 5, 40, 2.5, "node7")
    assert (trial.kind, trial.device, trial.seed) == ("search", "cpu x1", first.seed)
    assert [(message.name, message.text) for message in state.lost] == [(second.name, "its worker died")]
    total = sum(number for _, number in state.counts.values())
    waiting = sum(w.ready + w.waiting + w.blocked for w in state.queue.values())
    assert waiting == total - 2  # one runs and one was lost
    assert state_of(file).state == "ended"
    assert state_of(file).running == ()


def test_a_failed_trial_is_counted_and_the_trials_that_need_it_are_blocked() -> None:
    agenda = agenda_of(SMALL)
    while (spec := agenda.next()) is not None:
        agenda.complete(spec.name, TrialResult(training=fail(spec)))
    waiting = queue(agenda, set())
    assert sum(w.blocked for w in waiting.values()) > 0
    assert all(w == Waiting(blocked=w.blocked) for w in waiting.values())


def test_after_a_stop_request_the_sweep_is_called_stopped(file: LiveFile) -> None:
    halt = Halt()
    with live_file(agenda_of(SMALL), file, print, halt):
        wait_for(lambda: file.read() is not None)
        assert state_of(file).state == "running"
        halt.requested = True
    assert state_of(file).state == "stopped"


def test_states_are_written_at_most_once_per_interval(file: LiveFile) -> None:
    agenda, states = agenda_of(SMALL), list[LiveState]()
    spec = agenda.next()
    assert spec is not None

    class Recorder(Writer):
        def put(self, state: LiveState) -> None:
            states.append(state)

    watch = LiveFileWatch(Progress(agenda), Recorder(file, print), interval=3600)
    for _ in range(100):
        watch.progressed(spec, TrialProgress(key=spec.key, name=spec.name))
    assert len(states) == 1


def test_a_file_that_cannot_be_written_is_reported_once_and_holds_up_nothing(tmp_path: Path) -> None:
    (tmp_path / "live.json").mkdir()  # a folder where the file should be
    reports = list[str]()
    with live_file(agenda_of(SMALL), LiveFile(Folder(str(tmp_path))), reports.append, Halt()) as watch:
        wait_for(lambda: reports)
        assert isinstance(watch, LiveFileWatch)
    assert len(reports) == 1
    assert "The dashboard cannot show the running trials" in reports[0]


def test_a_store_that_does_not_answer_does_not_hold_up_the_end(file: LiveFile, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr("sweeper.tuning.live_file.PATIENCE", 0.1)
    monkeypatch.setattr(LiveFile, "write", lambda self, state: released.wait(60))
    with live_file(agenda_of(SMALL), file, print, Halt()):
        pass
    released.set()


def test_the_last_state_is_written_without_delay_also_if_it_follows_another_one_at_once(file: LiveFile) -> None:
    with live_file(agenda_of(SMALL), file, print, Halt()) as watch:
        assert isinstance(watch, LiveFileWatch)
        state = watch.state("running")
    began = time.monotonic()
    for _ in range(300):
        writer = Writer(file, print)
        writer.put(state)
        writer.close(state, 60.0)
    # A lost wake-up would wait for all of the 60 seconds.
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 99}', b'{"state": 1}'])
def test_a_damaged_or_foreign_file_is_no_state(file: LiveFile, damage: bytes) -> None:
    file.folder.write("live.json", damage)
    assert file.read() is None


@pytest.mark.slow
def test_a_sweep_leaves_a_state_that_says_that_it_has_ended() -> None:
    state = state_of(LiveFile(Folder(str(tiny_run()))))
    assert state.state == "ended"
    assert all(done == total for done, total in state.counts.values())
    assert state.queue == {}
