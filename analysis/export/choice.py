"""Chooses the weights that an export contains: the model, the recipe, the seed, and the stages that made them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sweeper.errors import UserError, unknown
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import ModelSpec, StageSpec
from sweeper.space import Recipe, Target
from sweeper.tasks.spec import Task

from ..results.best import NAMED, best_per_target, first_seed_scores, reason
from ..results.load import RunData
from ..results.names import check_recipe, one_model


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What to export; "" and None are chosen by `choose_export`."""

    target: str = ""
    recipe: str = ""
    model: str = ""
    seed: int | None = None
    with_head: bool = False
    """Whether the trained target is exported with its head, and not the encoder that the recipe prepared."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The weights to export, and the cell they belong to."""

    model: ModelSpec
    recipe: str
    seed: int
    by: str
    """The reason for the recipe, in words."""
    encoder: tuple[StageSpec, ...]
    """The stages that made the weights. Without the head, they do not include the stages of a target that trains."""
    num_recipe_stages: int
    """Number of these stages that belong to the recipe; further ones belong to the target."""
    record: TrainingRecord
    """The training of the cell; without a target, a training that starts from the encoder, or that made it."""
    scores: tuple[ScoreRecord, ...] = ()
    """The scores of the cell; empty without a target."""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """Name -> task, with absolute paths of local data, for the tasks of all stages and scores."""
    with_head: bool = False
    is_seed_named: bool = False

    @property
    def target(self) -> str:
        """The target, or "" if the encoder is exported for no target in particular."""
        return self.scores[0].target if self.scores else ""

    @property
    def later(self) -> tuple[StageSpec, ...]:
        """The stages that follow `encoder` and come before the scoring."""
        return self.record.spec.chain[len(self.encoder) :] if self.scores else ()


def choose_export(data: RunData, options: ExportOptions) -> Chosen:
    """The weights that the options select.

    Without a recipe it is the best one of the target (`best_per_target`), and without a seed the first replicate seed
    with a score on the target, however high the score is. No reported score takes part in the choice. Without a target
    it is the encoder that the recipe prepared, by default that of the first replicate seed.

    With a target that trains, but without its head, the encoder is that of the recipe, because users will train the
    stages of the target again. For a target that scores the encoder itself (retrieval), it is the encoder that was
    scored, with stages of the target.

    Raises UserError if a name is unknown, if no recipe can be chosen, if the baseline is the best one, or if the recipe
    has no result yet.
    """
    space = data.space
    names = [column.task for column in space.targets]
    if options.target and options.target not in names:
        raise unknown("target", options.target, names)
    if options.seed is not None and options.seed not in space.seeds:
        raise UserError(f"The run has no replicate seed {options.seed}. Its seeds: {', '.join(map(str, space.seeds))}.")
    model = one_model(space, options.model)
    if options.target:
        return _of_target(data, model, space.targets[names.index(options.target)], options)
    if options.with_head:
        raise UserError(f"--with-head needs --target TARGET, the task of the head. Targets: {', '.join(names)}.")
    if not options.recipe:
        raise UserError("Name what to export: --recipe RECIPE, or --target TARGET for the best recipe of a target.")
    return _of_recipe(data, model, check_recipe(space, options.recipe), options.seed)


def _of_target(data: RunData, model: str, target: Target, options: ExportOptions) -> Chosen:
    """The weights of the named or best recipe, with the named or first seed that has a score on the target."""
    named, space = options.recipe, data.space
    if options.with_head and not space.task(target.task).training_task:
        raise UserError(
            f"Target {target.task!r} scores the encoder itself and trains no head. Without --with-head, the encoder is "
            "exported."
        )
    recipe, by = (check_recipe(space, named), NAMED) if named else _best_recipe(data, model, target, options)
    seeds = None if options.seed is None else (options.seed,)
    scores = first_seed_scores(data, model, recipe, target.task, seeds)
    if not scores:
        seed = "" if options.seed is None else f" with seed {options.seed}"
        raise UserError(f"{recipe} -> {target.task} has no {space.evaluate} score{seed} yet: run the sweep first.")
    record = next(record for record in data.replicates if record.key == scores[0].training)
    num_recipe_stages = len(record.spec.chain) - space.num_trained(target)
    is_whole = options.with_head or scores[0].scores_encoder
    encoder = record.spec.chain if is_whole else record.spec.chain[:num_recipe_stages]
    if not encoder:
        raise _is_pretrained(recipe, record.spec.model)
    return Chosen(
        model=record.spec.model,
        recipe=recipe,
        seed=record.spec.seed,
        by=by,
        encoder=encoder,
        num_recipe_stages=num_recipe_stages,
        record=record,
        scores=tuple(scores),
        tasks={task.name: task for task in record.spec.tasks},
        with_head=options.with_head,
        is_seed_named=options.seed is not None,
    )


def _of_recipe(data: RunData, model: str, name: str, seed: int | None) -> Chosen:
    """The encoder that a recipe prepared, with the named seed or the first one that has finished."""
    recipe = next(recipe for recipe in data.space.recipes if recipe.name == name)
    num_stages = len(recipe.stages)
    if not num_stages:
        spec = next((record.spec.model for record in data.replicates if record.spec.model.name == model), None)
        raise _is_pretrained(name, spec)
    seeds = data.space.seeds if seed is None else (seed,)
    records = {record.spec.seed: record for record in _prepared(data, model, recipe)}
    record = next((records[number] for number in seeds if number in records), None)
    if record is None:
        of_seed = "" if seed is None else f" with seed {seed}"
        raise UserError(f"No encoder of recipe {name!r}{of_seed} has finished yet: run the sweep first.")
    return Chosen(
        model=record.spec.model,
        recipe=name,
        seed=record.spec.seed,
        by=NAMED,
        encoder=record.spec.chain[:num_stages],
        num_recipe_stages=num_stages,
        record=record,
        tasks={task.name: task for task in record.spec.tasks},
        is_seed_named=seed is not None,
    )


def _prepared(data: RunData, model: str, recipe: Recipe) -> Iterator[TrainingRecord]:
    """The replicates that start from the encoder of a recipe, or train it; recipes may share an encoder."""
    for record in data.replicates:
        spec = record.spec
        if spec.model.name == model and spec.recipe == recipe.name and len(spec.chain) >= len(recipe.stages):
            yield record


def _is_pretrained(recipe: str, model: ModelSpec | None) -> UserError:
    name = f", {model.id}" if model else ""
    return UserError(f"The encoder of {recipe!r} is the pretrained one{name}: nothing to export.")


def _best_recipe(data: RunData, model: str, target: Target, options: ExportOptions) -> tuple[str, str]:
    """The best recipe of a target, and the reason in words.

    Raises UserError if it is the baseline, whose encoder is the pretrained one, unless the head is exported too.
    """
    space = data.space
    best = best_per_target(data, model, [target.task])[target.task]
    if space.baseline is not None and best.recipe == space.baseline.name and not options.with_head:
        encoder = "the pretrained encoder" + (" with the target's own stages" if target.before else "")
        raise UserError(
            f"No recipe is better than the baseline on {target.task!r}: {encoder} has the highest selection value. "
            "--recipe NAME exports the encoder of another recipe."
        )
    return best.recipe, reason(target.task, best, len(space.recipes))
