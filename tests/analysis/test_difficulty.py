"""Measures of difficulty against values calculated by hand, and the page that shows them."""

from dataclasses import replace
from math import log

import numpy as np
import pandas as pd
import pytest

from analysis.report.difficulty import difficulty_files, page_text
from analysis.report.questions import write_questions
from analysis.results.difficulty import COLUMNS, difficulty, mean_loss, rank_correlations, usable_information
from analysis.results.load import load
from analysis.results.measured_covariates import measured_covariates
from analysis.results.results import compute_results
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import DataSpec, ModelSpec, PerturbationSpec, StageSpec, TrialSpec
from sweeper.space import EACH, Contrast, Recipe, Slope, Stage, Target, Term, Training, difference
from sweeper.space.contrast import DIFFICULTIES
from sweeper.space.twins import twin_of


def frame(informed, blind, groups=None):
    examples = [str(number) for number in range(len(informed))]
    items = pd.DataFrame({"language": "en", "example": examples, "group": groups or examples})
    return pd.DataFrame({"informed": informed, "blind": blind}, index=pd.MultiIndex.from_frame(items))


def test_usable_information_is_the_mean_log_probability_beyond_that_of_the_twin():
    measured = usable_information([frame([-0.1, -0.3], [-1.1, -1.1]), frame([-0.2, -0.4], [-1.0, -1.2])])
    assert measured.information == pytest.approx((1.0 + 0.8 + 0.8 + 0.8) / 4)
    assert measured.entropy == pytest.approx(1.1)
    assert (measured.num_seeds, measured.num_items) == (2, 2)
    # Means by seed 0.9 and 0.8, by item 0.9 and 0.8: each has the variance 0.005, divided by 2.
    assert measured.se == pytest.approx((0.0025 + 0.0025) ** 0.5)


def test_the_standard_error_of_usable_information_counts_dependent_examples_once():
    twice = usable_information([frame([0.0, 0.0, 1.0, 1.0], [-1.0] * 4, groups=["a", "a", "b", "b"])])
    once = usable_information([frame([0.0, 1.0], [-1.0] * 2)])
    assert (twice.information, twice.se) == (once.information, pytest.approx(once.se))
    assert np.isnan(usable_information([frame([0.0, 1.0], [-1.0] * 2, groups=["a", "a"])]).se)


def test_draws_of_data_with_the_same_ids_count_each_id_once():
    frames = [frame([0.0, 1.0], [-1.0] * 2, groups=["a", "b"]), frame([0.0, 3.0], [-1.0] * 2, groups=["c", "d"])]
    same = [frame([0.0, 1.0], [-1.0] * 2), frame([0.0, 3.0], [-1.0] * 2)]
    assert usable_information(frames).num_items == 2
    assert usable_information(frames).se == pytest.approx(usable_information(same).se)


def test_usable_information_without_a_pair_of_scores_is_missing():
    assert np.isnan(usable_information([]).information)


def test_the_mean_loss_weights_each_point_of_the_curve_by_its_steps():
    # Five steps in two points: the first is the mean of two steps, the second that of three.
    assert mean_loss([1.0, 0.5], 5) == pytest.approx((2 * 1.0 + 3 * 0.5) / 5)
    assert np.isnan(mean_loss([], 0))


def table(**columns):
    size = len(next(iter(columns.values())))
    names = [f"r{number}" for number in range(size)]
    rows = pd.DataFrame({"recipe": names, "task": names, "label_noise": 0.0, "mlm_share": 0.0} | columns)
    return rows.assign(model="tiny").reindex(columns=list(COLUMNS))


def test_a_rank_correlation_is_that_of_the_first_recipe_of_each_task_without_noise_and_masked_text():
    tasks = ["b", "a", "b", "c", "d", "e", "f", "a", "a"]
    rows = table(
        task=tasks,
        information=[9.0, 1, 2, 3, 4, 5, 6, 9, 9],
        gain=[99.0, 6, 5, 4, 3, 2, 1, 90, 95],
        label_noise=[0.0, 0, 0, 0, 0, 0, 0, 0.3, 0],
        mlm_share=[0.2, 0, 0, 0, 0, 0, 0, 0, 0],
    )
    measured = rank_correlations(rows).set_index("measure").loc["information"]
    assert (measured["rho"], measured["n"]) == (pytest.approx(-1), 6)
    assert measured["p"] == pytest.approx(2 / 720)


def test_fewer_than_six_tasks_have_a_sentence_instead_of_a_correlation():
    text = page_text(table(information=[1.0, 2, 3, 4, 5], gain=[1.0, 2, 3, 4, 5]))
    assert "Usable information: no correlation with the mean gain over 5 tasks, because at least 6 are needed." in text


def test_a_twin_that_does_better_than_its_recipe_gives_negative_information_with_a_minus_sign():
    assert "| r0 | – | −0.25 | – |" in page_text(table(information=[-0.25], gain=[0.1]))


def outcomes(log_probabilities):
    names = [str(number) for number in range(len(log_probabilities))]
    return pd.DataFrame({"language": "en", "example": names, "group": names, "log_p_gold": log_probabilities})


DATA = DataSpec(task="small_nli", part="train", languages=("en",), max_length=8, stride=4)
NOISY = Recipe(name="noisy", stages=(Stage(tasks=("small_nli",), label_noise=0.5),))


@pytest.fixture
def run(make_run):
    """Two recipes of one task with their twins; the second one has label noise."""
    small = Recipe(name="small_nli", stages=(Stage(tasks=("small_nli",)),))
    recipes = (Recipe(name="baseline"), small, NOISY)
    contrast = difference("gain", "small_nli", "baseline")
    made = make_run(
        name="twins", recipes=recipes, targets=(Target(task="tags"),), null_twins=True, contrasts=(contrast,)
    )
    for recipe, value in (("baseline", 0.6), ("small_nli", 0.7), ("noisy", 0.65)):
        made.cell(recipe, "tags", 1, {"en": value, "de": value})
    score(made, small, "clean", [-0.5, -0.1], loss=(1.0, 0.2), steps=4)
    score(made, twin_of(small), "no input", [-1.0, -1.2])
    score(made, NOISY, "clean", [-0.1, -0.1])
    score(made, NOISY, "noisy labels", [-0.6, -0.8])
    score(made, twin_of(NOISY), "no input", [-1.1, -1.1])
    return made


def score(run, recipe, condition, log_probabilities, **changes):
    """Write a preparation with its score under a condition."""
    number = len(recipe.name)  # the names differ in length, and so do the trainings
    data = replace(DATA, sample_seed=number)
    spec = TrialSpec(
        name=f"tiny/{recipe.name}/seed 1",
        kind="prepare",
        model=ModelSpec(name="tiny", id="tests/tiny", identity="tiny's weights"),
        recipe=recipe.name,
        task=recipe.name,
        chain=(StageSpec(data=(data,), training=Training(), seed=1),),
        role="replicate",
        seed=1,
    )
    record = TrainingRecord(key=spec.key, spec=spec, state="done", examples={"small_nli": 50}, **changes)
    run.ledger.write_training(record)
    run.scored(record, "small_nli", {"en": 0.5}, condition=condition, table=outcomes(log_probabilities))


def test_the_information_of_a_run_is_that_of_each_recipe_on_labels_as_noisy_as_its_own(run):
    data = load(run.url)
    rows = difficulty(data, "tiny", compute_results(data).correlations.traits).set_index("recipe")
    assert rows.loc["small_nli", "information"] == pytest.approx((0.5 + 1.1) / 2)
    assert rows.loc["noisy", "information"] == pytest.approx((0.5 + 0.3) / 2)
    assert rows.loc["small_nli", "mean_loss"] == pytest.approx(0.6)
    assert rows.loc["small_nli", "gain"] == pytest.approx(0.1)
    # Three epochs: the loss of an example is not that of its first visit.
    assert np.isnan(rows.loc["small_nli", "code_length"])


def test_the_covariates_of_slopes_are_the_measures_of_difficulty(run):
    data = load(run.url)
    rows = difficulty(data, "tiny", compute_results(data).correlations.traits).set_index("recipe")
    for covariate, column in DIFFICULTIES.items():
        slope = Slope(axis="recipe", covariate=covariate)
        contrast = Contrast(name="slope", terms=(Term(recipe=EACH),), slope=slope)
        measured = measured_covariates(data, [contrast])
        factor = 100 if covariate == "own_headroom" else 1
        assert measured[covariate, "tiny", "tags"] == pytest.approx((factor * rows[column].dropna()).to_dict())
        assert measured_covariates(data, []) == {}


def test_the_code_length_of_one_epoch_is_the_loss_of_all_examples(run):
    assert rows_of_once(run).loc["small_nli", "code_length"] == pytest.approx(0.6 * 50)


def once(spec, **changes):
    *earlier, stage = spec.chain
    training = replace(stage.training, epochs=1.0, embedding_noise=changes.pop("embedding_noise", 0.0))
    return replace(spec, chain=(*earlier, replace(stage, training=training, **changes)))


def rows_of_once(run, **changes):
    data = load(run.url)
    records = tuple(replace(record, spec=once(record.spec, **changes)) for record in data.replicates)
    changed = replace(data, replicates=records)
    return difficulty(changed, "tiny", compute_results(data).correlations.traits).set_index("recipe")


def test_changed_examples_have_no_code_length(run):
    assert np.isnan(rows_of_once(run, embedding_noise=5.0).loc["small_nli", "code_length"])
    perturbed = replace(DATA, perturbation=PerturbationSpec(name="keyboard", budget=0.1))
    assert np.isnan(rows_of_once(run, data=(perturbed,)).loc["small_nli", "code_length"])


def test_a_loss_that_includes_masked_language_modelling_is_no_loss_of_labels(run):
    row = rows_of_once(run, mlm=DATA).loc["small_nli"]
    assert np.isnan(row["mean_loss"])
    assert np.isnan(row["code_length"])


def test_scores_under_other_conditions_and_those_of_twins_are_no_dev_scores_of_recipes(run):
    results = compute_results(load(run.url))
    assert [(level.recipe, level.num_seeds) for level in results.preparations] == [("small_nli", 1), ("noisy", 1)]
    assert list(results.matrix.scores.index) == ["baseline", "small_nli", "noisy"]


def test_a_run_with_twins_has_a_page_about_difficulty_and_one_without_has_none(run, full_run):
    pages = [path.name for path in write_questions(run.url)]
    assert pages == ["questions-contrasts.md", "difficulty.md"]
    data = load(run.url)
    page = difficulty_files(data, [compute_results(data)])["difficulty.md"].decode()
    assert "| small_nli | – | 0.80 ± 0.30 | 1.10 | 0.60 | – |" in page
    assert "| noisy | 50 % | 0.40 ± 0.10 | 1.10 |" in page
    data = load(full_run.url)
    assert difficulty_files(data, [compute_results(data)]) == {}


def test_a_run_with_twins_and_without_contrasts_has_only_the_page_about_difficulty(run):
    Folder(run.url).write("space.json", write_json(replace(run.space, contrasts=())))
    assert [path.name for path in write_questions(run.url)] == ["difficulty.md"]


def test_the_entropy_of_a_twin_that_knows_the_shares_of_three_labels_is_log_3():
    assert usable_information([frame([0.0], [-log(3)])]).entropy == pytest.approx(log(3))
