"""The shipped statistics on a few simulated matrices; `benchmarks/statistics.py` measures them on thousands."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulations import best, cells, items, languages
from benchmarks.simulations.measure import Measure
from benchmarks.simulations.worlds import Design, simulated


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_the_interval_of_a_cell_covers_the_true_gain_and_is_narrower_than_that_of_the_paired_t_test(num_seeds):
    worlds = simulated(Design(num_seeds=num_seeds), 100, num_seeds)
    moderated, plain = cells.moderated(worlds), cells.plain(worlds)
    assert 0.93 <= cells.coverage(moderated, worlds) <= 0.97
    assert cells.half_width(moderated, worlds) < 0.9 * cells.half_width(plain, worlds)


def test_three_seeds_find_gains_that_the_paired_t_test_misses_with_few_false_discoveries():
    worlds = simulated(Design(num_seeds=3), 200, 1)
    assert cells.power(cells.moderated(worlds), worlds) > 0.03 > cells.power(cells.plain(worlds), worlds)
    assert cells.false_discoveries(cells.moderated(worlds), worlds) <= 0.06


def test_a_seed_effect_on_a_whole_column_changes_no_interval():
    plain = simulated(Design(num_seeds=3), 5, 1)
    shifted = replace(plain, scores=plain.scores + 5 * np.random.default_rng(2).normal(size=(5, 9, 1, 3)))
    assert cells.moderated(shifted).low == pytest.approx(cells.moderated(plain).low)


def test_collapsed_seeds_are_called_bimodal_and_others_are_not():
    measures = {measure.name: measure.value for measure in cells.collapses(Design(num_seeds=5), 40)}
    assert measures["cells called bimodal, no training collapsed"] < 0.002
    assert measures["cells with collapsed seeds that are called bimodal"] > 0.9


def test_an_interval_over_seeds_and_items_covers_new_seeds_and_items_where_one_over_seeds_does_not():
    column = items.columns(10, 150, np.random.default_rng(1))
    plain, both = items.intervals(column)
    covers = [((low <= column.gains) & (column.gains <= high)).mean() for low, high in (plain, both)]
    assert covers[0] < 0.9
    assert covers[1] >= 0.93


def test_a_value_that_was_not_measured_meets_no_target():
    assert not Measure(name="coverage", value=float("nan")).is_met
    assert not Measure(name="coverage", value=float("nan"), low=0.9).is_met
    assert Measure(name="coverage", value=0.95, low=0.9).is_met


def test_the_target_of_null_sets_is_that_of_the_interval():
    targets = {measure.name: measure.low for measure in best.measures(20)}
    assert targets["sets with all rows in null worlds"] == targets["sets of best rows that contain the best"] == 0.95


def test_slopes_over_languages_keep_their_level_where_independent_gains_would_find_them_in_noise():
    measures = {(measure.name, measure.setting): measure for measure in languages.measures(200)}
    noise = measures["slopes over languages with p < 0.05, noise", "15 languages"]
    assert noise.value <= 0.09
    assert noise.old > 0.3
    ratio = measures["mean slope / planted slope", "15 languages"]
    assert ratio.value == pytest.approx(1, abs=0.05)
