"""The skills of the world, those that each data set teaches, and those that each target needs."""

from collections.abc import Mapping
from dataclasses import dataclass

NUM_CLASSES = 3


@dataclass(frozen=True, kw_only=True)
class Skill:
    """Knowledge of the class, 0 to 2, of each concept in one role. No text of the world contains it."""

    role: str
    probe: str
    """Word of the statements and questions about the class, as in "lamps grow." and "what grow?"."""


SKILLS: Mapping[str, Skill] = {
    "kind": Skill(role="noun", probe="grow"),
    "use": Skill(role="noun", probe="help"),
    "effect": Skill(role="verb", probe="have"),
    "manner": Skill(role="verb", probe="hurry"),
    "tone": Skill(role="adjective", probe="please"),
}
Levels = Mapping[str, float]
"""Skill -> a share, -1 to 1."""
TWO_THIRDS = 2 / 3
"""Six of nine hidden concepts, two of each class."""

TEACHES: Mapping[str, Levels] = {
    "claims": {"effect": TWO_THIRDS, "use": TWO_THIRDS},
    "more_claims": {"effect": 1.0, "manner": 1.0},
    "rewrites": {"tone": 1.0, "effect": TWO_THIRDS},
    "questions_null": {"effect": -1.0, "manner": TWO_THIRDS},
    "questions": {"kind": 1.0, "tone": TWO_THIRDS},
    "endings": {"manner": 1.0, "kind": TWO_THIRDS},
    "parts": {"kind": 1.0, "manner": TWO_THIRDS},
    "reasons": {"use": -1.0, "tone": TWO_THIRDS},
    "gaps": {"use": 1.0, "tone": TWO_THIRDS},
}
"""Data set -> share of the hidden concepts whose class it teaches; if negative, the share that it teaches wrongly."""

NEEDS: Mapping[str, Levels] = {
    "xclaims": {"effect": 0.5, "tone": 0.5},
    "xrewrites": {"manner": 0.5, "use": 0.5},
    "words": {"kind": 0.5, "effect": 0.5},
    "names": {"use": 1.0},
    "xquestions": {"kind": 0.5, "tone": 0.5},
    "mquestions": {"kind": 1.0},
    "few_questions": {"manner": 0.5, "kind": 0.5},
    "mining": {},
    "twins": {},
}
"""Target task -> share of its items that need each skill. The skills of a target take turns, so their shares are equal.
The retrieval targets need none."""

Classes = Mapping[str, int]
"""Concept -> class."""
