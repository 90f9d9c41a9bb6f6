"""Reads the outcomes of scores; a score whose outcomes cannot be read is left out."""

import pandas as pd

from sweeper.errors import DamagedError, SweeperError
from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger

COLUMNS = ("language", "example", "group")
"""Columns of all outcomes. A file without them is damaged."""


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
