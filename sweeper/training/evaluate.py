"""Evaluation of a net: metrics of each language, from the outputs of a trained head or from sentence vectors."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sweeper.data.entry import Encoded
from sweeper.formats.interface import IGNORED, Features, Outputs, PredictedExamples, ScoreSettings
from sweeper.formats.table import format_of
from sweeper.records.spec import DataSpec, ScoreSpec
from sweeper.scoring.scorers import Scored
from sweeper.scoring.sums import mean
from sweeper.tasks.spec import Task
from sweeper.training.nearest import search_on
from sweeper.training.predict import Predictor
from sweeper.training.stage import DataReader

logger = logging.getLogger(__name__)

ByLanguage = Mapping[str, Scored]
"""Language -> metrics and outcomes."""


def selection_metrics(predictor: Predictor, data: DataSpec, reader: DataReader) -> dict[str, float]:
    """Metrics on the selection data of one task: the mean over its languages."""
    task = reader.tasks[data.task]
    task_format, settings = format_of(task), ScoreSettings(search=search_on(predictor.device))
    by_language = []
    for language, encoded in reader.encoded(data).items():
        predicted = _predict(predictor, task, data.task, encoded, encoded.labels)
        by_language.append(
            task_format.score(predicted.examples, predicted.predictions, task, language, settings).metrics
        )
    return {metric: mean([metrics[metric] for metrics in by_language]) for metric in by_language[0]}


def evaluate(
    predictor: Predictor,
    scores: Sequence[ScoreSpec],
    reader: DataReader,
    report: Callable[[str], object] = lambda _: None,
    *,
    certain: bool = False,
) -> dict[ScoreSpec, ByLanguage]:
    """Compute scores that differ only in their layer, with as few passes over the data as memory allows.

    `report` is called with each language before it is scored. With `certain`, outcomes have log-probabilities, if the
    format has any.
    """
    first = scores[0]
    task = reader.tasks[first.target]
    results: dict[ScoreSpec, dict[str, Scored]] = {score: {} for score in scores}
    candidates = _candidates(predictor, first, reader)
    head, task_format, settings = task.training_task, format_of(task), ScoreSettings(search=search_on(predictor.device))
    for language, encoded in reader.encoded(first.data).items():
        report(language)
        logger.info("evaluation data, %s %s: %s", first.target, language, encoded.facts)
        if first.scores_encoder:
            fitted_on = reader.encoded(first.fit)[language] if first.fit else None
            for score, scored in _score_layers(predictor, scores, task, language, (encoded, fitted_on)):
                results[score][language] = scored
        else:
            predicted = _predict(predictor, task, head, encoded, reader.labels(head), certain=certain)
            examples, predictions = predicted.examples, predicted.predictions
            # The candidates are scored with the queries: a ranking needs the vectors of both.
            for pool in candidates:
                examples, predictions = [*examples, *pool.examples], [*predictions, *pool.predictions]
            scored = task_format.score(examples, predictions, task, language, settings)
            results[first][language] = _with_certainty(scored, predicted)
    return dict(results)


def layer_groups(scores: Sequence[ScoreSpec]) -> Iterator[list[ScoreSpec]]:
    """Groups of scores that differ only in their layer."""
    groups: dict[ScoreSpec, list[ScoreSpec]] = {}
    for score in scores:
        groups.setdefault(replace(score, layer=0.0), []).append(score)
    yield from groups.values()


def _predict(
    predictor: Predictor, task: Task, head: str, encoded: Encoded, labels: Sequence[str], *, certain: bool = False
) -> PredictedExamples:
    """The examples with the predictions of a trained head. `head` is the task that the head was trained on."""
    task_format = format_of(task)
    log_probabilities = task_format.properties.log_probabilities if certain else None
    features = _relabelled(encoded, labels) if log_probabilities else encoded.features
    outputs = predictor.heads(head, features, with_gold=log_probabilities is not None)
    return PredictedExamples(
        examples=encoded.examples,
        predictions=task_format.decode(encoded.examples, features, outputs, labels),
        log_probabilities=log_probabilities and log_probabilities(encoded.examples, features, outputs, labels),
    )


def _relabelled(encoded: Encoded, labels: Sequence[str]) -> Features:
    """The features with labels of tokens numbered as in the label set of the head; IGNORED if the head lacks one."""
    features = encoded.features
    if "tags" not in features.labels or tuple(encoded.labels) == tuple(labels):
        return features
    numbers = {label: number for number, label in enumerate(labels)}
    # The last entry is that of IGNORED, which is negative and therefore counts from the end.
    table = np.array([*(numbers.get(label, IGNORED) for label in encoded.labels), IGNORED], dtype=np.int32)
    tags = np.asarray(features.labels["tags"])
    return replace(features, labels={**features.labels, "tags": table[np.where(tags == IGNORED, -1, tags)]})


def _with_certainty(scored: Scored, predicted: PredictedExamples) -> Scored:
    """The score whose outcomes have the columns `log_p_gold` and `log_p_prediction`."""
    logs = predicted.log_probabilities
    if logs is None:
        return scored
    rows = zip(scored.outcomes, logs.correct, logs.predicted, strict=True)
    return replace(scored, outcomes=[{**row, "log_p_gold": gold, "log_p_prediction": p} for row, gold, p in rows])


def _candidates(predictor: Predictor, score: ScoreSpec, reader: DataReader) -> list[PredictedExamples]:
    """The retrieval candidates of each language, which the queries search; empty if the score has no pool."""
    if score.pool is None:
        return []
    task, head = reader.tasks[score.target], reader.tasks[score.target].training_task
    pools = reader.encoded(score.pool).values()
    return [_predict(predictor, task, head, pool, reader.labels(head)) for pool in pools]


def _score_layers(
    predictor: Predictor,
    scores: Sequence[ScoreSpec],
    task: Task,
    language: str,
    pools: tuple[Encoded, Encoded | None],
) -> Iterator[tuple[ScoreSpec, Scored]]:
    """Yield each score with its result. `pools`: the scored data, and the data for fitting a threshold, if any."""
    scored_pool, fitted_on = pools
    layers = {score: round(score.layer * predictor.net.depth) for score in scores}
    # Several scores may have the same hidden layer after rounding. Its vectors are computed once.
    distinct = list(dict.fromkeys(layers.values()))
    encoded = [scored_pool] if fitted_on is None or fitted_on is scored_pool else [scored_pool, fitted_on]
    vectors = [predictor.vectors(distinct, scores[0].pooling, pool.features) for pool in encoded]
    settings = ScoreSettings(similarity=scores[0].similarity, search=search_on(predictor.device))
    for layer in distinct:
        predicted = (_with_vectors(task, pool, next(outputs)) for pool, outputs in zip(encoded, vectors, strict=True))
        scored = _score_pools(predicted, settings, task, language, fits=fitted_on is not None)
        yield from ((score, scored) for score in scores if layers[score] == layer)


def _score_pools(
    pools: Iterable[PredictedExamples], settings: ScoreSettings, task: Task, language: str, *, fits: bool
) -> Scored:
    """Score the first of the pools.

    With `fits` a threshold is fitted on the second pool, or on the first one if there is no second.
    """
    # `pools` is a generator and this function returns before the next layer, so that the vectors of one layer are
    # freed before those of the next layer are computed. They can be most of the memory of the process.
    pool, *fit_pools = pools
    settings = replace(settings, fitted_on=(*fit_pools, pool)[0] if fits else None)
    return format_of(task).score(pool.examples, pool.predictions, task, language, settings)


def _with_vectors(task: Task, encoded: Encoded, outputs: Outputs) -> PredictedExamples:
    """The examples with their sentence vectors as predictions."""
    examples = encoded.examples
    predictions = format_of(task).decode(examples, encoded.features, outputs, ())
    return PredictedExamples(examples=examples, predictions=predictions)
