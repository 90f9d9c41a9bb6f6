"""Retrieval by a trained encoder: queries rank candidates, of which several can be right (LAReQA, Mewsli-X)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import DataError
from sweeper.formats.fields import Line, answers_of, bad, field_of, group_of, has, id_of, sha, text_of
from sweeper.formats.interface import Array, Example, Features, HeadKind, Lengths, Outputs
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.sentences import Stretch, sentences
from sweeper.formats.vectors import Vectors, one_feature_a_text, vectors_of
from sweeper.scoring.nearest import Search, nearest, unit_vectors
from sweeper.scoring.ranking import DEPTH, average_precision, expected_average_precision, mean_average_precision
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_SCORERS = {"ranking": mean_average_precision}


class Rank:
    """Queries and candidates as vectors of one encoder; what belongs together has the same key.

    A row is a pair where the task declares a query and a candidate, a query where it declares no candidate, a candidate
    where it declares no query. Where it declares a context, the candidates are its sentences, each with the whole
    context behind it as in XTREME-R; the one in which the first answer begins is the right one.
    """

    head: HeadKind = "dual"

    def __init__(self, search: Search | None = None) -> None:
        self.search = search

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """Examples with fields query and key, candidate too in a pair; or with candidate and keys.

        No pair where no sentence holds the answer. The key is the row's id unless the task declares one.
        """
        line = Line(row=row, task=task, number=number)
        key = str(field_of(line, "key")) if has(line, "key") else id_of(line)
        if not has(line, "query"):
            return _candidates(line, key)
        fields = {"query": text_of(line, "query"), "key": key}
        if has(line, "candidate") or has(line, "context"):
            right = next((one.fields["candidate"] for one in _candidates(line, key) if one.fields["keys"]), None)
            if right is None:
                return []
            fields["candidate"] = right
        return [Example(id=id_of(line), group=sha(group_of(line, key)), fields=fields)]

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """A feature a text, cut at max_length; the query before the candidate in a pair."""
        texts = [_texts(example) for example in examples]
        right = np.array([_hash(some[-1]) for some in texts], dtype=np.int32)
        return one_feature_a_text(texts, tokenizer, lengths, {"right": right})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> Vectors:
        """The vectors (features, hidden) of each example: row 0 the query or the only text, row 1 the candidate."""
        return vectors_of(features, outputs)

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """`map20`: mean average precision at 20 of the queries over all candidates, ties to the first candidate.

        Queries and candidates are among the examples, alone or as pairs; candidates of equal text that come in pairs
        are one, right for each of their queries. Trivial: what a random order is expected to score.
        """
        check_scorable(examples, predictions, task, language)
        total = scorer_of(task, _SCORERS)
        queries = [number for number, example in enumerate(examples) if "query" in example.fields]
        pool = _pool(examples, predictions)
        if not queries or not pool.names:
            raise DataError(
                f"Task {task.name!r} in {language!r} needs queries and candidates, got {len(queries)} and "
                f"{len(pool.names)}: declare a candidate or a context in its columns, or name a pool."
            )
        vectors = unit_vectors([predictions[number][0] for number in queries])
        ranked = nearest(vectors, unit_vectors(pool.vectors), DEPTH, self.search)[1]
        rows = [_row(examples[number], found, pool) for number, found in zip(queries, ranked.tolist(), strict=True)]
        chance = [{"average_precision": expected_average_precision(row["right"], len(pool.names))} for row in rows]
        return Scored(metrics=total(rows), trivial=total(chance), outcomes=rows)


@dataclass(kw_only=True)
class _Pool:
    """Candidates in the order they are ranked in among equals."""

    names: list[str] = field(default_factory=list)
    vectors: list[Array] = field(default_factory=list)
    right: dict[str, set[int]] = field(default_factory=dict)
    """Key -> numbers of the candidates that are right for its queries."""


def _pool(examples: Sequence[Example], predictions: Sequence[Any]) -> _Pool:
    pool = _Pool()
    seen: dict[str, int] = {}
    for example, vectors in zip(examples, predictions, strict=True):
        if "candidate" not in example.fields:
            continue
        is_pair = "query" in example.fields
        name = sha(example.fields["candidate"]) if is_pair else example.id
        if name not in seen:
            seen[name] = len(pool.names)
            pool.names.append(name)
            pool.vectors.append(vectors[-1])
        for key in [example.fields["key"]] if is_pair else example.fields["keys"]:
            pool.right.setdefault(key, set()).add(seen[name])
    return pool


def _row(query: Example, found: Sequence[int], pool: _Pool) -> dict[str, Any]:
    right = pool.right.get(query.fields["key"], set())
    hits = [rank for rank, number in enumerate(found, start=1) if number in right]
    counts = {"average_precision": average_precision(hits, len(right)), "found": len(hits), "right": len(right)}
    return outcome(query, [pool.names[number] for number in found], counts)


def _texts(example: Example) -> list[str]:
    return [example.fields[name] for name in ("query", "candidate") if name in example.fields]


def _hash(text: str) -> int:
    return int(sha(text)[:7], 16)


def _candidates(line: Line, key: str) -> list[Example]:
    """The row's candidates, those that are right for its key with it in `keys`."""
    if not has(line, "context"):
        fields = {"candidate": text_of(line, "candidate"), "keys": [key]}
        return [Example(id=id_of(line), group=sha(key), fields=fields)]
    context = text_of(line, "context")
    paragraph = sha(context)
    starts = answers_of(line)[1][:1]
    found = []
    for number, (first, last) in enumerate(_stretches(line, context)):
        keys = [key] if any(first <= start < last for start in starts) else []
        text = (context[first:last] + context).replace("\n", "")
        found.append(Example(id=f"{paragraph}-{number}", group=paragraph, fields={"candidate": text, "keys": keys}))
    return found


def _stretches(line: Line, context: str) -> list[Stretch]:
    """The sentences that the row declares, or else those that its punctuation shows."""
    if not has(line, "breaks"):
        return sentences(context)
    breaks = field_of(line, "breaks")
    try:
        found = [(int(first), int(last)) for first, last in breaks]
    except (TypeError, ValueError):
        found = [(0, 0)]
    if not all(0 <= first < last <= len(context) for first, last in found):
        raise bad(line, f"sentence breaks are pairs of first and last character in the context, got {breaks!r}.")
    return found
