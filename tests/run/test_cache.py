"""The cache of a run in a remote store is a folder that only its user can read and write."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from sweeper.errors import MachineError
from sweeper.run.cache import open_cache
from sweeper.run.run import Run


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the default cache of a remote run, in a temporary folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Path(Run.at("memory://bucket/run").default_cache())


def test_the_cache_of_a_remote_run_is_private(cache: Path) -> None:
    assert open_cache(str(cache)) == cache
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    cache.chmod(0o755)
    open_cache(str(cache))
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert str(os.getuid()) in cache.name


def test_a_cache_to_which_others_could_have_written_is_refused(cache: Path, tmp_path: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(MachineError, match="not a folder of this user alone"):
        open_cache(str(cache))
    cache.rmdir()
    (tmp_path / "elsewhere").mkdir()
    cache.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match="not a folder of this user alone"):
        open_cache(str(cache))
    cache.unlink()
    cache.symlink_to(tmp_path / "nothing")
    with pytest.raises(MachineError, match="not a folder of this user alone"):
        open_cache(str(cache))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_cache_of_another_user_is_refused(cache: Path) -> None:
    cache.mkdir(mode=0o700)
    os.chown(cache, 12345, -1)
    with pytest.raises(MachineError, match="not a folder of this user alone"):
        open_cache(str(cache))


@pytest.mark.parametrize("name", ["shared", "sweeper-cache", "sweeper-cache-team"])
def test_other_caches_keep_their_permissions(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / name).chmod(0o775)
    open_cache(str(tmp_path / name))
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o775


def test_the_temporary_cache_is_private_on_a_node_with_another_temporary_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "other"))
    open_cache(str(cache))
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
