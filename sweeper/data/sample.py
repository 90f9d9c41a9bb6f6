"""Selects the examples of a split, applies caps, and merges the candidates of a pool.

Every choice depends on a hash of the example's id. It is the same for any order of the rows, and in all languages that
have the same ids.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappush, heappushpop
from typing import Generic, TypeVar

from sweeper.formats.interface import Example
from sweeper.records.spec import DataSpec

T = TypeVar("T")
DIGITS = 8
"""Hexadecimal digits of one number. A sha256 has 64 digits, enough for eight numbers."""


def hash_number(text: str, turn: int = 0) -> int:
    """A number from 0 to 16**DIGITS - 1 that depends only on the text and on `turn`, 0 to 7."""
    digits = hashlib.sha256(text.encode()).hexdigest()[turn * DIGITS : (turn + 1) * DIGITS]
    return int(digits, 16)


def is_in_share(text: str, share: float) -> bool:
    """Whether the hash of the text is within the share, 0 to 1. A larger share includes the texts of a smaller one."""
    return _fraction(text) < share


def _fraction(text: str) -> float:
    """The hash of a text as a number from 0 to 1, without 1."""
    fraction: float = hash_number(text) / 16**DIGITS
    return fraction


def carve(examples: Iterable[tuple[str, T]], data: DataSpec) -> Iterator[T]:
    """The examples of one data set (`Rows`) that are in the split of `data`.

    `examples` are pairs of the id within the data set and the example. `select` has the examples with the lowest
    hashes of these ids: at most `carve_cap`, and none outside `carve_share`. `train` has the others, without those
    within `carve_floor`, in an order that depends only on the rows. Other splits have all examples.
    """
    if data.part not in ("train", "select"):
        yield from (example for _, example in examples)
        return
    # The prefix makes this choice independent of other choices by the same id, such as that of translated examples.
    aside = _Lowest[T](limit=data.carve_cap, rank=lambda id_: hash_number(f"select:{id_}"))
    for id_, example in examples:
        fraction = _fraction(f"select:{id_}")
        kept = [] if data.part == "train" and fraction < data.carve_floor else [example]
        others = aside.add(id_, *kept) if fraction < data.carve_share else kept
        if data.part == "train":
            yield from others
    if data.part == "select":
        yield from aside.examples()


def merge_candidates(examples: Iterable[Example]) -> Iterator[Example]:
    """Yield the other examples, then each candidate of a pool once, with the keys of all its occurrences.

    A sentence of a paragraph occurs once for each question on the paragraph, each time with the key of one question.
    """
    # The keys of a candidate are complete only after the last example, so all candidates come at the end.
    candidates: dict[str, Example] = {}
    for example in examples:
        if not is_candidate(example):
            yield example
            continue
        old = candidates.get(example.id, example)
        keys = list(dict.fromkeys([*old.fields["keys"], *example.fields["keys"]]))
        candidates[example.id] = replace(old, fields={**old.fields, "keys": keys})
    yield from candidates.values()


def is_candidate(example: Example) -> bool:
    """Whether the example is a candidate of a pool. Candidates have the field `keys`."""
    return "keys" in example.fields


def apply_caps(examples: Iterable[Example], data: DataSpec) -> Iterable[Example]:
    """The examples within the caps, ordered by a hash of their ids; without a cap, all of them in the given order.

    For equal ids the choice is the same in every language. The two sides of a pair are one item and stay together.
    Fillers count towards `distractors`, separately for each side of a pool, and not towards the cap.
    """
    limit = limit_of(data)
    if limit is None and data.distractors is None:
        return examples
    rank = partial(_rank, data.sample_seed)
    real = _Lowest[Example](limit=limit, rank=rank)
    fillers: dict[str, _Lowest[Example]] = defaultdict(lambda: _Lowest(limit=data.distractors, rank=rank))
    for example in examples:
        chosen = fillers[str(example.fields.get("side", ""))] if example.filler else real
        chosen.add(_item_of(example), example)
    return [*real.examples(), *(example for _, side in sorted(fillers.items()) for example in side.examples())]


def capped(items: Iterable[tuple[str, T]], data: DataSpec) -> list[T]:
    """The items within the cap in the order of `apply_caps`, given pairs of an id and an item."""
    limit = limit_of(data)
    if limit is None:
        return [item for _, item in items]
    kept = _Lowest[T](limit=limit, rank=partial(_rank, data.sample_seed))
    for id_, item in items:
        kept.add(id_, item)
    return kept.examples()


def limit_of(data: DataSpec) -> int | None:
    """Maximum number of items. A token cap also limits it, because an item has at least one token."""
    caps = [cap for cap in (data.cap_examples, data.cap_tokens) if cap is not None]
    return min(caps, default=None)


def _item_of(example: Example) -> str:
    """Id of the item: the example, or the group of all sentences that gold pairs of a pool connect with it."""
    return example.group if "partners" in example.fields else example.id


def _rank(seed: int, item: str) -> int:
    return int(hashlib.sha256(f"{seed}:{item}".encode()).hexdigest(), 16)


@dataclass
class _Lowest(Generic[T]):
    """The items of lowest rank among those added so far. Only these are in memory, so the data set may be large."""

    limit: int | None
    rank: Callable[[str], int]
    items: dict[str, list[T]] = field(default_factory=dict)
    ranks: list[tuple[int, str]] = field(default_factory=list)
    """A heap of (-rank, item). Its top is the item of the highest rank, which is removed first."""

    def add(self, item: str, *examples: T) -> list[T]:
        """Add examples of an item. Returns the examples of the item that no longer belongs to the lowest."""
        if item in self.items:
            self.items[item] += examples
            return []
        entry = -self.rank(item), item
        if self.limit is None or len(self.ranks) < self.limit:
            heappush(self.ranks, entry)
            removed = None
        else:
            removed = heappushpop(self.ranks, entry)
        if removed == entry:
            return list(examples)
        self.items[item] = list(examples)
        return self.items.pop(removed[1]) if removed else []

    def examples(self) -> list[T]:
        ordered = sorted(self.ranks, reverse=True)  # ranks are negated, so this is ascending rank
        return [example for _, item in ordered for example in self.items[item]]
