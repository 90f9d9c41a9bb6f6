"""The searcher between the agenda and Ray, tested without a Ray process."""

import errno
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from ray.tune.experiment import Trial

from sweeper.errors import CrowdedError, DamagedError, MachineError, ShortageError, TrialError, UserError
from sweeper.files.patience import UnreachableError
from sweeper.records.ended import EndedTrial
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Resources
from sweeper.tuning import attempts
from sweeper.tuning.actor import TrialActor, is_full_disk
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.attempts import NODE_TIMEOUT, Death
from sweeper.tuning.callbacks import ActorCallback
from sweeper.tuning.cpus import usable_cpus
from sweeper.tuning.halt import Halt, halting
from sweeper.tuning.options import Workers
from sweeper.tuning.packed import pack, placement, unpack
from sweeper.tuning.room import Room
from sweeper.tuning.searcher import AgendaSearcher, read_result
from sweeper.tuning.watch import Watch, Watches
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of, drain, fail, succeed


class RecordingWatch(Watch):
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

    def waits(self, spec: TrialSpec) -> None:
        self.events.append(("waits", spec.name))

    def died(self, spec: TrialSpec) -> None:
        self.events.append(("died", spec.name))

    def notified(self, spec: TrialSpec, message: str) -> None:
        self.events.append((message, spec.name))


def searcher_of(agenda: Agenda, ledger: Ledger, workers: int | None = None) -> tuple[AgendaSearcher, RecordingWatch]:
    watch = RecordingWatch()
    return AgendaSearcher(agenda, ledger, watch, Room(num=workers), Halt()), watch


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


def test_after_a_full_disk_no_trial_starts_and_the_sweep_ends_with_the_last_running_one(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    for name in "ab":
        searcher.suggest(name)
    searcher.on_trial_complete("a", {"lost": "OSError: No space left on device", "fatal": True})
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("b", {"lost": "OSError: No space left on device", "fatal": True})
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
    searcher = AgendaSearcher(agenda, ledger, Watches([BrokenWatch(), other], reports.append), Room(), Halt())
    finish(searcher, ledger, "a")
    finish(searcher, ledger, "b")
    assert len(agenda.done) == 2
    assert [event for event, _ in other.events] == ["done", "done"]
    assert len(reports) == 1
    assert reports[0].startswith("The display of the sweep failed (KeyError: ")


def test_an_event_that_tune_repeats_is_ignored(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    finish(searcher, ledger, "a")
    searcher.on_trial_complete("a", {"done": True})
    assert len(searcher.agenda.done) == 1


def test_a_trial_lost_for_another_reason_does_not_stop_the_others(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"lost": "TimeoutError: the store", "fatal": False})
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


def test_an_error_that_is_its_own_cause_ends_the_search_for_a_full_disk() -> None:
    error = RuntimeError("the connection was lost")
    error.__cause__ = error
    assert not is_full_disk(error)


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
    with pytest.raises(MachineError, match=spec.key):
        read_result(ledger, spec)


def num_fitting(workers: Workers, resources: Resources, available: dict[str, float], most: int = 50) -> int:
    """The number of equal trials that run at the same time, at most `most`."""
    room, running = workers.room(available), list[Resources]()
    while len(running) < most and room.fits(running, resources):
        running.append(resources)
    return len(running)


def test_a_local_ray_runs_as_many_trials_as_its_cpus_and_gpus_allow_and_a_cluster_decides_itself() -> None:
    machine = {"CPU": 32.0, "GPU": 1.0}
    assert num_fitting(Workers(), Resources(), machine) == 32
    assert num_fitting(Workers(), Resources(gpus=1), machine) == 1
    assert num_fitting(Workers(), Resources(gpus=0.2), {"CPU": 32.0, "GPU": 0.6}) == 3
    assert num_fitting(Workers(num=8), Resources(gpus=0.5), machine) == 2
    assert num_fitting(Workers(num=3), Resources(), machine) == 3
    assert num_fitting(Workers(), Resources(cpus=10_000.0), machine) == 1
    assert num_fitting(Workers(address="auto"), Resources(), machine) == 50
    assert num_fitting(Workers(address="auto", num=5), Resources(), machine) == 5


def test_small_trials_fill_a_machine_although_another_model_needs_a_whole_gpu() -> None:
    room = Workers().room({"CPU": 32.0, "GPU": 2.0})
    small, large = Resources(gpus=0.25), Resources(cpus=8, gpus=1)
    assert room.fits([large, small, small, small], small)
    assert not room.fits([large, small, small, small], large)
    assert not room.fits([large, *[small] * 4], small)


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
    ActorCallback(searcher).on_trial_start(1, [], Trial("sweep", trial_id="a", stub=True))
    assert watch.events == [("started", spec.name)]


def test_tune_keeps_neither_the_config_nor_the_result_of_a_trial_that_has_ended(ledger: Ledger) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    config = searcher.suggest("a")
    trial = Trial("sweep", trial_id="a", config=config, evaluated_params=dict(config), stub=True)
    trial.update_last_result({"done": True, "config": config, "training_iteration": 1})
    before = len("".join(trial.get_json_state()))
    ActorCallback(searcher).on_trial_complete(2, [], trial)
    assert trial.config == {}
    assert trial.last_result == {"done": True, "trial_id": "a"}
    assert len("".join(trial.get_json_state())) < before / 3


def test_equal_resources_of_trials_are_one_object() -> None:
    assert placement({"cpus": 1.0, "gpus": 0.5}) is placement({"cpus": 1.0, "gpus": 0.5})
    assert placement({"cpus": 1.0, "gpus": 0.0}) != placement({"cpus": 1.0, "gpus": 0.5})


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
    searcher = AgendaSearcher(agenda_of(SMALL), ledger, RecordingWatch(), Room(num=2), halt)
    assert searcher.suggest("first") == AgendaSearcher.FINISHED


def test_messages_of_a_worker_reach_the_user_before_the_trial_counts_as_lost(ledger: Ledger) -> None:
    searcher, watch = searcher_of(agenda_of(SMALL), ledger)
    name = unpack(searcher.suggest("first")["spec"]).name
    searcher.on_trial_complete("first", {"done": True, "messages": ["A checkpoint is damaged."], "lost": "OSError"})
    assert watch.events == [("A checkpoint is damaged.", name), ("OSError", name)]


ALIVE = {"a node": True}


def deadly_searcher(ledger: Ledger, nodes: dict[str, bool]) -> tuple[AgendaSearcher, RecordingWatch, TrialSpec]:
    """A searcher in a cluster with these nodes, and its first trial, which runs."""
    searcher, watch = searcher_of(agenda_of(SMALL), ledger, workers=1)
    searcher._attempts.nodes = lambda: nodes
    return searcher, watch, unpack(searcher.suggest("0")["spec"])


def die(searcher: AgendaSearcher, number: int, death: Death) -> str:
    """The worker of a running trial dies. Returns the name of the trial that runs next."""
    searcher.on_trial_complete(str(number), None, error=True)
    searcher.on_worker_death(str(number), death)
    return unpack(searcher.suggest(str(number + 1))["spec"]).name


def test_a_trial_whose_worker_dies_three_times_on_living_nodes_is_recorded_as_failed(ledger: Ledger) -> None:
    searcher, watch, spec = deadly_searcher(ledger, ALIVE)
    names = [die(searcher, number, Death(node="a node", reason="SIGSEGV")) for number in range(3)]
    assert [name == spec.name for name in names] == [True, True, False]
    record = ledger.training(spec.key)
    assert record is not None
    assert (record.state, EndedTrial.of(record).can_be_retried) == ("failed", True)
    assert record.reason.startswith("Its worker died 3 times, although its node was alive.")
    assert "--retry-failed" in record.reason and record.reason.endswith("Ray: SIGSEGV")
    assert ("failed", spec.name) in watch.events
    assert searcher.agenda.lost == {}


def test_lost_nodes_and_preemptions_never_count(ledger: Ledger) -> None:
    searcher, _, spec = deadly_searcher(ledger, {"a node": True, "another node": True, "a lost node": False})
    past = time.monotonic() - 2 * NODE_TIMEOUT
    lost = [Death(node="a lost node", reason="", time=past), Death(node="", reason="the node was preempted", time=past)]
    for number in range(20):
        assert die(searcher, number, lost[number % 2]) == spec.name
    # Ray may not know yet that a node is lost.
    for number in range(20, 30):
        assert die(searcher, number, Death(node="another node", reason="connection closed")) == spec.name
    for number in range(30, 32):
        assert die(searcher, number, Death(node="a node", reason="SIGSEGV", time=past)) == spec.name
    assert die(searcher, 32, Death(node="a node", reason="SIGSEGV", time=past)) != spec.name
    assert ledger.training(spec.key) is not None


def test_deaths_on_a_node_that_ray_no_longer_lists_are_limited(ledger: Ledger) -> None:
    searcher, _, spec = deadly_searcher(ledger, ALIVE)
    names = [die(searcher, number, Death(node="f" * 56, reason="no node")) for number in range(3)]
    assert [name == spec.name for name in names] == [True, True, False]


def test_a_worker_that_does_not_start_is_tried_three_times_and_leaves_no_record(ledger: Ledger) -> None:
    searcher, _, spec = deadly_searcher(ledger, ALIVE)
    names = [die(searcher, number, Death(node="", reason="MachineError: no", cause="start")) for number in range(3)]
    assert [name == spec.name for name in names] == [True, True, False]
    assert list(searcher.agenda.lost.values()) == ["MachineError: no"]
    assert ledger.training(spec.key) is None


def test_damage_costs_a_trial_one_more_attempt(ledger: Ledger) -> None:
    searcher, watch, spec = deadly_searcher(ledger, ALIVE)
    ledger.write_training(succeed(spec))
    name = f"trainings/{spec.key}.json"
    ledger.folder.write(name, ledger.folder.read(name)[:-5])
    searcher.on_trial_complete("0", {"done": True})
    assert ledger.folder.exists(f"{name}.damaged")
    assert unpack(searcher.suggest("1")["spec"]) == spec
    assert "It runs again: " in watch.events[-1][0]
    searcher.on_trial_complete("1", {"lost": "DamagedError: a cache", "cause": "damage"})
    assert list(searcher.agenda.lost.values()) == ["DamagedError: a cache"]


def test_a_trial_without_memory_because_of_other_processes_runs_again_when_no_other_trial_does(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PAUSE", 0.0)
    searcher, _ = searcher_of(agenda_of(SMALL), ledger, workers=2)
    spec, other = (unpack(searcher.suggest(name)["spec"]) for name in ("0", "1"))
    shortage = {"done": True, "lost": "Out of memory. Others used 40% of it.", "cause": "shortage"}
    searcher.on_trial_complete("0", shortage)
    started = []
    while other != spec:  # the others end first
        assert searcher.agenda.lost == {}
        ledger.write_training(succeed(other))
        number = str(len(started) + 1)
        searcher.on_trial_complete(number, {"done": True})
        other = unpack(searcher.suggest(str(len(started) + 2))["spec"])
        started.append(other)
    assert len(started) > 3
    for number in range(len(started) + 1, len(started) + 3):
        assert ledger.training(spec.key) is None
        searcher.on_trial_complete(str(number), shortage)
        searcher.suggest(str(number + 1))
    record = ledger.training(spec.key)
    assert record is not None
    assert EndedTrial.of(record).can_be_retried


def test_a_store_that_cannot_be_reached_stops_the_sweep(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    searcher, _ = searcher_of(agenda_of(SMALL), ledger)
    searcher.suggest("0")

    def away(*_: object) -> None:
        raise UnreachableError("The store cannot be reached: no route")

    monkeypatch.setattr(Ledger, "training", away)
    searcher.on_trial_complete("0", {"done": True})
    assert searcher.fatal == "The store cannot be reached: no route"
    assert searcher.suggest("1") == searcher.FINISHED


def actor_of(spec: TrialSpec, folder: Path) -> TrialActor:
    """An actor in this process, with a trial."""
    actor = TrialActor.__new__(TrialActor)
    actor.setup({"spec": pack(spec)}, vars(Run.at(str(folder / "run")).make_site(cache=str(folder / "cache"))))
    return actor


def test_a_data_loader_that_raises_loses_its_trial_with_a_traceback_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agenda = agenda_of(SMALL)
    ledger = Run.at(str(tmp_path / "run")).ledger
    searcher, _ = searcher_of(agenda, ledger)
    actor = actor_of(unpack(searcher.suggest("0")["spec"]), tmp_path)

    def raising(*_: object) -> None:
        raise IndexError("row 17 has no batch")

    monkeypatch.setattr("sweeper.tuning.actor.run_trial", raising)
    answer = actor.step()
    searcher.on_trial_complete("0", answer)
    assert answer["lost"].startswith("IndexError: row 17 has no batch (see ledger/attempts/")
    assert "in raising" in ledger.traceback(ledger.attempts()[0])
    assert searcher.suggest("1")["spec"]
    assert searcher.fatal == ""


@pytest.mark.parametrize(
    ("error", "cause", "is_fatal"),
    [
        (DamagedError("a file"), "damage", False),
        (ShortageError("Out of memory"), "shortage", False),
        (CrowdedError("Out of memory on a share of a GPU."), "crowd", False),
        (UnreachableError("The store cannot be reached"), None, True),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), None, True),
        (TrialError("its loss was NaN"), None, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_actor_tells_whether_another_attempt_is_useful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str | None, is_fatal: bool
) -> None:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    actor = actor_of(spec, tmp_path)

    def raising(*_: object) -> None:
        raise error

    monkeypatch.setattr("sweeper.tuning.actor.run_trial", raising)
    answer = actor.step()
    assert (answer["cause"], answer["fatal"]) == (cause, is_fatal)
