"""The table of the world's data sets: which files each has, how many rows, made from which part of the knowledge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sweeper.data.synthetic import pairs, sequences
from sweeper.data.synthetic.draws import Draws
from sweeper.data.synthetic.languages import Language
from sweeper.data.synthetic.lessons import Lesson
from sweeper.tasks.demo import CHOICE_SIZE, EVAL_SIZE, FEW_SIZE, LANGUAGES, TRAIN_SIZE

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


def _intermediate(name: str, build: Build, *train: str, num: int = TRAIN_SIZE) -> Repository:
    """English training splits, and a validation split; all show what the data set teaches."""
    splits = [Split(split=split, shows="taught", num=num) for split in train or ("train",)]
    return Repository(name=name, build=build, tables=(*splits, Split(split="validation", shows="taught")))


def _target(name: str, build: Build, *splits: str, num: int = FEW_SIZE) -> Repository:
    """A little English training data, and evaluation splits, parallel in all languages."""
    train = (Split(split="train", shows="shown", num=num),) if num else ()
    evaluated = [
        Split(split=f"{split}_{code}", shows="rest", languages=(code,), events=split)
        for split in splits
        for code in LANGUAGES
    ]
    return Repository(name=name, build=build, tables=(*train, *evaluated))


_FEW = (
    Split(split="train", shows="shown", num=FEW_SIZE),
    Split(split="validation", shows="rest", languages=LANGUAGES),
)
_DEV_TEST = ("validation", "test")

INTERMEDIATES: tuple[Repository, ...] = (
    _intermediate("claims", pairs.claims),
    _intermediate("more_claims", pairs.claims, "train_a", "train_b", num=TRAIN_SIZE // 2),
    _intermediate("rewrites", pairs.rewrites),
    _intermediate("questions_null", sequences.questions_null),
    _intermediate("questions", sequences.questions),
    _intermediate("endings", pairs.endings, num=CHOICE_SIZE),
    _intermediate("parts", sequences.parts),
    _intermediate("reasons", pairs.reasons, num=CHOICE_SIZE),
    _intermediate("gaps", pairs.gaps, num=CHOICE_SIZE),
)
TARGETS: tuple[Repository, ...] = (
    _target("xclaims", pairs.claims, *_DEV_TEST),
    _target("xrewrites", pairs.rewrites, *_DEV_TEST),
    _target("words", sequences.words, *_DEV_TEST),
    _target("names", sequences.names, *_DEV_TEST),
    _target("xquestions", sequences.questions, "validation"),
    _target("mquestions", sequences.questions, *_DEV_TEST, num=0),
    Repository(name="few_questions", build=sequences.few_questions, tables=_FEW),
)
