"""Log-probabilities of answers, against calculations by hand."""

import numpy as np
import pytest

from sweeper.formats.certainty import log_softmax, of_choices, of_labels, of_spans, of_tags
from sweeper.formats.interface import Example, Features

CONTEXT = "aa bb cc dd"
"""Four words, one token each."""


def features(example, *, items=None, extra=None, tokens=1):
    """Features with `tokens` tokens each; `example` has the number of the example of each feature."""
    num = len(example)
    return Features(
        tokens=np.zeros(num * tokens, dtype=np.int32),
        offsets=np.arange(num + 1, dtype=np.int64) * tokens,
        items=np.arange(num + 1, dtype=np.int64) if items is None else np.array(items),
        example=np.array(example, dtype=np.int32),
        extra={} if extra is None else extra,
    )


def labelled(label, **fields):
    return Example(id="1", group="1", fields={"label": label, **fields})


def span(answers, start, may_decline=False):
    fields = {"context": CONTEXT, "question": "?", "answers": answers, "start": start, "may_decline": may_decline}
    return Example(id="1", group="1", fields=fields)


def windows(*words):
    """Windows of some words of the context after one token without characters."""
    starts = [[-1, *(3 * word for word in window)] for window in words]
    ends = [[-1, *(3 * word + 2 for word in window)] for window in words]
    extra = {"char_start": np.ravel(starts), "char_end": np.ravel(ends)}
    return features([0] * len(words), extra=extra, tokens=1 + len(words[0]))


def test_the_logarithm_of_a_softmax_is_finite_for_large_logits():
    assert log_softmax(np.array([1000.0, 0.0])) == pytest.approx([0.0, -1000.0])


def test_a_label_has_the_log_probability_of_its_logit_and_the_prediction_that_of_the_best_one():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], dtype=np.float32))
    logs = of_labels([labelled("b"), labelled("c")], features([0, 1]), {"logits": logits}, ("a", "b", "c"))
    assert np.exp(logs.correct) == pytest.approx([0.2, 0.6], abs=1e-6)
    assert np.exp(logs.predicted) == pytest.approx([0.7, 0.6], abs=1e-6)
    assert logs.correct.dtype == np.float32


def test_a_label_that_the_head_does_not_have_has_no_log_probability():
    logs = of_labels([labelled("z")], features([0]), {"logits": np.zeros((1, 2))}, ("a", "b"))
    assert np.isnan(logs.correct[0])
    assert np.exp(logs.predicted[0]) == pytest.approx(0.5)


def test_choices_are_compared_within_their_example():
    scores = np.log(np.array([0.8, 0.2, 0.5, 0.25, 0.25]))
    logs = of_choices([labelled(1), labelled(0)], features([0, 0, 1, 1, 1], items=[0, 2, 5]), {"score": scores}, ())
    assert np.exp(logs.correct) == pytest.approx([0.2, 0.5], abs=1e-6)
    assert np.exp(logs.predicted) == pytest.approx([0.8, 0.5], abs=1e-6)


def test_the_tags_of_a_sentence_sum_over_its_words_in_all_windows():
    examples = [Example(id="1", group="1", fields={"tags": ["X", "Y", "X"]})]
    of_words = features([0, 0], extra={"word": np.array([0, -1, 1, 2])}, tokens=2)
    outputs = {"log_gold": np.array([-1.0, -9.0, -2.0, -4.0]), "log_best": np.array([-0.5, -9.0, -1.0, -1.5])}
    logs = of_tags(examples, of_words, outputs, ("X", "Y"))
    assert (logs.correct[0], logs.predicted[0]) == pytest.approx((-7.0, -3.0))
    assert np.isnan(of_tags(examples, of_words, outputs, ("X",)).correct[0])


def test_an_answer_is_as_likely_as_its_start_times_its_end():
    start, end = np.array([0.1, 0.6, 0.1, 0.1, 0.1]), np.array([0.1, 0.1, 0.5, 0.2, 0.1])
    outputs = {"start": np.log(start), "end": np.log(end)}
    logs = of_spans([span(["aa bb"], 0)], windows((0, 1, 2, 3)), outputs, ())
    assert np.exp(logs.correct[0]) == pytest.approx(0.6 * 0.5)
    assert np.exp(logs.predicted[0]) == pytest.approx(0.6 * 0.5)


def test_accepted_answers_are_summed_and_equal_spans_counted_once():
    start, end = np.array([0.1, 0.5, 0.2, 0.1, 0.1]), np.array([0.1, 0.4, 0.3, 0.1, 0.1])
    outputs = {"start": np.log(start), "end": np.log(end)}
    logs = of_spans([span(["aa", "aa bb", "aa "], 0)], windows((0, 1, 2, 3)), outputs, ())
    assert np.exp(logs.correct[0]) == pytest.approx(0.5 * 0.4 + 0.5 * 0.3)


def test_a_span_in_two_windows_has_the_probability_of_the_better_one():
    start, end = np.array([0.2, 0.2, 0.6, 0.1, 0.8, 0.1]), np.array([0.2, 0.4, 0.4, 0.3, 0.5, 0.2])
    outputs = {"start": np.log(start), "end": np.log(end)}
    # "bb" is the second word of the first window and the first word of the second one.
    logs = of_spans([span(["bb"], 3)], windows((0, 1), (1, 2)), outputs, ())
    assert np.exp(logs.correct[0]) == pytest.approx(max(0.6 * 0.4, 0.8 * 0.5))


def test_no_answer_is_as_likely_as_in_the_window_that_doubts_it_most():
    start, end = np.array([0.9, 0.05, 0.05, 0.3, 0.35, 0.35]), np.array([0.8, 0.1, 0.1, 0.4, 0.3, 0.3])
    outputs = {"start": np.log(start), "end": np.log(end)}
    logs = of_spans([span([], None, may_decline=True)], windows((0, 1), (2, 3)), outputs, ())
    assert np.exp(logs.correct[0]) == pytest.approx(0.3 * 0.4)


def test_an_answer_that_the_context_does_not_contain_has_no_log_probability():
    outputs = {"start": np.zeros(5), "end": np.zeros(5)}
    logs = of_spans([span(["zz"], -1)], windows((0, 1, 2, 3)), outputs, ())
    assert np.isnan(logs.correct[0])


def test_answers_in_different_windows_are_not_added_up():
    start, end = np.array([0.1, 0.8, 0.1, 0.1, 0.8, 0.1]), np.array([0.1, 0.8, 0.1, 0.1, 0.8, 0.1])
    outputs = {"start": np.log(start), "end": np.log(end)}
    logs = of_spans([span(["aa", "cc"], 0)], windows((0, 1), (2, 3)), outputs, ())
    assert np.exp(logs.correct[0]) == pytest.approx(0.64)
