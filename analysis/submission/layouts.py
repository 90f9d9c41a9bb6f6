"""Prediction files of the XTREME and XTREME-R leaderboards: the outcomes of one language become the text of one file.

The layouts follow the README and `evaluate.py` of google-research/xtreme, for Tatoeba its `utils_preprocess.py`, which
sorts the English sentences, for XCOPA its `run_xcopa.py`, and for Mewsli-X its `mock_test_data`. A file that cannot be
written raises LayoutError with the reason.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeper.tasks.benchmarks import Layout

REPEAT = re.compile(r"#\d+$")
"""Suffix that makes the id of a repeated example unique: `17`, `17#2`."""


class LayoutError(Exception):
    """The reason why the file of one language cannot be written. The submission lists all of them in one UserError."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The outcomes of one language: one row per example, in the order of the data set."""

    language: str
    rows: pd.DataFrame
    labels: tuple[str, ...]
    """The labels that the file may contain; empty if it contains none."""

    @property
    def predictions(self) -> list[str]:
        """The prediction of each example, as text."""
        return [str(text) for text in self.rows["prediction"]]

    @property
    def ids(self) -> list[str]:
        """The id of each example."""
        return [str(name) for name in self.rows["example"]]


def label_lines(sheet: Sheet) -> str:
    """One label per line."""
    _check_labels(sheet.predictions, sheet.labels)
    return _lines(sheet.predictions)


def tag_lines(sheet: Sheet) -> str:
    """One tag per line, with an empty line between sentences."""
    sentences = [json.loads(text) for text in sheet.predictions]
    _check_labels([tag for tags in sentences for tag in tags], sheet.labels)
    mismatched = [
        name
        for name, tags, tokens in zip(sheet.ids, sentences, sheet.rows["tokens"], strict=True)
        if len(tags) != tokens
    ]
    if mismatched:
        raise LayoutError(f"{len(mismatched)} sentences have more or fewer tags than words, first {mismatched[0]}")
    return "\n".join(_lines(tags) for tags in sentences)


def answers(sheet: Sheet) -> str:
    """Question id -> answer, as JSON."""
    ids = set(sheet.ids)
    repeated = [name for name in sheet.ids if REPEAT.search(name) and REPEAT.sub("", name) in ids]
    if repeated or len(ids) < len(sheet.ids):
        first = REPEAT.sub("", repeated[0]) if repeated else _first_duplicate(sheet.ids)
        raise LayoutError(f"ids occur twice, such as {first}")
    return json.dumps(dict(zip(sheet.ids, sheet.predictions, strict=True)), ensure_ascii=False, indent=1) + "\n"


def index_lines(sheet: Sheet) -> str:
    """For each English sentence, sorted by text, the number (from 0) of the sentence that was predicted for it."""
    numbers = {name: number for number, name in enumerate(sheet.ids)}
    texts = [_text(name, numbers).strip() for name in sheet.ids]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    invalid = [text for text in sheet.predictions if text not in numbers]
    if invalid:
        raise LayoutError(f"{len(invalid)} predicted sentences are not in the pool, such as {invalid[0]!r}")
    return _lines([str(numbers[sheet.predictions[number]]) for number in order])


def pair_lines(sheet: Sheet) -> str:
    """The ids of both sentences of each mined pair: `de-000000017`, a tab, `en-000000009`."""
    mined = sheet.rows[sheet.rows["mined"] > 0]
    if mined.empty:
        raise LayoutError("no pair was mined")
    pairs = [name.split("/") for name in mined["example"]]
    return _lines([f"{sheet.language}-{_number(source):09d}\ten-{_number(target):09d}" for source, target in pairs])


def choice_lines(sheet: Sheet) -> str:
    """One JSON object per line with the number (from 0) of the chosen answer: `{"label": 1}`."""
    return _lines([json.dumps({"label": int(text)}) for text in sheet.predictions])


def rankings(sheet: Sheet) -> str:
    """Query id -> ids of the first twenty candidates, as JSON."""
    if all(name.isdecimal() for name in sheet.ids):
        raise LayoutError("the ids are row numbers: map `id` to the column with the ids of the benchmark in the task")
    ranked = {name: json.loads(text) for name, text in zip(sheet.ids, sheet.predictions, strict=True)}
    return json.dumps(ranked, ensure_ascii=False, indent=1) + "\n"


LAYOUTS: Mapping[Layout, Callable[[Sheet], str]] = {
    "labels": label_lines,
    "tags": tag_lines,
    "answers": answers,
    "indices": index_lines,
    "pairs": pair_lines,
    "choices": choice_lines,
    "rankings": rankings,
}
EXTENSIONS: Mapping[Layout, str] = {"answers": "json", "rankings": "json", "choices": "jsonl"}
"""Layout -> extension of its files, if it is not `tsv`."""


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _check_labels(labels: Sequence[str], valid_labels: tuple[str, ...]) -> None:
    invalid = sorted(set(labels) - set(valid_labels))
    if invalid:
        raise LayoutError(f"the leaderboard does not accept the labels {', '.join(map(repr, invalid[:5]))}")


def _first_duplicate(ids: Sequence[str]) -> str:
    return next(name for number, name in enumerate(ids) if name in ids[:number])


def _text(name: str, ids: Mapping[str, int]) -> str:
    """The sentence of an id, without the suffix of a repeated example."""
    # A sentence may itself end in text such as `#2`. Without this ending, its text is then no id.
    text = REPEAT.sub("", name)
    return text if text in ids else name


def _number(name: str) -> int:
    """`source-17` -> 17. Sentences are numbered like the ids of BUCC."""
    return int(name.rsplit("-", 1)[1])
