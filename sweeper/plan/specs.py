"""Specs of a plan's trials (TrialSpec), and the keys of the studies that choose their dials."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from sweeper.files.digests import digest
from sweeper.files.serialize import key_values
from sweeper.formats.table import properties_of
from sweeper.plan.resolve import DataRequest, Resolver, scored_tasks
from sweeper.plan.units import PREDICTOR_EXAMPLES, Plan, Unit, make_plan
from sweeper.records.ended import EndedSpec
from sweeper.records.spec import (
    SEMANTICS,
    DataSpec,
    LabelNoiseSpec,
    PerturbationSpec,
    PredictorSpec,
    Role,
    ScoreSpec,
    StageSpec,
    TrialSpec,
    deciding,
)
from sweeper.scoring.scorers import fits_on_dev
from sweeper.space import (
    SEARCH_SEED,
    Condition,
    ResourceOverrides,
    Space,
    Stage,
    Target,
    Training,
    Value,
    divided,
    tasks_of,
)
from sweeper.space.overlap import contained
from sweeper.space.stage import has_one_label
from sweeper.space.twins import NO_INPUT, NOISY_LABELS, is_twin
from sweeper.tasks.spec import Split, Task
from sweeper.world.settings import check_space, scale_of

Chain = tuple[StageSpec, ...]
DATA_OPTIONS = frozenset(("epochs", "max_length", "stride", "cap_examples", "cap_tokens"))
"""The dials that change the data of a training (`Specs._train_data`)."""
EQUAL: Mapping[str, float] = {}
"""No shares: languages divide a cap equally."""


@dataclass(frozen=True, kw_only=True)
class Specs:
    """Makes the specs of a plan's trials."""

    plan: Plan
    resolver: Resolver
    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    definitions: dict[str, str] = field(default_factory=dict)
    """Unit -> digest of everything that its study depends on, except the encoder at the start."""
    studies: dict[str, tuple[Chain, Sequence[str], str]] = field(default_factory=dict)
    """Unit -> the chain and the prior of the last study key that was asked for, and the key."""
    searches: dict[str, TrialSpec] = field(default_factory=dict)
    """Unit -> one of its search trials. The others differ in their dials, names and numbers only."""
    target_scores: dict[tuple[str, tuple[str, ...], int], tuple[ScoreSpec, ...]] = field(default_factory=dict)
    """Model, targets and seed -> the scores, which are the same for every recipe."""

    @property
    def space(self) -> Space:
        """The space of the plan."""
        return self.plan.space

    def study_key(self, unit: Unit, parent: Chain, prior: Sequence[str] = ()) -> str:
        """Key of the study that searches a unit's dials after the chain `parent`; "" if nothing is searched.

        The key covers everything that a suggestion or its value depends on: model, stages, dials, data, encoder,
        sampler, batch size, and `prior`, the keys of the studies from whose results it starts.
        """
        if not unit.study:
            return ""
        # Every trial of the unit needs the key, nearly always after the same chain.
        last_parent, last_prior, key = self.studies.get(unit.name, (None, (), ""))
        if last_parent is not parent or last_prior != prior:
            key = self._study_key(unit, parent, prior)
            self.studies[unit.name] = parent, prior, key
        return key

    def _study_key(self, unit: Unit, parent: Chain, prior: Sequence[str]) -> str:
        # Resolving the data of a unit is slow.
        if unit.name not in self.definitions:
            self.definitions[unit.name] = self._definition(unit)
        # A study without a prior keeps the key of versions that had none.
        started = [list(prior)] if prior else []
        return digest([self.definitions[unit.name], [deciding(stage) for stage in parent], *started])

    def _definition(self, unit: Unit) -> str:
        search = self.space.search
        stage = self.stage(unit, unit.stage, unit.stage.training, SEARCH_SEED)
        return digest(
            {
                "semantics": SEMANTICS,
                "kind": unit.kind,
                "model": self.resolver.model(unit.model).identity,
                "stage": deciding(stage),
                "dials": {name: key_values(dial) for name, dial in unit.stage.dials.items()},
                "select": [key_values(data) for data in self.selection(unit, SEARCH_SEED)],
                # Not the number of trials: a study may grow.
                "search": [search.sampler_of(unit.stage.dials), search.batch, *search.rungs],
            }
        )

    def search(
        self, unit: Unit, number: int, dials: Mapping[str, Value], parent: Chain, prior: Sequence[str] = ()
    ) -> TrialSpec:
        """Search trial `number` of a unit. It starts from the encoder of `parent` and scores selection data only."""
        other = self.searches.get(unit.name)
        if other is None or other.chain[:-1] != parent or not DATA_OPTIONS.isdisjoint(dials):
            spec = self._spec(unit, "search", dials, parent, SEARCH_SEED)
            spec = self.searches[unit.name] = replace(spec, keep=unit.keep_search)
        else:
            training = replace(unit.stage.training, **dials)  # type: ignore[arg-type]
            spec = replace(other, dials=dict(dials), chain=(*parent, replace(other.chain[-1], training=training)))
        study = self.study_key(unit, parent, prior)
        spec = replace(spec, name=unit.search_name(number), number=number, study=study)
        return self.rung(unit, 0, number, spec) if self.space.search.rungs and unit.searches else spec

    def rung(self, unit: Unit, level: int, number: int, contender: TrialSpec) -> TrialSpec:
        """Search trial `contender` as the trial of a rung. Level 0 has the search trials themselves."""
        *earlier, last = contender.chain
        role: Role = "rung" if level else "search"
        return replace(
            contender,
            name=unit.trial_name(role, number),
            role=role,
            phase="rung" if level else contender.phase,
            number=number,
            chain=(*earlier, replace(last, stop=self.space.search.rung_share(level))),
            keep=unit.keep_search and level == len(self.space.search.rungs),
        )

    def race(self, unit: Unit, number: int, contender: TrialSpec) -> TrialSpec:
        """Trial `number` of a unit's race: search trial `contender` on the same data, with one of the race's seeds."""
        seeds = self.space.search.race_seeds
        seed, (*earlier, last) = seeds[number % len(seeds)], contender.chain
        return replace(
            contender,
            name=unit.trial_name("race", number),
            role="race",
            phase="race",
            number=number,
            seed=seed,
            chain=(*earlier, replace(last, seed=seed, stop=1.0)),
            keep=False,
        )

    def replicate(self, unit: Unit, seed: int, choice: TrialSpec | EndedSpec | None, parent: Chain) -> TrialSpec:
        """The replicate of a unit with a seed and the dials of `choice`, the best search trial."""
        spec = self._spec(unit, "replicate", choice.dials if choice else {}, parent, seed)
        study = choice.study if choice else ""
        name, scores, predictors = unit.replicate_name(seed), self.scores(unit, seed), self.predictors(unit, seed)
        spec = replace(spec, name=name, phase="replicate", study=study, keep=unit.keep)
        return replace(spec, scores=scores, predictors=predictors, cartography=self._has_cartography(unit))

    def _has_cartography(self, unit: Unit) -> bool:
        """Whether the training dynamics of a unit are recorded: if it is that of a recipe, and has input and labels."""
        if not self.space.cartography or unit.kind != "prepare" or is_twin(unit.stage):
            return False
        return any(has_one_label(self.space.task(task)) for task in unit.stage.tasks)

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
        data = replace(data, label_noise=_label_noise(stage, seed))
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

    def scores(self, unit: Unit, seed: int) -> tuple[ScoreSpec, ...]:
        """The scores of a replicate: on the targets of the unit; for a preparation on the dev sets of its own tasks."""
        if unit.kind == "predict":
            return ()
        if unit.kind == "prepare":
            tasks = [self.space.task(name) for name in unit.stage.tasks]
            with_dev = [task for task in tasks if set(unit.stage.languages) & set(task.dev)]
            return tuple(score for task in with_dev for score in self._dev_scores(task, unit.stage, seed))
        key = unit.model.name, tuple(target.task for target in unit.targets), seed
        if key not in self.target_scores:
            scores = (score for target in unit.targets for score in self._target_scores(target, seed))
            self.target_scores[key] = tuple(scores)
        return self.target_scores[key]

    def predictors(self, unit: Unit, seed: int) -> tuple[PredictorSpec, ...]:
        """The predictors of transfer of a replicate.

        They read English training examples of the targets of its unit, and the text of the last stage of its recipe.
        """
        targets = unit.targets if unit.kind == "predict" else ()
        sources = self._source_texts(unit, seed) if targets and unit.stages else ()
        return tuple(
            PredictorSpec(
                target=target.task,
                data=self.resolver.data(
                    DataRequest(self.space.task(target.task).training_task, "train", seed),
                    ("en",),
                    target.training,
                    cap_examples=min(PREDICTOR_EXAMPLES, target.training.cap_examples or PREDICTOR_EXAMPLES),
                ),
                sources=sources,
                text_encoder=self.resolver.model(unit.model).identity if sources else "",
                **_settings(target.training),
            )
            for target in targets
        )

    def _source_texts(self, unit: Unit, seed: int) -> tuple[DataSpec, ...]:
        """Training examples of the tasks of the last stage of a unit, with one cap for all languages of a task."""
        stage = unit.stage
        cap = min(PREDICTOR_EXAMPLES, stage.training.cap_examples or PREDICTOR_EXAMPLES)
        sources = []
        for task in stage.tasks:
            languages = tuple(name for name in stage.languages if name in self.space.task(task).train)
            data = self.resolver.data(DataRequest(task, "train", seed), languages, stage.training)
            sources.append(_capped(data, cap, stage.shares))
        return tuple(sources)

    def reads_draws(self, unit: Unit) -> bool:
        """Whether any data of the unit are drawn for each seed."""
        return any(self.space.task(name).is_drawn for name in self._task_names(unit))

    def _spec(self, unit: Unit, role: Role, dials: Mapping[str, Value], parent: Chain, seed: int) -> TrialSpec:
        # A unit that trains nothing has the chain of the encoder.
        chain = parent
        if unit.trains:
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
            refitted=is_refitted(self.space, unit, role),
            dials=dict(dials),
            select=self.selection(unit, seed),
            # With the entries, workers need neither the catalog nor the module of the space.
            tasks=tuple(self.resolver.entry(name, seed) for name in self._task_names(unit)),
            log_probabilities=self.space.log_probabilities,
            resources=self.resources.for_model(unit.model),
        )

    def _task_names(self, unit: Unit) -> list[str]:
        targets = [self.space.task(target.task) for target in unit.targets]
        read = (
            [task.training_task for task in targets]
            if unit.kind == "predict"
            else scored_tasks(unit.targets, self.space)
        )
        return list(dict.fromkeys([*tasks_of(unit.stages), *read]))

    def _aside(self, unit: Unit, request: DataRequest) -> dict[str, Any]:
        """The limits of a data spec that decide which training rows are set aside; {} if none are."""
        search = self.space.search
        if not unit.sets_aside or is_refitted(self.space, unit, _role(request.seed)):
            return {}
        floor = carve_floor(self.space, self.space.task(request.task)) if request.split == "train" else 0.0
        return {"carve_share": search.share, "carve_cap": search.cap, "carve_floor": floor}

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
        return data if training.cap_examples is None else _capped(data, training.cap_examples, shares)

    def _select_data(self, unit: Unit, stage: Stage, task: str, seed: int) -> DataSpec:
        request = DataRequest(task, "select" if unit.sets_aside else "dev", seed)
        cap, aside = self.space.search.cap, self._aside(unit, request)
        return self._as_trained(self.resolver.data(request, ("en",), stage.training, cap_examples=cap, **aside), stage)

    def _dev_scores(self, task: Task, stage: Stage, seed: int) -> Iterator[ScoreSpec]:
        """The score of a preparation on one of its tasks; with `null_twins` those that usable information needs."""
        score = self._dev_score(task, stage, seed)
        if not self.space.null_twins:
            yield score
            return
        noisy = replace(score.data, label_noise=_label_noise(stage, seed))
        if is_twin(stage):
            yield replace(score, condition=NO_INPUT.name, data=self._as_trained(noisy, stage))
            return
        yield score
        if stage.label_noise:
            yield replace(score, condition=NOISY_LABELS, data=noisy)

    def _as_trained(self, data: DataSpec, stage: Stage) -> DataSpec:
        """Data that select or score the weights of a stage: without input if the stage is that of a twin."""
        if not (self.space.null_twins and is_twin(stage)):
            return data
        return replace(data, perturbation=self._perturbation(NO_INPUT, None))

    def _dev_score(self, task: Task, stage: Stage, seed: int) -> ScoreSpec:
        """The score of a preparation on the dev split of one of its tasks."""
        languages = tuple(language for language in stage.languages if language in task.dev)
        request = DataRequest(task.name, "dev", seed)
        data = self.resolver.data(request, languages, stage.training, cap_examples=self.space.search.cap)
        return ScoreSpec(target=task.name, split="dev", data=data, **_settings(stage.training))

    def _target_scores(self, target: Target, seed: int) -> tuple[ScoreSpec, ...]:
        """The score that the matrix shows, then one for each other layer of an encoder that is scored directly."""
        task = self.space.task(target.task)
        score = ScoreSpec(
            target=target.task,
            split=self.space.evaluate,
            data=self._target_data(target, self.space.evaluate, seed),
            fit=self._target_data(target, "dev", seed) if fits_on_dev(task) else None,
            pool=self._pool(task, target, seed) if task.pool else None,
            **_settings(target.training),
        )
        if task.training_task:
            under = (self._under(condition, target, score, seed) for condition in target.conditions)
            return (score, *chain.from_iterable(under))
        # Nearest neighbours are always compared in fp32; the precision of the training does not matter.
        direct = replace(score, pooling=target.pooling, similarity=target.similarity, precision="fp32")
        return tuple(replace(direct, layer=layer) for layer in target.layers)

    def _under(self, condition: Condition, target: Target, score: ScoreSpec, seed: int) -> Iterator[ScoreSpec]:
        """The score of the same training under a condition; none if the data source has none of its languages."""
        languages = condition.languages_of(score.data.languages)
        if not languages:
            return
        in_source = replace(target, languages=(condition.source,))
        source = self._target_data(in_source, score.split, seed) if condition.source and not condition.by else None
        data = self._target_data(replace(target, languages=languages), score.split, seed)
        perturbation = self._perturbation(condition, source)
        yield replace(score, condition=condition.name, data=replace(data, perturbation=perturbation))

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
        )

    def _target_data(self, target: Target, split: Split, seed: int) -> DataSpec:
        return self.resolver.data(
            DataRequest(target.task, split, seed),
            self.resolver.languages(target),
            target.training,
            cap_examples=target.eval_cap or self.space.eval_cap,
            distractors=target.distractors,
        )

    def _pool(self, task: Task, target: Target, seed: int) -> DataSpec:
        """The retrieval candidates, in all available languages: the languages of the target limit only the queries."""
        request = DataRequest(task.pool, self.space.evaluate, seed)
        return self.resolver.data(request, self.resolver.available_languages(task.pool), target.training)


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


def _label_noise(stage: Stage, seed: int) -> LabelNoiseSpec | None:
    return LabelNoiseSpec(probability=stage.label_noise, seed=seed) if stage.label_noise else None


def _settings(training: Training) -> dict[str, Any]:
    return {"precision": training.precision, "threads": training.threads, "micro_tokens": training.micro_tokens}


def check_world(space: Space) -> None:
    """Raise UserError if the synthetic world does not have every encoder and every draw that the space uses."""
    specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
    drawn = {seed for unit in specs.plan.units if specs.reads_draws(unit) for seed in specs.plan.seeds(unit)}
    check_space(space.world, [model.id for model in space.models], drawn)


def _capped(data: DataSpec, cap: int, shares: Mapping[str, float]) -> DataSpec:
    """The data with one cap for all of their languages."""
    if len(data.languages) == 1:
        return replace(data, cap_examples=cap)
    return replace(data, cap_examples=None, caps=divided(cap, data.languages, shares))
