"""Multiple choice: a prompt and a few options, each read as a pair, one of them right."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.fields import Line, bad, field_of, group_of, has, id_of, text_of, texts_of
from sweeper.formats.interface import Example, Features, HeadKind, Lengths, Outputs
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.pieces import cut, room, tokenise
from sweeper.scoring.accuracy import accuracy, accuracy_counts
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SCORERS = {"accuracy": accuracy}


class Choose:
    """The index of the right option. Examples of one task may differ in how many options they have."""

    head: HeadKind = "choice"

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The row's example, with fields prompt, choices and label (an index); none if it is unlabelled."""
        line = Line(row=row, task=task, number=number)
        choices = texts_of(line, "choices")
        if len(choices) < 2:
            raise bad(line, f"two choices or more are needed, got {choices}.")
        label = _index(line, len(choices))
        if label is None:
            return []
        fields = {"prompt": text_of(line, "prompt"), "choices": choices, "label": label}
        name = id_of(line)
        return [Example(id=name, group=group_of(line, name), fields=fields)]

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """A feature an option, an item an example.

        Where the two are too long the prompt is cut, at its end, and an option keeps up to half of the room.
        """
        space = room(tokenizer, lengths.max_length, pair=True)
        counts = [len(example.fields["choices"]) for example in examples]
        prompts = [example.fields["prompt"] for example in examples for _ in example.fields["choices"]]
        choices = [choice for example in examples for choice in example.fields["choices"]]
        options = {"truncation": "only_first", "max_length": lengths.max_length}
        # Cut text may come to a token more when it is tokenised again, never to twice as many.
        pieces = tokenise(tokenizer, prompts, cut(tokenizer, choices, space // 2), {}, options)
        return Features(
            tokens=pieces.tokens,
            offsets=pieces.offsets,
            items=np.cumsum([0, *counts], dtype=np.int64),
            example=np.repeat(np.arange(len(examples), dtype=np.int32), counts),
            labels={"label": np.array([example.fields["label"] for example in examples], dtype=np.int32)},
            segments=pieces.segments,
        )

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """The index of each example's highest option; of equals the first one."""
        bounds = zip(features.items[:-1], features.items[1:], strict=True)
        return [int(np.argmax(outputs["score"][first:last])) for first, last in bounds]

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """`accuracy`; trivial: what a random choice is expected to score, the mean of 1 / options."""
        check_scorable(examples, predictions, task, language)
        total = scorer_of(task, _SCORERS)
        rows = [
            accuracy_counts(example.fields["label"], int(prediction))
            for example, prediction in zip(examples, predictions, strict=True)
        ]
        chance = sum(1 / len(example.fields["choices"]) for example in examples) / len(examples)
        return Scored(
            metrics=total(rows),
            trivial={"accuracy": chance},
            outcomes=[outcome(*line) for line in zip(examples, predictions, rows, strict=True)],
        )


def _index(line: Line, num_choices: int) -> int | None:
    """The label as an index: one of the row's `keys` or of the task's labels, or a number from 0; None: unlabelled."""
    value = field_of(line, "label")
    if value in (None, "", -1, "-1"):
        return None
    if has(line, "keys"):
        known = texts_of(line, "keys")
    elif value in line.task.labels:
        known = list(line.task.labels)
    else:
        known = [str(number) for number in range(num_choices)]
    if str(value) not in known[:num_choices]:
        raise bad(line, f"the right choice is one of {known[:num_choices]}, got {value!r}.")
    return known.index(str(value))
