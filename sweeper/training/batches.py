"""Batches: items grouped by length, split into micro-batches, and padded into tensors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sweeper.formats.interface import IGNORED, Array, Features
from sweeper.scoring.sums import total
from sweeper.training.heads import HEADS, Head

POOL = 50
"""Number of batches whose items are sorted by length together. This reduces padding; the order remains random."""


@dataclass(frozen=True, kw_only=True)
class Masking:
    """Settings of masked language modelling: token ids of the tokenizer, and the share of tokens to predict."""

    special: frozenset[int]
    """Token ids that are never masked."""
    mask: int
    """Id of the mask token."""
    vocabulary: int
    """Size of the vocabulary; random tokens have ids below it."""
    share: float = 0.15
    """Share of the tokens that are predicted, 0 to 1."""


@dataclass(frozen=True)
class TaskItems:
    """The training items of one task and language in a stage. An item is the unit that a batch size counts."""

    task: str
    head: str
    """Name in the table of heads."""
    features: Features
    pad: int
    """Token id of padding."""

    @property
    def head_type(self) -> type[Head]:
        """The class of the head, whose properties decide the form of a batch."""
        return HEADS[self.head]

    @property
    def num_items(self) -> int:
        """Number of items, m."""
        return len(self.features.items) - 1

    @cached_property
    def lengths(self) -> Array:
        """(m,) number of tokens in the longest feature of each item."""
        return np.maximum.reduceat(np.diff(self.features.offsets), np.asarray(self.features.items[:-1]))


@dataclass
class Stream:
    """The batches of one task and language, in an order that depends on a seed.

    A batch is computed without the previous ones, so a resumed training can start at any batch.
    """

    items: TaskItems
    batch_size: int
    seed: int
    _epoch: int = field(default=-1, init=False)
    _batches: list[Array] = field(default_factory=list, init=False)

    @property
    def per_epoch(self) -> int:
        """Number of batches that contain every item once."""
        return -(-self.items.num_items // self.batch_size)

    def batch(self, number: int) -> Array:
        """Item numbers of batch `number`, counted over all epochs, sorted by length."""
        epoch, index = divmod(number, self.per_epoch)
        # Only one epoch is cached, because a training reads the batches in increasing order.
        if epoch != self._epoch:
            order = np.random.default_rng((self.seed, epoch))
            self._batches = bucketed(self.items.lengths, self.batch_size, order)
            self._epoch = epoch
        return self._batches[index]


def bucketed(lengths: Array, batch_size: int, order: np.random.Generator) -> list[Array]:
    """Random batches of items with similar lengths. Each item occurs once; the last batch of a pool may be smaller.

    `lengths` (m,) are numbers of tokens. The items are shuffled and divided into pools of POOL batches. Each pool is
    sorted by length and cut into batches, and the batches of all pools are shuffled.
    """
    shuffled = order.permutation(len(lengths))
    pool_size = POOL * batch_size
    batches = []
    for start in range(0, len(shuffled), pool_size):
        pool = shuffled[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in order.permutation(len(batches))]


def split_batch(items: TaskItems, batch: Array, micro_tokens: int) -> list[Array]:
    """Micro-batches (item numbers) of a batch, each at most `micro_tokens` tokens with padding, or a single item.

    A batch for a dual encoder is not split, because its loss compares each query with all candidates of the batch.
    """
    if items.head_type.is_contrastive:
        return [batch]
    starts = np.asarray(items.features.items)
    counts = starts[batch + 1] - starts[batch]  # features of each item
    micro_batches: list[list[int]] = [[]]
    width = num_features = 0  # of the last micro-batch, whose padded size is their product
    for item, count, length in zip(batch.tolist(), counts.tolist(), items.lengths[batch].tolist(), strict=True):
        width, num_features = max(width, length), num_features + count
        if micro_batches[-1] and width * num_features > micro_tokens:
            micro_batches.append([])
            width, num_features = length, count
        micro_batches[-1].append(item)
    return [np.array(micro_batch) for micro_batch in micro_batches]


def feature_numbers(features: Features, chosen: Array) -> Array:
    """Numbers of the features of the chosen items, in the order of the items."""
    starts = np.asarray(features.items)
    return np.concatenate([np.arange(starts[item], starts[item + 1]) for item in chosen])


def collate(items: TaskItems, chosen: Array, device: torch.device) -> dict[str, Tensor]:
    """Padded tensors of the chosen items: the inputs of `pad_features`, the labels by name, `Head.extra_arrays`."""
    features = items.features
    numbers = feature_numbers(features, chosen)
    batch = pad_features(features, numbers, items.pad)
    head = items.head_type
    for name, values in features.labels.items():
        if name in head.token_labels:
            batch[name] = pad_flat(np.asarray(values), features.offsets, numbers, IGNORED)
        else:
            rows = chosen if head.has_item_labels else numbers
            batch[name] = torch.from_numpy(np.asarray(values)[rows].astype(np.int64))
    for name, values in head.extra_arrays(features, chosen).items():
        batch[name] = torch.from_numpy(values)
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def pad_features(features: Features, numbers: Array, pad: int) -> dict[str, Tensor]:
    """Model inputs for the features with the given numbers: input_ids, attention_mask and, if the tokenizer makes
    them, token_type_ids, each (n, longest) int64.
    """
    tokens = pad_flat(features.tokens, features.offsets, numbers, pad)
    lengths = np.diff(features.offsets)[numbers]
    mask = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
    batch = {"input_ids": tokens, "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    if features.segments is not None:
        batch["token_type_ids"] = pad_flat(features.segments, features.offsets, numbers, 0)
    return batch


def pad_flat(flat: Array, offsets: Array, numbers: Array, fill: int) -> Tensor:
    """The rows `flat[offsets[i]:offsets[i + 1]]` for each i in `numbers`, padded with `fill`: (n, longest) int64."""
    starts, ends = np.asarray(offsets)[numbers], np.asarray(offsets)[numbers + 1]
    table = np.full((len(numbers), int((ends - starts).max())), fill, dtype=np.int64)
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        table[row, : end - start] = flat[start:end]
    return torch.from_numpy(table)


def by_length(features: Features, micro_tokens: int) -> Iterator[Array]:
    """Batches of feature numbers, longest first, each at most `micro_tokens` tokens with padding, or one feature."""
    lengths = np.diff(features.offsets)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        # The first feature of a batch is its longest one, so it gives the padded length.
        size = max(1, int(micro_tokens // max(1, lengths[order[start]])))
        yield order[start : start + size]
        start += size


def smoothed(sizes: Sequence[int], exponent: float) -> list[float]:
    """Shares in proportion to size ** exponent, with sum 1. Exponent 1 keeps the proportions, 0 makes all equal."""
    powers = [size**exponent for size in sizes]
    all_powers = total(powers)
    return [power / all_powers for power in powers]


def draw_streams(streams: Sequence[Stream], weights: Sequence[float], num_steps: int, seed: int) -> Array:
    """Index of the stream that each step reads, (num_steps,): independent draws in proportion to the weights."""
    if len(streams) == 1:
        return np.zeros(num_steps, dtype=np.int64)
    shares = np.asarray(weights, dtype=np.float64)
    return np.random.default_rng((seed, num_steps)).choice(len(streams), size=num_steps, p=shares / shares.sum())


def mask_tokens(batch: dict[str, Tensor], masking: Masking, seed: int) -> None:
    """Mask a padded batch in place: corrupt `input_ids`, and add the labels `masked` (original ids, else IGNORED)."""
    present = batch["attention_mask"].numpy() == 1
    ids, masked = _corrupt(batch["input_ids"].numpy(), present, masking, seed)
    batch["input_ids"], batch["masked"] = torch.from_numpy(ids), torch.from_numpy(masked)


def mask_features(features: Features, masking: Masking, seed: int) -> Features:
    """Features with corrupted tokens and the labels `masked` (t,). The result does not depend on the batches."""
    tokens = np.asarray(features.tokens)
    ids, masked = _corrupt(tokens, np.ones(tokens.shape, dtype=bool), masking, seed)
    return replace(features, tokens=ids, labels={"masked": masked})


def _corrupt(ids: Array, present: Array, masking: Masking, seed: int) -> tuple[Array, Array]:
    """Corrupt tokens for masked language modelling (Devlin et al. 2019): 80 % masked, 10 % random, 10 % unchanged.

    Returns the corrupted ids and the labels, both in the shape of `ids`. A label is the original id of a token that
    was chosen for prediction, else IGNORED. `present` is False for padding, which is never chosen.
    """
    draw = np.random.default_rng(seed)
    chosen = (draw.random(ids.shape) < masking.share) & present & ~np.isin(ids, list(masking.special))
    # All random numbers are drawn for all tokens, so that the draws do not depend on the choices.
    action = draw.random(ids.shape)
    random_ids = draw.integers(0, masking.vocabulary, ids.shape)
    noise = np.where(action < 0.8, masking.mask, np.where(action < 0.9, random_ids, ids))
    return np.where(chosen, noise, ids), np.where(chosen, ids, IGNORED)
