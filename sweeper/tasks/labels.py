"""The labels of another task: `Task.label_map` lets a head that was trained on one label set be scored on another."""

from collections.abc import Iterable, Mapping

OUTSIDE = "O"
"""The tag of a word outside of all spans."""
PREFIXES = ("B-", "I-")
"""Beginnings of the tags of a span's first word and of its other words."""


def mapped(label: str, label_map: Mapping[str, str]) -> str:
    """The label in the other set. The tags of a span change together, because a map names the types of spans."""
    new = label_map.get(type_of(label), type_of(label))
    return new if new == OUTSIDE or not label.startswith(PREFIXES) else label[:2] + new


def all_mapped(labels: Iterable[str], label_map: Mapping[str, str]) -> tuple[str, ...]:
    """The different labels of a set in the other set, in the order of their first occurrence."""
    return tuple(dict.fromkeys(mapped(label, label_map) for label in labels))


def types_of(labels: Iterable[str]) -> tuple[str, ...]:
    """What the keys of a map can be: types of spans, and labels that are no tags of spans."""
    return tuple(dict.fromkeys(map(type_of, labels)))


def type_of(label: str) -> str:
    """The type of a span's tag (`PER` of `B-PER`), or the label itself."""
    return label[2:] if label.startswith(PREFIXES) else label
