"""Memory of a training: recomputed activations change no result, and a model that cannot fit is refused with sizes."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from sweeper.errors import TrialError, UserError
from sweeper.files.serialize import plain
from sweeper.records.ended import EndedTrial
from sweeper.records.spec import training_key
from sweeper.training import memory
from sweeper.training.check import check_checkpointing
from sweeper.training.loop import StageContext
from sweeper.training.memory import PEAK_RESET, check_fits, peaks, start_peaks
from sweeper.training.model import num_parameters
from sweeper.training.stage import DataReader, run_stage
from sweeper.training.trial import run_trial
from tests.training.conftest import CPU
from tests.worlds import MODEL, TRAINING, TrialFolders, retrieval, score, stage, trial

SIZE = 2**28
RECOMPUTED = replace(TRAINING, gradient_checkpointing=True)


@pytest.mark.parametrize("frozen", [None, 1])
def test_gradient_checkpointing_changes_no_loss_and_no_weight(
    body: Callable[[], nn.Module], reader: DataReader, context: StageContext, frozen: int | None
) -> None:
    trained, calls = [], []

    def counted() -> nn.Module:
        encoder = body()
        layer = encoder.encoder.layer[1]  # type: ignore[union-attr, index]
        layer.attention.register_forward_hook(lambda *_: calls.append(len(trained)))  # type: ignore[union-attr]
        return encoder

    for training in (TRAINING, RECOMPUTED):
        spec = stage("claims", training=replace(training, frozen_layers=frozen))
        trained.append(run_stage(counted, spec, reader, context))
        context.checkpoints.clear()
    plain, recomputed = trained
    assert recomputed.progress.losses == pytest.approx(plain.progress.losses)
    for name, weight in plain.net.state_dict().items():
        assert recomputed.net.state_dict()[name].numpy() == pytest.approx(weight.numpy(), abs=1e-6)
    assert calls.count(1) > 1.5 * calls.count(0)  # freezing adds a pass to both


def test_the_key_contains_gradient_checkpointing_only_if_it_is_on() -> None:
    off, on = (training_key(MODEL, (stage("claims", training=training),)) for training in (TRAINING, RECOMPUTED))
    assert training_key(MODEL, (stage("claims"),)) == off != on


def test_an_encoder_that_cannot_recompute_its_activations_is_refused(body: Callable[[], nn.Module]) -> None:
    encoder = body()
    check_checkpointing("xlmr", encoder)
    encoder.supports_gradient_checkpointing = False  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"Model 'xlmr' .* does not support gradient_checkpointing"):
        check_checkpointing("xlmr", encoder)


@pytest.mark.skipif(not os.access(PEAK_RESET, os.W_OK), reason="the system cannot reset the peak of a process")
def test_the_peak_of_a_process_starts_again_with_each_trial() -> None:
    start_peaks(CPU)
    before = peaks(CPU)["process"]
    block = b"x" * SIZE
    during = peaks(CPU)["process"]
    del block
    start_peaks(CPU)
    after = peaks(CPU)["process"]
    assert during >= before + SIZE * 0.9
    assert after <= during - SIZE * 0.9


def test_the_peak_is_that_since_the_start_of_the_process_if_the_system_has_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PEAK_RESET", "PROCESS_FACTS"):
        monkeypatch.setattr(memory, name, tmp_path / "none" / name)
    start_peaks(CPU)
    assert peaks(CPU)["process"] > 2**24


def test_a_record_has_the_peak_of_its_trial_and_the_ledger_reads_records_without_one(folders: TrialFolders) -> None:
    bench = folders.bench()
    record = run_trial(trial(stage("words"), scores=(score("words"),)), bench).training
    assert set(record.memory) == {"process"}
    assert record.memory["process"] > 2**24
    assert bench.ledger.training(record.key) == record
    assert "memory" not in plain(replace(record, memory={}))
    scored = run_trial(trial(kind="score", scores=(retrieval("twins"),)), folders.bench("other")).training
    assert scored.memory["process"] > 2**24


def test_a_training_that_cannot_fit_is_refused_with_sizes(
    body: Callable[[], nn.Module], reader: DataReader, context: StageContext
) -> None:
    encoder = body()
    needed = 16 * num_parameters(encoder)["total"]
    check_fits(encoder, TRAINING, None)
    check_fits(encoder, TRAINING, needed)
    with pytest.raises(TrialError, match=r"of the training need 0\.02 GiB, and the GPU has 0\.02 GiB\. Use a larger"):
        check_fits(encoder, TRAINING, needed - 1)
    with pytest.raises(TrialError, match="Use a larger GPU"):
        check_fits(encoder, replace(TRAINING, average=0.5), needed)
    with pytest.raises(TrialError, match="gradient_checkpointing do not help"):
        run_stage(body, stage("claims"), reader, replace(context, memory=1000))
    # Frozen weights have neither gradients nor moments.
    for parameter in encoder.parameters():
        parameter.requires_grad = False
    check_fits(encoder, TRAINING, needed // 4)


def test_a_training_that_cannot_fit_runs_again_with_retry_failed(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, bench = trial(stage("words")), folders.bench()
    monkeypatch.setattr("sweeper.training.chain.device_memory", lambda _: 1000)
    record = run_trial(spec, bench).training
    assert record.state == "failed"
    assert EndedTrial.of(record).can_be_retried
