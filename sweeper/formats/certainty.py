"""Log-probabilities of the correct answer and of the prediction of each example: natural logarithms, float32."""

from collections.abc import Iterator, Sequence

import numpy as np

from sweeper.formats.interface import Array, Example, Features, LogProbabilities, Outputs
from sweeper.formats.spans import NOWHERE, best_pair, position_of


def log_softmax(values: Array) -> Array:
    """Logarithm of the softmax over the last axis, in float64."""
    values = np.asarray(values, dtype=np.float64)
    shifted = values - values.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def of_labels(
    examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
) -> LogProbabilities:
    """Of the label of a text: nan for the correct answer if the head does not have it."""
    logs = log_softmax(outputs["logits"])
    indices = {label: index for index, label in enumerate(labels)}
    gold = np.array([indices.get(str(example.fields["label"]), -1) for example in examples], dtype=np.int64)
    correct = np.where(gold >= 0, logs[np.arange(len(logs)), gold], np.nan)
    return LogProbabilities(correct=_single(correct), predicted=_single(logs.max(axis=1)))


def of_choices(
    examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
) -> LogProbabilities:
    """Of the correct option, among the options of the example."""
    bounds = zip(features.items[:-1], features.items[1:], strict=True)
    logs = [log_softmax(outputs["score"][first:last]) for first, last in bounds]
    correct = [row[example.fields["label"]] for row, example in zip(logs, examples, strict=True)]
    return LogProbabilities(correct=_single(correct), predicted=_single([row.max() for row in logs]))


def of_tags(
    examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
) -> LogProbabilities:
    """Of all tags of a sentence: the sum over its words. A word without pieces has no probability and adds nothing.

    nan for the correct answer if the head lacks a tag of the sentence.
    """
    is_word = features.extra["word"] >= 0
    owner = np.repeat(features.example, np.diff(features.offsets))[is_word]
    sums = [
        np.bincount(owner, weights=outputs[name][is_word].astype(np.float64), minlength=len(examples))
        for name in ("log_gold", "log_best")
    ]
    has_all = np.array([set(example.fields["tags"]) <= set(labels) for example in examples], dtype=bool)
    return LogProbabilities(correct=_single(np.where(has_all, sums[0], np.nan)), predicted=_single(sums[1]))


def of_spans(
    examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
) -> LogProbabilities:
    """Of an answer: start times end, each with a softmax over the tokens of its window, as in training.

    The correct answer sums over the different spans of the accepted answers in one window, the one that gives them the
    highest probability: a sum over windows could exceed 1. No answer has the probability of the window in which it is
    the least likely one. nan for answers that no window contains. The prediction is always the text.
    """
    spans = [_accepted(example) for example in examples]
    answered = np.full(len(examples), np.nan)
    none = np.zeros(len(examples))
    best, predicted = np.full(len(examples), -np.inf), np.full(len(examples), np.nan)
    for number, owner in enumerate(features.example.tolist()):
        window = slice(features.offsets[number], features.offsets[number + 1])
        low, high = features.extra["char_start"][window], features.extra["char_end"][window]
        start, end = outputs["start"][window], outputs["end"][window]
        log_start, log_end = log_softmax(start), log_softmax(end)
        none[owner] = min(none[owner], float(log_start[0] + log_end[0]))
        score, first, last = best_pair(start, end, np.flatnonzero(low >= 0))
        if score > best[owner]:
            best[owner], predicted[owner] = score, log_start[first] + log_end[last]
        # Different answers can have the same tokens.
        pairs = set(_tokens(spans[owner], low, high))
        if pairs:
            total = np.logaddexp.reduce([log_start[first] + log_end[last] for first, last in sorted(pairs)])
            answered[owner] = np.fmax(answered[owner], total)
    has_answer = np.array([bool(example.fields["answers"]) for example in examples], dtype=bool)
    return LogProbabilities(correct=_single(np.where(has_answer, answered, none)), predicted=_single(predicted))


def _accepted(example: Example) -> list[tuple[int, int]]:
    """First and end character of each accepted answer, without surrounding white space, each once."""
    spans = []
    for text in example.fields["answers"]:
        position = position_of(example.fields["context"], text, max(example.fields["start"] or 0, 0))
        if position != NOWHERE:
            spans.append((position + len(text) - len(text.lstrip()), position + len(text.rstrip())))
    return list(dict.fromkeys(spans))


def _tokens(spans: Sequence[tuple[int, int]], low: Array, high: Array) -> Iterator[tuple[int, int]]:
    """The first and last token of the spans that a window contains as a whole.

    `low` and `high` (tokens,) are the characters where each token starts and ends; -1 outside the context.
    """
    for first_character, end in spans:
        tokens = np.flatnonzero((low >= 0) & (low < end) & (high > first_character))
        if len(tokens) and low[low >= 0].min() <= first_character and high.max() >= end:
            yield int(tokens[0]), int(tokens[-1])


def _single(values: Array | Sequence[float]) -> Array:
    return np.asarray(values, dtype=np.float32)
