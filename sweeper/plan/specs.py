"""From a unit, dials and a seed to the TrialSpec that an actor runs, and the key of the study that chooses dials."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sweeper.files.digests import digest
from sweeper.files.serialize import plain
from sweeper.plan.resolve import Asked, Resolver, scored_tasks
from sweeper.plan.units import Plan, Unit, make_plan
from sweeper.records.spec import SEMANTICS, DataSpec, Role, ScoreSpec, StageSpec, TrialSpec, deciding
from sweeper.space import SEARCH_SEED, Model, Resources, Space, Stage, Target, Training, Value, tasks_of
from sweeper.tasks.spec import Split, Task
from sweeper.world.build import check_space

Chain = tuple[StageSpec, ...]


@dataclass(frozen=True, kw_only=True)
class Share:
    """What each actor owns where it is not what its model says."""

    cpus: float | None = None
    gpus: float | None = None

    def __post_init__(self) -> None:
        Resources(**{name: value for name, value in vars(self).items() if value is not None})  # refuses what cannot be

    def of(self, model: Model) -> Resources:
        """What a trial of that model owns."""
        own = model.resources
        return Resources(
            cpus=own.cpus if self.cpus is None else self.cpus, gpus=own.gpus if self.gpus is None else self.gpus
        )


@dataclass(frozen=True, kw_only=True)
class Specs:
    """Makes the specs of a plan's units."""

    plan: Plan
    resolver: Resolver
    share: Share = field(default_factory=Share)
    definitions: dict[str, str] = field(default_factory=dict)
    """Unit -> digest of all that its study depends on beside the encoder it starts from."""

    @property
    def space(self) -> Space:
        """The space behind the plan."""
        return self.plan.space

    def study_key(self, unit: Unit, parent: Chain) -> str:
        """Key of the study that a searching unit runs on the encoder of a chain, "" if nothing is searched.

        It covers all that a suggestion or its value depends on: stages with their dials, data, model, encoder, search.
        """
        if not unit.study:
            return ""
        if unit.name not in self.definitions:
            self.definitions[unit.name] = self._definition(unit)
        return digest([self.definitions[unit.name], [deciding(stage) for stage in parent]])

    def _definition(self, unit: Unit) -> str:
        search = self.space.search
        stage = self.stage(unit, unit.stage, unit.stage.training, SEARCH_SEED)
        return digest(
            {
                "semantics": SEMANTICS,
                "kind": unit.kind,
                "model": self.resolver.model(unit.model).identity,
                "stage": deciding(stage),
                "dials": {name: plain(dial) for name, dial in unit.stage.dials.items()},
                "select": [plain(data) for data in self.selection(unit, SEARCH_SEED)],
                "search": [search.sampler, search.batch],
            }
        )

    def search(self, unit: Unit, number: int, dials: Mapping[str, Value], parent: Chain) -> TrialSpec:
        """Search trial `number` of a unit on its parent's search encoder: scored on selection data only."""
        spec = self._spec(unit, "search", dials, parent, SEARCH_SEED)
        study = self.study_key(unit, parent)
        return replace(spec, name=unit.search_name(number), number=number, study=study, keep=unit.keep_search)

    def replicate(self, unit: Unit, seed: int, choice: TrialSpec | None, parent: Chain) -> TrialSpec:
        """A replicate of a unit with the dials of the search trial that was chosen: what makes the cell."""
        spec = self._spec(unit, "replicate", choice.dials if choice else {}, parent, seed)
        study = choice.study if choice else ""
        scores = self.scores(unit, seed)
        return replace(spec, name=unit.replicate_name(seed), study=study, keep=unit.keep, scores=scores)

    def stage(self, unit: Unit, stage: Stage, training: Training, seed: int) -> StageSpec:
        """A stage with its data resolved, those of the seed's draw."""
        mlm = None
        if stage.mlm_share:
            languages = self.resolver.mlm_languages(stage)
            mlm = self._train_data(unit, Asked(stage.mlm_task, "train", seed), languages, training)
        translation = self.resolver.translation(stage.translation) if stage.translation else None
        asked = (Asked(task, "train", seed) for task in stage.tasks)
        return StageSpec(
            data=tuple(
                replace(
                    self._train_data(unit, one, stage.languages, training),
                    translation=translation if self.space.task(one.task).is_translatable else None,
                )
                for one in asked
            ),
            mlm=mlm,
            mlm_share=stage.mlm_share,
            mlm_exponent=stage.mlm_exponent,
            sampling_cap=stage.sampling_cap,
            temperature=stage.temperature,
            training=training,
            seed=seed,
        )

    def selection(self, unit: Unit, seed: int) -> tuple[DataSpec, ...]:
        """Selection data of the unit's last stage: English dev if another split is reported, else carved from train.

        English whatever languages the stage trains in. A task without English training data has none, and no search
        chooses by it.
        """
        if unit.kind == "score":
            return ()
        tasks = [name for name in unit.stage.tasks if "en" in self.space.task(name).train]
        return tuple(self._select_data(unit, task, seed) for task in tasks)

    def scores(self, unit: Unit, seed: int) -> tuple[ScoreSpec, ...]:
        """What is scored after a replicate: the targets, or a preparation's own dev sets."""
        if unit.kind == "prepare":
            own = [self.space.task(name) for name in unit.stage.tasks]
            held = [task for task in own if set(unit.stage.languages) & set(task.dev)]
            return tuple(self._own_score(task, unit.stage, seed) for task in held)
        return tuple(score for target in unit.targets for score in self._target_scores(target, seed))

    def reads_draws(self, unit: Unit) -> bool:
        """Whether any of the unit's data are drawn anew for each seed."""
        return any(self.space.task(name).is_drawn for name in self._task_names(unit))

    def _spec(self, unit: Unit, role: Role, dials: Mapping[str, Value], parent: Chain, seed: int) -> TrialSpec:
        chain = parent
        if unit.kind != "score":
            training = replace(unit.stage.training, **dials)  # type: ignore[arg-type]
            chain = (*parent, self.stage(unit, unit.stage, training, seed))
        return TrialSpec(
            name=unit.name,
            kind=unit.kind,
            model=self.resolver.model(unit.model),
            recipe=unit.recipe,
            task=unit.task or (unit.recipe if unit.kind == "prepare" else ""),
            chain=chain,
            role=role,
            seed=seed,
            dials=dict(dials),
            select=self.selection(unit, seed),
            tasks=tuple(self.resolver.entry(name, seed) for name in self._task_names(unit)),
            resources=self.share.of(unit.model),
        )

    def _task_names(self, unit: Unit) -> list[str]:
        return list(dict.fromkeys([*tasks_of(unit.stages), *scored_tasks(unit.targets, self.space)]))

    def _carves(self, unit: Unit, task: Task) -> bool:
        """Whether selection data must be carved out of train: everywhere but for a target reported on its own test."""
        return (
            unit.kind == "prepare" or self.space.evaluate == "dev" or task.single_split or not (task.dev and task.test)
        )

    def _train_data(self, unit: Unit, asked: Asked, languages: tuple[str, ...], training: Training) -> DataSpec:
        cap = None if training.cap_tokens is None else round(training.cap_tokens / training.epochs)
        share = self.space.search.share if self._carves(unit, self.space.task(asked.task)) else 0.0
        return self.resolver.data(
            asked, languages, training, cap_examples=training.cap_examples, cap_tokens=cap, carve_share=share
        )

    def _select_data(self, unit: Unit, task: str, seed: int) -> DataSpec:
        carved = self._carves(unit, self.space.task(task))
        share = self.space.search.share if carved else 0.0
        return self.resolver.data(
            Asked(task, "select" if carved else "dev", seed),
            ("en",),
            unit.stage.training,
            cap_examples=self.space.search.cap,
            carve_share=share,
        )

    def _own_score(self, task: Task, stage: Stage, seed: int) -> ScoreSpec:
        languages = tuple(language for language in stage.languages if language in task.dev)
        asked = Asked(task.name, "dev", seed)
        data = self.resolver.data(asked, languages, stage.training, cap_examples=self.space.search.cap)
        return ScoreSpec(target=task.name, split="dev", data=data, **_settings(stage.training))

    def _target_scores(self, target: Target, seed: int) -> tuple[ScoreSpec, ...]:
        """The score that the matrix shows first, and where an encoder is scored directly one for each further layer."""
        task = self.space.task(target.task)
        plain = ScoreSpec(
            target=target.task,
            split=self.space.evaluate,
            data=self._target_data(target, self.space.evaluate, seed),
            fit=self._target_data(target, "dev", seed) if task.fits_on_dev else None,
            pool=self._pool(task, target, seed) if task.pool else None,
            **_settings(target.training),
        )
        if task.training_task:
            return (plain,)
        direct = replace(plain, pooling=target.pooling, similarity=target.similarity, precision="fp32")
        return tuple(replace(direct, layer=layer) for layer in target.layers)

    def _target_data(self, target: Target, split: Split, seed: int) -> DataSpec:
        return self.resolver.data(
            Asked(target.task, split, seed),
            self.resolver.languages(target),
            target.training,
            cap_examples=target.eval_cap or self.space.eval_cap,
            distractors=target.distractors,
        )

    def _pool(self, task: Task, target: Target, seed: int) -> DataSpec:
        """The candidates of every language that the source holds, whichever languages are asked for."""
        asked = Asked(task.pool, self.space.evaluate, seed)
        return self.resolver.data(asked, self.resolver.held_languages(task.pool), target.training)


def _settings(training: Training) -> dict[str, Any]:
    return {"precision": training.precision, "threads": training.threads, "micro_tokens": training.micro_tokens}


def check_world(space: Space) -> None:
    """Raise UserError if the generated world that a space stands on does not have the encoder or draws it asks for."""
    specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
    drawn = {seed for unit in specs.plan.units if specs.reads_draws(unit) for seed in specs.plan.seeds(unit)}
    check_space(space.world, [model.id for model in space.models], drawn)
