"""Words and tags of CoNLL-U, as XTREME's `conllu_to_conll.py` and `utils_preprocess.py` read them."""

from pathlib import Path

import pytest

from sweeper.data.conllu import TieError, tagged_sentences
from sweeper.errors import DataError
from tests.data.treebanks import FRENCH, SHORT, node, token, write


def read(tmp_path: Path, *lines: str, language: str = "de") -> list[tuple[list[str], list[str]]]:
    return list(tagged_sentences(write(tmp_path / "x_y-ud-test.conllu", lines), language))


def test_a_multi_word_token_is_one_word_and_comments_and_empty_nodes_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "fr_own-ud-test.conllu", FRENCH, SHORT)
    assert list(tagged_sentences(path, "fr")) == [
        (["Au", "bord", "du", "lac", "dors", "."], ["ADP", "NOUN", "ADP", "NOUN", "VERB", "PUNCT"]),
        (["Le", "lac"], ["DET", "NOUN"]),
    ]


def test_a_multi_word_token_has_the_tag_of_the_node_nearest_to_the_root(tmp_path: Path) -> None:
    lines = (token(1, 3, "dámelo"), node(1, "da", "VERB", 0), node(2, "me", "PRON", 1), node(3, "lo", "PRON", 1))
    assert read(tmp_path, *lines, language="es") == [(["dámelo"], ["VERB"])]
    lines = (token(1, 2, "mesa-lo"), node(1, "mesa", "NOUN", 2), node(2, "es", "AUX", 0))
    assert read(tmp_path, *lines) == [(["mesa-lo"], ["AUX"])]


@pytest.mark.parametrize(("language", "tag"), [("de", "ADV"), ("it", "AUX")])
def test_among_nodes_of_equal_depth_the_order_of_the_language_decides(tmp_path: Path, language: str, tag: str) -> None:
    lines = (node(1, "a", "NOUN", 0), token(2, 3, "bc"), node(2, "b", "ADV", 1), node(3, "c", "AUX", 1))
    assert read(tmp_path, *lines, language=language) == [(["a", "bc"], ["NOUN", tag])]


def test_among_nodes_of_equal_depth_and_tag_the_first_decides_and_the_other_leaves_no_word(tmp_path: Path) -> None:
    lines = (node(1, "a", "NOUN", 0), token(2, 3, "bc"), node(2, "b", "ADP", 1), node(3, "c", "ADP", 1))
    assert read(tmp_path, *lines) == [(["a", "bc"], ["NOUN", "ADP"])]


def test_enhanced_dependencies_count_for_the_depth_even_if_they_form_a_cycle(tmp_path: Path) -> None:
    nodes = (node(1, "a", "VERB", 0), node(4, "d", "VERB", 1))
    fused = (token(2, 3, "bc"), node(2, "b", "PRON", 1, "1:dep|4:dep"), node(3, "c", "ADP", 1, "1:dep|8.1:dep"))
    # With the basic dependencies alone, both have the depth 2 and the order prefers PRON.
    assert read(tmp_path, nodes[0], *fused, nodes[1]) == [(["a", "bc", "d"], ["VERB", "ADP", "VERB"])]
    cycle = (node(1, "a", "VERB", 0, "0:root|2:dep"), *fused, nodes[1])
    assert read(tmp_path, *cycle)[0][0] == ["a", "bc", "d"]


def test_a_tie_between_tags_without_an_order_is_named(tmp_path: Path) -> None:
    lines = (node(1, "a", "NOUN", 0), token(2, 3, "bc"), node(2, "b", "SYM", 1), node(3, "c", "ADP", 1))
    with pytest.raises(TieError, match="no order for the tag 'SYM' of 'b' in 'b c'"):
        read(tmp_path, *lines)


def test_spaces_and_zero_width_non_joiners_within_a_word_are_removed(tmp_path: Path) -> None:
    assert read(tmp_path, node(1, "10 000", "NUM", 0), node(2, "می\u200cروم", "VERB", 1))[0][0] == ["10000", "میروم"]


def test_a_sentence_without_text_is_left_out(tmp_path: Path) -> None:
    hidden = [node(number, "_", "NOUN", number - 1) for number in (1, 2, 3)]
    path = write(tmp_path / "en_own-ud-test.conllu", hidden, [*hidden, node(4, ".", "PUNCT", 1)], SHORT)
    assert [words for words, _ in tagged_sentences(path, "en")] == [["Le", "lac"]]
    path = write(path, [*hidden, node(4, "a", "X", 1), node(5, "b", "X", 1)])
    assert len(list(tagged_sentences(path, "en"))) == 1, "two words are not hidden, so XTREME keeps the sentence"


def test_a_last_sentence_without_an_empty_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "en_own-ud-test.conllu"
    path.write_text(node(1, "lac", "NOUN", 0), encoding="utf-8")
    assert list(tagged_sentences(path, "en")) == [(["lac"], ["NOUN"])]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1\tlac\tlac"], r"line 1: .* 10 columns separated by tabs, got 3"),
        ([node("one", "lac", "NOUN", 0)], r"line 1: id and head are numbers, got 'one' and '0'"),
        ([node(1, "lac", "NOUN", "_")], r"line 1: id and head are numbers, got '1' and '_'"),
        ([token(1, 2, "du"), node(1, "de", "ADP", 0)], r"multi-word token 1-2 'du' needs a node for each number"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, *lines)
