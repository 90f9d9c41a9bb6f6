"""The words of a sentence with the spaces that a tokenizer needs to read them as running text.

A tagged sentence is tokenised word by word, so that no piece belongs to two words. Tokenizers of SentencePiece (XLM-R)
and WordPiece (BERT) give a word alone the same pieces as in a text. Byte-level BPE and the tokenizer of Gemma do not:
for them a space belongs to the word after it, and a word without its space looks like the continuation of another word.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_UNSPACED = re.compile(
    "[\u0e00-\u0e7f\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Characters of Chinese, Japanese and Thai texts, including their punctuation. They are written without spaces."""


def as_text(tokenizer: "PreTrainedTokenizerBase", sentences: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The words of each sentence, each with the space before it if the tokenizer needs spaces, otherwise unchanged.

    With the spaces, the pieces of the words are those of the joined text.
    """
    return [_spaced(words) for words in sentences] if _needs_spaces(tokenizer) else sentences


def _needs_spaces(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the tokenizer gives words without their spaces other pieces than the same words in a text."""
    options = {"add_special_tokens": False, "return_attention_mask": False}
    words = tokenizer(["a", "a"], is_split_into_words=True, **options)["input_ids"]
    return bool(words != tokenizer("a a", **options)["input_ids"])


def _spaced(words: Sequence[str]) -> list[str]:
    """The words with a space before each, except before the first and next to characters of a script without spaces."""
    texts, last = [], ""
    for word in words:
        if not _is_visible(word):  # it may have no pieces, and a space would give it one
            texts.append(word)
            continue
        has_space = last and not (word[0].isspace() or _UNSPACED.match(last) or _UNSPACED.match(word))
        texts.append(f" {word}" if has_space else word)
        last = word[-1]
    return texts


def _is_visible(word: str) -> bool:
    """Whether a word has a character that is neither white space nor a control or format character."""
    return any(character.isprintable() and not character.isspace() for character in word)
