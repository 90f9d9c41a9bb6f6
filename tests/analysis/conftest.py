"""Small runs: ledgers with real records and hand-made numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.report import Report, write_report
from sweeper.files.digests import digest
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, ModelSpec, StageSpec, TrialSpec
from sweeper.run.ledger import Ledger
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.tasks.spec import Rows, Task


def _rows(name: str, split: str, languages: tuple[str, ...]) -> Mapping[str, tuple[Rows, ...]]:
    return {language: (Rows(id=f"tests/{name}", config=language, split=split),) for language in languages}


def _task(name: str, languages: tuple[str, ...] = ("en",), **changes: object) -> Task:
    task = Task(
        name=name,
        title=f"The task {name}",
        format="classify",
        scorer="accuracy",
        train=_rows(name, "train", ("en",)),
        dev=_rows(name, "dev", languages),
        licence=f"licence of {name}",
    )
    return replace(task, **changes)  # type: ignore[arg-type]


TASKS = (
    _task("small_nli", train_size=100),
    _task("large_nli", train_size=9000, contains=("small_nli",)),
    _task("middle_qa", train_size=800),
    _task("tags", ("en", "de"), group="tagging", format="tag", scorer="chunks"),
    _task("pairs", ("en", "de"), trains_on="small_nli", train={}),
    _task("search", ("de", "fr"), group="retrieval", format="retrieve", scorer="neighbours", train={}),
)


def _recipe(*tasks: str) -> Recipe:
    return Recipe(name="+".join(tasks), stages=(Stage(tasks=tasks),))


SPACE = Space(
    name="hand",
    title="Numbers made by hand",
    models=(Model(name="tiny", id="tests/tiny"),),
    recipes=(Recipe(name="baseline"), _recipe("small_nli"), _recipe("large_nli"), _recipe("middle_qa")),
    targets=tuple(Target(task=name) for name in ("tags", "pairs", "search")),
    tasks=TASKS,
    seeds=(1, 2),
    search=Search(scope="target", trials=2),
)


@dataclass(frozen=True)
class Run:
    """A run folder that a test fills record by record."""

    url: str
    space: Space

    @property
    def ledger(self) -> Ledger:
        return Ledger.at(f"{self.url}/ledger")

    def trained(self, recipe: str, task: str = "", seed: int = 1, **changes: object) -> TrainingRecord:
        """Write a training record: of the recipe, or with `task` of a target on the encoder of the recipe."""
        stages = next(row.stages for row in self.space.recipes if row.name == recipe)
        dials = dict(changes.pop("dials", {}))  # type: ignore[call-overload]
        chain = tuple(_stage(stage.tasks, seed) for stage in stages)
        if task:
            befores = [t.before for t in self.space.targets if self.space.task(t.task).training_task == task]
            chain = (*chain, *(_stage(stage.tasks, seed) for stage in next(iter(befores), ())))
            chain = (*chain, replace(_stage((task,), seed), training=Training(**dials)))
        spec = TrialSpec(
            name=f"tiny/{recipe} -> {task or 'itself'}/seed {seed}",
            kind="target" if task else "prepare" if stages else "score",
            model=ModelSpec(name="tiny", id="tests/tiny", identity="tiny's weights"),
            recipe=recipe,
            task=task,
            chain=chain,
            role=changes.pop("role", "replicate"),  # type: ignore[arg-type]
            study=str(changes.pop("study", "")),
            number=int(changes.pop("number", 0)),  # type: ignore[call-overload]
            seed=seed,
            refitted=bool(changes.pop("refitted", False)),
            dials=dials,
        )
        record = TrainingRecord(key=spec.key, spec=spec, state="done", examples={"": 50 * seed})
        record = replace(record, **changes)  # type: ignore[arg-type]
        self.ledger.write_training(record)
        return record

    def scored(
        self, training: TrainingRecord, target: str, values: Mapping[str, float], **changes: object
    ) -> ScoreRecord:
        """Write the score of a training on a target: one value per language, on the main metric of the task.

        The outcomes are a placeholder unless `table` has them.
        """
        table = changes.pop("table", pd.DataFrame({"example": ["1"], "correct": [1]}))
        main = SCORERS[self.space.task(target).scorer].main
        record = ScoreRecord(
            key="",
            training=training.key,
            model="tiny",
            recipe=training.spec.recipe,
            target=target,
            seed=training.spec.seed,
            split="dev",
            metrics={language: {main: value} for language, value in values.items()},
            trivial={language: {main: 0.25} for language in values},
            counts=dict.fromkeys(values, 100),
            main=main,
            outcomes="",
        )
        record = replace(record, **changes)  # type: ignore[arg-type]
        settings = [record.pooling, record.layer, record.similarity]
        key = digest([record.training, target, record.split, record.condition, record.recipe, sorted(values), settings])
        record = replace(record, key=key, outcomes=f"outcomes/{key}.parquet")
        assert isinstance(table, pd.DataFrame)
        self.ledger.write_score(record, table)
        return record

    def cell(self, recipe: str, target: str, seed: int, values: Mapping[str, float], **changes: object) -> ScoreRecord:
        """Write a training and its score on a target; for retrieval, the training is that of the recipe."""
        training = self.trained(recipe, self.space.task(target).training_task, seed, **changes)
        return self.scored(training, target, values)


def _stage(tasks: tuple[str, ...], seed: int) -> StageSpec:
    data = tuple(DataSpec(task=task, part="train", languages=("en",), max_length=8, stride=4) for task in tasks)
    return StageSpec(data=data, training=Training(), seed=seed)


def _empty_run(parent: Path, /, name: str = "run", **changes: object) -> Run:
    space = replace(SPACE, **changes)  # type: ignore[arg-type]
    url = str(parent / name)
    Folder(url).write("space.json", write_json(space))
    return Run(url=url, space=space)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """A function that creates an empty run folder of the small space with the given changes."""
    return partial(_empty_run, tmp_path)


@pytest.fixture
def full_run(make_run: Callable[..., Run]) -> Run:
    """A run with all cells of the small space and two seeds, as in `fill`."""
    return fill(make_run())


@pytest.fixture(scope="session")
def full_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a run like `full_run`, in its usual folder. Tests share it and must not change it."""
    return write_report(fill(_empty_run(tmp_path_factory.mktemp("full"))).url)


def fill(run: Run) -> Run:
    """Write all cells of the small space, with two seeds.

    Gains on tags: small_nli +10 (seed 1) and +20 (seed 2), large_nli -10 both, middle_qa +5 both. On pairs: +4, +8, -2.
    On search, whose baseline has no seed: small_nli +1 and +3, large_nli 0 and 0, middle_qa -5 and -5.
    """
    raw = run.trained("baseline")
    run.scored(raw, "search", {"de": 0.30, "fr": 0.10}, seed=None)
    tags = {"baseline": (0, 0), "small_nli": (0.10, 0.20), "large_nli": (-0.10, -0.10), "middle_qa": (0.05, 0.05)}
    pairs = {"baseline": (0, 0), "small_nli": (0.04, 0.04), "large_nli": (0.08, 0.08), "middle_qa": (-0.02, -0.02)}
    search = {"small_nli": (0.01, 0.03), "large_nli": (0, 0), "middle_qa": (-0.05, -0.05)}
    dev_scores = {"small_nli": 0.5, "large_nli": 0.8, "middle_qa": 0.26}
    for seed in (1, 2):
        for recipe, gains in tags.items():
            run.cell(recipe, "tags", seed, {"en": 0.60 + gains[seed - 1], "de": 0.40 + gains[seed - 1]})
        for recipe, gains in pairs.items():
            run.cell(recipe, "pairs", seed, {"en": 0.35 + gains[seed - 1], "de": 0.33 + gains[seed - 1]})
        for recipe, gains in search.items():
            run.cell(recipe, "search", seed, {"de": 0.30 + gains[seed - 1], "fr": 0.10 + gains[seed - 1]})
            run.scored(run.trained(recipe, seed=seed), recipe, {"en": dev_scores[recipe]})
    return run
