"""The command line on a finished run: status, plan, one trial again, export, report."""

import json
from pathlib import Path

import pytest

from tests.runs import PATIENCE, Call, copy_of, is_user_error, run_arguments, sweeper, tiny_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]


@pytest.fixture
def run() -> Path:
    return tiny_run()


def test_a_status_counts_what_is_finished(call: Call, run: Path) -> None:
    found = json.loads(call("status", str(run), "--json").out)
    assert found["trials"] == {
        "search": {"finished": 4, "all": 4},
        "prepare": {"finished": 2, "all": 2},
        "target": {"finished": 8, "all": 8},
    }
    assert found["failed"] == {}
    assert "search trials" in call("status", str(run)).out


def test_a_plan_of_a_run_folder_says_what_is_left(call: Call, run: Path) -> None:
    found = json.loads(call("plan", "tiny", "--out", str(run), "--set", "seeds=3", "--json").out)
    assert sum(unit["left"] for unit in found["units"]) == 5


def test_a_trial_run_again_is_what_the_ledger_says(run: Path) -> None:
    names = {path.stem: json.loads(path.read_text())["spec"]["name"] for path in trainings(run)}
    key = next(key for key, name in names.items() if name == "tiny/parts -> names/seed 2")
    before = sorted(path.name for path in (run / "ledger").rglob("*"))
    done = sweeper("trial", str(run), key[:12])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Same as the ledger."
    assert sorted(path.name for path in (run / "ledger").rglob("*")) == before


def test_a_trial_that_no_key_or_more_than_one_begins_with_is_refused(call: Call, run: Path) -> None:
    for key, num in (("nothing", 0), ("", 14)):
        said = call("trial", str(run), key)
        assert is_user_error(said)
        assert f"{num} training records have a key that begins with {key!r}" in said.err


def test_a_trial_that_comes_to_something_else_ends_with_1(run: Path, tmp_path: Path) -> None:
    changed = copy_of(run, tmp_path / "run")
    name = "tiny/baseline -> few_questions/search 0"
    path = next(path for path in trainings(changed) if json.loads(path.read_text())["spec"]["name"] == name)
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"value": 0.123}))
    done = sweeper("trial", str(changed), path.stem)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "Differs from the ledger."


def test_an_exported_encoder_is_a_hugging_face_folder_with_a_card(call: Call, run: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "best"
    raise_scores(run, tmp_path / "run", recipe="parts")
    said = call("export", str(tmp_path / "run"), "--target", "names", "--out", str(folder))
    assert said.code == 0, said.err
    model = AutoModel.from_pretrained(folder)
    tokens = AutoTokenizer.from_pretrained(folder)("a word", return_tensors="pt")
    assert model(**tokens).last_hidden_state.shape[-1] == model.config.hidden_size
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "prepared by `parts`, for names" in card
    assert not (folder / "manifest.json").exists()


def test_a_target_that_the_baseline_is_best_on_has_nothing_to_export(call: Call, run: Path, tmp_path: Path) -> None:
    raise_scores(run, tmp_path / "run", recipe="baseline")
    said = call("export", str(tmp_path / "run"), "--target", "names", "--out", str(tmp_path / "best"))
    assert is_user_error(said)
    assert "No recipe beats the baseline on 'names'" in said.err


def test_an_unknown_target_is_answered_with_the_nearest_one(call: Call, run: Path, tmp_path: Path) -> None:
    said = call("export", str(run), "--target", "naems", "--out", str(tmp_path / "best"))
    assert is_user_error(said)
    assert "No target is called 'naems'. Did you mean 'names'?" in said.err


def test_an_export_overwrites_nothing(call: Call, run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = call("export", str(run), "--target", "names", "--out", str(tmp_path))
    assert is_user_error(said)
    assert "is not empty" in said.err


def test_a_report_is_written_from_the_run_alone(call: Call, run: Path, tmp_path: Path) -> None:
    said = call("report", str(run), "--out", str(tmp_path / "report"))
    assert said.code == 0, said.err
    assert (tmp_path / "report" / "report.md").is_file()


def test_a_run_folder_of_another_space_is_refused(call: Call, run: Path) -> None:
    said = call(*run_arguments(run, space="demo"))
    assert is_user_error(said)
    assert "was made from another space" in said.err
    assert "name: 'tiny' -> 'demo'" in said.err


def trainings(run: Path) -> list[Path]:
    return sorted((run / "ledger" / "trainings").glob("*.json"))


def raise_scores(run: Path, target: Path, recipe: str) -> None:
    """A copy of a run in which one recipe is the best one on `names`."""
    copy_of(run, target)
    site = json.loads((target / "site.json").read_text())
    (target / "site.json").write_text(json.dumps(site | {"ledger": str(target / "ledger"), "store": str(target)}))
    for path in (target / "ledger" / "scores").glob("*.json"):
        record = json.loads(path.read_text())
        if record["target"] == "names":
            value = 0.9 if record["recipe"] == recipe else 0.1
            record["metrics"] = {code: {**m, record["main"]: value} for code, m in record["metrics"].items()}
            path.write_text(json.dumps(record))
