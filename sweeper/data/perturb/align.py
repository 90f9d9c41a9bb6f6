"""Word pairs from parallel sentences, by IBM model 1 in both directions (Brown et al. 1993, section 4.1)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sweeper.data.perturb.words import words
from sweeper.scoring.sums import total

NOTHING = ""
"""The empty word, from which words without a counterpart come."""
ITERATIONS = 5
FEWEST = 2
"""Fewest sentences in which both words of a pair occur together."""
LEAST = 0.2
"""Least probability of a translation, in both directions."""
Sentence = tuple[str, ...]
Table = Mapping[str, Mapping[str, float]]
"""Word -> possible translation -> its probability."""


def word_pairs(parallel: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of words in lower case that are the most probable translations of each other, in alphabetical order."""
    sides = [(_words(first), _words(second)) for first, second in parallel]
    together = Counter(pair for first, second in sides for pair in _combinations(first, second))
    forward, backward = translation_table(sides), translation_table([(second, first) for first, second in sides])
    pairs = ((word, _best(translations)) for word, translations in sorted(forward.items()) if word != NOTHING)
    return [
        (word, other)
        for word, other in pairs
        if word != other
        and _best(backward[other]) == word
        and together[word, other] >= FEWEST
        and min(forward[word][other], backward[other][word]) >= LEAST
    ]


def translation_table(sides: Sequence[tuple[Sentence, Sentence]]) -> Table:
    """The probabilities of the words of the second sides, given a word of the first sides, after ITERATIONS of EM."""
    # All probabilities are equal at first, so that the first pass divides each word equally.
    table: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(lambda: 1.0))
    for _ in range(ITERATIONS):
        counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for first, second in sides:
            for translation in second:
                shares = {word: table[word][translation] for word in (NOTHING, *first)}
                sum_of_shares = total(shares.values())
                for word, share in shares.items():
                    counts[word][translation] += share / sum_of_shares
        totals = {word: total(numbers.values()) for word, numbers in counts.items()}
        table = {
            word: {translation: number / totals[word] for translation, number in numbers.items()}
            for word, numbers in counts.items()
        }
    return table


def _words(text: str) -> Sentence:
    return tuple(word.lower() for _, word in words(text))


def _combinations(first: Sentence, second: Sentence) -> set[tuple[str, str]]:
    return {(word, other) for word in first for other in second}


def _best(translations: Mapping[str, float]) -> str:
    """The most probable translation; the first one in the alphabet if several are equally probable."""
    return min(translations, key=lambda translation: (-translations[translation], translation))
