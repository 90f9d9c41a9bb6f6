"""Treebanks of a few sentences in CoNLL-U, written for the tests."""

from collections.abc import Sequence
from pathlib import Path


def node(number: int | str, form: str, tag: str, head: int | str, enhanced: str = "_") -> str:
    """A line of CoNLL-U."""
    return "\t".join([str(number), form, form.lower(), tag, "_", "_", str(head), "dep", enhanced, "_"])


def token(first: int, last: int, form: str) -> str:
    """The line of a multi-word token."""
    return "\t".join([f"{first}-{last}", form, *"_" * 8])


# A sentence with comments, multi-word tokens and an empty node.
FRENCH = (
    "# sent_id = 1",
    "# text = Au bord du lac dors-tu.",
    token(1, 2, "Au"),
    node(1, "À", "ADP", 3),
    node(2, "le", "DET", 3),
    node(3, "bord", "NOUN", 7),
    token(4, 5, "du"),
    node(4, "de", "ADP", 6),
    node(5, "le", "DET", 6),
    node(6, "lac", "NOUN", 3),
    node(7, "dors", "VERB", 0),
    node("7.1", "tu", "PRON", "_", "7:nsubj"),
    node(8, ".", "PUNCT", 7),
)
SHORT = ("# sent_id = 2", node(1, "Le", "DET", 2), node(2, "lac", "NOUN", 0))


def write(path: Path, *sentences: Sequence[str]) -> Path:
    """Write the sentences to a file. Each ends with an empty line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\n".join(lines) + "\n\n" for lines in sentences), encoding="utf-8")
    return path
