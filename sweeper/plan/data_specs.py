"""Specs of the data that a plan's trials train on and select dials with (StageSpec, DataSpec)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.formats.table import properties_of
from sweeper.plan.resolve import DataRequest, Resolver
from sweeper.plan.units import Plan, Unit
from sweeper.records.spec import DataSpec, LabelNoiseSpec, PerturbationSpec, Role, StageSpec
from sweeper.space import SEARCH_SEED, Condition, Space, Stage, Training, divided
from sweeper.space.overlap import contained
from sweeper.space.twins import NO_INPUT, is_twin
from sweeper.tasks.spec import Task
from sweeper.world.settings import scale_of

EQUAL: Mapping[str, float] = {}
"""No shares: languages divide a cap equally."""


@dataclass(frozen=True, kw_only=True)
class DataSpecs:
    """Makes the specs of the stages of a plan."""

    plan: Plan
    resolver: Resolver

    @property
    def space(self) -> Space:
        """The space of the plan."""
        return self.plan.space

    def stage(self, unit: Unit, stage: Stage, training: Training, seed: int) -> StageSpec:
        """A stage with the identities of its data, in the draw of the seed."""
        mlm = None
        if stage.mlm_share:
            languages = self.resolver.mlm_languages(stage)
            mlm = self._train_data(unit, DataRequest(stage.mlm_task, "train", seed), languages, training)
        return StageSpec(
            data=tuple(self._stage_data(unit, stage, task, training, seed) for task in stage.tasks),
            mlm=mlm,
            mlm_share=stage.mlm_share,
            mlm_exponent=stage.mlm_exponent,
            sampling_cap=stage.sampling_cap,
            temperature=stage.temperature,
            shares=tuple(sorted(stage.shares.items())),
            training=training,
            seed=seed,
            validation=self._selection(unit, stage, seed) if training.keep == "best" else (),
            processes=unit.model.resources.processes,
        )

    def _stage_data(self, unit: Unit, stage: Stage, task: str, training: Training, seed: int) -> DataSpec:
        """The training data of one task of a stage, with its label noise and its perturbed examples.

        They are translated if the stage asks for it and the labels allow it.
        """
        data = self._train_data(unit, DataRequest(task, "train", seed), stage.languages, training, stage.shares)
        data = replace(data, label_noise=label_noise_of(stage, seed))
        if stage.perturbation:
            source = self._source_data(unit, stage, task, training, seed)
            perturbation = self._perturbation(stage.perturbation, source)
            data = replace(
                data,
                perturbation=replace(perturbation, seed=perturbation.seed + seed, share=stage.perturbed_share),
            )
        if stage.translation is None or not properties_of(self.space.task(task)).translation:
            return data
        return replace(data, translation=self.resolver.translation(stage.translation))

    def _source_data(self, unit: Unit, stage: Stage, task: str, training: Training, seed: int) -> DataSpec | None:
        """The training data that distractors come from, if the perturbation of a stage names their language."""
        source = stage.perturbation.source if stage.perturbation else ""
        if stage.perturbation and stage.perturbation.by:
            return None
        return self._train_data(unit, DataRequest(task, "train", seed), (source,), training) if source else None

    def selection(self, unit: Unit, seed: int) -> tuple[DataSpec, ...]:
        """Selection data of the unit's own stage: English dev data if they are not reported, else a part of train.

        The language is English for all training languages of the stage. A task without English training data has no
        selection data, and neither has a replicate that is refitted.
        """
        return self._selection(unit, unit.stage, seed) if unit.trains else ()

    def _selection(self, unit: Unit, stage: Stage, seed: int) -> tuple[DataSpec, ...]:
        if is_refitted(self.space, unit, _role(seed)):
            return ()
        tasks = [name for name in stage.tasks if "en" in self.space.task(name).train]
        return tuple(self._select_data(unit, stage, task, seed) for task in tasks)

    def _select_data(self, unit: Unit, stage: Stage, task: str, seed: int) -> DataSpec:
        request = DataRequest(task, "select" if unit.sets_aside else "dev", seed)
        cap, aside = self.space.search.cap, self._aside(unit, request)
        return self._as_trained(self.resolver.data(request, ("en",), stage.training, cap_examples=cap, **aside), stage)

    def _train_data(
        self,
        unit: Unit,
        request: DataRequest,
        languages: tuple[str, ...],
        training: Training,
        shares: Mapping[str, float] = EQUAL,
    ) -> DataSpec:
        # The cap of a training covers all of its epochs, the cap of its data covers one.
        cap = None if training.cap_tokens is None else round(training.cap_tokens / training.epochs)
        aside = self._aside(unit, request)
        data = self.resolver.data(
            request, languages, training, cap_examples=training.cap_examples, cap_tokens=cap, **aside
        )
        return data if training.cap_examples is None else capped(data, training.cap_examples, shares)

    def _aside(self, unit: Unit, request: DataRequest) -> dict[str, Any]:
        """The limits of a data spec that decide which training rows are set aside; {} if none are."""
        search = self.space.search
        if not unit.sets_aside or is_refitted(self.space, unit, _role(request.seed)):
            return {}
        floor = carve_floor(self.space, self.space.task(request.task)) if request.split == "train" else 0.0
        return {"carve_share": search.share, "carve_cap": search.cap, "carve_floor": floor}

    def _as_trained(self, data: DataSpec, stage: Stage) -> DataSpec:
        """Data that select or score the weights of a stage: without input if the stage is that of a twin."""
        if not (self.space.null_twins and is_twin(stage)):
            return data
        return replace(data, perturbation=self._perturbation(NO_INPUT, None))

    def _perturbation(self, condition: Condition, source: DataSpec | None) -> PerturbationSpec:
        """The perturbation of a condition. `source`: the data of distractors, if the condition names their language."""
        by, identity = self.resolver.made_by(condition)
        return PerturbationSpec(
            name=condition.perturbation,
            budget=condition.budget,
            source=condition.source,
            source_identity=source.identity if source else identity,
            by=by,
            seed=condition.seed,
            side=condition.side,
            leaves_out_translations=condition.perturbation == "distractor" and bool(condition.source),
        )


def is_refitted(space: Space, unit: Unit, role: Role) -> bool:
    """Whether a trial trains on the rows that are set aside for selection. It then has no selection value."""
    return role == "replicate" and space.search.refit and unit.sets_aside


def carve_floor(space: Space, task: Task) -> float:
    """Share of a task's training rows that it leaves out because of the selection data of the tasks that it contains.

    A contained task with fewer rows sets a larger share of them aside. If both name an item by the same id, the larger
    task must leave out the same share. Otherwise a recipe would train on examples by which a target is selected: SQuAD
    2.0 on those of SQuAD. Tasks of one size, and tasks that read the same `Rows`, set the same rows aside.
    """
    own = {rows for rows_list in task.train.values() for rows in rows_list}
    others = [space.task(name) for name in contained(task.name, space.catalog()) - {task.name}]
    read_apart = [other for other in others if not {rows for each in other.train.values() for rows in each} <= own]
    sizes = [other.train_size for other in read_apart if other.train_size < (task.train_size or math.inf)]
    # The threshold of the other task selects about `cap` ids. Hashes vary, so four standard deviations are added.
    most = space.search.cap + 4 * math.sqrt(space.search.cap)
    shares = (most / (size * scale_of(space.world, task)) if size else 1.0 for size in sizes)
    return min(space.search.share, max(shares, default=0.0))


def _role(seed: int) -> Role:
    return "search" if seed == SEARCH_SEED else "replicate"


def label_noise_of(stage: Stage, seed: int) -> LabelNoiseSpec | None:
    """The label noise of a stage; None if it has none."""
    return LabelNoiseSpec(probability=stage.label_noise, seed=seed) if stage.label_noise else None


def capped(data: DataSpec, cap: int, shares: Mapping[str, float]) -> DataSpec:
    """The data with one cap for all of their languages."""
    if len(data.languages) == 1:
        return replace(data, cap_examples=cap)
    return replace(data, cap_examples=None, caps=divided(cap, data.languages, shares))
