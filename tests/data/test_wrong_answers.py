"""Training rows whose answers cannot be right: they are counted, named and left out, or refused above a share."""

from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from sweeper.data.encode import encode
from sweeper.data.entry import Encoded
from sweeper.data.source import Sources
from sweeper.errors import DataError
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Rows, Task
from tests.data.conftest import Write

TASK = Task(
    name="quiz",
    title="",
    format="span",
    scorer="squad",
    columns={"context": "context", "question": "question", "answers": "answers"},
    train={"en": (Rows(id="demo/quiz", split="train"),)},
    dev={"en": (Rows(id="demo/quiz", split="validation"),)},
)
RIGHT = {"context": "one two three four", "text": ["two"], "start": [4]}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "negative": ({"start": [-4]}, "answer_start is -4, and the context has 18 characters"),
    "too large": ({"start": [400]}, "answer_start is 400, and the context has 18 characters"),
    "elsewhere": ({"start": [0]}, "the context does not have 'two' at answer_start 0"),
    "more starts": ({"start": [4, 8]}, "it has 1 answers and 2 values of answer_start"),
    "more texts": ({"text": ["two", "three"]}, "it has 2 answers and 1 values of answer_start"),
    "no starts": ({"start": []}, "it has 1 answers and 0 values of answer_start"),
    "empty context": ({"context": " "}, "its context is empty"),
    "empty answer": ({"text": [" "], "start": [3]}, "its answer is empty"),
}


def encoded(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast, changes: list[dict[str, Any]], part: str
) -> Encoded:
    rows = [RIGHT | change for change in changes]
    split = {
        "context": [row["context"] for row in rows],
        "question": ["one"] * len(rows),
        "answers": [{"text": row["text"], "answer_start": row["start"]} for row in rows],
    }
    write("demo/quiz", {"default": {"train": split, "validation": split}})
    data = DataSpec(task="quiz", part=part, languages=("en",), max_length=16, stride=4)  # type: ignore[arg-type]
    return encode(data, TASK, "en", sources, tokenizer)


@pytest.mark.parametrize(("change", "problem"), WRONG.values(), ids=WRONG)
def test_a_row_whose_answer_cannot_be_right_is_counted_named_and_left_out(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast, change: dict[str, Any], problem: str
) -> None:
    found = encoded(write, sources, tokenizer, [{}, {}, change, *[{}] * 37], "train")
    assert found.wrong[0] == "1"
    assert found.wrong[1].startswith("Data set demo/quiz")
    assert found.wrong[1].split(": ")[0].endswith(", row 2")
    assert found.wrong[1].endswith(problem)
    assert [example.id for example in found.examples] == [str(number) for number in range(40) if number != 2]


def test_a_larger_share_of_such_rows_is_refused_with_the_first_ones(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(
        DataError,
        match=r"at most 5% of the rows may have an answer that cannot be right, got 3 of 40\..*, row 0: .* -1",
    ):
        encoded(write, sources, tokenizer, [{"start": [-1]}] * 3 + [{}] * 37, "train")


def test_rows_that_are_scored_do_not_need_a_right_position(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    found = encoded(write, sources, tokenizer, [{"start": [-1]}] * 3, "dev")
    assert len(found.examples) == 3
    assert found.wrong == ()


def test_a_space_beside_the_answer_is_no_error(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    changes = [{"start": [3]}, {"text": [" two"], "start": [3]}, {"text": ["two "]}]
    assert encoded(write, sources, tokenizer, changes, "train").wrong == ()


def test_an_answer_start_that_is_a_text_is_refused_with_its_row(
    write: Write, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(DataError, match="row 0: answers must have texts and whole numbers as answer_start"):
        encoded(write, sources, tokenizer, [{"start": ["4"]}] * 3, "train")
