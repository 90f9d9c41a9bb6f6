"""The catalog's entries: the nine and the nine, their languages, and columns that fit their formats."""

import pytest

from sweeper.tasks.catalog import CATALOG

INTERMEDIATES = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")
NUM_LANGUAGES = {
    "xnli": 15,
    "pawsx": 7,
    "pos": 33,
    "ner": 40,
    "xquad": 11,
    "mlqa": 7,
    "tydiqa": 9,
    "bucc": 4,
    "tatoeba": 36,
}
FIELDS = {
    "classify": {"text", "pair", "label"},
    "choose": {"prompt", "choices", "label"},
    "tag": {"tokens", "tags"},
    "span": {"context", "question", "answers"},
    "retrieve": {"source", "target"},
    "mlm": {"text"},
}


def test_the_catalog_holds_nine_intermediates_nine_targets_two_stand_ins_and_a_corpus() -> None:
    assert set(CATALOG) == {*INTERMEDIATES, *NUM_LANGUAGES, "mrpc", "ud_supertags", "mlm_text"}


@pytest.mark.parametrize("name", INTERMEDIATES)
def test_every_intermediate_has_english_training_and_dev_rows_and_a_published_size(name: str) -> None:
    task = CATALOG[name]
    assert "en" in task.train
    assert "en" in task.dev
    assert task.train_size > 9_000
    assert task.licence


@pytest.mark.parametrize(("name", "number"), NUM_LANGUAGES.items())
def test_every_target_covers_the_languages_that_xtreme_tests(name: str, number: int) -> None:
    assert len(CATALOG[name].test) == number


def test_pos_has_no_dev_rows_where_the_treebank_is_a_test_split_alone() -> None:
    pos = CATALOG["pos"]
    assert set(pos.test) - set(pos.dev) == {"kk", "th", "tl", "yo"}
    assert set(pos.test) - set(pos.train) == {"th", "tl", "yo"}


def test_targets_with_one_evaluation_split_say_so() -> None:
    single = {name for name in NUM_LANGUAGES if CATALOG[name].single_split}
    assert single == {"xquad", "tydiqa", "bucc", "tatoeba"}


def test_xquad_and_mlqa_share_one_training_and_retrieval_trains_nothing() -> None:
    training = {name: CATALOG[name].training_task for name in NUM_LANGUAGES}
    assert training["xquad"] == training["mlqa"] == "squad"
    assert training["xnli"] == "mnli"
    assert training["bucc"] == training["tatoeba"] == ""


@pytest.mark.parametrize("name", CATALOG)
def test_every_entry_names_the_columns_that_its_format_reads(name: str) -> None:
    task = CATALOG[name]
    assert set(task.columns) >= FIELDS[task.format]


@pytest.mark.parametrize("name", CATALOG)
def test_every_trained_classifier_declares_its_labels_and_every_entry_stands_under_its_name(name: str) -> None:
    task = CATALOG[name]
    assert task.name == name
    assert (task.format == "classify") <= (len(task.labels) > 1)
    assert task.trains_on in ("", *CATALOG)


def test_tatoeba_and_udpos_rows_are_named_as_on_the_hub() -> None:
    assert CATALOG["tatoeba"].test["zh"][0].config == "cmn-eng"
    assert CATALOG["pos"].dev["zh"][0].config == "udpos.Chinese"
    assert CATALOG["mlqa"].dev["hi"][0].config == "MLQA.hi.hi"
    assert CATALOG["tydiqa"].dev["te"][0].id_prefix == "telugu-"
