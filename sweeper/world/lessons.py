"""The hidden knowledge of a world, the share of it that a data set shows, and the events that query it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sweeper.world.concepts import CLASSIFIED
from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw_event
from sweeper.world.skills import NUM_CLASSES, SKILLS, Classes, Levels
from sweeper.world.tasks import PLACEBO

HOLDS, OPEN, FAILS = range(NUM_CLASSES)
"""Classes: a statement about the concept holds, is undecided, or does not hold."""
SHOWN_EVERY = 2
"""One in this many concepts is shown."""
ARRAY = tuple((i, j, (i + j) % NUM_CLASSES, (i + 2 * j) % NUM_CLASSES) for i in range(3) for j in range(3))
"""Orthogonal array of nine rows: any two of its four columns contain each pair of classes once (Rao 1947)."""


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """The hidden knowledge of one draw of the world."""

    tables: Mapping[str, Classes]
    """Skill -> the class of each concept in its role."""
    shown: Mapping[str, frozenset[str]]
    """Role -> the concepts that the training data of targets show. The other half is hidden."""

    def hidden(self, skill: str) -> Classes:
        """Return the classes of the hidden concepts of a skill."""
        shown = self.shown[SKILLS[skill].role]
        return {concept: label for concept, label in self.tables[skill].items() if concept not in shown}


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """The source of the labels of one data set: skill -> concept -> class. Other concepts are never queried."""

    tables: Mapping[str, Classes]


@dataclass(frozen=True, kw_only=True)
class Query:
    """An event, a skill, and the class in this skill of one concept of the event."""

    event: Event
    skill: str
    label: int
    """Class of the concept according to the lesson."""

    @property
    def concept(self) -> str:
        """The concept of the event whose class is queried."""
        return str(getattr(self.event, SKILLS[self.skill].role))


def draw_knowledge(truth_seed: int, draw: int, truth: str = "") -> Knowledge:
    """Return the knowledge of a draw: random classes of equal size; two skills in the same role are orthogonal.

    `truth` is "" for the knowledge that targets need, `PLACEBO` for that of the placebos, and otherwise the name of a
    null data set. The placebo knowledge shows the same concepts and is orthogonal to what targets need: any agreement
    by chance would be a gain or a loss that is not planted. The knowledge of a null data set is independent.
    """
    # Without `truth` among the seeds: all knowledge of a draw shows the same concepts.
    shown = {
        role: Draws(truth_seed, draw, "shown", role).sample(concepts, len(concepts) // SHOWN_EVERY)
        for role, concepts in CLASSIFIED.items()
    }
    tables: dict[str, Classes] = {}
    for role, concepts in CLASSIFIED.items():
        halves = (sorted(shown[role]), [concept for concept in concepts if concept not in shown[role]])
        # Placebos use the draws of the targets, but other columns of the array. That makes them orthogonal.
        draws = Draws(truth_seed, draw, "" if truth == PLACEBO else truth, role)
        rows = {
            concept: ARRAY[index % len(ARRAY)] for half in halves for index, concept in enumerate(draws.shuffled(half))
        }
        skills = [name for name, skill in SKILLS.items() if skill.role == role]
        for column, name in enumerate(skills, start=2 if truth == PLACEBO else 0):
            tables[name] = {concept: rows[concept][column] for concept in concepts}
    return Knowledge(tables=tables, shown={role: frozenset(concepts) for role, concepts in shown.items()})


def taught_lesson(levels: Levels, knowledge: Knowledge, draws: Draws, wrong: float = 0.0) -> Lesson:
    """Return the lesson of an intermediate task: the shown concepts, and for each skill a share of the hidden ones.

    A negative share assigns the next class to the hidden concepts, which is always wrong: a model that has learned it
    is misled on the concepts that targets are scored on. `wrong` is the share of the taught hidden concepts, 0 to 1,
    that have the next class although the share is positive; a larger share includes the concepts of a smaller one.
    """
    return Lesson(
        tables={skill: _taught_classes(skill, share, knowledge, draws, wrong) for skill, share in levels.items()}
    )


def _taught_classes(skill: str, share: float, knowledge: Knowledge, draws: Draws, wrong: float) -> Classes:
    table, hidden = knowledge.tables[skill], knowledge.hidden(skill)
    by_class = [draws.shuffled(of_class(hidden, label)) for label in range(NUM_CLASSES)]
    # The classes take turns, so that any share contains equally many of each, give or take one.
    in_turn = [concept for turn in zip_longest(*by_class) for concept in turn if concept]
    taught = in_turn[: round(abs(share) * len(hidden))]
    shifted = set(taught if share < 0 else taught[: round(wrong * len(taught))])
    shown = {concept: label for concept, label in table.items() if concept not in hidden}
    return shown | {concept: (table[concept] + (concept in shifted)) % NUM_CLASSES for concept in taught}


def scored_lesson(skills: Iterable[str], knowledge: Knowledge) -> Lesson:
    """Return the lesson that a target is scored on: the hidden concepts, absent from its own training data."""
    return Lesson(tables={skill: knowledge.hidden(skill) for skill in skills})


def draw_query(lesson: Lesson, draws: Draws, number: int, labels: Sequence[int] = range(NUM_CLASSES)) -> Query:
    """Return query `number` of a data set. The skills take turns, and so do the classes in `labels`."""
    skills = tuple(lesson.tables)
    skill, label = skills[number % len(skills)], labels[number // len(skills) % len(labels)]
    concept = draws.choice(of_class(lesson.tables[skill], label))
    return Query(event=draw_event(draws).with_(**{SKILLS[skill].role: concept}), skill=skill, label=label)


def of_class(classes: Classes, label: int) -> list[str]:
    """Return the concepts of a class."""
    return [concept for concept, its_label in classes.items() if its_label == label]


def not_of_class(classes: Classes, label: int) -> list[str]:
    """Return the concepts of the other classes."""
    return [concept for concept, its_label in classes.items() if its_label != label]
