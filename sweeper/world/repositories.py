"""The data sets of the world: the files of each, their sizes, and the knowledge that their labels come from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sweeper.world import pairs, sequences
from sweeper.world.draws import Draws
from sweeper.world.languages import CODES, Language
from sweeper.world.lessons import Lesson
from sweeper.world.skills import Levels
from sweeper.world.tasks import EVAL_SIZE, TRAIN_ROWS

MakeRows = Callable[[Lesson, Draws, Language, int], list[pairs.Row]]
Source = Literal["taught", "shown", "rest"]
"""The lesson of an intermediate data set; the shown concepts of a target; the hidden concepts that it is scored on."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One file of rows, which is one split of its data set."""

    split: str
    source: Source
    """The knowledge that its labels come from."""
    num: int = EVAL_SIZE
    """Rows per language, in a world of scale 1."""
    languages: tuple[str, ...] = ("en",)
    """Languages of its rows, one after the other."""
    events: str = ""
    """Seed name of its events: tables with the same name are parallel. "" means the name of the split."""
    make_rows: MakeRows | None = None
    """Its rows, if not those of the data set."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One data set, `demo/NAME`."""

    name: str
    make_rows: MakeRows
    tables: tuple[Table, ...]
    teaches: Levels | None = None
    """What the data set teaches, if its name has no entry in the tables of skills."""
    needs: Levels | None = None
    """What a target needs, likewise."""
    wrong: float = 0.0
    """Share of the taught hidden concepts, 0 to 1, that have the next class instead of their own."""
    events: str = ""
    """Seed name of its events and of the taught concepts: data sets with the same name have the same ones. "" means the
    name of the data set."""


def _train(name: str, source: Source) -> tuple[Table, ...]:
    """Return the English training tables of a data set, if it has any."""
    return tuple(Table(split=split, source=source, num=num) for split, num in TRAIN_ROWS.get(name, {}).items())


def _intermediate(name: str, make_rows: MakeRows) -> Repository:
    """Return a data set with English training tables and a validation table, all from what it teaches."""
    validation = Table(split="validation", source="taught")
    return Repository(name=name, make_rows=make_rows, tables=(*_train(name, "taught"), validation))


def _target(name: str, make_rows: MakeRows, *splits: str) -> Repository:
    """Return a data set with little or no English training data, and parallel evaluation tables in all languages."""
    evaluation = [
        Table(split=f"{split}_{code}", source="rest", languages=(code,), events=split)
        for split in splits
        for code in CODES
    ]
    return Repository(name=name, make_rows=make_rows, tables=(*_train(name, "shown"), *evaluation))


_FEW = (*_train("few_questions", "shown"), Table(split="validation", source="rest", languages=CODES))
_DEV_TEST = ("validation", "test")

INTERMEDIATES: tuple[Repository, ...] = (
    _intermediate("claims", pairs.claims),
    _intermediate("more_claims", pairs.claims),
    _intermediate("rewrites", pairs.rewrites),
    _intermediate("questions_null", sequences.questions_null),
    _intermediate("questions", sequences.questions),
    _intermediate("endings", pairs.endings),
    _intermediate("parts", sequences.parts),
    _intermediate("reasons", pairs.reasons),
    _intermediate("gaps", pairs.gaps),
)
TARGETS: tuple[Repository, ...] = (
    _target("xclaims", pairs.claims, *_DEV_TEST),
    _target("xrewrites", pairs.rewrites, *_DEV_TEST),
    _target("words", sequences.words, *_DEV_TEST),
    _target("names", sequences.names, *_DEV_TEST),
    _target("xquestions", sequences.questions, "validation"),
    _target("mquestions", sequences.questions, *_DEV_TEST),
    Repository(name="few_questions", make_rows=sequences.few_questions, tables=_FEW),
)
