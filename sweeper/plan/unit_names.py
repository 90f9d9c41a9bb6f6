"""Names of units: of the chains that they train, of target trainings, and of the units whose studies they use."""

from collections.abc import Sequence

from sweeper.space import Model, Recipe, Space, Stage, Target


def added_chains(space: Space) -> list[tuple[Stage, ...]]:
    """The chains that targets add before their own training, without duplicates."""
    chains: list[tuple[Stage, ...]] = []
    for target in space.targets:
        # Stages have no hash: their dials are mappings.
        if target.before and target.before not in chains:
            chains.append(target.before)
    return chains


def encoder_unit(space: Space, model: Model, stages: tuple[Stage, ...]) -> str:
    """Name of the unit that produces the encoder of a chain; "" for the pretrained one."""
    return f"{model.name}/{chain_name(space, stages)}" if stages else ""


def chain_name(space: Space, stages: tuple[Stage, ...]) -> str:
    """`RECIPE`, `RECIPE[:2]` for its first two stages, `RECIPE + TASK` for a recipe and a stage that a target adds."""
    matches = [recipe for recipe in space.recipes if recipe.stages[: len(stages)] == stages]
    if matches:
        same = [recipe.name for recipe in matches if recipe.stages == stages]
        return same[0] if same else f"{matches[0].name}[:{len(stages)}]"
    recipe, before = next(
        (recipe, before[:depth])
        for recipe in space.recipes
        for before in added_chains(space)
        for depth in range(1, len(before) + 1)
        if (*recipe.stages, *before[:depth]) == stages
    )
    return extended_name(space, recipe, before)


def extended_name(space: Space, recipe: Recipe, before: tuple[Stage, ...]) -> str:
    """Name of the chain of a recipe and stages that a target adds."""
    return f"{recipe.name} + {_added_name(space, before)}"


def _added_name(space: Space, before: tuple[Stage, ...]) -> str:
    """The tasks of a chain that targets add; with the targets if another added chain has the same tasks."""
    name, depth = _task_names(before), len(before)
    beginnings = [chain[:depth] for chain in added_chains(space)]
    is_ambiguous = any(_task_names(chain) == name and chain != before for chain in beginnings)
    users = [target.task for target in space.targets if target.before[:depth] == before]
    return f"{name} ({', '.join(users)})" if is_ambiguous else name


def _task_names(stages: tuple[Stage, ...]) -> str:
    return " + ".join(", ".join(stage.tasks) for stage in stages)


def _begins_a_recipe(space: Space, stages: tuple[Stage, ...]) -> bool:
    return any(recipe.stages[: len(stages)] == stages for recipe in space.recipes)


def training_name(task: str, targets: Sequence[Target], space: Space) -> str:
    """The training task; with the targets if other targets train on the same task in another way."""
    same_task = [target for target in space.targets if space.task(target.task).training_task == task]
    is_ambiguous = any(target not in targets for target in same_task)
    return f"{task} ({', '.join(target.task for target in targets)})" if is_ambiguous else task


def target_label(recipe: Recipe, training: str) -> str:
    """Label of the training on a target after a recipe."""
    return f"{recipe.name} -> {training}"


def preparation_study(space: Space, model: Model, recipe: Recipe, stages: tuple[Stage, ...]) -> str:
    """The unit whose study chooses the dials of a preparation.

    With scope "target", a stage that a target adds takes its dials from the baseline, as the target itself does.
    """
    if space.search.scope == "target" and not _begins_a_recipe(space, stages):
        return encoder_unit(space, model, stages[len(recipe.stages) :])
    return encoder_unit(space, model, stages)


def target_study(space: Space, model: Model, recipe: Recipe, training: str) -> str:
    """The unit whose study chooses the dials of a target training: its own, or with scope "target" the baseline's."""
    baseline = space.baseline
    owner = recipe if space.search.scope == "cell" or baseline is None else baseline
    return f"{model.name}/{target_label(owner, training)}"


def prior_units(space: Space, model: Model, recipe: Recipe, training: str) -> tuple[str, ...]:
    """The units of the first wave with the same training; none for a recipe of the wave itself."""
    if recipe.name in space.first_wave:
        return ()
    wave = [other for other in space.recipes if other.name in space.first_wave]
    return tuple(f"{model.name}/{target_label(other, training)}" for other in wave)
