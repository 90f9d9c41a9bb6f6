"""Span answering: the answer is a stretch of the context, read in windows that overlap."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.fields import Line, answers_of, group_of, id_of, sha, text_of
from sweeper.formats.interface import IGNORED, Array, Example, Features, HeadKind, Lengths, Outputs
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.pieces import Pieces, cut, one_feature_each, room, tokenise
from sweeper.scoring import mlqa, squad
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import ScorerName, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NUM_BEST = 20
"""Highest starts and ends that are paired in a window, the value of XTREME's script."""
LONGEST_ANSWER = 30
"""Tokens, likewise."""
LONGEST_QUESTION = 64
"""Tokens; what a question has beyond is cut, likewise."""
NOWHERE = -1
"""Character position of an answer that the context does not hold."""
_FAR = np.iinfo(np.int32).max


class Span:
    """Questions about a context. A window without the answer points at the first token, position 0."""

    head: HeadKind = "span"

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The row's example; none without answers, unless the scorer is `squad2`, where that means unanswerable.

        Fields: context, question, answers (all gold texts), start (character of the first one, -1 if the context does
        not hold it, None if there is none), may_decline (whether the empty text can be right).
        """
        line = Line(row=row, task=task, number=number)
        texts, starts = answers_of(line)
        may_decline = task.scorer == "squad2"
        if not texts and not may_decline:
            return []
        context = text_of(line, "context")
        fields = {
            "context": context,
            "question": text_of(line, "question"),
            "answers": texts,
            "start": _place(context, texts[0], starts[0]) if texts else None,
            "may_decline": may_decline,
        }
        return [Example(id=id_of(line), group=group_of(line, sha(context)), fields=fields)]

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """Windows of each context behind its question, labelled with the first answer; an item is a window.

        A question keeps 64 tokens and at most half of the room; neighbouring windows share `stride` tokens and at most
        half of what is left, so that every window brings something new.
        """
        space = room(tokenizer, lengths.max_length, pair=True)
        limit = min(LONGEST_QUESTION, space // 2)
        questions = cut(tokenizer, [example.fields["question"] for example in examples], limit)
        options = {
            "truncation": "only_second",
            "max_length": lengths.max_length,
            "stride": min(lengths.stride, (space - limit) // 2),
            "return_overflowing_tokens": True,
        }
        contexts = [example.fields["context"] for example in examples]
        readers = {"char_start": lambda encoding: _characters(encoding, 0), "char_end": lambda e: _characters(e, 1)}
        pieces = tokenise(tokenizer, questions, contexts, readers, options)
        first, last = _answer_tokens(examples, pieces)
        return one_feature_each(pieces, {"start": first, "end": last}, pieces.read)

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """The text with the highest start + end logit over the windows of each example: {"text": ...}.

        Starts and ends are a window's 20 highest among its context tokens, 30 tokens long at most; without a valid
        pair the text is empty. Where an example may decline, `null` is the lowest start + end logit of the first
        token over its windows minus the text's: the higher, the likelier there is no answer.
        """
        best = np.full(len(examples), -np.inf)
        null = np.full(len(examples), np.inf)
        characters = np.zeros((len(examples), 2), dtype=np.int64)
        for number, owner in enumerate(features.example):
            part = slice(features.offsets[number], features.offsets[number + 1])
            start, end = outputs["start"][part], outputs["end"][part]
            null[owner] = min(null[owner], start[0] + end[0])
            score, first, last = _best_pair(start, end, np.flatnonzero(features.extra["char_start"][part] >= 0))
            if score > best[owner]:
                best[owner] = score
                opening, closing = features.extra["char_start"][part][first], features.extra["char_end"][part][last]
                characters[owner] = opening, closing
        return [
            _prediction(example, characters[number], float(null[number] - best[number]))
            for number, example in enumerate(examples)
        ]

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """`em`, `f1` and `score`, their mean; trivial: the empty text for every question."""
        check_scorable(examples, predictions, task, language)
        scorer = scorer_of(task, _SCORERS)
        exact, overlap = scorer(examples, predictions, language)
        silence = [{"text": "", "null": 0.0}] * len(examples)
        rows = [{"em": em, "f1": f1} for em, f1 in zip(exact, overlap, strict=True)]
        said = [one if "null" in one else one["text"] for one in predictions]
        return Scored(
            metrics=_metrics(exact, overlap),
            trivial=_metrics(*scorer(examples, silence, language)),
            outcomes=[outcome(*line) for line in zip(examples, said, rows, strict=True)],
        )


def _place(context: str, text: str, start: int) -> int:
    """The answer's position: the declared one if the text stands there, else the nearest one, else NOWHERE."""
    if context.startswith(text, max(start, 0)):
        return max(start, 0)
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    return min(places, key=lambda place: abs(place - start), default=NOWHERE)


def _characters(encoding: Any, side: int) -> Array:
    """Where in the context each token begins (side 0) or ends (side 1); -1 outside the context; (tokens,)."""
    inside = np.array([sequence == 1 for sequence in encoding.sequence_ids], dtype=bool)
    return np.where(inside, np.array(encoding.offsets, dtype=np.int32)[:, side], -1)


def _answer_tokens(examples: Sequence[Example], pieces: Pieces) -> tuple[Array, Array]:
    """First and last token of the first answer in each feature (n,); 0 where the window does not hold all of it.

    IGNORED where the context does not hold the answer at all: that must not teach that there is none.
    """
    begin, close = _stretches(examples)
    low, high = begin[pieces.text], close[pieces.text]
    starts, ends = pieces.read["char_start"], pieces.read["char_end"]
    bounds, sizes = pieces.offsets[:-1], np.diff(pieces.offsets)
    position = np.arange(len(starts)) - np.repeat(bounds, sizes)
    inside = (starts >= 0) & (starts < np.repeat(high, sizes)) & (ends > np.repeat(low, sizes))
    first = np.minimum.reduceat(np.where(inside, position, _FAR), bounds)
    last = np.maximum.reduceat(np.where(inside, position, 0), bounds)
    window_low = np.minimum.reduceat(np.where(starts >= 0, starts, _FAR), bounds)
    holds = (first < _FAR) & (window_low <= low) & (np.maximum.reduceat(ends, bounds) >= high)
    lost = np.array([example.fields["start"] == NOWHERE for example in examples], dtype=bool)[pieces.text]
    first, last = (np.where(lost, IGNORED, np.where(holds, place, 0)).astype(np.int32) for place in (first, last))
    return first, last


def _stretches(examples: Sequence[Example]) -> tuple[Array, Array]:
    """Characters between which the first answers stand, white space trimmed; 0 and 0 where there is none."""
    begin, close = np.zeros((2, len(examples)), dtype=np.int64)
    for number, example in enumerate(examples):
        start = example.fields["start"]
        if start is not None and start != NOWHERE:
            text = example.fields["answers"][0]
            begin[number] = start + len(text) - len(text.lstrip())
            close[number] = start + len(text.rstrip())
    return begin, close


def _best_pair(start: Array, end: Array, inside: Array) -> tuple[float, int, int]:
    """Highest start + end logit of a window, and the two tokens; -inf if no pair is in order and short enough."""
    starts = inside[np.argsort(-start[inside], kind="stable")[:NUM_BEST]]
    ends = inside[np.argsort(-end[inside], kind="stable")[:NUM_BEST]]
    length = ends[None, :] - starts[:, None] + 1
    sums = np.where((length > 0) & (length <= LONGEST_ANSWER), start[starts][:, None] + end[ends][None, :], -np.inf)
    if not sums.size:
        return -np.inf, 0, 0
    row, column = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return float(sums[row, column]), int(starts[row]), int(ends[column])


def _prediction(example: Example, characters: Array, null: float) -> dict[str, Any]:
    # XLM-R's pieces begin with the space before the word.
    text = example.fields["context"][characters[0] : characters[1]].strip()
    return {"text": text, "null": null} if example.fields["may_decline"] else {"text": text}


Scores = tuple[list[float], list[float]]
"""Exact match and F1 of each example."""


def _squad(examples: Sequence[Example], predictions: Sequence[Any], language: str) -> Scores:
    return _compare(examples, predictions, squad.normalise)


def _mlqa(examples: Sequence[Example], predictions: Sequence[Any], language: str) -> Scores:
    return _compare(examples, predictions, mlqa.normaliser(language))


def _compare(examples: Sequence[Example], predictions: Sequence[Any], normaliser: squad.Normalise) -> Scores:
    pairs = [(one["text"], example.fields["answers"]) for one, example in zip(predictions, examples, strict=True)]
    exact = [float(squad.exact_match(text, golds, normaliser)) for text, golds in pairs]
    return exact, [squad.token_f1(text, golds, normaliser) for text, golds in pairs]


def _squad2(examples: Sequence[Example], predictions: Sequence[Any], language: str) -> Scores:
    golds = [example.fields["answers"] for example in examples]
    texts = [prediction["text"] for prediction in predictions]
    nulls = [prediction["null"] for prediction in predictions]
    answerable = [bool(gold) for gold in golds]
    exact = [float(squad.exact_match_or_none(text, gold)) for text, gold in zip(texts, golds, strict=True)]
    overlap = [squad.token_f1_or_none(text, gold) for text, gold in zip(texts, golds, strict=True)]
    return (
        squad.with_best_threshold(exact, texts, nulls, answerable),
        squad.with_best_threshold(overlap, texts, nulls, answerable),
    )


def _metrics(exact: Sequence[float], overlap: Sequence[float]) -> dict[str, float]:
    em, f1 = sum(exact) / len(exact), sum(overlap) / len(overlap)
    return {"score": (em + f1) / 2, "em": em, "f1": f1}


_SCORERS: Mapping[ScorerName, Callable[[Sequence[Example], Sequence[Any], str], Scores]] = {
    "squad": _squad,
    "squad2": _squad2,
    "mlqa": _mlqa,
}
