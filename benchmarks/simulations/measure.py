"""A line of the table of `benchmarks/statistics.py`: a measure, its value and its target."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measured property of the statistics of a report."""

    name: str
    setting: str = ""
    """For example the number of seeds."""
    value: float
    """With the statistics of a report."""
    old: float = math.nan
    """With plain statistics; nan if there is nothing to compare."""
    low: float = -math.inf
    """Lowest value that meets the target."""
    high: float = math.inf
    """Highest value that meets the target."""

    @property
    def is_met(self) -> bool:
        """Whether the value meets the target. True without one; False for a value of nan, which was not measured."""
        return not math.isnan(self.value) and self.low <= self.value <= self.high

    @property
    def target(self) -> str:
        """The target in words; "" without one."""
        if math.isinf(self.low) and math.isinf(self.high):
            return ""
        if math.isinf(self.low):
            return f"<= {self.high:.3f}"
        return f">= {self.low:.3f}" if math.isinf(self.high) else f"{self.low:.3f} to {self.high:.3f}"

    def __str__(self) -> str:
        return _line(self.name, self.setting, _number(self.old), _number(self.value), self.target) + (
            "" if self.is_met else "  <-"
        )


def header() -> str:
    """The first line of the table."""
    return _line("measure", "setting", "plain", "report", "target")


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _line(*texts: str) -> str:
    widths = (66, 18, 9, 9, 15)
    first = [f"{text:<{width}}" for text, width in zip(texts[:2], widths, strict=False)]
    return " ".join([*first, *(f"{text:>{width}}" for text, width in zip(texts[2:], widths[2:], strict=True))])
