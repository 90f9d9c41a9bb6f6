"""Sums of floats are the same in every version of Python."""

import builtins
import math
from itertools import product

import numpy as np
import pytest

from search_spaces.demo_full import SPACE
from search_spaces.questions.typology_world import partial_values
from sweeper.data.perturb.align import translation_table
from sweeper.formats.interface import Example
from sweeper.formats.mlm import Mlm
from sweeper.scoring.ranking import expected_average_precision, mean_average_precision
from sweeper.scoring.sums import mean, total
from sweeper.space.language_pairs import centred
from sweeper.tasks.catalog import CATALOG
from sweeper.training.batches import smoothed
from sweeper.training.progress import loss_curve
from sweeper.world.languages import CODES, distance
from sweeper.world.truth import planted_gains
from tests.xtreme_files import ANSWERS, FIXTURES, scores

VALUES = [0.1] * 10


def compensated(values, start=0):
    """The built-in sum of Python 3.12 and later, which adds floats with compensated rounding errors."""
    values = list(values)
    return math.fsum([start, *values]) if any(isinstance(value, float) for value in values) else PLAIN(values, start)


PLAIN = builtins.sum


def loss():
    draw = np.random.default_rng(0)
    rows = [{"loss": float(draw.normal()), "masked": 3.0, "uniform": float(draw.normal())} for _ in range(50)]
    examples = [Example(id=str(n), group="", fields={}) for n in range(50)]
    return Mlm().score(examples, rows, CATALOG["mlm_text"], "en").metrics


def probabilities():
    draw = np.random.default_rng(0)
    sides = [tuple(tuple(f"{side}{n}" for n in draw.integers(20, size=9)) for side in "ab") for _ in range(30)]
    return translation_table(sides)


COMPUTED = {
    "exact match and F1": lambda: [scores(FIXTURES, *file) for file in ANSWERS],
    "loss": loss,
    "average precision": lambda: mean_average_precision([{"average_precision": 1 / n} for n in range(1, 60)]),
    "expected average precision": lambda: expected_average_precision(7, 97),
    "loss curve": lambda: loss_curve([1 / n for n in range(1, 1000)]),
    "shares of tasks": lambda: smoothed([1104934, 392702, 363846, 130319, 87599, 39905, 38015], 0.7),
    "probabilities of translations": probabilities,
    "slopes on pairs of languages": lambda: centred({pair: distance(*pair) for pair in product(CODES, repeat=2)}),
    "slopes on one language": lambda: [partial_values(code) for code in CODES],
    "planted gains": lambda: planted_gains(SPACE),
}


def test_values_are_added_from_left_to_right():
    assert total(VALUES) == 0.9999999999999999
    assert compensated(VALUES) == 1.0
    assert total([]) == 0
    assert mean(VALUES) == 0.09999999999999999


@pytest.mark.parametrize("name", COMPUTED)
def test_no_value_of_a_record_or_space_depends_on_the_rounding_of_the_built_in_sum(name, monkeypatch):
    expected = COMPUTED[name]()
    monkeypatch.setattr(builtins, "sum", compensated)
    assert COMPUTED[name]() == expected
