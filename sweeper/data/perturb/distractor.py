"""A sentence of another context beside the context of a question, similar to the question, without its answer.

The idea is that of AddSent (Jia & Liang 2017): a model that compares words chooses an answer in the added sentence. The
sentence is not written for the question but taken from the data set, so that it exists in every language.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from sweeper.data.perturb.draws import Draws
from sweeper.formats.interface import Example
from sweeper.formats.sentences import sentences
from sweeper.space.condition import Side

WORD = re.compile(r"\w+")
SIDES: tuple[Side, ...] = ("before", "after")
Context = tuple[str, str]
"""Group and text of a context."""
Translations = Mapping[Context, Set[Context]]
"""Context -> the contexts in another language that have a question in common with it."""
NO_TRANSLATIONS: Translations = {}
LONGEST = 300
"""Largest number of characters of an inserted sentence."""


class Distractors:
    """The sentences of all contexts of a data set, which can be inserted into another context."""

    def __init__(self, examples: Iterable[Example], translations: Translations = NO_TRANSLATIONS) -> None:
        texts = (
            (context, context[1][start:end])
            for context in dict.fromkeys(map(_context, examples))
            for start, end in sentences(context[1])
        )
        self._sentences = [(context, text) for context, text in texts if len(text) <= LONGEST]
        self._translations = translations
        self._with_word: dict[str, list[int]] = defaultdict(list)
        for number, (_, text) in enumerate(self._sentences):
            for word in terms(text):
                self._with_word[word].append(number)

    def best(self, example: Example, draws: Draws) -> str:
        """The sentence of another context with most words of the question; "" if there is none.

        Sentences with an accepted answer, and those of the same context and of its translations, are left out; a
        question without an answer has no distractor, because the sentence could answer it. A hash decides between equal
        ones. Sentences in another language may share no word with any question: then the hash alone decides.
        """
        if not example.fields["answers"]:
            return ""
        words = terms(example.fields["question"])
        shared = Counter(number for word in words for number in self._with_word.get(word, ()))
        # From the most shared words down to none, so that few sentences are looked at.
        by_number: dict[int, list[int]] = defaultdict(list)
        for number, num_shared in shared.items():
            by_number[num_shared].append(number)
        others = (number for number in range(len(self._sentences)) if number not in shared)
        for numbers in (*(by_number[num_shared] for num_shared in sorted(by_number, reverse=True)), others):
            equal = list(self._allowed(numbers, example))
            if equal:
                return min(equal, key=draws.share)
        return ""

    def _allowed(self, numbers: Iterable[int], example: Example) -> Iterator[str]:
        """The sentences of other contexts without an accepted answer."""
        answers = [answer.lower() for answer in example.fields["answers"]]
        translations = self._translations.get(_context(example), frozenset())
        for number in numbers:
            context, text = self._sentences[number]
            lowered = text.lower()
            is_other = context[0] != example.group and context not in translations
            is_free = not any(answer in lowered for answer in answers)
            if is_other and is_free and text not in example.fields["context"]:
                yield text


def translations_of(examples: Iterable[Example], foreign: Iterable[Example]) -> Translations:
    """The contexts of `foreign`, which are in another language, with the id of a question about the same context.

    Items of parallel languages have equal ids, but neither equal groups nor equal answers.
    """
    contexts: dict[str, set[Context]] = defaultdict(set)
    for other in foreign:
        contexts[other.id].add(_context(other))
    translations: dict[Context, set[Context]] = defaultdict(set)
    for example in examples:
        if example.id in contexts:
            translations[_context(example)] |= contexts[example.id]
    return translations


def with_distractor(example: Example, sentence: str, draws: Draws, side: Side = "either") -> Example:
    """The example with the sentence before or after its context; unchanged without a sentence."""
    fields, start = example.fields, example.fields["start"]
    if not sentence:
        return example
    chosen = SIDES[draws.index("side", len(SIDES))] if side == "either" else side
    if chosen == "before":
        moved = start if start is None or start < 0 else start + len(sentence) + 1
        return replace(example, fields={**fields, "context": f"{sentence} {fields['context']}", "start": moved})
    return replace(example, fields={**fields, "context": f"{fields['context']} {sentence}"})


def _context(example: Example) -> Context:
    return example.group, example.fields["context"]


def terms(text: str) -> frozenset[str]:
    """The different words of a text in lower case."""
    return frozenset(word.lower() for word in WORD.findall(text))
