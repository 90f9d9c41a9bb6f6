"""What a net scores: outputs, answers and metrics of each language, by a trained head or by sentence vectors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sweeper.data.encode import Encoded
from sweeper.formats.interface import Outputs
from sweeper.formats.retrieve import Pool, Retrieve, Terms
from sweeper.formats.table import FORMATS
from sweeper.records import DataSpec, ScoreSpec
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task
from sweeper.training.predict import Predictor
from sweeper.training.stage import Reading

ByLanguage = Mapping[str, Scored]


def select(predictor: Predictor, data: DataSpec, reading: Reading) -> dict[str, float]:
    """Metrics on the selection data of one task, the mean of its languages."""
    task = reading.tasks[data.task]
    found = [
        _answered(predictor.heads(data.task, encoded.features), task, language, encoded, encoded.labels).metrics
        for language, encoded in reading.encoded(data).items()
    ]
    return {metric: sum(one[metric] for one in found) / len(found) for metric in found[0]}


def evaluate(predictor: Predictor, scores: Sequence[ScoreSpec], reading: Reading) -> dict[ScoreSpec, ByLanguage]:
    """What each of the scores comes to. They differ in nothing but the layer: the net passes over a language once."""
    first = scores[0]
    task = reading.tasks[first.target]
    found: dict[ScoreSpec, dict[str, Scored]] = {score: {} for score in scores}
    for language, encoded in reading.encoded(first.data).items():
        if first.pooling:
            fitted_on = reading.encoded(first.fit)[language] if first.fit else None
            for score, one in _retrieved(predictor, scores, task, language, (encoded, fitted_on)):
                found[score][language] = one
        else:
            outputs = predictor.heads(task.training_task, encoded.features)
            labels = reading.labels(task.training_task)
            found[first][language] = _answered(outputs, task, language, encoded, labels)
    return dict(found)


def layer_groups(scores: Sequence[ScoreSpec]) -> Iterator[list[ScoreSpec]]:
    """Scores that differ in nothing but the layer, together."""
    groups: dict[ScoreSpec, list[ScoreSpec]] = {}
    for score in scores:
        groups.setdefault(replace(score, layer=0.0), []).append(score)
    yield from groups.values()


def _answered(outputs: Outputs, task: Task, language: str, encoded: Encoded, labels: Sequence[str]) -> Scored:
    kind = FORMATS[task.format]
    predictions = kind.decode(encoded.examples, encoded.features, outputs, labels)
    return kind.score(encoded.examples, predictions, task, language)


def _retrieved(
    predictor: Predictor,
    scores: Sequence[ScoreSpec],
    task: Task,
    language: str,
    pools: tuple[Encoded, Encoded | None],
) -> Iterator[tuple[ScoreSpec, Scored]]:
    """The score of each layer. `pools`: what is scored, and what a threshold is fitted on if that is another."""
    layers = [round(score.layer * predictor.net.depth) for score in scores]
    held = [pool for pool in pools if pool is not None]
    found = [predictor.vectors(layers, scores[0].pooling, pool.features) for pool in held]
    for score, vectors in zip(scores, zip(*found, strict=True), strict=True):
        scored, *others = (_pool(pool, outputs) for pool, outputs in zip(held, vectors, strict=True))
        kind = Retrieve(Terms(similarity=score.similarity, fitted_on=others[0] if others else None))
        yield score, kind.score(scored.examples, scored.predictions, task, language)


def _pool(encoded: Encoded, outputs: Outputs) -> Pool:
    return Pool(
        examples=encoded.examples, predictions=Retrieve().decode(encoded.examples, encoded.features, outputs, ())
    )
