"""What one data set shows of the hidden knowledge, and events that ask for a piece of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.data.synthetic.concepts import ASKED
from sweeper.data.synthetic.draws import Draws
from sweeper.data.synthetic.events import Event, draw
from sweeper.data.synthetic.skills import NUM_CLASSES, SKILLS, Classes, Level

HOLDS, OPEN, FAILS = range(NUM_CLASSES)
"""What a class says of its concepts: a statement about them holds, cannot be judged, does not hold."""
SHOWN = 3
"""One concept in so many is shown."""


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """The truth of one draw of the world."""

    tables: Mapping[str, Classes]
    """Skill -> the class of every concept of its part."""
    shown: Mapping[str, frozenset[str]]
    """Part -> the third of the concepts asked about that targets' training data show; the others are hidden."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What the labels of one data set are made from: skill -> concept -> class; concepts left out do not occur."""

    tables: Mapping[str, Classes]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An event and which of its concepts is asked about."""

    event: Event
    skill: str
    label: int
    """The class of the event's concept, as the lesson has it."""

    @property
    def concept(self) -> str:
        """The concept that is asked about."""
        return str(getattr(self.event, SKILLS[self.skill].part))


def knowledge(truth_seed: int, draw: int, truth: str = "") -> Knowledge:
    """The knowledge of a draw: classes of equal size, drawn at random, independent between skills.

    Another `truth` (a placebo's) has other tables, but shows the same concepts: so only the labels differ.
    """
    shown = {
        part: Draws(truth_seed, draw, "shown", part).sample(concepts, len(concepts) // SHOWN)
        for part, concepts in ASKED.items()
    }
    tables = {
        name: _table(Draws(truth_seed, draw, truth, name), ASKED[skill.part], shown[skill.part])
        for name, skill in SKILLS.items()
    }
    return Knowledge(tables=tables, shown={part: frozenset(concepts) for part, concepts in shown.items()})


def _table(draws: Draws, concepts: tuple[str, ...], shown: list[str]) -> Classes:
    """Classes of equal size among the shown concepts and among the others: or a target might train without a class."""
    halves = (sorted(shown), [concept for concept in concepts if concept not in shown])
    return {concept: place % NUM_CLASSES for half in halves for place, concept in enumerate(draws.shuffled(half))}


def part_of(level: Level, known: Knowledge, draws: Draws) -> Lesson:
    """What an intermediate task's data say: the shown concepts rightly, and of each class a share of the hidden ones.

    A share below 0 is said wrongly, each hidden concept moved to the next class: then what was learned on the shown
    concepts misleads on the hidden ones.
    """
    return Lesson(tables={skill: _part(skill, share, known, draws) for skill, share in level.items()})


def _part(skill: str, share: float, known: Knowledge, draws: Draws) -> Classes:
    table, shown = known.tables[skill], known.shown[SKILLS[skill].part]
    hidden = [[c for c in of_class(table, label) if c not in shown] for label in range(NUM_CLASSES)]
    chosen = [concept for one in hidden for concept in draws.sample(one, round(abs(share) * len(one)))]
    turn = 1 if share < 0 else 0
    right = {concept: table[concept] for concept in sorted(shown)}
    return right | {concept: (table[concept] + turn) % NUM_CLASSES for concept in chosen}


def whole(skills: Iterable[str], known: Knowledge) -> Lesson:
    """What a target is scored on: every concept."""
    return Lesson(tables={skill: known.tables[skill] for skill in skills})


def ask(lesson: Lesson, draws: Draws, number: int, labels: Sequence[int] = range(NUM_CLASSES)) -> Asked:
    """The `number`-th question of a data set: skills take turns, and so do the classes in `labels`."""
    skills = tuple(lesson.tables)
    skill, label = skills[number % len(skills)], labels[number // len(skills) % len(labels)]
    concept = draws.choice(of_class(lesson.tables[skill], label))
    return Asked(event=draw(draws).with_(**{SKILLS[skill].part: concept}), skill=skill, label=label)


def of_class(table: Classes, label: int) -> list[str]:
    """The concepts of a class."""
    return [concept for concept, found in table.items() if found == label]


def not_of_class(table: Classes, label: int) -> list[str]:
    """The concepts of the other classes."""
    return [concept for concept, found in table.items() if found != label]
