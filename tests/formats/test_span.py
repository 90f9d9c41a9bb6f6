"""Span answering: windows, labels, the way back to characters, and its three scorers."""

from time import perf_counter

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
    return [example for number, one in enumerate(rows) for example in FORMAT.read(one, task(scorer), number)]


def encode(examples, max_length=48, stride=12):
    return FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=max_length, stride=stride), ())


def pointing(features: Features, none=5.0):
    """Logits of a head that knows: high on the answer's tokens, and on token 0 where a window has no answer."""
    logits = {}
    for side in ("start", "end"):
        places = features.offsets[:-1] + np.maximum(features.labels[side], 0)
        logits[side] = np.zeros(len(features.tokens), dtype=np.float32)
        logits[side][places] = np.where(features.labels[side] > 0, 10.0, none)
    return logits


@pytest.mark.parametrize(
    "answer", ["Verden", "founded in 782 by Charles", "alte Stadt", "старый город", "المدينة", "古城"]
)
def test_an_answer_in_any_script_survives_windows_and_the_way_back(answer):
    examples = read(row(answer))
    features = encode(examples)
    assert len(features.offsets) > 4, "several windows"
    [prediction] = FORMAT.decode(examples, features, pointing(features), ())
    scored = FORMAT.score(examples, [prediction], task(), "en")
    assert answer in prediction["text"]
    assert len(prediction["text"]) <= len(answer) + 5, "whole pieces, at most a few letters more"
    assert scored.metrics["f1"] > 0 or " " not in answer


def test_windows_without_the_answer_point_at_the_first_token():
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
        place for w in windows for lo, hi in zip(starts[w], ends[w], strict=True) if lo >= 0 for place in range(lo, hi)
    }
    assert seen >= {place for place, char in enumerate(CONTEXT) if not char.isspace()}
    first, second = ([int(s) for s in starts[w] if s >= 0] for w in windows[:2])
    assert first[-10:] == second[:10]
    assert np.diff(features.offsets).max() <= 48


def test_questions_of_one_context_are_one_group():
    one, other = read(row("Verden"), row("Sweden", name="q2"))
    assert one.group == other.group
    assert (one.id, other.id) == ("q1", "q2")


def test_a_question_longer_than_the_room_is_cut_and_the_context_stays():
    examples = read(row("Verden", question="Who founded the town? " * 60))
    features = encode(examples, max_length=40, stride=128)
    assert np.diff(features.offsets).max() <= 40
    [prediction] = FORMAT.decode(examples, features, pointing(features), ())
    assert "Verden" in prediction["text"]


def test_an_empty_question_and_an_empty_context_do_no_harm():
    examples = read(row("Verden", question=""), row(None, context="", name="q2"), scorer="squad2")
    features = encode(examples)
    predictions = FORMAT.decode(examples, features, pointing(features), ())
    assert "Verden" in predictions[0]["text"]
    assert predictions[1]["text"] == ""


def test_an_offset_beside_the_answer_is_set_right():
    examples = read(row("Verden", start=3))
    assert examples[0].fields["start"] == CONTEXT.find("Verden")


def test_an_answer_that_the_context_does_not_hold_is_passed_over_in_training():
    features = encode(read(row("Atlantis")))
    assert (features.labels["start"] == IGNORED).all()
    assert (features.labels["end"] == IGNORED).all()


def test_without_answers_a_row_is_unlabelled_or_unanswerable_by_its_scorer():
    assert read(row(None)) == []
    [example] = read(row(None), scorer="squad2")
    assert example.fields["answers"] == []
    assert (encode([example]).labels["start"] == 0).all()


def test_training_takes_the_first_answer_and_scoring_all_of_them():
    one = row("Verden")
    one["answers"] = [{"text": text, "answer_start": CONTEXT.find(text)} for text in ("Verden", "Sweden")]
    examples = read(one)
    features = encode(examples)
    assert "Verden" in FORMAT.decode(examples, features, pointing(features), ())[0]["text"]
    assert FORMAT.score(examples, [{"text": "Sweden"}], task(), "en").metrics["em"] == 1


def test_answers_without_positions_are_refused():
    one = row("Verden")
    one["answers"] = {"text": ["Verden"]}
    with pytest.raises(DataError, match="answers hold text and answer_start"):
        read(one)


def test_an_answer_is_thirty_tokens_long_at_most():
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


def test_declining_is_offered_where_the_scorer_knows_it_alone():
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
        assert sum(one[name] for one in scored.outcomes) / 2 == scored.metrics[name]
    assert [one["prediction"] for one in scored.outcomes] == ["old", "verden."]
    assert scored.trivial == {"em": 0, "f1": 0, "score": 0}


def test_squad2_declines_by_the_best_threshold_and_its_counts_say_so():
    examples = read(row("Verden"), row(None, name="q2"), row("Sweden", name="q3"), scorer="squad2")
    said = [{"text": "Verden", "null": -3.0}, {"text": "Aller", "null": 1.0}, {"text": "Aller", "null": 2.0}]
    scored = FORMAT.score(examples, said, task("squad2"), "en")
    assert [one["em"] for one in scored.outcomes] == [1, 1, 0]
    assert scored.metrics["em"] == sum(one["em"] for one in scored.outcomes) / 3
    assert scored.trivial["score"] == pytest.approx(1 / 3)
    assert scored.outcomes[1]["prediction"] == '{"text": "Aller", "null": 1.0}'


def test_mlqa_is_scored_in_its_language():
    examples = read(row("alte Stadt"))
    assert FORMAT.score(examples, [{"text": "die alte Stadt"}], task("mlqa"), "de").metrics["em"] == 1
    assert FORMAT.score(examples, [{"text": "die alte Stadt"}], task("mlqa"), "en").metrics["em"] == 0
    with pytest.raises(UserError, match="MLQA language"):
        FORMAT.score(examples, [{"text": "x"}], task("mlqa"), "fi")


def test_hundreds_of_windows_are_decoded_in_a_moment():
    examples = read(*(row("Verden", name=str(n)) for n in range(60)))
    features = encode(examples, max_length=64)
    logits = pointing(features)
    begin = perf_counter()
    FORMAT.decode(examples, features, logits, ())
    assert (perf_counter() - begin) / (len(features.offsets) - 1) < 0.002


@pytest.mark.mirror
@pytest.mark.parametrize(("place", "least"), [("rajpurkar/squad/plain_text", 0.97), ("google/xtreme/XQuAD.ar", 0.97)])
def test_real_answers_survive_the_way_there_and_back(mirror, place, least):
    table = parquet.read_table(mirror / "datasets" / place / "validation.parquet").slice(0, 300)
    tokenizer = AutoTokenizer.from_pretrained(mirror / "models" / "mini-xlmr")
    examples = read(*table.to_pylist())
    assert -1 not in [example.fields["start"] for example in examples]
    features = FORMAT.encode(examples, tokenizer, Lengths(max_length=128, stride=48), ())
    predictions = FORMAT.decode(examples, features, pointing(features, none=-5.0), ())
    assert FORMAT.score(examples, predictions, task(), "en").metrics["em"] >= least
