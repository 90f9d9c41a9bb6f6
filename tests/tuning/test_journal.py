"""The Optuna journal: made from the ledger, opened by Optuna and by optuna-dashboard."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from socket import socket
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.run import Run
from sweeper.space import Choice, LogUniform, Space
from sweeper.tuning.journal import ENDINGS, scale, write_journal
from tests.runs import wait_for
from tests.tuning.imaginary import SEARCHED, run_all, succeed

REPLICATES = ENDINGS["replicate"]
STARTED = "2026-01-02T03:04:05.000+00:00"


def timed(spec: TrialSpec) -> TrainingRecord:
    """A trial of three seconds. All search trials of a study have the same value, and the second one failed."""
    if spec.role == "search" and spec.number == 1:
        return TrainingRecord(key=spec.key, spec=spec, state="failed", reason="its loss was NaN")
    value = 0.5 if spec.role == "search" else 0.9
    return replace(succeed(spec), value=value, machine={"started": STARTED}, timing={"total": 3.0})


def run_with(url: str, space: Space = SEARCHED) -> Run:
    """A run folder with the records of all trials."""
    Folder(url).write("space.json", write_json(space))
    run = Run.at(url)
    for record in run_all(space, timed)[1].trainings.values():
        run.ledger.write_training(record)
    return run


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journal")
    write_journal(run_with(str(folder / "run")), folder / "journal")
    return folder / "journal"


def studies(path: Path) -> dict[str, optuna.Study]:
    storage = JournalStorage(JournalFileBackend(str(path)))
    return {name: optuna.load_study(study_name=name, storage=storage) for name in storage_names(storage)}


def storage_names(storage: JournalStorage) -> Iterator[str]:
    return (study.study_name for study in optuna.get_all_study_summaries(storage))


def test_a_search_study_contains_its_search_trials_only_and_replicates_have_a_study_of_their_own(journal: Path) -> None:
    by_name = studies(journal)
    assert len(by_name) >= 4
    for name, study in by_name.items():
        roles = {trial.user_attrs["role"] for trial in study.trials}
        assert roles == {"replicate" if name.endswith(REPLICATES) else "search"}
        assert all("seed" not in trial.params for trial in study.trials)
    assert {name.removesuffix(REPLICATES) for name in by_name} == {n for n in by_name if not n.endswith(REPLICATES)}


def test_the_best_trial_of_a_study_is_the_chosen_one_also_among_equal_values(journal: Path) -> None:
    for name, study in studies(journal).items():
        if not name.endswith(REPLICATES):
            assert study.best_trial.user_attrs["trial"] == study.user_attrs["chosen trial"]
            assert study.best_trial.user_attrs["is chosen"]
            assert study.best_trial.params == study.user_attrs["chosen dials"]
            assert [trial.state for trial in study.trials[:2]] == [TrialState.COMPLETE, TrialState.FAIL]
            assert study.trials[1].user_attrs["reason"] == "its loss was NaN"


def test_trials_have_the_times_of_their_records(journal: Path) -> None:
    trial = next(study for study in studies(journal).values()).best_trial
    assert trial.datetime_start == datetime.fromisoformat(STARTED).astimezone().replace(tzinfo=None)
    assert trial.duration is not None
    assert trial.duration.total_seconds() == 3


@pytest.mark.parametrize(
    ("dial", "expected"),
    [
        (LogUniform(low=1e-5, high=1e-2), FloatDistribution(1e-5, 1e-2, log=True)),
        (Choice(values=(1e-3, 5e-4)), FloatDistribution(5e-4, 1e-3, log=True)),
        (Choice(values=(1, 2, 4)), IntDistribution(1, 4)),
        (Choice(values=(8, 64, 512)), IntDistribution(8, 512, log=True)),
        (Choice(values=(0.0, 0.1)), FloatDistribution(0.0, 0.1)),
        (Choice(values=("last", "best")), CategoricalDistribution(["last", "best"])),
    ],
)
def test_a_dial_has_the_scale_of_its_values(dial: Any, expected: Any) -> None:
    assert scale(dial) == expected


def test_the_journal_of_a_remote_run_is_written_to_a_local_file(tmp_path: Path) -> None:
    assert write_journal(run_with("memory://journal-run"), tmp_path / "remote.journal") == len(
        studies(tmp_path / "remote.journal")
    )


def test_a_damaged_record_is_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = run_with(str(tmp_path / "run"))
    num_studies = write_journal(run, tmp_path / "journal")
    (tmp_path / "run/ledger/trainings/0123456789abcdef0123.json").write_bytes(b'{"key": ')
    assert write_journal(run, tmp_path / "journal") == num_studies
    assert "0123456789abcdef0123.json is not JSON" in caplog.text
    assert "It is left out." in caplog.text


def test_writing_again_replaces_the_journal(journal: Path, tmp_path: Path) -> None:
    run = run_with(str(tmp_path / "run"))
    (tmp_path / "journal").write_text("damaged {")
    for _ in range(2):
        write_journal(run, tmp_path / "journal")
        assert [len(s.trials) for s in studies(tmp_path / "journal").values()] == [
            len(s.trials) for s in studies(journal).values()
        ]


@pytest.mark.slow
def test_optuna_dashboard_opens_the_journal_and_names_the_chosen_trial_as_best(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="needs the extra optuna-dashboard")
    run = run_with(str(tmp_path / "run"))
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sweeper", "dashboard", str(tmp_path / "run"), "--optuna", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        summaries = wait_for(lambda: fetched(port, "studies"), process)["study_summaries"]
        searches = [summary for summary in summaries if not summary["study_name"].endswith(REPLICATES)]
        assert {summary["study_name"] for summary in searches} == set(search_names(run))
        for summary in searches:
            study = fetched(port, f"studies/{summary['study_id']}?after=0")
            best = study["best_trials"][0]
            chosen = next(a["value"] for a in study["user_attrs"] if a["key"] == "chosen trial")
            assert attributes(best)["trial"] == chosen
            assert "seed" not in {param["name"] for param in best["params"]}
    finally:
        process.terminate()
        process.communicate(timeout=60)


def search_names(run: Run) -> set[str]:
    names = (record.spec.name for record in run.ledger.trainings().values() if record.spec.role == "search")
    return {name.rpartition("/search ")[0] for name in names}


def attributes(trial: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in trial["user_attrs"]}


def fetched(port: int, path: str) -> Any:
    """The answer of the server as JSON; None while it does not run yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=30) as answer:
            return json.loads(answer.read())
    except OSError:
        return None
