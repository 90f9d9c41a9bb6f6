"""Resources that one process shares between trials: opened data, tokenizers, ledger and encoder store."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from sweeper.data.mirror import model_digest
from sweeper.data.source import Sources
from sweeper.data.tokenizer import load_tokenizer
from sweeper.errors import DataError
from sweeper.files.patience import use_patience
from sweeper.records.spec import ModelSpec, TrialSpec
from sweeper.run.cache import open_cache
from sweeper.run.encoders import EncoderStore
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.training.model import load_body
from sweeper.training.stage import DataReader
from sweeper.world.build import build

DIGEST_LENGTH = 64
"""Characters of the identity of a model in a folder: a sha256."""
logger = logging.getLogger(__name__)


def never() -> bool:
    """False: the end of this machine has not been announced."""
    return False


def discard(_: str) -> None:
    """Discard a message."""


@dataclass
class Workbench:
    """Resources that one process shares between trials. They depend on the paths of a `Site`."""

    site: Site
    notify: Callable[[str], None] = discard
    """Called with each message for the user."""
    is_ending: Callable[[], bool] = never
    """Returns whether the end of this machine has been announced."""
    readers: dict[str, DataReader] = field(default_factory=dict)
    """Identity of a model -> reader with its tokenizer."""

    notified: set[str] = field(default_factory=set)
    """Messages that were given to `notify_once`."""

    def __post_init__(self) -> None:
        use_patience(self.site.store_patience)
        open_cache(self.site.cache)
        # The cache of a worker node may not contain the synthetic world yet.
        if self.site.world and self.site.mirror:
            build(self.site.world, Path(self.site.mirror))

    def tell(self, message: str) -> None:
        """Log a message, and notify the user of it."""
        logger.warning("%s", message)
        self.notify(message)

    def notify_once(self, message: str) -> None:
        """Notify the user of a message, unless it is empty or another trial of this process had the same one."""
        if message and message not in self.notified:
            self.notified.add(message)
            self.tell(message)

    @property
    def ledger(self) -> Ledger:
        """The ledger of the results."""
        return self.site.open_ledger()

    @property
    def sources(self) -> Sources:
        """The Hub or the mirror, with the cache of this machine and what it shares with others."""
        mirror = Path(self.site.mirror) if self.site.mirror else None
        shared = self.site.open_shared()
        return Sources(mirror=mirror, cache=Path(self.site.cache), are_pinned=True, shared=shared)

    @property
    def store(self) -> EncoderStore:
        """The encoder store, which several sweeps may share."""
        return self.site.open_store()

    def pretrained(self, model: ModelSpec) -> nn.Module:
        """The body of the pretrained encoder."""
        return load_body(self._location(model), model.revision, model.layers)

    def _location(self, model: ModelSpec) -> str:
        """The location of a pretrained encoder. Raises DataError if its files differ from those of its identity.

        A process reads each file once, unless it changes.
        """
        location = self.sources.model_location(model.id)
        # The identity of a model of the Hub is a commit. A generated world is verified by its own manifest.
        is_digest = len(identity := model.identity.partition(",")[0]) == DIGEST_LENGTH
        if is_digest and not self.site.world and model_digest(Path(location)) != identity:
            raise DataError(
                f"The files of model {model.name!r} in {location} are missing or damaged, or differ from those "
                "with which the sweep started. Restore them, or start the sweep again: changed files give new keys."
            )
        return location

    def reader(self, spec: TrialSpec) -> DataReader:
        """A reader for the data of a trial, with the tokenizer of its model and the tasks of its spec."""
        model = spec.model
        if model.identity not in self.readers:
            tokenizer = load_tokenizer(self._location(model), model.revision)
            self.readers[model.identity] = DataReader(
                tasks={}, sources=self.sources, tokenizer=tokenizer, notify=self.tell
            )
        # The copy shares the opened data. Their keys include the task, because tasks with the same name may differ.
        return replace(self.readers[model.identity], tasks={task.name: task for task in spec.tasks})
