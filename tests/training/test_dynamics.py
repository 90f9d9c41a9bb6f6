"""Training dynamics: formulas, and their independence of interruptions, micro-batches and the other results."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sweeper.data.perturb.labels import is_noisy
from sweeper.files.serialize import write_json
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import LabelNoiseSpec, StageSpec
from sweeper.training.dynamics import Dynamics, ItemDynamics, summary_of
from sweeper.training.loop import StageContext
from sweeper.training.stage import DataReader, examples_of, run_stage
from sweeper.training.trial import run_trial
from tests.training.test_loop import DEFENCES, LONG, Killed, killed_at, limited_memory
from tests.worlds import TrialFolders, facts, score, stage, trial

MakeBody = Callable[[], nn.Module]
STAGES = {
    "classify": stage("claims", training=LONG),
    "choose": stage("gaps", training=LONG),
    "adversarial steps": stage("claims", training=replace(LONG, **DEFENCES)),
    "several tasks, one of them without one label": stage("words", "claims", training=LONG, mlm=0.3),
}


def trained(body: MakeBody, spec: StageSpec, reader: DataReader, context: StageContext) -> pd.DataFrame:
    """Train a stage, and return its dynamics."""
    dynamics = Dynamics(enabled=True)
    run_stage(body, spec, reader, replace(context, dynamics=dynamics))
    return dynamics.table(examples_of(spec, reader))


def without_checkpoints(context: StageContext) -> StageContext:
    return replace(context, checkpoints=replace(context.checkpoints, interval=1e9))


def test_confidence_variability_and_correctness_are_those_of_all_views_of_an_item() -> None:
    items = ItemDynamics.of_size(3)
    seen = {0: [0.2, 0.9, 0.7], 2: [0.25]}
    for view in range(3):
        now = [item for item, values in seen.items() if view < len(values)]
        gold = torch.tensor([seen[item][view] for item in now])
        items.add(torch.tensor(now), gold, gold > 0.5)
    table = items.table()
    assert list(table.index) == [0, 2]
    assert list(table["views"]) == [3, 1]
    assert table["confidence"].tolist() == pytest.approx([np.mean(seen[0]), 0.25])
    assert table.loc[0, "variability"] == pytest.approx(np.std(seen[0]))
    assert np.isnan(table.loc[2, "variability"])
    assert table["correctness"].tolist() == pytest.approx([2 / 3, 0])


def test_the_summary_has_means_over_the_examples_of_each_task() -> None:
    measures = {"confidence": [0.2, 0.6, 0.5], "variability": [0.1, np.nan, np.nan], "correctness": [0.0, 1.0, 1.0]}
    table = pd.DataFrame({"task": ["b", "b", "a"], "example": ["1", "2", "1"], "views": [2, 1, 1], **measures})
    summary = summary_of(table)
    assert list(summary) == ["b", "a"]
    expected = {"examples": 2, "views": 1.5, "confidence": 0.4, "variability": 0.1, "correctness": 0.5}
    assert summary["b"] == pytest.approx(expected)
    assert "variability" not in summary["a"]


@pytest.mark.parametrize("spec", STAGES.values(), ids=STAGES.keys())
def test_a_killed_and_resumed_training_has_the_same_dynamics(
    body: MakeBody, reader: DataReader, context: StageContext, spec: StageSpec
) -> None:
    uninterrupted = trained(body, spec, reader, without_checkpoints(context))
    with pytest.raises(Killed):
        trained(killed_at(body, 41), spec, reader, context)
    resumed = trained(body, spec, reader, context)
    assert context.clock.resumed_at > 0
    pd.testing.assert_frame_equal(resumed, uninterrupted, check_exact=True)
    assert set(uninterrupted["task"]) <= {"claims", "gaps"}


@pytest.mark.parametrize(("name", "tokens"), [("classify", 64), ("choose", 150)])
def test_smaller_micro_batches_after_a_lack_of_memory_change_the_dynamics_by_rounding_only(
    body: MakeBody, reader: DataReader, context: StageContext, messages: list[str], name: str, tokens: int
) -> None:
    def calm() -> nn.Module:
        return without_dropout(body())

    once = replace(STAGES[name], training=replace(LONG, batch_size=8, min_steps=0))
    whole = trained(calm, once, reader, without_checkpoints(context))
    assert not messages
    split = trained(limited_memory(calm, tokens), once, reader, without_checkpoints(context))
    assert "Out of memory" in messages[0]
    pd.testing.assert_frame_equal(split, whole, atol=1e-4)


def without_dropout(body: nn.Module) -> nn.Module:
    """The body without dropout, which would depend on the micro-batches."""
    for module in body.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    body.config.hidden_dropout_prob = 0.0  # type: ignore[union-attr] # that of new heads
    return body


def test_a_training_that_observes_its_examples_has_the_same_results_and_only_one_more_field(
    folders: TrialFolders,
) -> None:
    spec = trial(stage("claims", "words"), scores=(score("words"),), kind="prepare", keep=True)
    off = facts(run_trial(spec, folders.bench("off")))
    result = run_trial(replace(spec, cartography=True), folders.bench("on"))
    on = facts(result)
    dynamics = on["training"].pop("dynamics")
    assert on["training"]["spec"].pop("cartography")
    assert on == off
    assert result.training.dynamics is not None
    table = folders.bench("on").ledger.dynamics(result.training.dynamics)
    assert dynamics["facts"]["rows"] == len(table) == result.training.examples["claims"]
    assert dynamics["means"]["claims"]["confidence"] == pytest.approx(table["confidence"].mean(), rel=1e-6)
    assert list(dynamics["means"]) == ["claims"]


def test_a_record_without_dynamics_has_the_bytes_of_versions_without_them(folders: TrialFolders) -> None:
    record = run_trial(trial(stage("words")), folders.bench()).training
    assert b"dynamics" not in write_json(record)
    assert b"cartography" not in write_json(record)
    assert not folders.bench().ledger.folder.child("dynamics").names()


def test_an_attempt_that_ended_between_encoder_and_record_leaves_its_dynamics(folders: TrialFolders) -> None:
    spec = trial(stage("claims"), kind="prepare", keep=True, cartography=True)
    bench = folders.bench()
    first = run_trial(spec, bench).training
    bench.ledger.folder.remove(f"trainings/{spec.key}.json")
    second = run_trial(spec, bench).training
    assert isinstance(second, TrainingRecord)
    assert second.dynamics == first.dynamics is not None


def test_an_encoder_from_the_store_has_no_dynamics(folders: TrialFolders) -> None:
    spec = trial(stage("claims"), kind="prepare", keep=True)
    bench = folders.bench()
    run_trial(spec, bench)
    bench.ledger.folder.remove(f"trainings/{spec.key}.json")
    assert run_trial(replace(spec, cartography=True), bench).training.dynamics is None


def test_examples_with_wrong_labels_are_marked(body: MakeBody, reader: DataReader, context: StageContext) -> None:
    noise = LabelNoiseSpec(probability=0.5, seed=1)
    (data,) = STAGES["classify"].data
    spec = replace(STAGES["classify"], data=(replace(data, label_noise=noise),))
    table = trained(body, spec, reader, context)
    clean, noisy = reader.encoded(data)["en"].examples, reader.encoded(spec.data[0])["en"].examples
    wrong = [first.id for first, second in zip(clean, noisy, strict=True) if first.fields != second.fields]
    assert 0 < len(wrong) < len(table)
    assert set(table.loc[table["noisy"], "example"]) == set(wrong)
    assert not is_noisy(wrong[0], None)
