"""The units of a space: the trainings and scorings that it needs, and the dependencies between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from sweeper.errors import UserError
from sweeper.formats.table import properties_of
from sweeper.plan.unit_names import (
    added_chains,
    chain_name,
    encoder_unit,
    extended_name,
    preparation_study,
    prior_units,
    target_label,
    target_study,
    training_name,
)
from sweeper.records.spec import FORWARD_ONLY, Role, UnitKind
from sweeper.space import Model, Recipe, Space, Stage, Target

TRIAL_KINDS = {
    "search": "search trials",
    "prepare": "preparations",
    "target": "target trainings",
    "score": "encoder scores",
    "predict": "predictors of transfer",
}
"""Kind of a trial -> its name in tables, in the order in which tables list them."""


PREDICTOR_EXAMPLES = 2000
"""Largest number of training examples from which predictors of transfer are computed."""


def trial_kind(unit_kind: str, role: str) -> str:
    """Key of TRIAL_KINDS: the kind of the unit for a replicate, `search` for every other trial."""
    return unit_kind if role == "replicate" else "search"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One step of a plan: a stage of a recipe, a training on a target after a recipe, or a pass through an encoder.

    A unit has one replicate for each seed. It also has search trials if its dials are searched.
    """

    label: str
    """`RECIPE` for a preparation, `RECIPE -> TASK` for a target training, `RECIPE = scores`,
    `RECIPE = predictors`."""
    kind: UnitKind
    model: Model
    recipe: str
    row: int
    """Number of the matrix row that needs this unit. Rows run in order: the baseline, `Search.wave`, the others."""
    task: str = ""
    """Training task of a target training."""
    stages: tuple[Stage, ...]
    """The whole chain, the unit's own stage last. For a unit that trains nothing: the chain of the encoder."""
    parent: str = ""
    """Name of the unit that produces the encoder at the start; "" for the pretrained encoder."""
    study: str = ""
    """Name of the unit whose study chooses the dials: this unit or one of the baseline; "" if nothing is searched."""
    prior: tuple[str, ...] = ()
    """Names of the units from whose studies the study of this unit starts (`Search.prior`)."""
    sets_aside: bool = False
    """Whether the selection data are set aside from train: always, except for targets that select on a dev split."""
    targets: tuple[Target, ...] = ()
    """Targets that the replicates are scored on, or for which predictors are computed."""
    keep: bool = False
    """Whether the encoders of the replicates are stored."""
    keep_search: bool = False
    """Whether the encoders of the search trials are stored, because the search of another unit starts from one."""

    @property
    def name(self) -> str:
        """`MODEL/LABEL`, unique in a plan."""
        return f"{self.model.name}/{self.label}"

    @property
    def stage(self) -> Stage:
        """The stage that this unit trains."""
        return self.stages[-1]

    @property
    def trains(self) -> bool:
        """Whether the trials of the unit train the last stage."""
        return self.kind not in FORWARD_ONLY

    @property
    def searches(self) -> bool:
        """Whether the unit has its own study."""
        return self.study == self.name

    def search_name(self, number: int) -> str:
        """Name of search trial `number`: `UNIT/search NUMBER`."""
        return self.trial_name("search", number)

    def replicate_name(self, seed: int) -> str:
        """Name of the replicate with a seed: `UNIT/seed SEED`."""
        return f"{self.name}/seed {seed}"

    def trial_name(self, role: Role, number: int) -> str:
        """Name of a trial; `number` is its number in the search, the rungs or the race, or the seed of a replicate."""
        return self.replicate_name(number) if role == "replicate" else f"{self.name}/{role} {number}"

    def cell_names(self, role: Role, number: int) -> tuple[str, ...]:
        """The name of a trial with each of its targets in place of its training task: `MODEL/RECIPE -> TARGET/...`."""
        cells = (replace(self, label=f"{self.recipe} -> {target.task}") for target in self.targets)
        return tuple(cell.trial_name(role, number) for cell in cells)


PlannedTrial = tuple[str, Role, int]
"""Name of a unit, role, and number in the search or race, or seed of the replicate."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All units of a space. A unit comes after its parent and after the owner of its study."""

    space: Space
    units: tuple[Unit, ...]
    part: frozenset[PlannedTrial] | None = None
    """The trials that run, if not all of them run (plan/only.py, plan/budget.py)."""
    waves: Mapping[PlannedTrial, int] = field(default_factory=dict)
    """With a budget: the wave of each trial. Trials of a wave run before those of the next one."""

    @cached_property
    def _by_name(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    def unit(self, name: str) -> Unit:
        """The unit with that name. Raises KeyError for an unknown name."""
        return self._by_name[name]

    def lineage(self, unit: Unit) -> tuple[Unit, ...]:
        """The units that train the stages of a unit's chain, in the order of the stages."""
        earlier = self.lineage(self.unit(unit.parent)) if unit.parent else ()
        return (*earlier, unit) if unit.trains else earlier

    def seeds(self, unit: Unit) -> tuple[int, ...]:
        """Replicate seeds of a unit. Scores of the pretrained encoder do not depend on it and have only the first."""
        return self.space.seeds if unit.stages else self.space.seeds[:1]

    def num_search(self, unit: Unit) -> int:
        """Number of search trials. A unit without dials has one if another search starts from its encoder."""
        if unit.searches:
            return self.space.search.num_trials(unit.stage.dials, has_prior=bool(unit.prior))
        return 1 if unit.keep_search else 0

    def num_race(self, unit: Unit) -> int:
        """Number of trials in the race of a unit: one for each of the best dials and each seed of the race."""
        search = self.space.search
        num_dials = [self.num_search(unit), *self.rung_sizes(unit)][-1]
        return min(search.race, num_dials) * len(search.race_seeds) if unit.searches else 0

    def rung_sizes(self, unit: Unit) -> list[int]:
        """Number of trials of each rung of a unit after its search trials."""
        return self.space.search.rung_sizes(self.num_search(unit)) if unit.searches else []

    def rung_numbers(self, unit: Unit, level: int) -> range:
        """The numbers of the trials of one rung of a unit; those of level 0 are search trials."""
        sizes = [0, *self.rung_sizes(unit)] if level else [self.num_search(unit)]
        return range(sum(sizes[:level]), sum(sizes[: level + 1]))

    def studied(self, unit: Unit) -> Iterator[tuple[Role, int]]:
        """Role and number of all trials that choose the dials of a unit's study: its search, rungs and race."""
        yield from (("search", number) for number in range(self.num_search(unit)))
        yield from (("rung", number) for number in range(sum(self.rung_sizes(unit))))
        yield from (("race", number) for number in range(self.num_race(unit)))

    def trials(self, unit: Unit) -> Iterator[tuple[Role, int]]:
        """Role of each trial of a unit, with its number in the search or race, or the seed of a replicate.

        Without the trials that are not in the part that runs.
        """
        trials: list[tuple[Role, int]] = [*self.studied(unit), *(("replicate", seed) for seed in self.seeds(unit))]
        yield from (trial for trial in trials if self.part is None or (unit.name, *trial) in self.part)


def make_plan(space: Space) -> Plan:
    """The units of a space: first those of the baseline, then those of each recipe in the order of the space.

    Recipes that begin with the same stages share the units of those stages. Raises UserError if two different chains
    would get the same name.
    """
    units: dict[str, Unit] = {}
    for model in space.models:
        own = space.for_model(model)
        for row, recipe in enumerate(_in_order(own)):
            for unit in (unit for part in PARTS for unit in part(own, model, recipe, row)):
                _check_name(unit, units.setdefault(unit.name, unit))
    return Plan(space=space, units=tuple(units.values()))


def _in_order(space: Space) -> list[Recipe]:
    """The recipes in the order of their rows: the baseline, the first wave of a search, then the others."""
    # The sort is stable, so that all other recipes keep their order.
    return sorted(space.recipes, key=lambda recipe: (bool(recipe.stages), recipe.name not in space.search.wave))


def _check_name(unit: Unit, first: Unit) -> None:
    """Raise UserError if two different units have one name: the name of a recipe may contain ' + ' or ' -> '."""
    if (unit.kind, unit.stages) != (first.kind, first.stages):
        raise UserError(
            f"Two different trainings would have the name {unit.name!r}. Rename the recipe whose name contains ' + ' "
            "or ' -> '."
        )


def _preparations(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    """Units of the stages of a recipe, then of the stages that targets add between the recipe and their own training.

    Yields a unit again for each chain that contains it.
    """
    chains = [recipe.stages, *((*recipe.stages, *before) for before in added_chains(space))]
    # Every beginning of a chain is a unit: its encoder is the start of the next stage.
    for stages in [chain[:depth] for chain in chains for depth in range(1, len(chain) + 1)]:
        name = chain_name(space, stages)
        yield Unit(
            label=name,
            kind="prepare",
            model=model,
            recipe=name,
            row=row,
            stages=stages,
            parent=encoder_unit(space, model, stages[:-1]),
            study=preparation_study(space, model, recipe, stages) if stages[-1].dials else "",
            sets_aside=True,
            keep=True,
            keep_search=_search_starts_here(space, stages),
        )


def _search_starts_here(space: Space, stages: tuple[Stage, ...]) -> bool:
    """Whether the next stage of a recipe or target is searched on the encoder that these stages produce."""
    depth = len(stages)
    for recipe in space.recipes:
        if recipe.stages[:depth] != stages[: len(recipe.stages)]:
            continue  # checked first: the stages of the targets below take long to make
        chains = [recipe.stages]
        # With scope "target" a target is searched after the baseline only.
        if space.search.scope == "cell" or not recipe.stages:
            chains += [(*recipe.stages, *target.before, *_target_stages(space, target)) for target in space.targets]
        if any(len(chain) > depth and chain[:depth] == stages and chain[depth].dials for chain in chains):
            return True
    return False


def _target_stages(space: Space, target: Target) -> tuple[Stage, ...]:
    """The target's own training as a stage; empty for a target that trains nothing."""
    task = space.task(target.task).training_task
    return (Stage(tasks=(task,), training=target.training, dials=target.dials),) if task else ()


def _cells(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    """Units that fill the cells of a recipe: target trainings, then scorings of the encoder itself."""
    for targets in _shared_trainings(space):
        before, last = targets[0].before, _target_stages(space, targets[0])
        training = training_name(last[0].tasks[0], targets, space) if last else ""
        start = extended_name(space, recipe, before) if before else recipe.name
        yield Unit(
            label=target_label(recipe, training) if last else f"{start} = scores",
            kind="target" if last else "score",
            model=model,
            recipe=recipe.name,
            row=row,
            task=last[0].tasks[0] if last else "",
            stages=(*recipe.stages, *before, *last),
            parent=encoder_unit(space, model, (*recipe.stages, *before)),
            study=target_study(space, model, recipe, training) if last and targets[0].dials else "",
            prior=prior_units(space, model, recipe, training) if last and targets[0].dials else (),
            sets_aside=bool(last) and not space.selects_on_dev(last[0].tasks[0]),
            targets=tuple(targets),
            keep=bool(last) and space.keep_targets,
        )


def _predictors(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    """The unit that computes the predictors of transfer of a prepared encoder, if the space asks for any."""
    targets = tuple(target for target in space.targets if has_predictors(space, recipe, target))
    if space.predictors and targets:
        yield Unit(
            label=f"{recipe.name} = predictors",
            kind="predict",
            model=model,
            recipe=recipe.name,
            row=row,
            stages=recipe.stages,
            parent=encoder_unit(space, model, recipe.stages),
            targets=targets,
        )


def _twins(space: Space, model: Model, recipe: Recipe, row: int) -> Iterator[Unit]:
    """The unit of the twin without input. It has the dials of its recipe, and nothing starts from its encoder."""
    twin = space.twins.get(recipe.name)
    if twin:
        yield Unit(
            label=twin.name,
            kind="prepare",
            model=model,
            recipe=twin.name,
            row=row,
            stages=twin.stages,
            parent=encoder_unit(space, model, twin.stages[:-1]),
            study=preparation_study(space, model, recipe, recipe.stages) if twin.stages[-1].dials else "",
            sets_aside=True,
        )


PARTS = (_preparations, _cells, _predictors, _twins)
"""The units of a recipe."""


def has_predictors(space: Space, recipe: Recipe, target: Target) -> bool:
    """Whether predictors of transfer are defined: the target trains, and it has classes or the recipe has texts."""
    task = space.task(target.task).training_task
    return bool(task) and (bool(recipe.stages) or properties_of(space.task(task)).has_classes)


def _shared_trainings(space: Space) -> list[list[Target]]:
    """Targets in groups that share one training: XQuAD and MLQA are both scored after one training on SQuAD.

    Targets that train nothing come last, grouped by the encoder that they score.
    """
    groups: dict[tuple[str, str], list[Target]] = {}  # by training task ("" for none) and its settings
    for target in space.targets:
        task = space.task(target.task).training_task
        settings = (target.before, target.training, target.dials) if task else (target.before,)
        groups.setdefault((task, repr(settings)), []).append(target)  # repr, because dials have no hash
    return [groups[key] for key in sorted(groups, key=lambda key: not key[0])]
