"""An error of a row names its data set, config, split and number, wherever the row is read."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from sweeper.data.encode import encode
from sweeper.data.source import Sources
from sweeper.data.survey import survey
from sweeper.errors import DataError, RowError
from sweeper.formats.classify import Classify
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Rows, Task
from tests.data.conftest import Write

TASK = Task(
    name="mood",
    format="classify",
    scorer="accuracy",
    labels=("no", "yes"),
    columns={"text": "text", "label": "label"},
    train={"de": (Rows(id="demo/mood", config="german", split="train"),)},
)
WHERE = r"Data set demo/mood \(config 'german', split 'train'\)"


def read(sources: Sources, tokenizer: PreTrainedTokenizerFast, **caps: Any) -> object:
    data = DataSpec(task="mood", part="train", languages=("de",), max_length=8, stride=2, **caps)
    return encode(data, TASK, "de", sources, tokenizer)


READERS: dict[str, Callable[[Sources, PreTrainedTokenizerFast], object]] = {
    "all rows": read,
    "rows that a cap keeps": lambda sources, tokenizer: read(sources, tokenizer, cap_examples=2),
    "survey": lambda sources, _: survey(TASK, "train", "de", sources),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_an_error_of_a_row_names_its_data_set_config_split_and_number(
    write: Write,
    sources: Sources,
    tokenizer: PreTrainedTokenizerFast,
    reader: Callable[[Sources, PreTrainedTokenizerFast], object],
) -> None:
    write("demo/mood", {"german": {"train": {"text": list("abcd"), "label": ["no", "yes", "maybe", "no"]}}})
    with pytest.raises(DataError, match=rf"^Task 'mood': {WHERE}, row 2: .*got 'maybe'"):
        reader(sources, tokenizer)


def test_an_error_of_an_example_names_its_data_set_and_its_id(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("demo/mood", {"german": {"train": {"text": list("ab"), "label": ["no", "yes"]}}})
    wrong = Classify.encode

    def with_fewer_labels(self: Classify, examples: Any, tokenizer: Any, lengths: Any, labels: Any) -> Any:
        return wrong(self, examples, tokenizer, lengths, labels[:1])

    monkeypatch.setattr(Classify, "encode", with_fewer_labels)
    with pytest.raises(DataError, match=rf"^Task 'mood', train, de: {WHERE}: Example '1': .*got 'yes'"):
        read(sources, tokenizer)


def test_an_error_of_a_row_passes_from_process_to_process() -> None:
    error = RowError("mood", 2, "its label is wrong.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "Task 'mood', row 2: its label is wrong."
