"""The check of `sweeper plan --check`: reads all data of a space and collects every problem."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from sweeper.data.source import Sources, available_languages, check_task
from sweeper.data.survey import Survey, shared, survey
from sweeper.errors import UserError
from sweeper.formats.table import properties_of
from sweeper.plan.infer import infer_task, own_tasks
from sweeper.plan.resolve import Resolver, missing_languages, scored_splits
from sweeper.plan.sources import conditions_of, missing_paths
from sweeper.space import Space, Target
from sweeper.tasks.spec import Split, Task

Result = TypeVar("Result")


class Part(NamedTuple):
    """One language of a split of a task."""

    task: str
    split: Split
    language: str


@dataclass(kw_only=True)
class Check:
    """The data of a space that were read, and everything that prevents a run of the space."""

    space: Space
    """The space with the columns and labels that were inferred."""
    surveys: dict[Part, Survey] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    """What was inferred, languages without data, and overlaps of training and evaluation data."""
    problems: list[str] = field(default_factory=list)

    def attempt(self, where: str, action: Callable[..., Result], *arguments: Any) -> Result | None:
        """The result of an action; None after a mistake of the user, which becomes a problem.

        `where` is put before a message that does not start with the name of a task.
        """
        try:
            return action(*arguments)
        except UserError as error:
            problem = str(error) if str(error).startswith("Task ") or not where else f"{where}: {error}"
            if problem not in self.problems:
                self.problems.append(problem)
            return None

    def raise_problems(self) -> None:
        """Raise UserError with all problems, if there are any."""
        if self.problems:
            lines = "\n".join(f"  {problem}" for problem in self.problems)
            count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
            raise UserError(f"The space cannot run: {count}.\n{lines}")

    def as_json(self) -> dict[str, Any]:
        """The value that `sweeper plan --check --json` adds to the plan."""
        data = [
            {**key._asdict(), "rows": surveyed.rows, "examples": surveyed.examples, "labels": dict(surveyed.labels)}
            for key, surveyed in self.surveys.items()
        ]
        return {"data": data, "messages": self.messages, "problems": self.problems}


def check_space(space: Space, sources: Sources) -> Check:
    """Read the models, translators and data of a space. Mistakes of the user are collected and not raised."""
    check = Check(space=space, problems=list(missing_paths(space, sources)))
    resolver = Resolver(space=space, sources=sources)
    for model in space.models:
        check.attempt("", resolver.model, model)
    for stage in space.stages:
        if stage.translation:
            check.attempt("", resolver.translation, stage.translation)
    for condition in conditions_of(space):
        check.attempt("", resolver.made_by, condition)
    unclear = _complete_tasks(check, sources)
    for (name, split), languages in needs(space).items():
        if name not in unclear:
            _read(check, check.space.task(name), split, languages, sources)
    if not check.problems:
        check.messages += missing_languages(Resolver(space=check.space, sources=sources))
    check.messages += _overlaps(check)
    return check


def needs(space: Space) -> dict[tuple[str, Split], tuple[str, ...] | None]:
    """(task, split) that a space reads -> its languages; None for all languages that the source provides."""
    merged: dict[tuple[str, Split], tuple[str, ...] | None] = {}
    for task, split, languages in _needs(space):
        earlier = merged.get((task, split), ())
        merged[task, split] = (
            None if earlier is None or languages is None else tuple(dict.fromkeys((*earlier, *languages)))
        )
    return merged


Need = tuple[str, Split, tuple[str, ...] | None]


def _needs(space: Space) -> Iterator[Need]:
    for stage in space.stages:
        for name in stage.tasks:
            yield name, "train", stage.languages
            # A preparation is scored on the dev sets of its tasks.
            scored = tuple(language for language in stage.languages if language in space.task(name).dev)
            if scored:
                yield name, "dev", scored
        if stage.mlm_share:
            yield stage.mlm_task, "train", stage.mlm_languages or None
    for target in space.targets:
        yield from _target_needs(space, target)


def _target_needs(space: Space, target: Target) -> Iterator[Need]:
    task = space.task(target.task)
    if task.training_task:
        yield task.training_task, "train", ("en",)
        if space.selects_on_dev(task.training_task):
            yield task.training_task, "dev", ("en",)
    for split in scored_splits(space, target.task):
        yield target.task, split, target.languages
    if task.pool:
        yield task.pool, space.evaluate, None


def _complete_tasks(check: Check, sources: Sources) -> set[str]:
    """Insert the inferred columns and labels into the space. Returns the tasks for which that is not possible."""
    unclear = set()
    for task in own_tasks(check.space):
        inferred = check.attempt(f"Task {task.name!r}", infer_task, task, check.space, sources)
        if inferred is None:
            unclear.add(task.name)
            continue
        tasks = tuple(inferred.task if each.name == task.name else each for each in check.space.tasks)
        check.space = replace(check.space, tasks=tasks)
        if inferred.columns or inferred.labels:
            check.messages.append(str(inferred))
    return unclear


def _read(check: Check, task: Task, split: Split, languages: tuple[str, ...] | None, sources: Sources) -> None:
    # All draws of a task have the same columns and labels.
    drawn = task.drawn(check.space.seeds[0])
    if languages is None:
        languages = available_languages(drawn, split, sources)
        check.attempt("", check_task, drawn, (split,), None, sources)
    for language in languages:
        where = f"Task {task.name!r}, {split}, {language}"
        surveyed = check.attempt(where, survey, drawn, split, language, sources)
        if surveyed is not None:
            check.surveys[Part(task.name, split, language)] = surveyed


def _overlaps(check: Check) -> Iterator[str]:
    """A message for each target with evaluation items that occur in its training data."""
    space = check.space
    for target in space.targets:
        trained_on = space.task(target.task).training_task
        trained = [surveyed for key, surveyed in check.surveys.items() if key[:2] == (trained_on, "train")]
        evaluated = {
            key.language: surveyed
            for key, surveyed in check.surveys.items()
            if key[:2] == (target.task, space.evaluate)
        }
        counts = {
            language: (shared(surveyed, trained), len(surveyed.items)) for language, surveyed in evaluated.items()
        }
        overlaps = [f"{language} {number:,} of {total:,}" for language, (number, total) in counts.items() if number]
        if overlaps and trained and not properties_of(space.task(target.task)).scores_encoder:
            yield f"{target.task}: {space.evaluate} items that also occur in the training data: {', '.join(overlaps)}."


def label_counts(surveys: Iterable[Survey]) -> Counter[str]:
    """The label counts of several languages together."""
    return sum((surveyed.labels for surveyed in surveys), Counter[str]())
