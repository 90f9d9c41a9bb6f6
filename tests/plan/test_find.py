"""A trial of a run is found by its name or key and shown with everything that the run folder has of it."""

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from search_spaces.text_small import SPACE as TEXT_SMALL
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.serialize import plain, read_json
from sweeper.plan.find import find_trial
from sweeper.plan.inspect import TrialView, training_curves, view_trial
from sweeper.plan.trial_tables import sparkline, trial_tables
from sweeper.plan.units import make_plan
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.run import Run
from sweeper.space import Model
from tests.tuning.imaginary import agenda_of, fail, succeed
from tests.tuning.test_progress import score_of, training

NAME = "baseline -> names/search 0"


@pytest.fixture
def specs() -> list[TrialSpec]:
    """The four search trials of `tiny`."""
    agenda = agenda_of(TINY)
    return [spec for _ in range(4) if (spec := agenda.next()) is not None]


def record_of(spec: TrialSpec) -> TrainingRecord:
    """The record of a training of 40 steps with an evaluation after every 15."""
    options = replace(spec.chain[-1].training, learning_rate=1.0, warmup=0.25, evaluate_every=15)
    chain = (*spec.chain[:-1], replace(spec.chain[-1], training=options))
    return replace(
        succeed(replace(spec, chain=chain)),
        key=spec.key,
        steps=40,
        planned_steps=40,
        loss=(3.0, 2.0, 1.5, 1.0),
        gradient_norm=(5.0, None, 2.0, 1.0),
        evaluations=(0.1, 0.3, 0.2),
        timing={"train": 12.5},
        machine={"host": "node7"},
        memory={"process": 2**30, "allocated": 2**30, "reserved": 3 * 2**29, "device": 80 * 2**30},
    )


@pytest.fixture
def run(tmp_path: Path, specs: list[TrialSpec]) -> Run:
    """A run with a finished, a failed, a running and a lost trial."""
    run = Run.at(str(tmp_path))
    run.keep_space(TINY)
    done, failed, running, _ = specs
    run.ledger.write_training(record_of(done))
    run.ledger.write_training(fail(failed))
    score = replace(score_of("baseline", "names", 0.6), key="a", training=done.key, outcomes="outcomes/a.parquet")
    run.ledger.write_score(replace(score, trivial={"en": {"accuracy": 0.25}}), pd.DataFrame({"n": [1]}))
    run.ledger.write_traceback("0123abc", "Traceback: out of luck\n")
    run.progress.write(training(running))
    run.logs.folder.write(f"{done.key}.log", b"\n".join(b"line %d" % number for number in range(100)))
    return run


def text_of(view: TrialView) -> str:
    console = Console(file=io.StringIO(), width=120)
    for item in trial_tables(view):
        console.print(item)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_trial_is_found_by_its_name_with_or_without_the_model_and_by_the_first_digits_of_its_key(
    run: Run, specs: list[TrialSpec]
) -> None:
    key = specs[0].key
    assert [find_trial(run, text).key for text in (f"tiny/{NAME}", NAME, key, key[:6])] == [key] * 4
    assert find_trial(run, "0123").name == ""
    assert find_trial(run, specs[3].name).key == ""


def test_the_scoring_of_a_prepared_encoder_leads_to_the_trial_that_prepared_it(tmp_path: Path) -> None:
    run = Run.at(str(tmp_path))
    run.keep_space(TEXT_SMALL)
    plan = make_plan(TEXT_SMALL)
    scoring = next(unit for unit in plan.units if unit.kind == "score" and unit.parent)
    assert find_trial(run, scoring.replicate_name(1)).name == plan.unit(scoring.parent).replicate_name(1)


def test_a_trial_is_also_found_by_the_cell_that_it_is_scored_in(tmp_path: Path) -> None:
    run = Run.at(str(tmp_path))
    run.keep_space(TEXT_SMALL)
    names = {text: find_trial(run, text).name for text in ("mrpc -> xnli/seed 1", "mini-xlmr/squad -> tatoeba/seed 2")}
    assert list(names.values()) == ["mini-xlmr/mrpc -> mnli/seed 1", "mini-xlmr/squad/seed 2"]


def test_a_mistyped_name_is_answered_with_the_nearest_one(run: Run) -> None:
    with pytest.raises(UserError, match=r"is called 'baseline -> nams/search 0'.* Did you mean 'baseline -> names/sea"):
        find_trial(run, "baseline -> nams/search 0")
    with pytest.raises(UserError, match=r"No trial of .* is called '', and no key begins with it"):
        find_trial(run, "")


def test_a_name_that_several_models_have_needs_the_model(run: Run) -> None:
    two = replace(TINY, models=(*TINY.models, Model(name="other", id="demo/tiny")))
    run.keep_space(two)
    with pytest.raises(UserError, match=r"several models\. Write one of: tiny/baseline -> names/search 0, other/base"):
        find_trial(run, NAME)


def test_the_curves_of_a_training_have_loss_learning_rate_gradient_norm_and_selection_by_step(
    specs: list[TrialSpec],
) -> None:
    curves = training_curves(record_of(specs[0]))
    assert curves["loss"].steps == curves["learning rate"].steps == curves["gradient norm"].steps == (10, 20, 30, 40)
    assert curves["learning rate"].values == pytest.approx((10 / 11, 21 / 30, 11 / 30, 1 / 30))
    assert (curves["selection"].steps, curves["selection"].values) == ((15, 30, 40), (0.1, 0.3, 0.2))
    assert training_curves(succeed(specs[0])) == {}


def test_a_view_shows_settings_curves_scores_by_language_times_machine_and_the_end_of_the_log(run: Run) -> None:
    text = text_of(view_trial(run, NAME))
    assert f"tiny/{NAME}: done" in text
    assert "learning_rate=1" in text
    assert "steps 40 of 40" in text
    assert "loss 3 1 1 3 █▄▂▁" in text.replace("▃", "▄")
    assert "gradient norm 5 1 1 5 █ ▂▁" in text
    assert "selection 0.1 0.2 0.1 0.3 ▁█▄" in text
    assert "names, dev: accuracy x 100" in text
    assert "en 60.0 25.0" in text
    memory = "GPU 1.50 GiB of 80.0 GiB, process 1.00 GiB"
    assert f"seconds train 12.5 peak memory {memory} machine host=node7" in text
    assert "line 99" in text
    assert "line 84" not in text


def test_a_view_of_a_failed_running_lost_or_waiting_trial_says_so(run: Run, specs: list[TrialSpec]) -> None:
    failed, running, waiting = (view_trial(run, spec.name) for spec in specs[1:])
    assert [view.state for view in (failed, running, waiting)] == ["failed", "running", "waiting"]
    assert "reason its loss was NaN" in text_of(failed)
    assert "now training names, step 100/400, loss 0.5321" in text_of(running)
    assert "It has not started" in text_of(waiting)
    lost = view_trial(run, "0123abc")
    assert lost.state == "lost"
    assert "Traceback: out of luck" in text_of(lost)


def test_a_record_without_gradient_norms_is_readable_and_its_view_is_json(run: Run, specs: list[TrialSpec]) -> None:
    old = plain(record_of(specs[0]))
    del old["gradient_norm"]
    import json

    record = read_json(TrainingRecord, json.dumps(old).encode(), "a record")
    assert "gradient norm" not in training_curves(record)
    shown = json.loads(json.dumps(view_trial(run, NAME).as_json()))
    assert shown["curves"]["gradient norm"] == {"steps": [10, 20, 30, 40], "values": [5.0, None, 2.0, 1.0]}
    assert (shown["state"], shown["scores"][0]["target"]) == ("done", "names")


def test_damaged_records_of_the_run_are_named_in_a_view_and_when_a_key_is_unknown(
    run: Run, specs: list[TrialSpec]
) -> None:
    trained, scored = f"trainings/{specs[1].key}.json", "scores/a.json"
    for name in (trained, scored):
        run.ledger.folder.write(name, run.ledger.folder.read(name)[:-20])
    view = view_trial(run, specs[1].name)
    assert view.state == "waiting"
    text = text_of(view)
    assert "or its record is damaged." in text
    assert f"Left out: {trained} is damaged" in text
    assert f"{scored} is damaged" in text
    assert f"`sweeper run {run.url}` renames damaged records and repeats their trials." in text
    assert len(view.as_json()["damaged"]) == 2
    with pytest.raises(UserError, match=rf"no key begins with it.* Left out: {trained} is damaged"):
        find_trial(run, specs[1].key)


def test_a_sparkline_has_one_bar_for_each_value() -> None:
    assert sparkline([0.0, None, 3.5, 7.0]) == "▁ ▄█"
    assert sparkline([2.0, 2.0]) == "▁▁"
