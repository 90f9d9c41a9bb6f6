"""Token tagging: a tag for each word, learned and read off at the word's first piece."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.fields import Line, bad, field_of, group_of, id_of, label_of, texts_of
from sweeper.formats.interface import IGNORED, Array, Example, Features, HeadKind, Lengths, Outputs
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.pieces import label_indices, one_feature_each, room, tokenise
from sweeper.scoring.chunks import ChunkCounts, Sentences, chunk_metrics, count_chunks
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import ScorerName, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Tag:
    """Sentences that come as words."""

    head: HeadKind = "token"

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """The row's example, with fields tokens and tags; none if a tag is missing or there are no words."""
        line = Line(row=row, task=task, number=number)
        tokens, values = texts_of(line, "tokens"), field_of(line, "tags")
        if not isinstance(values, list) or len(values) != len(tokens):
            raise bad(line, f"there is one tag a word, got {values!r} for {len(tokens)} words.")
        tags = [label_of(line, value) for value in values]
        if not tokens or None in tags:
            return []
        name = id_of(line)
        return [Example(id=name, group=group_of(line, name), fields={"tokens": tokens, "tags": tags})]

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature an example, cut at max_length; the loss looks at first pieces alone."""
        room(tokenizer, lengths.max_length, pair=False)
        words = [example.fields["tokens"] for example in examples]
        options = {"is_split_into_words": True, "truncation": True, "max_length": lengths.max_length}
        pieces = tokenise(tokenizer, words, None, {"word": _first_pieces}, options)
        word = pieces.read["word"]
        owners = [example for example in examples for _ in example.fields["tags"]]
        known = label_indices(owners, [tag for example in examples for tag in example.fields["tags"]], labels)
        starts = np.cumsum([0, *(len(tokens) for tokens in words)], dtype=np.int64)[:-1]
        places = np.repeat(starts[pieces.text], np.diff(pieces.offsets)) + word
        tags = np.where(word >= 0, known[places] if len(known) else word, IGNORED).astype(np.int32)
        return one_feature_each(pieces, {"tags": tags}, {"word": word})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[Any]:
        """A tag for each word of each example.

        A word that no piece stands for (cut off, or nothing the tokenizer can see) gets O where the set has it, else
        the first label: every word is scored, seen or not.
        """
        names = np.array(labels, dtype=object)
        unseen = "O" if "O" in labels else labels[0]
        answers = []
        for number, example in enumerate(examples):
            part = slice(features.offsets[number], features.offsets[number + 1])
            word, best = features.extra["word"][part], outputs["best"][part]
            tags = np.full(len(example.fields["tokens"]), unseen, dtype=object)
            tags[word[word >= 0]] = names[best[word >= 0]]
            answers.append(tags.tolist())
        return answers

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """`chunks` (F1 and token accuracy) or `accuracy` (of tokens); trivial: the commonest tag on every word."""
        check_scorable(examples, predictions, task, language)
        total = scorer_of(task, _SCORERS)
        gold: Sentences = [example.fields["tags"] for example in examples]
        counts = count_chunks(gold, predictions)
        majority = Counter(tag for tags in gold for tag in tags).most_common(1)[0][0]
        constant = count_chunks(gold, [[majority] * len(tags) for tags in gold])
        return Scored(
            metrics=total(counts),
            trivial=total(constant),
            outcomes=[
                outcome(example, prediction, asdict(count))
                for example, prediction, count in zip(examples, predictions, counts, strict=True)
            ],
        )


def _first_pieces(encoding: Any) -> Array:
    """Index of the word of which a token is the first piece, else -1; (tokens,)."""
    words = np.array([-1 if word is None else word for word in encoding.word_ids], dtype=np.int32)
    is_first = np.diff(words, prepend=-1) != 0
    return np.where(is_first, words, -1)


def _token_accuracy(counts: Sequence[ChunkCounts]) -> dict[str, float]:
    return {"accuracy": chunk_metrics(counts)["accuracy"]}


_SCORERS: Mapping[ScorerName, Callable[[Sequence[ChunkCounts]], dict[str, float]]] = {
    "chunks": chunk_metrics,
    "accuracy": _token_accuracy,
}
