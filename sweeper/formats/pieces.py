"""Texts to ragged arrays of token ids: batches for a fast tokenizer, and what else is read off its encodings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import DataError, UserError
from sweeper.formats.interface import Array, Example, Features

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BATCH = 2048
"""Texts a call of the tokenizer: enough for its threads, few enough that their encodings fit in memory."""
Reader = Callable[[Any], Any]
"""Reads one value a token off a `tokenizers.Encoding`."""
Texts = Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """Tokenised texts: n features, t tokens in all."""

    tokens: Array
    """(t,) int32."""
    offsets: Array
    """(n + 1,) int64."""
    text: Array
    """(n,) int32: index of the text behind a feature; several features only where long texts overflow."""
    segments: Array | None
    """(t,) int8, for tokenizers that make token type ids."""
    read: Mapping[str, Array]
    """(t,) int32: what the readers found."""


def tokenise(
    tokenizer: "PreTrainedTokenizerBase",
    first: Texts,
    second: Texts | None,
    readers: Mapping[str, Reader],
    options: Mapping[str, Any],
) -> Pieces:
    """Tokenise texts, or pairs of texts, with special tokens; options go to the tokenizer's call.

    Raises UserError if the tokenizer is not a fast one, which alone knows where its tokens come from.
    """
    if not tokenizer.is_fast:
        raise UserError(f"A fast tokenizer is needed (tokenizer.json), got {type(tokenizer).__name__}.")
    wanted: dict[str, Reader] = {"": lambda encoding: encoding.ids, **readers}
    if "token_type_ids" in tokenizer.model_input_names:
        wanted["segments"] = lambda encoding: encoding.type_ids
    columns: dict[str, list[Array]] = {name: [] for name in wanted}
    text = []
    for number, encoding in _encodings(tokenizer, first, second, options):
        text.append(number)
        for name, reader in wanted.items():
            columns[name].append(np.asarray(reader(encoding), dtype=np.int32))
    lengths = [len(ids) for ids in columns[""]]
    flat = {name: np.concatenate([np.empty(0, np.int32), *arrays]) for name, arrays in columns.items()}
    segments = flat.pop("segments", None)
    return Pieces(
        tokens=flat.pop(""),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        text=np.array(text, dtype=np.int32),
        segments=None if segments is None else segments.astype(np.int8),
        read=flat,
    )


def _encodings(
    tokenizer: "PreTrainedTokenizerBase", first: Texts, second: Texts | None, options: Mapping[str, Any]
) -> Iterator[tuple[int, Any]]:
    for start in range(0, len(first), BATCH):
        part = slice(start, start + BATCH)
        arguments = (first[part],) if second is None else (first[part], second[part])
        batch = tokenizer(*arguments, return_attention_mask=False, **options)
        numbers = batch.get("overflow_to_sample_mapping", range(len(batch.encodings)))
        for number, encoding in zip(numbers, batch.encodings, strict=True):
            yield start + int(number), encoding


def one_feature_each(pieces: Pieces, labels: Mapping[str, Array], extra: Mapping[str, Array] | None = None) -> Features:
    """Features of a format in which every feature is an item, labels and extra as given."""
    return Features(
        tokens=pieces.tokens,
        offsets=pieces.offsets,
        items=np.arange(len(pieces.text) + 1, dtype=np.int64),
        example=pieces.text,
        labels=labels,
        segments=pieces.segments,
        extra=extra or {},
    )


def room(tokenizer: "PreTrainedTokenizerBase", max_length: int, *, pair: bool) -> int:
    """Tokens that a feature has for text. Raises UserError if max_length leaves fewer than two a text."""
    special = int(tokenizer.num_special_tokens_to_add(pair=pair))
    least = special + (4 if pair else 2)
    if max_length < least:
        raise UserError(
            f"max_length holds {special} special tokens and some text: {least} or more are needed, got {max_length}."
        )
    return max_length - special


def cut(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], limit: int) -> list[str]:
    """Texts of at most `limit` tokens each, cut between tokens; the others as they are."""
    ends = tokenise(
        tokenizer,
        texts,
        None,
        {"end": lambda encoding: [end for _, end in encoding.offsets]},
        {"add_special_tokens": False, "truncation": True, "max_length": limit + 1},
    )
    if not len(ends.tokens):
        return list(texts)
    lengths = np.diff(ends.offsets)
    last = ends.read["end"][np.minimum(ends.offsets[:-1] + limit - 1, len(ends.tokens) - 1)]
    return [text[:end] if length > limit else text for text, length, end in zip(texts, lengths, last, strict=True)]


def label_indices(examples: Sequence[Example], names: Sequence[str], labels: Sequence[str]) -> Array:
    """Index of each name in the label set, int32. Raises DataError for a name outside it; examples say which one."""
    index = {label: number for number, label in enumerate(labels)}
    for example, name in zip(examples, names, strict=True):
        if name not in index:
            raise DataError(f"Example {example.id!r}: a label is one of {list(labels)}, got {name!r}.")
    return np.array([index[name] for name in names], dtype=np.int32)
