"""Plain text for masked language modelling. Tokens are masked during training and evaluation, not here."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from sweeper.errors import DataError
from sweeper.formats.fields import Line, group_of, id_of, text_of
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
    Example,
    Features,
    Lengths,
    Outputs,
    Properties,
    ScoreSettings,
    Summary,
)
from sweeper.formats.outcomes import check_scorable, outcome
from sweeper.formats.pieces import available_tokens, item_per_feature, tokenise
from sweeper.scoring.scorers import Scored
from sweeper.scoring.sums import total
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Mlm:
    """A corpus. The prediction for a text is the loss on its masked tokens.

    Fields: text, and optionally id, group.
    """

    properties = Properties(
        scorers=("loss", "masked_accuracy"),
        usual={"text": ("text", "content", "document", "body", "sentence", "article")},
        required=("text",),
        head="mlm",
        is_corpus=True,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The example of a row, with field text; none if the text is blank."""
        line = Line(row=row, task=task, number=number)
        text = text_of(line, "text")
        name = id_of(line)
        return [Example(id=name, group=group_of(line, name), fields={"text": text})] if text.strip() else []

    def summary(self, example: Example) -> Summary:
        """The text."""
        return Summary(texts={"text": example.fields["text"]})

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature per example: its text, truncated to max_length."""
        available_tokens(tokenizer, lengths.max_length, pair=False)
        options = {"truncation": True, "max_length": lengths.max_length}
        texts = [example.fields["text"] for example in examples]
        return item_per_feature(tokenise(tokenizer, texts, None, {}, options), {})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """Sums over the masked tokens of each example: `loss`, `masked` and `restored` (counts), `uniform` (the loss by
        chance).
        """
        columns = {name: outputs[name] for name in ("loss", "masked", "restored", "uniform")}
        return [{name: float(column[n]) for name, column in columns.items()} for n in range(len(examples))]

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`loss`, the mean over all masked tokens, in nats; trivial: the logarithm of the vocabulary size.

        The scorer `masked_accuracy` adds `accuracy`, the share of the masked tokens that are predicted correctly;
        trivial: that of a uniform guess. Raises DataError if no token was masked.
        """
        check_scorable(examples, predictions, task, language)
        num_masked = total(counts["masked"] for counts in predictions)
        if not num_masked:
            raise DataError(f"Task {task.name!r} in {language!r}: none of {len(examples)} texts has a masked token.")
        metrics = {"loss": total(counts["loss"] for counts in predictions) / num_masked}
        trivial = {"loss": total(counts["uniform"] for counts in predictions) / num_masked}
        if task.scorer == "masked_accuracy":
            metrics["accuracy"] = total(counts["restored"] for counts in predictions) / num_masked
            trivial["accuracy"] = exp(-trivial["loss"])
        return Scored(
            metrics=metrics,
            trivial=trivial,
            outcomes=[outcome(example, "", counts) for example, counts in zip(examples, predictions, strict=True)],
        )
