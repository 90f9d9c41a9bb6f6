"""Extractive question answering: the answer is a span of the context, which is read in overlapping windows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.answers import find
from sweeper.formats.certainty import of_spans
from sweeper.formats.edits import edited_context
from sweeper.formats.fields import Line, answers_of, group_of, id_of, short_hash, text_of
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
    IGNORED,
    PROBLEM,
    Array,
    Example,
    Features,
    Lengths,
    Outputs,
    Properties,
    RowLabel,
    ScoreSettings,
    Summary,
    Translated,
)
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.pieces import Pieces, available_tokens, item_per_feature, tokenise, truncate
from sweeper.formats.spans import NOWHERE, answer_problem, best_pair, position_of
from sweeper.scoring import mlqa, squad
from sweeper.scoring.scorers import Scored
from sweeper.scoring.sums import total
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LONGEST_QUESTION = 64
"""Tokens that a question keeps, as in the script of XTREME."""
_FAR = np.iinfo(np.int32).max


class TranslatedSpan:
    """Translation of context, question and answer. The translated answer is searched in the translated context."""

    def texts(self, example: Example) -> list[str]:
        """Context, question, and the first answer, which is the one used in training."""
        return [example.fields["context"], example.fields["question"], *example.fields["answers"][:1]]

    def translated(self, example: Example, texts: Sequence[Translated], language: str) -> Example | None:
        """The example with the answer as it occurs in the translated context; None if it does not occur there.

        An unanswerable question stays unanswerable.
        """
        context, question, *answers = texts
        fields = {**example.fields, "context": context.text, "question": question.text}
        if not answers:
            return replace(example, fields=fields)
        if example.fields["start"] == NOWHERE:
            return None
        # The label is a position, so it is computed again, in the translated context.
        span = find(context.text, answers[0].text, language, near=context.position_of(example.fields["start"]))
        if span is None:
            return None
        start, end = span
        return replace(example, fields={**fields, "answers": [context.text[start:end]], "start": start})


def _marks(features: Features, _: Sequence[str]) -> list[str]:
    """`answer` on the tokens of the answer, and `no answer` on the first token of a window without it."""
    marks = [""] * len(features.tokens)
    for number, offset in enumerate(features.offsets[:-1].tolist()):
        start, end = (int(features.labels[name][number]) for name in ("start", "end"))
        if start != IGNORED:
            word = "answer" if start else "no answer"
            marks[offset + start : offset + end + 1] = [word] * (end + 1 - start)
    return marks


def _is_read(line: Line) -> bool:
    """Whether a row has an example. Without answers, only the scorer `squad2` reads it."""
    return line.task.scorer == "squad2" or bool(answers_of(line)[0])


def _problem(line: Line) -> str | None:
    """Why the answers of a row cannot be right; "" if they can, None if the row has no example."""
    texts, starts = answers_of(line)
    has_example = texts or line.task.scorer == "squad2"
    return answer_problem(text_of(line, "context"), texts, starts) if has_example else None


class Span:
    """Predicts the answer to a question about a context. The label of a window without the answer is its first token.

    Fields: context, question, answers, and optionally id, group.
    """

    properties = Properties(
        scorers=("squad", "squad2", "mlqa"),
        usual={
            "context": ("context", "passage", "paragraph", "document"),
            "question": ("question", "query"),
            "answers": ("answers", "answer"),
        },
        required=("context", "question", "answers"),
        head="span",
        row_label=RowLabel(fields=("answers",), has_example=_is_read, problem_fields=("context",), problem=_problem),
        translation=TranslatedSpan(),
        marks=_marks,
        edits=frozenset(("words", "spaces", "input", "context", "question")),
        edited=edited_context,
        log_probabilities=of_spans,
        windowed=True,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The example of a row; none if it has no answers, which the scorer `squad2` reads as unanswerable instead.

        Fields: context, question, answers (all gold texts), start (character position of the first answer, -1 if the
        context does not contain it, None if there is no answer), may_decline (whether the empty text can be correct),
        and PROBLEM if the answers cannot be right: `start` is then the position of the nearest occurrence.
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
            "start": position_of(context, texts[0], next(iter(starts), 0)) if texts else None,
            "may_decline": may_decline,
        }
        problem = answer_problem(context, texts, starts)
        fields |= {PROBLEM: problem} if problem else {}
        return [Example(id=id_of(line), group=group_of(line, short_hash(context)), fields=fields)]

    def summary(self, example: Example) -> Summary:
        """Context and question, and the answers; the label says whether the context contains the first answer."""
        fields = example.fields
        kind = {None: "no answer", NOWHERE: "answer not in the context"}.get(fields["start"], "answer in the context")
        answers = " | ".join(fields["answers"]) or "none"
        where = "" if fields["start"] in (None, NOWHERE) else f" (the first one at character {fields['start']})"
        return Summary(
            texts={"context": fields["context"], "question": fields["question"]},
            facts={"answers": f"{answers}{where}"},
            labels=(kind,),
        )

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """Windows of each context after its question, labelled with the first answer; one item per window.

        A question keeps 64 tokens, and at most half of the available tokens. Neighbouring windows share `stride`
        tokens, and at most half of the remaining tokens, so that each window contains new text.
        """
        space = available_tokens(tokenizer, lengths.max_length, pair=True)
        limit = min(LONGEST_QUESTION, space // 2)
        questions = truncate(tokenizer, [example.fields["question"] for example in examples], limit)
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
        return item_per_feature(pieces, {"start": first, "end": last}, pieces.read)

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """The text with the highest sum of start and end logit over the windows of each example: {"text": ...}.

        The 20 best starts and the 20 best ends among the context tokens of a window are combined, for answers of at
        most 30 tokens. Without a valid pair the text is empty. If the example may decline, `null` is the lowest sum of
        the logits of the first token over its windows, minus the sum of the text: a higher value means that there is
        more likely no answer.
        """
        best = np.full(len(examples), -np.inf)
        null = np.full(len(examples), np.inf)
        characters = np.zeros((len(examples), 2), dtype=np.int64)
        for number, owner in enumerate(features.example):  # one feature is one window
            window = slice(features.offsets[number], features.offsets[number + 1])
            start, end = outputs["start"][window], outputs["end"][window]
            null[owner] = min(null[owner], start[0] + end[0])
            score, first, last = best_pair(start, end, np.flatnonzero(features.extra["char_start"][window] >= 0))
            if score > best[owner]:
                best[owner] = score
                characters[owner] = (
                    features.extra["char_start"][window][first],
                    features.extra["char_end"][window][last],
                )
        return [
            _prediction(example, characters[number], float(null[number] - best[number]))
            for number, example in enumerate(examples)
        ]

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`em`, `f1` and `score`, their mean; trivial: the empty text for every question."""
        check_scorable(examples, predictions, task, language)
        scorer = scorer_of(task, _SCORERS)
        exact, overlap = scorer(examples, predictions, language)
        empty = [{"text": "", "null": 0.0}] * len(examples)
        rows = [{"em": em, "f1": f1} for em, f1 in zip(exact, overlap, strict=True)]
        texts = [prediction if "null" in prediction else prediction["text"] for prediction in predictions]
        return Scored(
            metrics=_metrics(exact, overlap),
            trivial=_metrics(*scorer(examples, empty, language)),
            outcomes=[outcome(*triple) for triple in zip(examples, texts, rows, strict=True)],
        )


def _characters(encoding: Any, side: int) -> Array:
    """Character position in the context where each token starts (side 0) or ends (side 1), else -1; (tokens,)."""
    inside = np.array([sequence == 1 for sequence in encoding.sequence_ids], dtype=bool)
    return np.where(inside, np.array(encoding.offsets, dtype=np.int32)[:, side], -1)


def _answer_tokens(examples: Sequence[Example], pieces: Pieces) -> tuple[Array, Array]:
    """First and last token of the first answer in each feature (n,); 0 if the window does not contain all of it.

    IGNORED if the context does not contain the answer at all, because 0 would teach that the question has no answer.
    """
    first_characters, end_characters = _answer_characters(examples)
    low, high = first_characters[pieces.text], end_characters[pieces.text]
    starts, ends = pieces.read["char_start"], pieces.read["char_end"]
    bounds, sizes = pieces.offsets[:-1], np.diff(pieces.offsets)
    position = np.arange(len(starts)) - np.repeat(bounds, sizes)
    inside = (starts >= 0) & (starts < np.repeat(high, sizes)) & (ends > np.repeat(low, sizes))
    # reduceat over the bounds gives one value per feature; every feature has at least its special tokens.
    first = np.minimum.reduceat(np.where(inside, position, _FAR), bounds)
    last = np.maximum.reduceat(np.where(inside, position, 0), bounds)
    window_low = np.minimum.reduceat(np.where(starts >= 0, starts, _FAR), bounds)
    # A window that starts or ends inside the answer contains tokens of it, but not the whole answer.
    is_whole = (first < _FAR) & (window_low <= low) & (np.maximum.reduceat(ends, bounds) >= high)
    is_lost = np.array([example.fields["start"] == NOWHERE for example in examples], dtype=bool)[pieces.text]
    first, last = (
        np.where(is_lost, IGNORED, np.where(is_whole, tokens, 0)).astype(np.int32) for tokens in (first, last)
    )
    return first, last


def _answer_characters(examples: Sequence[Example]) -> tuple[Array, Array]:
    """First and end character of each first answer, without surrounding white space; 0 and 0 without an answer."""
    begin, close = np.zeros((2, len(examples)), dtype=np.int64)
    for number, example in enumerate(examples):
        start = example.fields["start"]
        if start is not None and start != NOWHERE:
            text = example.fields["answers"][0]
            begin[number] = start + len(text) - len(text.lstrip())
            close[number] = start + len(text.rstrip())
    return begin, close


def _prediction(example: Example, characters: Array, null: float) -> dict[str, Any]:
    # The pieces of XLM-R include the space before a word.
    text = example.fields["context"][characters[0] : characters[1]].strip()
    return {"text": text, "null": null} if example.fields["may_decline"] else {"text": text}


Scores = tuple[list[float], list[float]]
"""Exact match and F1 of each example."""


def _squad(examples: Sequence[Example], predictions: Sequence[Any], language: str) -> Scores:
    return _compare(examples, predictions, squad.normalise)


def _mlqa(examples: Sequence[Example], predictions: Sequence[Any], language: str) -> Scores:
    return _compare(examples, predictions, mlqa.normaliser(language))


def _compare(examples: Sequence[Example], predictions: Sequence[Any], normaliser: squad.Normalise) -> Scores:
    pairs = [
        (prediction["text"], example.fields["answers"])
        for prediction, example in zip(predictions, examples, strict=True)
    ]
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
    # XTREME computes percentages as 100.0 * sum / questions; this order of operations decides the last bit.
    em, f1 = (100.0 * total(values) / len(values) / 100 for values in (exact, overlap))
    return {"score": (em + f1) / 2, "em": em, "f1": f1}


_SCORERS: Mapping[str, Callable[[Sequence[Example], Sequence[Any], str], Scores]] = {
    "squad": _squad,
    "squad2": _squad2,
    "mlqa": _mlqa,
}
