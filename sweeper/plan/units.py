"""What a space amounts to: units, each trained (or only scored) once a seed, and what each waits for. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sweeper.errors import UserError
from sweeper.records.spec import Role
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

    def search_name(self, number: int) -> str:
        """Name of search trial `number`: `UNIT/search NUMBER`."""
        return f"{self.name}/search {number}"

    def replicate_name(self, seed: int) -> str:
        """Name of the replicate with a seed: `UNIT/seed SEED`."""
        return f"{self.name}/seed {seed}"

    def trial_name(self, role: Role, number: int) -> str:
        """Name of a trial; `number` is the number of a search trial, or the seed of a replicate."""
        return self.search_name(number) if role == "search" else self.replicate_name(number)


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

    def trials(self, unit: Unit) -> Iterator[tuple[Role, int]]:
        """Role of each trial of a unit, with the number of a search trial or the seed of a replicate."""
        yield from (("search", number) for number in range(self.num_search(unit)))
        yield from (("replicate", seed) for seed in self.seeds(unit))


def make_plan(space: Space) -> Plan:
    """The units of a space: the baseline's row first, then the recipes in their order.

    Recipes that begin alike share the units of what they have in common. Raises UserError if two chains have one name.
    """
    recipes = sorted(space.recipes, key=lambda recipe: bool(recipe.stages))
    units: dict[str, Unit] = {}
    for model in space.models:
        for row, recipe in enumerate(recipes):
            for unit in (*_preparations(space, model, recipe, row), *_cells(space, model, recipe, row)):
                _check_name(unit, units.setdefault(unit.name, unit))
    return Plan(space=space, units=tuple(units.values()))


def _check_name(unit: Unit, first: Unit) -> None:
    """Names of rows may hold the signs that names of units are made with: then two could meet."""
    if (unit.kind, unit.stages) != (first.kind, first.stages):
        raise UserError(
            f"Two trainings would be called {unit.name!r}, and their stages differ: give the recipe of that name "
            "another name, without ' + ' and ' -> '."
        )


def _preparations(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    """The stages of a row, then those that targets put between it and their own training."""
    chains = [recipe.stages, *((*recipe.stages, *before) for before in _befores(space))]
    for stages in [chain[:depth] for chain in chains for depth in range(1, len(chain) + 1)]:
        row_name = _row_name(space, stages)
        name = f"{model.name}/{row_name}"
        yield Unit(
            name=name,
            kind="prepare",
            model=model,
            recipe=row_name,
            row=row,
            stages=stages,
            parent=_leaver(space, model, stages[:-1]),
            study=_study_before(space, model, recipe, stages) if stages[-1].dials else "",
            keep=True,
            keep_search=_search_starts_here(space, stages),
        )


def _befores(space: Space) -> list[tuple[Stage, ...]]:
    """What targets put before their own training, each once."""
    found: list[tuple[Stage, ...]] = []
    for target in space.targets:
        if target.before and target.before not in found:
            found.append(target.before)
    return found


def _leaver(space: Space, model: Model, stages: tuple[Stage, ...]) -> str:
    """Name of the unit that leaves the encoder of a chain; "" for the pretrained one."""
    return f"{model.name}/{_row_name(space, stages)}" if stages else ""


def _row_name(space: Space, stages: tuple[Stage, ...]) -> str:
    """`ROW`, `ROW[:2]` for the beginning of a row, `ROW + TASK` for a row and what a target puts behind it."""
    if _is_of_a_row(space, stages):
        same = [recipe.name for recipe in space.recipes if recipe.stages == stages]
        return same[0] if same else f"{_first_with(space, stages).name}[:{len(stages)}]"
    recipe, before = next(
        (recipe, before[:depth])
        for recipe in space.recipes
        for before in _befores(space)
        for depth in range(1, len(before) + 1)
        if (*recipe.stages, *before[:depth]) == stages
    )
    return _extended_name(space, recipe, before)


def _extended_name(space: Space, recipe: Recipe, before: tuple[Stage, ...]) -> str:
    return f"{recipe.name} + {_before_name(space, before)}"


def _before_name(space: Space, before: tuple[Stage, ...]) -> str:
    name = _tasks(before)
    others = [one for one in _befores(space) if _tasks(one[: len(before)]) == name and one[: len(before)] != before]
    owners = [target.task for target in space.targets if target.before[: len(before)] == before]
    return f"{name} ({', '.join(owners)})" if others else name


def _tasks(stages: tuple[Stage, ...]) -> str:
    return " + ".join(", ".join(stage.tasks) for stage in stages)


def _is_of_a_row(space: Space, stages: tuple[Stage, ...]) -> bool:
    return any(recipe.stages[: len(stages)] == stages for recipe in space.recipes)


def _first_with(space: Space, stages: tuple[Stage, ...]) -> Recipe:
    return next(recipe for recipe in space.recipes if recipe.stages[: len(stages)] == stages)


def _search_starts_here(space: Space, stages: tuple[Stage, ...]) -> bool:
    """Whether a later stage or a target is searched on the encoder that these stages leave."""
    depth = len(stages)
    for recipe in space.recipes:
        chains = [recipe.stages]
        if space.search.scope == "cell" or not recipe.stages:
            chains += [(*recipe.stages, *target.before, *_own(space, target)) for target in space.targets]
        if any(len(chain) > depth and chain[:depth] == stages and chain[depth].dials for chain in chains):
            return True
    return False


def _own(space: Space, target: Target) -> tuple[Stage, ...]:
    """A target's own training; none where it trains nothing."""
    task = space.task(target.task).training_task
    return (Stage(tasks=(task,), training=target.training, dials=target.dials),) if task else ()


def _cells(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    for targets in _shared_trainings(space):
        before, own = targets[0].before, _own(space, targets[0])
        training = _training_name(own[0].tasks[0], targets, space) if own else ""
        prepared = _extended_name(space, recipe, before) if before else recipe.name
        yield Unit(
            name=_target_name(model, recipe, training) if own else _scores_name(model, prepared),
            kind="target" if own else "score",
            model=model,
            recipe=recipe.name,
            row=row,
            task=own[0].tasks[0] if own else "",
            stages=(*recipe.stages, *before, *own),
            parent=_leaver(space, model, (*recipe.stages, *before)),
            study=_target_study(space, model, recipe, training) if own and targets[0].dials else "",
            targets=tuple(targets),
            keep=bool(own) and space.keep_targets,
        )


def _shared_trainings(space: Space) -> list[list[Target]]:
    """Targets that train alike, so that one training is scored on all of them (XQuAD and MLQA on SQuAD).

    Those that train nothing come last: they are scored together on the encoder that they share.
    """
    groups: dict[tuple[str, str], list[Target]] = {}
    for target in space.targets:
        task = space.task(target.task).training_task
        how = (target.before, target.training, target.dials) if task else (target.before,)
        groups.setdefault((task, repr(how)), []).append(target)
    return [groups[key] for key in sorted(groups, key=lambda key: not key[0])]


def _training_name(task: str, targets: Sequence[Target], space: Space) -> str:
    others = [t for t in space.targets if space.task(t.task).training_task == task and t not in targets]
    return f"{task} ({', '.join(t.task for t in targets)})" if others else task


def _study_before(space: Space, model: Model, recipe: Recipe, stages: tuple[Stage, ...]) -> str:
    """The study of a preparation: its own, or the baseline's for what a target puts behind a row."""
    if space.search.scope == "target" and not _is_of_a_row(space, stages):
        return _leaver(space, model, stages[len(recipe.stages) :])
    return _leaver(space, model, stages)


def _target_study(space: Space, model: Model, recipe: Recipe, training: str) -> str:
    """The unit whose study chooses the dials of a target training: its own, or the baseline's."""
    is_own = space.search.scope == "cell" or space.baseline is None
    return _target_name(model, recipe if is_own or space.baseline is None else space.baseline, training)


def _target_name(model: Model, recipe: Recipe, training: str) -> str:
    return f"{model.name}/{recipe.name} -> {training}"


def _scores_name(model: Model, prepared: str) -> str:
    return f"{model.name}/{prepared} = scores"


KINDS = {"search": "search trials", "prepare": "preparations", "target": "target trainings", "score": "encoder scores"}


def kind_of(spec_kind: str, role: str) -> str:
    """The bar that a trial counts on."""
    return "search" if role == "search" else spec_kind
