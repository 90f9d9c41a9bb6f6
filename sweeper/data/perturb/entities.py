"""Entity swap: an entity of a tagged sentence is replaced by another one of its type from the data set."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sweeper.data.perturb.draws import Draws
from sweeper.formats.interface import Example
from sweeper.scoring.chunks import chunks


class Entity(NamedTuple):
    """The words from `start` to `end` of a sentence."""

    start: int
    end: int
    type: str


class Entities:
    """The entities of a data set by their type and number of words."""

    def __init__(self, examples: Iterable[Example]) -> None:
        texts: dict[tuple[str, int], set[tuple[str, ...]]] = defaultdict(set)
        for example in examples:
            tokens = example.fields["tokens"]
            for start, end, name in entities(example.fields["tags"]):
                texts[name, end - start].add(tuple(tokens[start:end]))
        # Sorted, because the order of a set differs between processes.
        self._texts = {kind_and_size: sorted(same) for kind_and_size, same in texts.items()}

    def swapped(self, example: Example, draws: Draws, budget: float) -> Example:
        """The example with a share of its entities replaced by others of the same type and number of words.

        Each word keeps its tag. An entity that is the only one of its type and size stays.
        """
        tokens = list(example.fields["tokens"])
        for start, end, name in entities(example.fields["tags"]):
            old, purpose = tuple(tokens[start:end]), f"entity {start}"
            candidates = [text for text in self._texts.get((name, end - start), ()) if text != old]
            if candidates and draws.share(purpose) < budget:
                tokens[start:end] = candidates[draws.index(f"{purpose} other", len(candidates))]
        return replace(example, fields={**example.fields, "tokens": tokens})


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of tags such as B-PER I-PER O, in order. An I- tag that continues no entity begins one."""
    return [Entity(first, last + 1, name) for name, first, last in chunks([tags])]
