"""Selects the examples of a split, applies caps, and merges the candidates of a pool.

Every choice depends on a hash of the example's id, so it is the same in all languages and for any order of the rows.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from sweeper.formats.interface import Example
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Split

DIGITS = 8
"""Hexadecimal digits of one number. A sha256 has 64 digits, enough for eight numbers."""


def hash_number(text: str, turn: int = 0) -> int:
    """A number from 0 to 16**DIGITS - 1 that depends only on the text and on `turn`, 0 to 7."""
    digits = hashlib.sha256(text.encode()).hexdigest()[turn * DIGITS : (turn + 1) * DIGITS]
    return int(digits, 16)


def is_in_share(text: str, share: float) -> bool:
    """Whether the hash of the text is within the share, 0 to 1. A larger share includes the texts of a smaller one."""
    fraction: float = hash_number(text) / 16**DIGITS
    return fraction < share


def is_in_split(id_: str, split: Split, share: float) -> bool:
    """Whether an example is in the split; `select` gets `share`, 0 to 1, of the training rows, and `train` the rest."""
    if split not in ("train", "select"):
        return True
    # The prefix makes this choice independent of other choices by the same id, such as that of translated examples.
    carved = is_in_share(f"select:{id_}", share)
    return carved if split == "select" else not carved


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
    limit = _limit(data)
    if limit is None and data.distractors is None:
        return examples
    real = _Lowest(limit=limit, seed=data.sample_seed)
    fillers: dict[str, _Lowest] = defaultdict(lambda: _Lowest(limit=data.distractors, seed=data.sample_seed))
    for example in examples:
        (fillers[str(example.fields.get("side", ""))] if example.filler else real).add(example)
    return [*real.examples(), *(example for _, side in sorted(fillers.items()) for example in side.examples())]


def _limit(data: DataSpec) -> int | None:
    """Maximum number of items. A token cap also limits it, because an item has at least one token."""
    caps = [cap for cap in (data.cap_examples, data.cap_tokens) if cap is not None]
    return min(caps, default=None)


def _item_of(example: Example) -> str:
    """Id of the item: the example, or the group of all sentences that gold pairs of a pool connect with it."""
    return example.group if "partners" in example.fields else example.id


@dataclass
class _Lowest:
    """The items of lowest rank among those added so far. Only these are in memory, so the data set may be large."""

    limit: int | None
    seed: int
    items: dict[str, list[Example]] = field(default_factory=dict)
    ranks: list[tuple[int, str]] = field(default_factory=list)
    """A heap of (-rank, item). Its top is the item of the highest rank, which is removed first."""

    def add(self, example: Example) -> None:
        item = _item_of(example)
        if item in self.items:
            self.items[item].append(example)
            return
        self.items[item] = [example]
        heappush(self.ranks, (-self._rank(item), item))
        if self.limit is not None and len(self.ranks) > self.limit:
            del self.items[heappop(self.ranks)[1]]

    def examples(self) -> list[Example]:
        ordered = sorted(self.ranks, reverse=True)  # ranks are negated, so this is ascending rank
        return [example for _, item in ordered for example in self.items[item]]

    def _rank(self, item: str) -> int:
        return int(hashlib.sha256(f"{self.seed}:{item}".encode()).hexdigest(), 16)
