"""Chunk F1 by the rule of seqeval 0.0.12, as additive counts of each sentence, and token accuracy.

XTREME and jiant computed the published scores with this release. It reads the first letter of a tag as its prefix and
the part after the last dash as its type, so the type of a tag without a dash is the whole tag. XTREME calls it on plain
part-of-speech tags as well as on BIO tags. Published scores depend on the following properties, so they are kept:

- Neighbouring words with the same plain tag form one chunk: NOUN NOUN is one chunk of type "NOUN".
- A tag that begins with S (SCONJ, SYM) is always a chunk of one word.
- A word whose tag begins with O (O, OTHER) or with a full stop neither starts a chunk nor is the last word of one.
- The prefixes E and S end a chunk on every word: E-PER E-PER is two chunks.
- A chunk can start on I or E after O, E or S, or where the type changes, so IOB1, IOB2 and IOBES are all read correctly
  and the scheme is not checked.
- All sentences form one sequence with an O after each, so positions are counted through the whole split.

From release 0.0.19 on, the type of a plain tag is the tag without its first letter. SCONJ and CCONJ then have the same
type, and X is ignored before O, which gives other values of F1.

Chunk F1 and token accuracy can differ widely, so both are reported.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from sweeper.errors import DataError
from sweeper.scoring.counts import precision_recall_f1

Sentences = Sequence[Sequence[str]]
"""Tags, sentence by sentence."""
Chunk = tuple[str, int, int]
"""Type, first word and last word of a chunk; positions count all sentences, with one extra word after each."""


@dataclass(frozen=True, kw_only=True)
class ChunkCounts:
    """The contribution of one sentence to chunk F1 and token accuracy."""

    chunks_correct: int
    chunks_predicted: int
    chunks_gold: int
    tokens_correct: int
    tokens: int


def count_chunks(gold: Sentences, predicted: Sentences) -> list[ChunkCounts]:
    """Counts of each sentence. Their sums give the F1 of seqeval over all sentences.

    A chunk is counted in the sentence in which it ends. Raises DataError if a sentence does not have one predicted tag
    for each word.
    """
    for number, (tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        if len(tags) != len(predicted_tags):
            raise DataError(
                f"Sentence {number} needs a predicted tag for each of {len(tags)} words, got {len(predicted_tags)}."
            )
    gold_chunks, predicted_chunks = set(chunks(gold)), set(chunks(predicted))
    correct, num_predicted, num_gold = (
        _by_sentence(group, gold) for group in (gold_chunks & predicted_chunks, predicted_chunks, gold_chunks)
    )
    return [
        ChunkCounts(
            chunks_correct=correct[number],
            chunks_predicted=num_predicted[number],
            chunks_gold=num_gold[number],
            tokens_correct=sum(tag == guess for tag, guess in zip(tags, predicted[number], strict=True)),
            tokens=len(tags),
        )
        for number, tags in enumerate(gold)
    ]


def chunks(sentences: Sentences) -> Iterator[Chunk]:
    """The chunks of all sentences in the order in which they end, by the rule of seqeval 0.0.12 (see the module)."""
    before, before_type, start = "O", "", 0
    # seqeval appends one O to each sentence and one to the whole.
    for position, tag in enumerate([tag for tags in sentences for tag in (*tags, "O")] + ["O"]):
        prefix, type_ = tag[0], tag.split("-")[-1]
        # The end is tested before the start, because the start overwrites the position that the chunk needs.
        if _ends(before, prefix) or (before not in "O." and before_type != type_):
            yield before_type, start, position - 1
        if _starts(before, prefix) or (prefix not in "O." and before_type != type_):
            start = position
        before, before_type = prefix, type_


def _ends(before: str, prefix: str) -> bool:
    """Whether the two prefixes end a chunk between two words, independent of their types."""
    return before in "ES" or (before in "BI" and prefix in "BSO")


def _starts(before: str, prefix: str) -> bool:
    """Whether the two prefixes start a chunk at the second of two words, independent of their types."""
    return prefix in "BS" or (before in "ESO" and prefix in "EI")


def _by_sentence(group: Iterable[Chunk], sentences: Sentences) -> Counter[int]:
    """Number of chunks that end in each sentence."""
    ends = np.array([end for _, _, end in group], dtype=np.int64)
    # The + 1 is the O that seqeval appends to each sentence.
    bounds = np.array(list(accumulate(len(tags) + 1 for tags in sentences)), dtype=np.int64)
    return Counter(int(number) for number in np.searchsorted(bounds, ends, side="right"))


def chunk_metrics(counts: Iterable[ChunkCounts]) -> dict[str, float]:
    """`f1` over all chunks (the micro average of seqeval) and `accuracy` over all words, as fractions of 1."""
    rows = list(counts)
    correct, predicted, gold = (
        sum(getattr(row, name) for row in rows) for name in ("chunks_correct", "chunks_predicted", "chunks_gold")
    )
    tokens = sum(row.tokens for row in rows)
    return {
        "f1": precision_recall_f1(correct, predicted, gold)[2],
        "accuracy": sum(row.tokens_correct for row in rows) / tokens if tokens else 0.0,
    }
