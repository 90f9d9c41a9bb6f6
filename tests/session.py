"""A folder that all processes of a test session share."""

import os
from pathlib import Path

VARIABLE = "SWEEPER_TESTS"
"""Environment variable with the path of the folder; tests/conftest.py makes and removes it."""


def session_folder() -> Path:
    """A folder for the runs of this test session. It is removed at its end."""
    return Path(os.environ[VARIABLE])
