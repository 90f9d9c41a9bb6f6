"""Batches: completeness, amount of padding, random access; and the masking of tokens."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sweeper.formats.interface import IGNORED, Array, Features
from sweeper.space import Stage
from sweeper.tasks.catalog import CATALOG
from sweeper.training.batches import (
    POOL,
    Masking,
    Stream,
    TaskItems,
    bucketed,
    by_length,
    collate,
    draw_streams,
    mask_features,
    mask_tokens,
    pad_flat,
    smoothed,
    split_batch,
)

CPU = torch.device("cpu")
MASKING = Masking(special=frozenset({0, 1, 2}), mask=4, vocabulary=1000)


def items(lengths: list[int], sizes: list[int] | None = None) -> TaskItems:
    """Items of the given feature lengths; each item has one feature, or as many as `sizes` says."""
    offsets = np.cumsum([0, *lengths])
    bounds = np.cumsum([0, *(sizes or [1] * len(lengths))])
    tokens = np.arange(offsets[-1], dtype=np.int32) + 5
    example = np.arange(len(lengths), dtype=np.int32)
    return TaskItems("task", "sequence", Features(tokens=tokens, offsets=offsets, items=bounds, example=example), pad=1)


def skewed(number: int) -> Array:
    """Lengths distributed as in real text: many short ones and a few long ones."""
    return np.random.default_rng(0).lognormal(3, 0.8, number).astype(int) + 2


def padding(lengths: Array, batches: list[Array]) -> int:
    return sum(int(lengths[batch].max() * len(batch) - lengths[batch].sum()) for batch in batches)


def test_each_epoch_contains_every_item_once() -> None:
    stream = Stream(items(skewed(103).tolist()), batch_size=8, seed=3)
    for epoch in range(3):
        seen = Counter(i for k in range(13) for i in stream.batch(13 * epoch + k).tolist())
        assert seen == Counter(range(103))


def test_epochs_and_seeds_have_different_orders() -> None:
    lengths = items(skewed(64).tolist())
    first = [Stream(lengths, 8, 1).batch(k).tolist() for k in range(8)]
    assert [Stream(lengths, 8, 1).batch(8 + k).tolist() for k in range(8)] != first
    assert [Stream(lengths, 8, 2).batch(k).tolist() for k in range(8)] != first


def test_a_batch_can_be_computed_without_the_previous_ones() -> None:
    lengths = items(skewed(50).tolist())
    sequential = Stream(lengths, 8, 1)
    expected = [sequential.batch(k).tolist() for k in range(21)]
    for number in (20, 3, 13):
        assert Stream(lengths, 8, 1).batch(number).tolist() == expected[number]


def test_the_items_of_a_batch_have_similar_lengths() -> None:
    lengths = np.arange(2, 2 + POOL * 8)  # one pool, so each batch has eight consecutive lengths
    for batch in bucketed(lengths, 8, np.random.default_rng(0)):
        assert np.ptp(lengths[batch]) == 7


def test_padding_is_less_than_half_of_that_of_random_batches() -> None:
    lengths = skewed(4000)
    naive = np.array_split(np.random.default_rng(1).permutation(4000), 125)
    assert padding(lengths, bucketed(lengths, 32, np.random.default_rng(1))) < 0.5 * padding(lengths, naive)


@pytest.mark.parametrize("limit", [1, 40, 200, 10**6])
def test_micro_batches_keep_the_token_limit_and_contain_every_item(limit: int) -> None:
    lengths = sorted(skewed(60).tolist())
    choices = items([length for length in lengths for _ in range(3)], [3] * 60)
    batch = np.arange(60)
    micro_batches = split_batch(choices, batch, limit)
    assert np.concatenate(micro_batches).tolist() == batch.tolist()
    for micro_batch in micro_batches:
        assert len(micro_batch) == 1 or 3 * len(micro_batch) * choices.lengths[micro_batch].max() <= limit


def test_a_batch_of_pairs_is_not_split() -> None:
    pairs = replace(items([5, 9] * 8, [2] * 8), head="dual")
    assert [micro_batch.tolist() for micro_batch in split_batch(pairs, np.arange(8), 1)] == [list(range(8))]


def test_evaluation_batches_keep_the_token_limit_and_contain_every_feature() -> None:
    features = items(skewed(200).tolist()).features
    lengths = np.diff(features.offsets)
    batches = list(by_length(features, 300))
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= 300 for batch in batches)


def test_rows_are_padded_to_the_longest_row() -> None:
    table = pad_flat(np.array([1, 2, 3, 4, 5, 6]), np.array([0, 1, 3, 6]), np.array([2, 0]), 9)
    assert table.tolist() == [[4, 5, 6], [1, 9, 9]]


def test_choices_give_the_features_of_each_item(stream: Callable[[str], Stream]) -> None:
    batch = collate(stream("gaps").items, np.array([4, 2]), CPU)
    assert batch["choices"].tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert batch["label"].shape == (2,)
    assert batch["input_ids"].shape[0] == 10


def test_tasks_are_drawn_in_proportion_to_their_weights() -> None:
    streams = [Stream(items([3, 4]), 2, 0)] * 2
    order = draw_streams(streams, [3.0, 1.0], 4000, seed=1)
    assert np.bincount(order) == pytest.approx([3000, 1000], rel=0.1)
    assert draw_streams(streams[:1], [1.0], 5, seed=1).tolist() == [0] * 5


NINE = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")
SIZES = [CATALOG[name].train_size for name in NINE]


def drawn(temperature: float) -> list[float]:
    """The formula's number of steps, of 10,000, for each of the nine tasks."""
    powers = [min(size, Stage.sampling_cap) ** (1 / temperature) for size in SIZES]
    return [10_000 * power / sum(powers) for power in powers]


@pytest.mark.parametrize("temperature", [1, 2, 5])
def test_tasks_of_the_published_sizes_are_drawn_by_the_formula(temperature: float) -> None:
    capped = [min(size, Stage.sampling_cap) for size in SIZES]
    empty = np.zeros(0, dtype=np.int32)
    streams = [
        Stream(
            TaskItems(
                name,
                "sequence",
                Features(tokens=empty, offsets=empty, items=np.arange(size + 1), example=empty),
                pad=1,
            ),
            16,
            seed=0,
        )
        for name, size in zip(NINE, capped, strict=True)
    ]
    # Nine times as many steps as in the table, to reduce the variance.
    order = draw_streams(streams, smoothed(capped, 1 / temperature), 90_000, seed=1)
    assert np.bincount(order) / 9 == pytest.approx(drawn(temperature), rel=0.06)


def test_the_table_in_the_documentation_agrees_with_the_formula() -> None:
    page = Path(__file__).parents[2] / "docs" / "mixtures.md"
    rows = [line.split("|")[1:-1] for line in page.read_text().splitlines() if line.startswith("| `")]
    documented = {row[0].strip(" `"): [int(cell.replace(",", "")) for cell in row[1:]] for row in rows if len(row) == 5}
    columns = [SIZES, *(map(round, drawn(temperature)) for temperature in (1, 2, 5))]
    assert documented == {name: list(row) for name, row in zip(NINE, zip(*columns, strict=True), strict=True)}


def test_exponent_one_keeps_the_proportions_and_exponent_zero_makes_them_equal() -> None:
    assert smoothed([30, 10], 1) == [0.75, 0.25]
    assert smoothed([30, 10], 0) == [0.5, 0.5]
    assert smoothed([10_000, 100], 0.3) == pytest.approx([0.799, 0.201], abs=0.001)


def padded() -> dict[str, torch.Tensor]:
    """100 rows of 100 tokens: <s>, 79 tokens, </s>, padding."""
    ids = torch.full((100, 100), 7)
    ids[:, 0], ids[:, 80], ids[:, 81:] = 0, 2, 1
    mask = torch.ones_like(ids)
    mask[:, 81:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def test_fifteen_percent_of_the_tokens_are_masked_but_no_special_token_and_no_padding() -> None:
    batch = padded()
    mask_tokens(batch, MASKING, seed=1)
    chosen = batch["masked"] != IGNORED
    assert int(chosen.sum()) == pytest.approx(0.15 * 100 * 79, rel=0.1)  # 79 tokens per row can be masked
    assert not chosen[:, 0].any()
    assert not chosen[:, 80:].any()
    assert (batch["masked"][chosen] == 7).all()
    assert torch.equal(batch["input_ids"][~chosen], padded()["input_ids"][~chosen])


def test_the_share_of_masked_tokens_can_be_set() -> None:
    batch = padded()
    mask_tokens(batch, replace(MASKING, share=0.4), seed=1)
    assert int((batch["masked"] != IGNORED).sum()) == pytest.approx(0.4 * 100 * 79, rel=0.1)


def test_eighty_percent_of_the_chosen_tokens_are_masked_and_ten_percent_unchanged() -> None:
    batch = padded()
    mask_tokens(batch, MASKING, seed=1)
    corrupted = batch["input_ids"][batch["masked"] != IGNORED]
    assert float((corrupted == 4).float().mean()) == pytest.approx(0.8, abs=0.04)
    assert float((corrupted == 7).float().mean()) == pytest.approx(0.1, abs=0.04)


def test_the_masks_depend_only_on_the_seed() -> None:
    first, same, other = padded(), padded(), padded()
    for batch, seed in ((first, 1), (same, 1), (other, 2)):
        mask_tokens(batch, MASKING, seed)
    assert torch.equal(first["input_ids"], same["input_ids"])
    assert torch.equal(first["masked"], same["masked"])
    assert not torch.equal(first["masked"], other["masked"])


def test_masked_features_have_the_original_tokens_as_labels() -> None:
    plain = items([50] * 40).features
    masked = mask_features(plain, MASKING, seed=0)
    chosen = masked.labels["masked"] != IGNORED
    assert 0.1 < chosen.mean() < 0.2
    assert masked.labels["masked"][chosen].tolist() == plain.tokens[chosen].tolist()
    assert masked.tokens[~chosen].tolist() == plain.tokens[~chosen].tolist()
