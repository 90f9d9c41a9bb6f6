"""Random draws that are the same on every machine and Python version."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Draws:
    """A stream of random draws that depends only on the names it is created with.

    It uses `Random.random` only, because this is the one method whose sequence Python promises to keep.
    """

    def __init__(self, *names: object) -> None:
        text = "/".join(str(name) for name in names)
        # SHA-256 and not `hash`: `hash` of a string differs between processes.
        self._random = Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")).random

    def chance(self, share: float) -> bool:
        """Return True with probability `share`."""
        return self._random() < share

    def below(self, limit: int) -> int:
        """Return an integer from 0 to limit - 1."""
        return int(self._random() * limit)

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in a random order."""
        ranks = [self._random() for _ in items]
        return [items[i] for i in sorted(range(len(items)), key=ranks.__getitem__)]

    def sample(self, items: Sequence[Item], num: int) -> list[Item]:
        """Return `num` different items."""
        return self.shuffled(items)[:num]
