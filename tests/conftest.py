"""Fixtures that every room's tests share."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.worlds import Place


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data set repositories; skips where there is none."""
    place = os.environ.get("SWEEPER_MIRROR", "")
    if not place:
        pytest.skip("SWEEPER_MIRROR names no mirror of real data sets")
    return Path(place).resolve()


@pytest.fixture(scope="session")
def demo_world() -> Path:
    """The generated world: data sets and encoders."""
    from tests.runs import world

    return world()


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokenised data, made once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(demo_world: Path, tmp_path: Path, shared_cache: Path) -> "Place":
    """Folders for the trials of one test, in the world that all share."""
    from tests.worlds import Place

    return Place(demo_world, tmp_path, shared_cache)


@pytest.fixture
def own(demo_world: Path, tmp_path: Path) -> "Place":
    """The same in a world and a cache that the test may destroy."""
    from tests.worlds import Place

    shutil.copytree(demo_world, tmp_path / "world")
    return Place(tmp_path / "world", tmp_path, tmp_path / "cache")
