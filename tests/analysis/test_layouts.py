"""The layouts of prediction files, on outcomes that the formats themselves produce."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.submission.layouts import (
    LayoutError,
    Sheet,
    answers,
    choice_lines,
    index_lines,
    label_lines,
    pair_lines,
    rankings,
    tag_lines,
)
from sweeper.formats.interface import Example, Lengths
from sweeper.formats.table import FORMATS
from sweeper.tasks.catalog import CATALOG
from tests.tokenizers_tiny import tiny_tokenizer


def sheet_of(task: str, examples: list[Example], predictions: list, language: str = "de") -> Sheet:
    """What a score of these predictions leaves in the ledger."""
    entry = CATALOG[task]
    scored = FORMATS[entry.format].score(examples, predictions, entry, language)
    return Sheet(language=language, rows=pd.DataFrame(scored.outcomes), labels=entry.labels)


def example(name: str, **fields) -> Example:
    return Example(id=name, group=name, fields=fields)


def pairs_of(labels: list[str]) -> list[Example]:
    return [example(str(number), text="a", pair="b", label=label) for number, label in enumerate(labels)]


def test_a_classification_file_holds_a_label_a_line_in_the_order_of_the_data_set():
    sheet = sheet_of("xnli", pairs_of(["neutral"] * 3), ["entailment", "contradiction", "neutral"])
    assert label_lines(sheet) == "entailment\ncontradiction\nneutral\n"


def test_a_label_that_the_leaderboard_does_not_know_is_named():
    sheet = sheet_of("pawsx", pairs_of(["0", "1"]), ["0", "paraphrase"])
    with pytest.raises(LayoutError, match="does not accept the labels 'paraphrase'"):
        label_lines(sheet)


def sentences(*words: int) -> list[Example]:
    return [example(str(number), tokens=["w"] * length, tags=["NOUN"] * length) for number, length in enumerate(words)]


def test_a_tag_file_holds_a_tag_a_line_and_an_empty_line_between_sentences():
    sheet = sheet_of("pos", sentences(2, 1), [["DET", "NOUN"], ["VERB"]])
    assert tag_lines(sheet) == "DET\nNOUN\n\nVERB\n"


def test_a_sentence_that_a_model_reads_in_windows_has_a_line_a_word_in_its_file():
    entry = CATALOG["pos"]
    [short] = sentences(2)
    gold = [entry.labels[number % len(entry.labels)] for number in range(50)]
    long = example("long", tokens=["river"] * 50, tags=gold)
    examples = [short, long, short]
    tag_format = FORMATS["tag"]
    features = tag_format.encode(examples, tiny_tokenizer(), Lengths(max_length=24), entry.labels)
    assert len(features.offsets) - 1 > 3
    best = np.maximum(features.labels["tags"], 0)
    predictions = tag_format.decode(examples, features, {"best": best}, entry.labels)
    assert tag_lines(sheet_of("pos", examples, predictions)).split("\n\n") == [
        "NOUN\nNOUN",
        "\n".join(gold),
        "NOUN\nNOUN\n",
    ]


def test_a_sentence_with_too_few_tags_is_named():
    sheet = sheet_of("pos", sentences(2, 2), [["DET", "NOUN"], ["VERB", "X"]])
    sheet.rows.loc[1, "prediction"] = json.dumps(["VERB"])
    with pytest.raises(LayoutError, match="1 sentences have more or fewer tags than words, first 1"):
        tag_lines(sheet)


def questions(*names: str) -> list[Example]:
    return [example(name, context="c", question="q", answers=["a"], start=0, may_decline=False) for name in names]


def test_an_answer_file_is_json_from_question_id_to_text():
    sheet = sheet_of("xquad", questions("q1", "q2"), [{"text": "γάτα"}, {"text": ""}])
    assert json.loads(answers(sheet)) == {"q1": "γάτα", "q2": ""}


def test_a_question_id_that_stands_twice_is_named():
    sheet = sheet_of("xquad", questions("q1", "q1#2"), [{"text": "a"}, {"text": "b"}])
    with pytest.raises(LayoutError, match="ids occur twice, such as q1"):
        answers(sheet)


def translations(*english: str) -> list[Example]:
    return [example(text, source=f"s{number}", target=text) for number, text in enumerate(english)]


def vectors(nearest: list[int], size: int) -> list[np.ndarray]:
    """Sentence vectors such that the nearest sentence of English sentence i is nearest[i]."""
    return [np.stack([np.eye(size)[number], np.eye(size)[nearest[number]]]) for number in range(size)]


def test_an_index_file_goes_through_the_english_sentences_in_the_order_of_their_texts():
    sheet = sheet_of("tatoeba", translations("Zoo.", "An ant.", "a bee.", "Moon."), vectors([0, 2, 3, 1], 4))
    # Sorted: An ant., Moon., Zoo., a bee.
    assert index_lines(sheet) == "2\n1\n0\n3\n"


def test_equal_english_sentences_keep_their_order():
    sheet = sheet_of("tatoeba", translations("B.", "A.", "A.#2"), vectors([0, 2, 1], 3))
    assert index_lines(sheet) == "2\n1\n0\n"


def test_a_pair_file_holds_the_numbers_of_both_sentences_as_bucc_writes_them():
    rows = pd.DataFrame({"example": ["source-17/target-9", "source-3/target-4"], "mined": [1, 0]})
    assert pair_lines(Sheet(language="de", rows=rows, labels=())) == "de-000000017\ten-000000009\n"


@pytest.mark.mirror
def test_on_real_sentences_a_perfect_search_names_each_sentences_own_number(mirror: Path):
    from datasets import load_dataset

    rows = load_dataset(str(mirror / "datasets" / "mteb" / "tatoeba-bitext-mining"), "swh-eng", split="test")
    english = [text.strip() for text in rows["sentence2"]]
    seen: dict[str, int] = {}
    names = []
    for text in rows["sentence2"]:
        seen[text] = seen.get(text, 0) + 1
        names.append(text if seen[text] == 1 else f"{text}#{seen[text]}")
    frame = pd.DataFrame({"example": names, "prediction": names})
    lines = index_lines(Sheet(language="sw", rows=frame, labels=())).split()
    assert len(lines) == 390
    assert sorted(map(int, lines)) == list(range(390))
    assert [english[int(line)] for line in lines] == sorted(english)


def test_an_xcopa_file_has_one_object_per_line_with_the_number_of_the_chosen_answer():
    examples = [example(str(n), prompt="a", choices=["b", "c"], label=0) for n in range(3)]
    assert choice_lines(sheet_of("xcopa", examples, [1, 0, 1])) == '{"label": 1}\n{"label": 0}\n{"label": 1}\n'


def ranked_sheet(*names: str) -> Sheet:
    """A sheet of mentions with these ids and a pool of 22 entities. The entity of a mention is the first one."""
    queries = [example(name, query="m", key="Q0") for name in names]
    pool = [example(f"Q{n}", candidate="e", keys=[f"Q{n}"]) for n in range(22)]
    mentions = [np.array([[1.0, 0.0]], dtype=np.float32)] * len(names)
    entities = [np.array([[1.0, n]], dtype=np.float32) for n in range(22)]
    return sheet_of("mewslix", queries + pool, mentions + entities)


def test_a_mewsli_x_file_maps_each_mention_to_its_first_twenty_entities():
    assert json.loads(rankings(ranked_sheet("4be5", "a7"))) == {
        name: [f"Q{n}" for n in range(20)] for name in ("4be5", "a7")
    }


def test_mentions_without_ids_of_the_benchmark_are_refused():
    with pytest.raises(LayoutError, match="the ids are row numbers: map `id` to the column with the ids of the"):
        rankings(ranked_sheet("0", "1"))
