"""Experiment trackers: what each of them wrote, read back, and trackers that fail, hang or do not exist."""

import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.trackers import table
from sweeper.tuning.trackers.feed import MOST_WAITING, TrackerWatch
from sweeper.tuning.trackers.interface import TrackedTrial, Tracker
from sweeper.tuning.trackers.table import open_trackers
from sweeper.tuning.trackers.values import tracked
from tests.runs import PATIENCE, Call, is_user_error, wait_for
from tests.worlds import score, stage, trial

GROUP, PROJECT = "tiny/row -> names", "space"
SPECS = tuple(
    replace(trial(replace(stage("names"), seed=seed), scores=(score("names"),)), name=f"{GROUP}/seed {seed}", seed=seed)
    for seed in (1, 2)
)
GROUPS = {spec.name: GROUP for spec in SPECS}


def progress(spec: TrialSpec, step: int) -> TrialProgress:
    return TrialProgress(
        key=spec.key, name=spec.name, phase="train", step=step, loss=1 / step, learning_rate=0.1, gradient_norm=2.0
    )


def result(spec: TrialSpec, steps: int = 4) -> TrialResult:
    training = TrainingRecord(key=spec.key, spec=spec, state="done", value=0.5, steps=steps, loss=(0.9, 0.8, 0.7, 0.6))
    scored = ScoreRecord(
        key="k", training=spec.key, model="tiny", recipe="row", target="names", seed=spec.seed, split="test",
        metrics={"en": {"f1": 0.5}, "xa": {"f1": 0.25}}, trivial={}, counts={}, main="f1", outcomes="",
    )  # fmt: skip
    return TrialResult(training=training, scores=(scored,))


@dataclass
class Memory:
    """A tracker that keeps what it receives."""

    logged: int = 0
    events: list[Any] = field(default_factory=list)

    def start(self, trial: TrackedTrial) -> int:
        self.events.append(("start", trial.name, trial.group, trial.project))
        return self.logged

    def log(self, trial: TrackedTrial, step: int, values: Mapping[str, float]) -> None:
        self.events.append((step, dict(values)["train/loss"]))

    def finish(self, trial: TrackedTrial, state: str, scores: Mapping[str, float]) -> None:
        self.events.append((state, dict(scores)))

    def close(self) -> None:
        self.events.append("close")


def watch_of(*trackers: Tracker, report: Callable[[str], object] = print) -> TrackerWatch:
    return TrackerWatch(trackers, PROJECT, GROUPS, report)


def test_a_tracker_gets_one_run_for_a_trial_with_group_curve_and_scores_by_language() -> None:
    memory, spec = Memory(), SPECS[0]
    watch = watch_of(memory)
    watch.started(spec)
    for step in (1, 2, 2):
        watch.progressed(spec, progress(spec, step))
    watch.progressed(spec, TrialProgress(key=spec.key, name=spec.name, phase="evaluate", step=2))
    watch.finished(spec, result(spec))
    watch.close()
    scores = {"value": 0.5, "score/names/en/f1": 0.5, "score/names/xa/f1": 0.25, "score/names/mean": 0.375}
    # The record has the rest of the curve, and each step is logged once.
    assert memory.events == [
        ("start", spec.name, GROUP, PROJECT), (1, 1.0), (2, 0.5), (3, 0.7), (4, 0.6), ("done", scores), "close"
    ]  # fmt: skip


def test_the_scoring_of_an_encoder_is_a_run_of_its_own_without_the_curve_of_the_training() -> None:
    memory, preparation = Memory(), replace(SPECS[0], kind="prepare", name="tiny/row/seed 1")
    scoring = replace(preparation, kind="score", name="tiny/row -> pairs/seed 1")
    assert scoring.key == preparation.key
    watch = watch_of(memory)
    for spec in (preparation, scoring):
        watch.started(spec)
        watch.finished(spec, result(preparation))  # both have the same record
    watch.close()
    assert [event[1] for event in memory.events if event[0] == "start"] == [preparation.name, scoring.name]
    assert [event[0] for event in memory.events[:-1]] == ["start", 1, 2, 3, 4, "done", "start", "done"]
    assert set(memory.events[-2][1]) == {"score/names/en/f1", "score/names/xa/f1", "score/names/mean"}
    assert tracked(scoring, GROUP, PROJECT).key != tracked(preparation, GROUP, PROJECT).key


def test_a_trial_that_starts_again_logs_no_step_twice() -> None:
    memory, spec = Memory(), SPECS[0]
    watch = watch_of(memory)
    for steps in ((1, 2), (2, 3)):
        watch.started(spec)
        for step in steps:
            watch.progressed(spec, progress(spec, step))
        watch.lost(spec, "the machine died")
    watch.close()
    assert [event[0] for event in memory.events[:-1]] == ["start", 1, 2, "lost", "start", 3, "lost"]
    continued = Memory(logged=3)  # another process, whose tracker finds the steps of the first one
    watch = watch_of(continued)
    watch.started(spec)
    watch.finished(spec, result(spec))
    watch.close()
    assert [event[0] for event in continued.events[1:-1]] == [4, "done"]


def test_a_tracker_that_fails_is_reported_once_and_stops_neither_the_sweep_nor_the_others() -> None:
    class Failing(Memory):
        def start(self, trial: TrackedTrial) -> int:
            raise ConnectionError("no route to host")

    memory, messages = Memory(), []
    watch = watch_of(Failing(), memory, report=messages.append)
    for spec in SPECS:
        watch.started(spec)
        watch.finished(spec, result(spec))
    watch.close()
    assert messages == [
        "Tracker Failing failed (ConnectionError: no route to host). The sweep goes on, and the ledger has all results."
    ]
    assert [event[0] for event in memory.events].count("done") == 2


def test_a_tracker_that_hangs_holds_up_neither_the_sweep_nor_its_end() -> None:
    release, messages = threading.Event(), []

    class Hanging(Memory):
        def start(self, trial: TrackedTrial) -> int:
            release.wait(60)
            return 0

    watch, spec = watch_of(Hanging(), report=messages.append), SPECS[0]
    began = time.monotonic()
    watch.started(spec)
    for step in range(1, MOST_WAITING + 10):
        watch.progressed(spec, progress(spec, step))
    watch.close(patience=0.1)
    assert time.monotonic() - began < 20
    release.set()
    assert [message.split(" is ")[0].split(" did ")[0] for message in messages] == ["Tracker Hanging"] * 2
    assert "too slow" in messages[0]
    assert "did not end in time" in messages[1]


def test_an_unknown_tracker_a_missing_package_and_a_wrong_class_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    with pytest.raises(UserError, match=r"No tracker is called 'wandd'\. Did you mean 'wandb'\?"):
        open_trackers(["wandd"], "")
    with monkeypatch.context() as patch:
        patch.setattr(table, "find_spec", lambda name: None)
        with pytest.raises(UserError, match=r"needs the package mlflow.*pip install 'transfer-sweeper\[mlflow\]'"):
            open_trackers(["mlflow"], "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "half_a_tracker.py").write_text("class Half:\n    def start(self, trial): ...\n")
    with pytest.raises(UserError, match="half_a_tracker:Half has no log, finish, close"):
        open_trackers(["half_a_tracker:Half"], "")
    with pytest.raises(UserError, match="no attribute 'Whole'"):
        open_trackers(["half_a_tracker:Whole"], "")
    with pytest.raises(UserError, match=r"No module named 'no_tracker'.* It needs one of wandb, mlflow"):
        open_trackers(["no_tracker:Class"], "")
    assert is_user_error(call("run", "tiny", "--tracker", "wandd"))


def test_a_class_of_the_user_is_a_tracker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text(encoding="utf-8")
    (tmp_path / "my_tracker.py").write_text(page.split("```python\n")[1].split("```")[0])
    [tracker] = open_trackers(["my_tracker:PrintTracker"], "")
    watch = watch_of(tracker)
    watch.started(SPECS[0])
    watch.finished(SPECS[0], result(SPECS[0]))
    watch.close()


def session(text: str, folder: Path, *, steps: tuple[int, ...], ends: bool) -> list[str]:
    """The events of one process with a tracker: two trials at the same time. Returns the messages to the user."""
    messages: list[str] = []
    watch = watch_of(*open_trackers([text], str(folder)), report=messages.append)
    for spec in SPECS:
        watch.started(spec)
    for step in steps:
        for spec in SPECS:
            watch.progressed(spec, progress(spec, step))
    for spec in SPECS if ends else ():
        watch.finished(spec, result(spec))
    watch.close(PATIENCE)
    return messages


def events_in(folder: Path) -> Iterator[Any]:
    """The events of all TensorBoard files in a folder, in the order of the files."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.glob("events.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])  # the length and its checksum, the event and its checksum
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def test_tensorboard_files_have_the_curves_and_scores_of_each_trial_in_the_folder_of_its_cell(tmp_path: Path) -> None:
    assert session(f"tensorboard:{tmp_path}", tmp_path, steps=(1, 2), ends=True) == []
    for spec in SPECS:
        values = [
            (value.tag, event.step, round(value.simple_value, 4))
            for event in events_in(tmp_path / spec.name)
            for value in event.summary.value
        ]
        assert [value[1:] for value in values if value[0] == "train/loss"] == [(1, 1.0), (2, 0.5), (3, 0.7), (4, 0.6)]
        assert ("train/gradient_norm", 2, 2.0) in values
        assert ("score/names/xa/f1", 4, 0.25) in values
        assert any(tag.startswith("config") for tag, *_ in values)


def test_a_resumed_trial_has_one_value_for_each_step_in_tensorboard(tmp_path: Path) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the extra tensorboard is not installed"
    )
    session(f"tensorboard:{tmp_path}", tmp_path, steps=(1, 2, 3), ends=False)
    time.sleep(1.1)  # the names of event files have the second of their start
    session(f"tensorboard:{tmp_path}", tmp_path, steps=(2, 3), ends=True)
    events = reader.EventAccumulator(str(tmp_path / SPECS[0].name)).Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SQLAlchemy 2.1 warns about a call of MLflow 3.17
def test_mlflow_has_one_run_for_each_trial_also_after_a_restart(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert session(f"mlflow:{uri}", tmp_path, steps=(1, 2, 3), ends=False) == []
    assert session(f"mlflow:{uri}", tmp_path, steps=(2, 3), ends=True) == []
    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name(PROJECT).experiment_id])
    assert {(run.info.run_name, run.data.tags["sweeper.cell"], run.info.status) for run in runs} == {
        (spec.name, GROUP, "FINISHED") for spec in SPECS
    }
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert [metric.step for metric in history] == [1, 2, 3, 4]
        assert run.data.metrics["score/names/xa/f1"] == 0.25
        assert run.data.params["recipe"] == "row"
        assert run.data.params["training.batch_size"] == "8"


def test_wandb_writes_a_run_for_each_trial_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # without a key of W&B
    assert session("wandb", tmp_path, steps=(1, 2), ends=True) == []
    files = {path.stem.removeprefix("run-"): path for path in tmp_path.rglob("run-*.wandb")}
    # A process of W&B writes the files and may end a moment after the runs.
    wait_for(lambda: all("exit" in types_of(wandb_records(path)) for path in files.values()))
    runs = {key: list(wandb_records(path)) for key, path in files.items()}
    assert set(runs) == {spec.key for spec in SPECS}
    for spec in SPECS:
        [run] = [record.run for record in runs[spec.key] if record.WhichOneof("record_type") == "run"]
        assert (run.display_name, run.run_group, run.project) == (spec.name, GROUP, PROJECT)
        assert "training.batch_size" in {item.key for item in run.config.update}
        rows = [record.history.item for record in runs[spec.key] if record.WhichOneof("record_type") == "history"]
        losses = [item.value_json for row in rows for item in row if (item.key or item.nested_key[0]) == "train/loss"]
        assert [float(loss) for loss in losses] == [1.0, 0.5, 0.7, 0.6]
        summary = {
            item.key or "/".join(item.nested_key): item.value_json
            for record in runs[spec.key]
            if record.WhichOneof("record_type") == "summary"
            for item in record.summary.update
        }
        assert summary["score/names/xa/f1"] == "0.25"


def types_of(records: Iterator[Any]) -> set[str]:
    return {record.WhichOneof("record_type") for record in records}


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of a W&B run file: chunks in blocks of 32 KiB, as in the log files of LevelDB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, position, record = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        if (left := 32768 - position % 32768) < 7:  # no chunk begins so near to the end of a block
            position += left
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        record += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last chunk of one
            yield Record.FromString(record)
            record = b""


def test_trackio_has_a_run_for_each_trial_also_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("trackio") is None:  # `importorskip` would import it before its folder is set
        pytest.skip("the extra trackio is not installed")
    monkeypatch.setenv("TRACKIO_DIR", "")  # restored after the test
    assert session(f"trackio:{tmp_path}", tmp_path, steps=(1, 2, 3), ends=False) == []
    assert session(f"trackio:{tmp_path}", tmp_path, steps=(2, 3), ends=True) == []
    from trackio.sqlite_storage import SQLiteStorage

    assert sorted(SQLiteStorage.get_runs(PROJECT)) == [spec.name for spec in SPECS]
    for spec in SPECS:
        rows = SQLiteStorage.get_logs(PROJECT, spec.name)
        assert [row["step"] for row in rows if "train/loss" in row] == [1, 2, 3, 4]
        assert [row["score/names/xa/f1"] for row in rows if "score/names/xa/f1" in row] == [0.25]
        config = SQLiteStorage.get_run_config(PROJECT, spec.name)
        assert config is not None
        assert (config["_Group"], config["seed"]) == (GROUP, spec.seed)
