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
        check_counts(self, "cap")

    @property
    def largest_study(self) -> int:
        """Upper bound of the number of trials of any study."""
        return MAX_TRIALS if self.sampler == "grid" else self.trials

    def sampler_of(self, dials: Dials) -> Sampler:
        """The sampler of a study of these dials."""
        if self.sampler != "auto":
            return self.sampler
        return "gp" if all(isinstance(dial, LogUniform) for dial in dials.values()) else "tpe"

    def num_trials(self, dials: Dials) -> int:
        """Number of trials of a study of these dials."""
        return grid_size(dials) if self.sampler == "grid" else self.trials
