"""Uncertainty about new items: jackknife of every metric, the same items for rows and languages, and the cache."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.report.gains import cautions, item_notes
from analysis.results.influence import Units, influences
from analysis.results.items import ItemParts, cost_text, item_parts
from analysis.results.load import load
from analysis.results.results import compute_results
from analysis.results.sums import MEASURES
from sweeper.files.folder import Folder
from sweeper.run.ledger import Ledger
from sweeper.scoring.accuracy import accuracy_and_f1
from sweeper.scoring.scorers import SCORERS
from tests.runs import tiny_run

GENERATOR = np.random.default_rng(7)
NUM = 40


def table(correct, language="en", groups=None, examples=None):
    """Outcomes of a classification: one row per example."""
    names = [str(number) for number in range(len(correct))] if examples is None else examples
    return pd.DataFrame(
        {"language": language, "example": names, "group": names if groups is None else groups, "correct": correct}
    )


def outcomes(*tables):
    return pd.concat(tables, ignore_index=True)


def parts_of(run, cache=None) -> ItemParts:
    return item_parts(load(run.url), "tiny", Ledger.at(f"{run.url}/ledger"), cache)


def scored(run, recipe, seed, frame):
    """A score on `pairs` with the given outcomes."""
    values = frame.groupby("language")["correct"].mean().to_dict()
    return run.scored(run.trained(recipe, "small_nli", seed), "pairs", values, table=frame)


def draws(num=NUM):
    return GENERATOR.integers(0, 2, num)


def test_every_scorer_has_a_measure_of_its_main_metric():
    assert set(MEASURES) == set(SCORERS)


@pytest.mark.slow
def test_the_measures_of_summed_outcomes_equal_the_metrics_of_the_records():
    data, ledger = load(str(tiny_run())), Ledger.at(f"{tiny_run()}/ledger")
    for score in data.cell_scores:
        measure = MEASURES[data.space.task(score.target).scorer]
        for language, rows in ledger.outcomes(score).groupby("language"):
            sums = rows[list(measure.columns)].sum()
            value = float(measure.value(np.array(float(len(rows))), *(np.array(total) for total in sums)))
            assert value == pytest.approx(score.metrics[str(language)][score.main], abs=1e-12)


def test_the_mean_of_accuracy_and_f1_equals_the_scorer():
    rows = [
        {
            "correct": int(a == b),
            "positive_correct": int(a and b),
            "positive_predicted": int(b),
            "positive_gold": int(a),
        }
        for a, b in zip(draws(), draws(), strict=True)
    ]
    measure = MEASURES["accuracy_f1"]
    sums = [np.array(float(sum(row[name] for row in rows))) for name in measure.columns]
    assert float(measure.value(np.array(float(NUM)), *sums)) == pytest.approx(accuracy_and_f1(rows)["score"])


def test_the_variance_of_a_share_is_that_of_a_mean(make_run):
    run = make_run()
    correct = draws()
    scored(run, "baseline", 1, table(correct))
    block = parts_of(run).block("pairs", "en")
    assert block is not None
    assert block.num_items == NUM
    assert block.variance[0] == pytest.approx(stats.sem(correct) ** 2)


def test_rows_are_compared_on_the_same_items(make_run):
    run = make_run()
    first, second = draws(), draws()
    scored(run, "baseline", 1, table(first))
    # The order of the rows in a table does not matter.
    scored(run, "small_nli", 1, table(second).sample(frac=1, random_state=1))
    block = parts_of(run).block("pairs", "en")
    assert block is not None
    variance, residual = block.of_gain("small_nli", "baseline")
    assert variance == pytest.approx(stats.sem(second - first) ** 2)
    assert np.isnan(residual)
    assert np.isnan(block.of_gain("middle_qa", "baseline")[0])


def test_examples_of_a_group_are_left_out_together(make_run):
    run = make_run()
    halves = draws(NUM // 2)
    frame = table(np.repeat(halves, 2), groups=[str(number // 2) for number in range(NUM)])
    scored(run, "baseline", 1, frame)
    block = parts_of(run).block("pairs", "en")
    assert block is not None
    assert block.num_items == NUM // 2
    assert block.variance[0] == pytest.approx(stats.sem(halves) ** 2)


def test_parallel_languages_lose_an_item_together_and_other_languages_do_not(make_run):
    parallel, separate = make_run("parallel"), make_run("separate")
    correct = draws()
    # Groups are hashes of texts, so they differ between languages; the ids of parallel examples are equal.
    german = table(correct, "de", groups=[f"de{number}" for number in range(NUM)])
    scored(parallel, "baseline", 1, outcomes(table(correct), german))
    scored(separate, "baseline", 1, outcomes(table(correct), german.assign(example=german["group"])))
    one, other = (parts_of(run).block("pairs", "mean") for run in (parallel, separate))
    assert one is not None
    assert other is not None
    assert (one.num_items, other.num_items) == (NUM, 2 * NUM)
    assert one.variance[0] == pytest.approx(stats.sem(correct) ** 2)
    assert other.variance[0] == pytest.approx(stats.sem(correct) ** 2 / 2)


def test_the_difference_to_english_is_measured_on_the_same_items(make_run):
    run = make_run()
    english, german = draws(), draws()
    scored(run, "baseline", 1, outcomes(table(english), table(german, "de")))
    scored(run, "small_nli", 1, outcomes(table(1 - english), table(german, "de")))
    block = parts_of(run).block("pairs", "de", minus="en")
    assert block is not None
    gains = (german - german) - ((1 - english) - english)
    assert block.of_gain("small_nli", "baseline")[0] == pytest.approx(stats.sem(gains) ** 2)


def test_the_residual_is_the_part_that_differs_between_seeds(make_run):
    run = make_run(seeds=(1, 2, 3))
    gains = np.zeros((3, NUM))
    for number, seed in enumerate((1, 2, 3)):
        base, other = draws(), draws()
        scored(run, "baseline", seed, table(base))
        scored(run, "small_nli", seed, table(other))
        gains[number] = other - base
    block = parts_of(run).block("pairs", "en")
    assert block is not None
    variance, residual = block.of_gain("small_nli", "baseline")
    assert variance == pytest.approx(stats.sem(gains.mean(axis=0)) ** 2)
    # The mean square of the interaction in a two-way analysis of variance without replication, / (seeds x items).
    centred = gains - gains.mean(axis=0) - gains.mean(axis=1, keepdims=True) + gains.mean()
    mean_square = (centred**2).sum() / (2 * (NUM - 1))
    assert residual == pytest.approx(mean_square / (3 * NUM))


def test_the_jackknife_of_f1_agrees_with_a_paired_bootstrap():
    num = 400
    frames = [
        pd.DataFrame(
            {
                "language": "en",
                "example": [str(number) for number in range(num)],
                "group": [str(number // 4) for number in range(num)],
                "chunks_correct": GENERATOR.integers(0, 3, num),
                "chunks_predicted": GENERATOR.integers(2, 5, num),
                "chunks_gold": GENERATOR.integers(2, 4, num),
            }
        )
        for _ in range(2)
    ]
    units, measure = Units(), MEASURES["chunks"]
    first, second = (influences(frame, units.positions(frame), units, measure) for frame in frames)
    jackknife = ((first - second) ** 2).sum()
    sums = [frame.groupby(frame["group"].astype(int))[list(measure.columns)].sum().to_numpy() for frame in frames]
    drawn = GENERATOR.integers(0, num // 4, (4000, num // 4))
    values = [measure.value(np.zeros(4000), *table[drawn].sum(axis=1).T.astype(float)) for table in sums]
    assert jackknife == pytest.approx(np.var(values[0] - values[1]), rel=0.1)


def test_a_reference_without_a_seed_is_compared_with_every_seed(make_run):
    run = make_run()
    base, rows = draws(), [draws(), draws()]
    raw = run.trained("baseline")
    run.scored(raw, "search", {"de": base.mean()}, seed=None, table=table(base, "de"))
    for seed, row in zip((1, 2), rows, strict=True):
        run.scored(run.trained("small_nli", seed=seed), "search", {"de": row.mean()}, table=table(row, "de"))
    block = parts_of(run).block("search", "de")
    assert block is not None
    gain = np.mean(rows, axis=0) - base
    assert block.of_gain("small_nli", "baseline")[0] == pytest.approx(stats.sem(gain) ** 2)


def test_a_row_that_lacks_a_language_has_no_variance_of_the_mean(make_run):
    run = make_run()
    both = outcomes(table(draws()), table(draws(), "de"))
    for recipe, frame in (("baseline", both), ("small_nli", table(draws())), ("large_nli", both)):
        scored(run, recipe, 1, frame)
    parts = parts_of(run)
    mean, english = parts.block("pairs", "mean"), parts.block("pairs", "en")
    assert mean is not None
    assert english is not None
    assert np.isnan(mean.of_gain("small_nli", "baseline")[0])
    assert mean.of_gain("large_nli", "baseline")[0] == 0
    assert english.of_gain("small_nli", "baseline")[0] > 0


def test_a_missing_or_damaged_outcomes_file_leaves_out_its_row_and_is_named(make_run):
    run = make_run()
    kept = scored(run, "baseline", 1, table(draws()))
    lost = scored(run, "small_nli", 1, table(draws()))
    torn = scored(run, "large_nli", 1, table(draws()))
    Path(run.url, "ledger", lost.outcomes).unlink()
    Path(run.url, "ledger", torn.outcomes).write_bytes(b"PAR1")
    parts = parts_of(run)
    assert set(parts.missing["pairs"]) == {lost.outcomes, torn.outcomes}
    block = parts.block("pairs", "en")
    assert block is not None
    assert kept.recipe in block.recipes
    assert np.isnan(block.of_gain("small_nli", "baseline")[0])


def test_a_ledger_without_outcomes_is_listed_once_and_no_file_is_opened(make_run, monkeypatch):
    run = make_run()
    records = [scored(run, recipe, 1, table(draws())) for recipe in ("baseline", "small_nli")]
    shutil.rmtree(Path(run.url, "ledger", "outcomes"))
    opened = []
    monkeypatch.setattr(Ledger, "outcomes", lambda _, record: opened.append(record.outcomes))
    assert {*parts_of(run).missing["pairs"]} == {record.outcomes for record in records}
    assert not opened


def test_targets_whose_seeds_have_items_of_their_own_have_no_item_variance_but_the_number_of_items_of_a_seed(make_run):
    drawn = {
        language: (replace(rows[0], config="draw_{seed}"),)
        for language, rows in make_run().space.task("pairs").dev.items()
    }
    space = make_run().space
    tasks = tuple(replace(task, dev=drawn) if task.name == "pairs" else task for task in space.tasks)
    run = make_run("drawn", tasks=tasks)
    translated = outcomes(table(draws()), table(draws(NUM // 2), "de"))
    for recipe in ("baseline", "small_nli"):
        for seed in (1, 2):
            scored(run, recipe, seed, translated)
    parts = parts_of(run)
    assert parts.own_items == {"pairs"}
    assert not parts.blocks
    assert parts.num_read == 0
    cells = compute_results(run.url).estimates.set_index(["recipe", "language"])["num_items"]
    assert cells["small_nli"].to_dict() == {"mean": NUM, "en": NUM, "de": NUM // 2}


def test_outcomes_that_were_written_again_are_read_again(make_run, tmp_path):
    run, cache = make_run(), Folder(str(tmp_path / "cache"))
    scored(run, "baseline", 1, table([1, 0, 1, 0]))
    record = scored(run, "small_nli", 1, table([1, 0, 1, 1]))
    before = parts_of(run, cache).block("pairs", "en")
    run.ledger.write_score(record, table([0, 1, 0, 1]))
    after, fresh = parts_of(run, cache).block("pairs", "en"), parts_of(run).block("pairs", "en")
    np.testing.assert_array_equal(after.difference, fresh.difference)
    assert after.difference[0, 1] != before.difference[0, 1]


def test_sums_of_other_code_are_not_used(make_run, tmp_path, monkeypatch):
    run, cache = make_run(), Folder(str(tmp_path / "cache"))
    scored(run, "baseline", 1, table(draws()))
    assert [parts_of(run, cache).num_read for _ in range(2)] == [1, 0]
    monkeypatch.setattr("analysis.results.item_cache.file_digest", lambda path: f"other {path.name}")
    assert [parts_of(run, cache).num_read for _ in range(2)] == [1, 0]


def flipped(share: float) -> Callable[[bytes], bytes]:
    """Changes one bit after a share of the bytes."""

    def flip(content: bytes) -> bytes:
        number = int(share * (len(content) - 1))
        return content[:number] + bytes([content[number] ^ 1]) + content[number + 1 :]

    return flip


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda _, content=content: content for content in (b"", b"PK", b"x" * 100)),
        *(lambda content, num=num: content[:-num] for num in (1, 64, 200)),
        *map(flipped, np.linspace(0, 1, 12)),
    ],
)
def test_the_sums_are_kept_and_a_damaged_cache_is_replaced(make_run, tmp_path, damage):
    run, cache = make_run(), Folder(str(tmp_path / "cache"))
    for seed in (1, 2):
        scored(run, "baseline", seed, outcomes(table(draws()), table(draws(), "de")))
        scored(run, "small_nli", seed, outcomes(table(draws()), table(draws(), "de")))
    first, again = parts_of(run, cache), parts_of(run, cache)
    assert (first.num_read, again.num_read) == (4, 0)
    assert cost_text([first]).startswith("Read the outcomes of 4 scores in ")
    assert cost_text([again]) == ""
    assert first.blocks.keys() == again.blocks.keys()
    for key, block in first.blocks.items():
        np.testing.assert_array_equal(block.difference, again.blocks[key].difference)
        assert block.recipes == again.blocks[key].recipes
    (name,) = cache.names()
    cache.write(name, damage(cache.read(name)))
    assert parts_of(run, cache).num_read == 4
    assert parts_of(run, cache).num_read == 0
    scored(run, "large_nli", 1, table(draws()))
    assert parts_of(run, cache).num_read == 5


ANSWERS = {
    "baseline": ("11100000", "11110000", "11010000"),
    "small_nli": ("11110001", "11110111", "11011000"),
    "middle_qa": ("11110010", "11110100", "11111000"),
}
"""Recipe -> for each seed, the digits say which example is correct."""


def answered(make_run, recipes=tuple(ANSWERS), num_seeds=3):
    """A run with these answers. Returns it, and the path of the outcomes of each recipe and seed."""
    run = make_run(seeds=tuple(range(1, num_seeds + 1)))
    records = {
        (recipe, seed): scored(run, recipe, seed, table([int(digit) for digit in ANSWERS[recipe][seed - 1]]))
        for recipe in recipes
        for seed in run.space.seeds
    }
    return run, {name: Path(run.url, "ledger", record.outcomes) for name, record in records.items()}


def notes_of(run):
    return list(item_notes(compute_results(run.url)))


def test_a_report_names_the_outcomes_of_single_seeds_that_cannot_be_read(make_run):
    run, files = answered(make_run, ("baseline", "middle_qa"))
    assert notes_of(run) == []
    files["middle_qa", 1].unlink()
    (note,) = notes_of(run)
    start = f"Intervals over items leave out the outcomes outcomes/{files['middle_qa', 1].name}"
    assert note.startswith(f"{start}, which is missing or damaged.")
    files["middle_qa", 2].write_bytes(b"PAR1")
    (note,) = notes_of(run)
    assert note.startswith(f"{start} and 1 more, which are missing or damaged.")
    files["middle_qa", 3].unlink()
    assert notes_of(run) == ["Intervals on pairs are about new seeds only, because outcomes of items are missing."]


def test_a_report_tells_recipes_without_outcomes_from_single_seeds_without_them(make_run):
    run, files = answered(make_run)
    for name, file in files.items():
        if name[0] == "middle_qa" or name == ("small_nli", 2):
            file.unlink()
    first, second = notes_of(run)
    assert first == "Some intervals on pairs are about new seeds only, because outcomes of items are missing."
    assert " and 3 more, which are missing or damaged." in second


def test_with_one_seed_intervals_are_about_items_if_there_are_outcomes(make_run):
    run, files = answered(make_run, num_seeds=1)
    one_seed = "One seed does not show how much scores vary between seeds"
    assert f"{one_seed}: intervals are about new items only." in cautions(compute_results(run.url))
    for file in files.values():
        file.unlink()
    assert f"{one_seed}. There is no interval without outcomes." in cautions(compute_results(run.url))
    assert notes_of(run) == []
