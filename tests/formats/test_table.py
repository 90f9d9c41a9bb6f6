"""The properties of all formats agree with the tables that they name, and the corpus format scores its masked loss."""

from dataclasses import replace
from importlib import import_module
from math import exp

import numpy as np
import pytest
from transformers import CanineTokenizer

from sweeper.errors import DataError, UserError
from sweeper.formats.interface import Lengths
from sweeper.formats.table import FORMATS, check_tasks, translatable_formats
from sweeper.scoring.scorers import SCORERS
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task
from sweeper.training.heads import HEADS
from sweeper.world.tasks import ENTRIES
from tests.tokenizers_tiny import tiny_tokenizer

CORPUS = Task(name="text", title="", format="mlm", scorer="loss", columns={"text": "text"})


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_names_a_head_and_scorers_that_exist(name: str) -> None:
    properties = FORMATS[name].properties
    assert properties.head in HEADS or properties.scores_encoder
    assert set(properties.scorers) <= set(SCORERS)
    assert properties.is_corpus == (properties.head in HEADS and HEADS[properties.head].is_masked)


def test_retrieval_alone_scores_the_encoder_without_a_head() -> None:
    assert [name for name, entry in FORMATS.items() if entry.properties.scores_encoder] == ["retrieve"]


def test_all_tasks_of_the_package_have_a_format_and_a_scorer_that_exist() -> None:
    check_tasks([*CATALOG.values(), *ENTRIES.values()])


def test_the_formats_whose_examples_can_be_translated_are_listed() -> None:
    assert translatable_formats() == ("classify", "choose", "span")


def test_a_corpus_row_is_one_text_cut_at_max_length_without_labels():
    mlm = FORMATS["mlm"]
    examples = [
        example
        for n, text in enumerate(["The town", "  ", "old river " * 30])
        for example in mlm.read({"text": text}, CORPUS, n)
    ]
    assert [example.id for example in examples] == ["0", "2"]
    features = mlm.encode(examples, tiny_tokenizer(), Lengths(max_length=12), ())
    assert features.offsets[-1] - features.offsets[1] == 12
    assert features.labels == {}


def test_a_corpus_is_scored_by_the_mean_loss_of_all_its_masked_tokens():
    mlm = FORMATS["mlm"]
    examples = [example for n in range(2) for example in mlm.read({"text": "The town"}, CORPUS, n)]
    outputs = {"loss": np.array([6.0, 2.0]), "masked": np.array([3.0, 1.0]), "uniform": np.array([9.0, 3.0])}
    outputs["restored"] = np.array([2.0, 0.0])
    features = mlm.encode(examples, tiny_tokenizer(), Lengths(max_length=12), ())
    scored = mlm.score(examples, mlm.decode(examples, features, outputs, ()), CORPUS, "en")
    assert scored.metrics == {"loss": 2.0}
    assert scored.trivial == {"loss": 3.0}
    assert [row["loss"] for row in scored.outcomes] == [6.0, 2.0]
    accuracy = mlm.score(
        examples, mlm.decode(examples, features, outputs, ()), replace(CORPUS, scorer="masked_accuracy"), "en"
    )
    assert accuracy.metrics == {"loss": 2.0, "accuracy": 0.5}
    assert accuracy.trivial == pytest.approx({"loss": 3.0, "accuracy": exp(-3)})


def test_a_corpus_without_a_masked_token_has_no_loss():
    [example] = FORMATS["mlm"].read({"text": "The town"}, CORPUS, 0)
    with pytest.raises(DataError, match="none of 1 texts has a masked token"):
        FORMATS["mlm"].score([example], [{"loss": 0.0, "masked": 0.0, "uniform": 0.0}], CORPUS, "en")


def test_a_tokenizer_without_offsets_raises_an_error():
    [example] = FORMATS["mlm"].read({"text": "The town"}, CORPUS, 0)
    with pytest.raises(UserError, match="fast tokenizer"):
        FORMATS["mlm"].encode([example], CanineTokenizer(), Lengths(max_length=12), ())


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "mlm"])
def test_a_format_has_a_function_for_each_scorer_that_it_declares(name: str) -> None:
    assert set(import_module(f"sweeper.formats.{name}")._SCORERS) == set(FORMATS[name].properties.scorers)
