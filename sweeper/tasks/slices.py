"""Slices of splits in the notation of `datasets`: `train[:50%]`, `train[100:200]`, `train+validation`."""

import math
import re

_SLICE = re.compile(r"(?P<name>[^\[]+)\[(?P<start>\d*)%?:(?P<end>\d*)%?\]")


def split_names(split: str) -> tuple[str, ...]:
    """The names of the splits in a slice or a sum of slices.

    >>> split_names("train[:50%]+validation")
    ('train', 'validation')
    """
    return tuple(piece.strip().partition("[")[0] for piece in split.split("+"))


def is_sliced(split: str) -> bool:
    """Whether the text is a slice or a sum, and not the name of one whole split."""
    return "[" in split or "+" in split


def can_share_rows(first: str, second: str) -> bool:
    """Whether two slices of one data set can have a row in common.

    The answer is no only for certain: for splits of different names, and for ranges in the same unit that do not meet.

    >>> can_share_rows("train[:90%]", "train[90%:]"), can_share_rows("train[:90%]", "train[:100]")
    (False, True)
    """
    return any(_can_meet(left.strip(), other.strip()) for left in first.split("+") for other in second.split("+"))


def _can_meet(first: str, second: str) -> bool:
    if split_names(first) != split_names(second):
        return False
    ranges = [_SLICE.fullmatch(piece) for piece in (first, second)]
    # The length of the split is unknown, so numbers cannot be compared with percentages, nor with negative ones.
    if ranges[0] is None or ranges[1] is None or ("%" in first) != ("%" in second):
        return True
    starts = [int(bounds["start"] or 0) for bounds in ranges if bounds]
    ends = [int(bounds["end"] or 0) or math.inf for bounds in ranges if bounds]
    return max(starts) < min(ends)
