"""Ranking: pairs, queries and candidates from rows, and mean average precision with several correct candidates."""

import numpy as np
import pytest
from pyarrow import parquet

from sweeper.data.sample import merge_candidates
from sweeper.errors import DataError
from sweeper.formats.interface import Example, Lengths
from sweeper.formats.rank import Rank
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task
from tests.tokenizers_tiny import tiny_tokenizer

FORMAT = Rank()
CONTEXT = "The river flows. Charles founded the town. It has a bridge."
ROW = {
    "id": "q1",
    "question": "Who founded the town?",
    "context": CONTEXT,
    "answers": {"text": ["Charles"], "answer_start": [CONTEXT.index("Charles")]},
    "breaks": [[0, 42], [43, len(CONTEXT)]],
}
SENTENCES = ("The river flows.", "Charles founded the town.", "It has a bridge.")


def task(**columns):
    return Task(name="t", title="", format="rank", scorer="ranking", columns=columns)


PAIRS = task(id="id", query="question", context="context", answers="answers")
QUERIES = task(id="id", query="question", key="id", group="context")
POOL = task(key="id", context="context", answers="answers")


def test_a_pair_is_a_question_and_its_sentence_followed_by_the_paragraph():
    [pair] = FORMAT.read(ROW, PAIRS, 0)
    assert pair.fields == {"query": ROW["question"], "candidate": SENTENCES[1] + CONTEXT, "key": "q1"}


def test_a_pool_contains_all_sentences_and_the_correct_one_has_the_key_of_the_question():
    pool = FORMAT.read(ROW, POOL, 0)
    assert [example.fields["candidate"] for example in pool] == [sentence + CONTEXT for sentence in SENTENCES]
    assert [example.fields["keys"] for example in pool] == [[], ["q1"], []]
    assert len({example.id for example in pool}) == 3


def test_a_single_query_has_its_key_and_the_group_of_its_paragraph():
    first, second = (FORMAT.read({**ROW, "id": name}, QUERIES, 0)[0] for name in ("q1", "q2"))
    assert first.fields == {"query": ROW["question"], "key": "q1"}
    assert first.group == second.group
    assert len(first.group) < 20


def test_declared_sentence_breaks_replace_the_punctuation_rule():
    pool = FORMAT.read(ROW, task(key="id", context="context", answers="answers", breaks="breaks"), 0)
    assert [example.fields["candidate"] for example in pool] == [CONTEXT[:42] + CONTEXT, CONTEXT[43:] + CONTEXT]


@pytest.mark.parametrize("breaks", [[[5, 3]], [[0, 1000]], [3], "no"])
def test_malformed_sentence_breaks_raise_an_error(breaks):
    with pytest.raises(DataError, match="sentence breaks are pairs"):
        FORMAT.read({**ROW, "breaks": breaks}, task(key="id", context="context", answers="answers", breaks="breaks"), 0)


def test_the_error_for_a_missing_column_names_the_column():
    with pytest.raises(DataError, match=r"'sentence_breaks' is declared"):
        FORMAT.read(ROW, task(key="id", context="context", answers="answers", breaks="sentence_breaks"), 0)


def test_a_pair_is_dropped_if_no_sentence_contains_the_answer():
    assert FORMAT.read({**ROW, "answers": {"text": [], "answer_start": []}}, PAIRS, 0) == []


def test_a_mention_and_its_entity_form_a_pair_and_a_single_entity_has_its_key():
    [pair] = FORMAT.read(
        {"mention": "Verden: { Verden }", "entity": "A town."}, task(query="mention", candidate="entity"), 7
    )
    assert pair.fields == {"query": "Verden: { Verden }", "candidate": "A town.", "key": "7"}
    entity = {"entity_id": "Q1", "description": "A town."}
    [example] = FORMAT.read(entity, task(id="entity_id", key="entity_id", candidate="description"), 3)
    assert example == Example(id="Q1", group=example.group, fields={"candidate": "A town.", "keys": ["Q1"]})


def test_a_pair_is_one_item_of_two_features_and_equal_candidates_have_equal_labels():
    rows = [{"mention": text, "entity": entity} for text, entity in (("The old river", "town"), ("bridge", "town"))]
    examples = [
        example
        for n, row in enumerate(rows)
        for example in FORMAT.read(row, task(query="mention", candidate="entity"), n)
    ]
    tokenizer = tiny_tokenizer()
    features = FORMAT.encode(examples, tokenizer, Lengths(max_length=16), ())
    assert features.items.tolist() == [0, 2, 4]
    assert features.tokens[features.offsets[1] : features.offsets[2]].tolist() == tokenizer("town")["input_ids"]
    assert features.labels["right"].shape == (2,)
    assert len(set(features.labels["right"].tolist())) == 1


def query(name, key=None):
    return Example(id=name, group=name, fields={"query": "?", "key": key or name})


def candidate(name, *keys):
    return Example(id=name, group=name, fields={"candidate": name, "keys": list(keys)})


def at(*degrees):
    """Vectors (1, 2) of unit length at the angles in degrees."""
    return [np.array([[np.cos(a), np.sin(a)]], dtype=np.float32) for a in np.deg2rad(degrees)]


def scored(examples, vectors):
    return FORMAT.score(examples, vectors, QUERIES, "en")


def test_map_is_the_mean_over_queries_of_average_precisions_over_all_candidates():
    # The first query ranks a, b, c, d; a and c are correct: (1/1 + 2/3) / 2. The second ranks d, c, b, a: b is third.
    examples = [
        query("q1"),
        query("q2"),
        candidate("a", "q1"),
        candidate("b", "q2"),
        candidate("c", "q1"),
        candidate("d"),
    ]
    result = scored(examples, at(0, 90, 5, 15, 35, 85))
    assert result.metrics["map20"] == pytest.approx(((1 + 2 / 3) / 2 + 1 / 3) / 2)
    assert [row["prediction"] for row in result.outcomes] == ['["a", "b", "c", "d"]', '["d", "c", "b", "a"]']
    assert [(row["found"], row["right"]) for row in result.outcomes] == [(2, 2), (1, 1)]


def test_ties_go_to_the_first_candidate():
    examples = [query("q"), candidate("a"), candidate("b", "q"), candidate("c")]
    assert scored(examples, at(0, 30, 30, 30)).metrics["map20"] == 1 / 2


def test_a_correct_candidate_after_rank_twenty_scores_nothing():
    wrong = [candidate(str(number)) for number in range(20)]
    result = scored([query("q"), *wrong, candidate("right", "q")], at(0, *range(1, 21), 40))
    assert result.metrics["map20"] == 0
    assert result.outcomes[0]["found"] == 0
    assert result.trivial["map20"] > 0


def test_pairs_share_their_candidates_and_equal_candidates_are_correct_for_both_queries():
    pairs = [
        Example(id=name, group=name, fields={"query": "?", "candidate": text, "key": name})
        for name, text in (("q1", "x"), ("q2", "y"), ("q3", "x"))
    ]
    rows = [np.concatenate(two) for two in (at(0, 10), at(90, 80), at(45, 10))]
    result = scored(pairs, rows)
    assert [row["right"] for row in result.outcomes] == [1, 1, 1]
    assert result.metrics["map20"] == 1
    assert len(result.outcomes[0]["prediction"].split(",")) == 2


def test_queries_without_candidates_raise_an_error():
    with pytest.raises(DataError, match="needs queries and candidates, got 1 and 0"):
        scored([query("q")], at(0))


@pytest.mark.mirror
@pytest.mark.parametrize(("language", "official"), [("de", 1276), ("es", 1215), ("ru", 1219)])
def test_each_question_of_xquad_r_has_one_correct_sentence_among_about_the_official_number(mirror, language, official):
    folder = mirror / "datasets/google-research-datasets/xquad_r" / language
    rows = parquet.read_table(folder / "validation.parquet").to_pylist()
    pool = list(
        merge_candidates(
            example for n, row in enumerate(rows) for example in FORMAT.read(row, CATALOG["lareqa_sentences"], n)
        )
    )
    right = [key for candidate in pool for key in candidate.fields["keys"]]
    assert sorted(right) == sorted(row["id"] for row in rows)
    assert len(pool) == pytest.approx(official, rel=0.04)
