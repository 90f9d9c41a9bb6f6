"""Spans of answers: their position in a context, and the best pair of a start and an end in a window."""

from collections.abc import Sequence

import numpy as np

from sweeper.formats.interface import Array

NUM_BEST = 20
"""Number of the best starts and of the best ends that are combined in a window, as in the script of XTREME."""
LONGEST_ANSWER = 30
"""Maximum length of an answer in tokens, as in the script of XTREME."""
NOWHERE = -1
"""Character position of an answer that the context does not contain."""


def position_of(context: str, text: str, start: int) -> int:
    """Position of the answer: the declared one if the text occurs there, else the nearest occurrence, else NOWHERE."""
    if context.startswith(text, max(start, 0)):
        return max(start, 0)
    positions = [position for position in range(len(context)) if context.startswith(text, position)]
    return min(positions, key=lambda position: abs(position - start), default=NOWHERE)


def answer_problem(context: str, texts: Sequence[str], starts: Sequence[int]) -> str:
    """Why the answers of a row cannot be right; "" if they can. Only the first answer is used in training."""
    if not context.strip():
        return "its context is empty"
    if len(texts) != len(starts):
        return f"it has {len(texts)} answers and {len(starts)} values of answer_start"
    if not texts:
        return ""
    text, start = texts[0], starts[0]
    if not 0 <= start < len(context):
        return f"answer_start is {start}, and the context has {len(context)} characters"
    if not text.strip():
        return "its answer is empty"
    # Some data sets count a space before the answer, or leave it out of the text.
    is_there = context.startswith(text, start) or context[start:].lstrip().startswith(text.strip())
    return "" if is_there else f"the context does not have {text!r} at answer_start {start}"


def best_pair(start: Array, end: Array, inside: Array) -> tuple[float, int, int]:
    """Highest sum of start and end logit in a window, and both tokens; -inf if no pair has a valid length."""
    # A stable sort of the negated logits prefers the earlier token among equal logits.
    starts = inside[np.argsort(-start[inside], kind="stable")[:NUM_BEST]]
    ends = inside[np.argsort(-end[inside], kind="stable")[:NUM_BEST]]
    length = ends[None, :] - starts[:, None] + 1
    sums = np.where((length > 0) & (length <= LONGEST_ANSWER), start[starts][:, None] + end[ends][None, :], -np.inf)
    if not sums.size:
        return -np.inf, 0, 0
    row, column = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return float(sums[row, column]), int(starts[row]), int(ends[column])
