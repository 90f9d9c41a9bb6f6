"""A space: everything one sweep covers, as Python values that are checked when they are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Literal

from pydantic import Field

from sweeper.errors import UserError, unknown
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import TRANSLATABLE, Task, has_draws

Value = int | float | str
SEARCH_SEED = 0
"""The seed that dials are searched with; replicate seeds are 1 and up, so that none of them took part in choosing."""


@dataclass(frozen=True, kw_only=True)
class LogUniform:
    """A dial between two positive bounds, uniform in its logarithm."""

    low: float
    high: float
    first: tuple[float, ...] = ()
    """Points that are tried before the sampler suggests any."""
    kind: Literal["log_uniform"] = "log_uniform"

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise UserError(f"LogUniform needs 0 < low < high, got low={self.low}, high={self.high}.")
        outside = [point for point in self.first if not self.low <= point <= self.high]
        if outside:
            raise UserError(f"LogUniform starts inside its bounds, got {outside} outside [{self.low}, {self.high}].")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A dial that takes one of a few values."""

    values: tuple[Value, ...]
    first: tuple[Value, ...] = ()
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2:
            raise UserError(f"Choice needs two different values or more, got {self.values}.")
        outside = [point for point in self.first if point not in self.values]
        if outside:
            raise UserError(f"Choice starts with one of its values, got {outside} outside {self.values}.")


Distribution = Annotated[LogUniform | Choice, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How one stage is trained. Any of these can be a dial of the stage."""

    learning_rate: float = 2e-5
    epochs: float = 3.0
    batch_size: int = 32
    """Examples an optimiser step, all micro-batches together."""
    max_length: int = 128
    """Tokens a feature, special ones counted; longer texts are cut, or windowed where the task is span answering."""
    stride: int = 128
    """Tokens that neighbouring windows share."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises from 0; then it falls to 0, both linearly."""
    weight_decay: float = 0.01
    adam_epsilon: float = 1e-8
    clip: float = 1.0
    """Largest gradient norm."""
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    """CPU threads a worker computes with: part of the result, since sums depend on it."""
    micro_tokens: int = 8192
    """Tokens, padding counted, that one forward pass takes at most; out of memory halves it, the batch stays.
    A batch of pairs (format rank) is one pass whatever it holds."""
    frozen_layers: int | None = None
    """Keeps the embeddings and this many of the lowest layers as they are (0: the embeddings alone), which can help
    zero-shot transfer (Wu & Dredze 2019); None: everything is trained."""
    cap_examples: int | None = None
    """Most training examples a task, chosen by a hash of their ids."""
    cap_tokens: int | None = None
    """Most training tokens a task and language over all epochs: examples are cut to cap_tokens / epochs tokens."""
    min_steps: int = 0
    """Fewest optimiser steps: epochs are repeated until they are reached (tiny training sets)."""
    mask_share: float = 0.15
    """Share of the tokens that masked language modelling predicts: 0.15 in Devlin et al. 2019, where Wettig et al. 2023
    find 0.4 better for large models. What is measured is always measured on 0.15, so that losses compare."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "epochs", "batch_size", "max_length", "threads", "micro_tokens", "clip"):
            if getattr(self, name) <= 0:
                raise UserError(f"Training needs {name} > 0, got {getattr(self, name)}.")
        if not 0 <= self.warmup <= 1:
            raise UserError(f"Training needs 0 <= warmup <= 1, got {self.warmup}.")
        if not 0 < self.mask_share < 1:
            raise UserError(f"Training needs 0 < mask_share < 1, got {self.mask_share}.")
        if self.frozen_layers is not None and self.frozen_layers < 0:
            raise UserError(
                f"Training needs frozen_layers >= 0, or None to train everything, got {self.frozen_layers}."
            )
        _check_counts(self, "cap_examples", "cap_tokens")


def _check_counts(value: object, *names: str) -> None:
    for name in names:
        found = getattr(value, name)
        if found is not None and found < 1:
            raise UserError(f"{type(value).__name__} needs {name} >= 1, or None for no limit, got {found}.")


FRACTIONS = ("learning_rate", "epochs", "warmup", "weight_decay", "adam_epsilon", "clip", "mask_share")
"""The values of a training that need not be whole numbers."""
DIALS = tuple(f.name for f in fields(Training) if f.name not in ("precision", "threads"))
Dials = Mapping[str, Distribution]


def _check_dials(dials: Dials) -> None:
    for name, dial in dials.items():
        if name not in DIALS:
            raise unknown("dial", name, DIALS)
        points = (dial.low, dial.high) if isinstance(dial, LogUniform) else dial.values
        if name not in FRACTIONS and (isinstance(dial, LogUniform) or not all(isinstance(p, int) for p in points)):
            raise UserError(f"Dial {name!r} takes whole numbers: Choice(values=(...)), got {dial}.")
        for point in points:
            Training(**{name: point})  # type: ignore[arg-type]


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
    translation: Translation | None = None
    """Machine-translates the training examples of all its tasks; masked language modelling keeps its own texts."""
    mlm_share: float = 0.0
    """Share of the steps, 0 to 1, spent on masked language modelling of `mlm_task`."""
    mlm_task: str = "mlm_text"
    mlm_languages: tuple[str, ...] = ()
    """Languages of the masked language modelling; empty: all that the task holds."""
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
        _check_dials(self.dials)


def tasks_of(stages: Iterable[Stage], *, masked: bool = True) -> tuple[str, ...]:
    """Every task whose training data the stages read, in order, each once; `masked`: their `mlm_task` too, if used."""
    own = ((*stage.tasks, *([stage.mlm_task] if masked and stage.mlm_share else [])) for stage in stages)
    return tuple(dict.fromkeys(name for names in own for name in names))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A matrix row: the ordered stages that prepare an encoder. Without stages it is the baseline."""

    name: str
    stages: tuple[Stage, ...] = ()


SIMILARITIES = ("cosine", "csls")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A matrix column: a task with evaluation data, how it is trained on in English, how it is scored."""

    task: str
    before: tuple[Stage, ...] = ()
    """Stages between the row's encoder and the target's own training, where it is a chain (XCOPA: SIQA, then COPA)."""
    training: Training = field(default_factory=Training)
    dials: Dials = field(default_factory=dict)
    languages: tuple[str, ...] | None = None
    """Evaluation languages; None: every language that the data source holds."""
    pooling: Literal["mean", "cls"] = "mean"
    layer: float = 14 / 24
    """Retrieval: the hidden layer as a share of the depth, rounded to the nearest one (14 of 24 in XLM-R Large)."""
    also_layers: tuple[float, ...] = ()
    """Retrieval: more layers, `tuple(n / 12 for n in range(13))` for all of twelve and the embeddings. They are scored
    in the same trial and stand in the report's table of layers; the matrix goes on to show `layer`."""
    similarity: Literal["cosine", "csls"] = "cosine"
    """Parallel sentences: plain cosine, as published, or CSLS (Conneau et al. 2018, k = 10), which holds back sentences
    that are near to many. Mining has its own margin."""
    distractors: int | None = None
    """Mining: sentences without a partner kept in each language's pool; None: all."""
    eval_cap: int | None = None
    """Most evaluation items a language, instead of the space's own."""

    def __post_init__(self) -> None:
        _check_dials(self.dials)
        _check_counts(self, "eval_cap")
        for layer in self.layers:
            if not 0 <= layer <= 1:
                raise UserError(f"A target needs 0 <= layer <= 1 (a share of the depth), got {layer}.")
        if self.similarity not in SIMILARITIES:
            raise unknown("similarity", self.similarity, SIMILARITIES)

    @property
    def layers(self) -> tuple[float, ...]:
        """Every layer that is scored, each once, the matrix's own first."""
        return tuple(dict.fromkeys((self.layer, *self.also_layers)))


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What the actor of one trial owns."""

    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.cpus <= 0 or self.gpus < 0:
            raise UserError(f"Resources need cpus > 0 and gpus >= 0, got cpus={self.cpus}, gpus={self.gpus}.")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A pretrained encoder: a Hub id or a folder."""

    name: str
    id: str
    revision: str | None = None
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, kw_only=True)
class Search:
    """How dials are chosen, on selection data alone."""

    scope: Literal["cell", "target"] = "cell"
    """`cell`: each cell searches for itself. `target`: searched on the baseline, used down the column."""
    trials: int = 8
    """Trials a study. A stage or target without dials needs none."""
    batch: int = 4
    """Trials that are suggested without waiting for each other: parallelism inside a study, the same on any machine."""
    sampler: Literal["tpe", "gp", "random"] = "tpe"
    share: float = 0.1
    """Share of the English training data carved out for selection, by a hash of the example id, and never reported."""
    cap: int = 1000
    """Most examples that a trial is selected on."""

    def __post_init__(self) -> None:
        if self.trials < 1 or self.batch < 1:
            raise UserError(f"Search needs trials >= 1 and batch >= 1, got {self.trials} and {self.batch}.")
        if not 0 < self.share < 1:
            raise UserError(f"Search needs 0 < share < 1, got {self.share}.")


@dataclass(frozen=True, kw_only=True)
class Space:
    """Everything one sweep covers. Vary it with `dataclasses.replace`."""

    name: str
    title: str = ""
    models: tuple[Model, ...]
    recipes: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    tasks: tuple[Task, ...] = ()
    """The user's own entries, beside the catalog's."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """Replicate seeds. `--set seeds=5` means 1 to 5."""
    search: Search = field(default_factory=Search)
    evaluate: Literal["dev", "test"] = "dev"
    """The split that every cell is scored on; the two never meet in one matrix."""
    eval_cap: int | None = None
    """Most evaluation items a language, the same ones in parallel languages."""
    sample_seed: int = 0
    """Decides which examples a cap keeps."""
    keep_targets: bool = False
    """Keeps trained targets (body and head), so that a new language only scores."""
    format: int = 1
    """Number of the layout of a space's JSON, so that an older version does not misread a newer one's."""
    world: str = ""
    """A synthetic world that stands in for the Hub when no mirror is named: `demo`, `demo:truth_seed=3,scale=10`."""

    def __post_init__(self) -> None:
        _check_names("model", [m.name for m in self.models])
        _check_names("recipe", [r.name for r in self.recipes])
        _check_names("target", [t.task for t in self.targets])
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds or SEARCH_SEED in self.seeds:
            raise UserError(f"Seeds are different numbers other than {SEARCH_SEED} (the search's), got {self.seeds}.")
        if [r.name for r in self.recipes if not r.stages][1:]:
            raise UserError("Only one recipe can have no stages: it is the baseline.")
        for recipe in self.recipes:
            for stage in recipe.stages:
                _check_stage(stage, self)
        for target in self.targets:
            _check_target(target, self)
        _check_twins(self.recipes)
        _check_counts(self, "eval_cap")
        if self.search.scope == "target" and self.baseline is None:
            raise UserError("search.scope = 'target' searches on the baseline: add a recipe without stages.")

    @property
    def baseline(self) -> Recipe | None:
        """The recipe without stages, if the space has one."""
        return next((recipe for recipe in self.recipes if not recipe.stages), None)

    def catalog(self) -> dict[str, Task]:
        """Every task this space knows: the catalog's, overridden by its own."""
        return {**CATALOG, **{task.name: task for task in self.tasks}}

    def trained_tasks(self, target: Target) -> tuple[str, ...]:
        """The tasks that a target trains on after the row's encoder, each once; none where it trains nothing."""
        names = (*tasks_of(target.before), self.task(target.task).training_task)
        return tuple(dict.fromkeys(name for name in names if name))

    def num_trained(self, target: Target) -> int:
        """Stages that a target adds to the row's own."""
        return len(target.before) + bool(self.task(target.task).training_task)

    def task(self, name: str) -> Task:
        """The task of that name. Raises UserError naming the nearest one."""
        known = self.catalog()
        if name not in known:
            raise unknown("task", name, known)
        return known[name]


def _check_names(kind: str, names: Iterable[str]) -> None:
    seen = list(names)
    if not seen:
        raise UserError(f"A space needs a {kind} at least.")
    twice = sorted({name for name in seen if seen.count(name) > 1})
    if twice:
        raise UserError(f"Each {kind} stands once in a space, got {', '.join(twice)} more than once.")
    for name in seen:
        if not name or "/" in name:
            raise UserError(f"The name of a {kind} is not empty and has no '/', got {name!r}.")


def _check_stage(stage: Stage, space: Space) -> None:
    for name in stage.tasks:
        task = space.task(name)
        if not task.train:
            raise UserError(f"Task {name!r} has no training data, so no stage can train on it.")
        if stage.translation and task.format not in TRANSLATABLE:
            raise UserError(
                f"Task {name!r} of format {task.format!r} cannot be translated, for its labels belong to words: only "
                f"{', '.join(TRANSLATABLE)} can. Leave it out of the stage, or the translation."
            )
        for language in stage.languages:
            if language not in task.train:
                raise unknown(f"training language of {name!r}", language, task.train)
    if stage.mlm_share:
        masked = space.task(stage.mlm_task)
        if masked.format != "mlm":
            raise UserError(f"mlm_task takes a task of format mlm, got {masked.name!r} ({masked.format}).")
        for language in stage.mlm_languages:
            if language not in masked.train:
                raise unknown(f"language of {masked.name!r}", language, masked.train)


def _check_target(target: Target, space: Space) -> None:
    task = space.task(target.task)
    places = task.places(space.evaluate)
    if not places:
        raise UserError(
            f"Target {target.task!r} has no {space.evaluate} split; evaluate = {space.evaluate!r} needs one."
        )
    for stage in target.before:
        _check_stage(stage, space)
    for language in target.languages or ():
        if language not in places:
            raise unknown(f"{space.evaluate} language of {target.task!r}", language, places)
    trained = space.task(task.training_task) if task.training_task else None
    if trained is None and task.format != "retrieve":
        raise UserError(
            f"Target {target.task!r} has no training data and trains on no other task: name one in trains_on."
        )
    if trained is None and not target.before and has_draws(places):
        raise UserError(
            f"Target {target.task!r} trains nothing, so the baseline has one score of it for all seeds, and its "
            f"{space.evaluate} rows cannot hold {{seed}}: name one draw in id, config and split."
        )
    if task.pool:
        _check_pool(task, space)
    if trained is not None and trained.format != task.format:
        raise UserError(f"Target {target.task!r} ({task.format}) cannot train on {trained.name!r} ({trained.format}).")
    if trained is not None and target.also_layers:
        raise UserError(
            f"Target {target.task!r} is answered by a head on the last layer: also_layers is for targets that train "
            f"nothing, got {len(target.also_layers)} layers."
        )
    if task.scorer != "neighbours" and target.similarity != "cosine":
        raise UserError(
            f"Target {target.task!r} ({task.scorer}) does not compare parallel sentences: similarity = "
            f"{target.similarity!r} is for targets with the scorer neighbours."
        )
    if task.fits_on_dev(space.evaluate):
        _check_pools(target, task)


def _check_pools(target: Target, task: Task) -> None:
    """A threshold that is fitted on dev needs a dev pool of other rows in each language that is scored."""
    lacking = [code for code in target.languages or task.test if task.dev.get(code) in (None, task.test[code])]
    if lacking:
        raise UserError(
            f"Target {target.task!r} is scored on test and fits its threshold on dev, which has no pool of its own in "
            f"{', '.join(lacking)}: add dev rows there, or name the target's languages without."
        )
    if has_draws(task.dev):
        raise UserError(f"Target {target.task!r} trains nothing: its dev rows cannot hold {{seed}}, name one draw.")


def _check_pool(task: Task, space: Space) -> None:
    pool = space.task(task.pool)
    if task.format != "rank" or pool.format != "rank" or "query" in pool.columns:
        raise UserError(
            f"A pool is a task of format rank without queries, for one of format rank: {task.name!r} ({task.format}) "
            f"names {pool.name!r} ({pool.format})."
        )
    if not pool.places(space.evaluate):
        raise UserError(f"The pool {pool.name!r} of target {task.name!r} has no {space.evaluate} split.")


def _check_twins(recipes: tuple[Recipe, ...]) -> None:
    for number, recipe in enumerate(recipes):
        for other in recipes[:number]:
            if recipe.stages == other.stages:
                raise UserError(f"Recipes {other.name!r} and {recipe.name!r} have the same stages: keep one.")
