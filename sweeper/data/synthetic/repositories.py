"""The table of the demo's data sets: columns, configs, splits, sizes, and which function makes their rows."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from datasets import ClassLabel, Features, List, Value

from sweeper.data.synthetic import pairs, parallel, sequences
from sweeper.data.synthetic.frames import CODES, Language
from sweeper.tasks.demo import CLAIM_LABELS, EVAL_SIZE, FEW_SIZE, TRAIN_SIZE

Build = Callable[[Random, Language, int], list[dict[str, Any]]]
FOREIGN = CODES[1:]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One Parquet file."""

    config: str = "default"
    split: str
    languages: tuple[str, ...] = ("en",)
    """Whose rows it holds, one language after the other."""
    num: int = EVAL_SIZE
    """Rows a language."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One data set, `demo/NAME`."""

    name: str
    build: Build
    features: Features
    tables: tuple[Table, ...]


def _english(*train: str) -> tuple[Table, ...]:
    """English training splits of full size, and a validation split."""
    return (*(Table(split=split, num=TRAIN_SIZE) for split in train), Table(split="validation"))


def _by_language(*splits: str) -> tuple[Table, ...]:
    """Evaluation splits with a config a language."""
    return tuple(Table(config=code, split=split, languages=(code,)) for code in CODES for split in splits)


_TRAIN = Table(config="en", split="train", num=TRAIN_SIZE)
_DEV_TEST = ("validation", "test")
_TEXT = Value("string")
_TEXTS = List(_TEXT)
_CLAIM = Features({"premise": _TEXT, "hypothesis": _TEXT, "label": ClassLabel(names=list(CLAIM_LABELS))})
_REWRITE = Features({"id": Value("int32"), "sentence1": _TEXT, "sentence2": _TEXT, "label": Value("int64")})
_ANSWERS = {"text": _TEXTS, "answer_start": List(Value("int32"))}
_QUESTION = Features({"id": _TEXT, "title": _TEXT, "context": _TEXT, "question": _TEXT, "answers": _ANSWERS})
_ENDING = Features({"ind": Value("int32"), "ctx_a": _TEXT, "ctx_b": _TEXT, "endings": _TEXTS, "label": _TEXT})
_ANSWERS_OF_FOUR = {f"answer{i}": _TEXT for i in range(4)}
_REASON = Features({"id": _TEXT, "context": _TEXT, "question": _TEXT, **_ANSWERS_OF_FOUR, "label": Value("int32")})
_GAP = Features({"id": _TEXT, "question": _TEXT, "choices": {"label": _TEXTS, "text": _TEXTS}, "answerKey": _TEXT})
_PART = Features({"id": _TEXT, "tokens": _TEXTS, "supertags": List(ClassLabel(names=sequences.part_labels()))})
# Another order than the task declares: as between copies on the Hub, only names can be trusted.
_WORD = Features({"tokens": _TEXTS, "pos_tags": List(ClassLabel(names=sorted(set(sequences.TAGS.values()))))})
_NAME = Features({"tokens": _TEXTS, "ner_tags": List(ClassLabel(names=sequences.name_labels()))})
_POOL = Features({"sentence1": _TEXTS, "sentence2": _TEXTS, "gold": List(List(Value("int64")))})
_TWIN = Features({"sentence1": _TEXT, "sentence2": _TEXT})

REPOSITORIES: tuple[Repository, ...] = (
    Repository(name="claims", build=pairs.claims, features=_CLAIM, tables=_english("train")),
    Repository(name="more_claims", build=pairs.claims, features=_CLAIM, tables=_english("train_a", "train_b")),
    Repository(name="rewrites", build=pairs.rewrites, features=_REWRITE, tables=_english("train")),
    Repository(name="questions", build=sequences.questions, features=_QUESTION, tables=_english("train")),
    Repository(name="questions_null", build=sequences.questions_null, features=_QUESTION, tables=_english("train")),
    Repository(name="endings", build=pairs.endings, features=_ENDING, tables=_english("train")),
    Repository(name="parts", build=sequences.parts, features=_PART, tables=_english("train")),
    Repository(name="reasons", build=pairs.reasons, features=_REASON, tables=_english("train")),
    Repository(name="gaps", build=pairs.gaps, features=_GAP, tables=_english("train")),
    Repository(name="xclaims", build=pairs.claims, features=_CLAIM, tables=_by_language(*_DEV_TEST)),
    Repository(name="xrewrites", build=pairs.rewrites, features=_REWRITE, tables=(_TRAIN, *_by_language(*_DEV_TEST))),
    Repository(name="words", build=sequences.words, features=_WORD, tables=(_TRAIN, *_by_language(*_DEV_TEST))),
    Repository(name="names", build=sequences.names, features=_NAME, tables=(_TRAIN, *_by_language(*_DEV_TEST))),
    Repository(name="xquestions", build=sequences.questions, features=_QUESTION, tables=_by_language("validation")),
    Repository(name="mquestions", build=sequences.questions, features=_QUESTION, tables=_by_language(*_DEV_TEST)),
    Repository(
        name="few_questions",
        build=sequences.few_questions,
        features=_QUESTION,
        tables=(Table(split="train", num=FEW_SIZE), Table(split="validation", languages=CODES)),
    ),
    Repository(
        name="mining",
        build=parallel.mining,
        features=_POOL,
        tables=tuple(Table(config=f"{code}-en", split="test", languages=(code,)) for code in FOREIGN),
    ),
    Repository(
        name="twins",
        build=parallel.twins,
        features=_TWIN,
        tables=tuple(Table(config=f"{code}-en", split="test", languages=(code,)) for code in FOREIGN),
    ),
    Repository(
        name="texts",
        build=parallel.texts,
        features=Features({"text": _TEXT}),
        tables=tuple(Table(config=code, split="train", languages=(code,), num=TRAIN_SIZE) for code in CODES),
    ),
)
