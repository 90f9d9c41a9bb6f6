"""Which examples a split takes: the carved share and what a cap keeps, by hashes of ids; what returns, once."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from sweeper.formats.interface import Example
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Split

DIGITS = 8
"""Hexadecimal digits of a hash that one draw takes."""


def hash_number(text: str, turn: int = 0) -> int:
    """A number of DIGITS hexadecimal digits that a hash of the text decides; another one each turn, 0 to 7."""
    digits = hashlib.sha256(text.encode()).hexdigest()[turn * DIGITS : (turn + 1) * DIGITS]
    return int(digits, 16)


def is_in_share(text: str, share: float) -> bool:
    """Whether a hash of the text falls into the share, 0 to 1: a larger share takes the same texts and more of them."""
    place: float = hash_number(text) / 16**DIGITS
    return place < share


def is_in_split(id_: str, split: Split, share: float) -> bool:
    """Whether an example is one of the split: `train` and `select` split the training rows at `share`, 0 to 1."""
    if split not in ("train", "select"):
        return True
    carved = is_in_share(f"select:{id_}", share)
    return carved if split == "select" else not carved


def merge_candidates(examples: Iterable[Example]) -> Iterator[Example]:
    """Candidates that return under one id as one, with all their keys, behind the other examples.

    A paragraph's sentences come once a question, each time with the key of that question alone.
    """
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
    """Whether it is a candidate alone, which a pool holds once."""
    return "keys" in example.fields


def apply_caps(examples: Iterable[Example], data: DataSpec) -> Iterable[Example]:
    """The examples that the caps keep, in the order of a hash of their ids; all, in their own order, without a cap.

    The same ids give the same choice in every language. Both sides of a pair count as one item and stay together;
    fillers count towards `distractors`, for each side of a pool, and not towards the cap.
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
    """Most items that could be kept: an item has a token at least, so a token cap bounds them too."""
    caps = [cap for cap in (data.cap_examples, data.cap_tokens) if cap is not None]
    return min(caps, default=None)


def _unit(example: Example) -> str:
    """What is kept or left as a whole: an example with its partner in the other half of a pool, or it alone."""
    partner = example.fields.get("partner")
    return min(example.id, str(partner)) if partner is not None else example.id


@dataclass
class _Lowest:
    """The units of lowest rank among those added so far: a huge data set passes through, only they stay in memory."""

    limit: int | None
    seed: int
    units: dict[str, list[Example]] = field(default_factory=dict)
    ranks: list[tuple[int, str]] = field(default_factory=list)
    """A heap with the highest rank, negated, on top."""

    def add(self, example: Example) -> None:
        unit = _unit(example)
        if unit in self.units:
            self.units[unit].append(example)
            return
        self.units[unit] = [example]
        heappush(self.ranks, (-self._rank(unit), unit))
        if self.limit is not None and len(self.ranks) > self.limit:
            del self.units[heappop(self.ranks)[1]]

    def examples(self) -> list[Example]:
        ordered = sorted(self.ranks, reverse=True)
        return [example for _, unit in ordered for example in self.units[unit]]

    def _rank(self, unit: str) -> int:
        return int(hashlib.sha256(f"{self.seed}:{unit}".encode()).hexdigest(), 16)
