"""Training dynamics: the probability of the gold label each time that a training sees an example.

Dataset cartography (Swayamdipta et al. 2020) describes each example by them. The probabilities are those of the
training steps themselves, with dropout and before the update of the step, so that they need no further forward pass.
With adversarial steps they are those of the pass without the step.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sweeper.data.entry import Encoded
from sweeper.data.perturb.labels import is_noisy
from sweeper.formats.interface import Array
from sweeper.records.spec import DataSpec
from sweeper.training.heads import Head

Source = tuple[DataSpec, str, Encoded]
"""The data, the language and the examples of one stream of a training."""


@dataclass(frozen=True)
class ItemDynamics:
    """Running statistics of the items of one stream: tensors (m,) on the CPU."""

    views: Tensor
    """Number of times that the training saw the item."""
    correct: Tensor
    """Number of these times at which the gold label had the highest probability."""
    mean: Tensor
    """Mean probability of the gold label, float64."""
    squares: Tensor
    """Sum of the squared deviations from this mean, float64."""

    @classmethod
    def of_size(cls, num_items: int) -> "ItemDynamics":
        """The statistics of items that were not seen yet."""
        counts, sums = torch.zeros(num_items, dtype=torch.int32), torch.zeros(num_items, dtype=torch.float64)
        return cls(counts, counts.clone(), sums, sums.clone())

    def add(self, items: Tensor, gold: Tensor, correct: Tensor) -> None:
        """Add one view of different items: the probabilities of their gold labels, and whether these were predicted."""
        self.views[items] += 1
        self.correct[items] += correct.to(torch.int32)
        # Welford (1962): a sum of squares minus a squared sum would lose the digits of a small variance.
        deviation = gold.double() - self.mean[items]
        self.mean[items] += deviation / self.views[items]
        self.squares[items] += deviation * (gold.double() - self.mean[items])

    def table(self) -> pd.DataFrame:
        """One row for each item that was seen, with its number as index.

        Columns: confidence (mean of the probabilities), variability (their standard deviation; nan with one view),
        correctness (share of the views), all float32, and views.
        """
        items = np.flatnonzero(self.views.numpy())
        views = self.views.numpy()[items]
        measured = {
            "confidence": self.mean.numpy()[items],
            "variability": np.where(views > 1, np.sqrt(self.squares.numpy()[items] / views), np.nan),
            "correctness": self.correct.numpy()[items] / views,
        }
        return pd.DataFrame(measured, index=items, dtype=np.float32).assign(views=views)


@dataclass
class Dynamics:
    """Collects the dynamics of one training: of the items with one label, and of none unless `enabled`."""

    enabled: bool = False
    streams: list[ItemDynamics] = field(default_factory=list)
    _pending: list[tuple[int, Array, Tensor]] = field(default_factory=list)
    """Stream, items and observed values of each step since the last `collect`. The values are on the device."""

    def start(self, sizes: Sequence[int]) -> None:
        """Forget everything. `sizes` are the numbers of items of all streams."""
        self.streams = [ItemDynamics.of_size(size) for size in sizes] if self.enabled else []
        self._pending.clear()

    @contextmanager
    def observing(self, head: Head, stream: int, items: Array, num_passes: int) -> Iterator[None]:
        """Observe the losses of one step on a batch, of which each micro-batch has `num_passes`."""
        if not (self.enabled and head.has_one_label):
            yield
            return
        head.seen = []
        yield
        self._pending.append((stream, items, torch.cat(head.seen[::num_passes], dim=1)))
        head.seen = None

    def collect(self) -> None:
        """Add the pending steps to the statistics, with one transfer from the device."""
        if not self._pending:
            return
        values = torch.cat([observed for _, _, observed in self._pending], dim=1).cpu()
        sizes = [len(items) for _, items, _ in self._pending]
        for (stream, items, _), (gold, correct) in zip(self._pending, torch.split(values, sizes, dim=1), strict=True):
            self.streams[stream].add(torch.from_numpy(items), gold, correct)
        self._pending.clear()

    def state(self) -> list[dict[str, Tensor]]:
        """The statistics for a checkpoint."""
        return [vars(stream) for stream in self.streams]

    def resume(self, state: Iterable[Mapping[str, Tensor]]) -> None:
        """Continue from a checkpoint."""
        self.streams = [ItemDynamics(**stream) for stream in state]

    def table(self, sources: Iterable[Source]) -> pd.DataFrame:
        """One row for each example that was seen: task, language, example (id) and the columns of `ItemDynamics.table`.

        `sources` are those of the first streams. `noisy` says whether the label is wrong by `Stage.label_noise`.
        """
        tables = []
        for items, (data, language, encoded) in zip(self.streams, sources, strict=False):
            seen = items.table()
            first_features = np.asarray(encoded.features.items)[seen.index]
            examples = [encoded.examples[number].id for number in encoded.features.example[first_features].tolist()]
            noisy = [is_noisy(example, data.label_noise) for example in examples]
            names = {"task": data.task, "language": language, "example": examples, "noisy": noisy}
            tables.append(pd.DataFrame(names, index=seen.index).join(seen))
        return pd.concat(tables, ignore_index=True)


def summary_of(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Task -> number of examples, and means over them of views, confidence, variability and correctness.

    Without an example that was seen twice, there is no variability.
    """
    means = {name: (name, "mean") for name in ("views", "confidence", "variability", "correctness")}
    by_task = table.astype(dict.fromkeys(means, float)).groupby("task", sort=False)
    summary = by_task.agg(examples=("example", "size"), **means)
    rows = ((str(task), row.dropna()) for task, row in summary.astype(float).iterrows())
    return {task: {str(name): float(value) for name, value in row.items()} for task, row in rows}
