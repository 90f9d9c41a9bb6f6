"""Stages of training, machine translation of their examples, and recipes (the rows of the matrix)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from sweeper.errors import UserError, unknown
from sweeper.formats.table import noisy_formats, properties_of, translatable_formats
from sweeper.space.condition import Condition, check_perturbation
from sweeper.space.dials import Choice, Dials, Training, check_dials
from sweeper.space.factors import Factor
from sweeper.tasks.spec import Task
from sweeper.typed import check_fields

TaskNamed = Callable[[str], Task]
"""Function that returns the task of a name. Raises UserError with the nearest name if no task has that name."""

FOLDER = "folder:"
"""Prefix of `Translation.by` for a folder with existing translations."""
APERTIUM = "apertium"


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Machine translation of English training examples. Labels are kept; the selection data stay English.

    docs/mixtures.md describes how texts are divided, how answers are located, and where translations are stored.
    """

    languages: tuple[str, ...]
    """Target languages, with equal shares. A hash of the example id decides the language."""
    by: str
    """The translator: the Hub id or folder of a sequence-to-sequence model (`facebook/nllb-200-distilled-600M`,
    `facebook/m2m100_418M`, or `Helsinki-NLP/opus-mt-en-{language}` with one model per language), `folder:PATH` with
    existing translations, or `apertium`, the program. A relative path starts from the folder of the space file."""
    share: float = 1.0
    """Share of the examples that is translated, 0 to 1, chosen by a hash of the ids. The others stay English."""
    num_beams: int = 4
    """Width of the beam search of a model; 1 is greedy."""
    revision: str | None = None
    """Pinned commit or ref of the model on the Hub, e.g. `refs/pr/9`."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.languages or len(set(self.languages)) < len(self.languages) or "en" in self.languages:
            raise UserError(
                f"A translation needs at least one language, each once and none of them 'en', got {self.languages}."
            )
        if not 0 < self.share <= 1:
            raise UserError(
                f"A translation needs 0 < share <= 1, got {self.share}. To translate nothing, remove the translation."
            )
        if self.num_beams < 1:
            raise UserError(f"A translation needs num_beams >= 1, got {self.num_beams}.")
        # An empty name and the prefix without a path are invalid.
        if not self.by.removeprefix(FOLDER):
            raise UserError(
                "A translation needs a translator: `by` is a Hub id or folder of a model, 'folder:PATH' or 'apertium', "
                f"got {self.by!r}."
            )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training: its tasks, languages, data mixture and training options."""

    tasks: tuple[str, ...]
    languages: tuple[str, ...] = ("en",)
    """Training languages. Dials are always searched on English selection data."""
    translation: Translation | None = None
    """Translates the training examples of all tasks whose format allows it. Tagging stays in English, because tags
    belong to words. The text of masked language modelling is not translated."""
    mlm_share: float = 0.0
    """Share of the steps, 0 to 1, that train masked language modelling on `mlm_task`."""
    mlm_task: str = "mlm_text"
    mlm_languages: tuple[str, ...] = ()
    """Languages of masked language modelling. Empty: all languages of the task that the data source provides."""
    mlm_exponent: float = 0.3
    """The language of a masked language modelling step is sampled in proportion to (number of texts) ** mlm_exponent,
    also if the corpus is one of `tasks`. 1 is proportional, 0 is uniform; XLM-R uses 0.3 (Conneau et al. 2020,
    section 3)."""
    sampling_cap: int = 2**17
    """With several tasks, the task of a step is sampled in proportion to min(examples, cap) ** (1 / temperature)."""
    temperature: float = 1.0
    """1 is proportional to the capped sizes; higher values are more uniform (Raffel et al. 2020, section 3.5.2)."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Task -> its share of the steps on tasks, for all tasks; language -> its share of the steps of each task and of
    `cap_examples`, for all `languages`. The shares of the tasks sum to 1, and so do those of the languages. They do not
    change the number of steps. Empty: the shares follow from the sizes."""
    label_noise: float = 0.0
    """Probability, 0 to 1, that a training example of any task of the stage has a wrong label, drawn uniformly from
    the other labels or choices. The seed of the stage and the id of the example decide. Selection data keep theirs."""
    perturbation: Condition | None = None
    """A condition in which some training examples of all tasks of the stage are, as a defence against it. Its name does
    not matter, and the seed of the stage is added to its seed. Selection data stay as they are."""
    perturbed_share: float = 0.0
    """Share of the training examples that are perturbed, 0 to 1, chosen by a hash of their ids: a larger share includes
    a smaller one."""
    training: Training = field(default_factory=Training)
    dials: Dials = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.tasks:
            raise UserError("A stage needs at least one task. A recipe without stages is the baseline.")
        for term, names in (("task", self.tasks), ("language", self.languages)):
            # A cap and the shares are divided among the languages.
            if len(set(names)) < len(names):
                raise UserError(f"A stage needs each {term} once, got {', '.join(names)}.")
        if not 0 <= self.mlm_share < 1:
            raise UserError(f"A stage needs 0 <= mlm_share < 1, got {self.mlm_share}.")
        if not 0 <= self.mlm_exponent <= 1:
            raise UserError(f"A stage needs 0 <= mlm_exponent <= 1, got {self.mlm_exponent}.")
        if not 0 <= self.label_noise <= 1:
            raise UserError(f"A stage needs 0 <= label_noise <= 1 (a probability), got {self.label_noise}.")
        _check_perturbed(self)
        # All supported translators translate from English.
        if self.translation and self.languages != ("en",):
            raise UserError(f"Translation starts from English, so `languages` must be ('en',); got {self.languages}.")
        if self.temperature < 1:
            raise UserError(f"A stage needs temperature >= 1 (1 is proportional to the sizes), got {self.temperature}.")
        check_dials(self.dials, self.training)
        _check_shares(self)


def _check_perturbed(stage: Stage) -> None:
    """Raise UserError if the perturbation of a stage contradicts its other fields."""
    if (stage.perturbation is None) != (stage.perturbed_share == 0) or not 0 <= stage.perturbed_share <= 1:
        raise UserError(
            "A stage needs both a perturbation and 0 < perturbed_share <= 1, or neither of them; got perturbation "
            f"= {stage.perturbation} and perturbed_share = {stage.perturbed_share}."
        )
    if stage.perturbation and stage.perturbation.languages:
        raise UserError(
            "A stage perturbs examples of all of its languages. Remove the languages of condition "
            f"{stage.perturbation.name!r}."
        )
    if stage.perturbation and stage.perturbation.other_language in stage.languages:
        raise UserError(
            f"The stage trains in {stage.perturbation.other_language!r}, so that condition "
            f"{stage.perturbation.name!r} needs another language in `source`."
        )
    if stage.perturbation and stage.perturbation.by and stage.translation:
        raise UserError(
            f"A stage with a translation cannot have the perturbation {stage.perturbation.perturbation!r}, which "
            "needs the language of each example. Remove one of them."
        )
    if stage.perturbation and stage.perturbation.perturbation == "distractor" and stage.translation:
        raise UserError(
            "A stage with a translation cannot have the perturbation 'distractor', whose sentences would not be "
            "translated. Remove one of them."
        )


def _check_shares(stage: Stage) -> None:
    """Raise UserError unless the shares cover all tasks or none, and all languages or none, and sum to 1."""
    for name in stage.shares:
        if name not in (*stage.tasks, *stage.languages):
            raise unknown("task or language of the stage", name, (*stage.tasks, *stage.languages))
    for term, names in (("task", stage.tasks), ("language", stage.languages)):
        shares = {name: stage.shares[name] for name in names if name in stage.shares}
        is_valid = all(share > 0 for share in shares.values()) and abs(sum(shares.values()) - 1) <= 1e-6
        if shares and (len(shares) < len(names) or not is_valid):
            raise UserError(
                f"`shares` needs a share > 0 for every {term} of the stage ({', '.join(names)}), with sum 1; got "
                f"{shares}."
            )
        if shares and term == "task" and stage.temperature != 1:
            raise UserError(f"`shares` of tasks replaces the temperature; remove temperature={stage.temperature:g}.")


def divided(cap: int, languages: Sequence[str], shares: Mapping[str, float]) -> tuple[int, ...]:
    """The examples of each language that a cap per task allows, in proportion to the shares or else equally.

    Raises UserError if a language would have no example.
    """
    weights = [shares.get(language, 1 / len(languages)) for language in languages]
    # Differences of rounded sums, so that the parts sum to the cap.
    ends = [0, *(round(cap * total) for total in accumulate(weights))]
    parts = tuple(end - start for start, end in pairwise(ends))
    if min(parts) < 1:
        empty = languages[parts.index(min(parts))]
        raise UserError(
            f"cap_examples = {cap} leaves no example for {empty!r}, one of {len(languages)} languages. Raise the cap, "
            "or remove languages."
        )
    return parts


def tasks_of(stages: Iterable[Stage], *, masked: bool = True) -> tuple[str, ...]:
    """The tasks whose training data the stages read, in order, each once. `masked` includes each `mlm_task` in use."""
    # dict.fromkeys keeps the first of equal names and the order.
    by_stage = ((*stage.tasks, *([stage.mlm_task] if masked and stage.mlm_share else [])) for stage in stages)
    return tuple(dict.fromkeys(name for names in by_stage for name in names))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A row of the matrix: the ordered stages that prepare an encoder. A recipe without stages is the baseline."""

    name: str
    stages: tuple[Stage, ...] = ()
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """Properties that contrasts refer to, such as {"domain": "news", "dose": 0.3}. No result of a trial depends on
    them."""

    def __post_init__(self) -> None:
        check_fields(self)


def check_stage(stage: Stage, task_named: TaskNamed) -> None:
    """Raise UserError if the stage cannot train on its tasks in its languages."""
    for name in stage.tasks:
        task = task_named(name)
        if not task.train:
            raise UserError(f"Task {name!r} has no training data; a stage cannot train on it.")
        for language in stage.languages:
            if language not in task.train:
                raise unknown(f"training language of {name!r}", language, task.train)
        # The selection data are a share of the English training data.
        if stage.dials and "en" not in task.train:
            raise UserError(
                f"Dials are searched on English data, but task {name!r} has training data only in "
                f"{', '.join(task.train)}. Set {', '.join(stage.dials)} in the training of the stage instead of its "
                "dials, or add English training data to the task."
            )
    _check_cap(stage)
    if stage.training.keep == "best" and not any("en" in task_named(name).train for name in stage.tasks):
        raise UserError(
            f"keep = 'best' chooses the weights on English selection data, but {', '.join(stage.tasks)} has no English "
            "training data to set aside. Use keep = 'last', or add English training data to the task."
        )
    _check_changes(stage, [task_named(name) for name in stage.tasks])
    if stage.mlm_share:
        masked = task_named(stage.mlm_task)
        if not properties_of(masked).is_corpus:
            raise UserError(f"mlm_task needs a corpus (format mlm), got {masked.name!r} ({masked.format}).")
        for language in stage.mlm_languages:
            if language not in masked.train:
                raise unknown(f"language of {masked.name!r}", language, masked.train)


def _check_cap(stage: Stage) -> None:
    """Raise UserError if the smallest cap on examples leaves a language without one."""
    dial = stage.dials.get("cap_examples")
    caps = [stage.training.cap_examples, *(dial.values if isinstance(dial, Choice) else ())]
    for cap in caps:
        if isinstance(cap, int):
            divided(cap, stage.languages, stage.shares)
            divided(cap, stage.mlm_languages or ("en",), {})


def _check_changes(stage: Stage, tasks: Sequence[Task]) -> None:
    """Raise UserError if the examples of the tasks cannot be changed as the stage asks."""
    if stage.label_noise:
        _check_noisy(tasks)
    if stage.perturbation:
        for task in tasks:
            check_perturbation(stage.perturbation, task, task.train, "training")
    if stage.translation:
        _check_translated(tasks)


def has_one_label(task: Task) -> bool:
    """Whether each example of the task has one label."""
    return properties_of(task).other_labels is not None


def _check_noisy(tasks: Sequence[Task]) -> None:
    # All tasks: the dose of a mixture must not depend on the formats of its tasks.
    for task in tasks:
        if not has_one_label(task):
            raise UserError(
                f"label_noise needs tasks of format {' or '.join(noisy_formats())}, whose examples have one label; got "
                f"{task.name!r} ({task.format}). Remove the task from the stage, or the noise."
            )


def _check_translated(tasks: Sequence[Task]) -> None:
    # One translatable task is enough: in a mixture the other tasks stay in English.
    if not any(properties_of(task).translation for task in tasks):
        names = ", ".join(f"{task.name} ({task.format})" for task in tasks)
        raise UserError(
            f"A translation needs a task of format {', '.join(translatable_formats())} in its stage, because only "
            f"their labels remain valid; got {names}. Add such a task, or remove the translation."
        )
