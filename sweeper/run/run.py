"""A run folder: its space, site, ledger and encoder store. Only this package contains names of files inside one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sweeper.errors import DamagedError, UserError
from sweeper.files.digests import digest
from sweeper.files.folder import Folder
from sweeper.files.probe import check_reachable
from sweeper.files.serialize import read_json, write_sealed
from sweeper.run.cache import open_cache, temporary_cache
from sweeper.run.encoders import EncoderStore
from sweeper.run.growth import check_growth
from sweeper.run.ledger import Ledger
from sweeper.run.live import LiveFile
from sweeper.run.logs import LogFolder
from sweeper.run.progress import ProgressFolder
from sweeper.run.site import Site
from sweeper.space import Space

T = TypeVar("T")
SPACE_FILE = "space.json"
SITE_FILE = "site.json"
OPTIONS_FILE = "options.json"


@dataclass(frozen=True)
class Run:
    """A run folder on any file system.

    `space.json` is the resolved space, `site.json` the paths of all other files, `options.json` the other
    options of `sweeper run`, `ledger` the results, `encoders` the
    encoder store (unless sweeps share one), `checkpoints` the trainings in progress, `progress` their progress for
    displays, `logs` a log of each trial, `cache` tokenised data, which nodes share if the folder is in a store.
    """

    folder: Folder

    @classmethod
    def at(cls, url: str) -> "Run":
        """The run folder at a path or fsspec URL, which does not need to exist yet."""
        return cls(Folder(url))

    @classmethod
    def open(cls, url: str) -> "Run":
        """The run folder at a path or fsspec URL. Raises UserError if that folder is not a run folder."""
        check_reachable(url)
        run = cls(Folder(url, patience=0.0))
        run._require(SPACE_FILE)
        return cls.at(url)

    @classmethod
    def named(cls, name: str) -> "Run | None":
        """The run folder that a user names by itself or by its space; None if a path is neither.

        Raises UserError for a URL or folder that is not a run folder.
        """
        url = name.removesuffix(SPACE_FILE).rstrip("/") or "." if name.endswith(SPACE_FILE) else name
        return cls.open(url) if "://" in url or Path(url).is_dir() else None

    @property
    def url(self) -> str:
        """The path or URL of the folder, as it was given."""
        return self.folder.url

    @property
    def space(self) -> Space:
        """The space, read from its file at each access. Raises UserError if the file is missing or damaged."""
        return self._read(SPACE_FILE, Space)

    @property
    def site(self) -> Site:
        """The site, with paths in the current location of the folder.

        Raises UserError if its file is missing or damaged.
        """
        # The file contains absolute paths of the folder in which the run was made.
        return self._read(SITE_FILE, Site).moved(self._root)

    @property
    def has_site(self) -> bool:
        """Whether the folder has a site: a sweep has started in it."""
        return self.folder.exists(SITE_FILE)

    @property
    def ledger(self) -> Ledger:
        """The ledger; empty if nothing has finished yet."""
        return Ledger(self.folder.child("ledger"))

    @property
    def store(self) -> EncoderStore:
        """The encoder store of the site. Raises UserError if the run folder has no site."""
        return self.site.open_store()

    @property
    def progress(self) -> ProgressFolder:
        """The progress files of running trials; none if no trial runs."""
        return ProgressFolder(self.folder.child("progress"))

    @property
    def live(self) -> LiveFile:
        """The file with the state of a running sweep."""
        return LiveFile(self.folder)

    @property
    def logs(self) -> LogFolder:
        """The log files of trials."""
        return LogFolder(self.folder.child("logs"))

    @property
    def written_by_trials(self) -> list[Path]:
        """The local folders that only the trials and the driver of a sweep write to."""
        folders = (self.folder.child(name).local for name in ("ledger", "checkpoints", "progress", "logs"))
        return [folder for folder in folders if folder]

    @property
    def lock(self) -> Path | None:
        """The file that the driver of a sweep locks; None if the folder is not on a local file system."""
        return self.folder.local / ".lock" if self.folder.local else None

    @property
    def journal(self) -> Path | None:
        """The Optuna journal that is made on demand; None if the folder is not on a local file system."""
        return self.folder.local / "optuna.journal" if self.folder.local else None

    @property
    def trackers(self) -> str:
        """The folder for local files of experiment trackers: in a local run folder, else in the working directory."""
        return str(self.folder.child("trackers").local or Path("trackers"))

    @property
    def submission(self) -> Path | None:
        """The default folder of a leaderboard submission; None if the run folder is not on a local file system."""
        return self.folder.child("submission").local

    def report(self, suffix: str = "", name: str = "report") -> Path:
        """The default folder of a report: `report` in a local run folder, else `report-SPACE`; both with the suffix.

        Other pages than a report have another `name`.
        """
        return self.folder.child(f"{name}{suffix}").local or Path(f"{name}-{self.space.file_name}{suffix}")

    def make_site(
        self,
        *,
        store: str | None = None,
        cache: str | None = None,
        mirror: str | None = None,
        world: str = "",
        checkpoint_every: float = 60.0,
    ) -> Site:
        """The site of a sweep that writes to this folder. This method itself writes nothing.

        `store` defaults to the run folder, and `cache` to `default_cache()`.
        """
        # Absolute paths, because workers run in other working directories.
        shared = Folder(store).local if store else None
        return Site(
            ledger=f"{self._root}/ledger",
            store=str(shared.resolve()) if shared else (store or self._root).rstrip("/"),
            checkpoints=f"{self._root}/checkpoints",
            cache=cache or self.default_cache(),
            mirror=mirror,
            world=world,
            checkpoint_every=checkpoint_every,
        )

    def default_cache(self) -> str:
        """The default local folder for tokenised data and copies of encoders; a temporary folder for a remote run."""
        return f"{self._root}/cache" if self.folder.local else temporary_cache()

    @property
    def analysis_cache(self) -> Folder:
        """The local folder for values that an analysis computes from the ledger and can compute again.

        Raises MachineError if others could have written to it.
        """
        return Folder(str(open_cache(self.default_cache()) / "analysis"))

    @property
    def state(self) -> str | None:
        """A digest that changes whenever a file changes that an analysis reads; None if the file system cannot tell."""
        settings = self.folder.states()
        kinds = ("trainings", "scores", "outcomes", "dynamics")
        states = {name: self.ledger.folder.child(name).states() for name in kinds}
        states[""] = {name: settings[name] for name in (SPACE_FILE, SITE_FILE, OPTIONS_FILE) if name in settings}
        is_known = all(told for files in states.values() for told in files.values())
        return digest(states) if is_known else None

    def check_space(self, space: Space) -> None:
        """Raise UserError as `keep_space` does, without a comparison of tasks, which may still be incomplete."""
        if self._has_results() and not self._damage_of_space():
            check_growth(self.space, self.continued(space), self.url, without="tasks")

    def continued(self, space: Space) -> Space:
        """The space with the sampler of the results in this folder, if the space has `auto` and they are from `tpe`.

        `tpe` was the default of earlier versions. Another sampler would start all searches again.
        """
        if space.search.sampler != "auto" or not self._has_results() or self._damage_of_space():
            return space
        kept = self.space.search.sampler
        return replace(space, search=replace(space.search, sampler=kept)) if kept == "tpe" else space

    def keep_space(self, space: Space) -> str:
        """Write the resolved space. A space that only grew replaces the existing one, and any space a damaged one.

        Returns a message about a damaged file, which is renamed; "" without one. No result can be taken for that of
        another space, because the keys of the ledger cover everything that results depend on. Raises UserError with
        the differences after any other change, unless nothing has been trained yet.
        """
        damage = self._damage_of_space()
        if damage:
            damage += f" It was renamed to {self.folder.set_aside(SPACE_FILE)} and is written again."
        # Before the first training there are no results that a change could make invalid.
        elif self._has_results():
            check_growth(self.space, space, self.url)
        self.folder.write(SPACE_FILE, write_sealed(space))
        return damage

    @property
    def has_lost_space(self) -> bool:
        """Whether the folder has results, and its space is missing or damaged."""
        is_lost = not self.folder.exists(SPACE_FILE) or bool(self._damage_of_space())
        return is_lost and self.ledger.has_trainings()

    def keep_site(self, site: Site, options: object = None) -> None:
        """Write the site and, if given, the options that are not part of it, a dataclass."""
        self.folder.write(SITE_FILE, write_sealed(site))
        if options is not None:
            self.folder.write(OPTIONS_FILE, write_sealed(options))

    def options(self, data_type: type[T]) -> T | None:
        """The options that were given with the site; None in a run folder of an earlier version.

        Raises UserError if their file is damaged.
        """
        return self._read(OPTIONS_FILE, data_type) if self.folder.exists(OPTIONS_FILE) else None

    @property
    def _root(self) -> str:
        return str(self.folder.local.resolve()) if self.folder.local else self.url.rstrip("/")

    def _has_results(self) -> bool:
        return self.folder.exists(SPACE_FILE) and self.ledger.has_trainings()

    def _damage_of_space(self) -> str:
        """How the file of the space is damaged; "" if it is not, or does not exist."""
        if not self.folder.exists(SPACE_FILE):
            return ""
        try:
            read_json(Space, self.folder.read(SPACE_FILE), self.folder.path(SPACE_FILE))
        except DamagedError as error:
            return str(error)
        return ""

    def _read(self, name: str, data_type: type[T]) -> T:
        """The content of a file. Raises UserError if it is missing or damaged."""
        self._require(name)
        try:
            return read_json(data_type, self.folder.read(name), self.folder.path(name))
        except DamagedError as error:
            raise UserError(
                f"{error} Run the sweep again with its space and --out {self.url}: that writes the file again, and no "
                "finished trial is repeated. If you edited the file yourself, remove its first entry, sha256."
            ) from error

    def _require(self, name: str) -> None:
        if not self.folder.exists(name):
            raise UserError(f"{self.url} is not a run folder: it has no {name}. `sweeper run` creates run folders.")
