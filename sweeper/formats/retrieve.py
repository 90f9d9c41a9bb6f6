"""Sentence retrieval: parallel sentences that find each other (Tatoeba), pairs mined from two pools (BUCC)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import DataError
from sweeper.formats.fields import Line, bad, field_of, group_of, has, id_of, text_of, texts_of
from sweeper.formats.interface import Answered, Example, Features, HeadKind, Lengths, Outputs
from sweeper.formats.outcomes import check_scorable, outcome, scorer_of
from sweeper.formats.vectors import Vectors, one_feature_a_text, used_up, vectors_of
from sweeper.scoring.accuracy import accuracy, accuracy_counts
from sweeper.scoring.counts import precision_recall_f1
from sweeper.scoring.mining import Candidate, Pair, best_threshold, fitted_half, mine
from sweeper.scoring.nearest import Search
from sweeper.scoring.neighbours import translations_found
from sweeper.scoring.scorers import Scored
from sweeper.tasks.spec import ScorerName, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How retrieval is scored, where its task leaves it open."""

    similarity: str = "cosine"
    """Of parallel sentences: `cosine` or `csls`."""
    fitted_on: Answered | None = None
    """Mining: what the threshold is fitted on, whole, which may be what is scored; None: one half of what is scored."""
    search: Search | None = None
    """What finds the nearest, with the same answer whoever it is; None: numpy or faiss."""


PLAIN = Terms()


class Retrieve:
    """Sentence vectors, without any head that is trained.

    Two shapes: a row with a source and a target text is one example, of two features. A row with lists of source and
    target texts and `gold`, the 1-based index pairs of those that belong together, is a pool: an example a sentence.
    """

    head: HeadKind = "pool"

    def __init__(self, terms: Terms = PLAIN) -> None:
        self.terms = terms

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        """Examples with fields source and target; or with side, text and partner (an id, None for a filler)."""
        line = Line(row=row, task=task, number=number)
        if has(line, "gold"):
            return _read_pool(line)
        name = id_of(line)
        fields = {"source": text_of(line, "source"), "target": text_of(line, "target")}
        return [Example(id=name, group=group_of(line, name), fields=fields)]

    def encode(
        self, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", lengths: Lengths, labels: Sequence[str]
    ) -> Features:
        """A feature a sentence, cut at max_length; the source before the target where an example has both."""
        return one_feature_a_text([_texts(example) for example in examples], tokenizer, lengths)

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> Vectors:
        """The vectors (features, hidden) of each example: row 0 the source or the only sentence, row 1 the target."""
        return vectors_of(features, outputs)

    def score(self, examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> Scored:
        """`neighbours`: accuracy; trivial: 1 / sentences. `mining`: F1, precision, recall; trivial: 0.

        Mining uses up what `decode` gave, so that the vectors of a large pool are held once: score it once.
        """
        check_scorable(examples, predictions, task, language)
        return scorer_of(task, _SCORERS)(Answered(examples=examples, predictions=predictions), self.terms)


def _texts(example: Example) -> list[str]:
    fields = example.fields
    return [fields["text"]] if "side" in fields else [fields["source"], fields["target"]]


def _read_pool(line: Line) -> list[Example]:
    """Sentences `source-1`, `source-2` ... and `target-1` ..., numbered as `gold` does."""
    texts = {side: texts_of(line, side) for side in ("source", "target")}
    partners: dict[str, str] = {}
    for pair in field_of(line, "gold"):
        source, target = (int(index) for index in pair)
        if not (0 < source <= len(texts["source"]) and 0 < target <= len(texts["target"])):
            sizes = f"{len(texts['source'])} sources and {len(texts['target'])} targets"
            raise bad(line, f"gold pairs count sentences from 1, got {list(pair)} with {sizes}.")
        names = f"source-{source}", f"target-{target}"
        # Matching is one to one: a second partner could never be found beside the first.
        if names[0] not in partners and names[1] not in partners:
            partners |= {names[0]: names[1], names[1]: names[0]}
    return [
        _sentence(f"{side}-{number}", side, text, partners)
        for side, some in texts.items()
        for number, text in enumerate(some, start=1)
    ]


def _sentence(name: str, side: str, text: str, partners: Mapping[str, str]) -> Example:
    partner = partners.get(name)
    # Both members of a pair are in one group: they are kept or left out together.
    group = name if partner is None else min(name, partner)
    fields = {"side": side, "text": text, "partner": partner}
    return Example(id=name, group=group, fields=fields, filler=partner is None)


def _score_neighbours(pool: Answered, terms: Terms) -> Scored:
    """The target sentences (English) search the source sentences, XTREME's direction."""
    examples = pool.examples
    source, target = (np.stack([vectors[side] for vectors in pool.predictions]) for side in (0, 1))
    found = translations_found(target, source, terms.similarity, terms.search)
    rows = [accuracy_counts(number, int(index)) for number, index in enumerate(found)]
    lines = zip(examples, found, rows, strict=True)
    return Scored(
        metrics=accuracy(rows),
        trivial={"accuracy": 1 / len(examples)},
        outcomes=[outcome(example, examples[index].id, row) for example, index, row in lines],
    )


def _score_mining(pool: Answered, terms: Terms) -> Scored:
    """Pairs above a threshold fitted on another pool, or else on half of the sources; the others are scored then."""
    candidates, gold = _candidates(pool, terms.search), _gold(pool)
    if terms.fitted_on is None:
        half = _half(pool)
        threshold = best_threshold([one for one in candidates if one.source in half], {p for p in gold if p[0] in half})
    else:
        half, fitted_on = set(), terms.fitted_on
        itself = fitted_on.predictions is pool.predictions  # its vectors are used up
        known = candidates if itself else _candidates(fitted_on, terms.search)
        threshold = best_threshold(known, _gold(fitted_on))
    scored = {pair for pair in gold if pair[0] not in half}
    mined = {(one.source, one.target) for one in candidates if one.source not in half and one.margin >= threshold}
    precision, recall, f1 = precision_recall_f1(len(mined & scored), len(mined), len(scored))
    return Scored(
        metrics={"f1": f1, "precision": precision, "recall": recall},
        trivial={"f1": 0.0, "precision": 0.0, "recall": 0.0},
        outcomes=[_pair_row(pair, mined, scored) for pair in sorted(mined | scored)],
    )


def _half(pool: Answered) -> set[str]:
    """Ids of the source sentences that the threshold is fitted on (see `fitted_half`)."""
    sources = [example for example in pool.examples if example.fields["side"] == "source"]
    paired, unpaired = ([one.id for one in sources if one.filler == filler] for filler in (False, True))
    if len(paired) < 2:
        raise DataError(f"Mining needs two gold pairs or more, to fit on one and score the other, got {len(paired)}.")
    return fitted_half(paired, unpaired)


def _gold(pool: Answered) -> set[Pair]:
    """The pairs that belong together. Raises DataError if there are none."""
    found = {(e.id, e.fields["partner"]) for e in pool.examples if e.fields["side"] == "source" and not e.filler}
    if not found:
        raise DataError(f"Mining needs gold pairs in every pool, got none among {len(pool.examples)} sentences.")
    return found


def _candidates(pool: Answered, search: Search | None) -> list[Candidate]:
    """Matched sentences; uses the pool's vectors up.

    A text that stands twice in its pool is one sentence and is never mined, as in XTREME.
    """
    examples, sides = pool.examples, []
    for side in ("source", "target"):
        texts = {n: one.fields["text"].strip() for n, one in enumerate(examples) if one.fields["side"] == side}
        first = {text: n for n, text in reversed(texts.items())}
        sides.append((sorted(first.values()), Counter(texts.values())))
    (x, x_times), (y, y_times) = sides
    if not x or not y:
        raise DataError(f"Mining needs sentences on both sides, got {len(x)} sources and {len(y)} targets.")
    source, target = used_up(pool.predictions, (x, y))
    pairs = mine(source, target, search=search, in_place=True)
    named = [(examples[x[i]], examples[y[j]], margin) for i, j, margin in pairs]
    return [
        Candidate(source=here.id, target=there.id, margin=margin)
        for here, there, margin in named
        if x_times[here.fields["text"].strip()] == y_times[there.fields["text"].strip()] == 1
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


_SCORERS: Mapping[ScorerName, Callable[[Answered, Terms], Scored]] = {
    "neighbours": _score_neighbours,
    "mining": _score_mining,
}
