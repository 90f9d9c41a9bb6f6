"""Data sets of the five questions (docs/questions.md), which only a world with the setting `questions` has."""

from collections.abc import Mapping
from functools import partial

from sweeper.world import pairs, parallel, sequences
from sweeper.world.draws import Draws
from sweeper.world.languages import CODES, Language
from sweeper.world.lessons import Lesson
from sweeper.world.question_tasks import (
    DOSES,
    FIRST,
    JARGON,
    LESSONS,
    NUM_SYNONYM_LINES,
    SHARES,
    SYNONYM_TARGETS,
    SYNONYMS,
)
from sweeper.world.repositories import Repository, Table
from sweeper.world.skills import Levels
from sweeper.world.tasks import FEW_SIZE, PLACEBO, TRAIN_SIZE

CLAIMED: Levels = {"effect": 1.0, "tone": 1.0}
"""What the lessons of all languages and doses teach: everything that the target `xclaims` needs, and half of what
`words` needs. The targets `xrewrites` and `names` need none of it."""

UNCLAIMED: Levels = {"manner": 0.5, "use": 0.5}
"""Needs of a target that the claims do not teach."""
ASKED: Levels = {"kind": 1.0}
"""What the questions with a shortcut teach, and what their target needs."""


def _lessons(name: str) -> Repository:
    """Return one lesson in all languages: parallel tables of equal size."""
    tables = tuple(
        Table(split=f"train_{code}", source="taught", num=TRAIN_SIZE, languages=(code,), events="train")
        for code in CODES
    )
    return Repository(name=name, make_rows=pairs.claims, tables=tables, teaches=CLAIMED)


def _dosed(doses: Mapping[str, float]) -> tuple[Repository, ...]:
    """Return the same rows for each dose, which differ in the classes of the hidden concepts that are wrong."""
    tables = (Table(split="train", source="taught", num=TRAIN_SIZE),)
    return tuple(
        Repository(
            name=name, make_rows=pairs.claims, tables=tables, teaches=CLAIMED, wrong=dose, events=next(iter(doses))
        )
        for name, dose in doses.items()
    )


def _first(name: str, share: float) -> Repository:
    """Return questions with a shortcut in a share of the rows. Those of all shares with one letter have equal words."""
    tables = (Table(split="train", source="taught", num=TRAIN_SIZE),)
    make_rows = partial(sequences.first_questions, share)
    return Repository(name=name, make_rows=make_rows, tables=tables, teaches=ASKED, events=f"{FIRST}_{name[-1]}")


def _first_target() -> Repository:
    """Return the target with the shortcut in all training rows and in no evaluation data."""
    shortcut = partial(sequences.first_questions, 1.0)
    train = Table(split="train", source="shown", num=FEW_SIZE, make_rows=shortcut)
    evaluation = [
        Table(split=f"{split}_{code}", source="rest", languages=(code,), events=split)
        for split in ("validation", "test")
        for code in CODES
    ]
    return Repository(name=FIRST, make_rows=sequences.questions, tables=(train, *evaluation), needs=ASKED)


def _corpus(name: str) -> Repository:
    """Return text with the synonyms; in the placebo their meanings are random in each line."""
    tables = (Table(split="train", source="taught", num=NUM_SYNONYM_LINES, languages=(JARGON,)),)
    make_rows = _exchanged_texts if name.startswith(PLACEBO) else _texts
    return Repository(name=name, make_rows=make_rows, tables=tables, teaches={})


def _texts(_: Lesson, draws: Draws, language: Language, num: int) -> list[pairs.Row]:
    return parallel.synonym_texts(draws, language, num)


def _exchanged_texts(_: Lesson, draws: Draws, language: Language, num: int) -> list[pairs.Row]:
    # Other meanings in each line. With stable ones, the task would teach each synonym the class of another concept.
    return [
        row for _ in range(num) for row in parallel.synonym_texts(draws, parallel.exchanged(language, draws), num=1)
    ]


def _with_synonyms(name: str, needs: Levels) -> Repository:
    """Return claims that train on English words and are scored on their synonyms."""
    train = Table(split="train", source="shown", num=FEW_SIZE)
    evaluation = [Table(split=split, source="rest", languages=(JARGON,)) for split in ("validation", "test")]
    return Repository(name=name, make_rows=pairs.claims, tables=(train, *evaluation), needs=needs)


QUESTION_DATA: tuple[Repository, ...] = (
    _lessons(LESSONS),
    _lessons(PLACEBO + LESSONS),
    *_dosed(DOSES),
    *(_first(name, share) for name, share in SHARES.items()),
    _first_target(),
    _corpus(SYNONYMS),
    _corpus(PLACEBO + SYNONYMS),
    *(_with_synonyms(name, needs) for name, needs in zip(SYNONYM_TARGETS, (CLAIMED, UNCLAIMED), strict=True)),
)
