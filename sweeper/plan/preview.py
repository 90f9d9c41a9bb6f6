"""Examples of a task as a model sees them, and facts about all examples of the split: `sweeper show`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from sweeper.data.source import Sources, available_languages
from sweeper.data.survey import Survey, read_examples, shared, survey, with_labels
from sweeper.errors import DataError, unknown
from sweeper.formats.interface import Example, Lengths, Summary
from sweeper.formats.table import format_of, properties_of
from sweeper.plan.check import needs
from sweeper.plan.infer import Inferred, infer_task
from sweeper.space import Model, Space, Training
from sweeper.tasks.spec import Split, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MEASURED = 10_000
"""Examples, from the beginning of a split, whose lengths are measured."""
SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to show of a space."""

    task: str
    split: str = ""
    """`train`, `dev` or `test`; "" for the training split, or the reported split of a task without training data."""
    language: str = ""
    """"" for English, or for the first available language."""
    rows: int = 3
    """Number of examples."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """One feature: what the model reads in one go."""

    tokens: tuple[str, ...]
    marks: tuple[str, ...]
    """The label of each token; "" for a token without one."""


@dataclass(frozen=True, kw_only=True)
class ShownExample:
    """One example with its features."""

    id: str
    summary: Summary
    inputs: tuple[Input, ...]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Lengths of the features, and the examples that do not fit into one."""

    measured: int
    """Examples that were measured."""
    too_long: int
    """Examples that are truncated, or split into several features."""
    median: int
    longest: int
    """Tokens of the longest feature, after truncation."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Examples of one language of a split, and facts about all of its examples."""

    inferred: Inferred
    task: Task
    """The task with its columns and labels."""
    split: Split
    language: str
    owner: str
    """The recipe or target whose training options decide the lengths."""
    lengths: Lengths
    examples: tuple[ShownExample, ...]
    counts: Survey
    sizes: Sizes
    overlaps: dict[str, tuple[int, int]]
    """Evaluation split -> its items that also occur in the training data, and all of its items."""
    trained_in: tuple[str, ...]
    """Languages of the training data."""


def preview(
    space: Space, request: Request, sources: Sources, model: Model, tokenizer: "PreTrainedTokenizerBase"
) -> Preview:
    """Examples of a task as a model reads them.

    Raises UserError for an unknown name, DataError if data are missing or do not fit the task.
    """
    space = space.for_model(model)
    inferred = infer_task(space.task(request.task), space, sources)
    task = with_labels(inferred.task.drawn(space.seeds[0]), sources)
    split = _split(task, request.split, space)
    language = _language(task, split, request.language, sources)
    owner, training = _training(space, task)
    lengths = Lengths(max_length=training.max_length, stride=training.stride)
    examples = (example for batch in read_examples(task, split, language, sources) for example in batch)
    first = list(islice(examples, MEASURED))
    counts = survey(task, split, language, sources)
    trained_in = _training_languages(space, task)
    return Preview(
        inferred=inferred,
        task=task,
        split=split,
        language=language,
        owner=owner,
        lengths=lengths,
        examples=tuple(_shown(example, task, lengths, tokenizer) for example in first[: request.rows]),
        counts=counts,
        sizes=_sizes(first, task, lengths, tokenizer),
        overlaps=_overlaps(task, replace(space, tasks=_with(space, inferred.task)), language, trained_in, sources),
        trained_in=trained_in,
    )


def _split(task: Task, name: str, space: Space) -> Split:
    existing = [split for split in SPLITS if task.rows(split)]
    for split in existing:
        if split == (name or ("train" if task.train else space.evaluate)):
            return split
    raise unknown(f"split of {task.name!r}", name or space.evaluate, existing)


def _language(task: Task, split: Split, name: str, sources: Sources) -> str:
    rows_by_language = task.rows(split)
    if name and name not in rows_by_language:
        raise unknown(f"{split} language of {task.name!r}", name, rows_by_language)
    if name or "en" in rows_by_language:
        return name or "en"
    available = available_languages(task, split, sources)
    return next(iter(available or rows_by_language))


def _training(space: Space, task: Task) -> tuple[str, Training]:
    """The first recipe or target that reads a task, and its training options; the defaults if none does."""
    for recipe in space.recipes:
        for stage in recipe.stages:
            if task.name in (*stage.tasks, *([stage.mlm_task] if stage.mlm_share else [])):
                return f"recipe {recipe.name}", stage.training
    for target in space.targets:
        own = space.task(target.task)
        if task.name in (own.name, own.training_task, own.pool):
            return f"target {target.task}", target.training
        for stage in target.before:
            if task.name in stage.tasks:
                return f"target {target.task}", stage.training
    return "no recipe or target", Training()


def _training_languages(space: Space, task: Task) -> tuple[str, ...]:
    """The languages in which the space trains on the training data of a task."""
    if not task.training_task:
        return ()
    rows_by_language = space.task(task.training_task).train
    languages = needs(space).get((task.training_task, "train")) or ("en",)
    return tuple(language for language in languages if language in rows_by_language)


def _with(space: Space, task: Task) -> tuple[Task, ...]:
    return tuple(task if each.name == task.name else each for each in space.tasks)


def _shown(example: Example, task: Task, lengths: Lengths, tokenizer: "PreTrainedTokenizerBase") -> ShownExample:
    task_format = format_of(task)
    features = task_format.encode([example], tokenizer, lengths, task.read_labels)
    marks = properties_of(task).marks(features, task.read_labels)
    tokens = [str(token) for token in tokenizer.convert_ids_to_tokens(features.tokens.tolist())]
    bounds = features.offsets.tolist()
    inputs = (Input(tokens=tuple(tokens[start:end]), marks=tuple(marks[start:end])) for start, end in pairwise(bounds))
    return ShownExample(id=example.id, summary=task_format.summary(example), inputs=tuple(inputs))


def _sizes(examples: list[Example], task: Task, lengths: Lengths, tokenizer: "PreTrainedTokenizerBase") -> Sizes:
    # With one token more than the maximum, a text that fits exactly differs from one that is cut.
    is_windowed = properties_of(task).windowed
    limit = lengths if is_windowed else replace(lengths, max_length=lengths.max_length + 1)
    features = format_of(task).encode(examples, tokenizer, limit, task.read_labels)
    sizes = np.diff(features.offsets)
    windows = np.bincount(features.example, minlength=len(examples))
    cut = np.unique(features.example[sizes > lengths.max_length])
    sizes = np.minimum(sizes, lengths.max_length)
    return Sizes(
        measured=len(examples),
        too_long=int((windows > 1).sum()) if is_windowed else len(cut),
        median=round(median(sizes.tolist())),
        longest=int(sizes.max()),
    )


def _overlaps(
    task: Task, space: Space, language: str, trained_in: Iterable[str], sources: Sources
) -> dict[str, tuple[int, int]]:
    """Split -> numbers of its items in the training data and of all its items, for the splits that can be read."""
    if not task.training_task:
        return {}
    declared = space.task(task.training_task)
    is_own = declared.name == task.name
    trained_on = declared if is_own else infer_task(declared, space, sources).task
    drawn = trained_on.drawn(space.seeds[0])
    trained = [items for code in trained_in for items in _readable(drawn, "train", code, sources)]
    counts = {}
    for split in ("dev", "test"):
        for items in _readable(task, split, language, sources) if trained else ():
            counts[split] = (shared(items, trained), len(items.items))
    return counts


def _readable(task: Task, split: Split, language: str, sources: Sources) -> Iterator[Survey]:
    """The survey of a split in a language; nothing if the task does not have it or its data are missing."""
    try:
        if language in task.rows(split):
            yield survey(task, split, language, sources)
    except DataError:
        return


def model_of(space: Space, name: str) -> Model:
    """The model of that name, or the first one of the space for "". Raises UserError for an unknown name."""
    models = {model.name: model for model in space.models}
    if name and name not in models:
        raise unknown("model", name, models)
    return models[name] if name else space.models[0]
