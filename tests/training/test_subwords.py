"""Subwords of evaluation data: subwords per word, overlap with English, and the records that have them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from sweeper.files.serialize import plain, read_json
from sweeper.records.record import ScoreRecord
from sweeper.training.subwords import subword_facts
from sweeper.training.trial import run_trial
from tests.tokenizers_tiny import tiny_tokenizer
from tests.worlds import TrialFolders, score, stage, trial

ENGLISH = "The river flows through the old town"
GERMAN = "Der Fluss durch die alte Stadt"
CHINESE = "这条河流经古城"


def encoded(tokenizer, text):
    """Entries of one text, as far as the function reads them."""
    return SimpleNamespace(features=SimpleNamespace(tokens=np.array(tokenizer(text)["input_ids"], dtype=np.int32)))


def facts(tokenizer, **texts):
    return subword_facts({language: encoded(tokenizer, text) for language, text in texts.items()}, tokenizer)


def test_subwords_per_word_are_the_subwords_of_the_text_over_its_words_without_special_tokens():
    tokenizer = tiny_tokenizer()
    measured = facts(tokenizer, en=ENGLISH, de=GERMAN)
    for language, text in (("en", ENGLISH), ("de", GERMAN)):
        num = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        assert measured[language]["tokens_per_word"] == pytest.approx(num / len(text.split()))


def test_the_overlap_is_the_share_of_subwords_that_the_english_data_have():
    tokenizer = tiny_tokenizer()
    measured = facts(tokenizer, en=ENGLISH, de=GERMAN, zh=CHINESE)
    ids = {
        name: tokenizer(text, add_special_tokens=False)["input_ids"] for name, text in (("en", ENGLISH), ("de", GERMAN))
    }
    assert measured["de"]["overlap"] == pytest.approx(np.mean([number in ids["en"] for number in ids["de"]]))
    assert measured["en"]["overlap"] == 1
    assert 0 <= measured["zh"]["overlap"] < measured["de"]["overlap"] < 1


def test_without_english_data_there_is_no_overlap():
    assert set(facts(tiny_tokenizer(), de=GERMAN)["de"]) == {"tokens_per_word"}


def test_a_tokenizer_that_does_not_mark_words_has_no_subwords_per_word():
    words = {"<unk>": 0, "the": 1, "river": 2}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token="<unk>")), unk_token="<unk>"
    )
    entry = SimpleNamespace(features=SimpleNamespace(tokens=np.array([1, 2, 1], dtype=np.int32)))
    assert subword_facts({"en": entry}, tokenizer) == {"en": {"overlap": 1.0}}


def test_only_targets_that_start_from_the_pretrained_encoder_record_the_facts(folders: TrialFolders) -> None:
    spec = trial(stage("words"), scores=(score("words"),))
    (record,) = run_trial(spec, folders.bench("subwords")).scores
    assert set(record.subwords) == set(record.metrics)
    assert record.subwords["en"]["overlap"] == 1
    assert record.subwords["xf"]["overlap"] < record.subwords["xa"]["overlap"] < 1
    prepared = trial(stage("names"), stage("words"), scores=(score("words"),))
    (record,) = run_trial(prepared, folders.bench("subwords")).scores
    assert record.subwords == {}


def test_a_record_of_an_earlier_version_is_read_without_the_facts(folders: TrialFolders) -> None:
    (record,) = run_trial(trial(stage("words"), scores=(score("words"),)), folders.bench("earlier")).scores
    earlier = {name: value for name, value in plain(record).items() if name != "subwords"}
    assert read_json(ScoreRecord, json.dumps(earlier).encode(), "a record") == replace(record, subwords={})
