"""The site of a run: the paths and URLs at which its workers read and write files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeper.files.folder import Folder
from sweeper.files.patience import PATIENCE
from sweeper.run.encoders import EncoderStore
from sweeper.run.ledger import Ledger
from sweeper.run.logs import LogFolder
from sweeper.run.progress import ProgressFolder
from sweeper.run.shared import Shared
from sweeper.typed import check_fields


@dataclass(frozen=True, kw_only=True)
class Site:
    """Paths and URLs of the files of a run, which are sent to every worker. No result depends on them."""

    ledger: str
    store: str
    """The folder that contains the encoder store: the run folder, or one that several sweeps share."""
    checkpoints: str
    cache: str
    """Local folder of each node for tokenised data and for copies of encoders."""
    mirror: str | None = None
    world: str = ""
    """Name of the synthetic world in `mirror`, which is generated if it is missing; "" for a mirror of real data."""
    checkpoint_every: float = 60.0
    """Seconds between two checkpoints of a training."""
    store_patience: float = PATIENCE
    """Seconds in which calls to a remote store are repeated while its server cannot be reached."""
    verbose: bool = False
    """Whether the logs of trials contain debug messages."""

    def __post_init__(self) -> None:
        # JSON has no infinity, so that a site with one could be written, but not read back.
        check_fields(self)

    def open_ledger(self) -> Ledger:
        """The ledger that trials write to."""
        return Ledger.at(self.ledger)

    def open_store(self) -> EncoderStore:
        """The encoder store, with this node's copies of it in the cache."""
        return EncoderStore(Folder(self.store).child("encoders"), Path(self.cache) / "encoders")

    def open_shared(self) -> Shared | None:
        """What the nodes share through the store; None if the store is a folder that all of them can read."""
        # Without patience: a node that cannot download something makes it.
        folder = Folder(f"{self.store}/cache", patience=0.0)
        return None if folder.local else Shared(folder, Path(self.cache))

    def open_progress(self) -> ProgressFolder:
        """The progress files of running trials."""
        return ProgressFolder(Folder(f"{self._run_folder}/progress"))

    def open_logs(self) -> LogFolder:
        """The log files of trials."""
        return LogFolder(Folder(f"{self._run_folder}/logs"))

    @property
    def shares_store(self) -> bool:
        """Whether the encoder store is outside the run folder, so that other sweeps may use it."""
        return self.store != self._run_folder

    @property
    def _run_folder(self) -> str:
        # The path of the run folder is not stored, but the ledger is always inside it.
        return self.ledger.removesuffix("/ledger")

    def with_results_in(self, folder: str) -> "Site":
        """The same site with its ledger and checkpoints in another folder, such as a scratch folder."""
        run = Folder(folder)
        return replace(self, ledger=run.child("ledger").url, checkpoints=run.child("checkpoints").url)

    def with_mirror(self, mirror: str) -> "Site":
        """The same site with another mirror."""
        # A worker generates missing files only in the mirror of a world, so the world is removed from the site.
        return replace(self, mirror=str(Path(mirror).resolve()), world="")

    def with_cache(self, cache: str) -> "Site":
        """The same site with another cache. A generated world in the old one moves too, another mirror does not."""
        mirror = _moved(self.mirror, self.cache, cache) if self.world else self.mirror
        return replace(self, cache=cache, mirror=mirror)

    def moved(self, new: str) -> "Site":
        """The site after its run folder was moved to `new`: every path inside the old folder is changed accordingly."""
        return Site(**{name: _moved(value, self._run_folder, new) for name, value in vars(self).items()})


def _moved(value: Any, old: str, new: str) -> Any:
    # With the slash, /data/run2 is not taken for a path inside /data/run.
    is_inside = isinstance(value, str) and f"{value}/".startswith(f"{old}/")
    return new + value[len(old) :] if is_inside else value
