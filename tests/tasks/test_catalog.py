"""The catalog: its tasks, their languages, and columns that fit their formats."""

from typing import Literal

import pytest

from sweeper.formats.table import FORMATS
from sweeper.tasks.benchmarks import SIZES
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.languages import FAMILIES, ISO_639_3, NLLB, SCRIPTS
from sweeper.world.languages import TRAITS

INTERMEDIATES = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")
NUM_LANGUAGES = {
    "xnli": 15,
    "pawsx": 7,
    "pos": 33,
    "pos_hub": 33,
    "ner": 40,
    "xquad": 11,
    "mlqa": 7,
    "tydiqa": 9,
    "bucc2018": 4,
    "tatoeba": 36,
}
XTREME_R_LANGUAGES = {
    "xcopa": 11,
    "pos_r": 38,
    "ner_r": 48,
    "xquad_r": 12,
    "tatoeba_r": 41,
    "mewslix": 11,
    "lareqa": 11,
}
XTREME_R = (
    "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru "
    "sw ta te th tl tr uk ur vi wo yo zh"
)
"""The fifty languages of XTREME-R."""
ADDED = {"siqa", "copa", "squad_pairs", "mewslix_pairs", "lareqa_sentences", "mewslix_entities", *XTREME_R_LANGUAGES}
OTHERS = {"masakhaner": 20, "sib200": 68, "belebele": 61, "americas_nli": 10, "ntrex": 57}
CORPORA = ("mlm_text", "local_text")
FIELDS = {
    "classify": {"text", "label"},
    "choose": {"prompt", "choices", "label"},
    "tag": {"tokens", "tags"},
    "span": {"context", "question", "answers"},
    "retrieve": {"source", "target"},
    "rank": set(),
    "mlm": {"text"},
}


def test_the_catalog_has_the_tasks_of_xtreme_and_xtreme_r_others_three_substitutes_and_two_corpora() -> None:
    assert set(CATALOG) == {
        *INTERMEDIATES,
        *NUM_LANGUAGES,
        "bucc",
        "mrpc",
        "ud_supertags",
        *CORPORA,
        *ADDED,
        *OTHERS,
    }


def test_syntactic_tasks_are_those_that_tag_words_with_parts_of_speech_or_categories_of_a_grammar() -> None:
    syntactic = {name for name, task in CATALOG.items() if task.kind == "syntactic"}
    assert syntactic == {"ccg", "ud_supertags", "pos", "pos_hub", "pos_r"}
    assert CATALOG["ner_r"].kind == CATALOG["ner"].kind == ""


@pytest.mark.parametrize("name", INTERMEDIATES)
def test_every_intermediate_has_english_training_and_dev_rows_and_a_published_size(name: str) -> None:
    task = CATALOG[name]
    assert "en" in task.train
    assert "en" in task.dev
    assert task.train_size > 9_000
    assert task.licence


@pytest.mark.parametrize(("name", "number"), [*NUM_LANGUAGES.items(), *XTREME_R_LANGUAGES.items(), *OTHERS.items()])
def test_every_target_has_the_languages_of_its_benchmark(name: str, number: int) -> None:
    assert len(CATALOG[name].test) == number


def test_the_targets_of_xtreme_r_cover_its_fifty_languages() -> None:
    targets = (*XTREME_R_LANGUAGES, "xnli", "mlqa", "tydiqa")
    assert {language for name in targets for language in CATALOG[name].test} == set(XTREME_R.split())


def test_a_target_of_xtreme_r_has_the_same_rows_as_xtreme_in_the_languages_of_both() -> None:
    for name in ("ner", "xquad", "tatoeba"):
        extended = CATALOG[f"{name}_r"]
        assert {language: extended.test[language] for language in CATALOG[name].test} == CATALOG[name].test
        assert extended.train.get("en") == CATALOG[name].train.get("en")


def test_every_ranking_target_names_a_pool_that_has_only_candidates() -> None:
    pools = {task.name: task.pool for task in CATALOG.values() if task.pool}
    assert pools == {"lareqa": "lareqa_sentences", "mewslix": "mewslix_entities"}
    for name, pool in pools.items():
        assert "query" in CATALOG[name].columns
        assert "query" not in CATALOG[pool].columns
        assert set(CATALOG[pool].dev) == set(CATALOG[pool].test)
        assert CATALOG[CATALOG[name].trains_on].format == CATALOG[name].format


def test_copa_has_an_english_question_and_its_labels_are_names_or_numbers() -> None:
    row = {"premise": "It rained.", "choice1": "a", "choice2": "b", "question": "cause", "idx": 3}
    for name, label in (("copa", "choice2"), ("xcopa", 1)):
        [example] = FORMATS["choose"].read({**row, "label": label}, CATALOG[name], 0)
        assert example.fields["prompt"] == "It rained. What was the cause?"
        assert example.fields["label"] == 1


def test_the_labels_of_siqa_start_at_one() -> None:
    row = {"context": "A fell.", "question": "Why?", "answerA": "a", "answerB": "b", "answerC": "c", "label": "3"}
    assert FORMATS["choose"].read(row, CATALOG["siqa"], 0)[0].fields["label"] == 2


@pytest.mark.parametrize("name", ["pos", "pos_hub"])
def test_pos_has_no_dev_rows_for_treebanks_with_only_a_test_split(name: str) -> None:
    pos = CATALOG[name]
    assert set(pos.test) - set(pos.dev) == {"kk", "th", "tl", "yo"}
    assert set(pos.test) - set(pos.train) == {"th", "tl", "yo"}


def test_targets_with_one_evaluation_split_are_marked() -> None:
    single = {name for name in NUM_LANGUAGES if CATALOG[name].single_split}
    assert single == {"xquad", "tydiqa", "tatoeba"}
    assert CATALOG["bucc"].single_split


def test_xquad_and_mlqa_share_their_training_task_and_retrieval_trains_nothing() -> None:
    training = {name: CATALOG[name].training_task for name in NUM_LANGUAGES}
    assert training["xquad"] == training["mlqa"] == "squad"
    assert training["xnli"] == "mnli"
    assert training["bucc2018"] == training["tatoeba"] == ""


@pytest.mark.parametrize("name", CATALOG)
def test_every_entry_names_the_columns_that_its_format_reads(name: str) -> None:
    task = CATALOG[name]
    assert set(task.columns) >= FIELDS[task.format]


@pytest.mark.parametrize("name", CATALOG)
def test_every_classifier_declares_its_labels_and_every_key_is_the_name_of_its_task(name: str) -> None:
    task = CATALOG[name]
    assert task.name == name
    assert (task.format == "classify") <= (len(task.labels) > 1)
    assert task.trains_on in ("", *CATALOG)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_sizes_cover_every_language_of_a_task(split: Literal["dev", "test"]) -> None:
    for name, sizes in SIZES[split].items():
        assert set(sizes) == set(CATALOG[name].rows(split))


def test_the_note_of_a_task_with_local_data_names_their_folder() -> None:
    local = {
        (name, rows.id)
        for name, task in CATALOG.items()
        for split in ("train", "dev", "test")
        for rows_list in task.rows(split).values()
        for rows in rows_list
        if rows.id.startswith("local/")
    }
    assert {name for name, _ in local} == {"ccg", "ud_supertags", "pos", "bucc2018", "local_text", "ntrex"}
    assert not [name for name, folder in local if folder not in CATALOG[name].note]


def test_tatoeba_and_udpos_rows_are_named_as_on_the_hub() -> None:
    assert CATALOG["tatoeba"].test["zh"][0].config == "cmn-eng"
    assert CATALOG["pos_hub"].dev["zh"][0].config == "udpos.Chinese"
    assert CATALOG["mlqa"].dev["hi"][0].config == "MLQA.hi.hi"
    assert CATALOG["tydiqa"].dev["te"][0].id_prefix == "telugu-"


def test_every_language_has_a_family_a_script_and_an_iso_code() -> None:
    assert {*XTREME_R.split()} <= set(NLLB)
    assert set(FAMILIES) == set(SCRIPTS) == set(ISO_639_3) == set(NLLB)
    assert len(set(ISO_639_3.values())) == len(NLLB)


def test_no_language_of_a_task_has_the_code_of_a_generated_language() -> None:
    languages = {code for task in CATALOG.values() for code in (*task.train, *task.dev, *task.test)}
    assert languages & set(TRAITS) == {"en"}
