"""Multiple choice: a prompt with several options, each encoded as a pair with the prompt, one of them correct."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.certainty import of_choices
from sweeper.formats.edits import edited_texts
from sweeper.formats.fields import NO_LABEL, Line, field_of, group_of, id_of, is_declared, row_error, text_of, texts_of
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
from sweeper.formats.pieces import available_tokens, item_per_example, tokenise, truncate
from sweeper.scoring.accuracy import accuracy, accuracy_counts
from sweeper.scoring.scorers import Scored
from sweeper.scoring.sums import mean
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROMPT = ("prompt", "question", "premise", "context", "query", "ctx", "sentence", "startphrase", "goal")
CHOICES = (
    *("choices", "choices.text", "options", "options.text", "endings", "candidates"),
    *("choice#", "option#", "ending#", "answer#", "alternative#", "sol#"),
)
"""Usual names of the columns of the options."""
LABEL = ("label", "answer", "answerkey", "correct", "correct_answer", "gold", "target")
FEWEST_CHOICES = 2
"""Minimum number of choices of an example. A plan assumes it if the task does not give their number."""


class TranslatedChoices:
    """Translation of the prompt and the options."""

    def texts(self, example: Example) -> list[str]:
        """The prompt, then the options."""
        return [example.fields["prompt"], *example.fields["choices"]]

    def translated(self, example: Example, texts: Sequence[Translated], language: str) -> Example:
        """The example with translated texts. The options keep their order, so the label stays valid."""
        prompt, *choices = (translation.text for translation in texts)
        return replace(example, fields={**example.fields, "prompt": prompt, "choices": choices})


def num_choices(task: Task) -> int:
    """Choices per example, from the entry of the task: the columns of `choices`, the labels, or a lower bound."""
    choices = task.columns.get("choices")
    num_columns = len(choices) if isinstance(choices, tuple) else 0
    return task.num_choices or num_columns or len(task.labels) or FEWEST_CHOICES


def _other_choices(example: Example, labels: Sequence[str]) -> list[int]:
    """The indices of the wrong choices."""
    return [number for number in range(len(example.fields["choices"])) if number != example.fields["label"]]


def _has_label(line: Line) -> bool:
    return field_of(line, "label") not in NO_LABEL


class Choose:
    """Predicts the index of the correct option. The number of options may differ between the examples of a task.

    Fields: prompt, choices, label, and optionally keys (the names of the options), id, group.
    """

    properties = Properties(
        scorers=("accuracy",),
        usual={
            "prompt": PROMPT,
            "choices": CHOICES,
            "keys": ("keys", "choices.label", "options.label"),
            "label": LABEL,
        },
        required=("prompt", "choices", "label"),
        head="choice",
        has_classes=True,
        row_label=RowLabel(fields=("label",), has_example=_has_label),
        translation=TranslatedChoices(),
        other_labels=_other_choices,
        edits=frozenset(("words", "spaces", "input")),
        edited=edited_texts(("prompt",)),
        log_probabilities=of_choices,
        num_features=num_choices,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The example of a row, with fields prompt, choices and label (an index); none if the row has no label."""
        line = Line(row=row, task=task, number=number)
        choices = texts_of(line, "choices")
        if len(choices) < FEWEST_CHOICES:
            raise row_error(line, f"multiple choice needs at least two choices, got {choices}.")
        label = _index(line, len(choices))
        if label is None:
            return []
        fields = {"prompt": text_of(line, "prompt"), "choices": choices, "label": label}
        name = id_of(line)
        return [Example(id=name, group=group_of(line, name), fields=fields)]

    def summary(self, example: Example) -> Summary:
        """The prompt, the numbered options, and the number of the correct one."""
        choices = {f"choice {number}": text for number, text in enumerate(example.fields["choices"], start=1)}
        correct = f"choice {example.fields['label'] + 1}"
        return Summary(
            texts={"prompt": example.fields["prompt"], **choices}, facts={"correct": correct}, labels=(correct,)
        )

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature per option and one item per example.

        If prompt and option are too long together, the end of the prompt is cut. An option keeps at most half of the
        available tokens.
        """
        space = available_tokens(tokenizer, lengths.max_length, pair=True)
        counts = [len(example.fields["choices"]) for example in examples]
        prompts = [example.fields["prompt"] for example in examples for _ in example.fields["choices"]]
        choices = [choice for example in examples for choice in example.fields["choices"]]
        options = {"truncation": "only_first", "max_length": lengths.max_length}
        # Tokenising a cut text again may give one token more than the cut allows, but never twice as many.
        pieces = tokenise(tokenizer, prompts, truncate(tokenizer, choices, space // 2), {}, options)
        label = np.array([example.fields["label"] for example in examples], dtype=np.int32)
        return item_per_example(pieces, counts, {"label": label})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """The index of the option with the highest score of each example; the first one if scores are equal."""
        # argmax returns the first of equal values.
        bounds = zip(features.items[:-1], features.items[1:], strict=True)
        return [int(np.argmax(outputs["score"][first:last])) for first, last in bounds]

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`accuracy`; trivial: the expected accuracy of a random choice, the mean of 1 / options."""
        check_scorable(examples, predictions, task, language)
        total = scorer_of(task, _SCORERS)
        rows = [
            accuracy_counts(example.fields["label"], int(prediction))
            for example, prediction in zip(examples, predictions, strict=True)
        ]
        chance = mean([1 / len(example.fields["choices"]) for example in examples])
        return Scored(
            metrics=total(rows),
            trivial={"accuracy": chance},
            outcomes=[outcome(*triple) for triple in zip(examples, predictions, rows, strict=True)],
        )


_SCORERS = {"accuracy": accuracy}


def _index(line: Line, count: int) -> int | None:
    """The label as an index below `count`; None if the row has no label.

    The label is one of the `keys` of the row, one of the labels of the task, or a number from 0.
    """
    value = field_of(line, "label")
    if value in NO_LABEL:
        return None
    if is_declared(line, "keys"):
        names = texts_of(line, "keys")
    elif value in line.task.labels:
        names = list(line.task.labels)
    else:
        names = [str(number) for number in range(count)]
    # A task may declare more labels than this row has choices.
    if str(value) not in names[:count]:
        raise row_error(line, f"the correct choice must be one of {names[:count]}, got {value!r}.")
    return names.index(str(value))
