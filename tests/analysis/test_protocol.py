"""The sentences of a report about the protocol, compared with the trials that the sweep plans."""

from dataclasses import replace

import pytest

from analysis.report.protocol import (
    gain_sentence,
    has_draws,
    retrieval_sentence,
    search_sentence,
    selected_on_dev,
    selection_sentences,
    sets_aside,
    target_sentence,
)
from analysis.results.stats import LEVEL
from search_spaces.demo import SPACE as DEMO
from search_spaces.demo_full import SPACE as DEMO_FULL
from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.space import SEARCH_SEED, Search, Space, Target
from sweeper.space.settings import apply_settings
from tests.tuning.imaginary import specs_of
from tests.tuning.test_no_leak import ELSEWHERE, searches

LAST = apply_settings(XTREME, ["keep=last"])
"""Refitted replicates cannot keep the weights of the best evaluation."""
SPACES = {
    "xtreme": XTREME,
    "xtreme on test": replace(XTREME, evaluate="test"),
    "refitted": replace(LAST, search=Search(scope="target", trials=2, refit=True, share=0.25, cap=50)),
    "refitted on test": replace(LAST, evaluate="test", search=Search(refit=True)),
    "other languages": ELSEWHERE,
    "a target that is selected on dev": replace(
        XTREME, evaluate="test", recipes=XTREME.recipes[:1], targets=XTREME.targets[1:2]
    ),
    "without dials": DEMO,
    "averaged": apply_settings(TINY, ["keep=best", "average=0.25"]),
    "xtreme-r": XTREME_R,
}


@pytest.fixture(params=SPACES.values(), ids=SPACES)
def space(request) -> Space:
    return request.param


def words(space: Space) -> str:
    return " ".join(selection_sentences(space))


def specs_of_trials(space: Space):
    """(unit, spec) of a search trial of each searched unit, and of a replicate of each unit that trains."""
    specs = specs_of(space)
    found = list(searches(specs))
    for unit in specs.plan.units:
        if unit.kind != "score":
            chain = tuple(specs.stage(unit, stage, stage.training, 1) for stage in unit.stages[:-1])
            found.append((unit, specs.replicate(unit, space.seeds[0], None, chain)))
    return found


def test_dials_are_searched_on_english_data_and_with_the_seed_that_the_report_names(space: Space) -> None:
    trials = [spec for _, spec in searches(specs_of(space))]
    says_so = "on English selection data only, even if a stage trains in other languages" in words(space)
    assert says_so == bool(trials)
    assert {language for spec in trials for data in spec.select for language in data.languages} <= {"en"}
    assert {spec.seed for spec in trials} <= {SEARCH_SEED}
    assert (f"have seed {SEARCH_SEED}, which is no replicate seed" in words(space)) == bool(trials)
    assert SEARCH_SEED not in space.seeds
    if space is ELSEWHERE:
        assert {language for spec in trials for data in spec.chain[-1].data for language in data.languages} > {"en"}


def test_the_report_names_the_tasks_that_are_selected_on_dev_and_the_share_that_is_set_aside(space: Space) -> None:
    specs = [spec for _, spec in specs_of_trials(space)]
    on_dev = {data.task for spec in specs for data in spec.select if data.part == "dev"}
    assert on_dev == set(selected_on_dev(space))
    for name in on_dev:
        assert name in words(space).split("are the English dev split")[0]
    aside = {(data.carve_share, data.carve_cap) for spec in specs for data in spec.chain[-1].data} - {(0.0, None)}
    if not space.search.refit:
        assert bool(aside) == sets_aside(space)
    assert aside <= {(space.search.share, space.search.cap)}
    limits = f"{100 * space.search.share:g} % of each data set, but at most {space.search.cap:,} examples"
    assert (limits in words(space)) == sets_aside(space)


def test_the_report_states_what_replicates_train_on(space: Space) -> None:
    replicates = [spec for _, spec in specs_of_trials(space) if spec.role == "replicate"]
    leaves_out = any(stage.sets_aside for spec in replicates for stage in spec.chain[-1:])
    assert ("without the examples that are set aside" in words(space)) == leaves_out
    assert ("on all examples, those that are set aside included" in words(space)) == any(
        spec.refitted for spec in replicates
    )
    without_value = {data.task for spec in replicates for data in spec.chain[-1].data if spec.refitted}
    assert bool(without_value) == ("they have no selection value" in words(space))


def test_the_report_names_the_trainings_that_keep_the_best_weights_on_english_data_or_average_them() -> None:
    best = replace(TINY.targets[0].training, keep="best")
    stage = replace(TINY.recipes[1].stages[0], training=replace(TINY.recipes[1].stages[0].training, average=0.2))
    space = replace(
        TINY,
        recipes=(TINY.recipes[0], replace(TINY.recipes[1], stages=(stage,))),
        targets=(replace(TINY.targets[0], training=best), *TINY.targets[1:]),
    )
    name, recipe = TINY.targets[0].task, TINY.recipes[1].name
    assert f"The trainings of {name} keep the weights with the highest selection value" in words(space)
    assert f"The trainings of {recipe} average the weights of their last steps." in words(space)
    chains = [spec.chain[-1] for _, spec in specs_of_trials(space)]
    evaluated = [chain for chain in chains if chain.training.keep == "best"]
    assert evaluated
    assert {data.task for chain in chains if chain.training.average for data in chain.data} == set(stage.tasks)
    assert {language for chain in evaluated for data in chain.validation for language in data.languages} == {"en"}
    assert "keep the weights" not in words(TINY) and "average" not in words(TINY)


def test_tasks_without_english_training_data_are_named_as_tasks_without_selection_data() -> None:
    assert "Without English training data, there are no selection data for swahili." in words(ELSEWHERE)
    units = specs_of(ELSEWHERE)
    selected = {data.task for unit in units.plan.units for data in units.selection(unit, 0)}
    assert "swahili" not in selected and {"tydiqa", "xnli"} <= selected
    assert "no selection data" not in words(XTREME)


def test_the_search_scope_of_the_report_is_that_of_the_studies(space: Space) -> None:
    plan = specs_of(space).plan
    owners = {plan.unit(unit.study).recipe for unit in plan.units if unit.kind == "target" and unit.study}
    base = {"baseline"} if "baseline" in {recipe.name for recipe in space.recipes} else set()
    searched_on_baseline = bool(owners) and owners == base and len(space.recipes) > 1
    assert ("searched with the baseline and used for all recipes" in words(space)) == searched_on_baseline
    num = space.search.trials
    has_searches = any(unit.searches for unit in plan.units)
    assert (f"scope `{space.search.scope}`, {num} trial" in search_sentence(space)) == has_searches
    assert (search_sentence(space) == "none, because no stage and no target has dials") == (not has_searches)


def test_the_report_names_the_targets_that_train_nothing_and_those_with_further_stages(space: Space) -> None:
    units = specs_of(space).plan.units
    trained = {target.task for unit in units if unit.stages for target in unit.targets if unit.recipe == "baseline"}
    untrained = {target.task for unit in units for target in unit.targets} - trained
    sentence = target_sentence(space)
    assert ("or not at all (" in sentence) == bool(untrained)
    assert all(name in sentence.split("or not at all")[1] for name in untrained)
    assert ("after further stages for" in sentence) == any(target.before for target in space.targets)


def test_the_pretrained_encoder_has_one_score_on_retrieval_and_seeds_after_stages_of_a_target() -> None:
    specs = specs_of(XTREME)
    (scoring,) = (unit for unit in specs.plan.units if unit.kind == "score" and unit.recipe == "baseline")
    assert specs.plan.seeds(scoring) == XTREME.seeds[:1]
    assert retrieval_sentence(XTREME).endswith("The pretrained encoder has one score there, which depends on no seed.")
    before = XTREME_R.targets[1].before
    staged = replace(XTREME, targets=(Target(task="tatoeba", before=before),))
    sentence = retrieval_sentence(staged)
    assert sentence == (
        "Retrieval targets without training data score the encoder as it is (tatoeba: after further stages)."
    )
    specs = specs_of(staged)
    (scoring,) = (unit for unit in specs.plan.units if unit.kind == "score" and unit.recipe == "baseline")
    assert specs.plan.seeds(scoring) == staged.seeds


def test_the_sign_of_a_gain_is_reversed_only_for_losses() -> None:
    assert gain_sentence(XTREME, "the baseline") == (
        "A **gain** is the score of a recipe minus the score of the baseline with the same seed."
    )
    losses = {"format": "mlm", "scorer": "loss", "columns": {"text": "text"}, "labels": ()}
    tasks = tuple(replace(task, **losses) if task.name == "names" else task for task in TINY.tasks)
    assert "On names, where a lower score is better, the sign is reversed." in gain_sentence(
        replace(TINY, tasks=tasks), "the baseline"
    )


def test_draws_are_mentioned_if_seeds_decide_the_data() -> None:
    assert has_draws(DEMO_FULL)
    assert not has_draws(XTREME)


def test_the_report_gives_the_limits_that_its_tests_use(full_report) -> None:
    text = full_report.path.read_text()
    assert LEVEL == 0.05
    assert "selection data in the languages of training" not in text


def extreme_share(rho: float, n: int = 9) -> float:
    """The share of all orders of n ranks whose |rho| is at least `rho`, counted place by place."""
    counts: dict[tuple[int, int], int] = {(0, 0): 1}
    for place in range(n):
        following: dict[tuple[int, int], int] = {}
        for (used, total), number in counts.items():
            for rank in range(n):
                if not used & 1 << rank:
                    key = (used | 1 << rank, total + place * rank)
                    following[key] = following.get(key, 0) + number
        counts = following
    centre, norm = n * ((n - 1) / 2) ** 2, (n**3 - n) / 12
    sums = [(abs(total - centre) / norm, number) for (_, total), number in counts.items()]
    return sum(number for value, number in sums if value >= rho - 1e-9) / sum(number for _, number in sums)


def test_the_report_states_from_which_results_the_searches_start() -> None:
    searched = Search(trials=5, prior="column", wave=("baseline", TINY.recipes[1].name))
    space = replace(TINY, search=searched)
    assert "sampler auto (Gaussian process for continuous dials, TPE for others)" in search_sentence(space)
    wave = f"baseline and {TINY.recipes[1].name}"
    assert search_sentence(space).endswith(f"than those of {wave} start from the trials of {wave}, and have 3 each")
    assert "start from" not in search_sentence(replace(space, search=Search()))
