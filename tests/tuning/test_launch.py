"""What stands between the agenda and Ray, as far as it can be told without starting one."""

import errno
import os
import signal
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

import pandas as pd
import pytest

from sweeper.errors import DamagedError, TrialError
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Resources
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.halt import Halt, halting
from sweeper.tuning.journal import JournalWatch
from sweeper.tuning.launch import AgendaSearcher, Workers, is_full_disk, pack, read_result, unpack
from tests.tuning.imaginary import SMALL, Shelf, agenda_of, badly, drain, well


class Notes:
    """A watch that remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def started(self, spec: TrialSpec) -> None:
        self.heard.append(("started", spec.name))

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        self.heard.append((result.training.state, spec.name))

    def lost(self, spec: TrialSpec, reason: str) -> None:
        self.heard.append((reason, spec.name))

    def notified(self, spec: TrialSpec, message: str) -> None:
        self.heard.append((message, spec.name))


def searcher_of(agenda: Agenda, ledger: Ledger, workers: int | None = None) -> tuple[AgendaSearcher, Notes]:
    notes = Notes()
    return AgendaSearcher(agenda, ledger, notes, workers, Halt()), notes


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.at(str(tmp_path / "ledger"))


def score_of(spec: TrialSpec, number: int) -> ScoreRecord:
    score = spec.scores[number]
    key = score_key(spec.key, score)
    return ScoreRecord(
        key=key,
        training=spec.key,
        model=spec.model.name,
        recipe=spec.recipe,
        target=score.target,
        seed=spec.seed,
        split=score.split,
        metrics={"en": {"f1": 0.5}},
        trivial={"en": {"f1": 0.1}},
        counts={"en": 2},
        main="f1",
        outcomes=f"outcomes/{key}.parquet",
    )


def test_a_spec_travels_through_tune_unchanged_and_short() -> None:
    for spec in drain(agenda_of(SMALL), Shelf()):
        assert unpack(pack(spec)) == spec
        assert unpack(pack(spec)).key == spec.key
        assert len(pack(spec)) < 4000


def test_no_more_trials_are_handed_out_than_there_are_workers(ledger: Ledger) -> None:
    searcher, notes = searcher_of(agenda_of(SMALL), ledger, workers=2)
    assert [searcher.suggest(name) is None for name in "abc"] == [False, False, True]
    assert [what for what, _ in notes.heard] == ["started", "started"]


def test_a_finished_trial_is_read_out_of_the_ledger(ledger: Ledger) -> None:
    agenda = agenda_of(SMALL)
    searcher, notes = searcher_of(agenda, ledger)
    spec = unpack(searcher.suggest("a")["spec"])
    ledger.write_training(well(spec))
    searcher.on_trial_complete("a", {"done": True})
    assert [record.key for record in agenda.done.values()] == [spec.key]
    assert notes.heard[-1] == ("done", spec.name)


def test_a_trial_whose_worker_died_for_good_is_lost_with_a_reason(ledger: Ledger) -> None:
    agenda = agenda_of(SMALL)
    searcher, _ = searcher_of(agenda, ledger)
    searcher.suggest("a")
    searcher.on_trial_complete("a", None, error=True)
    assert list(agenda.lost.values()) == ["its worker died more than once (see Ray's logs)"]


def test_a_full_disk_stops_handing_out_and_ends_when_the_last_trial_in_flight_has_ended(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    for name in "ab":
        searcher.suggest(name)
    searcher.on_trial_complete("a", {"lost": "OSError: No space left on device", "disk_full": True})
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("b", {"lost": "OSError: No space left on device", "disk_full": True})
    assert searcher.suggest("d") == searcher.FINISHED
    assert searcher.fatal == "OSError: No space left on device"


def test_a_journal_that_cannot_be_written_loses_no_trial_and_is_said_once(ledger: Ledger, tmp_path: Path) -> None:
    agenda, notes = agenda_of(SMALL), Notes()
    run = tmp_path / "run"
    watch = JournalWatch(notes, agenda, Run.at(str(run)))
    searcher = AgendaSearcher(agenda, ledger, watch, None, Halt())
    specs = [unpack(searcher.suggest(name)["spec"]) for name in "ab"]
    rmtree(run)
    for name, spec in zip("ab", specs, strict=True):
        ledger.write_training(well(spec))
        searcher.on_trial_complete(name, {"done": True})
    assert [record.key for record in agenda.done.values()] == [spec.key for spec in specs]
    assert len([said for said, _ in notes.heard if "A new run restores it" in said]) == 1


def test_another_loss_does_not_stop_the_others(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"lost": "TimeoutError: the store", "disk_full": False})
    assert searcher.suggest("b")["spec"]
    assert searcher.fatal == ""


def wrapped(cause: BaseException) -> Exception:
    try:
        raise RuntimeError("the file writer gave up") from cause
    except RuntimeError as error:
        return error


def test_a_full_disk_is_known_however_it_is_wrapped() -> None:
    assert is_full_disk(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert is_full_disk(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))
    assert is_full_disk(wrapped(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert is_full_disk(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not is_full_disk(wrapped(OSError(errno.EIO, os.strerror(errno.EIO))))
    assert not is_full_disk(TrialError("its loss was NaN"))


def test_a_result_holds_the_scores_that_the_ledger_holds(ledger: Ledger) -> None:
    spec = next(spec for spec in drain(agenda_of(SMALL), Shelf()) if spec.scores)
    ledger.write_training(well(spec))
    ledger.write_score(score_of(spec, 0), pd.DataFrame({"language": ["en"], "example": ["1"]}))
    assert read_result(ledger, spec) == TrialResult(training=well(spec), scores=(score_of(spec, 0),))


def test_a_failed_training_has_no_scores(ledger: Ledger) -> None:
    spec = next(spec for spec in drain(agenda_of(SMALL), Shelf()) if spec.scores)
    ledger.write_training(badly(spec))
    assert read_result(ledger, spec) == TrialResult(training=badly(spec))


def test_a_trial_that_ended_without_a_record_is_said_so(ledger: Ledger) -> None:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    with pytest.raises(DamagedError, match=spec.key):
        read_result(ledger, spec)


def test_a_local_ray_takes_as_many_trials_as_its_cpus_hold_and_a_cluster_decides_itself() -> None:
    assert Workers(num=3).max_running(Resources()) == 3
    assert Workers().max_running(Resources()) == os.cpu_count()
    assert Workers().max_running(Resources(cpus=10_000.0)) == 1
    assert Workers(address="auto").max_running(Resources()) is None
    assert Workers(address="auto", num=5).max_running(Resources()) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_halt_is_remembered_even_if_a_library_swallows_its_exception(ledger: Ledger, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with halting() as halt:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        assert halt.requested
    assert signal.getsignal(number) == before
    searcher = AgendaSearcher(agenda_of(SMALL), ledger, Notes(), 2, halt)
    assert searcher.suggest("first") == AgendaSearcher.FINISHED


def test_what_a_worker_has_to_say_reaches_the_user_before_the_trial_counts_as_lost(ledger: Ledger) -> None:
    searcher, notes = searcher_of(agenda_of(SMALL), ledger)
    searcher.suggest("first")
    name = notes.heard[0][1]
    searcher.on_trial_complete("first", {"done": True, "messages": ["A checkpoint is damaged."], "lost": "OSError"})
    assert notes.heard[1:] == [("A checkpoint is damaged.", name), ("OSError", name)]
