"""The weights that a training keeps: those of the last step or of the best evaluation, averaged over steps or not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from sweeper.space import Training
from sweeper.training.model import Net
from sweeper.training.progress import Progress

ValueOf = Callable[[Net], float]
"""Function that returns the selection value of a net; higher is better."""


@dataclass
class Keeper:
    """Chooses the weights that remain at the end of a training.

    The candidates of a step are the weights after it, or, in the last `average` of the planned steps, the mean of the
    weights after each of these steps so far. With `keep = "last"` the candidate of the last step is kept, with
    `keep = "best"` the first candidate with the highest selection value.
    """

    net: Net
    training: Training
    num_steps: int
    """Planned steps."""
    value_of: ValueOf | None
    """None if `keep` is `last`."""
    last_step: int
    """The step after which the training ends: that of the plan, or of a rung (`Search.rungs`)."""
    average: AveragedModel | None = None
    best: dict[str, Tensor] = field(default_factory=dict)
    """The best weights so far, on the CPU."""

    @property
    def num_averaged(self) -> int:
        """Number of planned steps whose weights are averaged."""
        return max(1, round(self.training.average * self.num_steps)) if self.training.average else 0

    @property
    def candidate(self) -> Net:
        """The net with the weights that the training would keep now."""
        if self.average is None:
            return self.net
        assert isinstance(self.average.module, Net)
        return self.average.module

    def add(self, step: int) -> None:
        """Add the weights after `step` steps to the average."""
        if step <= self.num_steps - self.num_averaged:
            return
        if self.average is None:
            self.average = AveragedModel(self.net)
        self.average.update_parameters(self.net)

    def is_due(self, step: int) -> bool:
        """Whether the weights are evaluated after `step` steps: every `evaluate_every` steps and after the last one."""
        return self.value_of is not None and (step % self.training.evaluate_every == 0 or step == self.last_step)

    def evaluate(self, progress: Progress) -> None:
        """Evaluate the candidate, and keep its weights if they are the best so far."""
        assert self.value_of is not None
        value = self.value_of(self.candidate)
        self.net.train()  # the evaluation turns dropout off
        if value > max(progress.values, default=float("-inf")):
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.candidate.state_dict().items()}
            self._mark_kept(progress)
        progress.values.append(value)

    def is_exhausted(self, progress: Progress) -> bool:
        """Whether the last `patience` evaluations were not better than an earlier one."""
        if self.training.patience is None or not progress.values:
            return False
        best = progress.values.index(max(progress.values))
        return len(progress.values) - 1 - best >= self.training.patience

    def finish(self, progress: Progress) -> None:
        """Load the kept weights into the net."""
        if self.value_of is None:
            self._mark_kept(progress)
            if self.average is not None:
                self.net.load_state_dict(self.candidate.state_dict())
        else:
            self.net.load_state_dict(self.best)

    def _mark_kept(self, progress: Progress) -> None:
        progress.kept_step = progress.step
        progress.averaged_steps = max(0, progress.step - (self.num_steps - self.num_averaged))

    def state(self) -> dict[str, Any]:
        """The content of a checkpoint."""
        return {"best": self.best, "average": self.average and self.average.state_dict()}

    def resume(self, state: dict[str, Any]) -> None:
        """Continue from the content of a checkpoint."""
        self.best = state["best"]
        if state["average"] is not None:
            self.average = AveragedModel(self.net)
            self.average.load_state_dict(state["average"])
