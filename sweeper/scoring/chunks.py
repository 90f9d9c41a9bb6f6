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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeper.errors import DataError
from sweeper.scoring.counts import precision_recall_f1

Sentences = Sequence[Sequence[str]]
"""Tags, sentence by sentence."""
Chunk = tuple[str, int, int]
"""Type, first word and last word of a chunk; positions count all sentences, with one extra word after each."""
Integers = npt.NDArray[np.int64]
AFTER = "O"
"""The tag that seqeval appends to each sentence, and once more to the whole."""


@dataclass(frozen=True, kw_only=True)
class ChunkCounts:
    """The contribution of one sentence to chunk F1 and token accuracy."""

    chunks_correct: int
    chunks_predicted: int
    chunks_gold: int
    tokens_correct: int
    tokens: int


class GoldTags:
    """The gold tags of a split. Their chunks are found once, for all predictions that are compared with them."""

    def __init__(self, gold: Sentences) -> None:
        self._codes: dict[str, int] = {}
        self._gold = _found(gold, self._codes)
        self._lengths = _lengths(gold)
        # Sentence of each position. The + 1 is the O after each sentence.
        self._owner = np.repeat(np.arange(len(gold)), self._lengths + 1)

    def counts(self, predicted: Sentences) -> list[ChunkCounts]:
        """Counts of each sentence. Their sums give the F1 of seqeval over all sentences.

        A chunk is counted in the sentence in which it ends. Raises DataError if a sentence does not have one predicted
        tag for each word.
        """
        self._check(_lengths(predicted))
        gold, guess = self._gold, _found(predicted, self._codes)
        _, in_gold, in_guess = np.intersect1d(gold.last, guess.last, assume_unique=True, return_indices=True)
        is_equal = (gold.first[in_gold] == guess.first[in_guess]) & (gold.type[in_gold] == guess.type[in_guess])
        # The O after each sentence is equal too, and is no word.
        is_same_tag = gold.codes[:-1] == guess.codes[:-1]
        columns = (
            self._by_sentence(gold.last[in_gold[is_equal]]),
            self._by_sentence(guess.last),
            self._by_sentence(gold.last),
            self._by_sentence(np.flatnonzero(is_same_tag)) - 1,
            self._lengths,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [
            ChunkCounts(
                chunks_correct=correct, chunks_predicted=found, chunks_gold=of_gold, tokens_correct=same, tokens=n
            )
            for correct, found, of_gold, same, n in rows
        ]

    def _check(self, lengths: Integers) -> None:
        if len(lengths) != len(self._lengths):
            raise DataError(f"{len(self._lengths)} sentences need as many predictions, got {len(lengths)}.")
        for number in np.flatnonzero(lengths != self._lengths)[:1].tolist():
            raise DataError(
                f"Sentence {number} needs a predicted tag for each of {self._lengths[number]} words, "
                f"got {lengths[number]}."
            )

    def _by_sentence(self, positions: Integers) -> Integers:
        """Number of these positions in each sentence."""
        return np.bincount(self._owner[positions], minlength=len(self._lengths))


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The tags and chunks of all sentences. A tag has the number that a dictionary assigns, a type that of a tag."""

    codes: Integers
    """(positions,): the tags, with an O after each sentence and one more at the end."""
    type: Integers
    """(chunks,): the types, in the order in which the chunks end."""
    first: Integers
    """(chunks,): positions of the first words."""
    last: Integers
    """(chunks,): positions of the last words."""


def count_chunks(gold: Sentences, predicted: Sentences) -> list[ChunkCounts]:
    """The counts of one prediction, as `GoldTags.counts` gives them."""
    return GoldTags(gold).counts(predicted)


def chunks(sentences: Sentences) -> Iterator[Chunk]:
    """The chunks of all sentences in the order in which they end, by the rule of seqeval 0.0.12 (see the module)."""
    codes: dict[str, int] = {}
    found = _found(sentences, codes)
    tags = list(codes)
    for number, first, last in zip(found.type.tolist(), found.first.tolist(), found.last.tolist(), strict=True):
        yield _kind(tags[number])[1], first, last


def _found(sentences: Sentences, codes: dict[str, int]) -> _Found:
    """The chunks of all sentences. `codes` gets a number for each tag that it does not have."""
    tags = [tag for sentence in sentences for tag in (*sentence, AFTER)] + [AFTER]
    numbers = np.array([codes.setdefault(tag, len(codes)) for tag in tags], dtype=np.int64)
    kinds = [_kind(tag) for tag in codes]
    firsts: dict[str, int] = {}
    types = np.array([firsts.setdefault(type_, number) for number, (_, type_) in enumerate(kinds)], dtype=np.int64)
    # The first position follows an O without a type.
    ends, starts = (np.array([[rule(a, b) for b in kinds] for a in (*kinds, (AFTER, ""))]) for rule in (_ends, _starts))
    before = np.concatenate([[len(kinds)], numbers[:-1]])
    # The last position at which a chunk has started, up to each position.
    start = np.maximum.accumulate(np.where(starts[before, numbers], np.arange(len(numbers)), 0))
    last = np.flatnonzero(ends[before, numbers]) - 1
    return _Found(codes=numbers, type=types[numbers[last]], first=start[last], last=last)


Kind = tuple[str, str]
"""First letter and type of a tag."""


def _kind(tag: str) -> Kind:
    return tag[0], tag.rsplit("-", maxsplit=1)[-1]


def _ends(before: Kind, now: Kind) -> bool:
    """Whether a chunk ends between two words."""
    other_type = before[0] not in "O." and before[1] != now[1]
    return other_type or before[0] in "ES" or (before[0] in "BI" and now[0] in "BSO")


def _starts(before: Kind, now: Kind) -> bool:
    """Whether a chunk starts at the second of two words."""
    other_type = now[0] not in "O." and before[1] != now[1]
    return other_type or now[0] in "BS" or (before[0] in "ESO" and now[0] in "EI")


def _lengths(sentences: Sentences) -> Integers:
    return np.array([len(tags) for tags in sentences], dtype=np.int64)


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
