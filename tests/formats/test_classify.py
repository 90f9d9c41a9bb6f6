"""Classification: rows to examples, features and predictions, and both scorers."""

import numpy as np
import pytest

from sweeper.errors import DataError, UserError
from sweeper.formats.classify import Classify
from sweeper.formats.interface import Lengths
from sweeper.formats.table import check_tasks
from sweeper.scoring.accuracy import accuracy_and_f1
from sweeper.tasks.spec import Task
from tests.tokenizers_tiny import tiny_tokenizer

NLI = Task(
    name="nli",
    title="",
    format="classify",
    scorer="accuracy",
    columns={"text": "premise", "pair": "hypothesis", "label": "label"},
    labels=("entailment", "neutral", "contradiction"),
)
PARAPHRASE = Task(
    name="paraphrase",
    title="",
    format="classify",
    scorer="accuracy_f1",
    columns={"text": "one", "pair": "two", "label": "label"},
    labels=("different", "same"),
)
FORMAT = Classify()


def read(task, *rows):
    return [example for number, row in enumerate(rows) for example in FORMAT.read(row, task, number)]


def nli(*labels):
    return read(NLI, *({"premise": f"The town {n}", "hypothesis": "It", "label": v} for n, v in enumerate(labels)))


def test_rows_without_a_label_are_dropped_and_the_rest_keep_their_numbers():
    examples = nli("neutral", -1, 0)
    assert [(example.id, example.fields["label"]) for example in examples] == [("0", "neutral"), ("2", "entailment")]


def test_examples_with_the_same_premise_form_a_group():
    rows = [{"premise": "The river", "hypothesis": text, "label": 0} for text in ("a", "b")]
    first, second = read(NLI, *rows)
    assert first.group == second.group != nli("neutral")[0].group


def test_a_pair_is_one_feature_with_both_texts_and_its_label():
    tokenizer = tiny_tokenizer(segments=True)
    features = FORMAT.encode(nli("neutral", "contradiction"), tokenizer, Lengths(max_length=32), NLI.labels)
    first = features.tokens[: features.offsets[1]]
    assert first.tolist() == tokenizer("The town 0", "It")["input_ids"]
    assert features.labels["label"].tolist() == [1, 2]
    assert features.items.tolist() == [0, 1, 2]
    assert features.segments is not None
    assert set(features.segments[: features.offsets[1]]) == {0, 1}
    assert features.tokens.dtype == np.int32


def test_a_single_text_has_no_segments_if_the_tokenizer_makes_none():
    task = Task(name="t", title="", format="classify", scorer="accuracy", columns={"text": "x", "label": "y"})
    examples = read(task, {"x": "The town", "y": "news"})
    features = FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=32), ["news"])
    assert features.tokens.tolist() == tiny_tokenizer()("The town")["input_ids"]
    assert features.segments is None


def test_a_long_pair_is_cut_at_max_length():
    examples = read(NLI, {"premise": "The river " * 50, "hypothesis": "old town " * 50, "label": 1})
    assert len(FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=20), NLI.labels).tokens) == 20


def test_a_max_length_without_space_for_text_raises_an_error():
    with pytest.raises(UserError, match="needs at least 8, got 6"):
        FORMAT.encode(nli(0), tiny_tokenizer(), Lengths(max_length=6), NLI.labels)


def test_no_examples_give_empty_features():
    features = FORMAT.encode([], tiny_tokenizer(), Lengths(max_length=20), NLI.labels)
    assert features.items.tolist() == features.offsets.tolist() == [0]


def test_the_error_for_an_undeclared_label_names_the_example():
    with pytest.raises(DataError, match=r"Example '0': .*'neutral'"):
        FORMAT.encode(nli("neutral"), tiny_tokenizer(), Lengths(max_length=20), ["entailment"])


def test_the_label_with_the_highest_logit_is_predicted_and_the_first_one_among_equals():
    logits = np.array([[0, 2, 1], [3, 3, 0]], dtype=np.float32)
    features = FORMAT.encode(nli(0, 0), tiny_tokenizer(), Lengths(max_length=20), NLI.labels)
    assert FORMAT.decode(nli(0, 0), features, {"logits": logits}, NLI.labels) == ["neutral", "entailment"]


def test_accuracy_is_recomputable_from_the_outcomes_and_the_majority_is_trivial():
    examples = nli(0, 0, 1, 2)
    scored = FORMAT.score(examples, ["entailment", "neutral", "neutral", "neutral"], NLI, "en")
    assert scored.metrics == {"accuracy": 0.5}
    assert scored.trivial == {"accuracy": 0.5}
    assert sum(row["correct"] for row in scored.outcomes) / len(scored.outcomes) == 0.5
    assert scored.outcomes[1] == {"example": "1", "group": examples[1].group, "prediction": "neutral", "correct": 0}


def test_accuracy_and_f1_are_recomputable_from_the_paraphrase_counts():
    examples = read(PARAPHRASE, *({"one": str(n), "two": "x", "label": n > 2} for n in range(5)))
    scored = FORMAT.score(examples, ["same", "different", "same", "same", "different"], PARAPHRASE, "en")
    # Correct: 1 and 3. Predicted "same": 0, 2, 3. Gold "same": 3, 4.
    assert scored.metrics == pytest.approx({"accuracy": 0.4, "f1": 0.4, "score": 0.4})
    assert accuracy_and_f1(scored.outcomes) == scored.metrics


def test_the_trivial_answer_is_the_best_constant_and_not_always_the_majority():
    examples = read(PARAPHRASE, *({"one": str(n), "two": "x", "label": n > 2} for n in range(5)))
    scored = FORMAT.score(examples, ["same"] * 5, PARAPHRASE, "en")
    # Always "same": accuracy 2/5, F1 4/7. Always "different", the majority: accuracy 3/5, F1 0.
    assert scored.trivial == scored.metrics
    assert scored.trivial["f1"] == pytest.approx(4 / 7)


def test_an_empty_split_raises_an_error():
    with pytest.raises(DataError, match="no labelled example in 'sw': an empty split"):
        FORMAT.score([], [], NLI, "sw")


def test_a_missing_prediction_raises_an_error():
    with pytest.raises(DataError, match="got 1 for 2"):
        FORMAT.score(nli(0, 1), ["neutral"], NLI, "en")


def test_the_f1_of_a_class_needs_two_declared_labels():
    three = Task(name="t", title="", format="classify", scorer="accuracy_f1", columns=NLI.columns, labels=NLI.labels)
    with pytest.raises(UserError, match="needs two labels"):
        FORMAT.score(nli(0), ["neutral"], three, "en")


def test_the_error_for_a_scorer_of_another_format_lists_the_scorers_of_the_format():
    task = Task(name="t", title="", format="classify", scorer="chunks", columns=NLI.columns, labels=NLI.labels)
    with pytest.raises(UserError, match="Known: accuracy, accuracy_f1"):
        check_tasks([task])
