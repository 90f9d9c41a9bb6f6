"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data set repositories; skips where there is none."""
    place = os.environ.get("SWEEPER_MIRROR", "")
    if not place:
        pytest.skip("SWEEPER_MIRROR names no mirror of real data sets")
    return Path(place).resolve()
