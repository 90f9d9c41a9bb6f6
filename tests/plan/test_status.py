"""The status of a run folder, from its files alone, on a local disk and on a remote store."""

import io
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from search_spaces.tiny import SPACE as TINY
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.plan.forecast import forecast
from sweeper.plan.pace import Pace
from sweeper.plan.status import failure_kind, status_of
from sweeper.plan.tables import status_tables
from sweeper.records.progress import TrialProgress
from sweeper.run.run import Run
from sweeper.space import Condition
from tests.tuning.imaginary import agenda_of, fail, succeed
from tests.tuning.test_progress import score_of, training


@pytest.fixture(params=["local", "remote"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """A run of `tiny` with four trials: one has ended, one has failed, one trains, and one is stale."""
    run = Run.at(str(tmp_path / "run") if request.param == "local" else f"memory://{tmp_path.name}/run")
    run.keep_space(TINY)
    agenda, now = agenda_of(TINY), time.time()
    done, failed, running, dead = (spec for _ in range(4) if (spec := agenda.next()) is not None)
    started = time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime(now - 120))
    machine = {"started": started}
    run.ledger.write_training(replace(succeed(done), machine=machine, timing={"total": 60.0}))
    failure = replace(fail(failed), reason="The training loss is not finite at step 20.")
    run.ledger.write_training(replace(failure, machine=machine, timing={"total": 30.0}))
    run.ledger.write_score(
        replace(score_of("baseline", "names", 0.6), key="a", outcomes="outcomes/a.parquet"), pd.DataFrame({"n": [1]})
    )
    run.ledger.write_traceback("abc", "Traceback")
    run.progress.write(training(running, written=now - 3, seconds=40.0))
    run.progress.write(replace(training(dead, written=now - 600), phase="evaluate"))
    # Written before its record: the trial ends while its status is read.
    run.progress.write(TrialProgress(key=done.key, name=done.name, written=now))
    return run


def text_of(run: Run) -> str:
    console = Console(file=io.StringIO(), width=120)
    for item in status_tables(status_of(run.url)):
        console.print(item)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_status_shows_the_matrix_running_trials_their_last_sign_of_life_failures_rate_and_time_left(run: Run) -> None:
    status = status_of(run.url)
    running, dead = status.running
    text = text_of(run)
    assert "recipe names few_questions baseline 50.0 ·" in text
    inside = "training names, step 100/400, loss 0.5321, 12.3k tokens/s, 0:30 left"
    assert f"0:40 {running.name} {inside}" in text
    # A busy machine can take seconds between the records and the status.
    assert f"{dead.name} stale: no sign of life for 10:" in text
    assert re.search(r"Rate: (60|5\d) trials an hour, 12\.3k tokens/s\. Time left: about ", text)
    assert "1 failed: 1 by values that are not finite." in text
    assert "Lost, to be tried again: abc" in text


def test_a_status_is_complete_as_json(run: Run) -> None:
    status = status_of(run.url).as_json()
    assert status["trials"]["search"] == {"finished": 2, "all": 4}
    assert status["failures"] == {"values that are not finite": 1}
    assert status["lost"] == ["abc"]
    (cell,) = status["matrix"]
    assert cell == {"model": "tiny", "recipe": "baseline", "target": "names", "score": 0.5, "gain": None, "seeds": 1}
    states: list[dict[str, Any]] = status["running"]
    assert [(state["step"], state["stale"]) for state in states] == [(100, False), (100, True)]
    assert states[1]["silence"] == pytest.approx(600, abs=30)
    assert status["seconds_left"] > 0
    assert status["trials_per_hour"] == pytest.approx(60, rel=0.1)
    assert status["last_end"] == pytest.approx(time.time() - 60, abs=30)


def test_status_and_plan_leave_out_a_damaged_record_and_name_it(run: Run) -> None:
    ((key, record), *_) = run.ledger.trainings().items()
    name = f"trainings/{key}.json"
    content = run.ledger.folder.read(name)
    run.ledger.folder.write(name, content.replace(b'"steps": ', b'"steps": 1'))
    status = status_of(run.url)
    message = f"{name} is damaged: its content differs from its digest."
    assert status.damaged == (message,)
    assert f"Left out: {message} `sweeper run {run.url}` renames damaged records" in text_of(run)
    assert message in forecast(TINY, mirror=None, run=run.url, pace=Pace()).notes
    # Records of earlier versions have no digest.
    run.ledger.folder.write(name, write_json(record))
    assert status_of(run.url).unsealed == 1
    assert "Records without a digest, because an earlier version wrote them: 1." in text_of(run)


def test_a_status_without_running_trials_says_so_and_gives_no_time_left(tmp_path: Path) -> None:
    run = Run.at(str(tmp_path))
    run.keep_space(TINY)
    assert status_of(run.url).seconds_left is None
    sentence = f"Unless a sweep is just starting, `sweeper run {run.url}` continues it."
    assert f"No trial is running. {sentence}" in text_of(run)


def test_the_kind_of_a_failure_follows_from_its_reason() -> None:
    assert failure_kind("The training loss is not finite at step 20 with ...") == "values that are not finite"
    assert failure_kind("Out of memory even with 64 tokens per pass: ...") == "out of memory"
    assert failure_kind("The data have no labels.") == "other reasons"


def test_a_training_is_not_finished_while_it_lacks_the_score_of_a_condition_that_was_added(tmp_path: Path) -> None:
    run = Run.at(str(tmp_path / "run"))
    run.keep_space(TINY)
    agenda = agenda_of(TINY)
    trained = next(spec for spec in iter(agenda.next, None) if spec.name.endswith("baseline -> names/search 0"))
    replicate = replace(trained, name="tiny/baseline -> names/seed 1", role="replicate", seed=1)
    run.ledger.write_training(succeed(replicate))
    table = pd.DataFrame({"n": [1]})
    clean = replace(
        score_of("baseline", "names", 0.6), key="a", metrics={"en": {"accuracy": 0.6}}, outcomes="outcomes/a.parquet"
    )
    run.ledger.write_score(clean, table)
    assert status_of(run.url).counts["target"][0] == 1
    conditions = (
        Condition(name="typos", perturbation="keyboard"),
        Condition(name="typos in xf", perturbation="keyboard", languages=("xf",)),
        # The target is scored in English only, and no English word has an English translation.
        Condition(name="mixed", perturbation="code_mix", by="words.tsv"),
    )
    targets = tuple(replace(t, conditions=conditions) if t.task == "names" else t for t in TINY.targets)
    Folder(run.url).write("space.json", write_json(replace(TINY, targets=targets)))
    assert status_of(run.url).counts["target"][0] == 0
    under = replace(clean, key="b", condition="typos", outcomes="outcomes/b.parquet")
    run.ledger.write_score(under, table)
    assert status_of(run.url).counts["target"][0] == 1
