"""Objects that one process keeps open between trials: data, tokenizers, ledger and encoder store."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweeper.data.source import Sources
from sweeper.records.spec import TrialSpec
from sweeper.run.encoders import EncoderStore
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.training.model import load_tokenizer
from sweeper.training.stage import DataReader
from sweeper.world.build import build


def discard(_: str) -> None:
    """Discard a message."""


@dataclass
class Workbench:
    """What one process keeps between trials: the opened data and tokenizer of a model, and where files lie."""

    site: Site
    notify: Callable[[str], None] = discard
    readers: dict[str, DataReader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.site.world and self.site.mirror:
            build(self.site.world, Path(self.site.mirror))

    @property
    def ledger(self) -> Ledger:
        """The ledger that results are written to."""
        return self.site.open_ledger()

    @property
    def sources(self) -> Sources:
        """The Hub or the mirror."""
        mirror = Path(self.site.mirror) if self.site.mirror else None
        return Sources(mirror=mirror, cache=Path(self.site.cache))

    @property
    def store(self) -> EncoderStore:
        """Encoders of this sweep, or of several that share a store."""
        return self.site.open_store()

    def reader(self, spec: TrialSpec) -> DataReader:
        """How the trial's data are read, with the tokenizer of its model."""
        model = spec.model
        if model.identity not in self.readers:
            tokenizer = load_tokenizer(self.sources.model_location(model.id), model.revision)
            self.readers[model.identity] = DataReader(
                tasks={}, sources=self.sources, tokenizer=tokenizer, notify=self.notify
            )
        return replace(self.readers[model.identity], tasks={task.name: task for task in spec.tasks})
