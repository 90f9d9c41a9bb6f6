"""Exact match and token F1 of answers, as SQuAD 1.1 and 2.0 define them; also what XQuAD and TyDiQA are scored with.

XTREME normalises every language as if it were English: lower case, ASCII punctuation removed, the words a, an and the
removed, tokens split at white space. So the Thai or Chinese answer is one token, the Arabic question mark stays, and
Hindi's danda stays.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

Normalise = Callable[[str], str]
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """An answer as SQuAD compares it (evaluate-v1.1.py), in whatever language it is."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str], normaliser: Normalise = normalise) -> int:
    """1 if the prediction is one of the gold answers after normalisation, else 0. Golds are not empty."""
    wanted = normaliser(prediction)
    return max(int(normaliser(gold) == wanted) for gold in golds)


def token_f1(prediction: str, golds: Sequence[str], normaliser: Normalise = normalise) -> float:
    """Largest F1 of the bags of tokens over the gold answers (evaluate-v1.1.py). Golds are not empty.

    Two texts that normalise to nothing ("the" and "") have exact match 1 but F1 0: the official script's quirk.
    """
    tokens = normaliser(prediction).split()
    return max(_overlap(tokens, normaliser(gold).split()) for gold in golds)


def _overlap(predicted: list[str], gold: list[str]) -> float:
    same = sum((Counter(predicted) & Counter(gold)).values())
    if not same:
        return 0.0
    precision, recall = same / len(predicted), same / len(gold)
    return (2 * precision * recall) / (precision + recall)


def exact_match_or_none(prediction: str, golds: Sequence[str]) -> int:
    """Exact match of SQuAD 2.0 (evaluate-v2.0.py): without gold answers the empty text is right."""
    return exact_match(prediction, _real(golds))


def token_f1_or_none(prediction: str, golds: Sequence[str]) -> float:
    """Token F1 of SQuAD 2.0 (evaluate-v2.0.py): if either side is empty, 1 if both are and 0 if not."""
    tokens = normalise(prediction).split()
    return max(_overlap_or_none(tokens, normalise(gold).split()) for gold in _real(golds))


def _real(golds: Sequence[str]) -> list[str]:
    """Gold answers that say something; the empty text alone if there are none."""
    return [gold for gold in golds if normalise(gold)] or [""]


def _overlap_or_none(predicted: list[str], gold: list[str]) -> float:
    return _overlap(predicted, gold) if predicted and gold else float(predicted == gold)


def with_best_threshold(
    raw: Sequence[float], texts: Sequence[str], nulls: Sequence[float], answerable: Sequence[bool]
) -> list[float]:
    """Each question's score once the best threshold on the no-answer score is set, as evaluate-v2.0.py finds it.

    raw: score of each text as an answer. nulls: no-answer score of each question, the higher the likelier; questions
    above the threshold are answered with the empty text. The threshold is the one with the highest sum, the lowest of
    equals; exact match and F1 have one each, fitted on the very questions they score, which is how SQuAD 2.0 reports
    its best_exact and best_f1. Quirks kept: a threshold may fall between questions with equal no-answer scores, and
    an unanswerable question that is given any text at all scores 0, even one that normalises to nothing.
    """
    has_answer = np.asarray(answerable, dtype=bool)
    empty = np.array([not text for text in texts], dtype=bool)
    declined = (~has_answer).astype(float)
    answered = np.where(has_answer, np.asarray(raw, dtype=float), empty)
    order = np.argsort(np.asarray(nulls, dtype=float), kind="stable")
    totals = np.cumsum(np.concatenate([[declined.sum()], (answered - declined)[order]]))
    kept = order[: int(np.argmax(totals))]
    scores = declined.copy()
    scores[kept] = answered[kept]
    return [float(score) for score in scores]
