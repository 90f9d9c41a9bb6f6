"""Chunk F1 as seqeval counts it, shared out over the sentences as additive counts, and token accuracy beside it.

XTREME calls seqeval on plain part-of-speech tags as it does on BIO tags, and seqeval (1.2.2) reads a tag's first letter
as its prefix and the rest as its type. What follows from it, and is kept here because published scores contain it:

- equal neighbours merge: NOUN NOUN is one chunk, of type "OUN";
- tags that begin with S (SCONJ, SYM) are chunks of one word each, however many stand in a row;
- SCONJ and CCONJ have the same type "CONJ": one taken for the other is right if both stand alone;
- CCONJ straight before SCONJ is lost: the two share a type, and S opens a chunk without ending the one before;
- X has no rest: before O or the end of the sentence it is ignored, elsewhere it is a chunk; and after O, or where it
  opens a sentence that is not the first, that chunk begins where the last chunk before it began.

So chunk F1 and token accuracy can lie far apart: report both.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from seqeval.metrics.sequence_labeling import get_entities

from sweeper.errors import DataError
from sweeper.scoring.counts import precision_recall_f1

Sentences = Sequence[Sequence[str]]
"""Tags, sentence by sentence."""


@dataclass(frozen=True, kw_only=True)
class ChunkCounts:
    """What one sentence adds to chunk F1 and token accuracy."""

    chunks_correct: int
    chunks_predicted: int
    chunks_gold: int
    tokens_correct: int
    tokens: int


def count_chunks(gold: Sentences, predicted: Sentences) -> list[ChunkCounts]:
    """Counts of each sentence, of which the sums give seqeval's F1 over all sentences.

    A chunk is counted in the sentence where it ends. Raises DataError if a sentence has not one predicted tag a word.
    """
    for number, (tags, others) in enumerate(zip(gold, predicted, strict=True)):
        if len(tags) != len(others):
            raise DataError(
                f"Sentence {number} needs a predicted tag for each of {len(tags)} words, got {len(others)}."
            )
    wanted, found = _chunks(gold), _chunks(predicted)
    by_sentence = [_by_sentence(chunks, gold) for chunks in (wanted & found, found, wanted)]
    return [
        ChunkCounts(
            chunks_correct=by_sentence[0][number],
            chunks_predicted=by_sentence[1][number],
            chunks_gold=by_sentence[2][number],
            tokens_correct=sum(one == other for one, other in zip(tags, predicted[number], strict=True)),
            tokens=len(tags),
        )
        for number, tags in enumerate(gold)
    ]


def _chunks(sentences: Sentences) -> set[tuple[str, int, int]]:
    """Chunks as seqeval reads them: type, first and last word, counted through all sentences plus one after each."""
    with warnings.catch_warnings():
        # seqeval warns of every plain tag, and XTREME scores plain tags on purpose.
        warnings.simplefilter("ignore")
        return set(get_entities([list(tags) for tags in sentences]))


def _by_sentence(chunks: set[tuple[str, int, int]], sentences: Sentences) -> Counter[int]:
    """Number of chunks that end in each sentence."""
    ends = np.array([end for _, _, end in chunks], dtype=np.int64)
    # seqeval puts one O after each sentence, hence the extra word.
    bounds = np.array(list(accumulate(len(tags) + 1 for tags in sentences)), dtype=np.int64)
    return Counter(int(number) for number in np.searchsorted(bounds, ends, side="right"))


def chunk_metrics(counts: Iterable[ChunkCounts]) -> dict[str, float]:
    """`f1` over all chunks (seqeval's micro average) and `accuracy` over all words, as fractions of 1."""
    rows = list(counts)
    correct, predicted, gold = (
        sum(getattr(row, name) for row in rows) for name in ("chunks_correct", "chunks_predicted", "chunks_gold")
    )
    tokens = sum(row.tokens for row in rows)
    return {
        "f1": precision_recall_f1(correct, predicted, gold)[2],
        "accuracy": sum(row.tokens_correct for row in rows) / tokens if tokens else 0.0,
    }
