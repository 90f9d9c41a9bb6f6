"""Sentence retrieval: the nearest parallel sentence (Tatoeba), or mining of pairs from two pools (BUCC)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import DataError
from sweeper.formats.fields import Line, field_of, group_of, id_of, is_declared, row_error, text_of, texts_of
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
    Example,
    Features,
    Lengths,
    Outputs,
    PredictedExamples,
    Properties,
    RowLabel,
    ScoreSettings,
    Summary,
)
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.vectors import Vectors, feature_per_text, take_vectors, vectors_of
from sweeper.scoring.accuracy import accuracy, accuracy_counts
from sweeper.scoring.counts import precision_recall_f1
from sweeper.scoring.mining import Candidate, Pair, best_threshold, fitted_half, mine
from sweeper.scoring.nearest import Search
from sweeper.scoring.neighbours import nearest_translations
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def num_features(_: Task) -> int:
    """A source and a target sentence."""
    return 2


def _has_pairs(task: Task) -> bool:
    """Whether the rows of a task are pairs of sentences, and not whole pools."""
    return "gold" not in task.columns


def _is_always(_: Line) -> bool:
    return True


class Retrieve:
    """Compares sentence vectors of the encoder. No head is trained.

    A row has one of two forms. With a source and a target text it is one example of two features. With lists of source
    and target texts and `gold`, the 1-based index pairs of translations, it is a pool with one example per sentence.

    Fields: source, target, and optionally gold, id, group.
    """

    properties = Properties(
        scorers=("neighbours", "mining"),
        usual={
            "source": ("source", "sentence1", "src", "text1"),
            "target": ("target", "sentence2", "tgt", "text2"),
            "gold": ("gold",),
        },
        required=("source", "target"),
        row_label=RowLabel(fields=("source",), has_example=_is_always, applies=_has_pairs),
        num_features=num_features,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """Examples with the fields source and target; or with side, text and partners (ids, none for a filler)."""
        line = Line(row=row, task=task, number=number)
        if is_declared(line, "gold"):
            return _read_pool(line)
        name = id_of(line)
        fields = {"source": text_of(line, "source"), "target": text_of(line, "target")}
        return [Example(id=name, group=group_of(line, name), fields=fields)]

    def summary(self, example: Example) -> Summary:
        """Source and target, or a sentence of a pool and its partners."""
        if "side" not in example.fields:
            return Summary(texts=dict(zip(("source", "target"), _texts(example), strict=True)), labels=("pair",))
        side, partners = example.fields["side"], example.fields["partners"]
        kind = f"{side} {'with' if partners else 'without'} a translation"
        return Summary(
            texts={side: example.fields["text"]}, facts={"partners": ", ".join(partners) or "none"}, labels=(kind,)
        )

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature per sentence, truncated to max_length; the source comes before the target of the same example."""
        return feature_per_text([_texts(example) for example in examples], tokenizer, lengths)

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> Vectors:
        """The vectors (features, hidden) of each example: row 0 the source or the only sentence, row 1 the target."""
        return vectors_of(features, outputs)

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`neighbours`: accuracy; trivial: 1 / sentences. `mining`: F1, precision, recall; trivial: 0.

        Mining overwrites the vectors returned by `decode`, so that a large pool is in memory only once. Call it only
        once for the same predictions.
        """
        check_scorable(examples, predictions, task, language)
        return scorer_of(task, _SCORERS)(PredictedExamples(examples=examples, predictions=predictions), settings)


def _texts(example: Example) -> list[str]:
    fields = example.fields
    return [fields["text"]] if "side" in fields else [fields["source"], fields["target"]]


def _read_pool(line: Line) -> list[Example]:
    """One example per sentence: `source-1`, `source-2` ... and `target-1` ..., with the numbers used in `gold`."""
    texts = {side: texts_of(line, side) for side in ("source", "target")}
    partners: dict[str, list[str]] = defaultdict(list)
    for pair in field_of(line, "gold"):
        source, target = (int(index) for index in pair)
        if not (0 < source <= len(texts["source"]) and 0 < target <= len(texts["target"])):
            sizes = f"{len(texts['source'])} sources and {len(texts['target'])} targets"
            raise row_error(line, f"gold pairs are sentence numbers from 1, got {list(pair)} with {sizes}.")
        names = f"source-{source}", f"target-{target}"
        # Matching is one to one, so at most one of several partners is found. As in XTREME, all of them are gold pairs.
        for name, partner in (names, names[::-1]):
            partners[name].append(partner)
    groups = _groups(partners)
    return [
        _sentence(f"{side}-{number}", side, text, partners, groups)
        for side, pool in texts.items()
        for number, text in enumerate(pool, start=1)
    ]


def _groups(partners: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Id of each sentence with a partner -> the smallest id among the sentences that gold pairs connect with it."""
    groups: dict[str, str] = {}
    for first in sorted(partners):
        waiting = [first]
        while waiting:
            name = waiting.pop()
            if name not in groups:
                groups[name] = first
                waiting += partners[name]
    return groups


def _sentence(
    name: str, side: str, text: str, partners: Mapping[str, Sequence[str]], groups: Mapping[str, str]
) -> Example:
    fields = {"side": side, "text": text, "partners": sorted(set(partners.get(name, ())))}
    # All sentences of a group are one item, so a cap keeps or removes them together.
    return Example(id=name, group=groups.get(name, name), fields=fields, filler=name not in groups)


def _score_neighbours(pool: PredictedExamples, settings: ScoreSettings) -> Scored:
    """The target sentences (English) are the queries and the source sentences the pool, as in XTREME."""
    examples = pool.examples
    source, target = (np.stack([vectors[side] for vectors in pool.predictions]) for side in (0, 1))
    indices = nearest_translations(target, source, settings.similarity, settings.search)
    rows = [accuracy_counts(number, int(index)) for number, index in enumerate(indices)]
    triples = zip(examples, indices, rows, strict=True)
    return Scored(
        metrics=accuracy(rows),
        trivial={"accuracy": 1 / len(examples)},
        outcomes=[outcome(example, examples[index].id, row) for example, index, row in triples],
    )


def _score_mining(pool: PredictedExamples, settings: ScoreSettings) -> Scored:
    """Score the pairs above a threshold, which is fitted on another pool or on half of the sources.

    In the second case only the other half of the sources is scored.
    """
    candidates, gold = _candidates(pool, settings.search), _gold(pool)
    if settings.fitted_on is None:
        half = _half(pool)
        fitted_gold = {pair for pair in gold if pair[0] in half}
        threshold = best_threshold([candidate for candidate in candidates if candidate.source in half], fitted_gold)
    else:
        half, fitted_on = set(), settings.fitted_on  # all pairs are scored
        # The vectors of the scored pool have been overwritten by `_candidates` above.
        is_same_pool = fitted_on.predictions is pool.predictions
        fitted_candidates = candidates if is_same_pool else _candidates(fitted_on, settings.search)
        threshold = best_threshold(fitted_candidates, _gold(fitted_on))
    scored = {pair for pair in gold if pair[0] not in half}
    mined = {(each.source, each.target) for each in candidates if each.source not in half and each.margin >= threshold}
    precision, recall, f1 = precision_recall_f1(len(mined & scored), len(mined), len(scored))
    return Scored(
        metrics={"f1": f1, "precision": precision, "recall": recall},
        trivial={"f1": 0.0, "precision": 0.0, "recall": 0.0},
        outcomes=[_pair_row(pair, mined, scored) for pair in sorted(mined | scored)],
    )


def _half(pool: PredictedExamples) -> set[str]:
    """Ids of the source sentences that the threshold is fitted on (see `fitted_half`)."""
    sources = [example for example in pool.examples if example.fields["side"] == "source"]
    paired, unpaired = ([example.id for example in sources if example.filler == filler] for filler in (False, True))
    if len(paired) < 2:
        raise DataError(
            "Mining without a separate dev pool fits its threshold on half of the gold pairs and needs at least two, "
            f"got {len(paired)}."
        )
    return fitted_half(paired, unpaired)


def _gold(pool: PredictedExamples) -> set[Pair]:
    """The gold pairs of a pool. Raises DataError if there are none."""
    sources = [example for example in pool.examples if example.fields["side"] == "source"]
    pairs = {(example.id, partner) for example in sources for partner in example.fields["partners"]}
    if not pairs:
        raise DataError(f"Mining needs gold pairs in each pool, got none among {len(pool.examples)} sentences.")
    return pairs


def _candidates(pool: PredictedExamples, search: Search | None) -> list[Candidate]:
    """One-to-one matches between the two sides of a pool. Overwrites the vectors of the pool.

    A text that occurs twice on its side counts as one sentence and is never mined, as in XTREME.
    """
    examples, sides = pool.examples, []
    for side in ("source", "target"):
        texts = {n: e.fields["text"].strip() for n, e in enumerate(examples) if e.fields["side"] == side}
        # Reversed, so that the first occurrence of a text overwrites the later ones.
        first = {text: n for n, text in reversed(texts.items())}
        sides.append((sorted(first.values()), Counter(texts.values())))
    (x, x_times), (y, y_times) = sides
    if not x or not y:
        raise DataError(f"Mining needs sentences on both sides, got {len(x)} sources and {len(y)} targets.")
    # If all sources come before all targets, the numbers are ascending and take_vectors makes no copy.
    source, target = take_vectors(pool.predictions, (x, y))
    pairs = mine(source, target, search=search, in_place=True)
    named = [(examples[x[i]], examples[y[j]], margin) for i, j, margin in pairs]
    return [
        Candidate(source=first.id, target=second.id, margin=margin)
        for first, second, margin in named
        if x_times[first.fields["text"].strip()] == y_times[second.fields["text"].strip()] == 1
    ]


def _pair_row(pair: Pair, mined: set[Pair], gold: set[Pair]) -> dict[str, Any]:
    return {
        "example": "/".join(pair),
        "group": pair[0],
        "prediction": pair[1] if pair in mined else "",
        "mined": int(pair in mined),
        "gold": int(pair in gold),
        "correct": int(pair in mined and pair in gold),
    }


_SCORERS: Mapping[str, Callable[[PredictedExamples, ScoreSettings], Scored]] = {
    "neighbours": _score_neighbours,
    "mining": _score_mining,
}
