"""Every format is in the table, and the corpus format scores the loss on its masked tokens."""

from importlib import import_module
from typing import get_args

import numpy as np
import pytest
from transformers import CanineTokenizer

from sweeper.errors import DataError, UserError
from sweeper.formats.interface import Lengths
from sweeper.formats.table import FORMATS
from sweeper.tasks.spec import SCORERS_OF, FormatName, Task
from tests.tokenizers_tiny import tiny_tokenizer

CORPUS = Task(name="text", title="", format="mlm", scorer="loss", columns={"text": "text"})


def test_each_format_of_a_task_has_its_code_and_its_head():
    assert tuple(FORMATS) == get_args(FormatName)
    assert [entry.head for entry in FORMATS.values()] == ["sequence", "choice", "token", "span", "pool", "dual", "mlm"]


def test_a_corpus_row_is_one_text_cut_at_max_length_without_labels():
    mlm = FORMATS["mlm"]
    examples = [
        one
        for n, text in enumerate(["The town", "  ", "old river " * 30])
        for one in mlm.read({"text": text}, CORPUS, n)
    ]
    assert [example.id for example in examples] == ["0", "2"]
    features = mlm.encode(examples, tiny_tokenizer(), Lengths(max_length=12), ())
    assert features.offsets[-1] - features.offsets[1] == 12
    assert features.labels == {}


def test_a_corpus_is_scored_by_the_mean_loss_of_all_its_masked_tokens():
    mlm = FORMATS["mlm"]
    examples = [one for n in range(2) for one in mlm.read({"text": "The town"}, CORPUS, n)]
    outputs = {"loss": np.array([6.0, 2.0]), "masked": np.array([3.0, 1.0]), "uniform": np.array([9.0, 3.0])}
    features = mlm.encode(examples, tiny_tokenizer(), Lengths(max_length=12), ())
    scored = mlm.score(examples, mlm.decode(examples, features, outputs, ()), CORPUS, "en")
    assert scored.metrics == {"loss": 2.0}
    assert scored.trivial == {"loss": 3.0}
    assert [row["loss"] for row in scored.outcomes] == [6.0, 2.0]


def test_a_corpus_without_a_masked_token_has_no_loss():
    [example] = FORMATS["mlm"].read({"text": "The town"}, CORPUS, 0)
    with pytest.raises(DataError, match="none of 1 texts has a masked token"):
        FORMATS["mlm"].score([example], [{"loss": 0.0, "masked": 0.0, "uniform": 0.0}], CORPUS, "en")


def test_a_tokenizer_that_does_not_know_offsets_is_refused():
    [example] = FORMATS["mlm"].read({"text": "The town"}, CORPUS, 0)
    with pytest.raises(UserError, match="fast tokenizer"):
        FORMATS["mlm"].encode([example], CanineTokenizer(), Lengths(max_length=12), ())


@pytest.mark.parametrize("name", [name for name in SCORERS_OF if name != "mlm"])
def test_a_format_scores_with_what_the_task_entries_may_name(name: str) -> None:
    assert set(import_module(f"sweeper.formats.{name}")._SCORERS) == set(SCORERS_OF[name])
