"""What every format answers, and the plain arrays that pass between data, training and scoring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HeadKind = Literal["sequence", "choice", "token", "span", "mlm", "pool", "dual"]
Array = np.ndarray[Any, Any]
IGNORED = -100
"""Label of a token or feature that the loss passes over."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One item as its format reads it."""

    id: str
    """The same for the same item in parallel languages."""
    group: str
    """Paragraph, pair or document: items that are not independent of each other."""
    fields: Mapping[str, Any]
    """Plain JSON values; which ones is the format's own affair."""
    filler: bool = False
    """Only makes a retrieval pool larger: a sentence without a partner."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long a feature may be, in tokens with special ones counted."""

    max_length: int
    stride: int = 128
    """Tokens that neighbouring windows of one long context share; those of a sentence of words share none."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """Tokenised items, ragged: n features, t tokens in all, m items (what a batch is made of)."""

    tokens: Array
    """(t,) int32: token ids of all features, one after the other."""
    offsets: Array
    """(n + 1,) int64: feature i is tokens[offsets[i]:offsets[i + 1]]."""
    items: Array
    """(m + 1,) int64: item j is the features items[j]:items[j + 1]; several for multiple choice and for pairs."""
    example: Array
    """(n,) int32: index of the example behind a feature (long texts have several windows)."""
    labels: Mapping[str, Array] = field(default_factory=dict)
    """By head. sequence: label (n,). choice: label (m,), index of the right choice. token: tags (t,).
    span: start, end (n,), token positions in the feature, 0 and 0 where it holds no answer. dual: right (m,), a hash of
    the item's candidate. All int32, IGNORED = none."""
    segments: Array | None = None
    """(t,) int8: token type ids, for tokenizers that make them."""
    extra: Mapping[str, Array] = field(default_factory=dict)
    """(t,) arrays that decoding needs: span: char_start, char_end (int32; -1 outside the context);
    token: word (int32 index in the example of the word whose first piece this is, -1 otherwise)."""


Outputs = Mapping[str, Array]
"""What a head computes for all features, float32 unless said. sequence: logits (n, labels). choice: score (n,).
token: best (t,) int32, the highest label of every token. span: start, end (t,) logits. pool, dual: vectors
(n, hidden)."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Examples, and what a net says of each, as `decode` leaves it."""

    examples: Sequence[Example]
    predictions: Sequence[Any]


class Format(Protocol):
    """One task format. Pure functions of plain values: no torch, no files."""

    head: HeadKind

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The examples of one row of a data set (several only for retrieval pools); none if it carries no label.

        Raises DataError on a label outside the task's set, or a row without the declared columns.
        """
        ...

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """Tokenise examples; items in the order of the examples."""
        ...

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> Sequence[Any]:
        """One prediction an example, as plain values (a label, a list of tags, a text; vectors for retrieval)."""
        ...

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """Metrics, trivial baseline and per-example outcomes of one language."""
        ...
