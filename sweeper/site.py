"""Where a trial's files lie (Site), and what one process keeps open between trials (Workbench)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sweeper.data.source import Sources
from sweeper.data.synthetic import build
from sweeper.errors import UserError
from sweeper.folder import Folder
from sweeper.ledger import Ledger
from sweeper.records import TrialSpec
from sweeper.training.encoders import EncoderStore
from sweeper.training.model import load_tokenizer
from sweeper.training.stage import Reading


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


def nobody(_: str) -> None:
    """Tells nobody."""


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


@dataclass
class Workbench:
    """What one process keeps between trials: the opened data and tokenizer of a model, and where files lie."""

    site: Site
    tell: Callable[[str], None] = nobody
    readings: dict[str, Reading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.site.world and self.site.mirror:
            build(self.site.world, Path(self.site.mirror))

    @property
    def ledger(self) -> Ledger:
        """The ledger that results are written to."""
        return Ledger.at(self.site.ledger)

    @property
    def sources(self) -> Sources:
        """The Hub or the mirror."""
        mirror = Path(self.site.mirror) if self.site.mirror else None
        return Sources(mirror=mirror, cache=Path(self.site.cache))

    @property
    def store(self) -> EncoderStore:
        """Encoders of this sweep, or of several that share a store."""
        return EncoderStore(Folder(f"{self.site.store}/encoders"), Path(self.site.cache) / "encoders")

    def reading(self, spec: TrialSpec) -> Reading:
        """How the trial's data are read, with the tokenizer of its model."""
        model = spec.model
        if model.identity not in self.readings:
            tokenizer = load_tokenizer(self.sources.model_place(model.id), model.revision)
            self.readings[model.identity] = Reading(tasks={}, sources=self.sources, tokenizer=tokenizer, tell=self.tell)
        return replace(self.readings[model.identity], tasks={task.name: task for task in spec.tasks})
