"""The weights that a training keeps: which ones, for how many steps it trains, and after interruptions."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeper.files.serialize import read_json, write_json
from sweeper.records.spec import StageSpec, TrialSpec
from sweeper.space import Training
from sweeper.training.chain import value_function
from sweeper.training.keep import ValueOf
from sweeper.training.loop import StageContext
from sweeper.training.model import Net
from sweeper.training.running import Trial
from sweeper.training.stage import DataReader, Trained, run_stage
from sweeper.training.trial import run_trial
from tests.runs import wait_for
from tests.training.conftest import CPU
from tests.training.test_loop import LONG, Killed, MakeBody, killed_at, weights
from tests.worlds import TrialFolders, data, stage, trial

pytestmark = pytest.mark.seconds

NUM_STEPS = 45
EVERY = 7
BEST = {"keep": "best", "evaluate_every": EVERY}
CONSTANT = {**BEST, "learning_rate": 1e-12}
"""Too low a rate to change any prediction, so only the first evaluation is a gain."""


def keeping(*tasks: str, mlm: float = 0.0, **options: object) -> StageSpec:
    """A stage of NUM_STEPS steps with these options of its training, and with selection data if they are needed."""
    training: Training = replace(LONG, **options)  # type: ignore[arg-type]
    validation = tuple(data(task, "select") for task in tasks) if training.keep == "best" else ()
    return replace(stage(*tasks, training=training, mlm=mlm), validation=validation)


Train = Callable[..., Trained]
Resume = Callable[..., Trained]


@pytest.fixture
def value_of(folders: TrialFolders, reader: DataReader, context: StageContext) -> Callable[[StageSpec], ValueOf | None]:
    """Stage -> the function that evaluates its net on its selection data, as in a trial."""

    def make(spec: StageSpec) -> ValueOf | None:
        bench = folders.bench()
        running = Trial(spec=trial(spec), bench=bench, reader=reader, device=CPU, clock=context.clock)
        return value_function(running, spec)

    return make


@pytest.fixture
def train(body: MakeBody, reader: DataReader, context: StageContext, value_of: Callable[..., ValueOf]) -> Train:
    """Train a stage without an interruption and without checkpoints."""

    def run(spec: StageSpec, evaluate: ValueOf | None = None) -> Trained:
        unsaved = replace(context, checkpoints=replace(context.checkpoints, interval=1e9, name="unsaved.pt"))
        return run_stage(body, spec, reader, unsaved, evaluate or value_of(spec))

    return run


@pytest.fixture
def resume(body: MakeBody, reader: DataReader, context: StageContext, value_of: Callable[..., ValueOf]) -> Resume:
    """Train a stage from its last checkpoint, and kill the training after a number of forward passes."""

    def run(spec: StageSpec, passes: int = 10**9) -> Trained:
        return run_stage(killed_at(body, passes), spec, reader, context, value_of(spec))

    return run


KEPT: dict[str, dict[str, object]] = {
    "last": {},
    "last, averaged": {"average": 0.5},
    "best": BEST,
    "best, averaged": {**BEST, "average": 0.5},
    "best, with patience": {**CONSTANT, "patience": 2},
    "best, averaged, with patience": {**BEST, "average": 0.5, "patience": 4},
}


TRAINED = {
    **{name: keeping("words", **options) for name, options in KEPT.items()},
    **{
        f"several tasks with masking, {name}": keeping("names", "endings", mlm=0.3, **KEPT[name])
        for name in ("last, averaged", "best, averaged")
    },
}


@pytest.mark.parametrize("spec", TRAINED.values(), ids=TRAINED.keys())
def test_a_training_that_keeps_best_or_averaged_weights_resumes_with_the_same_bytes(
    train: Train, resume: Resume, spec: StageSpec
) -> None:
    uninterrupted = train(spec)
    # Each process continues from the checkpoint of the one before, and is killed in a step or in an evaluation.
    with pytest.raises(Killed):
        resume(spec, 16)
    for passes in (30, 12):
        with suppress(Killed):  # a training with patience may end first
            resume(spec, passes)
    resumed = resume(spec)
    assert weights(resumed) == weights(uninterrupted)
    assert resumed.progress == uninterrupted.progress


CHILD = "import sys; from tests.training.test_keep import run_spec; run_spec(*sys.argv[1:])"


def run_spec(world: str, root: str, cache: str) -> None:
    """Run the trial in `root/spec.json` with frequent checkpoints; called by the child process of a test."""
    spec = read_json(TrialSpec, Path(root, "spec.json").read_bytes(), "spec.json")
    folders = TrialFolders(Path(world), Path(root), Path(cache))
    run_trial(spec, folders.bench("killed", checkpoint_every=0.0))


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("name", ["last, averaged", "best, averaged"])
def test_a_process_that_is_killed_in_a_training_and_started_again_stores_the_same_bytes(
    folders: TrialFolders, name: str
) -> None:
    longer = {"min_steps": 140, "evaluate_every": 30}
    spec = trial(keeping("words", **{**KEPT[name], **longer}), keep=True)
    (folders.root / "spec.json").write_bytes(write_json(spec))
    paths = [str(path) for path in (folders.world, folders.root, folders.cache)]
    command = [sys.executable, "-c", CHILD, *paths]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    checkpoint = folders.root / "killed" / "checkpoints" / f"{spec.key}.pt"
    child = subprocess.Popen(command, env=environment, text=True)
    wait_for(lambda: checkpoint.exists() and evaluated_in(checkpoint) >= (name != "last, averaged"), child)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    killed = folders.bench("killed")
    assert killed.ledger.training(spec.key) is None
    subprocess.run(command, env=environment, check=True, capture_output=True)
    resumed = killed.ledger.training(spec.key)
    whole = run_trial(spec, folders.bench("whole")).training
    assert resumed is not None and int(resumed.machine["resumed_at"]) >= 20
    measured: dict[str, Any] = {"timing": {}, "machine": {}, "memory": {}}
    assert replace(resumed, **measured) == replace(whole, **measured)
    manifests = [folders.root / run / "encoders" / spec.encoder / "manifest.json" for run in ("killed", "whole")]
    assert manifests[0].read_bytes() == manifests[1].read_bytes()


def evaluated_in(checkpoint: Path) -> int:
    """Number of evaluations before a checkpoint was written."""
    return len(torch.load(checkpoint, weights_only=True)["progress"]["values"])


@dataclass
class Watched:
    """Evaluates a net, and keeps a copy of its weights."""

    value_of: ValueOf
    seen: list[dict[str, Tensor]] = field(default_factory=list)

    def __call__(self, net: Net) -> float:
        self.seen.append({name: tensor.clone() for name, tensor in net.state_dict().items()})
        return self.value_of(net)


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_the_weights_of_the_best_evaluation_are_kept_and_evaluations_do_not_change_the_training(
    train: Train, value_of: Callable[..., ValueOf]
) -> None:
    spec = keeping("words", **BEST)
    watched = Watched(value_of(spec))
    best, last = train(spec, watched), train(keeping("words"))
    progress = best.progress
    assert len(progress.values) == 7  # after steps 7, 14, ... 42, and after the last one
    number = progress.values.index(max(progress.values))
    assert progress.kept_step == min((number + 1) * EVERY, NUM_STEPS)
    assert equal(best.net.state_dict(), watched.seen[number])
    assert equal(last.net.state_dict(), watched.seen[-1])
    assert progress.losses == last.progress.losses
    assert (last.progress.kept_step, last.progress.values) == (NUM_STEPS, [])


def test_the_average_is_the_mean_of_the_weights_after_each_of_the_last_steps(
    train: Train, value_of: Callable[..., ValueOf]
) -> None:
    every_step = keeping("words", keep="best", evaluate_every=1)
    watched = Watched(value_of(every_step))
    train(every_step, watched)
    averaged = train(keeping("words", average=0.2))
    assert (averaged.progress.averaged_steps, averaged.progress.kept_step) == (9, NUM_STEPS)
    for name, tensor in averaged.net.state_dict().items():
        mean = torch.stack([state[name].double() for state in watched.seen[-9:]]).mean(dim=0)
        assert torch.allclose(tensor.double(), mean, atol=1e-6)
    assert not equal(averaged.net.state_dict(), watched.seen[-1])


def test_evaluations_in_the_averaged_part_evaluate_the_average(train: Train, value_of: Callable[..., ValueOf]) -> None:
    spec = keeping("words", **BEST, average=0.45)
    watched = Watched(value_of(spec))
    trained = train(spec, watched)
    live = Watched(value_of(spec))
    train(keeping("words", **BEST), live)
    # The last 20 steps are averaged: the evaluations after steps 7, 14 and 21 are those of the training itself.
    same = [equal(one, other) for one, other in zip(watched.seen, live.seen, strict=True)]
    assert same == [True, True, True, False, False, False, False]
    assert equal(watched.seen[-1], train(keeping("words", average=0.45)).net.state_dict())
    assert trained.progress.averaged_steps == max(0, trained.progress.kept_step - 25)


def test_a_training_without_gains_stops_after_its_patience_and_its_numbers_are_those_of_its_own_steps(
    train: Train,
) -> None:
    patient, whole = (train(keeping("words", **CONSTANT, patience=patience)) for patience in (2, None))
    progress = patient.progress
    # The first evaluation counts as a gain, the next two do not.
    assert len(set(progress.values)) == 1 and len(progress.values) == 3
    assert (progress.step, progress.kept_step, progress.planned_steps) == (3 * EVERY, EVERY, NUM_STEPS)
    # The learning rate and the batches are those of the whole training.
    assert progress.losses == whole.progress.losses[: 3 * EVERY]
    assert 0 < progress.tokens < whole.progress.tokens
    assert progress.examples == {"words": 4 * 3 * EVERY}
    assert (whole.progress.step, whole.progress.planned_steps) == (NUM_STEPS, NUM_STEPS)


def test_a_record_says_at_which_step_its_weights_were_taken(folders: TrialFolders) -> None:
    bench = folders.bench()
    spec = keeping("words", **BEST, average=0.4)
    record = run_trial(trial(spec, keep=True), bench).training
    assert record.value == max(record.evaluations)
    assert record.steps == record.planned_steps == NUM_STEPS
    assert record.kept_step == min((record.evaluations.index(record.value) + 1) * EVERY, NUM_STEPS)
    assert record.averaged_steps == max(0, record.kept_step - 27)
    stored = run_trial(trial(spec, keep=True), folders.bench(ledger=str(folders.root / "other"))).training
    assert (stored.kept_step, stored.evaluations, stored.value) == (
        record.kept_step, record.evaluations, record.value
    )  # fmt: skip


def test_the_selection_data_of_kept_weights_are_part_of_the_key() -> None:
    spec = keeping("words", **BEST)
    other = replace(spec, validation=(data("words", "select", cap_examples=10),))
    keys = {trial(each).key for each in (spec, other, keeping("words"), keeping("words", average=0.5))}
    assert len(keys) == 4
