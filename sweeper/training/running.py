"""A running trial: its spec, and what the steps of a trial make from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeper.files.folder import Folder
from sweeper.records.spec import PredictorSpec, ScoreSpec, TrialSpec
from sweeper.space import Training
from sweeper.training.checkpoints import Checkpoints
from sweeper.training.model import Net
from sweeper.training.predict import Predictor
from sweeper.training.reporter import Reporter
from sweeper.training.runtime import Clock, use_threads
from sweeper.training.stage import DataReader, Trained
from sweeper.training.workbench import Workbench

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A running trial: the spec, and the objects that its steps share."""

    spec: TrialSpec
    bench: Workbench
    reader: DataReader
    device: "torch.device"
    clock: Clock
    reporter: Reporter = field(default_factory=Reporter)
    retrain: bool = False
    take: Callable[[Trained], object] = lambda _: None
    """Called with the trained net once it has been scored."""


def checkpoints_of(trial: Trial, key: str) -> Checkpoints:
    """The checkpoint file of a training, named after the key of its record."""
    bench = trial.bench
    folder, interval = Folder(bench.site.checkpoints), bench.site.checkpoint_every
    return Checkpoints(folder=folder, name=f"{key}.pt", interval=interval, is_ending=bench.is_ending)


def predictor_of(trial: Trial, net: Net, settings: Training | ScoreSpec | PredictorSpec) -> Predictor:
    """A predictor with the precision, threads and micro-batch of a training, a score or a predictor of transfer."""
    use_threads(settings.threads)
    return Predictor(
        net=net,
        pad=trial.reader.pad,
        precision=settings.precision,
        micro_tokens=settings.micro_tokens,
        masking=trial.reader.masking,
        notify=trial.bench.tell,
        shares_gpu=trial.spec.resources.shares_gpu,
    )
