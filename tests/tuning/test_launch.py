"""The searcher between the agenda and Ray, tested without a Ray process."""

import errno
import os
import signal
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from ray.tune.experiment import Trial

from sweeper.errors import DamagedError, TrialError, UserError
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.ledger import Ledger
from sweeper.space import Resources
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.cpus import usable_cpus
from sweeper.tuning.halt import Halt, halting
from sweeper.tuning.launch import AgendaSearcher, StartCallback, is_full_disk, pack, read_result, unpack
from sweeper.tuning.options import Workers
from sweeper.tuning.watch import Watches
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of, drain, fail, succeed


class RecordingWatch:
    """A watch that records its events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, spec: TrialSpec) -> None:
        self.events.append(("started", spec.name))

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        self.events.append((progress.phase, spec.name))

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        self.events.append((result.training.state, spec.name))

    def lost(self, spec: TrialSpec, reason: str) -> None:
        self.events.append((reason, spec.name))

    def notified(self, spec: TrialSpec, message: str) -> None:
        self.events.append((message, spec.name))


def searcher_of(agenda: Agenda, ledger: Ledger, workers: int | None = None) -> tuple[AgendaSearcher, RecordingWatch]:
    watch = RecordingWatch()
    return AgendaSearcher(agenda, ledger, watch, workers, Halt()), watch


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


def test_a_packed_spec_is_short_and_unpacks_unchanged() -> None:
    for spec in drain(agenda_of(SMALL), FakeLedger()):
        assert unpack(pack(spec)) == spec
        assert unpack(pack(spec)).key == spec.key
        assert len(pack(spec)) < 4000


def test_at_most_one_trial_per_worker_is_handed_out(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger, workers=2)
    assert [searcher.suggest(name) is None for name in "abc"] == [False, False, True]


def test_a_finished_trial_is_read_from_the_ledger(ledger: Ledger) -> None:
    agenda = agenda_of(SMALL)
    searcher, watch = searcher_of(agenda, ledger)
    spec = unpack(searcher.suggest("a")["spec"])
    ledger.write_training(succeed(spec))
    searcher.on_trial_complete("a", {"done": True})
    assert [record.key for record in agenda.done.values()] == [spec.key]
    assert watch.events[-1] == ("done", spec.name)


def test_a_trial_whose_worker_died_repeatedly_is_lost_with_a_reason(ledger: Ledger) -> None:
    agenda = agenda_of(SMALL)
    searcher, _ = searcher_of(agenda, ledger)
    searcher.suggest("a")
    searcher.on_trial_complete("a", None, error=True)
    assert list(agenda.lost.values()) == ["its worker died more than once (see Ray's logs)"]


def test_after_a_full_disk_no_trial_starts_and_the_sweep_ends_with_the_last_running_one(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    for name in "ab":
        searcher.suggest(name)
    searcher.on_trial_complete("a", {"lost": "OSError: No space left on device", "disk_full": True})
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("b", {"lost": "OSError: No space left on device", "disk_full": True})
    assert searcher.suggest("d") == searcher.FINISHED
    assert searcher.fatal == "OSError: No space left on device"


def finish(searcher: AgendaSearcher, ledger: Ledger, name: str) -> None:
    """Let a trial succeed under the id that Tune gives it."""
    ledger.write_training(succeed(unpack(searcher.suggest(name)["spec"])))
    searcher.on_trial_complete(name, {"done": True})


class BrokenWatch(RecordingWatch):
    """A display that fails at the end of every trial."""

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        raise KeyError(spec.name)


def test_a_display_that_fails_is_reported_once_and_otherwise_ignored(ledger: Ledger) -> None:
    agenda, reports, other = agenda_of(SMALL), list[str](), RecordingWatch()
    searcher = AgendaSearcher(agenda, ledger, Watches([BrokenWatch(), other], reports.append), None, Halt())
    finish(searcher, ledger, "a")
    finish(searcher, ledger, "b")
    assert len(agenda.done) == 2
    assert [event for event, _ in other.events] == ["done", "done"]
    assert len(reports) == 1
    assert "KeyError" in reports[0]


def test_an_event_that_tune_repeats_is_ignored(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    finish(searcher, ledger, "a")
    searcher.on_trial_complete("a", {"done": True})
    assert len(searcher.agenda.done) == 1


def test_a_trial_lost_for_another_reason_does_not_stop_the_others(ledger: Ledger) -> None:
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


def test_a_full_disk_is_recognised_behind_other_errors() -> None:
    assert is_full_disk(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert is_full_disk(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))
    assert is_full_disk(wrapped(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert is_full_disk(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not is_full_disk(wrapped(OSError(errno.EIO, os.strerror(errno.EIO))))
    assert not is_full_disk(TrialError("its loss was NaN"))


def test_a_result_contains_the_scores_of_the_ledger(ledger: Ledger) -> None:
    spec = next(spec for spec in drain(agenda_of(SMALL), FakeLedger()) if spec.scores)
    ledger.write_training(succeed(spec))
    score = ledger.write_score(score_of(spec, 0), pd.DataFrame({"language": ["en"], "example": ["1"]}))
    assert read_result(ledger, spec) == TrialResult(training=succeed(spec), scores=(score,))


def test_a_failed_training_has_no_scores(ledger: Ledger) -> None:
    spec = next(spec for spec in drain(agenda_of(SMALL), FakeLedger()) if spec.scores)
    ledger.write_training(fail(spec))
    assert read_result(ledger, spec) == TrialResult(training=fail(spec))


def test_a_finished_trial_without_a_record_is_an_error(ledger: Ledger) -> None:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    with pytest.raises(DamagedError, match=spec.key):
        read_result(ledger, spec)


def test_a_local_ray_runs_as_many_trials_as_its_cpus_and_gpus_allow_and_a_cluster_decides_itself() -> None:
    machine = {"CPU": 32.0, "GPU": 1.0}
    assert Workers().max_running(Resources(), machine) == 32
    assert Workers().max_running(Resources(gpus=1), machine) == 1
    assert Workers().max_running(Resources(gpus=0.2), {"CPU": 32.0, "GPU": 0.6}) == 3
    assert Workers(num=8).max_running(Resources(gpus=0.5), machine) == 2
    assert Workers(num=3).max_running(Resources(), machine) == 3
    assert Workers().max_running(Resources(cpus=10_000.0), machine) == 1
    assert Workers(address="auto").max_running(Resources(), machine) is None
    assert Workers(address="auto", num=5).max_running(Resources(), machine) == 5


def test_a_local_ray_distributes_the_usable_cpus_or_those_that_the_given_number_of_trials_needs() -> None:
    assert Workers().cpus(Resources()) == usable_cpus()
    assert Workers().cpus(Resources(cpus=10_000.0)) == 10_000
    assert Workers(num=3).cpus(Resources(cpus=0.5)) == 2


def test_a_nice_level_is_refused_on_a_cluster() -> None:
    with pytest.raises(UserError, match="--nice applies to a local Ray"):
        Workers(address="auto", nice=5)


def test_a_trial_counts_as_running_when_its_actor_starts_and_not_when_it_is_handed_to_tune(ledger: Ledger) -> None:
    searcher, watch = searcher_of(agenda_of(SMALL), ledger)
    spec = unpack(searcher.suggest("a")["spec"])
    searcher.suggest("b")
    assert watch.events == []
    StartCallback(searcher).on_trial_start(1, [], Trial("sweep", trial_id="a", stub=True))
    assert watch.events == [("started", spec.name)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_request_is_recorded_even_if_a_library_swallows_the_exception(
    ledger: Ledger, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with halting() as halt:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        assert halt.requested
    assert signal.getsignal(number) == before
    searcher = AgendaSearcher(agenda_of(SMALL), ledger, RecordingWatch(), 2, halt)
    assert searcher.suggest("first") == AgendaSearcher.FINISHED


def test_messages_of_a_worker_reach_the_user_before_the_trial_counts_as_lost(ledger: Ledger) -> None:
    searcher, watch = searcher_of(agenda_of(SMALL), ledger)
    name = unpack(searcher.suggest("first")["spec"]).name
    searcher.on_trial_complete("first", {"done": True, "messages": ["A checkpoint is damaged."], "lost": "OSError"})
    assert watch.events == [("A checkpoint is damaged.", name), ("OSError", name)]
