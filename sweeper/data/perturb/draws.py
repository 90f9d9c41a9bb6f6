"""Choices that depend only on a hash: the same in every run, and nested for growing budgets."""

import hashlib
from dataclasses import dataclass

DIGITS = 8


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Numbers of one example: they depend on its id, on the perturbation and on its seed, and not on other examples."""

    name: str

    def share(self, purpose: str) -> float:
        """A number from 0 to 1 (exclusive)."""
        fraction: float = self._number(purpose) / 16**DIGITS
        return fraction

    def index(self, purpose: str, size: int) -> int:
        """A number from 0 to size - 1."""
        return self._number(purpose) % size

    def _number(self, purpose: str) -> int:
        return int(hashlib.sha256(f"{self.name}:{purpose}".encode()).hexdigest()[:DIGITS], 16)
