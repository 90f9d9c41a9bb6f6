"""Edits of the texts of an example that leave its label valid: substitutions outside protected spans."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sweeper.formats.interface import Example

Span = tuple[int, int]
"""First character and the one after the last."""


class Substitution(NamedTuple):
    """A part of a text and what replaces it."""

    start: int
    end: int
    text: str


Substitute = Callable[[str, str, Sequence[Span]], Sequence[Substitution]]
"""The field of a text, the text, and the spans that must stay -> substitutions in their order, without overlap."""


def substituted(text: str, substitutions: Sequence[Substitution]) -> str:
    """The text after the substitutions."""
    pieces, position = [], 0
    for start, end, replacement in substitutions:
        pieces += [text[position:start], replacement]
        position = end
    return "".join([*pieces, text[position:]])


def moved(position: int, substitutions: Sequence[Substitution]) -> int:
    """The position after the substitutions of a character that none of them replaces."""
    return position + sum(len(text) - (end - start) for start, end, text in substitutions if end <= position)


def edited_texts(names: Sequence[str]) -> Callable[[Example, Substitute], Example]:
    """The edit of a format with these fields of text, each of which may be None."""

    def edited(example: Example, substitute: Substitute) -> Example:
        texts = {name: example.fields[name] for name in names if example.fields[name] is not None}
        new = {name: substituted(text, substitute(name, text, ())) for name, text in texts.items()}
        return replace(example, fields={**example.fields, **new})

    return edited


def edited_words(example: Example, substitute: Substitute) -> Example:
    """The edit of a tagged sentence: each word alone, so that the words and their tags keep their number."""
    words = [
        substituted(word, substitute(f"tokens {number}", word, ()))
        for number, word in enumerate(example.fields["tokens"])
    ]
    # A word must not become empty or two words.
    kept = [new if new.split() == [new] else old for old, new in zip(example.fields["tokens"], words, strict=True)]
    return replace(example, fields={**example.fields, "tokens": kept})


def edited_context(example: Example, substitute: Substitute) -> Example:
    """The edit of a question and its context, except for all occurrences of the accepted answers."""
    fields = example.fields
    context, answers = fields["context"], fields["answers"]
    changes = substitute("context", context, occurrences(context, answers))
    question = substituted(fields["question"], substitute("question", fields["question"], ()))
    start = fields["start"]
    new_start = start if start is None or start < 0 else moved(start, changes)
    return replace(
        example,
        fields={**fields, "context": substituted(context, changes), "question": question, "start": new_start},
    )


def occurrences(text: str, pieces: Sequence[str]) -> list[Span]:
    """All places of some pieces in a text, in order; overlapping ones are joined."""
    spans = sorted(
        (position, position + len(piece))
        for piece in set(pieces)
        if piece
        for position in range(len(text) - len(piece) + 1)
        if text.startswith(piece, position)
    )
    joined: list[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
