"""Distances between languages and their resources, from files that are made from URIEL+."""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "uriel"
"""The files and their licence, which is not that of the package."""
KINDS: Mapping[str, str] = {
    "syntactic": "features of syntax",
    "phonological": "features of phonology",
    "inventory": "inventory of sounds",
    "featural": "all features of syntax, phonology and inventory",
    "genetic": "branches of the family tree",
    "geographic": "places on the globe",
}
"""Kind of distance -> what it compares."""


def distance(kind: str, first: str, second: str) -> float:
    """The distance between two languages, 0 to 1: the angle between their vectors, as a share of a right angle.

    nan if a language is unknown or if the two have too few known features in common. Raises KeyError for an unknown
    kind.
    """
    if kind not in KINDS:
        raise KeyError(f"No distance is called {kind!r}. Known: {', '.join(KINDS)}.")
    if first == second:
        return 0.0 if first in resources() else float("nan")
    return _distances().get((min(first, second), max(first, second)), {}).get(kind, float("nan"))


@cache
def resources() -> Mapping[str, str]:
    """Language -> its level of resources (`high`, `medium`, `low`), "" if it is unknown."""
    return {row["language"]: row["resources"] for row in _rows("languages.csv")}


@cache
def _distances() -> Mapping[tuple[str, str], Mapping[str, float]]:
    """Two languages in alphabetical order -> kind -> distance."""
    return {
        (row["first"], row["second"]): {kind: float(row[kind]) for kind in KINDS if row[kind]}
        for row in _rows("distances.csv")
    }


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
