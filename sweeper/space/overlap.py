"""Decides what the training data of a recipe and the data of a target have in common: rows, items, and languages."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from posixpath import normpath

from sweeper.formats.table import properties_of
from sweeper.space.space import Space
from sweeper.space.stage import Recipe, Stage
from sweeper.space.target import Target
from sweeper.tasks.slices import can_share_rows, is_sliced
from sweeper.tasks.spec import Rows, Split, Task

Source = tuple[str | None, ...]
"""Identity of rows: name of the task and language, or id, config, id prefix and split. Without the revision, because
another revision has mostly the same rows."""
EVALUATED: tuple[Split, ...] = ("dev", "test")
LOCATION = 4
"""Number of values in the second form of a source."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The training data of one task in one language."""

    task: str
    language: str
    is_translated: bool = False
    """Whether the sweep translates these rows. The items then stay the same, and the rows differ."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What the training data of a recipe have in common with a target."""

    same_rows: tuple[str, ...] = ()
    """Tasks of the recipe with rows that the target also trains on, or with items that it is scored on."""
    same_items: tuple[str, ...] = ()
    """Other tasks of the recipe that train on items of the target's training data in another language."""
    not_zero_shot: tuple[str, ...] = ()
    """Evaluation languages other than English in which the recipe, and not the target, trains on labelled examples."""


class SourceIndex:
    """The sources of training and evaluation data in a catalog, each computed once."""

    def __init__(self, catalog: Mapping[str, Task]) -> None:
        self._catalog = catalog
        self.rows = cache(lambda piece: _rows(piece, catalog))
        """Part -> its rows."""
        self.items = cache(lambda piece: _items(piece, catalog))
        """Part -> the rows of its items."""
        self.scored = cache(self._scored)
        """Task and split -> the rows of the items that it is scored on, in any language."""

    def _scored(self, task: str, split: Split) -> frozenset[Source]:
        rows = self._catalog[task].rows(split).values()
        return _with_copies((_location(each) for of_language in rows for each in of_language), self._catalog)


def overlap_of(space: Space, recipe: Recipe, target: Target, sources: SourceIndex | None = None) -> Overlap:
    """The overlap of a recipe and a target of a space. `sources` are those of its catalog, for many such calls."""
    sources = sources or SourceIndex(space.catalog())
    learned, trained = parts_of(space, recipe.stages), target_parts(space, target)
    rows, items = overlapping(learned, trained, sources)
    evaluated_items = sources.scored(target.task, space.evaluate)
    scored = tuple(piece.task for piece in learned if _meet(sources.items(piece), evaluated_items))
    rows = tuple(dict.fromkeys((*rows, *scored)))
    items = tuple(task for task in items if task not in scored)
    added = set(labelled_languages(space, recipe.stages)) - trained_languages(space, target)
    evaluated = target.languages or tuple(space.task(target.task).rows(space.evaluate))
    return Overlap(
        same_rows=rows, same_items=items, not_zero_shot=tuple(language for language in evaluated if language in added)
    )


def overlapping(
    recipe: Iterable[Part], target: Iterable[Part], sources: SourceIndex
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks of a recipe with the same rows as the target, and those with only the same items in another language.

    The rows of a task in a language include those of the tasks that it `contains`, at any depth, if they have this
    language. A contained task without this language contributes its items in another language. If a task is `parallel`,
    its items are the same in all languages.
    """
    recipe, target = tuple(recipe), tuple(target)
    target_rows = frozenset[Source]().union(*map(sources.rows, target))
    target_items = frozenset[Source]().union(*map(sources.items, target))
    same_rows = [piece.task for piece in recipe if _meet(sources.rows(piece), target_rows)]
    shared = [piece.task for piece in recipe if _meet(sources.items(piece), target_items)]
    same_items = [task for task in shared if task not in same_rows]
    return tuple(dict.fromkeys(same_rows)), tuple(dict.fromkeys(same_items))


def parts_of(space: Space, stages: Iterable[Stage]) -> tuple[Part, ...]:
    """The training data of the tasks of the stages, without the text that `mlm_task` adds."""
    return tuple(piece for stage in stages for name in stage.tasks for piece in _parts(space, stage, name))


def target_parts(space: Space, target: Target) -> tuple[Part, ...]:
    """The data that a target trains on after the encoder of the recipe. Its own training is in English."""
    trained = space.task(target.task).training_task
    return (*parts_of(space, target.before), *([Part(task=trained, language="en")] if trained else []))


def trained_languages(space: Space, target: Target) -> set[str]:
    """English, in which targets train, and the languages of the labelled examples of the stages in `before`."""
    return {"en", *labelled_languages(space, target.before)}


def labelled_languages(space: Space, stages: Iterable[Stage]) -> tuple[str, ...]:
    """The languages of the labelled training examples of the stages, machine-translated ones included."""
    languages: dict[str, None] = {}
    for stage in stages:
        for name in stage.tasks:
            if not properties_of(space.task(name)).is_corpus:
                parts = _parts(space, stage, name)
                languages |= dict.fromkeys(piece.language for piece in parts if not piece.is_translated)
                languages |= dict.fromkeys(_translated_into(space, stage, name))
    return tuple(languages)


def _parts(space: Space, stage: Stage, name: str) -> Iterator[Part]:
    # A translation starts from English. With a share of 1 no English row is left.
    share = stage.translation.share if stage.translation and _translated_into(space, stage, name) else 0.0
    for language in stage.languages:
        yield Part(task=name, language=language, is_translated=share == 1.0)


def _translated_into(space: Space, stage: Stage, name: str) -> tuple[str, ...]:
    """The languages that the examples of a task are translated into; empty if its labels do not allow it."""
    is_possible = stage.translation is not None and properties_of(space.task(name)).translation
    return stage.translation.languages if stage.translation and is_possible else ()


def _rows(piece: Part, catalog: Mapping[str, Task]) -> frozenset[Source]:
    """The rows of a part. Translated rows are new."""
    return frozenset() if piece.is_translated else frozenset(_sources(piece.task, piece.language, catalog))


def _items(piece: Part, catalog: Mapping[str, Task]) -> frozenset[Source]:
    """The rows of the items of a part, in every language that has them, also in tasks with the same ones."""
    sources: set[Source] = set()
    for name in contained(piece.task, catalog):
        languages = tuple(catalog[name].train) if name in catalog else ()
        # A contained task without the language of the part was translated into it.
        has_all = languages and (catalog[name].parallel or piece.language not in languages)
        for language in languages if has_all else (piece.language,):
            sources |= set(_sources(name, language, catalog))
    return _with_copies(sources, catalog)


def _with_copies(sources: Iterable[Source], catalog: Mapping[str, Task]) -> frozenset[Source]:
    """The sources, and the evaluation rows that have the same items in another task (`Task.items_of`)."""
    expanded = frozenset(sources)
    for task in catalog.values():
        if task.items_of not in catalog:
            continue
        for split in EVALUATED:
            languages = (*task.rows(split).values(), *catalog[task.items_of].rows(split).values())
            rows = frozenset(_location(rows) for rows_list in languages for rows in rows_list)
            expanded |= rows if _meet(expanded, rows) else frozenset()
    return expanded


def _sources(name: str, language: str, catalog: Mapping[str, Task]) -> Iterator[Source]:
    """The sources of a task and of all tasks that it contains, in one language."""
    for inner in contained(name, catalog):
        if inner not in catalog:
            yield inner, language
        elif language in catalog[inner].train:
            yield inner, language
            yield from (_location(rows) for rows in catalog[inner].train[language])


def contained(name: str, tasks: Mapping[str, Task]) -> frozenset[str]:
    """The task and all tasks that it contains, at any depth; an unknown name contains only itself."""
    contained: set[str] = set()
    pending = [name]
    while pending:
        current = pending.pop()
        if current not in contained:  # two tasks may contain each other
            contained.add(current)
            pending.extend(tasks[current].contains if current in tasks else ())
    return frozenset(contained)


def _location(rows: Rows) -> Source:
    # `./data.csv` and `data.csv` are the same file.
    return normpath(rows.id), rows.config, rows.id_prefix, rows.split


def _meet(left: frozenset[Source], right: frozenset[Source]) -> bool:
    """Whether two sets of sources have rows in common. Slices of one split have, unless they are certainly apart."""
    return bool(left & right) or any(
        rows[:-1] == other[:-1] and can_share_rows(str(rows[-1]), str(other[-1]))
        for sliced, rest in ((left, right), (right, left))
        for rows in sliced
        if len(rows) == LOCATION and is_sliced(str(rows[-1]))
        for other in rest
        if len(other) == LOCATION
    )
