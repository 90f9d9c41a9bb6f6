"""Exact match and token F1 of answers as defined by SQuAD 1.1 and 2.0. XQuAD and TyDiQA use the same metrics.

XTREME normalises all languages as English: lower case, without ASCII punctuation, without the words a, an and the, and
split into tokens at white space. Therefore a Thai or Chinese answer is one token, and the Arabic question mark and the
danda of Hindi are not removed.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from sweeper.scoring.counts import precision_recall_f1

Normalise = Callable[[str], str]
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """The normalised form of an answer in SQuAD (evaluate-v1.1.py), the same for all languages."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str], normaliser: Normalise = normalise) -> int:
    """1 if the prediction equals one of the gold answers after normalisation, else 0. `golds` must not be empty."""
    normalised = normaliser(prediction)
    return max(int(normaliser(gold) == normalised) for gold in golds)


def token_f1(prediction: str, golds: Sequence[str], normaliser: Normalise = normalise) -> float:
    """Largest F1 between the bags of tokens of the prediction and of a gold answer (evaluate-v1.1.py).

    Two texts with an empty normalised form ("the" and "") have exact match 1 but F1 0, as in the official script.
    `golds` must not be empty.
    """
    tokens = normaliser(prediction).split()
    return max(_overlap(tokens, normaliser(gold).split()) for gold in golds)


def _overlap(predicted: list[str], gold: list[str]) -> float:
    same = sum((Counter(predicted) & Counter(gold)).values())
    # It is 0 also for two empty texts, as in the official script.
    return precision_recall_f1(same, len(predicted), len(gold))[2]


def exact_match_or_none(prediction: str, golds: Sequence[str]) -> int:
    """Exact match of SQuAD 2.0 (evaluate-v2.0.py): without gold answers the empty text is correct."""
    return exact_match(prediction, _real(golds))


def token_f1_or_none(prediction: str, golds: Sequence[str]) -> float:
    """Token F1 of SQuAD 2.0 (evaluate-v2.0.py): if one side is empty, 1 if both sides are empty, otherwise 0."""
    tokens = normalise(prediction).split()
    return max(_overlap_or_none(tokens, normalise(gold).split()) for gold in _real(golds))


def _real(golds: Sequence[str]) -> list[str]:
    """Gold answers with a non-empty normalised form; the empty text if there are none."""
    return [gold for gold in golds if normalise(gold)] or [""]


def _overlap_or_none(predicted: list[str], gold: list[str]) -> float:
    return _overlap(predicted, gold) if predicted and gold else float(predicted == gold)


def with_best_threshold(
    raw: Sequence[float], texts: Sequence[str], nulls: Sequence[float], answerable: Sequence[bool]
) -> list[float]:
    """Score of each question with the best threshold on the no-answer score, as computed by evaluate-v2.0.py.

    raw: score of each text as an answer. nulls: no-answer score of each question; a higher value means that there is
    more likely no answer. Questions above the threshold are answered with the empty text. The threshold has the highest
    sum of scores, and is the lowest among equals. Exact match and F1 have separate thresholds, fitted on the same
    questions that they score, which is the definition of best_exact and best_f1 in SQuAD 2.0. Two quirks are kept: a
    threshold may separate questions with equal no-answer scores, and an unanswerable question with a non-empty
    prediction scores 0 even if the normalised prediction is empty.
    """
    has_answer = np.asarray(answerable, dtype=bool)
    empty = np.array([not text for text in texts], dtype=bool)
    declined = (~has_answer).astype(float)
    # An unanswerable question that keeps its answer scores 1 only if the text is empty.
    answered = np.where(has_answer, np.asarray(raw, dtype=float), empty)
    # totals[i] is the sum of the scores if the i questions with the lowest no-answer scores keep their answers.
    order = np.argsort(np.asarray(nulls, dtype=float), kind="stable")
    totals = np.cumsum(np.concatenate([[declined.sum()], (answered - declined)[order]]))
    kept = order[: int(np.argmax(totals))]
    scores = declined.copy()
    scores[kept] = answered[kept]
    return [float(score) for score in scores]
