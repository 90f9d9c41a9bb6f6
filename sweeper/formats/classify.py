"""Classification of a text or of a pair of texts: natural language inference, paraphrase detection."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import UserError
from sweeper.formats.certainty import of_labels
from sweeper.formats.edits import edited_texts
from sweeper.formats.fields import Line, field_of, group_of, id_of, is_declared, label_of, short_hash, text_of
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
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
from sweeper.formats.pieces import available_tokens, item_per_feature, label_indices, tokenise
from sweeper.scoring.accuracy import accuracy, accuracy_and_f1, accuracy_counts, binary_counts
from sweeper.scoring.scorers import SCORERS, Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXT = (
    *("text", "sentence", "sentence1", "text1", "premise", "question", "question1", "review", "review_body", "content"),
    *("comment", "tweet", "utterance", "document", "body"),
)
"""Usual names of the column of a text."""
PAIR = ("pair", "sentence2", "text2", "hypothesis", "question2")
LABEL = ("label", "labels", "class", "category", "sentiment", "intent", "stars", "rating", "target", "gold_label")

Counts = Mapping[str, int]
Count = Callable[[str, str, Task], Counts]
Sum = Callable[[Sequence[Counts]], dict[str, float]]


class TranslatedPair:
    """Translation of one text or of both texts of a pair."""

    def texts(self, example: Example) -> list[str]:
        """The text, and the second text of a pair."""
        return [example.fields[name] for name in ("text", "pair") if example.fields[name] is not None]

    def translated(self, example: Example, texts: Sequence[Translated], language: str) -> Example:
        """The example with translated texts."""
        pair = texts[1].text if len(texts) > 1 else None
        return replace(example, fields={**example.fields, "text": texts[0].text, "pair": pair})


def _other_labels(example: Example, labels: Sequence[str]) -> list[str]:
    """The labels that an example does not have."""
    return [label for label in labels if label != example.fields["label"]]


def _has_label(line: Line) -> bool:
    return label_of(line, field_of(line, "label")) is not None


class Classify:
    """Predicts one label for a text, or for a pair of texts if the task declares a second one.

    Fields: text, label, and optionally pair, id, group.
    """

    properties = Properties(
        scorers=("accuracy", "accuracy_f1"),
        usual={"text": TEXT, "pair": PAIR, "label": LABEL},
        required=("text", "label"),
        head="sequence",
        has_classes=True,
        label_field="label",
        row_label=RowLabel(fields=("label",), has_example=_has_label),
        translation=TranslatedPair(),
        other_labels=_other_labels,
        edits=frozenset(("words", "spaces", "input")),
        edited=edited_texts(("text", "pair")),
        log_probabilities=of_labels,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The example of a row, with fields text, pair (or None) and label; none if the row has no label."""
        line = Line(row=row, task=task, number=number)
        label = label_of(line, field_of(line, "label"))
        if label is None:
            return []
        text = text_of(line, "text")
        pair = text_of(line, "pair") if is_declared(line, "pair") else None
        fields = {"text": text, "pair": pair, "label": label}
        return [Example(id=id_of(line), group=group_of(line, short_hash(text)), fields=fields)]

    def summary(self, example: Example) -> Summary:
        """The text, or both texts of a pair, and the label."""
        texts = {name: example.fields[name] for name in ("text", "pair") if example.fields[name] is not None}
        label = example.fields["label"]
        return Summary(texts=texts, facts={"label": label}, labels=(label,))

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature per example. If a pair is too long, its longer text is cut first."""
        first = [example.fields["text"] for example in examples]
        second = [example.fields["pair"] for example in examples]
        is_pair = any(text is not None for text in second)
        available_tokens(tokenizer, lengths.max_length, pair=is_pair)
        options = {"truncation": "longest_first", "max_length": lengths.max_length}
        pieces = tokenise(tokenizer, first, second if is_pair else None, {}, options)
        names = [example.fields["label"] for example in examples]
        return item_per_feature(pieces, {"label": label_indices(examples, names, labels)})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """The name of the label with the highest logit of each example; the first one if logits are equal."""
        return [labels[best] for best in np.argmax(outputs["logits"], axis=1)]

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`accuracy` or `accuracy_f1`; trivial: the best constant answer by the main metric of the scorer."""
        check_scorable(examples, predictions, task, language)
        count, total = scorer_of(task, _SCORERS)
        gold = [str(example.fields["label"]) for example in examples]
        rows = [count(label, prediction, task) for label, prediction in zip(gold, predictions, strict=True)]
        # The majority class has the best accuracy, but not always the best mean of accuracy and F1.
        constant = [total([count(label, guess, task) for label in gold]) for guess in Counter(gold)]
        main = SCORERS[task.scorer].main
        return Scored(
            metrics=total(rows),
            trivial=max(constant, key=lambda metrics: metrics[main]),
            outcomes=[outcome(*triple) for triple in zip(examples, predictions, rows, strict=True)],
        )


def _binary(gold: str, predicted: str, task: Task) -> Counts:
    if len(task.read_labels) != 2:
        raise UserError(
            f"Scorer 'accuracy_f1' needs two labels, the positive one last; "
            f"task {task.name!r} declares {list(task.read_labels)}."
        )
    return binary_counts(gold, predicted, task.read_labels[1])


_SCORERS: Mapping[str, tuple[Count, Sum]] = {
    "accuracy": (lambda gold, predicted, task: accuracy_counts(gold, predicted), accuracy),
    "accuracy_f1": (_binary, accuracy_and_f1),
}
