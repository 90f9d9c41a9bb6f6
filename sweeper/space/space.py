"""The class Space: models, recipes, targets, seeds and search, validated against each other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Annotated, Literal

from pydantic import Field

from sweeper.errors import PartError, UserError, unknown
from sweeper.files.serialize import FORMAT
from sweeper.formats.table import check_tasks, with_scorer
from sweeper.space.condition import CLEAN
from sweeper.space.contrast import DIFFICULTIES, DISTANCES, Claim, Contrast
from sweeper.space.contrast_check import Names, check_contrasts
from sweeper.space.dials import check_counts, check_grid
from sweeper.space.factors import distances_from_english, numeric_factors
from sweeper.space.model import Model
from sweeper.space.search import SEARCH_SEED, Search
from sweeper.space.stage import Recipe, Stage, check_stage, tasks_of
from sweeper.space.target import Target, check_target
from sweeper.space.twins import has_twin, twin_of
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task
from sweeper.typed import check_fields


@dataclass(frozen=True, kw_only=True)
class Space:
    """Everything that one sweep covers. `dataclasses.replace` creates variants."""

    name: str
    title: str = ""
    models: tuple[Model, ...]
    recipes: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    tasks: tuple[Task, ...] = ()
    """Tasks of the user, in addition to those of the catalog."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """Replicate seeds. `--set seeds=5` means 1 to 5."""
    search: Search = field(default_factory=Search)
    evaluate: Literal["dev", "test"] = "dev"
    """The split on which every cell is scored. A matrix never mixes dev and test scores."""
    eval_cap: int | None = None
    """Maximum evaluation examples per language. Parallel data sets have the same examples in every language."""
    sample_seed: int = 0
    """Seed that decides which examples a cap keeps."""
    keep_targets: bool = False
    """Whether trained targets (body and head) are stored. If they are, a new language needs only scoring."""
    keep_encoders: Annotated[Literal["all", "needed"], Field(exclude_if=lambda value: value == "all")] = "all"
    """Which prepared encoders are stored: all of them, or only those that a trial of the space still needs. A removed
    encoder is trained again if the space grows and a new trial starts from it."""
    format: int = FORMAT
    """Version of the JSON layout. The sweeper rejects a space or run folder that another version of it wrote."""
    log_probabilities: bool = True
    """Whether the outcomes of each score have the log-probabilities of the correct answer and of the prediction. They
    add about 8 bytes for each example to the ledger, and change no metric."""
    predictors: bool = False
    """Whether predictors of transfer (LogME, H-score, accuracy of nearest neighbours) of each prepared encoder are
    computed for each target for classification, multiple choice or tagging. They need forward passes only."""
    null_twins: bool = False
    """Whether each recipe of one task has a twin whose last stage trains on the same labels without input, for usable
    information (docs/questions.md). A twin has no target. Tasks without dev data, and formats without such an input,
    have none."""
    cartography: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether the trainings of recipes record how probable the gold label of each example was whenever they saw it
    (dataset cartography, docs/questions.md), for tasks whose examples have one label and trainings with one process. It
    changes no result and needs no further pass."""
    folder: str = field(default="", compare=False)
    """Folder of the space file, from which relative paths of data sets, models and translations start; "" means the
    working directory. `load_space` inserts it. No result depends on it."""
    world: str = ""
    """Synthetic world that provides the data if no mirror is given: `demo`, `demo:truth_seed=3,scale=10`."""
    contrasts: tuple[Contrast, ...] = ()
    """Planned comparisons of cells, for the report. No result of a trial depends on them."""
    claims: tuple[Claim, ...] = ()
    """Statements that need several contrasts."""
    note: Annotated[str, Field(exclude_if=lambda value: not value)] = ""
    """What the space can and cannot show. The pages of its contrasts print it. No result depends on it."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.format != FORMAT:
            raise UserError(f"The format of a space is {FORMAT} in this version, got {self.format}.")
        # The class is frozen, and the scorer of a task can only be inserted where the formats are known. Tasks are
        # checked first, because the checks of stages and targets need valid tasks.
        object.__setattr__(self, "tasks", tuple(map(_checked, self.tasks)))
        check_tasks(CATALOG.values())
        _check_once("task", [task.name for task in self.tasks])
        _check_names("model", [model.name for model in self.models])
        _check_names("recipe", [recipe.name for recipe in self.recipes])
        _check_names("target", [target.task for target in self.targets])
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds or SEARCH_SEED in self.seeds:
            raise UserError(f"Seeds must be different and not {SEARCH_SEED} (the search uses it), got {self.seeds}.")
        if sum(not recipe.stages for recipe in self.recipes) > 1:
            raise UserError("Only one recipe can have no stages: the baseline.")
        for recipe in self.recipes:
            with _mistakes_of("recipe", recipe.name):
                for stage in recipe.stages:
                    check_stage(stage, self.task)
        for target in self.targets:
            with _mistakes_of("target", target.task):
                check_target(target, self.task, self.evaluate)
        with_twins = (*self.recipes, *self.twins.values())
        _check_once("recipe", [recipe.name for recipe in with_twins])
        _check_duplicates(with_twins)
        self._check_search()
        check_counts(self, "eval_cap")
        for model in self.models:
            if self.cartography and model.resources.processes > 1:
                raise UserError(
                    f"cartography needs one process for each training, but model {model.name!r} has "
                    f"{model.resources.processes}, each of which sees a part of the examples only."
                )
            self.for_model(model)
        check_contrasts(self.contrasts, self.claims, self.contrast_names())

    def for_model(self, model: Model) -> "Space":
        """The space with the training options and dials of one of its models in all stages and targets.

        Raises UserError if a stage or target is not valid with them.
        """
        if not model.has_overrides:
            return self
        for name in model.dials:
            if name not in self.searched:
                raise UserError(f"Model {model.name!r} has the dial {name!r}, which no stage and no target searches.")
        try:
            return replace(
                self,
                models=(replace(model, training={}, dials={}),),
                # They compare models, and no trial depends on them.
                contrasts=(),
                claims=(),
                recipes=tuple(replace(recipe, stages=_overridden(recipe.stages, model)) for recipe in self.recipes),
                targets=tuple(
                    replace(model.override(target), before=_overridden(target.before, model)) for target in self.targets
                ),
            )
        except (UserError, TypeError) as error:  # TypeError: a value of the wrong type
            raise UserError(f"With the training options of model {model.name!r}: {error}") from error

    def contrast_names(self) -> Names:
        """The names that contrasts can refer to."""
        tasks = {target.task: self.task(target.task) for target in self.targets}
        scored = {name: task.dev if self.evaluate == "dev" else task.test for name, task in tasks.items()}
        languages = {target.task: target.languages or tuple(scored[target.task]) for target in self.targets}
        factors = {
            "model": numeric_factors((model.name, model.covariates) for model in self.models),
            "recipe": numeric_factors((recipe.name, recipe.factors) for recipe in self.recipes),
            "language": distances_from_english(dict.fromkeys(chain.from_iterable(languages.values()))),
        }
        return Names(
            model=[model.name for model in self.models],
            recipe=[recipe.name for recipe in self.recipes],
            baseline=self.baseline.name if self.baseline else "",
            target=list(tasks),
            condition={
                target.task: (CLEAN, *(condition.name for condition in target.conditions)) for target in self.targets
            },
            language=languages,
            factors=factors,
            measured=self._measured(),
        )

    def _measured(self) -> dict[str, list[str]]:
        """Covariate -> the recipes for which a run measures it."""
        compared = [recipe.name for recipe in self.recipes if recipe.stages and self.predictors]
        single = [recipe.name for recipe in self.recipes if len(tasks_of(recipe.stages, masked=False)) == 1]
        return {
            **dict.fromkeys(DISTANCES, compared),
            **dict.fromkeys(DIFFICULTIES, single),
            "usable_information": list(self.twins),
        }

    @property
    def file_name(self) -> str:
        """The name without slashes, for names of files and of projects of trackers."""
        return self.name.replace("/", "-")

    @property
    def searched(self) -> frozenset[str]:
        """The names of the dials of all stages and targets."""
        dials = (*(stage.dials for stage in self.stages), *(target.dials for target in self.targets))
        return frozenset(name for names in dials for name in names)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of all recipes and targets."""
        chains = (*(recipe.stages for recipe in self.recipes), *(target.before for target in self.targets))
        return tuple(stage for chain in chains for stage in chain)

    def _check_search(self) -> None:
        """Raise UserError if a stage, a target or a recipe does not allow the search."""
        if self.search.refit:
            self._check_refit()
        if self.search.sampler == "grid":
            self._check_grids()
        # A search per target runs on the pretrained encoder, which only the baseline uses unchanged.
        for option, value in (("scope", "target"), ("prior", "baseline")):
            if getattr(self.search, option) == value and self.baseline is None:
                raise UserError(f"search.{option} = {value!r} searches on the baseline: add a recipe without stages.")
        raced = sorted(set(self.search.race_seeds) & set(self.seeds)) if self.search.race else []
        if raced:
            raise UserError(
                f"Replicate seeds must not be among search.race_seeds, because these choose the dials, got {raced} in "
                "both. Use other race_seeds."
            )
        names = [recipe.name for recipe in self.recipes]
        for name in self.search.wave:
            if name not in names:
                raise unknown("recipe of search.wave", name, names)
        _check_once("recipe of search.wave", self.search.wave)

    def _check_grids(self) -> None:
        """Raise UserError if a study has a dial without listed values."""
        for recipe in self.recipes:
            for stage in recipe.stages:
                check_grid(stage.dials, f"recipe {recipe.name!r}")
        for target in self.targets:
            for dials in (*(stage.dials for stage in target.before), target.dials):
                check_grid(dials, f"target {target.task!r}")

    def _check_refit(self) -> None:
        """Raise UserError if a training keeps the best weights, but its replicates have no selection data."""
        stages = [(f"recipe {recipe.name!r}", stage.training) for recipe in self.recipes for stage in recipe.stages]
        for target in self.targets:
            owner, trained = f"target {target.task!r}", self.task(target.task).training_task
            stages += [(owner, stage.training) for stage in target.before]
            if trained and not self.selects_on_dev(trained):
                stages.append((owner, target.training))
        owners = [owner for owner, training in stages if training.keep == "best"]
        if owners:
            raise UserError(
                f"search.refit trains replicates on all rows, so {owners[0]} has no selection data left for keep = "
                "'best'. Use keep = 'last' there, or refit = False."
            )

    @property
    def baseline(self) -> Recipe | None:
        """The recipe without stages, if the space has one."""
        return next((recipe for recipe in self.recipes if not recipe.stages), None)

    @property
    def first_wave(self) -> tuple[str, ...]:
        """The recipes from whose studies those of the other cells of a column start; empty without `Search.prior`."""
        if self.search.prior == "baseline" and self.baseline:
            return (self.baseline.name,)
        return self.search.wave

    @property
    def twins(self) -> dict[str, Recipe]:
        """Recipe -> its twin without input; empty without `null_twins`."""
        recipes = self.recipes if self.null_twins else ()
        return {recipe.name: twin_of(recipe) for recipe in recipes if has_twin(recipe, self.task)}

    def catalog(self) -> dict[str, Task]:
        """Name -> task: the catalog, overridden by the tasks of the space."""
        return {**CATALOG, **{task.name: task for task in self.tasks}}

    def trained_tasks(self, target: Target) -> tuple[str, ...]:
        """The tasks that a target trains on after the encoder of the recipe, each once. Empty if it trains nothing."""
        names = (*tasks_of(target.before), self.task(target.task).training_task)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def read_tasks(self) -> frozenset[str]:
        """The names of the tasks whose rows a recipe or target reads."""
        trained = (name for target in self.targets for name in self.trained_tasks(target))
        scored = (name for target in self.targets for name in (target.task, self.task(target.task).pool))
        return frozenset(name for name in (*tasks_of(self.stages), *trained, *scored) if name)

    def num_trained(self, target: Target) -> int:
        """The number of stages that a target adds to those of the recipe."""
        return len(target.before) + bool(self.task(target.task).training_task)

    def selects_on_dev(self, target_task: str) -> bool:
        """Whether the training of a target is selected on a separate English dev split, which is not reported.

        Otherwise the selection data are set aside from the training data, as in every stage. `target_task` is the task
        that is trained.
        """
        task = self.task(target_task)
        return self.evaluate == "test" and bool(task.dev and task.test) and not task.single_split

    def task(self, name: str) -> Task:
        """The task with that name. Raises UserError with the nearest name if no task has that name."""
        catalog = self.catalog()
        if name not in catalog:
            raise unknown("task", name, catalog)
        return catalog[name]


@contextmanager
def _mistakes_of(term: str, name: str) -> Iterator[None]:
    """Add the name of a part of the space to the errors about it."""
    try:
        yield
    except UserError as error:
        raise PartError(term, name, str(error)) from error


def _checked(task: Task) -> Task:
    """The task with its scorer. Raises UserError if its format or scorer does not exist."""
    with _mistakes_of("task", task.name):
        complete = with_scorer(task)
        check_tasks((complete,))
    return complete


def _overridden(stages: tuple[Stage, ...], model: Model) -> tuple[Stage, ...]:
    return tuple(model.override(stage) for stage in stages)


def _check_names(term: str, names: Sequence[str]) -> None:
    if not names:
        raise UserError(f"A space needs at least one {term}.")
    _check_once(term, names)
    for name in names:
        # Names of units are made from these names and slashes.
        if name.splitlines() != [name] or "/" in name:
            raise UserError(f"The name of a {term} must be one line without '/', and not empty, got {name!r}.")


def _check_once(term: str, names: Sequence[str]) -> None:
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise UserError(f"A space can have each {term} only once, got {', '.join(duplicates)} more than once.")


def _check_duplicates(recipes: tuple[Recipe, ...]) -> None:
    for number, recipe in enumerate(recipes):
        for other in recipes[:number]:
            # Equal stages have equal keys, so both rows would show the same trainings.
            if recipe.stages == other.stages:
                raise UserError(f"Recipes {other.name!r} and {recipe.name!r} have the same stages. Remove one of them.")
