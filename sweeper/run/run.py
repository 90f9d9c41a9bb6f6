"""A run folder: the space it was made from, and where its files are (Site)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.errors import DamagedError, UserError
from sweeper.files.folder import Folder
from sweeper.files.plain import plain, read_json, write_json
from sweeper.run.growth import _only_grew, _short, differences
from sweeper.space import Space

SPACE_FILE = "space.json"


def keep_space(space: Space, run: Folder) -> None:
    """Write the resolved space into a run folder; a space that only grew replaces the one that is there.

    Raises UserError with the difference on any other change, unless nothing was trained yet.
    """
    if run.exists(SPACE_FILE) and run.child("ledger/trainings").names():
        old = read_space(run)
        changes = differences(plain(old), plain(space))
        refused = [change for change in changes if not _only_grew(change)]
        if refused:
            told = "\n".join(
                f"  {'.'.join(change[0])}: {_short(change[1])} -> {_short(change[2])}" for change in refused
            )
            raise UserError(
                f"{run.url} was made by another space; only more seeds, recipes, targets, models, tasks, languages, "
                f"layers and trials go on in its folder. Changed:\n{told}\nUse another --out, or the space as it was."
            )
    run.write(SPACE_FILE, write_json(space))


def read_space(run: Folder) -> Space:
    """The space that a run folder was made by. Raises UserError if the folder is none."""
    try:
        text = run.read(SPACE_FILE)
    except FileNotFoundError as error:
        raise UserError(f"{run.url} is no run folder: it has no {SPACE_FILE}. `sweeper run` makes one.") from error
    try:
        return read_json(Space, text, run.path(SPACE_FILE))
    except DamagedError as error:
        raise UserError(f"{error} Run the same `sweeper run` with another --out, or restore the file.") from error


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a trial's files lie."""

    ledger: str
    store: str
    checkpoints: str
    cache: str
    mirror: str | None = None
    world: str = ""
    """Name of the generated data set that the mirror is, if it is one: made where it is missing."""
    checkpoint_every: float = 60.0
    """Seconds between two checkpoints of a training."""


SITE_FILE = "site.json"
"""Where a run folder keeps its Site."""


def read_site(run: str, mirror: str | None = None) -> Site:
    """Where the files of a run lie, also after it was moved; a mirror given now counts before the one it was run with.

    Raises UserError if the folder is no run's.
    """
    folder = Folder(run)
    if not folder.exists(SITE_FILE):
        raise UserError(f"{run} is no run folder: it has no {SITE_FILE}. `sweeper run` makes one.")
    facts = json.loads(folder.read(SITE_FILE))
    old, new = facts["ledger"].removesuffix("/ledger"), str(folder.local.resolve()) if folder.local else run
    moved: dict[str, Any] = {
        name: new + value[len(old) :] if isinstance(value, str) and (value + "/").startswith(f"{old}/") else value
        for name, value in facts.items()
    }
    return Site(**(moved | ({"mirror": str(Path(mirror).resolve()), "world": ""} if mirror else {})))
