"""From a unit, dials and a seed to the TrialSpec that an actor runs, and the key of the study that chooses dials."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sweeper.records import SEMANTICS, DataSpec, Role, ScoreSpec, StageSpec, TrialSpec, digest, plain
from sweeper.space import SEARCH_SEED, Resources, Space, Stage, Target, Training, Value
from sweeper.tasks.spec import Task
from sweeper.tuning.plan import Plan, Unit
from sweeper.tuning.resolve import Resolver

Chain = tuple[StageSpec, ...]


@dataclass(frozen=True, kw_only=True)
class Specs:
    """Makes the specs of a plan's units."""

    plan: Plan
    resolver: Resolver
    resources: Resources | None = None
    """What each actor owns, if not what its model says."""
    study_keys: dict[str, str] = field(default_factory=dict)

    @property
    def space(self) -> Space:
        """The space behind the plan."""
        return self.plan.space

    def study_key(self, unit: Unit) -> str:
        """Key of the study that chooses a unit's dials, "" if nothing is searched.

        It covers all that a suggestion or its value depends on: stages with their dials, data, model, how is searched.
        """
        if not unit.study:
            return ""
        if unit.study not in self.study_keys:
            self.study_keys[unit.study] = self._study_key(self.plan.unit(unit.study))
        return self.study_keys[unit.study]

    def _study_key(self, owner: Unit) -> str:
        search = self.space.search
        chain = [self.stage(owner, stage, stage.training, SEARCH_SEED) for stage in owner.stages]
        return digest(
            {
                "semantics": SEMANTICS,
                "kind": owner.kind,
                "model": self.resolver.model(owner.model).identity,
                "chain": [plain(stage) for stage in chain],
                "dials": [{name: plain(dial) for name, dial in stage.dials.items()} for stage in owner.stages],
                "select": [plain(data) for data in self.selection(owner)],
                "search": [search.sampler, search.batch],
            }
        )

    def search(self, unit: Unit, number: int, dials: Mapping[str, Value], parent: Chain) -> TrialSpec:
        """Search trial `number` of a unit on its parent's search encoder: scored on selection data only."""
        name = f"{unit.name}/search {number}"
        spec = self._spec(unit, name, "search", dials, parent, SEARCH_SEED)
        return replace(spec, number=number, keep=unit.keep_search)

    def replicate(self, unit: Unit, seed: int, dials: Mapping[str, Value], parent: Chain) -> TrialSpec:
        """A replicate of a unit with the chosen dials: what makes the cell."""
        spec = self._spec(unit, f"{unit.name}/seed {seed}", "replicate", dials, parent, seed)
        return replace(spec, keep=unit.keep, scores=self.scores(unit))

    def stage(self, unit: Unit, stage: Stage, training: Training, seed: int) -> StageSpec:
        """A stage with its data resolved."""
        mlm = None
        if stage.mlm_share:
            languages = stage.mlm_languages or tuple(self.space.task(stage.mlm_task).train)
            mlm = self._train_data(unit, stage.mlm_task, languages, training)
        return StageSpec(
            data=tuple(self._train_data(unit, task, stage.languages, training) for task in stage.tasks),
            mlm=mlm,
            mlm_share=stage.mlm_share,
            sampling_cap=stage.sampling_cap,
            training=training,
            seed=seed,
        )

    def selection(self, unit: Unit) -> tuple[DataSpec, ...]:
        """Selection data of the unit's last stage: English dev if another split is reported, else carved from train."""
        if unit.kind == "score":
            return ()
        return tuple(self._select_data(unit, task, unit.stage) for task in unit.stage.tasks)

    def scores(self, unit: Unit) -> tuple[ScoreSpec, ...]:
        """What is scored after a replicate: the targets, or a preparation's own dev sets."""
        if unit.kind == "prepare":
            own = [self.space.task(name) for name in unit.stage.tasks]
            return tuple(self._own_score(task, unit.stage) for task in own if task.dev)
        return tuple(self._target_score(target) for target in unit.targets)

    def _spec(
        self, unit: Unit, name: str, role: Role, dials: Mapping[str, Value], parent: Chain, seed: int
    ) -> TrialSpec:
        chain = parent
        if unit.kind != "score":
            training = replace(unit.stage.training, **dials)  # type: ignore[arg-type]
            chain = (*parent, self.stage(unit, unit.stage, training, seed))
        return TrialSpec(
            name=name,
            kind=unit.kind,
            model=self.resolver.model(unit.model),
            recipe=unit.recipe,
            task=unit.task or (unit.recipe if unit.kind == "prepare" else ""),
            chain=chain,
            role=role,
            study=self.study_key(unit),
            seed=seed,
            dials=dict(dials),
            select=self.selection(unit),
            tasks=tuple(self._entries(unit)),
            resources=self.resources or unit.model.resources,
        )

    def _entries(self, unit: Unit) -> Iterable[Task]:
        names = [
            name for stage in unit.stages for name in (*stage.tasks, *([stage.mlm_task] if stage.mlm_share else []))
        ]
        return [self.space.task(name) for name in dict.fromkeys([*names, *(target.task for target in unit.targets)])]

    def _carves(self, unit: Unit, task: Task) -> bool:
        """Whether selection data must be carved out of train: everywhere but for a target reported on its own test."""
        return (
            unit.kind == "prepare" or self.space.evaluate == "dev" or task.single_split or not (task.dev and task.test)
        )

    def _train_data(self, unit: Unit, task: str, languages: tuple[str, ...], training: Training) -> DataSpec:
        cap = None if training.cap_tokens is None else round(training.cap_tokens / training.epochs)
        share = self.space.search.share if self._carves(unit, self.space.task(task)) else 0.0
        return self.resolver.data(
            task, "train", languages, training, cap_examples=training.cap_examples, cap_tokens=cap, carve_share=share
        )

    def _select_data(self, unit: Unit, task: str, stage: Stage) -> DataSpec:
        carved = self._carves(unit, self.space.task(task))
        share = self.space.search.share if carved else 0.0
        return self.resolver.data(
            task,
            "select" if carved else "dev",
            stage.languages if carved else ("en",),
            stage.training,
            cap_examples=self.space.search.cap,
            carve_share=share,
        )

    def _own_score(self, task: Task, stage: Stage) -> ScoreSpec:
        languages = tuple(language for language in stage.languages if language in task.dev)
        data = self.resolver.data(task.name, "dev", languages, stage.training, cap_examples=self.space.search.cap)
        return ScoreSpec(target=task.name, split="dev", data=data, **_settings(stage.training))

    def _target_score(self, target: Target) -> ScoreSpec:
        direct = not self.space.task(target.task).training_task
        data = self.resolver.data(
            target.task,
            self.space.evaluate,
            self.resolver.languages(target),
            target.training,
            cap_examples=target.eval_cap or self.space.eval_cap,
            distractors=target.distractors,
        )
        return ScoreSpec(
            target=target.task,
            split=self.space.evaluate,
            data=data,
            pooling=target.pooling if direct else "",
            layer=target.layer if direct else 0.0,
            **_settings(target.training),
        )


def _settings(training: Training) -> dict[str, Any]:
    return {"precision": training.precision, "threads": training.threads, "micro_tokens": training.micro_tokens}
