"""Token tagging: one tag per word, predicted at the first piece of the word; long sentences are split into windows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.certainty import of_tags
from sweeper.formats.edits import edited_words
from sweeper.formats.fields import Line, field_of, group_of, id_of, label_of, row_error, texts_of
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
    IGNORED,
    Array,
    Example,
    Features,
    Lengths,
    Outputs,
    Properties,
    RowLabel,
    ScoreSettings,
    Summary,
)
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.pieces import available_tokens, item_per_feature, label_indices, tokenise
from sweeper.formats.spacing import as_text
from sweeper.scoring.chunks import ChunkCounts, GoldTags, Sentences, chunk_metrics
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TAGS = ("tags", "ner_tags", "pos_tags", "chunk_tags", "upos", "xpos", "labels", "supertags", "ner", "pos")
"""Usual names of the column of the tags."""


def _marks(features: Features, labels: Sequence[str]) -> list[str]:
    """The tag of the first token of each word."""
    return ["" if tag == IGNORED else labels[tag] for tag in features.labels["tags"].tolist()]


def _has_tags(line: Line) -> bool:
    """Whether a row has tags, and none of them is missing. A row with other words than tags is an error of `read`."""
    values = field_of(line, "tags")
    if not isinstance(values, list):
        return True
    return bool(values) and all(label_of(line, value) is not None for value in values)


class Tag:
    """Predicts a tag for each word of a sentence that the data set has already split into words.

    Fields: tokens, tags, and optionally id, group.
    """

    properties = Properties(
        scorers=("chunks", "accuracy"),
        usual={"tokens": ("tokens", "words", "text_tokens"), "tags": TAGS},
        required=("tokens", "tags"),
        head="token",
        has_classes=True,
        label_field="tags",
        row_label=RowLabel(fields=("tags",), has_example=_has_tags),
        marks=_marks,
        edits=frozenset(("words", "input", "entities")),
        edited=edited_words,
        log_probabilities=of_tags,
        windowed=True,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The example of a row, with fields tokens and tags; none if a tag is missing or there are no words."""
        line = Line(row=row, task=task, number=number)
        tokens, values = texts_of(line, "tokens"), field_of(line, "tags")
        if not isinstance(values, list) or len(values) != len(tokens):
            raise row_error(line, f"each word needs one tag, got {values!r} for {len(tokens)} words.")
        tags = [label_of(line, value) for value in values]
        if not tokens or None in tags:
            return []
        name = id_of(line)
        return [Example(id=name, group=group_of(line, name), fields={"tokens": tokens, "tags": tags})]

    def summary(self, example: Example) -> Summary:
        """The words, and their tags."""
        tags = tuple(example.fields["tags"])
        return Summary(texts={"words": " ".join(example.fields["tokens"])}, facts={"tags": " ".join(tags)}, labels=tags)

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """Windows of each sentence, one item per window: as many whole words as fit, no word twice, as in XTREME.

        The encoder reads the words as running text (formats/spacing.py). A word with more pieces than fit into a window
        is cut to its first pieces. Only the first piece of a word has a label.
        """
        words = [example.fields["tokens"] for example in examples]
        sentences = as_text(tokenizer, words)
        windows, owner = _windows(tokenizer, sentences, available_tokens(tokenizer, lengths.max_length, pair=False))
        options = {"is_split_into_words": True, "truncation": True, "max_length": lengths.max_length}
        pieces = tokenise(tokenizer, windows, None, {"word": _words, "end": _ends}, options)
        pieces = replace(pieces, text=owner[pieces.text])
        tagged = [example for example in examples for _ in example.fields["tags"]]
        tag_indices = label_indices(tagged, [tag for example in examples for tag in example.fields["tags"]], labels)
        sizes = np.diff(pieces.offsets)
        # Index of the word of each piece among all words of all sentences; windows neither skip nor repeat words.
        numbers = np.where(pieces.read["word"] >= 0, np.repeat(_starts(windows), sizes) + pieces.read["word"], -1)
        # A token that ends with the space before a word is the space alone. It is not the first piece of the word.
        is_space = (pieces.read["end"] <= 1) & _has_space(words, sentences)[numbers]
        is_first = _is_first(np.where(is_space, -1, numbers))
        word = np.where(is_first, numbers - np.repeat(_starts(sentences)[pieces.text], sizes), -1).astype(np.int32)
        tags = np.where(is_first, tag_indices[numbers] if len(tag_indices) else IGNORED, IGNORED).astype(np.int32)
        return item_per_feature(pieces, {"tags": tags}, {"word": word})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """A tag for each word of each example, from the window that contains it.

        A word without pieces (the tokenizer drops all of its characters) gets O if the label set has it, otherwise the
        first label, so that every word is scored.
        """
        names = np.array(labels, dtype=object)
        unseen = "O" if "O" in labels else labels[0]
        tags = [np.full(len(example.fields["tokens"]), unseen, dtype=object) for example in examples]
        for number, owner in enumerate(features.example):
            window = slice(features.offsets[number], features.offsets[number + 1])
            word, best = features.extra["word"][window], outputs["best"][window]
            tags[owner][word[word >= 0]] = names[best[word >= 0]]
        return [row.tolist() for row in tags]

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`chunks` (F1 and token accuracy) or `accuracy` (of tokens); trivial: the most frequent tag on every word."""
        check_scorable(examples, predictions, task, language)
        total = scorer_of(task, _SCORERS)
        gold: Sentences = [example.fields["tags"] for example in examples]
        tags = GoldTags(gold)
        counts = tags.counts(predictions)
        majority = Counter(chain.from_iterable(gold)).most_common(1)[0][0]
        constant = tags.counts([[majority] * len(row) for row in gold])
        return Scored(
            metrics=total(counts),
            trivial=total(constant),
            outcomes=[
                outcome(example, prediction, vars(count))
                for example, prediction, count in zip(examples, predictions, counts, strict=True)
            ],
        )


Words = Sequence[str]


def _windows(tokenizer: "PreTrainedTokenizerBase", sentences: Sequence[Words], space: int) -> tuple[list[Words], Array]:
    """Windows of consecutive words with at most `space` pieces each, and the sentence of each window, (n,) int32."""
    # A word is split into the same pieces for any neighbours, so the pieces are counted once per sentence.
    # With `verbose` the tokenizer would warn about each sentence that is longer than the encoder allows.
    options = {"is_split_into_words": True, "add_special_tokens": False, "verbose": False}
    pieces = tokenise(tokenizer, sentences, None, {"word": lambda encoding: encoding.word_ids}, options)
    windows: list[Words] = []
    owner: list[int] = []
    for number, words in enumerate(sentences):
        of_word = pieces.read["word"][pieces.offsets[number] : pieces.offsets[number + 1]]
        cuts = _cuts(np.bincount(of_word).tolist(), space) if len(of_word) > space else []
        windows += [words[start:end] for start, end in pairwise([0, *cuts, len(words)])]
        owner += [number] * (len(cuts) + 1)
    return windows, np.array(owner, dtype=np.int32)


def _cuts(sizes: Sequence[int], space: int) -> list[int]:
    """Indices of the words that start a window, except the first. `sizes` are the numbers of pieces of the words."""
    cuts, filled = [], 0
    # A word longer than a window is truncated to one window.
    for number, size in enumerate(min(size, space) for size in sizes):
        if filled + size > space:
            cuts.append(number)
            filled = 0
        filled += size
    return cuts


def _starts(texts: Sequence[Words]) -> Array:
    """Number of words before each text, (n,) int64."""
    return np.cumsum([0, *(len(words) for words in texts)], dtype=np.int64)[:-1]


def _words(encoding: Any) -> list[int]:
    """Index of the word of each token, -1 for special tokens."""
    return [-1 if word is None else word for word in encoding.word_ids]


def _ends(encoding: Any) -> list[int]:
    """End of each token as a character position in the text of its word."""
    return [end for _, end in encoding.offsets]


def _has_space(words: Sequence[Words], texts: Sequence[Words]) -> Array:
    """Whether the text of each word has an additional space before it; (words,).

    Without any word, the result is one False, because a token without a word has the index -1.
    """
    pairs = zip(words, texts, strict=True)
    return np.array([len(b) > len(a) for pair in pairs for a, b in zip(*pair, strict=True)] or [False])


def _is_first(numbers: Array) -> Array:
    """Whether each token is the first one of its word; (tokens,). `numbers` is -1 for a token without a word."""
    is_first = np.zeros(len(numbers), dtype=bool)
    of_word = np.flatnonzero(numbers >= 0)
    is_first[of_word] = np.diff(numbers[of_word], prepend=-1) != 0
    return is_first


def _token_accuracy(counts: Sequence[ChunkCounts]) -> dict[str, float]:
    return {"accuracy": chunk_metrics(counts)["accuracy"]}


_SCORERS: Mapping[str, Callable[[Sequence[ChunkCounts]], dict[str, float]]] = {
    "chunks": chunk_metrics,
    "accuracy": _token_accuracy,
}
