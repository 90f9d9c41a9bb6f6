"""Texts to ragged arrays of token ids, with other values per token that a fast tokenizer provides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import DataError, UserError
from sweeper.formats.interface import Array, Example, Features

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BATCH = 2048
"""Texts per call of the tokenizer: enough to use its threads, few enough that the encodings fit in memory."""
Reader = Callable[[Any], Any]
"""Reads one value per token from a `tokenizers.Encoding`."""
Texts = Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """Tokenised texts: n features, t tokens in total."""

    tokens: Array
    """(t,) int32."""
    offsets: Array
    """(n + 1,) int64."""
    text: Array
    """(n,) int32: index of the text that a feature belongs to; only long texts have several features."""
    segments: Array | None
    """(t,) int8, for tokenizers that produce token type ids."""
    read: Mapping[str, Array]
    """(t,) int32: the values of each reader."""


def tokenise(
    tokenizer: "PreTrainedTokenizerBase",
    first: Texts,
    second: Texts | None,
    readers: Mapping[str, Reader],
    options: Mapping[str, Any],
) -> Pieces:
    """Tokenise texts or pairs of texts, with special tokens. The options are passed to the call of the tokenizer.

    Raises UserError if the tokenizer is not a fast one: other tokenizers do not give the positions of their tokens.
    """
    if not tokenizer.is_fast:
        raise UserError(f"A fast tokenizer is needed (tokenizer.json), got {type(tokenizer).__name__}.")
    all_readers: dict[str, Reader] = {"tokens": lambda encoding: encoding.ids, **readers}
    if "token_type_ids" in tokenizer.model_input_names:
        all_readers["segments"] = lambda encoding: encoding.type_ids
    columns: dict[str, list[Array]] = {name: [] for name in all_readers}
    text = []
    for number, encoding in _encodings(tokenizer, first, second, options):
        text.append(number)
        for name, reader in all_readers.items():
            columns[name].append(np.asarray(reader(encoding), dtype=np.int32))
    lengths = [len(ids) for ids in columns["tokens"]]
    flat = {name: np.concatenate([np.empty(0, np.int32), *arrays]) for name, arrays in columns.items()}
    segments = flat.pop("segments", None)
    return Pieces(
        tokens=flat.pop("tokens"),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        text=np.array(text, dtype=np.int32),
        segments=None if segments is None else segments.astype(np.int8),
        read=flat,
    )


def _encodings(
    tokenizer: "PreTrainedTokenizerBase", first: Texts, second: Texts | None, options: Mapping[str, Any]
) -> Iterator[tuple[int, Any]]:
    for start in range(0, len(first), BATCH):
        rows = slice(start, start + BATCH)
        arguments = (first[rows],) if second is None else (first[rows], second[rows])
        # Padding and the attention mask are made per batch of the net, so they are not needed here.
        batch = tokenizer(*arguments, return_attention_mask=False, **options)
        # Only with `return_overflowing_tokens` can a text have several encodings.
        numbers = batch.get("overflow_to_sample_mapping", range(len(batch.encodings)))
        for number, encoding in zip(numbers, batch.encodings, strict=True):
            yield start + int(number), encoding


def item_per_feature(pieces: Pieces, labels: Mapping[str, Array], extra: Mapping[str, Array] | None = None) -> Features:
    """Features in which each feature is one item, with the given labels and extra arrays."""
    return Features(
        tokens=pieces.tokens,
        offsets=pieces.offsets,
        items=np.arange(len(pieces.text) + 1, dtype=np.int64),
        example=pieces.text,
        labels=labels,
        segments=pieces.segments,
        extra=extra or {},
    )


def item_per_example(pieces: Pieces, counts: Sequence[int], labels: Mapping[str, Array]) -> Features:
    """Features in which each example is one item of `counts` consecutive features, with the given labels."""
    return Features(
        tokens=pieces.tokens,
        offsets=pieces.offsets,
        items=np.cumsum([0, *counts], dtype=np.int64),
        example=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        labels=labels,
        segments=pieces.segments,
    )


def available_tokens(tokenizer: "PreTrainedTokenizerBase", max_length: int, *, pair: bool) -> int:
    """Tokens of a feature that are available for text. Raises UserError if there are fewer than two per text."""
    special = int(tokenizer.num_special_tokens_to_add(pair=pair))
    least = special + (4 if pair else 2)
    if max_length < least:
        raise UserError(
            f"max_length includes {special} special tokens and must leave space for text: it needs at least {least}, "
            f"got {max_length}."
        )
    return max_length - special


def truncate(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], limit: int) -> list[str]:
    """The texts with at most `limit` tokens each: longer ones are cut between two tokens, others are unchanged."""
    ends = tokenise(
        tokenizer,
        texts,
        None,
        {"end": lambda encoding: [end for _, end in encoding.offsets]},
        # One token more than the limit shows which texts are too long.
        {"add_special_tokens": False, "truncation": True, "max_length": limit + 1},
    )
    if not len(ends.tokens):  # only empty texts, for which the index below would be invalid
        return list(texts)
    lengths = np.diff(ends.offsets)
    last = ends.read["end"][np.minimum(ends.offsets[:-1] + limit - 1, len(ends.tokens) - 1)]
    return [text[:end] if length > limit else text for text, length, end in zip(texts, lengths, last, strict=True)]


def label_indices(examples: Sequence[Example], names: Sequence[str], labels: Sequence[str]) -> Array:
    """Index of each name in the label set, int32. Raises DataError with the id of the example for any other name."""
    index = {label: number for number, label in enumerate(labels)}
    for example, name in zip(examples, names, strict=True):
        if name not in index:
            raise DataError(f"Example {example.id!r}: a label must be one of {list(labels)}, got {name!r}.")
    return np.array([index[name] for name in names], dtype=np.int32)
