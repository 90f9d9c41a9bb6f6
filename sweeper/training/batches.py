"""From ragged features to padded tensors: which items make a batch (by length), and how a batch is cut into passes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sweeper.formats.interface import IGNORED, Array, Features, HeadKind

POOL = 50
"""Batches that are sorted by length together: padding shrinks, order stays random."""
TOKEN_ALIGNED = ("tags", "masked")
BY_ITEM: tuple[HeadKind, ...] = ("choice", "dual")
"""Heads whose items have several features and one label."""


@dataclass(frozen=True, kw_only=True)
class Masking:
    """How masked language modelling hides tokens: what it must know of a tokenizer, and how many it hides."""

    special: frozenset[int]
    """Token ids that are never masked."""
    mask: int
    vocabulary: int
    """Random tokens are drawn from the ids below it."""
    share: float = 0.15
    """Share of the tokens that are predicted."""


@dataclass(frozen=True)
class TaskItems:
    """The training items of one task of a stage."""

    task: str
    head: HeadKind
    features: Features
    pad: int
    """Token id of padding."""

    @property
    def num_items(self) -> int:
        """Items, what a batch size counts."""
        return len(self.features.items) - 1

    @cached_property
    def lengths(self) -> Array:
        """(m,) tokens of each item's longest feature."""
        return np.maximum.reduceat(np.diff(self.features.offsets), np.asarray(self.features.items[:-1]))


@dataclass
class Stream:
    """The batches of one task, in an order that a seed decides; the k-th batch is found without the ones before it."""

    items: TaskItems
    batch_size: int
    seed: int
    _epoch: int = field(default=-1, init=False)
    _batches: list[Array] = field(default_factory=list, init=False)

    @property
    def per_epoch(self) -> int:
        """Batches that pass over every item once."""
        return -(-self.items.num_items // self.batch_size)

    def batch(self, number: int) -> Array:
        """Item numbers of a batch, sorted by length."""
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            order = np.random.default_rng((self.seed, epoch))
            self._batches = bucketed(self.items.lengths, self.batch_size, order)
            self._epoch = epoch
        return self._batches[place]


def bucketed(lengths: Array, batch_size: int, order: np.random.Generator) -> list[Array]:
    """Every item once, in random batches of items of like length (the last of a pool may be smaller).

    `lengths` (m,) are tokens. Items are shuffled, sorted inside pools of POOL batches, cut, and the batches shuffled.
    """
    shuffled = order.permutation(len(lengths))
    pool = POOL * batch_size
    batches = []
    for start in range(0, len(shuffled), pool):
        part = shuffled[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [batches[i] for i in order.permutation(len(batches))]


def passes(items: TaskItems, batch: Array, micro_tokens: int) -> list[Array]:
    """Cut a batch into runs of items whose padded features stay within `micro_tokens`; one item always fits.

    A batch of pairs stays whole: every query is held against all its candidates.
    """
    if items.head == "dual":
        return [batch]
    starts = np.asarray(items.features.items)
    counts = starts[batch + 1] - starts[batch]
    runs: list[list[int]] = [[]]
    widest = rows = 0
    for item, count, length in zip(batch.tolist(), counts.tolist(), items.lengths[batch].tolist(), strict=True):
        widest, rows = max(widest, length), rows + count
        if runs[-1] and widest * rows > micro_tokens:
            runs.append([])
            widest, rows = length, count
        runs[-1].append(item)
    return [np.array(run) for run in runs]


def feature_numbers(features: Features, chosen: Array) -> Array:
    """Features of the chosen items, one after the other."""
    starts = np.asarray(features.items)
    return np.concatenate([np.arange(starts[item], starts[item + 1]) for item in chosen])


def collate(items: TaskItems, chosen: Array, device: torch.device) -> dict[str, Tensor]:
    """Padded tensors of the chosen items: input_ids, attention_mask, token_type_ids, labels; `slot` for choices."""
    features = items.features
    numbers = feature_numbers(features, chosen)
    batch = pad_features(features, numbers, items.pad)
    for name, values in features.labels.items():
        if name in TOKEN_ALIGNED:
            batch[name] = pad_flat(np.asarray(values), features.offsets, numbers, IGNORED)
        else:
            batch[name] = torch.from_numpy(
                np.asarray(values)[chosen if items.head in BY_ITEM else numbers].astype(np.int64)
            )
    if items.head == "choice":
        batch["slot"] = torch.from_numpy(_slots(features, chosen))
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def pad_features(features: Features, numbers: Array, pad: int) -> dict[str, Tensor]:
    """The inputs of a body for the features of those numbers, (n, longest)."""
    tokens = pad_flat(features.tokens, features.offsets, numbers, pad)
    lengths = np.diff(features.offsets)[numbers]
    mask = np.arange(tokens.shape[1])[None, :] < lengths[:, None]
    batch = {"input_ids": tokens, "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    if features.segments is not None:
        batch["token_type_ids"] = pad_flat(features.segments, features.offsets, numbers, 0)
    return batch


def pad_flat(flat: Array, offsets: Array, numbers: Array, fill: int) -> Tensor:
    """Rows `flat[offsets[i]:offsets[i + 1]]` for each i in numbers, padded with `fill`: (n, longest) int64."""
    starts, ends = np.asarray(offsets)[numbers], np.asarray(offsets)[numbers + 1]
    table = np.full((len(numbers), int((ends - starts).max())), fill, dtype=np.int64)
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        table[row, : end - start] = flat[start:end]
    return torch.from_numpy(table)


def by_length(features: Features, micro_tokens: int) -> Iterator[Array]:
    """All feature numbers, longest first, in runs whose padded size stays within `micro_tokens`."""
    lengths = np.diff(features.offsets)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, int(micro_tokens // max(1, lengths[order[start]])))
        yield order[start : start + size]
        start += size


def smoothed(sizes: Sequence[int], exponent: float) -> list[float]:
    """Shares in proportion to size ** exponent, 1 in sum: at 1 as the sizes are, at 0 all alike."""
    powers = [size**exponent for size in sizes]
    return [power / sum(powers) for power in powers]


def draw_streams(streams: Sequence[Stream], weights: Sequence[float], num_steps: int, seed: int) -> Array:
    """Which stream each step draws from, (num_steps,): independent draws in proportion to the weights."""
    if len(streams) == 1:
        return np.zeros(num_steps, dtype=np.int64)
    shares = np.asarray(weights, dtype=np.float64)
    return np.random.default_rng((seed, num_steps)).choice(len(streams), size=num_steps, p=shares / shares.sum())


def mask_tokens(batch: dict[str, Tensor], masking: Masking, seed: int) -> None:
    """Write `masked` (the right ids, IGNORED elsewhere) and the corrupted `input_ids` into a padded batch."""
    present = batch["attention_mask"].numpy() == 1
    ids, masked = _corrupt(batch["input_ids"].numpy(), present, masking, seed)
    batch["input_ids"], batch["masked"] = torch.from_numpy(ids), torch.from_numpy(masked)


def mask_features(features: Features, masking: Masking, seed: int) -> Features:
    """Features with corrupted tokens and the labels `masked` (t,): the same whatever batches they are read in."""
    tokens = np.asarray(features.tokens)
    ids, masked = _corrupt(tokens, np.ones(tokens.shape, dtype=bool), masking, seed)
    return replace(features, tokens=ids, labels={"masked": masked})


def _corrupt(ids: Array, present: Array, masking: Masking, seed: int) -> tuple[Array, Array]:
    """Masked language modelling (Devlin et al. 2019): of the chosen tokens 80 % are masked, 10 % random, 10 % kept.

    The corrupted ids, and the right ones where a token was chosen, IGNORED elsewhere; both of the shape of `ids`.
    """
    draw = np.random.default_rng(seed)
    chosen = (draw.random(ids.shape) < masking.share) & present & ~np.isin(ids, list(masking.special))
    kind = draw.random(ids.shape)
    random_ids = draw.integers(0, masking.vocabulary, ids.shape)
    noise = np.where(kind < 0.8, masking.mask, np.where(kind < 0.9, random_ids, ids))
    return np.where(chosen, noise, ids), np.where(chosen, ids, IGNORED)


def _slots(features: Features, chosen: Array) -> Array:
    starts = np.asarray(features.items)
    counts = (starts[chosen + 1] - starts[chosen]).tolist()
    return np.array([(row, place) for row, count in enumerate(counts) for place in range(count)], dtype=np.int64)
