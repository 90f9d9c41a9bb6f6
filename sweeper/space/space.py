"""The space itself: models, rows, columns, seeds and a search, checked to fit each other."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from sweeper.errors import UserError, unknown
from sweeper.formats.table import check_tasks
from sweeper.space.dials import check_counts, check_words
from sweeper.space.stage import Recipe, check_stage, tasks_of
from sweeper.space.target import Target, check_target
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task

SEARCH_SEED = 0
"""The seed that dials are searched with; replicate seeds are 1 and up, so that none of them took part in choosing."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What the actor of one trial owns."""

    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.cpus <= 0 or self.gpus < 0:
            raise UserError(f"Resources need cpus > 0 and gpus >= 0, got cpus={self.cpus}, gpus={self.gpus}.")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A pretrained encoder: a Hub id or a folder."""

    name: str
    id: str
    revision: str | None = None
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, kw_only=True)
class Search:
    """How dials are chosen, on selection data alone."""

    scope: Literal["cell", "target"] = "cell"
    """`cell`: each cell searches for itself. `target`: searched on the baseline, used down the column."""
    trials: int = 8
    """Trials a study. A stage or target without dials needs none."""
    batch: int = 4
    """Trials that are suggested without waiting for each other: parallelism inside a study, the same on any machine."""
    sampler: Literal["tpe", "gp", "random"] = "tpe"
    share: float = 0.1
    """Share of the English training data carved out for selection, by a hash of the example id, and never reported."""
    cap: int = 1000
    """Most examples that a trial is selected on."""

    def __post_init__(self) -> None:
        check_words(self)
        if self.trials < 1 or self.batch < 1:
            raise UserError(f"Search needs trials >= 1 and batch >= 1, got {self.trials} and {self.batch}.")
        if not 0 < self.share < 1:
            raise UserError(f"Search needs 0 < share < 1, got {self.share}.")


@dataclass(frozen=True, kw_only=True)
class Space:
    """Everything one sweep covers. Vary it with `dataclasses.replace`."""

    name: str
    title: str = ""
    models: tuple[Model, ...]
    recipes: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    tasks: tuple[Task, ...] = ()
    """The user's own entries, beside the catalog's."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """Replicate seeds. `--set seeds=5` means 1 to 5."""
    search: Search = field(default_factory=Search)
    evaluate: Literal["dev", "test"] = "dev"
    """The split that every cell is scored on; the two never meet in one matrix."""
    eval_cap: int | None = None
    """Most evaluation items a language, the same ones in parallel languages."""
    sample_seed: int = 0
    """Decides which examples a cap keeps."""
    keep_targets: bool = False
    """Keeps trained targets (body and head), so that a new language only scores."""
    format: int = 1
    """Number of the layout of a space's JSON, so that an older version does not misread a newer one's."""
    world: str = ""
    """A synthetic world that stands in for the Hub when no mirror is named: `demo`, `demo:truth_seed=3,scale=10`."""

    def __post_init__(self) -> None:
        check_words(self)
        check_tasks(self.catalog().values())
        _check_names("model", [m.name for m in self.models])
        _check_names("recipe", [r.name for r in self.recipes])
        _check_names("target", [t.task for t in self.targets])
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds or SEARCH_SEED in self.seeds:
            raise UserError(f"Seeds are different numbers other than {SEARCH_SEED} (the search's), got {self.seeds}.")
        if [r.name for r in self.recipes if not r.stages][1:]:
            raise UserError("Only one recipe can have no stages: it is the baseline.")
        for recipe in self.recipes:
            for stage in recipe.stages:
                check_stage(stage, self.task)
        for target in self.targets:
            check_target(target, self.task, self.evaluate)
        _check_twins(self.recipes)
        check_counts(self, "eval_cap")
        if self.search.scope == "target" and self.baseline is None:
            raise UserError("search.scope = 'target' searches on the baseline: add a recipe without stages.")

    @property
    def baseline(self) -> Recipe | None:
        """The recipe without stages, if the space has one."""
        return next((recipe for recipe in self.recipes if not recipe.stages), None)

    def catalog(self) -> dict[str, Task]:
        """Every task this space knows: the catalog's, overridden by its own."""
        return {**CATALOG, **{task.name: task for task in self.tasks}}

    def trained_tasks(self, target: Target) -> tuple[str, ...]:
        """The tasks that a target trains on after the row's encoder, each once; none where it trains nothing."""
        names = (*tasks_of(target.before), self.task(target.task).training_task)
        return tuple(dict.fromkeys(name for name in names if name))

    def num_trained(self, target: Target) -> int:
        """Stages that a target adds to the row's own."""
        return len(target.before) + bool(self.task(target.task).training_task)

    def task(self, name: str) -> Task:
        """The task of that name. Raises UserError naming the nearest one."""
        known = self.catalog()
        if name not in known:
            raise unknown("task", name, known)
        return known[name]


def _check_names(kind: str, names: Iterable[str]) -> None:
    seen = list(names)
    if not seen:
        raise UserError(f"A space needs a {kind} at least.")
    twice = sorted({name for name in seen if seen.count(name) > 1})
    if twice:
        raise UserError(f"Each {kind} stands once in a space, got {', '.join(twice)} more than once.")
    for name in seen:
        if not name or "/" in name:
            raise UserError(f"The name of a {kind} is not empty and has no '/', got {name!r}.")


def _check_twins(recipes: tuple[Recipe, ...]) -> None:
    for number, recipe in enumerate(recipes):
        for other in recipes[:number]:
            if recipe.stages == other.stages:
                raise UserError(f"Recipes {other.name!r} and {recipe.name!r} have the same stages: keep one.")
