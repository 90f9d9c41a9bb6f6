"""The table of the world's data sets: which files each has, how many rows, made from which part of the knowledge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sweeper.world import pairs, sequences
from sweeper.world.draws import Draws
from sweeper.world.languages import Language
from sweeper.world.lessons import Lesson
from sweeper.world.tasks import EVAL_SIZE, LANGUAGES, TRAIN_ROWS

Build = Callable[[Lesson, Draws, Language, int], list[dict[str, Any]]]
Shows = Literal["taught", "shown", "rest"]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One file of rows."""

    split: str
    shows: Shows
    """Which part of the knowledge its labels come from: see `lessons`."""
    num: int = EVAL_SIZE
    """Rows a language."""
    languages: tuple[str, ...] = ("en",)
    """Whose rows it holds, one language after the other."""
    events: str = ""
    """Name of the events: files with the same one are parallel. Empty: the split."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One data set, `demo/NAME`."""

    name: str
    build: Build
    tables: tuple[Split, ...]


def _train(name: str, shows: Shows) -> tuple[Split, ...]:
    """The English training splits of a data set, if it has any."""
    return tuple(Split(split=split, shows=shows, num=num) for split, num in TRAIN_ROWS.get(name, {}).items())


def _intermediate(name: str, build: Build) -> Repository:
    """English training splits, and a validation split; all show what the data set teaches."""
    evaluated = Split(split="validation", shows="taught")
    return Repository(name=name, build=build, tables=(*_train(name, "taught"), evaluated))


def _target(name: str, build: Build, *splits: str) -> Repository:
    """A little English training data, if any, and evaluation splits, parallel in all languages."""
    evaluated = [
        Split(split=f"{split}_{code}", shows="rest", languages=(code,), events=split)
        for split in splits
        for code in LANGUAGES
    ]
    return Repository(name=name, build=build, tables=(*_train(name, "shown"), *evaluated))


_FEW = (*_train("few_questions", "shown"), Split(split="validation", shows="rest", languages=LANGUAGES))
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
    Repository(name="few_questions", build=sequences.few_questions, tables=_FEW),
)
