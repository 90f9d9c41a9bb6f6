"""Tiny but real trials: the synthetic world, a workbench in it, and specs that take about a second to run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeper.files.serialize import plain
from sweeper.records.record import TrialResult
from sweeper.records.spec import DataSpec, ModelSpec, ScoreSpec, StageSpec, TrialSpec
from sweeper.run.site import Site
from sweeper.space import Training
from sweeper.tasks.spec import Split, Task
from sweeper.training.workbench import Workbench
from sweeper.world.tasks import TASKS

MODEL = ModelSpec(name="tiny", id="demo/tiny", identity="tiny")
TRAINING = Training(learning_rate=3e-3, epochs=1, batch_size=8, max_length=48, stride=16, cap_examples=24)
LANGUAGES = ("en", "xa", "xf")
"""English, the language nearest to it, and one with neither words nor script in common with it."""
BY_NAME = {task.name: task.drawn(1) for task in TASKS}
"""The tasks of the synthetic world, as trials of seed 1 read them."""


@dataclass(frozen=True)
class TrialFolders:
    """The folders that the trials of one test use: world, cache, and a root for ledgers, stores and checkpoints."""

    world: Path
    root: Path
    cache: Path

    def bench(self, name: str = "run", notify: Any = None, **changes: Any) -> Workbench:
        """A workbench whose ledger, store and checkpoints are in the folder `name` of the root."""
        run = self.root / name
        paths = {"ledger": str(run / "ledger"), "store": str(run), "checkpoints": str(run / "checkpoints")}
        site = Site(**({"mirror": str(self.world), "cache": str(self.cache), **paths} | changes))
        return Workbench(site, notify) if notify else Workbench(site)


def data(task: str, split: Split = "train", languages: tuple[str, ...] = ("en",), **changes: Any) -> DataSpec:
    """Data with the settings of TRAINING: 24 examples per language."""
    usual = DataSpec(task=task, part=split, languages=languages, max_length=48, stride=16, cap_examples=24)
    return replace(usual, carve_share=0.3 if split in ("train", "select") else 0.0, **changes)


def stage(*tasks: str, seed: int = 1, training: Training = TRAINING, mlm: float = 0.0) -> StageSpec:
    """A stage on these tasks; `mlm` is the share of masked language modelling."""
    corpus = data("texts") if mlm else None
    sets = tuple(data(task, languages=tuple(BY_NAME[task].train)) for task in tasks)
    return StageSpec(data=sets, mlm=corpus, mlm_share=mlm, training=training, seed=seed)


def score(target: str, *, languages: tuple[str, ...] = LANGUAGES, **changes: Any) -> ScoreSpec:
    """The score of a target on its test split, or on its dev split if it has no test split."""
    split = "test" if BY_NAME[target].test else "dev"
    read = data(target, split, languages, cap_examples=12)
    return ScoreSpec(target=target, split=split, data=read, **changes)


def retrieval(target: str, **changes: Any) -> ScoreSpec:
    """The score of a retrieval target, from the middle layer."""
    return score(target, languages=("xa", "xg"), pooling="mean", layer=0.5, **changes)


def trial(*chain: StageSpec, scores: tuple[ScoreSpec, ...] = (), **changes: Any) -> TrialSpec:
    """A trial that trains the last stage of the chain, selects on a share of its training data, and scores."""
    usual = TrialSpec(
        name="trial",
        kind="target",
        model=MODEL,
        recipe="row",
        task=chain[-1].data[0].task if chain else "",
        chain=chain,
        role="replicate",
        seed=1,
        select=tuple(data(trained.task, "select", trained.languages) for trained in (chain[-1].data if chain else ())),
        scores=scores,
        tasks=tuple(entries(chain, scores)),
    )
    return replace(usual, **changes)


def entries(chain: tuple[StageSpec, ...], scores: tuple[ScoreSpec, ...]) -> Iterator[Task]:
    """The tasks that a chain and its scores name, each once."""
    trained = [data_.task for stage_ in chain for data_ in (*stage_.data, *([stage_.mlm] if stage_.mlm else []))]
    for name in dict.fromkeys([*trained, *(score_.target for score_ in scores)]):
        yield BY_NAME[name]


def facts(result: TrialResult) -> dict[str, Any]:
    """A result without values that differ between two equal trials, such as times, hosts and memory."""
    training = plain(result.training)
    return {
        "training": {name: training[name] for name in training if name not in ("timing", "machine", "memory")},
        "scores": [plain(replace(record, timing={}, started="")) for record in result.scores],
    }
