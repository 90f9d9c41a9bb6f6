"""Subwords of evaluation data by language: how many a word has, and how many also occur in the English data."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sweeper.data.entry import Encoded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ENGLISH = "en"
STARTS = ("\N{LOWER ONE EIGHTH BLOCK}", "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}")
"""First letter of a subword that starts a word: SentencePiece, byte-level BPE."""
CONTINUED = "##"
"""First letters of a subword that does not start a word: WordPiece."""


def subword_facts(encoded: Mapping[str, Encoded], tokenizer: "PreTrainedTokenizerBase") -> dict[str, dict[str, float]]:
    """Language -> `tokens_per_word`, and `overlap`: the share of its subwords that occur in the English data.

    Special tokens do not count. `tokens_per_word` is left out if the tokenizer does not mark where a word starts, and
    says nothing in scripts without spaces. `overlap` is left out without English data.
    """
    is_start = _word_starts(tokenizer)
    counts = {language: subword_counts(data, tokenizer) for language, data in encoded.items()}
    english = counts.get(ENGLISH)
    facts: dict[str, dict[str, float]] = {}
    for language, numbers in counts.items():
        total, num_words = int(numbers.sum()), int(numbers[is_start].sum())
        facts[language] = {"tokens_per_word": total / num_words} if num_words else {}
        if english is not None and total:
            facts[language]["overlap"] = int(numbers[english > 0].sum()) / total
    return facts


def subword_counts(encoded: Encoded, tokenizer: "PreTrainedTokenizerBase") -> npt.NDArray[np.int64]:
    """How often each subword of the vocabulary occurs, shape (vocabulary,); 0 for special tokens."""
    counts: npt.NDArray[np.int64] = np.bincount(encoded.features.tokens, minlength=len(tokenizer)).astype(np.int64)
    counts[tokenizer.all_special_ids] = 0
    return counts


@lru_cache(maxsize=4)
def _word_starts(tokenizer: "PreTrainedTokenizerBase") -> npt.NDArray[np.bool_]:
    """Whether each subword of the vocabulary starts a word; all False if the tokenizer does not mark it."""
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    for start in STARTS:
        is_start = np.array([name.startswith(start) for name in names])
        if is_start.any():
            return is_start
    is_continued = np.array([name.startswith(CONTINUED) for name in names])
    return ~is_continued if is_continued.any() else np.zeros(len(names), dtype=bool)
