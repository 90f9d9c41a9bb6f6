"""The benchmark of the five questions counts contrasts with a p only, and reports the others."""

import math

import pandas as pd

from benchmarks.questions import Verdict, lines_of, verdicts

NAN = math.nan


def verdict(planted: int, estimate: float, p: float) -> Verdict:
    return Verdict(label="contrast", planted=planted, estimate=estimate, low=NAN, high=NAN, p=p)


def test_null_contrasts_that_cannot_be_called_are_not_in_the_share_of_called_ones() -> None:
    called, accepted = verdict(0, 0.1, 0.01), verdict(0, 0.1, 0.5)
    exact, failed = verdict(0, 0.0, NAN), verdict(0, NAN, NAN)
    lines = list(lines_of([called, accepted, accepted, accepted, *[exact] * 8, *[failed] * 5]))
    assert any(line.startswith("null contrasts called 1/4 = 25.0%") for line in lines)
    assert "null contrasts that are exactly 0 in every seed: 8" in lines
    assert "failed contrasts (without a p): 5" in lines
    assert "These worlds have 4 null contrasts, fewer than 40. Add worlds." in lines


def test_a_planted_contrast_is_found_only_with_its_sign_and_fails_without_a_score() -> None:
    lines = list(lines_of([verdict(1, 0.3, 0.01), verdict(1, -0.3, 0.01), verdict(-1, 0.3, 0.4), verdict(1, NAN, NAN)]))
    assert lines[0].startswith("planted contrasts found 1/3 = 33.3%")
    assert lines[1] == "failed contrasts (without a p): 1"


def test_an_estimate_of_one_seed_has_failed_and_its_line_says_why() -> None:
    names = ("contrast", "target", "language", "estimate", "low", "high", "p", "note")
    rows = [("dose", "xclaims", "en", 0.2, 0.1, 0.3, NAN, "one seed"), ("other", "", "", 0.1, 0.0, 0.2, 0.04, "")]
    (judged,) = verdicts(pd.DataFrame(rows, columns=list(names)), {"dose": 0})
    assert judged.has_failed and not judged.is_significant
    assert judged.label == "dose xclaims en"
    assert judged.text.endswith("failed one seed")
