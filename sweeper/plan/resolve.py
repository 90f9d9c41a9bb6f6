"""What must be looked up before keys exist: which model and data bytes a space means, and in which languages."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sweeper.data.source import COMMIT, Sources, available_languages, check_task, data_identity, pinned_task
from sweeper.data.translate.identity import portable_name, translator_identity
from sweeper.errors import DataError
from sweeper.plan.units import make_plan
from sweeper.records.spec import DataSpec, ModelSpec, TranslationSpec
from sweeper.space import SEARCH_SEED, Model, Space, Stage, Target, Training, Translation, tasks_of
from sweeper.tasks.spec import Split, Task


class Asked(NamedTuple):
    """A split of a task, as the trials of one seed read it."""

    task: str
    split: Split
    seed: int


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Turns a space's names into specs that carry identities. Without sources nothing is looked up."""

    space: Space
    sources: Sources | None
    memo: dict[tuple[str, ...], str] = field(default_factory=dict)
    entries: dict[tuple[str, ...], Task] = field(default_factory=dict)
    held: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Task and splits -> the languages in which the source holds them."""

    def model(self, model: Model) -> ModelSpec:
        """A model with its Hub commit or the hash of its files, where every worker will find it."""
        if self.sources is None:
            return ModelSpec(name=model.name, id=model.id, revision=model.revision)
        sources = self.sources
        identity = self._once(("model", model.name), lambda: sources.model_identity(model.id, model.revision))
        place = sources.model_location(model.id)
        own = place != model.id and not (sources.mirror and Path(place).is_relative_to(sources.mirror))
        revision = identity if place == model.id and COMMIT.fullmatch(identity) else model.revision
        return ModelSpec(name=model.name, id=place if own else model.id, revision=revision, identity=identity)

    def entry(self, name: str, seed: int) -> Task:
        """A task's entry as every worker will read it: the seed's draw, Hub branches as commits, folders in full."""
        task = self.space.task(name)
        if self.sources is None:
            return task.drawn(seed)
        key = _draw(task, seed)
        if key not in self.entries:
            self.entries[key] = pinned_task(task.drawn(seed), self.sources)
        return self.entries[key]

    def languages(self, target: Target) -> tuple[str, ...]:
        """Evaluation languages of a target: those asked for, or every one that the source holds, in every draw."""
        return self.held_languages(target.task) if target.languages is None else target.languages

    def held_languages(self, name: str) -> tuple[str, ...]:
        """Evaluation languages of a task that the source holds, in every draw; without sources all of them."""
        return self._held(name, scored_splits(self.space, name))

    def mlm_languages(self, stage: Stage) -> tuple[str, ...]:
        """Languages of a stage's masked language modelling: those asked for, or every one that the source holds."""
        return stage.mlm_languages or self._held(stage.mlm_task, ("train",))

    def _held(self, name: str, splits: tuple[Split, ...]) -> tuple[str, ...]:
        task = self.space.task(name)
        if self.sources is None:
            return tuple(task.rows(splits[0]))
        if (name, *splits) not in self.held:
            every = [
                available_languages(draw, split, self.sources)
                for split in splits
                for draw in _draws(task, _seeds(self.space, name, split) if task.is_drawn else ())
            ]
            self.held[(name, *splits)] = tuple(code for code in every[0] if all(code in one for one in every))
        return self.held[(name, *splits)]

    def data(
        self, asked: Asked, languages: tuple[str, ...], training: Training, **limits: int | float | None
    ) -> DataSpec:
        """The examples of a task with the identity of the rows behind them."""
        task, split = self.space.task(asked.task), asked.split
        identity = ""
        if self.sources is not None:
            sources = self.sources
            identity = self._once(
                ("data", *_draw(task, asked.seed), split, *languages),
                lambda: data_identity(task.drawn(asked.seed), split, languages, sources),
            )
        return DataSpec(
            task=asked.task,
            part=split,
            languages=languages,
            max_length=training.max_length,
            stride=training.stride,
            sample_seed=self.space.sample_seed,
            identity=identity,
            **limits,  # type: ignore[arg-type]
        )

    def translation(self, wanted: Translation) -> TranslationSpec:
        """A translation with the identity of its translator in each language, where every worker will find it.

        Raises UserError if the translator is not there.
        """
        by, identities = wanted.by, []
        if self.sources is not None:
            sources = self.sources
            by = portable_name(wanted.by, wanted.languages[0], sources)
            for language in wanted.languages:
                key = ("translator", by, wanted.revision or "", language)
                look_up = partial(translator_identity, by, language, wanted.revision, sources)
                identities.append(self._once(key, look_up))
        return TranslationSpec(
            languages=wanted.languages,
            share=wanted.share,
            num_beams=wanted.num_beams,
            by=by,
            identities=tuple(identities),
        )

    def _once(self, key: tuple[str, ...], look_up: Callable[[], str]) -> str:
        if key not in self.memo:
            self.memo[key] = look_up()
        return self.memo[key]


def check_data(resolver: Resolver) -> None:
    """Raise DataError if a row or column lacks its data set, or a draw of it, naming each and what could still run."""
    space, sources = resolver.space, resolver.sources
    if sources is None:
        return
    gone: dict[str, str] = {}
    rows = {recipe.name: tasks_of(recipe.stages) for recipe in space.recipes}
    bad_rows = {name for name, tasks in rows.items() if _missing(resolver, [(task, "train") for task in tasks], gone)}
    bad_columns = set()
    for target in space.targets:
        wanted: list[tuple[str, Split]] = [(task, "train") for task in space.trained_tasks(target)]
        wanted += [(task, split) for task in scored_tasks([target], space) for split in scored_splits(space, task)]
        if _missing(resolver, wanted, gone):
            bad_columns.add(target.task)
        elif not resolver.languages(target):
            gone[target.task] = f"Task {target.task!r} has no language with both a test and a dev pool."
            bad_columns.add(target.task)
    if gone:
        told = "\n".join(f"  {reason}" for reason in gone.values())
        good_rows = ",".join(name for name in rows if name not in bad_rows)
        good_columns = ",".join(target.task for target in space.targets if target.task not in bad_columns)
        raise DataError(
            f"Data sets are missing:\n{told}\nRows that need them: {', '.join(sorted(bad_rows)) or 'none'}. Columns: "
            f"{', '.join(sorted(bad_columns)) or 'none'}.\nWhat could still run: --set recipes={good_rows or '(none)'} "
            f"--set targets={good_columns or '(none)'}"
        )


def lacking_languages(resolver: Resolver) -> Iterator[str]:
    """A sentence for each target and corpus not held in all its languages; those that are there are read."""
    space = resolver.space
    for target in space.targets:
        wanted = target.languages or tuple(space.task(target.task).rows(space.evaluate))
        yield from _lacking(target.task, wanted, resolver.languages(target))
    chains = (*(recipe.stages for recipe in space.recipes), *(target.before for target in space.targets))
    masked = {
        stage.mlm_task: stage for chain in chains for stage in chain if stage.mlm_share and not stage.mlm_languages
    }
    for name, stage in masked.items():
        yield from _lacking(name, tuple(space.task(name).train), resolver.mlm_languages(stage))


def scored_splits(space: Space, task: str) -> tuple[Split, ...]:
    """The split that a task is scored on, and after it the one that its threshold is fitted on if that is another."""
    return tuple(dict.fromkeys((space.evaluate, "dev"))) if space.task(task).fits_on_dev else (space.evaluate,)


def scored_tasks(targets: Iterable[Target], space: Space) -> list[str]:
    """Every task whose evaluation rows the targets read, pools of candidates too; each once."""
    names = (name for target in targets for name in (target.task, space.task(target.task).pool))
    return list(dict.fromkeys(name for name in names if name))


def _lacking(task: str, wanted: tuple[str, ...], held: tuple[str, ...]) -> Iterator[str]:
    lacking = [language for language in wanted if language not in held]
    if lacking:
        yield f"{task}: {len(held)} of {len(wanted)} languages are there; not {', '.join(lacking)}."


def _missing(resolver: Resolver, wanted: list[tuple[str, Split]], gone: dict[str, str]) -> bool:
    """Whether any of the splits cannot be had; the reasons are added to `gone`."""
    assert resolver.sources is not None
    found = False
    for name, split in wanted:
        try:
            task = resolver.space.task(name)
            seeds = _seeds(resolver.space, name, split) if task.is_drawn else ()
            _check_draws(_draws(task, seeds), split, resolver.sources)
        except DataError as error:
            gone[name] = str(error)
            found = True
    return found


def _check_draws(draws: list[Task], split: Split, sources: Sources) -> None:
    """Raise DataError unless every draw holds the languages that any of them holds, one at least."""
    held = {language for draw in draws for language in available_languages(draw, split, sources)}
    for draw in draws:
        check_task(draw, (split,), [language for language in draw.rows(split) if language in held] or None, sources)


def _draw(task: Task, seed: int) -> tuple[str, ...]:
    """What tells a task's draws apart: the seed counts only where data are drawn for it."""
    return (task.name, str(seed)) if task.is_drawn else (task.name,)


def _draws(task: Task, seeds: tuple[int, ...]) -> list[Task]:
    return [task.drawn(seed) for seed in seeds] if task.is_drawn else [task]


def _seeds(space: Space, task: str, split: Split) -> tuple[int, ...]:
    """Seeds of the trials that read a split: the replicates', and the search's if a search trial trains on the task."""
    plan = make_plan(space)
    is_searched = any(plan.num_search(unit) and task in tasks_of(unit.stages) for unit in plan.units)
    return (SEARCH_SEED, *space.seeds) if split == "train" and is_searched else space.seeds
