"""What one data set shows of the hidden knowledge, and events that ask for a piece of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sweeper.world.concepts import ASKED
from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw
from sweeper.world.skills import NUM_CLASSES, SKILLS, Classes, Level
from sweeper.world.tasks import PLACEBO

HOLDS, OPEN, FAILS = range(NUM_CLASSES)
"""What a class says of its concepts: a statement about them holds, cannot be judged, does not hold."""
SHOWN = 2
"""One concept in so many is shown."""
ROWS = tuple((i, j, (i + j) % NUM_CLASSES, (i + 2 * j) % NUM_CLASSES) for i in range(3) for j in range(3))
"""The orthogonal array of nine rows: in any two of its four columns each pair of classes stands once (Rao 1947)."""


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """The truth of one draw of the world."""

    tables: Mapping[str, Classes]
    """Skill -> the class of every concept of its part."""
    shown: Mapping[str, frozenset[str]]
    """Part -> the half of the concepts asked about that targets' training data show; the others are hidden."""


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
    """The knowledge of a draw: classes of equal size, drawn at random; skills about the same concepts are orthogonal.

    A placebo's truth shows the same concepts, so that only the labels differ, and is orthogonal to the targets' own:
    what agrees by luck would be a gain or a loss that nobody planted. Any other `truth` (a null row's) is a draw apart.
    """
    shown = {
        part: Draws(truth_seed, draw, "shown", part).sample(concepts, len(concepts) // SHOWN)
        for part, concepts in ASKED.items()
    }
    tables: dict[str, Classes] = {}
    for part, concepts in ASKED.items():
        halves = (sorted(shown[part]), [concept for concept in concepts if concept not in shown[part]])
        draws = Draws(truth_seed, draw, "" if truth == PLACEBO else truth, part)
        rows = {
            concept: ROWS[place % len(ROWS)] for half in halves for place, concept in enumerate(draws.shuffled(half))
        }
        about = [name for name, skill in SKILLS.items() if skill.part == part]
        for column, name in enumerate(about, start=2 if truth == PLACEBO else 0):
            tables[name] = {concept: rows[concept][column] for concept in concepts}
    return Knowledge(tables=tables, shown={part: frozenset(concepts) for part, concepts in shown.items()})


def part_of(level: Level, known: Knowledge, draws: Draws) -> Lesson:
    """What an intermediate task's data say: the shown concepts rightly, and a share of the hidden ones, of each class.

    A share below 0 is said wrongly, each hidden concept moved to the next class: then what was learned on the shown
    concepts misleads on the hidden ones.
    """
    return Lesson(tables={skill: _part(skill, share, known, draws) for skill, share in level.items()})


def _part(skill: str, share: float, known: Knowledge, draws: Draws) -> Classes:
    table, hidden = known.tables[skill], _hidden(skill, known)
    by_class = [draws.shuffled(of_class(hidden, label)) for label in range(NUM_CLASSES)]
    # Classes take turns, so that a share that parts them unevenly takes as many of each, but for one.
    in_turn = [concept for several in zip_longest(*by_class) for concept in several if concept]
    chosen = in_turn[: round(abs(share) * len(hidden))]
    turn = 1 if share < 0 else 0
    right = {concept: label for concept, label in table.items() if concept not in hidden}
    return right | {concept: (table[concept] + turn) % NUM_CLASSES for concept in chosen}


def rest(skills: Iterable[str], known: Knowledge) -> Lesson:
    """What a target is scored on: the hidden concepts, which its own training data do not show."""
    return Lesson(tables={skill: _hidden(skill, known) for skill in skills})


def _hidden(skill: str, known: Knowledge) -> Classes:
    shown = known.shown[SKILLS[skill].part]
    return {concept: label for concept, label in known.tables[skill].items() if concept not in shown}


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
