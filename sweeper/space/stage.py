"""A stage of training, the translation of its examples, and the recipe, a row, that stages make."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sweeper.errors import UserError, unknown
from sweeper.formats.table import properties_of, translatable_formats
from sweeper.space.dials import Dials, Training, check_dials
from sweeper.tasks.spec import Task

TaskNamed = Callable[[str], Task]
"""Takes a name and gives its task. Raises UserError naming the nearest one."""

FOLDER = "folder:"
"""What `Translation.by` begins with where the translations are there already."""
APERTIUM = "apertium"


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Training examples machine-translated out of English, their labels carried over; the selection data stay English.

    docs/mixtures.md says how texts are cut, what becomes of answers, and where translations are kept.
    """

    languages: tuple[str, ...]
    """Equal turns: a hash of an example's id decides which."""
    by: str
    """The translator: Hub id or folder of a sequence-to-sequence model (`facebook/nllb-200-distilled-600M`,
    `facebook/m2m100_418M`; `Helsinki-NLP/opus-mt-en-{language}`, a model a language), `folder:PATH` with translations
    made already, or `apertium`, the program."""
    share: float = 1.0
    """Share of the examples, 0 to 1, chosen by a hash of their ids; the others stay English."""
    num_beams: int = 4
    """Width of a model's beam search; 1 is greedy."""
    revision: str | None = None
    """Pinned commit or ref of the model on the Hub, e.g. `refs/pr/9`."""

    def __post_init__(self) -> None:
        if not self.languages or len(set(self.languages)) < len(self.languages) or "en" in self.languages:
            raise UserError(
                f"A translation needs different languages other than 'en', which it translates, got {self.languages}."
            )
        if not 0 < self.share <= 1:
            raise UserError(
                f"A translation needs 0 < share <= 1, got {self.share}: without any, leave the translation out."
            )
        if self.num_beams < 1:
            raise UserError(f"A translation needs num_beams >= 1, got {self.num_beams}.")
        if not self.by.removeprefix(FOLDER):
            raise UserError(
                "A translation needs a translator: by = a Hub id or folder of a model, 'folder:PATH' or 'apertium', "
                f"got {self.by!r}."
            )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training: which tasks, in which languages, and how."""

    tasks: tuple[str, ...]
    languages: tuple[str, ...] = ("en",)
    """Training languages. Dials are searched on English selection data, whatever these are."""
    translation: Translation | None = None
    """Machine-translates the training examples of all its tasks that can be translated. Tagging stays in English, since
    tags belong to words; masked language modelling keeps its own texts."""
    mlm_share: float = 0.0
    """Share of the steps, 0 to 1, spent on masked language modelling of `mlm_task`."""
    mlm_task: str = "mlm_text"
    mlm_languages: tuple[str, ...] = ()
    """Languages of the masked language modelling; empty: every one of the task that the source holds."""
    mlm_exponent: float = 0.3
    """A step of the masked language modelling draws its language in proportion to texts ** mlm_exponent: 1 as they are,
    0 all alike; 0.3 in XLM-R (Conneau et al. 2020, section 3)."""
    sampling_cap: int = 2**17
    """With several tasks a step's task is drawn in proportion to min(its examples, this cap) ** (1 / temperature)."""
    temperature: float = 1.0
    """1: in proportion to the capped sizes; the higher, the more alike (Raffel et al. 2020, section 3.5.2)."""
    training: Training = field(default_factory=Training)
    dials: Dials = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tasks:
            raise UserError("A stage needs a task at least; the empty recipe has no stages at all.")
        if not 0 <= self.mlm_share < 1:
            raise UserError(f"A stage needs 0 <= mlm_share < 1, got {self.mlm_share}.")
        if not 0 <= self.mlm_exponent <= 1:
            raise UserError(f"A stage needs 0 <= mlm_exponent <= 1, got {self.mlm_exponent}.")
        if self.translation and self.languages != ("en",):
            raise UserError(f"A translation is out of English: languages = ('en',), got {self.languages}.")
        if self.temperature < 1:
            raise UserError(
                f"A stage needs temperature >= 1 (1: tasks in proportion to their sizes), got {self.temperature}."
            )
        check_dials(self.dials)


def tasks_of(stages: Iterable[Stage], *, masked: bool = True) -> tuple[str, ...]:
    """Every task whose training data the stages read, in order, each once; `masked`: their `mlm_task` too, if used."""
    own = ((*stage.tasks, *([stage.mlm_task] if masked and stage.mlm_share else [])) for stage in stages)
    return tuple(dict.fromkeys(name for names in own for name in names))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A matrix row: the ordered stages that prepare an encoder. Without stages it is the baseline."""

    name: str
    stages: tuple[Stage, ...] = ()


def check_stage(stage: Stage, task_named: TaskNamed) -> None:
    """Raise UserError unless the stage can train on its tasks, in its languages."""
    for name in stage.tasks:
        task = task_named(name)
        if not task.train:
            raise UserError(f"Task {name!r} has no training data, so no stage can train on it.")
        for language in stage.languages:
            if language not in task.train:
                raise unknown(f"training language of {name!r}", language, task.train)
        if stage.dials and "en" not in task.train:
            raise UserError(
                f"Dials are searched on English data alone, and task {name!r} has training data in "
                f"{', '.join(task.train)} only: give {', '.join(stage.dials)} in the stage's training and leave the "
                "dials out, or add English training data to the task."
            )
    if stage.translation:
        _check_translated([task_named(name) for name in stage.tasks])
    if stage.mlm_share:
        masked = task_named(stage.mlm_task)
        if not properties_of(masked).is_corpus:
            raise UserError(f"mlm_task needs a corpus (format mlm), got {masked.name!r} ({masked.format}).")
        for language in stage.mlm_languages:
            if language not in masked.train:
                raise unknown(f"language of {masked.name!r}", language, masked.train)


def _check_translated(tasks: Sequence[Task]) -> None:
    if not any(properties_of(task).translation for task in tasks):
        told = ", ".join(f"{task.name} ({task.format})" for task in tasks)
        raise UserError(
            f"A translation needs a task of format {', '.join(translatable_formats())} in its stage, because only "
            f"their labels survive a translation, got {told}: add such a task, or leave the translation out."
        )
