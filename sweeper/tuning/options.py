"""The settings of a run that do not change any result: its folders, its workers and the resources of its trials."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sweeper.errors import UserError
from sweeper.files.patience import PATIENCE
from sweeper.plan.budget import Budget
from sweeper.plan.only import ALL, Only
from sweeper.run.run import Run
from sweeper.space import ResourceOverrides, Resources
from sweeper.tuning.cpus import usable_cpus
from sweeper.tuning.room import Room
from sweeper.tuning.trackers.interface import Tracker

LONGEST = 1e9
"""Largest number of seconds or minutes of an option. JSON has no infinity, so that a site could not be read back."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The workers of a sweep."""

    num: int | None = None
    """Largest number of trials at a time; None: as many as the usable CPUs and GPUs, or the cluster, allow."""
    address: str = "local"
    """`local` starts Ray on this machine; `auto` or an address joins a running cluster."""
    nice: int = 0
    """Nice level that a local Ray adds to its workers, 0 to 19. A higher level leaves the CPU to other programs."""

    def __post_init__(self) -> None:
        if self.nice and not self.is_local:
            raise UserError("--nice applies to a local Ray. On a cluster, start Ray with RAY_worker_niceness=N.")

    @property
    def is_local(self) -> bool:
        """Whether the workers run on this machine alone."""
        return self.address == "local"

    def room(self, available: Mapping[str, float]) -> Room:
        """The trials that fit at the same time. `available` are the resources of Ray."""
        return Room(num=self.num, available=available if self.is_local else {})

    def cpus(self, largest: Resources) -> int:
        """Number of CPUs that a local Ray distributes. With a given number of trials, it is what they need."""
        return math.ceil(max(usable_cpus(), largest.cpus) if self.num is None else max(1, self.num) * largest.cpus)


@dataclass(frozen=True, kw_only=True)
class KeptOptions:
    """The options that a run folder keeps in addition to the paths of its site."""

    workers: Workers = field(default_factory=Workers)
    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    trackers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of a run that do not change any result."""

    run: str
    mirror: str | None = None
    store: str | None = None
    """Encoder store; None: the run folder."""
    cache: str | None = None
    """Local folder of each node for data and copies of encoders; None: `cache` in a local run folder, else a temporary
    folder."""
    workers: Workers = field(default_factory=Workers)
    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    checkpoint_every: float = 60.0
    """Seconds between two checkpoints of a training."""
    store_patience: float = PATIENCE / 60
    """Minutes in which a store that cannot be reached is tried again. Then the sweep stops."""
    retry_failed: bool = False
    """Whether trials run again that failed because memory was short or their worker died. The run folder does
    not keep it."""
    verbose: bool = False
    """Whether the logs of trials contain debug messages."""
    quiet: bool = False
    """Whether only warnings and failures are printed."""
    trackers: tuple[str | Tracker, ...] = ()
    """Experiment trackers: names as on the command line, or objects with the methods of `Tracker`."""
    only: Only = ALL
    """The part of the space whose trials run. The run folder does not keep it."""
    budget: Budget | None = None
    """The largest cost of the trials of this part. Other trainings of the run folder do not count. The run folder
    does not keep it."""

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "store_patience"):
            value = getattr(self, name)
            if not 0 <= value <= LONGEST:  # also true for nan
                raise UserError(
                    f"--{name.replace('_', '-')} needs a number from 0 to 1e9, got {value}. Write 1e9 for a time that "
                    "never ends."
                )

    def kept(self) -> KeptOptions:
        """The options that the run folder keeps in addition to the paths of its site."""
        names = tuple(tracker for tracker in self.trackers if isinstance(tracker, str))
        return KeptOptions(workers=self.workers, resources=self.resources, trackers=names)


def kept_options(run: Run) -> Options:
    """The options with which a run folder was last run; paths inside the folder follow if it was moved.

    Raises UserError if the folder is not a run folder.
    """
    if not run.has_site:  # nothing has run yet
        return Options(run=run.url)
    site, kept = run.site, run.options(KeptOptions) or KeptOptions()
    return Options(
        run=run.url,
        mirror=None if site.world else site.mirror,
        store=site.store,
        cache=site.cache,
        workers=kept.workers,
        resources=kept.resources,
        checkpoint_every=site.checkpoint_every,
        store_patience=site.store_patience / 60,
        trackers=kept.trackers,
    )
