"""Trials: reproducible bytes, reuse of encoders, separation of selection and evaluation data, failures."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

import sweeper.training.workbench
from sweeper.errors import CrowdedError, DataError, OutOfMemoryError, ShortageError, TrialError, UserError
from sweeper.files.serialize import plain, read_json, write_json
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import PredictorSpec, TrialSpec, training_key
from sweeper.space import Resources
from sweeper.tasks.spec import Rows, Task
from sweeper.training.check import check_spec
from sweeper.training.memory import share_of_others
from sweeper.training.model import check_encoder, load_body, num_parameters
from sweeper.training.predict import Predictor
from sweeper.training.trial import run_trial
from tests.worlds import BY_NAME, MODEL, TRAINING, TrialFolders, data, facts, retrieval, score, stage, trial

BLANK = replace(MODEL, name="blank", id="demo/blank", identity="blank")
LEARNING = replace(TRAINING, cap_examples=100, epochs=6)
CHILD = "import sys; from tests.training.test_trial import run_spec; run_spec(*sys.argv[1:])"


def run_spec(world: str, root: str, cache: str, spec: str) -> None:
    """Run a trial from the JSON file of its spec; called by the child process of a test."""
    folders = TrialFolders(Path(world), Path(root), Path(cache))
    run_trial(read_json(TrialSpec, Path(spec).read_bytes(), spec), folders.bench("child"))


def manifests(root: Path) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_bytes()) for path in root.glob("encoders/*/manifest.json")}


def outcomes(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "ledger" / "outcomes").iterdir()}


@pytest.mark.slow
def test_a_spec_gives_the_same_bytes_in_another_folder_and_another_process(folders: TrialFolders) -> None:
    spec = trial(stage("names", "gaps", mlm=0.3), scores=(score("names"),), keep=True)
    first = facts(run_trial(spec, folders.bench("one")))
    assert first["training"]["state"] == "done"
    assert facts(run_trial(spec, folders.bench("two"))) == first
    (folders.root / "spec.json").write_bytes(write_json(spec))
    paths = [str(path) for path in (folders.world, folders.root, folders.root / "cache", folders.root / "spec.json")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", CHILD, *paths], check=True, env=environment, capture_output=True)
    child = folders.bench("child").ledger
    assert plain(child.trainings()[spec.key])["value"] == first["training"]["value"]
    assert [plain(record) for record in child.scores().values()] == first["scores"]
    for other in ("two", "child"):
        assert manifests(folders.root / other) == manifests(folders.root / "one") != {}
        assert outcomes(folders.root / other) == outcomes(folders.root / "one") != {}


def test_an_encoder_in_the_store_is_loaded_and_not_trained(private_folders: TrialFolders) -> None:
    first, second = stage("parts"), stage("words")
    bench = private_folders.bench()
    run_trial(trial(first, kind="prepare", keep=True), bench)
    # Without its data the first stage cannot be trained again.
    shutil.rmtree(private_folders.world / "datasets" / "demo" / "parts")
    shutil.rmtree(private_folders.cache / "encoded")
    result = run_trial(trial(first, second, scores=(score("words"),)), private_folders.bench())
    assert result.training.state == "done"
    assert set(result.training.examples) == {"words"}


def test_a_missing_encoder_is_trained_again_to_the_same_bytes(folders: TrialFolders) -> None:
    first, second = stage("parts"), stage("words")
    run_trial(trial(first, kind="prepare", keep=True), folders.bench("with"))
    loaded = facts(run_trial(trial(first, second, scores=(score("words"),)), folders.bench("with")))
    messages: list[str] = []
    retrained = facts(
        run_trial(trial(first, second, scores=(score("words"),)), folders.bench("without", messages.append))
    )
    assert retrained == loaded
    assert "is not in the store: its last stage is trained again" in messages[0]
    assert manifests(folders.root / "with") == manifests(folders.root / "without")


def test_a_damaged_encoder_is_renamed_and_trained_again(folders: TrialFolders) -> None:
    first, messages = stage("parts"), list[str]()
    bench = folders.bench(notify=messages.append)
    run_trial(trial(first, kind="prepare", keep=True), bench)
    before = manifests(folders.root / "run")
    weights = next((folders.root / "run" / "encoders").glob("*/model.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # the size stays the same, only the checksum differs
    weights.write_bytes(content)
    assert run_trial(trial(first, stage("words")), bench).training.state == "done"
    assert "is damaged (model.safetensors). It was renamed to" in messages[0]
    key = training_key(MODEL, (first,))
    assert manifests(folders.root / "run")[key] == before[key]


def test_a_missing_encoder_is_trained_again_by_one_worker_of_a_node_while_the_others_wait(
    folders: TrialFolders,
) -> None:
    first, messages = stage("parts"), list[str]()
    target, bench = trial(first, stage("words")), folders.bench(notify=messages.append)
    key = training_key(MODEL, (first,))
    with ThreadPoolExecutor(1) as thread:
        with bench.store.making(key):
            waiting = thread.submit(run_trial, target, bench)
            # Another worker makes it.
            run_trial(trial(first, kind="prepare", keep=True), folders.bench())
            assert not waiting.done()
        assert waiting.result().training.state == "done"
    assert not any("trained again" in message for message in messages)
    bench.store.remove(key)
    run_trial(trial(first, stage("words", seed=2)), bench)
    assert f"Encoder {key} is not in the store: its last stage is trained again." in messages
    assert bench.store.has(key)


def test_a_training_that_makes_its_encoder_again_has_the_results_of_one_that_finds_it(folders: TrialFolders) -> None:
    # The embeddings are frozen in the preparation, but not in the target.
    first = stage("parts", training=replace(TRAINING, frozen_layers=0))
    target = trial(first, stage("words"), scores=(score("words"),))
    run_trial(trial(first, kind="prepare", keep=True), folders.bench("found"))
    found = facts(run_trial(target, folders.bench("found")))
    assert facts(run_trial(target, folders.bench("made"))) == found
    assert manifests(folders.root / "made") == manifests(folders.root / "found")


def test_a_task_of_several_data_sets_trains_one_head(folders: TrialFolders) -> None:
    spec = trial(stage("claims_plus"), keep=True)
    result = run_trial(spec, folders.bench())
    assert set(result.training.examples) == {"claims_plus"}
    assert set(result.training.selection) == {"claims_plus"}


def test_selection_never_reads_evaluation_data(private_folders: TrialFolders) -> None:
    spec = trial(stage("words"), role="search", seed=0)
    before = facts(run_trial(spec, private_folders.bench("before")))
    shutil.rmtree(private_folders.cache)
    folder = private_folders.world / "datasets" / "demo" / "words" / "draw1"
    # Any result that depends on the English evaluation data would change with them.
    for split in ("validation", "test"):
        shutil.copy(folder / f"{split}_xa.jsonl", folder / f"{split}_en.jsonl")
    assert facts(run_trial(spec, private_folders.bench("after"))) == before


def test_training_data_and_selection_data_do_not_overlap(folders: TrialFolders) -> None:
    reader = folders.bench().reader(trial(stage("words")))
    ids = [
        {example.id for example in reader.encoded(data("words", split, cap_examples=None))["en"].examples}
        for split in ("train", "select")
    ]
    assert ids[0] and ids[1]
    assert not ids[0] & ids[1]


def test_masked_language_modelling_lowers_the_loss_and_stores_an_encoder(folders: TrialFolders) -> None:
    losses = []
    for training in (replace(TRAINING, epochs=0.01, learning_rate=1e-9), LEARNING):
        spec = trial(stage("texts", training=training), model=BLANK, kind="prepare", keep=True)
        result = run_trial(spec, folders.bench())
        losses.append(result.training.selection["texts"]["loss"])
        assert result.training.value == -losses[-1]
    assert losses[1] < losses[0] - 0.5
    folder = folders.root / "run" / "encoders" / spec.encoder
    hidden = AutoModel.from_pretrained(folder)(**AutoTokenizer.from_pretrained(folder)("a", return_tensors="pt"))
    assert torch.isfinite(hidden.last_hidden_state).all()


def test_a_recipe_can_combine_a_masked_stage_and_a_task_before_the_target(folders: TrialFolders) -> None:
    bench = folders.bench()
    chain = (stage("texts"), stage("parts"), stage("words"))
    for depth in (1, 2):
        assert run_trial(trial(*chain[:depth], kind="prepare", keep=True), bench).training.state == "done"
    result = run_trial(trial(*chain, scores=(score("words"),)), bench)
    assert result.training.state == "done"
    assert len(manifests(folders.root / "run")) == 2
    assert training_key(MODEL, chain[:2]) in manifests(folders.root / "run")


def test_selection_ignores_the_masked_language_modelling_of_a_mixed_stage(folders: TrialFolders) -> None:
    result = run_trial(trial(stage("words", training=replace(TRAINING, epochs=4), mlm=0.5)), folders.bench())
    assert set(result.training.examples) == {"words", "texts"}
    assert set(result.training.selection) == {"words"}


def test_a_diverging_training_gives_a_failed_record_with_a_reason_and_no_checkpoint(folders: TrialFolders) -> None:
    wild = replace(TRAINING, learning_rate=1e30, clip=1e30, min_steps=45)
    result = run_trial(trial(stage("words", training=wild)), folders.bench(checkpoint_every=0.0))
    assert result.training.state == "failed"
    assert "with learning_rate=1e+30: lower the upper bound of the learning rate" in result.training.reason
    assert folders.bench().ledger.training(result.training.key) == result.training
    assert not [path for path in (folders.root / "run").glob("checkpoints/*") if path.is_file()]


def test_a_failure_while_a_lost_score_is_computed_again_keeps_the_finished_record(
    private_folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = trial(stage("words"), scores=(score("words"),))
    bench = private_folders.bench()
    finished = run_trial(spec, bench)
    bench.ledger.folder.remove(f"scores/{finished.scores[0].key}.json")

    def failing(*_: Any, **__: Any) -> Any:
        raise TrialError("Out of memory even with 64 tokens per pass")

    monkeypatch.setattr("sweeper.training.trial.all_scores", failing)
    with pytest.raises(TrialError, match="Out of memory"):
        run_trial(spec, bench)
    assert bench.ledger.training(spec.key) == finished.training


def test_a_lack_of_memory_that_other_processes_cause_leaves_no_record(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise OutOfMemoryError("Out of memory even with 64 tokens per pass.")

    monkeypatch.setattr("sweeper.training.trial._train_and_score", failing)
    spec, bench = trial(stage("words")), folders.bench()
    monkeypatch.setattr("sweeper.training.memory.share_of_others", lambda _: 0.5)
    with pytest.raises(ShortageError, match="Other processes used 50% of the memory"):
        run_trial(spec, bench)
    assert bench.ledger.training(spec.key) is None
    monkeypatch.setattr("sweeper.training.memory.share_of_others", lambda _: 0.1)
    assert EndedTrial.of(run_trial(spec, bench).training).can_be_retried


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_the_reason_of_any_lack_of_memory_can_be_retried_when_it_is_recorded(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(torch.nn.Module, "to", failing)
    monkeypatch.setattr("sweeper.training.memory.share_of_others", lambda _: 0.5)
    spec = trial(stage("words"))
    with pytest.raises(ShortageError, match=r"^Out of memory.* Other processes used 50% of the memory") as raised:
        run_trial(spec, folders.bench())
    record = TrainingRecord(key=spec.key, spec=spec, state="failed", reason=str(raised.value))
    assert EndedTrial.of(record).can_be_retried


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), OutOfMemoryError("Out of memory.")])
def test_any_lack_of_memory_on_a_share_of_a_gpu_asks_for_a_larger_share(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(torch.nn.Module, "to", failing)  # the first use of the memory of a GPU
    spec, bench = trial(stage("words")), folders.bench()
    shared = replace(spec, resources=Resources(gpus=0.25))
    with pytest.raises(CrowdedError, match=r"Out of memory on 0\.25 of a GPU"):
        run_trial(shared, bench)
    assert bench.ledger.training(spec.key) is None


EVALUATIONS = {
    "selection": trial(stage("words")),
    "scores of a head": trial(stage("words"), scores=(score("words"),), select=()),
    "scores of an encoder": trial(kind="score", scores=(retrieval("twins"),)),
    "predictors": trial(
        kind="predict", predictors=(PredictorSpec(target="words", data=data("words")),), tasks=(BY_NAME["words"],)
    ),
}


@pytest.mark.parametrize("spec", EVALUATIONS.values(), ids=EVALUATIONS.keys())
def test_an_evaluation_without_memory_on_a_share_of_a_gpu_asks_for_a_larger_share(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch, spec: TrialSpec
) -> None:
    def failing(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Predictor, "_all", failing)
    messages: list[str] = []
    with pytest.raises(CrowdedError, match=r"Out of memory on 0\.25 of a GPU"):
        run_trial(replace(spec, resources=Resources(gpus=0.25)), folders.bench(notify=messages.append))
    assert messages == []


def no_memory_of_numpy(*_: Any) -> Any:
    raise MemoryError("Unable to allocate 3 GiB")


def no_memory_of_torch(*_: Any) -> Any:
    return torch.empty(2**60)


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        (no_memory_of_numpy, r"Out of memory\. Unable to allocate 3 GiB"),
        (no_memory_of_torch, r"Out of memory\. .*DefaultCPUAllocator: .*"),
    ],
)
def test_a_lack_of_main_memory_on_a_share_of_a_gpu_asks_for_no_larger_share(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch, failing: Callable[..., Any], reason: str
) -> None:

    monkeypatch.setattr(sweeper.training.workbench, "load_body", failing)
    spec, bench = replace(trial(stage("words")), resources=Resources(gpus=0.25)), folders.bench()
    monkeypatch.setattr("sweeper.training.memory.share_of_others", lambda _: 0.5)
    with pytest.raises(ShortageError, match="Other processes used 50% of the memory") as raised:
        run_trial(spec, bench)
    assert not isinstance(raised.value, CrowdedError)
    assert bench.ledger.training(spec.key) is None
    monkeypatch.setattr("sweeper.training.memory.share_of_others", lambda _: 0.1)
    record = run_trial(spec, bench).training
    assert record.state == "failed"
    assert re.fullmatch(reason, record.reason)
    assert EndedTrial.of(record).can_be_retried


def test_the_share_of_other_processes_is_known_for_this_machine() -> None:
    assert 0 < share_of_others(torch.device("cpu")) < 1


def test_the_record_shows_the_smaller_micro_batch_after_an_out_of_memory(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hook(module: torch.nn.Module, args: Any, inputs: dict[str, torch.Tensor]) -> None:
        if module.training and inputs["input_ids"].numel() > 70:  # evaluations do not run out of memory
            raise torch.OutOfMemoryError("out of memory")

    def tight(*args: Any) -> torch.nn.Module:
        body = load_body(*args)
        body.register_forward_pre_hook(hook, with_kwargs=True)
        return body

    spec = trial(stage("words", training=replace(TRAINING, micro_tokens=1024)))
    assert run_trial(spec, folders.bench("roomy")).training.micro_tokens == 1024
    monkeypatch.setattr(sweeper.training.workbench, "load_body", tight)
    assert run_trial(spec, folders.bench("tight")).training.micro_tokens == 64


def test_the_record_of_a_resumed_training_gives_the_step_of_the_resume(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes_left = [30]

    def hook(*_: Any) -> None:
        passes_left[0] -= 1
        if passes_left[0] < 0:
            raise KeyboardInterrupt

    def dying(*args: Any) -> torch.nn.Module:
        body = load_body(*args)
        body.register_forward_pre_hook(hook)
        return body

    spec = trial(stage("words", training=replace(TRAINING, min_steps=45)))
    alone = run_trial(spec, folders.bench("alone"))
    assert "resumed_at" not in alone.training.machine
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sweeper.training.workbench, "load_body", dying)
        run_trial(spec, folders.bench("killed", checkpoint_every=0.0))
    resumed = run_trial(spec, folders.bench("killed"))
    assert resumed.training.machine["resumed_at"] == "20"  # the last multiple of CHECK_EVERY before the kill
    assert facts(resumed) == facts(alone)


def test_a_finished_trial_is_not_run_again(private_folders: TrialFolders) -> None:
    spec = trial(stage("words"), scores=(score("words"),), keep=True)
    first = run_trial(spec, private_folders.bench())
    outcome = Path(private_folders.bench().ledger.folder.path(first.scores[0].outcomes))
    written = outcome.stat().st_mtime_ns
    assert run_trial(spec, private_folders.bench()).training == first.training
    assert outcome.stat().st_mtime_ns == written


def test_a_record_contains_time_machine_and_the_number_of_parameters(folders: TrialFolders, encoder: str) -> None:
    record = run_trial(trial(stage("words")), folders.bench()).training
    weights = {name: tensor.numel() for name, tensor in load_body(encoder).named_parameters()}
    tables = sum(number for name, number in weights.items() if "_embeddings.weight" in name)
    total = sum(weights.values())
    assert record.parameters == {"total": total, "without_embeddings": total - tables}
    assert 0 < tables < total
    assert {"host", "pid", "device", "started"} <= set(record.machine)
    assert pd.Timestamp(record.machine["started"]).tzinfo is not None
    assert 0 < sum(value for activity, value in record.timing.items() if activity != "total") <= record.timing["total"]


def test_a_spec_with_more_positions_than_the_model_is_an_error_before_the_run(
    folders: TrialFolders,
) -> None:
    words = stage("words")
    long = replace(words, data=(replace(words.data[0], max_length=129),))
    with pytest.raises(UserError, match="max_length=129 of task 'words' is larger than the 128 positions of model"):
        check_spec(trial(long), folders.bench())


def test_a_wrong_number_of_parameters_is_an_error_before_the_run(folders: TrialFolders, encoder: str) -> None:
    number = num_parameters(load_body(encoder))["without_embeddings"]
    spec = trial(stage("words"))
    with pytest.raises(UserError, match=rf"has {number:,} parameters without .* Write parameters={number} in"):
        check_spec(replace(spec, model=replace(spec.model, parameters=number + 1)), folders.bench())
    check_spec(replace(spec, model=replace(spec.model, parameters=number)), folders.bench())


def test_more_layers_than_the_model_has_are_an_error_before_the_run(folders: TrialFolders, encoder: str) -> None:
    depth = int(check_encoder(encoder).num_hidden_layers)
    spec = trial(stage("words"))
    with pytest.raises(UserError, match=rf"has {depth} layers, .* says layers={depth + 1}: set layers to {depth} or"):
        check_spec(replace(spec, model=replace(spec.model, layers=depth + 1)), folders.bench())
    # The number of parameters is that of the layers that are left.
    number = num_parameters(load_body(encoder, layers=1))["without_embeddings"]
    check_spec(replace(spec, model=replace(spec.model, layers=1, parameters=number)), folders.bench())


def test_a_trial_trains_the_lowest_layers_of_its_model(folders: TrialFolders, encoder: str) -> None:
    spec = trial(stage("words"))
    record = run_trial(replace(spec, model=replace(spec.model, layers=1)), folders.bench()).training
    assert record.parameters == num_parameters(load_body(encoder, layers=1))


def test_a_spec_with_missing_data_is_an_error_before_the_run(folders: TrialFolders) -> None:
    gone = Task(
        name="gone",
        title="",
        format="mlm",
        scorer="loss",
        columns={"text": "text"},
        train={"en": (Rows(id="demo/gone", split="train"),)},
    )
    spec: TrialSpec = trial(stage("words"))
    spec = replace(spec, tasks=(*spec.tasks, gone), select=(data("gone"),))
    with pytest.raises(DataError, match="demo/gone"):
        check_spec(spec, folders.bench())


def test_the_selection_value_is_the_mean_over_languages(folders: TrialFolders) -> None:
    texts = replace(BY_NAME["texts"], columns={"text": "sentence1"}, train=BY_NAME["twins"].test)
    corpora = [data("texts", "select", languages) for languages in (("xa", "xf"), ("xa",), ("xf",))]
    bilingual = replace(stage("texts"), data=(data("texts", languages=("xa", "xf")),))
    both, *single = (
        run_trial(replace(trial(bilingual, tasks=(texts,)), select=(corpus,)), folders.bench(str(number))).training
        for number, corpus in enumerate(corpora)
    )
    losses = [record.selection["texts"]["loss"] for record in single]
    assert len(set(losses)) == 2
    assert both.selection["texts"]["loss"] == pytest.approx(np.mean(losses))


def test_a_stored_encoder_gives_the_results_of_a_new_one_and_retrain_ignores_the_store(
    folders: TrialFolders,
) -> None:
    spec = trial(stage("words"), kind="prepare", scores=(score("words"),), keep=True)
    store = str(folders.root / "shared")
    first = run_trial(spec, folders.bench("one", store=store))
    loaded = run_trial(spec, folders.bench("two", store=store))
    retrain = run_trial(spec, folders.bench("three", store=store), retrain=True)
    assert facts(first) == facts(loaded) == facts(retrain)
    assert "train" in first.training.timing and "train" in retrain.training.timing
    assert "train" not in loaded.training.timing
