"""Extractive question answering: windows, labels, predicted characters, and three scorers."""

from time import process_time

import numpy as np
import pytest
from pyarrow import parquet
from transformers import AutoTokenizer

from sweeper.errors import DataError, UserError
from sweeper.formats.interface import IGNORED, Features, Lengths
from sweeper.formats.span import Span
from sweeper.tasks.spec import Task
from tests.tokenizers_tiny import LINES, tiny_tokenizer

FORMAT = Span()
COLUMNS = {"context": "context", "question": "question", "answers": "answers", "id": "id"}
CONTEXT = " ".join(LINES)


def task(scorer="squad"):
    return Task(name="qa", title="", format="span", scorer=scorer, columns=COLUMNS)


def row(answer, context=CONTEXT, name="q1", question="Who founded the town?", start=None):
    answers = [] if answer is None else [answer]
    starts = [context.find(answer) if start is None else start for answer in answers]
    return {
        "id": name,
        "context": context,
        "question": question,
        "answers": {"text": answers, "answer_start": starts},
    }


def read(*rows, scorer="squad"):
    return [example for number, fields in enumerate(rows) for example in FORMAT.read(fields, task(scorer), number)]


def encode(examples, max_length=48, stride=12):
    return FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=max_length, stride=stride), ())


def pointing(features: Features, none=5.0):
    """Logits of a perfect head: high for the tokens of the answer, and for token 0 in a window without the answer."""
    logits = {}
    for side in ("start", "end"):
        positions = features.offsets[:-1] + np.maximum(features.labels[side], 0)
        logits[side] = np.zeros(len(features.tokens), dtype=np.float32)
        logits[side][positions] = np.where(features.labels[side] > 0, 10.0, none)
    return logits


@pytest.mark.parametrize(
    "answer", ["Verden", "founded in 782 by Charles", "alte Stadt", "старый город", "المدينة", "古城"]
)
def test_an_answer_in_any_script_is_recovered_from_the_windows(answer):
    examples = read(row(answer))
    features = encode(examples)
    assert len(features.offsets) > 4, "several windows"
    [prediction] = FORMAT.decode(examples, features, pointing(features), ())
    scored = FORMAT.score(examples, [prediction], task(), "en")
    assert answer in prediction["text"]
    assert len(prediction["text"]) <= len(answer) + 5, "whole pieces, at most a few letters more"
    assert scored.metrics["f1"] > 0 or " " not in answer


def test_the_label_of_a_window_without_the_answer_is_the_first_token():
    features = encode(read(row("Verden")))
    holding = features.labels["start"] > 0
    assert 0 < holding.sum() < len(holding)
    assert (features.labels["end"][~holding] == 0).all()
    assert (features.labels["end"] >= features.labels["start"]).all()


def test_windows_cover_the_whole_context_and_overlap_by_the_stride():
    features = encode(read(row("Verden")), stride=10)
    starts, ends = features.extra["char_start"], features.extra["char_end"]
    windows = [slice(*features.offsets[n : n + 2]) for n in range(len(features.offsets) - 1)]
    seen = {
        position
        for w in windows
        for lo, hi in zip(starts[w], ends[w], strict=True)
        if lo >= 0
        for position in range(lo, hi)
    }
    assert seen >= {position for position, char in enumerate(CONTEXT) if not char.isspace()}
    first, second = ([int(s) for s in starts[w] if s >= 0] for w in windows[:2])
    assert first[-10:] == second[:10]
    assert np.diff(features.offsets).max() <= 48


def test_questions_about_the_same_context_form_a_group():
    first, second = read(row("Verden"), row("Sweden", name="q2"))
    assert first.group == second.group
    assert (first.id, second.id) == ("q1", "q2")


def test_a_long_question_is_cut_and_the_context_is_kept():
    examples = read(row("Verden", question="Who founded the town? " * 60))
    features = encode(examples, max_length=40, stride=128)
    assert np.diff(features.offsets).max() <= 40
    [prediction] = FORMAT.decode(examples, features, pointing(features), ())
    assert "Verden" in prediction["text"]


def test_empty_questions_and_contexts_are_accepted():
    examples = read(row("Verden", question=""), row(None, context="", name="q2"), scorer="squad2")
    features = encode(examples)
    predictions = FORMAT.decode(examples, features, pointing(features), ())
    assert "Verden" in predictions[0]["text"]
    assert predictions[1]["text"] == ""


def test_a_wrong_answer_position_is_corrected():
    examples = read(row("Verden", start=3))
    assert examples[0].fields["start"] == CONTEXT.find("Verden")


def test_an_answer_that_is_not_in_the_context_is_ignored_in_training():
    features = encode(read(row("Atlantis")))
    assert (features.labels["start"] == IGNORED).all()
    assert (features.labels["end"] == IGNORED).all()


def test_the_scorer_decides_whether_a_row_without_answers_is_unlabelled_or_unanswerable():
    assert read(row(None)) == []
    [example] = read(row(None), scorer="squad2")
    assert example.fields["answers"] == []
    assert (encode([example]).labels["start"] == 0).all()


def test_training_uses_the_first_answer_and_scoring_uses_all_answers():
    question = row("Verden")
    question["answers"] = [{"text": text, "answer_start": CONTEXT.find(text)} for text in ("Verden", "Sweden")]
    examples = read(question)
    features = encode(examples)
    assert "Verden" in FORMAT.decode(examples, features, pointing(features), ())[0]["text"]
    assert FORMAT.score(examples, [{"text": "Sweden"}], task(), "en").metrics["em"] == 1


def test_answers_without_positions_raise_an_error():
    question = row("Verden")
    question["answers"] = {"text": ["Verden"]}
    with pytest.raises(DataError, match="answers must have text and answer_start"):
        read(question)


def test_an_answer_has_at_most_thirty_tokens():
    examples = read(row("Verden", context="a " * 60, start=0))
    features = encode(examples, max_length=200)
    logits = {side: np.zeros(len(features.tokens), dtype=np.float32) for side in ("start", "end")}
    inside = np.flatnonzero(features.extra["char_start"] >= 0)
    logits["start"][inside[0]] = 9
    logits["end"][inside[59]], logits["end"][inside[29]], logits["end"][inside[2]] = 9, 5, 4
    logits["end"][inside[30]] = 8
    [prediction] = FORMAT.decode(examples, features, logits, ())
    assert len(prediction["text"]) == features.extra["char_end"][inside[29]]


def test_an_end_before_the_start_is_no_answer():
    examples = read(row("Verden"))
    features = encode(examples, max_length=400)
    logits = {side: np.zeros(len(features.tokens), dtype=np.float32) for side in ("start", "end")}
    inside = np.flatnonzero(features.extra["char_start"] >= 0)
    logits["start"][inside[20]], logits["end"][inside[10]], logits["end"][inside[25]] = 9, 9, 1
    [prediction] = FORMAT.decode(examples, features, logits, ())
    first, last = features.extra["char_start"][inside[20]], features.extra["char_end"][inside[25]]
    assert prediction["text"] == CONTEXT[first:last].strip()


def test_only_squad2_predictions_have_a_no_answer_score():
    for scorer, keys in (("squad", {"text"}), ("mlqa", {"text"}), ("squad2", {"text", "null"})):
        examples = read(row("Verden"), scorer=scorer)
        features = encode(examples)
        [prediction] = FORMAT.decode(examples, features, pointing(features), ())
        assert set(prediction) == keys


def test_the_null_score_is_high_for_a_question_without_answer():
    examples = read(row("Verden"), row(None, name="q2"), scorer="squad2")
    features = encode(examples)
    answered, declined = FORMAT.decode(examples, features, pointing(features), ())
    assert answered["null"] == pytest.approx(0.0 - 20.0)
    assert declined["null"] == pytest.approx(10.0)


def test_the_score_is_the_mean_of_exact_match_and_f1_and_recomputable():
    examples = read(row("the old town"), row("Verden", name="q2"))
    scored = FORMAT.score(examples, [{"text": "old"}, {"text": "verden."}], task(), "en")
    assert scored.metrics == pytest.approx({"em": 0.5, "f1": (2 / 3 + 1) / 2, "score": (0.5 + 5 / 6) / 2})
    for name in ("em", "f1"):
        assert sum(row[name] for row in scored.outcomes) / 2 == scored.metrics[name]
    assert [row["prediction"] for row in scored.outcomes] == ["old", "verden."]
    assert scored.trivial == {"em": 0, "f1": 0, "score": 0}


def test_squad2_declines_above_the_best_threshold_and_the_counts_show_it():
    examples = read(row("Verden"), row(None, name="q2"), row("Sweden", name="q3"), scorer="squad2")
    predictions = [{"text": "Verden", "null": -3.0}, {"text": "Aller", "null": 1.0}, {"text": "Aller", "null": 2.0}]
    scored = FORMAT.score(examples, predictions, task("squad2"), "en")
    assert [row["em"] for row in scored.outcomes] == [1, 1, 0]
    assert scored.metrics["em"] == pytest.approx(sum(row["em"] for row in scored.outcomes) / 3)
    assert scored.trivial["score"] == pytest.approx(1 / 3)
    assert scored.outcomes[1]["prediction"] == '{"text": "Aller", "null": 1.0}'


def test_mlqa_uses_the_rules_of_the_language():
    examples = read(row("alte Stadt"))
    assert FORMAT.score(examples, [{"text": "die alte Stadt"}], task("mlqa"), "de").metrics["em"] == 1
    assert FORMAT.score(examples, [{"text": "die alte Stadt"}], task("mlqa"), "en").metrics["em"] == 0
    with pytest.raises(UserError, match="MLQA language"):
        FORMAT.score(examples, [{"text": "x"}], task("mlqa"), "fi")


def test_a_window_is_decoded_in_two_milliseconds():
    examples = read(*(row("Verden", name=str(n)) for n in range(60)))
    features = encode(examples, max_length=64)
    logits = pointing(features)
    begin = process_time()
    FORMAT.decode(examples, features, logits, ())
    assert (process_time() - begin) / (len(features.offsets) - 1) < 0.002


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("data_set", "least"), [("rajpurkar/squad/plain_text", 0.97), ("google/xtreme/XQuAD.ar", 0.97)]
)
def test_answers_of_real_data_are_recovered_from_the_windows(mirror, data_set, least):
    table = parquet.read_table(mirror / "datasets" / data_set / "validation.parquet").slice(0, 300)
    tokenizer = AutoTokenizer.from_pretrained(mirror / "models" / "mini-xlmr")
    examples = read(*table.to_pylist())
    assert -1 not in [example.fields["start"] for example in examples]
    features = FORMAT.encode(examples, tokenizer, Lengths(max_length=128, stride=48), ())
    predictions = FORMAT.decode(examples, features, pointing(features, none=-5.0), ())
    assert FORMAT.score(examples, predictions, task(), "en").metrics["em"] >= least
