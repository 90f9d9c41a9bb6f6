"""What must be looked up before keys exist: which model and data bytes a space means, and in which languages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.data.source import COMMIT, Sources, available_languages, check_task, data_identity, pinned_task
from sweeper.errors import DataError
from sweeper.records import DataSpec, ModelSpec
from sweeper.space import Model, Recipe, Space, Target, Training
from sweeper.tasks.spec import Part, Task


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Turns a space's names into specs that carry identities. Without sources nothing is looked up."""

    space: Space
    sources: Sources | None
    memo: dict[tuple[str, ...], str] = field(default_factory=dict)
    entries: dict[str, Task] = field(default_factory=dict)

    def model(self, model: Model) -> ModelSpec:
        """A model with its Hub commit or the hash of its files, where every worker will find it."""
        if self.sources is None:
            return ModelSpec(name=model.name, id=model.id, revision=model.revision)
        sources = self.sources
        identity = self._once(("model", model.name), lambda: sources.model_identity(model.id, model.revision))
        place = sources.model_place(model.id)
        own = place != model.id and not (sources.mirror and Path(place).is_relative_to(sources.mirror))
        revision = identity if place == model.id and COMMIT.fullmatch(identity) else model.revision
        return ModelSpec(name=model.name, id=place if own else model.id, revision=revision, identity=identity)

    def entry(self, name: str) -> Task:
        """A task's entry as every worker will read it: Hub branches as commits, folders as whole paths."""
        if self.sources is None:
            return self.space.task(name)
        if name not in self.entries:
            self.entries[name] = pinned_task(self.space.task(name), self.sources)
        return self.entries[name]

    def languages(self, target: Target) -> tuple[str, ...]:
        """Evaluation languages of a target: those asked for, or every one that the source holds."""
        task = self.space.task(target.task)
        if target.languages is not None:
            return target.languages
        if self.sources is None:
            return tuple(task.places(self.space.evaluate))
        return available_languages(task, self.space.evaluate, self.sources)

    def data(
        self, task: str, part: Part, languages: tuple[str, ...], training: Training, **limits: int | float | None
    ) -> DataSpec:
        """The examples of a task with the identity of the rows behind them."""
        entry = self.space.task(task)
        identity = ""
        if self.sources is not None:
            sources = self.sources
            identity = self._once(
                ("data", task, part, *languages), lambda: data_identity(entry, part, languages, sources)
            )
        return DataSpec(
            task=task,
            part=part,
            languages=languages,
            max_length=training.max_length,
            stride=training.stride,
            sample_seed=self.space.sample_seed,
            identity=identity,
            **limits,  # type: ignore[arg-type]
        )

    def _once(self, key: tuple[str, ...], look_up: Callable[[], str]) -> str:
        if key not in self.memo:
            self.memo[key] = look_up()
        return self.memo[key]


def check_data(resolver: Resolver) -> None:
    """Raise DataError if a row or column lacks its data set, naming each and what could still run."""
    space, sources = resolver.space, resolver.sources
    if sources is None:
        return
    gone: dict[str, str] = {}
    rows = {recipe.name: _stage_tasks(recipe) for recipe in space.recipes}
    columns = {target.task: [space.task(target.task).training_task] for target in space.targets}
    bad_rows = {name for name, tasks in rows.items() if _missing(resolver, [(task, "train") for task in tasks], gone)}
    bad_columns = set()
    for name, tasks in columns.items():
        wanted: list[tuple[str, Part]] = [(task, "train") for task in tasks if task]
        if _missing(resolver, [*wanted, (name, space.evaluate)], gone):
            bad_columns.add(name)
    if gone:
        told = "\n".join(f"  {reason}" for reason in gone.values())
        good_rows = ",".join(name for name in rows if name not in bad_rows)
        good_columns = ",".join(name for name in columns if name not in bad_columns)
        raise DataError(
            f"Data sets are missing:\n{told}\nRows that need them: {', '.join(sorted(bad_rows)) or 'none'}. Columns: "
            f"{', '.join(sorted(bad_columns)) or 'none'}.\nWhat could still run: --set recipes={good_rows or '(none)'} "
            f"--set targets={good_columns or '(none)'}"
        )


def _stage_tasks(recipe: Recipe) -> list[str]:
    masked = [stage.mlm_task for stage in recipe.stages if stage.mlm_share]
    return [task for stage in recipe.stages for task in stage.tasks] + masked


def _missing(resolver: Resolver, wanted: list[tuple[str, Part]], gone: dict[str, str]) -> bool:
    """Whether any of the parts cannot be had; the reasons are added to `gone`."""
    assert resolver.sources is not None
    found = False
    for name, part in wanted:
        try:
            check_task(resolver.space.task(name), (part,), None, resolver.sources)
        except DataError as error:
            gone[name] = str(error)
            found = True
    return found
