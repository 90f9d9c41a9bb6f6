"""What a net scores: outputs, answers and metrics of each language, by a trained head or by sentence vectors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sweeper.data.encode import Encoded
from sweeper.formats.interface import Answered, Outputs
from sweeper.formats.retrieve import Retrieve, Terms
from sweeper.formats.table import FORMATS, searched_by
from sweeper.records.spec import DataSpec, ScoreSpec
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task
from sweeper.training.nearest import search_on
from sweeper.training.predict import Predictor
from sweeper.training.stage import DataReader

ByLanguage = Mapping[str, Scored]


def select(predictor: Predictor, data: DataSpec, reader: DataReader) -> dict[str, float]:
    """Metrics on the selection data of one task, the mean of its languages."""
    task = reader.tasks[data.task]
    kind, found = searched_by(task.format, search_on(predictor.device)), []
    for language, encoded in reader.encoded(data).items():
        asked = _asked(predictor, task, data.task, encoded, encoded.labels)
        found.append(kind.score(asked.examples, asked.predictions, task, language).metrics)
    return {metric: sum(one[metric] for one in found) / len(found) for metric in found[0]}


def evaluate(predictor: Predictor, scores: Sequence[ScoreSpec], reader: DataReader) -> dict[ScoreSpec, ByLanguage]:
    """What each of the scores comes to. They differ in nothing but the layer: the net passes over a language once."""
    first = scores[0]
    task = reader.tasks[first.target]
    found: dict[ScoreSpec, dict[str, Scored]] = {score: {} for score in scores}
    candidates = _candidates(predictor, first, reader)
    head, kind = task.training_task, searched_by(task.format, search_on(predictor.device))
    for language, encoded in reader.encoded(first.data).items():
        if first.pooling:
            fitted_on = reader.encoded(first.fit)[language] if first.fit else None
            for score, one in _retrieved(predictor, scores, task, language, (encoded, fitted_on)):
                found[score][language] = one
        else:
            asked = _asked(predictor, task, head, encoded, reader.labels(head))
            examples, predictions = asked.examples, asked.predictions
            for pool in candidates:
                examples, predictions = [*examples, *pool.examples], [*predictions, *pool.predictions]
            found[first][language] = kind.score(examples, predictions, task, language)
    return dict(found)


def layer_groups(scores: Sequence[ScoreSpec]) -> Iterator[list[ScoreSpec]]:
    """Scores that differ in nothing but the layer, together."""
    groups: dict[ScoreSpec, list[ScoreSpec]] = {}
    for score in scores:
        groups.setdefault(replace(score, layer=0.0), []).append(score)
    yield from groups.values()


def _asked(predictor: Predictor, task: Task, head: str, encoded: Encoded, labels: Sequence[str]) -> Answered:
    """Examples and what a trained head says of each."""
    outputs = predictor.heads(head, encoded.features)
    predictions = FORMATS[task.format].decode(encoded.examples, encoded.features, outputs, labels)
    return Answered(examples=encoded.examples, predictions=predictions)


def _candidates(predictor: Predictor, score: ScoreSpec, reader: DataReader) -> list[Answered]:
    """The candidates of each language that the score's queries search; none where its task has no pool."""
    if score.pool is None:
        return []
    task, head = reader.tasks[score.target], reader.tasks[score.target].training_task
    return [_asked(predictor, task, head, one, reader.labels(head)) for one in reader.encoded(score.pool).values()]


def _retrieved(
    predictor: Predictor,
    scores: Sequence[ScoreSpec],
    task: Task,
    language: str,
    pools: tuple[Encoded, Encoded | None],
) -> Iterator[tuple[ScoreSpec, Scored]]:
    """The score of each layer. `pools`: what is scored, and what a threshold is fitted on, which may be the same."""
    own, fitted_on = pools
    layers = {score: round(score.layer * predictor.net.depth) for score in scores}
    once = list(dict.fromkeys(layers.values()))
    held = [own] if fitted_on is None or fitted_on is own else [own, fitted_on]
    found = [predictor.vectors(once, scores[0].pooling, pool.features) for pool in held]
    terms = Terms(similarity=scores[0].similarity, search=search_on(predictor.device))
    for layer in once:
        answered = (_vectors_of(pool, next(vectors)) for pool, vectors in zip(held, found, strict=True))
        scored = _scored(answered, terms, task, language, fits=fitted_on is not None)
        yield from ((score, scored) for score in scores if layers[score] == layer)


def _scored(pools: Iterable[Answered], terms: Terms, task: Task, language: str, *, fits: bool) -> Scored:
    """Nothing of the pools outlives the call: their vectors can be most of the memory."""
    pool, *others = pools
    kind = Retrieve(replace(terms, fitted_on=(*others, pool)[0] if fits else None))
    return kind.score(pool.examples, pool.predictions, task, language)


def _vectors_of(encoded: Encoded, outputs: Outputs) -> Answered:
    examples = encoded.examples
    return Answered(examples=examples, predictions=Retrieve().decode(examples, encoded.features, outputs, ()))
