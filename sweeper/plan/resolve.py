"""Lookups for keys: the identities of models, data and translators, and the languages that are available."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

from sweeper.data.hub import COMMIT
from sweeper.data.source import Sources, available_languages, check_task, data_identity, pinned_task
from sweeper.data.translate.identity import portable_name, translator_identity
from sweeper.errors import DataError, UserError
from sweeper.files.digests import file_digest
from sweeper.plan.only import ALL, Only
from sweeper.plan.units import make_plan
from sweeper.records.spec import DataSpec, ModelSpec, TranslationSpec
from sweeper.scoring.scorers import fits_on_dev
from sweeper.space import APERTIUM, SEARCH_SEED, Condition, Model, Space, Stage, Target, Training, Translation, tasks_of
from sweeper.tasks.spec import Split, Task


class DataRequest(NamedTuple):
    """A split of a task, as the trials of one seed read it."""

    task: str
    split: Split
    seed: int


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Turns the models, tasks and translators that a space names into specs with identities.

    Each lookup runs once. With `sources=None` nothing is looked up, and identities are "".
    """

    space: Space
    sources: Sources | None
    memo: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Identities that were looked up."""
    entries: dict[tuple[str, ...], Task] = field(default_factory=dict)
    """Task, and its seed if the data are drawn for each seed -> the entry with pinned revisions."""
    models: dict[tuple[str, int], ModelSpec] = field(default_factory=dict)
    """Name and layers of a model -> its spec."""
    available: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Task and splits -> the languages for which the source has rows."""

    def model(self, model: Model) -> ModelSpec:
        """A model with its Hub commit or the hash of its files, and an id that every worker can load."""
        key = model.name, model.layers
        if key not in self.models:
            self.models[key] = self._model(model)
        return self.models[key]

    def _model(self, model: Model) -> ModelSpec:
        if self.sources is None:
            return ModelSpec(
                name=model.name,
                id=model.id,
                revision=model.revision,
                parameters=model.parameters,
                layers=model.layers,
            )
        sources = self.sources
        identity = self._once(("model", model.name), lambda: sources.model_identity(model.id, model.revision))
        location = sources.model_location(model.id)
        in_mirror = sources.mirror is not None and Path(location).is_relative_to(sources.mirror)
        is_user_folder = location != model.id and not in_mirror
        revision = identity if location == model.id and COMMIT.fullmatch(identity) else model.revision
        # The mirror can have another path on another machine, so its models keep their Hub id.
        return ModelSpec(
            name=model.name,
            id=location if is_user_folder else model.id,
            revision=revision,
            identity=f"{identity}, lowest {model.layers} layers" if model.layers else identity,
            parameters=model.parameters,
            layers=model.layers,
        )

    def entry(self, name: str, seed: int) -> Task:
        """A task's entry for the trials of a seed: with Hub commits and absolute paths."""
        task = self.space.task(name)
        key = _draw_key(task, seed)
        if key not in self.entries:
            drawn = task.drawn(seed)
            # Pinning asks the Hub for a commit, once for each data set.
            self.entries[key] = pinned_task(drawn, self.sources) if self.sources else drawn
        return self.entries[key]

    def languages(self, target: Target) -> tuple[str, ...]:
        """Evaluation languages of a target: those that it names, or all that are available."""
        return self.available_languages(target.task) if target.languages is None else target.languages

    def available_languages(self, name: str) -> tuple[str, ...]:
        """Languages for which the source has evaluation rows of a task in every draw; without sources all of them."""
        return self._available(name, scored_splits(self.space, name))

    def mlm_languages(self, stage: Stage) -> tuple[str, ...]:
        """Languages of a stage's masked language modelling: those that it names, or all that are available."""
        return stage.mlm_languages or self._available(stage.mlm_task, ("train",))

    def _available(self, name: str, splits: tuple[Split, ...]) -> tuple[str, ...]:
        """Languages for which every draw of all splits has rows, in the order of the first split."""
        task = self.space.task(name)
        if self.sources is None:
            return tuple(task.rows(splits[0]))
        if (name, *splits) not in self.available:
            by_draw = [
                available_languages(draw, split, self.sources)
                for split in splits
                for draw in _draws(task, self.seeds(name, split) if task.is_drawn else ())
            ]
            # Only languages of every draw, so that all replicates are scored in the same languages.
            common = set(by_draw[0]).intersection(*by_draw)
            self.available[(name, *splits)] = tuple(language for language in by_draw[0] if language in common)
        return self.available[(name, *splits)]

    def seeds(self, task: str, split: Split) -> tuple[int, ...]:
        """Seeds of the trials that read a split: all replicates, and the search if search trials train on the task."""
        is_searched = split == "train" and task in self._searched_tasks
        return (SEARCH_SEED, *self.space.seeds) if is_searched else self.space.seeds

    @cached_property
    def _searched_tasks(self) -> frozenset[str]:
        """The tasks that search trials train on."""
        # Dials alone do not show whether a stage is searched: with scope "target" a recipe may have no search trials.
        plan = make_plan(self.space)
        searched = (unit.stages for unit in plan.units if plan.num_search(unit))
        return frozenset(task for stages in searched for task in tasks_of(stages))

    def data(
        self, request: DataRequest, languages: tuple[str, ...], training: Training, **limits: int | float | None
    ) -> DataSpec:
        """The requested examples, with the identity of their rows."""
        task, split = self.space.task(request.task), request.split
        identity = ""
        if self.sources is not None:
            sources = self.sources
            identity = self._once(
                ("data", *_draw_key(task, request.seed), split, *languages),
                lambda: data_identity(task.drawn(request.seed), split, languages, sources),
            )
        return DataSpec(
            task=request.task,
            part=split,
            languages=languages,
            max_length=training.max_length,
            stride=training.stride,
            sample_seed=self.space.sample_seed,
            identity=identity,
            **limits,  # type: ignore[arg-type]
        )

    def translation(self, translation: Translation) -> TranslationSpec:
        """A translation with the identity of its translator in each language, and a name that every worker can load.

        Raises UserError if the translator does not exist.
        """
        by, identities = translation.by, []
        if self.sources is not None:
            sources = self.sources
            # The path of a translator can differ between machines; only the identities enter keys.
            by = portable_name(translation.by, translation.languages[0], sources)
            for language in translation.languages:
                key = ("translator", by, translation.revision or "", language)
                look_up = partial(translator_identity, by, language, translation.revision, sources)
                identities.append(self._once(key, look_up))
        return TranslationSpec(
            languages=translation.languages,
            share=translation.share,
            num_beams=translation.num_beams,
            by=by,
            identities=tuple(identities),
        )

    def made_by(self, condition: Condition) -> tuple[str, str]:
        """The absolute path of the word pairs or the translator of a condition, and its identity; "" without one.

        Raises UserError if it does not exist.
        """
        by, language = condition.by, condition.other_language
        if self.sources is None or not by:
            return by, ""
        if by == APERTIUM:
            raise UserError(
                f"Condition {condition.name!r} translates in both directions, but 'apertium' translates from English. "
                "Use an M2M100 or NLLB model, or folder:PATH."
            )
        if condition.perturbation == "paraphrase":
            sources, name = self.sources, portable_name(by, language, self.sources)
            look_up = partial(translator_identity, name, language, condition.revision, sources)
            return name, self._once(("translator", name, condition.revision or "", language), look_up)
        path = self.sources.places.local(by, Path.is_file)
        if not path.is_file():
            raise UserError(f"There is no file of word pairs {by!r}: tried {path}.{self.sources.places.rule(by)}")
        return str(path), self._once(("word pairs", str(path)), lambda: file_digest(path))

    def _once(self, key: tuple[str, ...], look_up: Callable[[], str]) -> str:
        if key not in self.memo:
            self.memo[key] = look_up()
        return self.memo[key]


def check_data(resolver: Resolver, only: Only = ALL) -> None:
    """Raise DataError if the data of a recipe or target of a part, or a draw of them, are missing.

    The message names each missing data set, and the options that exclude the recipes and targets that need it.
    """
    if resolver.sources is None:
        return
    reasons: dict[str, str] = {}
    recipes = _recipes_without_data(resolver, only, reasons)
    targets = _targets_without_data(resolver, only, reasons)
    if not reasons:
        return
    lines = "\n".join(f"  {reason}" for reason in reasons.values())
    other_recipes = ",".join(
        recipe.name
        for recipe in resolver.space.recipes
        if recipe.name not in recipes and only.has("recipes", recipe.name)
    )
    other_targets = ",".join(
        target.task
        for target in resolver.space.targets
        if target.task not in targets and only.has("targets", target.task)
    )
    # A space needs a recipe and a target, so without one of them there is nothing to run.
    is_runnable = other_recipes and other_targets
    remedy = (
        f"To run the rest: --only recipes={other_recipes} --only targets={other_targets}"
        if is_runnable
        else ("Every recipe or every target needs them, so nothing can run without them.")
    )
    raise DataError(
        f"Data sets are missing:\n{lines}\nRecipes that need them: {', '.join(sorted(recipes)) or 'none'}. Targets "
        f"that need them: {', '.join(sorted(targets)) or 'none'}.\n{remedy}"
    )


def _recipes_without_data(resolver: Resolver, only: Only, reasons: dict[str, str]) -> set[str]:
    """Names of the recipes with missing data. Adds the reason for each task to `reasons`."""
    return {
        recipe.name
        for recipe in resolver.space.recipes
        if only.has("recipes", recipe.name)
        and _add_reasons(resolver, [(task, "train") for task in tasks_of(recipe.stages)], reasons)
    }


def _targets_without_data(resolver: Resolver, only: Only, reasons: dict[str, str]) -> set[str]:
    """Tasks of the targets with missing data. Adds the reason for each task to `reasons`."""
    space = resolver.space
    incomplete = set()
    for target in (target for target in space.targets if only.has("targets", target.task)):
        splits: list[tuple[str, Split]] = [(task, "train") for task in space.trained_tasks(target)]
        splits += [(task, split) for task in scored_tasks([target], space) for split in scored_splits(space, task)]
        if _add_reasons(resolver, splits, reasons):
            incomplete.add(target.task)
        elif not resolver.languages(target):
            # Each split has rows, but no language has rows in both.
            reasons[target.task] = f"Task {target.task!r} has no language with both a test and a dev pool."
            incomplete.add(target.task)
    return incomplete


def _add_reasons(resolver: Resolver, splits: list[tuple[str, Split]], reasons: dict[str, str]) -> bool:
    """Whether rows of any (task, split) are missing. Adds the reason for each incomplete task to `reasons`."""
    assert resolver.sources is not None
    is_incomplete = False
    for name, split in splits:
        try:
            task = resolver.space.task(name)
            seeds = resolver.seeds(name, split) if task.is_drawn else ()
            _check_draws(_draws(task, seeds), split, resolver.sources)
        except DataError as error:
            reasons[name] = str(error)
            is_incomplete = True
    return is_incomplete


def _check_draws(draws: list[Task], split: Split, sources: Sources) -> None:
    """Raise DataError if a draw does not have all languages of the other draws, or if no draw has any language."""
    available = {language for draw in draws for language in available_languages(draw, split, sources)}
    for draw in draws:
        # With languages=None, check_task requires at least one language.
        languages = [language for language in draw.rows(split) if language in available]
        check_task(draw, (split,), languages or None, sources)


def missing_languages(resolver: Resolver) -> Iterator[str]:
    """A message for each target and MLM corpus with missing languages. The available languages are used."""
    space = resolver.space
    for target in space.targets:
        expected = target.languages or tuple(space.task(target.task).rows(space.evaluate))
        yield from _missing_message(target.task, expected, resolver.languages(target))
    stages = {stage.mlm_task: stage for stage in space.stages if stage.mlm_share and not stage.mlm_languages}
    for name, stage in stages.items():
        yield from _missing_message(name, tuple(space.task(name).train), resolver.mlm_languages(stage))


def _missing_message(task: str, expected: tuple[str, ...], available: tuple[str, ...]) -> Iterator[str]:
    missing = [language for language in expected if language not in available]
    if missing:
        yield f"{task}: {len(available)} of {len(expected)} languages are available; missing: {', '.join(missing)}."


def scored_splits(space: Space, task: str) -> tuple[Split, ...]:
    """The split that a task is scored on, then the dev split if a threshold is fitted on it."""
    return tuple(dict.fromkeys((space.evaluate, "dev"))) if fits_on_dev(space.task(task)) else (space.evaluate,)


def scored_tasks(targets: Iterable[Target], space: Space) -> list[str]:
    """Tasks whose evaluation rows the targets read, pools of candidates included, without duplicates."""
    names = (name for target in targets for name in (target.task, space.task(target.task).pool))
    return list(dict.fromkeys(name for name in names if name))


def _draw_key(task: Task, seed: int) -> tuple[str, ...]:
    """Identifies a draw of a task. Tasks that have the same data for every seed have one key."""
    return (task.name, str(seed)) if task.is_drawn else (task.name,)


def _draws(task: Task, seeds: tuple[int, ...]) -> list[Task]:
    return [task.drawn(seed) for seed in seeds] if task.is_drawn else [task]
