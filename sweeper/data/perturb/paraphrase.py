"""Paraphrases of questions, which stand for the same question in other words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from sweeper.formats.interface import Example

CHUNK = 1000
"""Number of examples whose questions are paraphrased at a time, because models translate many sentences at once."""


class Paraphraser(Protocol):
    """Paraphrases texts of one language."""

    def paraphrases(self, texts: Sequence[str]) -> Mapping[str, str]:
        """Text -> its paraphrase."""
        ...


def paraphrased(examples: Iterable[tuple[Example, bool]], paraphraser: Paraphraser) -> Iterator[Example]:
    """The examples in order; the chosen ones, with True, have paraphrased questions."""
    source = iter(examples)
    while chunk := list(islice(source, CHUNK)):
        texts = paraphraser.paraphrases([example.fields["question"] for example, is_chosen in chunk if is_chosen])
        for example, is_chosen in chunk:
            question = example.fields["question"]
            new = texts[question] if is_chosen else question
            yield replace(example, fields={**example.fields, "question": new})
