"""What a space amounts to: units, each trained (or only scored) once a seed, and what each waits for. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sweeper.space import Model, Recipe, Space, Stage, Target

Kind = Literal["prepare", "target", "score"]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One row of work: a stage of a recipe, a target training after a recipe, or the scoring of a prepared encoder."""

    name: str
    """`MODEL/RECIPE` for a preparation, `MODEL/RECIPE -> TASK` for a target training, `MODEL/RECIPE = scores`."""
    kind: Kind
    model: Model
    recipe: str
    row: int
    """Number of the matrix row it belongs to: rows are filled one after the other, the baseline first."""
    task: str = ""
    """The training task of a target training."""
    stages: tuple[Stage, ...]
    """The whole chain, its own stage last; of a scoring, the encoder's chain."""
    parent: str = ""
    """The unit that leaves the encoder it starts from; "" for the pretrained one."""
    study: str = ""
    """The unit whose study chooses its dials: itself, the baseline's, or "" if nothing is searched."""
    targets: tuple[Target, ...] = ()
    """What is scored afterwards."""
    keep: bool = False
    """Whether what its replicates leave is stored."""
    keep_search: bool = False
    """Whether what its search trials leave is stored, because another unit's search starts from it."""

    @property
    def stage(self) -> Stage:
        """The stage it trains."""
        return self.stages[-1]

    @property
    def searches(self) -> bool:
        """Whether it has a study of its own."""
        return self.study == self.name


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every unit of a space, parents before children."""

    space: Space
    units: tuple[Unit, ...]

    @cached_property
    def _by_name(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    def unit(self, name: str) -> Unit:
        """The unit of that name."""
        return self._by_name[name]

    def seeds(self, unit: Unit) -> tuple[int, ...]:
        """Replicate seeds of a unit: one only where nothing depends on it (the pretrained encoder's own scores)."""
        return self.space.seeds if unit.stages else self.space.seeds[:1]

    def num_search(self, unit: Unit) -> int:
        """Search trials of a unit. One without dials runs one if another search starts from its encoder."""
        if unit.searches:
            return self.space.search.trials
        return 1 if unit.keep_search else 0


def make_plan(space: Space) -> Plan:
    """The units of a space: the baseline's row first, then the recipes in their order.

    Recipes that begin alike share the units of what they have in common.
    """
    recipes = sorted(space.recipes, key=lambda recipe: bool(recipe.stages))
    units: dict[str, Unit] = {}
    for model in space.models:
        for row, recipe in enumerate(recipes):
            for unit in (*_preparations(space, model, recipe, row), *_cells(space, model, recipe, row)):
                units.setdefault(unit.name, unit)
    return Plan(space=space, units=tuple(units.values()))


def _preparations(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    parent = ""
    for depth in range(1, len(recipe.stages) + 1):
        stages = recipe.stages[:depth]
        row_name = _row_name(space, recipe, depth)
        name = f"{model.name}/{row_name}"
        has_dials = bool(stages[-1].dials)
        yield Unit(
            name=name,
            kind="prepare",
            model=model,
            recipe=row_name,
            row=row,
            stages=stages,
            parent=parent,
            study=name if has_dials else "",
            keep=True,
            keep_search=_search_starts_here(space, stages),
        )
        parent = name


def _row_name(space: Space, recipe: Recipe, depth: int) -> str:
    stages = recipe.stages[:depth]
    same = [other.name for other in space.recipes if other.stages == stages]
    return same[0] if same else f"{_first_with(space, stages).name}[:{depth}]"


def _first_with(space: Space, stages: tuple[Stage, ...]) -> Recipe:
    return next(recipe for recipe in space.recipes if recipe.stages[: len(stages)] == stages)


def _search_starts_here(space: Space, stages: tuple[Stage, ...]) -> bool:
    """Whether a later stage or a target is searched on the encoder that these stages leave."""
    longer = [
        r.stages[len(stages)]
        for r in space.recipes
        if len(r.stages) > len(stages) and r.stages[: len(stages)] == stages
    ]
    if any(stage.dials for stage in longer):
        return True
    is_row = any(recipe.stages == stages for recipe in space.recipes)
    return is_row and space.search.scope == "cell" and any(target.dials for target in space.targets)


def _cells(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    parent = f"{model.name}/{recipe.name}" if recipe.stages else ""
    for task, targets in _shared_trainings(space).items():
        if not task[0]:
            continue
        name = f"{model.name}/{recipe.name} -> {_training_name(task[0], targets, space)}"
        stage = Stage(tasks=(task[0],), training=targets[0].training, dials=targets[0].dials)
        yield Unit(
            name=name,
            kind="target",
            model=model,
            recipe=recipe.name,
            row=row,
            task=task[0],
            stages=(*recipe.stages, stage),
            parent=parent,
            study=_study_of(space, model, name) if targets[0].dials else "",
            targets=tuple(targets),
            keep=space.keep_targets,
        )
    direct = tuple(target for target in space.targets if not space.task(target.task).training_task)
    if direct:
        yield Unit(
            name=f"{model.name}/{recipe.name} = scores",
            kind="score",
            model=model,
            recipe=recipe.name,
            row=row,
            stages=recipe.stages,
            parent=parent,
            targets=direct,
        )


def _shared_trainings(space: Space) -> dict[tuple[str, str], list[Target]]:
    """Targets that train alike, so that one training is scored on all of them (XQuAD and MLQA on SQuAD)."""
    groups: dict[tuple[str, str], list[Target]] = {}
    for target in space.targets:
        task = space.task(target.task).training_task
        groups.setdefault((task, repr((target.training, target.dials))), []).append(target)
    return groups


def _training_name(task: str, targets: Sequence[Target], space: Space) -> str:
    others = [t for t in space.targets if space.task(t.task).training_task == task and t not in targets]
    return f"{task} ({', '.join(t.task for t in targets)})" if others else task


def _study_of(space: Space, model: Model, name: str) -> str:
    if space.search.scope == "cell" or space.baseline is None:
        return name
    return f"{model.name}/{space.baseline.name} -> {name.split(' -> ', 1)[1]}"
