"""Label maps: spans change their type or disappear as a whole, and labels of other sets stay as they are."""

from random import Random

from sweeper.scoring.chunks import chunks
from sweeper.tasks.labels import all_mapped, mapped, types_of

TYPES = ("PER", "ORG", "LOC", "DATE")
TAGS = ("O", *(f"{prefix}-{name}" for name in TYPES for prefix in "BI"))


def sentence(draw: Random) -> list[str]:
    """Tags of spans of one to three words, some of them next to each other."""
    tags: list[str] = []
    for _ in range(draw.randrange(6)):
        name, length = draw.choice(TYPES), draw.randrange(3)
        tags += [f"B-{name}", *[f"I-{name}"] * length] + ["O"] * draw.randrange(2)
    return tags or ["O"]


def test_spans_after_a_map_are_those_before_with_other_types_and_without_the_removed_ones() -> None:
    draw = Random(1)
    for _ in range(200):
        label_map = {name: draw.choice((*TYPES, "O")) for name in TYPES if draw.random() < 0.5}
        before = sentence(draw)
        after = [mapped(tag, label_map) for tag in before]
        expected = {(chunk, label_map.get(chunk[0], chunk[0])) for chunk in chunks([before])}
        kept = {(name, *chunk[1:]) for chunk, name in expected if name != "O"}
        assert set(chunks([after])) == kept


def test_a_map_names_types_of_spans_or_whole_labels() -> None:
    assert types_of(TAGS) == ("O", *TYPES)
    assert all_mapped(TAGS, {"DATE": "O", "ORG": "LOC"}) == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert all_mapped(("neutral", "contradiction"), {"neutral": "other"}) == ("other", "contradiction")
