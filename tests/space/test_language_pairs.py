"""Slopes on distances between source languages and those of evaluations."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from sweeper.errors import UserError
from sweeper.space import Contrast, language_distances, pair_slope
from sweeper.world.languages import CODES, distance

APART = {pair: distance(*pair) for pair in product(CODES, repeat=2) if len(set(pair)) == 2}
RECIPES = {code: f"lesson {code}" for code in CODES}
ROOT = Path(__file__).parents[2]


def weights_of(contrast: Contrast) -> dict[tuple[str, str], float]:
    return {(term.recipe, term.languages[0]): term.weight for term in contrast.terms}


def test_a_slope_over_pairs_is_that_of_a_regression_with_a_constant_for_each_source_and_each_language() -> None:
    weights = weights_of(pair_slope("distance", RECIPES, APART))
    design = [
        [*(pair[0] == code for code in CODES), *(pair[1] == code for code in CODES[1:]), value]
        for pair, value in APART.items()
    ]
    expected = np.linalg.pinv(np.array(design, dtype=float))[-1]
    actual = [weights[RECIPES[source], language] for source, language in APART]
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_references_are_subtracted_in_each_language() -> None:
    placebos = {code: f"placebo {code}" for code in CODES}
    weights = weights_of(pair_slope("distance", RECIPES, APART, placebos, family="typology"))
    assert len(weights) == 2 * len(APART)
    assert all(weights[RECIPES[a], b] == -weights[placebos[a], b] for a, b in APART)


def test_distances_leave_out_equal_and_unknown_languages() -> None:
    pairs = language_distances("syntactic", ("en", "sw"), ("en", "sw", "de", "xf"))
    assert set(pairs) == {("en", "sw"), ("en", "de"), ("sw", "en"), ("sw", "de")}
    with pytest.raises(UserError, match="Did you mean 'syntactic'"):
        language_distances("syntactical", ("en",), ("sw",))


def test_a_source_without_a_recipe_and_values_that_the_means_explain_are_refused() -> None:
    with pytest.raises(UserError, match="'xg'"):
        pair_slope("distance", {code: code for code in CODES if code != "xg"}, APART)
    one_source = {pair: value for pair, value in APART.items() if pair[0] == "en"}
    with pytest.raises(UserError, match=f"{len(one_source)} pairs of 1 sources .* Add sources or languages"):
        pair_slope("distance", RECIPES, one_source)


def test_the_example_of_the_documents_gives_a_contrast() -> None:
    page = (ROOT / "docs" / "contrasts.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(from sweeper.space import language_distances.*?)^```$", page, flags=re.M | re.S)
    names: dict[str, Contrast] = {}
    exec(code, names)  # The page is part of this repository.
    assert {term.recipe for term in names["slope"].terms} == {"xnli_en", "xnli_hi", "xnli_sw"}
