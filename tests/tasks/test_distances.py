"""The distances between languages that the package ships."""

import math
from itertools import combinations

import pytest

from sweeper.tasks.distances import FOLDER, KINDS, distance, resources
from sweeper.tasks.languages import NLLB


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_from_zero_to_one_and_known_for_most_pairs(kind: str) -> None:
    values = [distance(kind, first, second) for first, second in combinations(NLLB, 2)]
    known = [value for value in values if not math.isnan(value)]
    assert min(known) >= 0
    assert 0.4 <= max(known) <= 1
    assert len(known) >= (1.0 if kind in ("genetic", "geographic") else 0.45) * len(values)


def test_distances_are_those_of_uriel_plus() -> None:
    """Values of `URIELPlus().new_distance` of urielplus 1.3.2 for `eng` and `deu`, `jpn`, `swh`."""
    kinds = ("syntactic", "inventory", "genetic", "geographic")
    assert [distance(kind, "en", "de") for kind in kinds] == pytest.approx([0.3582, 0.4364, 0.6336, 0.0437], abs=2e-4)
    assert [distance(kind, "en", "ja") for kind in kinds] == pytest.approx([0.6287, 0.5472, 1.0, 0.3453], abs=2e-4)
    assert [distance(kind, "en", "sw") for kind in kinds] == pytest.approx([0.693, 0.484, 1.0, 0.294], abs=2e-4)


def test_a_distance_is_symmetrical_and_zero_to_the_language_itself() -> None:
    assert distance("syntactic", "de", "en") == distance("syntactic", "en", "de")
    assert distance("phonological", "en", "en") == 0


def test_a_distance_without_common_features_is_missing_rather_than_zero() -> None:
    assert math.isnan(distance("phonological", "en", "et"))
    assert math.isnan(distance("syntactic", "kk", "bn"))
    assert math.isnan(distance("syntactic", "en", "xa"))
    assert math.isnan(distance("syntactic", "xa", "xa"))


def test_a_language_without_relatives_is_at_the_largest_genetic_distance() -> None:
    assert {distance("genetic", "eu", other) for other in NLLB if other != "eu"} == {1.0}


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"No distance is called 'lexical'\. Known: syntactic"):
        distance("lexical", "en", "de")


def test_every_language_has_a_level_of_resources() -> None:
    assert set(resources()) == set(NLLB)
    assert set(resources().values()) == {"high", "medium", "low"}
    assert resources()["en"] == "high"


def test_the_files_are_next_to_their_licence() -> None:
    assert "CC BY-SA 4.0" in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.iterdir()} == {"README.md", "distances.csv", "languages.csv"}
    assert list(KINDS) == (FOLDER / "distances.csv").read_text().splitlines()[0].split(",")[2:]
