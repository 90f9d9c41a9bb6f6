"""Rows of the sentence-pair and multiple-choice tasks."""

from dataclasses import replace
from random import Random
from typing import Any

from sweeper.data.synthetic.frames import ASKS, Frame, Language, draw, filled, other, say, sentence, write
from sweeper.data.synthetic.inventory import INVENTORY

Row = dict[str, Any]
OPTIONAL = ("number", "place")
"""Roles that a sentence may leave out."""


def claims(rng: Random, language: Language, num: int) -> list[Row]:
    """A premise and a claim: 0 it follows, 1 it adds something, 2 it contradicts (half of these say `never`)."""
    return [_claim(rng, language, label=i % 3) for i in range(num)]


def _claim(rng: Random, language: Language, label: int) -> Row:
    frame = draw(rng)[0]
    detail, swapped, negated = rng.choice(OPTIONAL), other(rng, frame, rng.choice(("agent", "patient"))), rng.random()
    less = filled(frame, {detail: ""})
    contradiction = replace(less, negated=True) if negated < 0.5 else swapped
    premise, hypothesis = ((frame, less), (less, frame), (frame, contradiction))[label]
    return {"premise": sentence(premise, language), "hypothesis": sentence(hypothesis, language), "label": label}


def rewrites(rng: Random, language: Language, num: int) -> list[Row]:
    """Two sentences in different word order: 1 if they say the same, 0 if one word differs."""
    return [_rewrite(rng, language, number=i) for i in range(num)]


def _rewrite(rng: Random, language: Language, number: int) -> Row:
    frame = draw(rng)[0]
    changed, same = other(rng, frame, rng.choice(("agent", "number", "patient", "place"))), number % 2
    return {
        "id": number,
        "sentence1": sentence(frame, language),
        "sentence2": sentence(frame if same else changed, language, fronted=True),
        "label": same,
    }


def endings(rng: Random, language: Language, num: int) -> list[Row]:
    """A beginning and four ways to go on; the right one keeps the beginning's object and place."""
    return [_ending(rng, language, number=i) for i in range(num)]


def _ending(rng: Random, language: Language, number: int) -> Row:
    frame, *others = draw(rng, 4)
    going_on = replace(other(rng, frame, "action"), number="")
    wrong = [replace(going_on, patient=o.patient, place=o.place) for o in others]
    label = rng.randrange(4)
    options = [*wrong[:label], going_on, *wrong[label:]]
    return {
        "ind": number,
        "ctx_a": sentence(frame, language),
        "ctx_b": language.words["then"],
        "endings": [sentence(option, language) for option in options],
        "label": str(label),
    }


def reasons(rng: Random, language: Language, num: int) -> list[Row]:
    """Two events, a question about one of them, four answers of the kind that was asked for."""
    return [_reason(rng, language, number=i) for i in range(num)]


def _reason(rng: Random, language: Language, number: int) -> Row:
    frames = draw(rng, 2)
    asked, role, label = rng.choice(frames), rng.choice(tuple(ASKS)), rng.randrange(4)
    right = getattr(asked, role)
    wrong = rng.sample([concept for concept in INVENTORY[role] if concept != right], 3)
    options = [*wrong[:label], right, *wrong[label:]]
    return {
        "id": f"reasons-{number}",
        "context": " ".join(sentence(frame, language) for frame in frames),
        "question": write(say(asked, language, asked=role), "?"),
        **{f"answer{i}": language.words[option] for i, option in enumerate(options)},
        "label": label,
    }


def gaps(rng: Random, language: Language, num: int) -> list[Row]:
    """A sentence with a gap and five words, of which one is of the kind that fits."""
    return [_gap(rng, language, number=i) for i in range(num)]


def _gap(rng: Random, language: Language, number: int) -> Row:
    frame, stranger = draw(rng, 2)
    role, label = rng.choice(tuple(ASKS)), rng.randrange(5)
    wrong = [getattr(stranger, kind) for kind in INVENTORY if kind != role]
    options = [*wrong[:label], getattr(stranger, role), *wrong[label:]]
    return {
        "id": f"gaps-{number}",
        "question": _with_gap(frame, language, role),
        "choices": {"label": list("ABCDE"), "text": [language.words[option] for option in options]},
        "answerKey": "ABCDE"[label],
    }


def _with_gap(frame: Frame, language: Language, role: str) -> str:
    words = [word for word in say(frame, language) if word.role != role]
    place = [word.role for word in say(frame, language)].index(role)
    return " ".join([*(word.text for word in words[:place]), "_", *(word.text for word in words[place:])]) + "."
