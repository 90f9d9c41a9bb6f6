"""Draws that are the same on every machine and Python version."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Draws:
    """A stream of random draws, decided by names alone.

    Built on `Random.random` only: the one method whose sequence Python promises never to change.
    """

    def __init__(self, *names: object) -> None:
        text = "/".join(str(name) for name in names)
        self._random = Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")).random

    def chance(self, share: float) -> bool:
        """True in that share of the draws."""
        return self._random() < share

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1."""
        return int(self._random() * limit)

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items in a random order."""
        ranks = [self._random() for _ in items]
        return [items[i] for i in sorted(range(len(items)), key=ranks.__getitem__)]

    def sample(self, items: Sequence[Item], num: int) -> list[Item]:
        """`num` different ones of the items."""
        return self.shuffled(items)[:num]
