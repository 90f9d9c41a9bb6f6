"""Ranked retrieval with a trained encoder: queries rank candidates, several of them correct (LAReQA, Mewsli-X)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import DataError
from sweeper.formats.fields import (
    Line,
    answers_of,
    field_of,
    group_of,
    id_of,
    is_declared,
    row_error,
    short_hash,
    text_of,
)
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
    Array,
    Example,
    Features,
    Lengths,
    Outputs,
    Properties,
    RowLabel,
    ScoreSettings,
    Summary,
)
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.sentences import Stretch, sentences
from sweeper.formats.vectors import Vectors, feature_per_text, vectors_of
from sweeper.scoring.nearest import nearest, unit_vectors
from sweeper.scoring.ranking import DEPTH, average_precision, expected_average_precision, mean_average_precision
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

QUERY = "query"


def num_features(task: Task) -> int:
    """2 for a task of pairs, 1 for a task of queries or of candidates alone."""
    is_pair = QUERY in task.columns and bool({"candidate", "context"} & set(task.columns))
    return 2 if is_pair else 1


def _has_queries(task: Task) -> bool:
    """Whether a row of a task is a query or a pair, and not only candidates, which several rows may share."""
    return QUERY in task.columns


def _has_candidate(line: Line) -> bool:
    """Whether a row has an example: with a context, one of its sentences needs to have the answer."""
    if not is_declared(line, "context"):
        return True
    starts = answers_of(line)[1][:1]
    return any(first <= start < last for start in starts for first, last in _stretches(line, text_of(line, "context")))


class Rank:
    """Encodes queries and candidates as vectors with one encoder. A query and its correct candidates share a key.

    A row is a pair if the task declares a query and a candidate. If the task declares only one of them, each row is a
    query or a candidate. If the task declares a context, the candidates are its sentences, each followed by the whole
    context as in XTREME-R; the sentence in which the first answer starts is the correct one.

    Fields: query and key, and candidate or else context, answers, breaks (sentence boundaries); optionally id, group.
    """

    properties = Properties(
        scorers=("ranking",),
        usual={
            QUERY: (QUERY, "question", "anchor"),
            "candidate": ("candidate", "positive", "answer", "passage", "document"),
            "key": ("key",),
        },
        required=(QUERY, "candidate"),
        named=("context", "answers"),
        head="dual",
        row_label=RowLabel(
            fields=(QUERY, "context", "answers", "breaks"), has_example=_has_candidate, applies=_has_queries
        ),
        query_field=QUERY,
        num_features=num_features,
    )

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """Examples with the fields query and key, and candidate in a pair; or with the fields candidate and keys.

        A pair whose context has no sentence with the answer gives no example. The key is the id of the row unless the
        task declares one.
        """
        line = Line(row=row, task=task, number=number)
        key = str(field_of(line, "key")) if is_declared(line, "key") else id_of(line)
        if not is_declared(line, QUERY):
            return _candidates(line, key)
        fields = {QUERY: text_of(line, QUERY), "key": key}
        if is_declared(line, "candidate") or is_declared(line, "context"):
            correct = next((each.fields["candidate"] for each in _candidates(line, key) if each.fields["keys"]), None)
            if correct is None:
                return []
            fields["candidate"] = correct
        return [Example(id=id_of(line), group=short_hash(group_of(line, key)), fields=fields)]

    def summary(self, example: Example) -> Summary:
        """The query and its candidate, or one of them, and the keys that connect them."""
        fields = example.fields
        keys = [fields["key"]] if QUERY in fields else fields["keys"]
        texts = {name: fields[name] for name in (QUERY, "candidate") if name in fields}
        return Summary(texts=texts, facts={"key": ", ".join(keys) or "none"}, labels=(" and ".join(texts),))

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """One feature per text, truncated to max_length; in a pair the query comes before the candidate."""
        texts = [_texts(example) for example in examples]
        right = np.array([_hash(pair[-1]) for pair in texts], dtype=np.int32)
        return feature_per_text(texts, tokenizer, lengths, {"right": right})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> Vectors:
        """The vectors (features, hidden) of each example: row 0 is the query or the only text, row 1 the candidate."""
        return vectors_of(features, outputs)

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        """`map20`: mean average precision at 20 of the queries over all candidates; ties go to the first candidate.

        The examples contain queries and candidates, alone or as pairs. Candidates of pairs with equal text count as one
        candidate, which is correct for each of their queries. Trivial: the expected value of a random order.
        """
        check_scorable(examples, predictions, task, language)
        total = scorer_of(task, _SCORERS)
        queries = [number for number, example in enumerate(examples) if QUERY in example.fields]
        pool = _pool(examples, predictions)
        if not queries or not pool.names:
            raise DataError(
                f"Task {task.name!r} in {language!r} needs queries and candidates, got {len(queries)} and "
                f"{len(pool.names)}: declare a candidate or a context in its columns, or name a pool."
            )
        vectors = unit_vectors([predictions[number][0] for number in queries])
        ranked = nearest(vectors, unit_vectors(pool.vectors), DEPTH, settings.search)[1]
        rows = [_row(examples[number], ranking, pool) for number, ranking in zip(queries, ranked.tolist(), strict=True)]
        chance = [{"average_precision": expected_average_precision(row["right"], len(pool.names))} for row in rows]
        return Scored(metrics=total(rows), trivial=total(chance), outcomes=rows)


@dataclass(kw_only=True)
class _Pool:
    """Candidates, in the order that breaks ties."""

    names: list[str] = field(default_factory=list)
    vectors: list[Array] = field(default_factory=list)
    right: dict[str, set[int]] = field(default_factory=dict)
    """Key -> numbers of the candidates that are correct for its queries."""


def _pool(examples: Sequence[Example], predictions: Sequence[Any]) -> _Pool:
    pool = _Pool()
    seen: dict[str, int] = {}
    for example, vectors in zip(examples, predictions, strict=True):
        if "candidate" not in example.fields:
            continue
        is_pair = QUERY in example.fields
        # Pairs have no id for their candidate, so equal texts are recognised by their hash.
        name = short_hash(example.fields["candidate"]) if is_pair else example.id
        if name not in seen:
            seen[name] = len(pool.names)
            pool.names.append(name)
            pool.vectors.append(vectors[-1])  # the candidate is the last text of an example
        for key in [example.fields["key"]] if is_pair else example.fields["keys"]:
            pool.right.setdefault(key, set()).add(seen[name])
    return pool


def _row(query: Example, ranking: Sequence[int], pool: _Pool) -> dict[str, Any]:
    right = pool.right.get(query.fields["key"], set())
    hits = [rank for rank, number in enumerate(ranking, start=1) if number in right]
    counts = {"average_precision": average_precision(hits, len(right)), "found": len(hits), "right": len(right)}
    return outcome(query, [pool.names[number] for number in ranking], counts)


def _texts(example: Example) -> list[str]:
    return [example.fields[name] for name in (QUERY, "candidate") if name in example.fields]


def _hash(text: str) -> int:
    # 7 hexadecimal digits fit into int32.
    return int(short_hash(text)[:7], 16)


def _candidates(line: Line, key: str) -> list[Example]:
    """The candidates of a row; `keys` contains the key of the row in those that are correct for it."""
    if not is_declared(line, "context"):
        fields = {"candidate": text_of(line, "candidate"), "keys": [key]}
        return [Example(id=id_of(line), group=short_hash(key), fields=fields)]
    context = text_of(line, "context")
    paragraph = short_hash(context)
    starts = answers_of(line)[1][:1]
    candidates = []
    for number, (first, last) in enumerate(_stretches(line, context)):
        keys = [key] if any(first <= start < last for start in starts) else []
        # XTREME-R appends the whole context to the sentence and removes line breaks.
        text = (context[first:last] + context).replace("\n", "")
        fields = {"candidate": text, "keys": keys}
        candidates.append(Example(id=f"{paragraph}-{number}", group=paragraph, fields=fields))
    return candidates


def _stretches(line: Line, context: str) -> list[Stretch]:
    """The sentences of a context: as declared by the row, otherwise split by punctuation."""
    if not is_declared(line, "breaks"):
        return sentences(context)
    breaks = field_of(line, "breaks")
    try:
        stretches = [(int(first), int(last)) for first, last in breaks]
    except (TypeError, ValueError):
        stretches = [(0, 0)]  # refused below with the message for all malformed breaks
    if not all(0 <= first < last <= len(context) for first, last in stretches):
        raise row_error(line, f"sentence breaks are pairs of first and last character in the context, got {breaks!r}.")
    return stretches


_SCORERS = {"ranking": mean_average_precision}
