"""The commands that read a finished run: status, plan, trial, export, report."""

import json
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from sweeper.run.run import Run
from tests.runs import (
    PATIENCE,
    Call,
    copy_of,
    is_user_error,
    run_arguments,
    sweeper,
    tiny_run,
    watched_tiny_run,
    without_seal,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]


@pytest.fixture
def run() -> Path:
    return tiny_run()


def test_status_counts_the_finished_trials(call: Call, run: Path) -> None:
    status = json.loads(call("status", str(run), "--json").out)
    assert status["trials"] == {
        "search": {"finished": 4, "all": 4},
        "prepare": {"finished": 2, "all": 2},
        "target": {"finished": 8, "all": 8},
    }
    assert status["failed"] == {}
    assert "search trials" in call("status", str(run)).out


def test_the_status_of_a_running_sweep_shows_step_loss_speed_and_time_left_of_its_trials_within_a_minute() -> None:
    run, statuses = watched_tiny_run()
    trials = {record.spec.name: record for record in Run.open(str(run)).ledger.trainings().values()}
    seen = [(status, trial) for status in statuses for trial in status.running]
    inside = [(status, trial) for status, trial in seen if trial.phase == "train" and trial.step]
    # The trainings last a second: many end between two readings.
    assert len({trial.name for _, trial in inside}) > 1
    for status, trial in inside:
        record = trials[trial.name]
        assert 0 < trial.step <= trial.planned_steps == record.planned_steps
        assert None not in (trial.loss, trial.tokens_per_second, trial.seconds_left, trial.gradient_norm)
        assert trial.seconds < 60
        assert status.seconds_left is not None
        assert status.tokens_per_second > 0
    assert statuses[-1].cells.scores
    assert not list((run / "progress").iterdir())


def test_the_plan_of_a_run_folder_counts_the_trials_that_are_left(call: Call, run: Path) -> None:
    plan = json.loads(call("plan", "tiny", "--out", str(run), "--set", "seeds=3", "--json").out)
    assert sum(unit["left"] for unit in plan["units"]) == 5


def test_a_repeated_trial_equals_its_record_and_changes_nothing(run: Path) -> None:
    names = {path.stem: json.loads(path.read_text())["spec"]["name"] for path in trainings(run)}
    key = next(key for key, name in names.items() if name == "tiny/parts -> names/seed 2")
    before = sorted(path.name for path in (run / "ledger").rglob("*"))
    process = sweeper("trial", str(run), key[:12], "--again")
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.splitlines()[-1] == "Same as the ledger."
    assert sorted(path.name for path in (run / "ledger").rglob("*")) == before


def test_a_trial_is_shown_by_name_with_its_curves_scores_and_log(call: Call, run: Path) -> None:
    result = call("trial", str(run), "parts -> names/seed 2", "--json")
    assert result.code == 0, result.err
    shown = json.loads(result.out)
    assert (shown["name"], shown["state"]) == ("tiny/parts -> names/seed 2", "done")
    steps = shown["record"]["steps"]
    for name in ("loss", "learning rate", "gradient norm"):
        assert shown["curves"][name]["steps"][-1] == steps
        assert all(value > 0 for value in shown["curves"][name]["values"])
    assert "training data, names en: " in shown["log"]
    assert f"step {steps}/{steps}: loss " in shown["log"]
    assert [score["target"] for score in shown["scores"]] == ["names"]
    text = call("trial", str(run), "tiny/parts -> names/seed 2").out
    assert "gradient norm" in text
    assert "names, test: F1 x 100" in text


def test_an_unknown_trial_is_refused_with_the_nearest_name(call: Call, run: Path) -> None:
    result = call("trial", str(run), "parts -> nmaes/seed 2")
    assert is_user_error(result)
    assert "Did you mean 'parts -> names/seed 2'?" in result.err


def test_a_repeated_trial_that_differs_from_its_record_ends_with_exit_code_1(run: Path, tmp_path: Path) -> None:
    changed = copy_of(run, tmp_path / "run")
    name = "tiny/baseline -> few_questions/search 0"
    path = next(path for path in trainings(changed) if json.loads(path.read_text())["spec"]["name"] == name)
    record = json.loads(without_seal(path.read_text()))
    # A value that the repeated trial does not reach.
    path.write_text(json.dumps(record | {"value": 0.123}))
    process = sweeper("trial", str(changed), name, "--again")
    assert process.returncode == 1
    assert process.stdout.splitlines()[-1] == "Differs from the ledger."


def test_a_repeated_trial_is_compared_although_the_score_of_another_trial_is_damaged(run: Path, tmp_path: Path) -> None:
    changed = copy_of(run, tmp_path / "run")
    name = "tiny/baseline -> few_questions/search 0"
    (changed / "ledger/scores/0123456789abcdef0123.json").write_text('{"key": ')
    process = sweeper("trial", str(changed), name, "--again")
    assert process.returncode == 0, process.stdout + process.stderr
    lines = process.stdout.splitlines()
    assert "0123456789abcdef0123.json is not JSON" in lines[0]
    assert lines[-1] == "Same as the ledger."


def test_an_exported_encoder_is_a_hugging_face_folder_with_a_model_card(call: Call, run: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "best"
    # In so small a run, chance decides the best recipe; the test sets it.
    raise_values(run, tmp_path / "run", recipe="parts")
    result = call("export", str(tmp_path / "run"), "--target", "names", "--out", str(folder))
    assert result.code == 0, result.err
    model = AutoModel.from_pretrained(folder)
    tokens = AutoTokenizer.from_pretrained(folder)("a word", return_tensors="pt")
    assert model(**tokens).last_hidden_state.shape[-1] == model.config.hidden_size
    card = (folder / "README.md").read_text()
    assert ModelCard(card).data.library_name == "transformers"
    assert "prepared by `parts`, for names" in card
    assert not (folder / "manifest.json").exists()


def test_export_is_refused_if_the_baseline_is_best_on_the_target(call: Call, run: Path, tmp_path: Path) -> None:
    raise_values(run, tmp_path / "run", recipe="baseline")
    result = call("export", str(tmp_path / "run"), "--target", "names", "--out", str(tmp_path / "best"))
    assert is_user_error(result)
    assert "No recipe is better than the baseline on 'names'" in result.err


def test_the_error_for_an_unknown_target_suggests_the_nearest_one(call: Call, run: Path, tmp_path: Path) -> None:
    result = call("export", str(run), "--target", "naems", "--out", str(tmp_path / "best"))
    assert is_user_error(result)
    assert "No target is called 'naems'. Did you mean 'names'?" in result.err


def test_export_does_not_write_into_a_folder_with_files(call: Call, run: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("other")
    result = call("export", str(run), "--target", "names", "--out", str(tmp_path))
    assert is_user_error(result)
    assert "is not empty" in result.err


def test_a_report_is_written_to_the_given_folder(call: Call, run: Path, tmp_path: Path) -> None:
    result = call("report", str(run), "--out", str(tmp_path / "report"))
    assert result.code == 0, result.err
    assert (tmp_path / "report" / "report.md").is_file()


def test_a_run_folder_of_another_space_is_refused(call: Call, run: Path) -> None:
    result = call(*run_arguments(run, space="demo"))
    assert is_user_error(result)
    assert "was made from another space" in result.err
    assert "name: 'tiny' -> 'demo'" in result.err


def trainings(run: Path) -> list[Path]:
    return sorted((run / "ledger" / "trainings").glob("*.json"))


def raise_values(run: Path, target: Path, recipe: str) -> None:
    """Copy a run to `target`, and change the selection values of replicates so that one recipe is the best."""
    copy_of(run, target)
    for path in trainings(target):
        record = json.loads(without_seal(path.read_text()))
        if record["spec"]["role"] == "replicate" and record["spec"]["kind"] == "target":
            path.write_text(json.dumps(record | {"value": 0.9 if record["spec"]["recipe"] == recipe else 0.1}))
