"""Reads the outcomes of scores; a score whose outcomes cannot be read is left out."""

import pandas as pd

from sweeper.errors import DamagedError, SweeperError
from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger

COLUMNS = ("language", "example", "group")
"""Columns of all outcomes. A file without them is damaged."""


def credit_of(outcomes: pd.DataFrame) -> "pd.Series[float] | None":
    """The credit of each example, 0 to 1 (completely correct); None for outcomes of retrieval and of losses.

    The share of the tags of a sentence, and the mean of EM and F1 of an answer.
    """
    if "em" in outcomes:
        return (outcomes["em"] + outcomes["f1"]) / 2
    if "tokens_correct" in outcomes:
        return outcomes["tokens_correct"] / outcomes["tokens"].clip(lower=1)
    return outcomes["correct"].astype(float) if "correct" in outcomes else None


def read_outcomes(record: ScoreRecord, ledger: Ledger, unread: set[str]) -> pd.DataFrame | None:
    """The outcomes of a score; None if they cannot be read.

    The name of a file that the file system did not return is added to `unread`, because it may be readable later. A
    damaged file is not: its content stays the same until it is written again.
    """
    try:
        outcomes = ledger.outcomes(record)
    except (DamagedError, ValueError):
        return None
    except (OSError, SweeperError):
        unread.add(record.outcomes)
        return None
    return outcomes if set(COLUMNS) <= set(outcomes) else None
