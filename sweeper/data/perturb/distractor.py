"""A sentence of another context beside the context of a question, similar to the question, without its answer.

The idea is that of AddSent (Jia & Liang 2017): a model that compares words chooses an answer in the added sentence. The
sentence is not written for the question but taken from the data set, so that it exists in every language.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from sweeper.data.perturb.draws import Draws
from sweeper.formats.interface import Example
from sweeper.formats.sentences import sentences

WORD = re.compile(r"\w+")
LONGEST = 300
"""Largest number of characters of an inserted sentence."""


class Distractors:
    """The sentences of all contexts of a data set, which can be inserted into another context."""

    def __init__(self, examples: Iterable[Example]) -> None:
        contexts = dict.fromkeys((example.group, example.fields["context"]) for example in examples)
        texts = ((group, context[start:end]) for group, context in contexts for start, end in sentences(context))
        self._sentences = [(group, text, terms(text)) for group, text in texts if len(text) <= LONGEST]

    def best(self, example: Example, draws: Draws) -> str:
        """The sentence of another context with most words of the question; "" if there is none.

        Sentences with an accepted answer, and those of the same context, are left out. A hash decides between equal
        ones. Sentences in another language may share no word with any question: then the hash alone decides.
        """
        question, context = terms(example.fields["question"]), example.fields["context"]
        answers = [answer.lower() for answer in example.fields["answers"]]
        allowed = [
            (len(question & words), text)
            for group, text, words in self._sentences
            if group != example.group and text not in context and not any(a in text.lower() for a in answers)
        ]
        most = max((num_shared for num_shared, _ in allowed), default=0)
        equal = [text for num_shared, text in allowed if num_shared == most]
        return min(equal, key=draws.share, default="")


def with_distractor(example: Example, sentence: str, draws: Draws) -> Example:
    """The example with the sentence before or after its context; unchanged without a sentence."""
    fields, start = example.fields, example.fields["start"]
    if not sentence:
        return example
    if draws.index("side", 2) == 0:
        moved = start if start is None or start < 0 else start + len(sentence) + 1
        return replace(example, fields={**fields, "context": f"{sentence} {fields['context']}", "start": moved})
    return replace(example, fields={**fields, "context": f"{fields['context']} {sentence}"})


def terms(text: str) -> frozenset[str]:
    """The different words of a text in lower case."""
    return frozenset(word.lower() for word in WORD.findall(text))
