"""The schedule of a stage: number of steps, and shares of tasks and languages. Also clock, seeds and pass sizes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.plan.tokens import features_per_example
from sweeper.records.spec import DataSpec, StageSpec
from sweeper.space import Training
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task
from sweeper.training.runtime import Clock, derived_seed, halved
from sweeper.training.stage import DataReader, make_schedule
from tests.tokenizers_tiny import tiny_tokenizer
from tests.worlds import BY_NAME, TRAINING, data, stage


def test_the_steps_of_a_single_task_are_epochs_times_batches(reader: DataReader) -> None:
    assert make_schedule(stage("claims"), reader).num_steps == 3
    assert make_schedule(stage("claims", training=replace(TRAINING, epochs=2.5)), reader).num_steps == 8
    assert make_schedule(stage("claims", training=replace(TRAINING, epochs=0.01)), reader).num_steps == 1


def test_the_sampling_cap_does_not_apply_to_a_single_task(reader: DataReader) -> None:
    assert make_schedule(replace(stage("claims"), sampling_cap=8), reader).num_steps == 3


def test_a_small_task_is_repeated_until_min_steps(reader: DataReader) -> None:
    assert make_schedule(stage("claims", training=replace(TRAINING, min_steps=30)), reader).num_steps == 30


def test_steps_of_masked_language_modelling_are_added_to_those_of_the_tasks(reader: DataReader) -> None:
    training = replace(TRAINING, epochs=40)
    plain, mixed = (make_schedule(stage("claims", training=training, mlm=share), reader) for share in (0.0, 0.5))
    assert mixed.num_steps == 2 * plain.num_steps
    assert np.mean(mixed.order == 0) == pytest.approx(0.5, abs=0.1)
    assert {stream.items.task for stream in mixed.streams[1:]} == {"texts"}


def test_a_small_sampling_cap_gives_tasks_of_different_sizes_equal_shares(reader: DataReader) -> None:
    sets = (data("claims"), data("words", cap_examples=8))
    unlike = replace(stage("claims", "words", training=replace(TRAINING, epochs=60)), data=sets)
    shares = [np.mean(make_schedule(replace(unlike, sampling_cap=cap), reader).order == 0) for cap in (2**17, 8)]
    assert shares == pytest.approx([0.75, 0.5], abs=0.08)


def test_a_higher_temperature_makes_the_shares_more_equal_without_more_steps(reader: DataReader) -> None:
    sets = (data("claims"), data("words", cap_examples=8))
    unlike = replace(stage("claims", "words", training=replace(TRAINING, epochs=60)), data=sets)
    schedules = [make_schedule(replace(unlike, temperature=heat), reader) for heat in (1.0, 2.0, 1000.0)]
    assert [np.mean(schedule.order == 0) for schedule in schedules] == pytest.approx([0.75, 0.634, 0.5], abs=0.08)
    assert len({schedule.num_steps for schedule in schedules}) == 1


SIZES = {"en": 64, "de": 4}


@pytest.fixture
def corpus_reader(reader: DataReader, tmp_path: Path) -> DataReader:
    """A reader with the tasks `corpus` and `notes`, whose languages have the numbers of texts in SIZES."""
    for code, size in SIZES.items():
        (tmp_path / code).mkdir()
        (tmp_path / code / "train.jsonl").write_text('{"text": "The river flows."}\n' * size)
    rows = {code: (Rows(id=str(tmp_path / code), split="train"),) for code in SIZES}
    task = Task(name="corpus", title="", format="mlm", scorer="loss", columns={"text": "text"}, train=rows)
    return replace(reader, tasks={**reader.tasks, "corpus": task, "notes": replace(task, name="notes")})


CORPUS = DataSpec(task="corpus", part="train", languages=tuple(SIZES), max_length=16, stride=4)
EXPONENTS = [(1.0, 64 / 68), (0.3, 0.697), (0.0, 0.5)]
"""Exponent, and the share of English: 64 ** 0.3 / (64 ** 0.3 + 4 ** 0.3) = 0.697."""


@pytest.mark.parametrize(("exponent", "english"), EXPONENTS)
def test_mlm_languages_are_drawn_by_their_size_and_the_exponent(
    exponent: float, english: float, corpus_reader: DataReader
) -> None:
    mixed = replace(stage("claims", training=replace(TRAINING, epochs=400)), mlm=CORPUS, mlm_share=0.5)
    order = make_schedule(replace(mixed, mlm_exponent=exponent), corpus_reader).order
    assert np.mean(order > 0) == pytest.approx(0.5, abs=0.05)
    assert np.mean(order[order > 0] == 1) == pytest.approx(english, abs=0.04)


@pytest.mark.parametrize(("exponent", "english"), EXPONENTS)
def test_the_mlm_exponent_applies_to_a_stage_of_masked_language_modelling_alone(
    exponent: float, english: float, corpus_reader: DataReader
) -> None:
    alone = StageSpec(data=(CORPUS,), training=replace(TRAINING, epochs=200), seed=1, mlm_exponent=exponent)
    order = make_schedule(alone, corpus_reader).order
    # 64 / 8 and 4 / 8 batches, rounded up, whatever the exponent.
    assert len(order) == 200 * 9
    assert np.mean(order == 0) == pytest.approx(english, abs=0.03)


def test_shares_of_tasks_and_languages_decide_the_steps_and_not_their_number(corpus_reader: DataReader) -> None:
    sets = (CORPUS, replace(CORPUS, task="notes"))
    plain = StageSpec(data=sets, training=replace(TRAINING, epochs=200), seed=1)
    num_steps = {len(make_schedule(plain, corpus_reader).order)}
    for corpus, english in ((0.9, 0.75), (0.25, 0.5)):
        shares = (("corpus", corpus), ("de", 1 - english), ("en", english), ("notes", 1 - corpus))
        order = make_schedule(replace(plain, shares=shares), corpus_reader).order
        num_steps.add(len(order))
        assert np.mean(order < 2) == pytest.approx(corpus, abs=0.03)
        for first in (0, 2):
            of_task = order[(order == first) | (order == first + 1)]
            assert np.mean(of_task == first) == pytest.approx(english, abs=0.06)
    assert len(num_steps) == 1


def test_max_steps_limits_the_steps_of_tasks_and_masked_language_modelling_together(reader: DataReader) -> None:
    training = replace(TRAINING, epochs=40, max_steps=50)
    for share in (0.0, 0.5):
        schedule = make_schedule(stage("claims", training=training, mlm=share), reader)
        assert schedule.num_steps == 50
        assert np.mean(schedule.order > 0) == pytest.approx(share, abs=0.2)
        assert schedule.learning_rate(49) < 0.05 * training.learning_rate
    assert make_schedule(stage("claims", training=replace(TRAINING, max_steps=50)), reader).num_steps == 3


def test_masked_language_modelling_needs_a_tokenizer_with_a_mask_token(reader: DataReader) -> None:
    tokenizer = type(reader.tokenizer)(tokenizer_object=reader.tokenizer.backend_tokenizer, pad_token="<pad>")
    maskless = replace(reader, tokenizer=tokenizer, opened={})
    maskless.check_masking(data("claims"))
    with pytest.raises(
        UserError, match=r"'texts' is masked language modelling, but the tokenizer .* has no mask token"
    ):
        maskless.check_masking(data("texts"))


def test_the_time_of_a_nested_activity_counts_once() -> None:
    clock = Clock()
    with clock.time("load"), clock.time("train"):
        sum(range(10**6))
    assert sum(clock.seconds.values()) <= clock.timing()["total"]
    assert clock.seconds["load"] < clock.seconds["train"]


def test_a_derived_seed_depends_on_all_values_and_has_63_bits() -> None:
    seeds = {derived_seed(*values) for values in (("a", 1), ("a", 2), ("b", 1))}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_passes_can_be_halved_down_to_64_tokens() -> None:
    assert halved(256, MemoryError()) == 128
    assert halved(128, MemoryError()) == 64


def test_mask_share_changes_the_training_but_not_the_evaluation(
    tmp_path: Path,
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train.jsonl").write_text('{"text": "The river flows through the town."}\n' * 8)
    rows = {"en": (Rows(id=str(tmp_path / "corpus"), split="train"),)}
    task = Task(name="corpus", title="", format="mlm", scorer="loss", columns={"text": "text"}, train=rows)
    sources = Sources(mirror=None, cache=tmp_path / "cache")
    reader = DataReader(tasks={"corpus": task}, sources=sources, tokenizer=tiny_tokenizer())
    corpus = DataSpec(task="corpus", part="train", languages=("en",), max_length=16, stride=4)
    schedule = make_schedule(StageSpec(data=(corpus,), training=Training(mask_share=0.4), seed=1), reader)
    assert schedule.masking is not None and reader.masking is not None
    assert (schedule.masking.share, reader.masking.share) == (0.4, 0.15)


def test_a_head_has_the_labels_of_its_examples_after_the_label_map(tmp_path: Path) -> None:
    tasks = {name: CATALOG[name] for name in ("masakhaner", "ner")}
    sources = Sources(mirror=None, cache=tmp_path)
    reader = DataReader(tasks=tasks, sources=sources, tokenizer=tiny_tokenizer())
    assert reader.labels("masakhaner") == reader.labels("ner")


@pytest.mark.parametrize("task", ["claims", "words", "endings", "reasons", "gaps"])
def test_the_plan_counts_as_many_features_per_example_as_a_stage_reads(reader: DataReader, task: str) -> None:
    [stream] = make_schedule(stage(task), reader).streams
    assert len(stream.items.features.example) == features_per_example(BY_NAME[task]) * stream.items.num_items
