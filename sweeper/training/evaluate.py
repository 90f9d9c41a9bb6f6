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
from sweeper.training.together import outputs_of_all

logger = logging.getLogger(__name__)

ByLanguage = Mapping[str, Scored]
"""Language -> metrics and outcomes."""
Report = Callable[[str], object]
"""Called with what is computed next: a language, or the number of languages that are computed together."""


def selection_metrics(predictor: Predictor, data: DataSpec, reader: DataReader) -> dict[str, float]:
    """Metrics on the selection data of one task: the mean over its languages."""
    task = reader.tasks[data.task]
    task_format, settings = format_of(task), ScoreSettings(search=search_on(predictor.device))
    encoded = reader.encoded(data)
    predictions = _predict(predictor, task, data.task, list(encoded.values()), reader.labels(data.task))
    by_language = [
        task_format.score(predicted.examples, predicted.predictions, task, language, settings).metrics
        for language, predicted in zip(encoded, predictions, strict=True)
    ]
    return {metric: mean([metrics[metric] for metrics in by_language]) for metric in by_language[0]}


def evaluate(
    predictor: Predictor,
    scores: Sequence[ScoreSpec],
    reader: DataReader,
    report: Report = lambda _: None,
    *,
    certain: bool = False,
) -> dict[ScoreSpec, ByLanguage]:
    """Compute scores that differ only in their layer, with as few passes over the data as memory allows.

    With `certain`, outcomes have log-probabilities, if the format has any.
    """
    first = scores[0]
    for language, encoded in reader.encoded(first.data).items():
        logger.info("evaluation data, %s %s: %s", first.target, language, encoded.facts)
    if first.scores_encoder:
        return _score_encoder(predictor, scores, reader, report)
    return {first: _score_head(predictor, first, reader, report, certain=certain)}


def layer_groups(scores: Sequence[ScoreSpec]) -> Iterator[list[ScoreSpec]]:
    """Groups of scores that differ only in their layer."""
    groups: dict[ScoreSpec, list[ScoreSpec]] = {}
    for score in scores:
        groups.setdefault(replace(score, layer=0.0), []).append(score)
    yield from groups.values()


def _score_encoder(
    predictor: Predictor, scores: Sequence[ScoreSpec], reader: DataReader, report: Report
) -> dict[ScoreSpec, ByLanguage]:
    """Scores of the sentence vectors of layers, computed language by language because vectors need much memory."""
    first = scores[0]
    task = reader.tasks[first.target]
    results: dict[ScoreSpec, dict[str, Scored]] = {score: {} for score in scores}
    fit_data = reader.encoded(first.fit) if first.fit else None
    for language, encoded in reader.encoded(first.data).items():
        report(language)
        pools = (encoded, fit_data[language] if fit_data else None)
        for score, scored in _score_layers(predictor, scores, task, language, pools):
            results[score][language] = scored
    return dict(results)


def _score_head(
    predictor: Predictor, score: ScoreSpec, reader: DataReader, report: Report, *, certain: bool
) -> ByLanguage:
    """Scores of a trained head, whose outputs for all languages are computed together."""
    task = reader.tasks[score.target]
    head, settings = task.training_task, ScoreSettings(search=search_on(predictor.device))
    encoded = reader.encoded(score.data)
    # The candidates are scored with the queries of each language: a ranking needs the vectors of both.
    pools = reader.encoded(score.pool).values() if score.pool else ()
    labels = reader.labels(head)
    candidates = list(_predict(predictor, task, head, list(pools), labels))
    report(f"{len(encoded)} languages" if len(encoded) > 1 else next(iter(encoded)))
    results: dict[str, Scored] = {}
    predictions = _predict(predictor, task, head, list(encoded.values()), labels, certain=certain)
    for language, predicted in zip(encoded, predictions, strict=True):
        report(language)
        together = (predicted, *candidates)
        examples = [example for each in together for example in each.examples]
        answers = [prediction for each in together for prediction in each.predictions]
        scored = format_of(task).score(examples, answers, task, language, settings)
        results[language] = _with_certainty(scored, predicted)
    return results


def _predict(
    predictor: Predictor,
    task: Task,
    head: str,
    data_sets: Sequence[Encoded],
    labels: Sequence[str],
    *,
    certain: bool = False,
) -> Iterator[PredictedExamples]:
    """Yield the examples of each data set with the predictions of a trained head.

    `head` is the task that the head was trained on, `labels` are its labels.
    """
    task_format = format_of(task)
    log_probabilities = task_format.properties.log_probabilities if certain else None
    features = [_relabelled(encoded, labels) if log_probabilities else encoded.features for encoded in data_sets]
    outputs = outputs_of_all(predictor, head, features, with_gold=log_probabilities is not None)
    for encoded, each, computed in zip(data_sets, features, outputs, strict=True):
        yield PredictedExamples(
            examples=encoded.examples,
            predictions=task_format.decode(encoded.examples, each, computed, labels),
            log_probabilities=log_probabilities and log_probabilities(encoded.examples, each, computed, labels),
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
