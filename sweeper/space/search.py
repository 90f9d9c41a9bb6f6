"""The class Search: how the dials of stages and targets are chosen."""

from dataclasses import dataclass
from typing import Literal

from sweeper.errors import UserError
from sweeper.space.dials import MAX_TRIALS, Dials, LogUniform, check_counts, grid_size
from sweeper.typed import check_fields

SEARCH_SEED = 0
"""The seed of search trials. Replicate seeds start at 1, so no replicate takes part in the choice of dials."""
Sampler = Literal["auto", "tpe", "gp", "random", "grid"]


@dataclass(frozen=True, kw_only=True)
class Search:
    """The search for dials. It uses only English selection data."""

    scope: Literal["cell", "target"] = "cell"
    """`cell`: one study for each cell. `target`: one study for each target, on the baseline; all its cells share it."""
    trials: int = 8
    """Trials per study. A stage or target without dials has no study. The sampler `grid` ignores it: its studies have
    one trial for each point of the grid."""
    batch: int = 4
    """Trials of a study that can run in parallel, because the results of one do not change the dials of another. All
    trials of a grid can."""
    sampler: Sampler = "auto"
    """`gp`: a Gaussian process. `tpe`: tree-structured Parzen estimators. `auto`: `gp` for a study whose dials are all
    LogUniform, `tpe` for the others. `grid`: every combination of the values that the dials list, each once: the values
    of a Choice, the `first` of a LogUniform."""
    prior: Literal["off", "baseline", "column"] = "off"
    """Results from which the study of a cell starts. `baseline`: those of the baseline on the same target. `column`:
    those of all recipes of `wave` on the same target. The studies of the baseline or of the wave, and those of
    preparations, start from none."""
    wave: tuple[str, ...] = ()
    """With `prior = "column"`: the recipes whose cells are searched first."""
    trials_with_prior: int | None = None
    """Trials of a study that starts from earlier results. None: half of `trials`, rounded up. They run one after the
    other: the cells of a column run in parallel, and each result improves the next suggestion. Needs a `prior`."""
    rungs: tuple[float, ...] = ()
    """Shares of the steps of a training, in ascending order, for synchronous halving. Search trials end after the first
    share of their steps. When all have ended, the better half of the dials are trained again to the next share, and
    after the last rung to the end. Each training starts from its first step, so that results do not depend on
    interruptions. Empty: every search trial trains to the end."""
    race: int = 0
    """Number of best dials of a study that are compared again before one is chosen: they are trained with each seed of
    `race_seeds`, and the dials with the highest mean selection value over these seeds are chosen. 0: the best search
    trial is chosen."""
    race_seeds: tuple[int, ...] = (1001, 1002)
    """The seeds of the race. No replicate seed may be among them. The data are those of the search trials."""
    share: float = 0.1
    """Largest share of a training set that is set aside for selection, chosen by a hash of the example id. At most
    `cap` examples of each data set are set aside: min(share, cap / size) of its rows. A task that contains a smaller
    one (SQuAD 2.0 and SQuAD) also leaves out the selection data of the smaller one."""
    cap: int = 1000
    """Maximum selection examples per task, and maximum dev examples per language for the score of a preparation."""
    refit: bool = False
    """Whether replicates also train on the rows that are set aside, once the dials are chosen. These replicates have no
    selection value. A target whose selection data are a separate dev split sets nothing aside, and nothing changes."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.trials < 1 or self.batch < 1:
            raise UserError(f"Search needs trials >= 1 and batch >= 1, got {self.trials} and {self.batch}.")
        if self.trials > MAX_TRIALS:
            raise UserError(f"Search needs trials <= {MAX_TRIALS:,}, got {self.trials:,}.")
        if not 0 < self.share < 1:
            raise UserError(f"Search needs 0 < share < 1, got {self.share}.")
        check_counts(self, "cap", "trials_with_prior")
        self._check_prior()
        self._check_rungs()
        self._check_race()

    def _check_prior(self) -> None:
        if (self.trials_with_prior or 0) > self.trials:
            raise UserError(f"Search needs trials_with_prior <= trials, got {self.trials_with_prior} > {self.trials}.")
        if self.prior == "off" and self.trials_with_prior is not None:
            raise UserError(
                "Search needs prior = 'baseline' or 'column' for trials_with_prior, got prior = 'off' and "
                f"trials_with_prior = {self.trials_with_prior}."
            )
        if (self.prior == "column") != bool(self.wave):
            raise UserError(
                "Search needs prior = 'column' and a `wave` of recipes, or neither, got "
                f"prior = {self.prior!r} and wave = {self.wave}."
            )
        if self.prior != "off" and self.scope != "cell":
            raise UserError(
                f"Search needs scope = 'cell' for prior = {self.prior!r}. With scope = 'target', all cells of a target "
                "already share one study."
            )
        if self.prior != "off" and self.sampler in ("grid", "random"):
            raise UserError(
                f"Search needs the sampler 'auto', 'gp' or 'tpe' for prior = {self.prior!r}: {self.sampler!r} does not "
                "learn from results."
            )

    def _check_rungs(self) -> None:
        if any(not 0 < rung < 1 for rung in self.rungs) or list(self.rungs) != sorted(set(self.rungs)):
            raise UserError(f"Search needs rungs between 0 and 1 in ascending order, got {self.rungs}.")

    def _check_race(self) -> None:
        if self.race < 0 or self.race == 1:
            raise UserError(f"Search needs race >= 2, or 0 for no race, got {self.race}.")
        seeds = self.race_seeds
        if not seeds or len(set(seeds)) != len(seeds) or SEARCH_SEED in seeds:
            raise UserError(
                f"Search needs race_seeds that are different and not {SEARCH_SEED} (the search uses it), got {seeds}."
            )

    @property
    def largest_study(self) -> int:
        """Upper bound of the number of trials of any study."""
        return MAX_TRIALS if self.sampler == "grid" else self.trials

    def sampler_of(self, dials: Dials) -> Sampler:
        """The sampler of a study of these dials."""
        if self.sampler != "auto":
            return self.sampler
        return "gp" if all(isinstance(dial, LogUniform) for dial in dials.values()) else "tpe"

    def num_trials(self, dials: Dials, *, has_prior: bool = False) -> int:
        """Number of trials of a study of these dials."""
        if has_prior:
            return (self.trials + 1) // 2 if self.trials_with_prior is None else self.trials_with_prior
        return grid_size(dials) if self.sampler == "grid" else self.trials

    def rung_sizes(self, num: int) -> list[int]:
        """Number of dials of each rung after the first, for a search of `num` trials: the better half, rounded up."""
        return [-(-num // 2**level) for level in range(1, len(self.rungs) + 1)]

    def rung_share(self, level: int) -> float:
        """Share of the steps that a trial of a rung trains for; search trials have level 0."""
        return (*self.rungs, 1.0)[level]

    def barrier(self, number: int, *, has_prior: bool = False) -> int:
        """First number of a trial's batch. Trials with smaller numbers are known when trial `number` is suggested.

        All trials of a grid are one batch. A study with a prior has batches of one trial.
        """
        if self.sampler == "grid":
            return 0
        return number if has_prior else number // self.batch * self.batch
