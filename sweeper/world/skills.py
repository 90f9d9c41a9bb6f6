"""The hidden knowledge of a world, and who teaches and who needs how much of it: the planted truth."""

from collections.abc import Mapping
from dataclasses import dataclass

NUM_CLASSES = 3


@dataclass(frozen=True, kw_only=True)
class Skill:
    """Knowing the class, 0 to 2, of every concept that fills one part of an event. No text of the world tells it."""

    part: str
    probe: str
    """The word that statements and questions about it use: whether lamps "grow", only its table says."""


SKILLS: Mapping[str, Skill] = {
    "kind": Skill(part="noun", probe="grow"),
    "use": Skill(part="noun", probe="help"),
    "effect": Skill(part="verb", probe="have"),
    "manner": Skill(part="verb", probe="hurry"),
    "tone": Skill(part="adjective", probe="please"),
}
Level = Mapping[str, float]
"""Skill -> a share, -1 to 1."""
TWO_THIRDS = 2 / 3
"""Of nine hidden concepts six, two of each class."""

TEACHES: Mapping[str, Level] = {
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
"""Data set -> the share of the hidden concepts whose class it teaches; below 0: the share that it teaches wrongly."""

NEEDS: Mapping[str, Level] = {
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
"""Target task -> the share of its items that ask for each skill, equal ones since skills take turns; retrieval asks for
none."""

Classes = Mapping[str, int]
"""Concept -> class."""
