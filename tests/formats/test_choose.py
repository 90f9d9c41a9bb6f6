"""Multiple choice: the label in the layouts of four data sets, and one feature per option."""

import numpy as np
import pytest

from sweeper.errors import DataError
from sweeper.formats.choose import Choose
from sweeper.formats.interface import Lengths
from sweeper.tasks.spec import Task
from tests.tokenizers_tiny import tiny_tokenizer

FORMAT = Choose()


def task(labels=(), **columns):
    return Task(name="t", title="", format="choose", scorer="accuracy", columns=columns, labels=labels)


HELLASWAG = task(prompt="ctx_a", choices="{ctx_b} {endings}", label="label")
COSMOS = task(prompt="{context} {question}", choices=("answer0", "answer1", "answer2", "answer3"), label="label")
CSQA = task(prompt="question", choices="choices.text", label="answerKey", keys="choices.label")
COPA = task(labels=("choice1", "choice2"), prompt="premise", choices=("choice1", "choice2"), label="label")


def fields(row, task):
    [example] = FORMAT.read(row, task, 0)
    return example.fields


def test_a_digit_in_a_string_is_an_index():
    row = {"ctx_a": "A man.", "ctx_b": "he", "endings": ["sits", "runs"], "label": "1"}
    assert fields(row, HELLASWAG) == {"prompt": "A man.", "choices": ["he sits", "he runs"], "label": 1}


def test_a_bare_number_is_an_index():
    row = {"context": "It rains.", "question": "Why?", **{f"answer{n}": str(n) for n in range(4)}, "label": 0}
    assert fields(row, COSMOS) == {"prompt": "It rains. Why?", "choices": ["0", "1", "2", "3"], "label": 0}


def test_a_letter_is_looked_up_in_the_keys():
    row = {"question": "Where?", "choices": {"label": ["A", "B", "C"], "text": ["x", "y", "z"]}, "answerKey": "C"}
    assert fields(row, CSQA)["label"] == 2


@pytest.mark.parametrize("label", ["choice2", 1])
def test_a_name_or_a_number_is_looked_up_in_the_declared_labels(label):
    assert fields({"premise": "p", "choice1": "a", "choice2": "b", "label": label}, COPA)["label"] == 1


@pytest.mark.parametrize("key", ["", None])
def test_a_row_without_a_key_is_dropped(key):
    row = {"question": "Where?", "choices": {"label": ["A", "B"], "text": ["x", "y"]}, "answerKey": key}
    assert FORMAT.read(row, CSQA, 0) == []


def test_an_index_beyond_the_choices_raises_an_error():
    with pytest.raises(DataError, match=r"one of \['0', '1'\], got '2'"):
        FORMAT.read({"ctx_a": "A", "ctx_b": "he", "endings": ["sits", "runs"], "label": "2"}, HELLASWAG, 0)


def test_a_single_choice_raises_an_error():
    with pytest.raises(DataError, match="at least two choices"):
        FORMAT.read({"ctx_a": "A", "ctx_b": "he", "endings": ["sits"], "label": "0"}, HELLASWAG, 0)


def ragged():
    rows = [
        {"ctx_a": "The river", "ctx_b": "", "endings": ["old", "town", "bridge"], "label": "2"},
        {"ctx_a": "The town", "ctx_b": "was", "endings": ["old", "built"], "label": "0"},
    ]
    return [example for number, row in enumerate(rows) for example in FORMAT.read(row, HELLASWAG, number)]


def test_each_option_is_a_feature_and_each_example_an_item():
    tokenizer = tiny_tokenizer()
    features = FORMAT.encode(ragged(), tokenizer, Lengths(max_length=32), ())
    assert features.items.tolist() == [0, 3, 5]
    assert features.example.tolist() == [0, 0, 0, 1, 1]
    assert features.labels["label"].tolist() == [2, 0]
    last = features.tokens[features.offsets[4] :]
    assert last.tolist() == tokenizer("The town", "was built")["input_ids"]


def test_a_long_prompt_is_cut_and_the_options_are_kept():
    tokenizer = tiny_tokenizer()
    row = {"ctx_a": "The river flows " * 30, "ctx_b": "", "endings": ["old", "town"], "label": "0"}
    features = FORMAT.encode(FORMAT.read(row, HELLASWAG, 0), tokenizer, Lengths(max_length=24), ())
    assert np.diff(features.offsets).tolist() == [24, 24]
    ending = [*tokenizer("town", add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
    assert features.tokens[-len(ending) :].tolist() == ending


def test_a_long_option_is_cut_to_half_of_the_available_tokens():
    row = {"ctx_a": "The river flows", "ctx_b": "", "endings": ["old town " * 40, "town"], "label": "0"}
    features = FORMAT.encode(FORMAT.read(row, HELLASWAG, 0), tiny_tokenizer(), Lengths(max_length=20), ())
    assert np.diff(features.offsets).max() <= 20


def test_the_highest_option_wins_within_its_own_example():
    features = FORMAT.encode(ragged(), tiny_tokenizer(), Lengths(max_length=32), ())
    scores = np.array([0.0, 1.0, 0.5, 9.0, 9.0], dtype=np.float32)
    assert FORMAT.decode(ragged(), features, {"score": scores}, ()) == [1, 0]


def test_accuracy_is_recomputable_and_a_random_choice_is_trivial():
    scored = FORMAT.score(ragged(), [2, 1], HELLASWAG, "en")
    assert scored.metrics == {"accuracy": 0.5}
    assert scored.trivial == {"accuracy": pytest.approx((1 / 3 + 1 / 2) / 2)}
    assert [row["correct"] for row in scored.outcomes] == [1, 0]
    assert scored.outcomes[0]["prediction"] == "2"
