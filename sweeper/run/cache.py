"""The cache of a machine. The default one of a run folder in a remote store is a private temporary folder."""

import os
import stat
import tempfile
from pathlib import Path

from sweeper.errors import MachineError

NODE_CACHE = "SWEEPER_NODE_CACHE"
"""Environment variable of the Ray of a node whose cache is at another path than those of the other nodes."""


def cache_here(cache: str) -> str:
    """The path of a cache on this node of a cluster."""
    return os.environ.get(NODE_CACHE) or cache


def temporary_cache() -> str:
    """The path of the folder. Every user has a folder of its own, because results depend on its content."""
    return f"{tempfile.gettempdir()}/sweeper-cache-{os.getuid()}"


def open_cache(cache: str) -> Path:
    """The path of a cache. A temporary one is created and made private; all others are left as they are.

    Raises MachineError if others could have written to a temporary one.
    """
    path = Path(cache)
    # Only the name: the temporary folder of a worker can differ from that of the driver, which chose the path.
    if path.name == Path(temporary_cache()).name:
        _make_private(path)
    return path


def _make_private(path: Path) -> None:
    """Every user of the machine could have created the folder first, or a link in its place."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        is_trusted = False  # a file, or a link to nothing
    else:
        status = path.lstat()
        is_writable = bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        is_trusted = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not is_writable
    if not is_trusted:
        raise MachineError(
            f"The cache {path} is not a folder of this user alone, so that others could change results through it. "
            "Remove it, name another one with --cache, or set TMPDIR."
        )
    path.chmod(0o700)
