"""Rows of the retrieval tasks, and running text."""

from random import Random
from typing import Any

from sweeper.data.synthetic.frames import Frame, Language, draw, english, sentence

Row = dict[str, Any]


def twins(rng: Random, language: Language, num: int) -> list[Row]:
    """Sentences beside their English translations, no two alike."""
    home = english()
    return [{"sentence1": sentence(f, language), "sentence2": sentence(f, home)} for f in _distinct(rng, num)]


def mining(rng: Random, language: Language, num: int) -> list[Row]:
    """One row: two pools of 2 * num sentences, of which num are translations of each other (pairs counted from 1)."""
    frames = _distinct(rng, 3 * num)
    gold, source, target = frames[:num], frames[: 2 * num], frames[:num] + frames[2 * num :]
    rng.shuffle(source)
    rng.shuffle(target)
    pairs = sorted([source.index(frame) + 1, target.index(frame) + 1] for frame in gold)
    home = english()
    return [
        {
            "sentence1": [sentence(frame, language) for frame in source],
            "sentence2": [sentence(frame, home) for frame in target],
            "gold": pairs,
        }
    ]


def texts(rng: Random, language: Language, num: int) -> list[Row]:
    """Paragraphs of three events."""
    return [{"text": " ".join(sentence(frame, language) for frame in draw(rng, 3))} for _ in range(num)]


def _distinct(rng: Random, num: int) -> list[Frame]:
    frames: dict[Frame, None] = {}
    while len(frames) < num:
        frames[draw(rng)[0]] = None
    return list(frames)
