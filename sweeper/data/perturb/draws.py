"""Choices that depend only on a hash: equal in every run, and a larger budget includes a smaller one."""

from dataclasses import dataclass

from sweeper.data.sample import DIGITS, hash_number


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Numbers of one example: they depend on its id, on the perturbation and on its seed, and not on other examples."""

    name: str

    def share(self, purpose: str) -> float:
        """A number from 0 to 1 (exclusive)."""
        fraction: float = hash_number(f"{self.name}:{purpose}") / 16**DIGITS
        return fraction

    def index(self, purpose: str, size: int) -> int:
        """A number from 0 to size - 1."""
        return hash_number(f"{self.name}:{purpose}") % size
