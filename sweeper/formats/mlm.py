"""Plain text for masked language modelling; what is masked is drawn in training, not here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.errors import UserError
from sweeper.formats.fields import Line, group_of, id_of, text_of
from sweeper.formats.interface import Example, Features, HeadKind, Lengths, Outputs
from sweeper.formats.pieces import one_feature_each, room, tokenise
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Mlm:
    """A corpus. It trains; it has no predictions and no score of its own."""

    head: HeadKind = "mlm"

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The row's example, with field text; none if the text is blank."""
        line = Line(row=row, task=task, number=number)
        text = text_of(line, "text")
        name = id_of(line)
        return [Example(id=name, group=group_of(line, name), fields={"text": text})] if text.strip() else []

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature an example: its text, cut at max_length."""
        room(tokenizer, lengths.max_length, pair=False)
        options = {"truncation": True, "max_length": lengths.max_length}
        texts = [example.fields["text"] for example in examples]
        return one_feature_each(tokenise(tokenizer, texts, None, {}, options), {})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """Raise UserError: nothing is predicted."""
        raise UserError("Format 'mlm' makes no predictions: it can be a stage's task, not a target.")

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """Raise UserError: nothing is scored."""
        raise UserError(f"Task {task.name!r} of format 'mlm' has no score: it can be a stage's task, not a target.")
