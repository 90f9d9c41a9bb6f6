"""Predictors of transfer of an encoder for one task: the vectors that its head would read, and their labels."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweeper.data.entry import Encoded
from sweeper.formats.interface import IGNORED, Array
from sweeper.formats.table import properties_of
from sweeper.records.record import TransferPredictors
from sweeper.records.spec import DataSpec, PredictorSpec
from sweeper.scoring.transferability import h_score, knn_accuracy, knn_choice_accuracy, logme
from sweeper.training.heads import HEADS, Head
from sweeper.training.predict import Predictor
from sweeper.training.stage import DataReader
from sweeper.training.subwords import subword_counts
from sweeper.training.text_vectors import TextVectors

TOKEN_SEED = 0
"""Seed of the choice of one labelled token of each feature. It is constant, so that encoders are compared on the same
tokens."""


@dataclass(frozen=True, kw_only=True)
class LabelledVectors:
    """Vectors (n, hidden) with their labels (n,) and groups (n,). Rows of one group are not independent."""

    vectors: Array
    labels: Array
    groups: Array
    are_choices: bool
    """Whether a row is a choice of an item: its group is the item, and its label whether it is the right choice."""


def _knn(rows: LabelledVectors) -> float:
    accuracy = knn_choice_accuracy if rows.are_choices else knn_accuracy
    return accuracy(rows.vectors, rows.labels, rows.groups)


Measure = Callable[[LabelledVectors], float]
PREDICTORS: Mapping[str, Measure] = {
    "logme": lambda rows: logme(rows.vectors, rows.labels),
    "h_score": lambda rows: h_score(rows.vectors, rows.labels),
    "knn": _knn,
}
"""Name of a predictor -> its computation. Higher values predict better transfer."""


EMBEDDING = "embedding"
"""The cosine of the mean sentence vectors of two training sets (TextEmb, Vu et al. 2020, section 4.2).

The pretrained encoder computes all of them: each prepared encoder has its own geometry, so that their cosines cannot be
compared between recipes.
"""
SUBWORDS = "subword_overlap"
"""The share of the subwords of the target's training data that also occur in that of the last stage (each occurrence
counts)."""


def transfer_predictors(predictor: Predictor, spec: PredictorSpec, reader: DataReader) -> TransferPredictors:
    """The predictors of a net for the task of a target, whose data have one language.

    They need classes, and are not defined if all labels are equal. Raises TrialError if a vector is not finite.
    """
    values: dict[str, float] = {}
    seconds: dict[str, float] = {}
    num_rows = 0
    (encoded,) = reader.encoded(spec.data).values()
    properties = properties_of(reader.tasks[spec.data.task])
    if properties.has_classes:
        started = time.perf_counter()
        rows = labelled_vectors(predictor, encoded, HEADS[properties.head])
        pass_seconds, num_rows = time.perf_counter() - started, len(rows.labels)
        for name, measure in PREDICTORS.items() if len(np.unique(rows.labels)) > 1 else ():
            started = time.perf_counter()
            values[name] = measure(rows)
            seconds[name] = pass_seconds + time.perf_counter() - started
    return TransferPredictors(values=values, seconds=seconds, num_rows=num_rows)


def with_text_similarity(
    predictors: Mapping[str, TransferPredictors],
    vectors: TextVectors,
    specs: Sequence[PredictorSpec],
    sampled: Mapping[str, int],
) -> dict[str, TransferPredictors]:
    """Target -> its predictors, `embedding` and `subword_overlap`, for targets with the same sources.

    `vectors` has the pretrained encoder. `sampled` is the number of examples of each task that the last stage drew.
    """
    reader = vectors.reader
    source, source_seconds = _mean_text(vectors, specs[0].sources, sampled)
    added = dict(predictors)
    started = time.perf_counter()
    counts = [_subwords(data, reader) for data in specs[0].sources]
    occurs, counting_seconds = np.sum(counts, axis=0) > 0, time.perf_counter() - started
    for spec in specs:
        (language,) = spec.data.languages
        mean, computed = vectors.of(spec.data, language), predictors[spec.target]
        cosine = float(source @ mean.array / (np.linalg.norm(source) * np.linalg.norm(mean.array)))
        started = time.perf_counter()
        subwords = _subwords(spec.data, reader)
        overlap = float(subwords[occurs].sum() / subwords.sum())
        seconds_of_overlap = counting_seconds + time.perf_counter() - started
        added[spec.target] = replace(
            computed,
            values={**computed.values, EMBEDDING: cosine, SUBWORDS: overlap},
            seconds={**computed.seconds, EMBEDDING: source_seconds + mean.seconds, SUBWORDS: seconds_of_overlap},
        )
    return added


def _subwords(data: DataSpec, reader: DataReader) -> Array:
    """How often each subword occurs in the texts of all languages of the data, shape (vocabulary,)."""
    counts: Array = np.sum([subword_counts(texts, reader.tokenizer) for texts in reader.encoded(data).values()], axis=0)
    return counts


def _mean_text(vectors: TextVectors, sources: Sequence[DataSpec], sampled: Mapping[str, int]) -> tuple[Array, float]:
    """The mean sentence vector (hidden,) of the sources, and the seconds that it took.

    All texts of a task count alike, and tasks as they were sampled.
    """
    means, seconds = [], 0.0
    for data in sources:
        encoded = vectors.reader.encoded(data)
        sizes = [len(texts.features.offsets) - 1 for texts in encoded.values()]
        by_language = [vectors.of(data, language) for language in encoded]
        means.append(np.average([mean.array for mean in by_language], axis=0, weights=sizes))
        seconds += sum(mean.seconds for mean in by_language)
    mean: Array = np.average(means, axis=0, weights=[sampled[data.task] for data in sources])
    return mean, seconds


def labelled_vectors(predictor: Predictor, encoded: Encoded, head: type[Head]) -> LabelledVectors:
    """The last hidden states that a head would read: of the first token, or of one labelled token of each feature.

    One token of each sentence, because the tokens of one sentence are not independent examples.
    """
    features = encoded.features
    positions, labels = _targets(encoded, head)
    kept = labels != IGNORED
    if head.has_item_labels:
        groups = np.repeat(np.arange(len(features.items) - 1), np.diff(features.items))
    else:
        names = [encoded.examples[number].group for number in features.example.tolist()]
        groups = np.unique(names, return_inverse=True)[1]
    vectors = predictor.states(features, positions)[kept]
    return LabelledVectors(vectors=vectors, labels=labels[kept], groups=groups[kept], are_choices=head.has_item_labels)


def _targets(encoded: Encoded, head: type[Head]) -> tuple[Array, Array]:
    """For each feature the position of a token (n,), and the label of the feature or of this token (n,)."""
    features = encoded.features
    num, given = len(features.offsets) - 1, np.asarray(features.labels[head.labels])
    first = np.zeros(num, dtype=np.int64)
    if head.has_item_labels:
        items = np.repeat(np.arange(len(features.items) - 1), np.diff(features.items))
        choice = np.arange(num) - np.asarray(features.items)[items]
        return first, np.where(given[items] == IGNORED, IGNORED, choice == given[items])
    if head.labels not in head.token_labels:
        return first, given
    random, labels = np.random.default_rng(TOKEN_SEED), np.full(num, IGNORED)
    for number, (start, end) in enumerate(zip(features.offsets[:-1], features.offsets[1:], strict=True)):
        labelled = np.flatnonzero(given[start:end] != IGNORED)
        if len(labelled):
            first[number] = random.choice(labelled)
            labels[number] = given[start + first[number]]
    return first, labels
