"""Data-parallel trainings: several processes reproduce the scores of one, resume, and end together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
import torch
import torch.distributed as dist
from torch import nn

from sweeper.errors import MachineError, ShortageError
from sweeper.files.serialize import read_json, write_json
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import StageSpec, TrialSpec, training_key
from sweeper.training import peer, peers
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
ROUNDING = 1e-5
"""Largest relative difference of losses and gradient norms. With seeds 1 to 3 it was 1.2e-7, the precision of float32;
other CPUs and versions of torch add up in other orders.
"""
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


def several(spec: TrialSpec, processes: int) -> TrialSpec:
    """The same trial, whose trainings have several processes."""
    return replace(spec, chain=tuple(replace(each, processes=processes) for each in spec.chain))


def two(spec: TrialSpec) -> TrialSpec:
    return several(spec, 2)


CHAIN = (stage("names", training=SLOW), stage("claims", training=DEFENDED))
TRIAL = trial(*CHAIN, scores=(score("claims", languages=("en",)),))


def curves(result: dict[str, Any]) -> list[float]:
    return [*result["training"]["loss"], *result["training"]["gradient_norm"]]


@pytest.mark.slow
def test_two_processes_reproduce_the_scores_of_one(folders: TrialFolders) -> None:
    specs = {"single": TRIAL, "parallel": two(TRIAL)}
    single, parallel = (facts(run_trial(spec, folders.bench(name))) for name, spec in specs.items())
    assert curves(parallel) == pytest.approx(curves(single), rel=ROUNDING)
    assert parallel["training"]["value"] == single["training"]["value"]
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
@pytest.mark.parametrize("processes", [2, 3])
def test_the_loss_of_another_process_is_a_shortage_that_the_sweep_repeats(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    spec = several(TRIAL, processes)
    begin = peers.First.begin

    def killing(self: peers.First, net: Any, step: int, micro_tokens: int) -> None:
        if step == 3:
            self.peers[-1].send_signal(signal.SIGKILL)
        begin(self, net, step, micro_tokens)

    monkeypatch.setattr(peers.First, "begin", killing)
    with pytest.raises(ShortageError, match=r"^Out of memory: another process of the training was ended by signal 9"):
        run_trial(spec, folders.bench())
    assert folders.bench().ledger.training(spec.key) is None


@pytest.mark.slow
def test_a_process_that_does_not_answer_is_ended_and_the_sweep_repeats_the_trial(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = two(TRIAL)
    begin, others = peers.First.begin, []

    def stopping(self: peers.First, net: Any, step: int, micro_tokens: int) -> None:
        if step == 3:
            self.watchdog.limit = 3.0
            self.peers[0].send_signal(signal.SIGSTOP)
            others.append(self.peers[0].pid)
        begin(self, net, step, micro_tokens)

    monkeypatch.setattr(peers.First, "begin", stopping)
    with pytest.raises(ShortageError, match=r"^Its worker died: another process of the training did not answer"):
        run_trial(spec, folders.bench())
    assert folders.bench().ledger.training(spec.key) is None
    assert not Path(f"/proc/{others[0]}").exists()


def test_a_process_that_still_waits_for_the_others_after_their_end_ends_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(peers, "END_PATIENCE", 0.0)
    monkeypatch.setattr(peers, "GRACE", 0.0)
    first = first_with(tmp_path, (None, ""))
    first.watchdog.begin()
    first.watchdog.act()
    assert codes == [1]
    assert caplog.messages == [first.problem]
    cast(Any, first.peers[0]).kill.assert_called_once()


@pytest.mark.usefixtures("lost")
def test_a_process_that_has_noticed_the_end_of_the_others_raises_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "_exit", failing)
    first = first_with(tmp_path, (-9, ""))
    with pytest.raises(ShortageError, match="signal 9"):
        first.total(1)
    first.watchdog.act()
    with pytest.raises(ShortageError, match="did not answer within 1800 seconds"):
        first.total(1)


@pytest.mark.parametrize("change", [lambda first: first.close(), lambda first: first.watchdog.finish()])
@pytest.mark.usefixtures("lost")
def test_a_process_that_does_not_wait_for_the_others_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[peers.First], None]
) -> None:
    monkeypatch.setattr(os, "_exit", failing)
    first = first_with(tmp_path, (None, ""))
    first.watchdog.begin()
    change(first)
    first.watchdog.act()


def test_a_team_that_any_error_ends_does_not_end_the_process(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "_exit", failing)
    for name in ("_start", "_wait_until_ready", "meet"):
        monkeypatch.setattr(peers, name, MagicMock())
    monkeypatch.setattr(dist, "destroy_process_group", MagicMock())
    spec, teams = two(TRIAL), []
    with pytest.raises(KeyboardInterrupt), peers.team(spec, spec.chain, folders.bench().site) as team:
        teams.append(cast(peers.First, team))
        teams[0].watchdog.begin()
        raise KeyboardInterrupt
    teams[0].watchdog.act()


def test_a_device_that_fails_has_not_finished_and_does_not_end_the_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "Event", lambda: MagicMock(query=failing))
    net = MagicMock()
    net.embeddings().device.type = "cuda"
    assert not peers._finished_on(net)()


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
    with pytest.raises(peers.CommonMemoryError, match="Another process"), group.together():
        pass
    with pytest.raises(peers.CommonMemoryError, match="own"), group.together():
        raise MemoryError("own")
    with pytest.raises(peers.CommonMemoryError, match="DefaultCPUAllocator"), group.together():
        torch.empty(2**60)


def failing(*_: object, **__: object) -> None:
    raise RuntimeError("Connection closed by peer")


def first_with(folder: Path, *ends: tuple[int | None, str]) -> peers.First:
    """The first process of a training whose others have these exit codes (None: runs) and messages."""
    others, errors = [], []
    for number, (code, message) in enumerate(ends):
        others.append(SimpleNamespace(poll=lambda code=code: code, returncode=code, kill=MagicMock()))
        errors.append(folder / f"messages-{number}")
        errors[-1].write_text(message)
        os.utime(errors[-1], (number, number))
    return peers.First(rank=Rank(0, len(ends) + 1), peers=cast(Any, others), errors=errors)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message fails, and no time is spent on waiting."""
    monkeypatch.setattr(dist, "all_reduce", failing)
    monkeypatch.setattr(peers, "END_PATIENCE", 0.0)
    monkeypatch.setattr(peers, "GRACE", 0.0)


@pytest.mark.usefixtures("lost")
def test_a_lost_connection_without_a_lost_process_keeps_its_error_which_is_not_its_own_cause(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Connection closed") as caught:
        first_with(tmp_path, (None, "")).total(1)
    assert caught.value.__cause__ is None


@pytest.mark.usefixtures("lost")
def test_a_killed_process_is_blamed_before_those_that_lost_their_connection_to_it(tmp_path: Path) -> None:
    with pytest.raises(ShortageError, match="signal 9"):
        first_with(tmp_path, (1, "RuntimeError: Connection closed by peer"), (None, ""), (-9, "")).total(1)


@pytest.mark.usefixtures("lost")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_trial_whose_process_a_signal_has_ended_can_be_retried(tmp_path: Path, number: int) -> None:
    with pytest.raises(ShortageError) as raised:
        first_with(tmp_path, (-number, "")).total(1)
    record = TrainingRecord(key=TRIAL.key, spec=TRIAL, state="failed", reason=str(raised.value))
    assert EndedTrial.of(record).can_be_retried


@pytest.mark.usefixtures("lost")
def test_of_processes_that_ended_with_an_error_the_first_one_is_blamed(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="ended: KeyError: 'a label'"):
        first_with(tmp_path, (1, "Traceback\nKeyError: 'a label'\n"), (1, "RuntimeError: Connection closed")).total(1)


@pytest.mark.usefixtures("lost")
@pytest.mark.parametrize("message", ["torch.OutOfMemoryError: CUDA out of memory: 2 GiB", "MemoryError"])
def test_a_process_that_ended_because_of_too_little_memory_makes_the_passes_smaller(
    tmp_path: Path, message: str
) -> None:
    with pytest.raises(torch.OutOfMemoryError, match=message):
        first_with(tmp_path, (1, f"Traceback\n{message}\n")).total(1)


def test_another_process_with_too_little_memory_outside_its_passes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    group, orders = peers.Group(rank=Rank(1, 2)), iter([(0, 8), (1, 8)])
    schedule = MagicMock(**{"batch.return_value": (MagicMock(), 0), "step_seed.return_value": 0})
    errors = iter([peers.CommonMemoryError("in a pass"), torch.OutOfMemoryError("while gradients are sent")])

    def add(*_: object) -> None:
        raise next(errors)

    monkeypatch.setattr(group, "exchange", lambda order: next(orders))
    monkeypatch.setattr(group, "share", lambda net, step: None)
    monkeypatch.setattr(peer, "micro_batches", lambda *_: ([], 0))
    monkeypatch.setattr(peer, "add_gradient", add)
    with pytest.raises(torch.OutOfMemoryError, match="while gradients are sent"):
        peer.serve(nn.Linear(1, 1), schedule, group)  # type: ignore[arg-type]
    assert list(errors) == []


def test_a_process_that_does_not_come_to_the_meeting_is_not_awaited_for_ever(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "START_PATIENCE", 1.0)
    job = peers.Job(spec=two(TRIAL), site=folders.bench().site, rank=Rank(0, 2), folder=str(folders.root))
    with pytest.raises(RuntimeError):
        peers.meet(job)
    assert not dist.is_initialized()


def test_the_processes_of_a_training_meet_on_the_loopback_interface_only(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(2, "eth0"), (1, "lo")])
    monkeypatch.setattr(dist, "init_process_group", failing)
    job = peers.Job(spec=two(TRIAL), site=folders.bench().site, rank=Rank(0, 2), folder=str(folders.root))
    with pytest.raises(RuntimeError):
        peers.meet(job)
    assert (os.environ["GLOO_SOCKET_IFNAME"], os.environ["NCCL_SOCKET_IFNAME"]) == ("lo", "=lo")
