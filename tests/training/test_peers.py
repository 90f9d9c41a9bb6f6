"""Data-parallel trainings: several processes reproduce the scores of one, resume, and end together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sweeper.errors import MachineError, ShortageError
from sweeper.files.serialize import read_json, write_json
from sweeper.records.spec import StageSpec, TrialSpec, training_key
from sweeper.training import peers
from sweeper.training.gradients import Team, add_gradient
from sweeper.training.schedule import WHOLE, Rank, micro_batches
from sweeper.training.stage import DataReader, make_schedule, new_net
from sweeper.training.trial import run_trial
from sweeper.tuning.processes import descendants
from tests.training.conftest import CPU
from tests.worlds import MODEL, TRAINING, TrialFolders, facts, score, stage, trial

# Rounding errors grow with the learning rate.
SLOW = replace(TRAINING, learning_rate=2e-4, batch_size=8, min_steps=45, max_length=32)
DEFENDED = replace(SLOW, batch_size=7, micro_tokens=64, embedding_noise=5.0, adversarial=0.5)
STAGES = {
    "classify": stage("claims", training=SLOW),
    "choose": stage("gaps", training=SLOW),
    "tag": stage("words", training=SLOW),
    "span": stage("questions", training=SLOW),
    "masked": stage("texts", training=replace(SLOW, micro_tokens=100)),
    "defences and several micro-batches": stage("claims", training=DEFENDED),
    "fewer items than processes": stage("claims", training=replace(SLOW, batch_size=2)),
}
CHILD = "import sys; from tests.training.test_peers import run_spec; run_spec(*sys.argv[1:])"
CHECKOUT = str(Path(__file__).parents[2])


def run_spec(world: str, root: str, cache: str, spec: str) -> None:
    """Run a trial from the JSON file of its spec; called by the child process of a test."""
    folders = TrialFolders(Path(world), Path(root), Path(cache))
    run_trial(read_json(TrialSpec, Path(spec).read_bytes(), spec), folders.bench("child", checkpoint_every=0.0))


class Imagined(Team):
    """One process of several, which knows the counts of all of them."""

    def __init__(self, rank: Rank, counts: tuple[int, ...]) -> None:
        self.rank = rank
        self.counts = counts

    def total(self, *counts: int) -> list[int]:
        return list(self.counts)


@pytest.mark.parametrize("spec", STAGES.values(), ids=STAGES.keys())
def test_the_gradients_of_the_parts_of_a_batch_add_up_to_that_of_the_batch(
    body: Callable[[], nn.Module], reader: DataReader, spec: StageSpec
) -> None:
    net, schedule = new_net(body(), spec, reader, CPU).eval(), make_schedule(spec, reader)
    task, tokens = spec.data[0].task, spec.training.micro_tokens
    whole = micro_batches(schedule, 0, tokens, WHOLE)
    counts = (whole[1], sum(int(batch["attention_mask"].sum()) for batch in whole[0]))
    ranks = [Rank(number, 3) for number in range(3)]
    assert sum(micro_batches(schedule, 0, tokens, rank)[1] for rank in ranks) == counts[0]
    gradients, losses = [], []
    for teams in ([Team()], [Imagined(rank, counts) for rank in ranks]):
        net.zero_grad()
        batches = [micro_batches(schedule, 0, tokens, team.rank) for team in teams]
        results = [
            add_gradient(net, task, batch, spec.training, team) for batch, team in zip(batches, teams, strict=True)
        ]
        assert {num_tokens for _, num_tokens in results} == {counts[1]}
        losses.append(sum(float(loss) for loss, _ in results))
        gradients.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], rtol=1e-4, atol=1e-5), name


def two(spec: TrialSpec) -> TrialSpec:
    """The same trial, whose trainings have two processes."""
    return replace(spec, chain=tuple(replace(each, processes=2) for each in spec.chain))


CHAIN = (stage("names", training=SLOW), stage("claims", training=DEFENDED))
TRIAL = trial(*CHAIN, scores=(score("claims", languages=("en",)),))


def curves(result: dict[str, Any]) -> list[float]:
    return [*result["training"]["loss"], *result["training"]["gradient_norm"]]


@pytest.mark.slow
def test_two_processes_reproduce_the_scores_of_one(folders: TrialFolders) -> None:
    specs = {"single": TRIAL, "parallel": two(TRIAL)}
    single, parallel = (facts(run_trial(spec, folders.bench(name))) for name, spec in specs.items())
    assert curves(parallel) == pytest.approx(curves(single), rel=1e-2)
    assert parallel["training"]["value"] == pytest.approx(single["training"]["value"])
    for name in ("tokens", "examples", "steps"):
        assert parallel["training"][name] == single["training"][name]
    assert [each["metrics"] for each in parallel["scores"]] == [each["metrics"] for each in single["scores"]]


@pytest.mark.slow
def test_a_training_whose_first_process_is_killed_ends_all_processes_and_resumes_with_the_same_result(
    folders: TrialFolders,
) -> None:
    spec = two(
        trial(stage("claims", training=replace(SLOW, min_steps=100)), scores=(score("claims", languages=("en",)),))
    )
    uninterrupted = facts(run_trial(spec, folders.bench("whole")))
    (folders.root / "spec.json").write_bytes(write_json(spec))
    paths = [str(path) for path in (folders.world, folders.root, folders.cache, folders.root / "spec.json")]
    process = subprocess.Popen([sys.executable, "-c", CHILD, *paths], env={**os.environ, "PYTHONPATH": CHECKOUT})
    checkpoint = folders.root / "child" / "checkpoints" / f"{spec.key}.pt"
    wait_for(checkpoint.exists)
    [other] = descendants(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not Path(f"/proc/{other}").exists())
    notes: list[str] = []
    assert facts(run_trial(spec, folders.bench("child", notes.append))) == uninterrupted
    assert notes == []
    assert not checkpoint.exists()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_the_loss_of_another_process_is_a_shortage_that_the_sweep_repeats(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = peers.First.begin

    def killing(self: peers.First, net: Any, step: int, micro_tokens: int) -> None:
        if step == 3:
            self.peers[0].send_signal(signal.SIGKILL)
        begin(self, net, step, micro_tokens)

    monkeypatch.setattr(peers.First, "begin", killing)
    with pytest.raises(ShortageError, match="Another process of the training was ended by signal 9"):
        run_trial(two(TRIAL), folders.bench())
    assert folders.bench().ledger.training(two(TRIAL).key) is None


def test_a_process_that_cannot_start_gives_its_reason(folders: TrialFolders) -> None:
    spec = two(TRIAL)
    (folders.root / "file").touch()
    site = replace(folders.bench().site, cache=str(folders.root / "file"))
    reason = r"Another process of the training has ended: .*file"
    with pytest.raises(MachineError, match=reason), peers.team(spec, spec.chain, site):
        pass


def test_the_number_of_processes_is_part_of_the_key_and_one_process_changes_no_key() -> None:
    assert training_key(MODEL, tuple(replace(each, processes=1) for each in CHAIN)) == training_key(MODEL, CHAIN)
    assert training_key(MODEL, two(TRIAL).chain) != training_key(MODEL, CHAIN)


def test_too_little_memory_in_one_process_is_an_error_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    group = peers.Group(rank=Rank(1, 2))
    monkeypatch.setattr(peers.Group, "total", lambda self, *counts: [1])
    with pytest.raises(torch.OutOfMemoryError, match="Another process"), group.together():
        pass
    with pytest.raises(MemoryError, match="own"), group.together():
        raise MemoryError("own")
