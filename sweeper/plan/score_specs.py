"""Specs of the scores of a plan's replicates, and of their predictors of transfer (ScoreSpec, PredictorSpec)."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from sweeper.plan.data_specs import DataSpecs, capped, label_noise_of
from sweeper.plan.resolve import DataRequest
from sweeper.plan.units import PREDICTOR_EXAMPLES, Unit
from sweeper.records.spec import DataSpec, PredictorSpec, ScoreSpec
from sweeper.scoring.scorers import fits_on_dev
from sweeper.space import Condition, Stage, Target, Training
from sweeper.space.twins import NO_INPUT, NOISY_LABELS, is_twin
from sweeper.tasks.spec import Split, Task


@dataclass(frozen=True, kw_only=True)
class ScoreSpecs(DataSpecs):
    """Makes the specs of the scores of a plan."""

    target_scores: dict[tuple[str, tuple[str, ...], int], tuple[ScoreSpec, ...]] = field(default_factory=dict)
    """Model, targets and seed -> the scores, which are the same for every recipe."""

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
            sources.append(capped(data, cap, stage.shares))
        return tuple(sources)

    def _dev_scores(self, task: Task, stage: Stage, seed: int) -> Iterator[ScoreSpec]:
        """The score of a preparation on one of its tasks; with `null_twins` those that usable information needs."""
        score = self._dev_score(task, stage, seed)
        if not self.space.null_twins:
            yield score
            return
        noisy = replace(score.data, label_noise=label_noise_of(stage, seed))
        if is_twin(stage):
            yield replace(score, condition=NO_INPUT.name, data=self._as_trained(noisy, stage))
            return
        yield score
        if stage.label_noise:
            yield replace(score, condition=NOISY_LABELS, data=noisy)

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


def _settings(training: Training) -> dict[str, Any]:
    return {"precision": training.precision, "threads": training.threads, "micro_tokens": training.micro_tokens}
