"""Words and part-of-speech tags of CoNLL-U files, by the rules of XTREME's `conllu_to_conll.py`.

The words are those of the text: a multi-word token such as French "du" is one word, although the tree has two nodes for
it, "de" and "le". Its tag is that of its head: the node of the token with the fewest ancestors in the graph of basic
and enhanced dependencies. Among several such nodes the order of the tags in TAG_ORDER decides, then the first node.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.errors import DataError

NUM_COLUMNS = 10
TAG_ORDER = "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT"
"""Tags of the nodes of a multi-word token, from the most to the least preferred one."""
TAG_ORDER_OF: Mapping[str, str] = {
    "es": "VERB AUX PRON ADP DET",
    "fr": "VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ CONJ",
    "it": "VERB AUX ADV PRON ADP DET INTJ",
}
"""Language -> its own order. XTREME cannot convert a file with a tie between tags that are not in the order."""
Tagged = tuple[list[str], list[str]]
"""Words and tags of a sentence."""


class TieError(DataError):
    """A tie between nodes with a tag that is not in the order of the language, at which XTREME's script stops."""


@dataclass
class _Tree:
    """The nodes of a sentence by their number, and the multi-word tokens by the number of their first node."""

    forms: dict[int, str] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    heads: dict[int, set[int]] = field(default_factory=dict)
    tokens: dict[int, tuple[int, str]] = field(default_factory=dict)
    """First node -> last node and form."""


def tagged_sentences(path: Path, language: str) -> Iterator[Tagged]:
    """The sentences of a CoNLL-U file that XTREME keeps.

    Comments and empty nodes (8.1) are ignored, and spaces and zero-width non-joiners within words are removed. A
    sentence with hidden words ("_") and at most one other word is left out. Raises DataError for a malformed line, and
    TieError.
    """
    for tree in _trees(path):
        words, tags = _fused(tree, language, path)
        num_hidden = words.count("_")
        if num_hidden == 0 or num_hidden < len(words) - 1:
            yield [word.replace("\u200c", "").replace(" ", "") for word in words], tags


def _trees(path: Path) -> Iterator[_Tree]:
    tree = _Tree()
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            text = line.rstrip("\n")
            if text and not text.startswith("#"):
                _add(tree, text.split("\t"), f"{path}, line {number}")
            elif not text and tree.forms:
                yield tree
                tree = _Tree()
    if tree.forms:
        yield tree


def _add(tree: _Tree, columns: Sequence[str], where: str) -> None:
    """Add the node or the multi-word token of a line."""
    if len(columns) != NUM_COLUMNS:
        raise DataError(f"{where}: a line of CoNLL-U has {NUM_COLUMNS} columns separated by tabs, got {len(columns)}.")
    id_, form, _, tag, _, _, head, _, enhanced, _ = columns
    if "." in id_:
        return
    try:
        first, _, last = id_.partition("-")
        if last:
            tree.tokens[int(first)] = (int(last), form.strip())
            return
        number, heads = int(first), {int(head), *(int(part) for part in _heads(enhanced) if part.isdigit())}
    except ValueError:
        raise DataError(f"{where}: id and head are numbers, got {id_!r} and {head!r}.") from None
    tree.forms[number], tree.tags[number], tree.heads[number] = form.strip(), tag.strip(), heads


def _heads(enhanced: str) -> list[str]:
    """The heads of the column of enhanced dependencies, `4:nsubj|8.1:conj`."""
    return [] if enhanced == "_" else [relation.split(":")[0] for relation in enhanced.split("|")]


def _fused(tree: _Tree, language: str, path: Path) -> Tagged:
    forms = dict(tree.forms)
    for first, (last, form) in tree.tokens.items():
        nodes = [node for node in range(first, last + 1) if node in tree.forms]
        if len(nodes) != last + 1 - first:
            raise DataError(f"{path}: the multi-word token {first}-{last} {form!r} needs a node for each number.")
        head = _head(tree, nodes, language, path)
        for node in nodes:
            if node != head:
                del forms[node]
        forms[head] = form
    return [forms[node] for node in sorted(forms)], [tree.tags[node] for node in sorted(forms)]


def _head(tree: _Tree, nodes: Sequence[int], language: str, path: Path) -> int:
    """The node whose tag a multi-word token has."""
    depths = {node: len(_ancestors(tree, node)) for node in nodes}
    highest = [node for node in nodes if depths[node] == min(depths.values())]
    if len(highest) == 1:
        return highest[0]
    order = TAG_ORDER_OF.get(language, TAG_ORDER).split()
    for node in highest:
        if tree.tags[node] not in order:
            words = " ".join(tree.forms[node] for node in nodes)
            raise TieError(f"{path}: no order for the tag {tree.tags[node]!r} of {tree.forms[node]!r} in {words!r}.")
    return min(highest, key=lambda node: order.index(tree.tags[node]))


def _ancestors(tree: _Tree, node: int) -> set[int]:
    """All nodes from which the node can be reached, itself not included. Enhanced dependencies can form cycles."""
    found: set[int] = set()
    waiting = [node]
    while waiting:
        for head in tree.heads.get(waiting.pop(), ()):
            if head not in found:
                found.add(head)
                waiting.append(head)
    return found - {node}
