"""Prediction files as XTREME's leaderboard takes them: outcomes of one language in, the text of one file out.

The layouts are those of google-research/xtreme: its README, `evaluate.py`, and for Tatoeba `utils_preprocess.py`, which
sorts the English sentences. A file that cannot be made raises Unfit with the reason.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeper.tasks.benchmarks import Layout

REPEAT = re.compile(r"#\d+$")
"""What makes the id of an item that stands twice unique: `17`, `17#2`."""


class Unfit(Exception):  # noqa: N818 - no error of its own: the submission lists it with the others
    """Why the file of one language cannot be made."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The outcomes of one language: a row an item, in the order of the data set."""

    language: str
    rows: pd.DataFrame
    labels: tuple[str, ...]
    """The labels that may stand in the file; () where it holds none."""

    @property
    def predictions(self) -> list[str]:
        """Each item's prediction, as text."""
        return [str(text) for text in self.rows["prediction"]]

    @property
    def ids(self) -> list[str]:
        """Each item's id."""
        return [str(name) for name in self.rows["example"]]


def label_lines(sheet: Sheet) -> str:
    """A label a line."""
    _check_labels(sheet.predictions, sheet.labels)
    return _lines(sheet.predictions)


def tag_lines(sheet: Sheet) -> str:
    """A tag a line, an empty line between two sentences."""
    sentences = [json.loads(text) for text in sheet.predictions]
    _check_labels([tag for tags in sentences for tag in tags], sheet.labels)
    wrong = [
        name
        for name, tags, tokens in zip(sheet.ids, sentences, sheet.rows["tokens"], strict=True)
        if len(tags) != tokens
    ]
    if wrong:
        raise Unfit(f"{len(wrong)} sentences have another number of tags than of words, the first is {wrong[0]}")
    return "\n".join(_lines(tags) for tags in sentences)


def answers(sheet: Sheet) -> str:
    """Question id -> answer, as JSON."""
    known = set(sheet.ids)
    twice = [name for name in sheet.ids if REPEAT.search(name) and REPEAT.sub("", name) in known]
    if twice or len(known) < len(sheet.ids):
        raise Unfit(f"ids stand twice, such as {REPEAT.sub('', twice[0]) if twice else _first_twice(sheet.ids)}")
    return json.dumps(dict(zip(sheet.ids, sheet.predictions, strict=True)), ensure_ascii=False, indent=1) + "\n"


def index_lines(sheet: Sheet) -> str:
    """For each English sentence, in the order of their texts, the number from 0 of the sentence that it found."""
    places = {name: place for place, name in enumerate(sheet.ids)}
    texts = [_text(name, places).strip() for name in sheet.ids]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    strangers = [text for text in sheet.predictions if text not in places]
    if strangers:
        raise Unfit(f"{len(strangers)} found sentences are none of the pool, such as {strangers[0]!r}")
    return _lines([str(places[sheet.predictions[place]]) for place in order])


def pair_lines(sheet: Sheet) -> str:
    """The ids of both sentences of each mined pair: `de-000000017`, a tab, `en-000000009`."""
    mined = sheet.rows[sheet.rows["mined"] > 0]
    if mined.empty:
        raise Unfit("no pair was mined")
    pairs = [name.split("/") for name in mined["example"]]
    return _lines([f"{sheet.language}-{_number(source):09d}\ten-{_number(target):09d}" for source, target in pairs])


LAYOUTS: Mapping[Layout, Callable[[Sheet], str]] = {
    "labels": label_lines,
    "tags": tag_lines,
    "answers": answers,
    "indices": index_lines,
    "pairs": pair_lines,
}


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _check_labels(found: Sequence[str], known: tuple[str, ...]) -> None:
    strangers = sorted(set(found) - set(known))
    if strangers:
        raise Unfit(f"labels that the leaderboard does not know: {', '.join(map(repr, strangers[:5]))}")


def _first_twice(ids: Sequence[str]) -> str:
    return next(name for place, name in enumerate(ids) if name in ids[:place])


def _text(name: str, known: Mapping[str, int]) -> str:
    """The sentence behind an id, without the mark of a repeat."""
    bare = REPEAT.sub("", name)
    return bare if bare in known else name


def _number(name: str) -> int:
    """`source-17` -> 17: sentences are numbered as BUCC's own ids are."""
    return int(name.rsplit("-", 1)[1])
