"""The trials that compute predictors of transfer: which exist, what they depend on, and what they leave unchanged."""

from dataclasses import replace

from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from sweeper.plan.forecast import forecast
from sweeper.plan.only import narrowed, parse_only
from sweeper.plan.pace import Pace
from sweeper.plan.tokens import score_tokens
from sweeper.plan.units import make_plan
from sweeper.run.growth import check_growth
from sweeper.run.run import Run
from sweeper.space import Recipe, Space, Stage, Training
from tests.tuning.imaginary import FakeLedger, agenda_of, drain, fail, succeed, unless

WITH = replace(TINY, predictors=True)


def run(space: Space, ledger: FakeLedger) -> dict[str, str]:
    """Run the trials of a space that a ledger lacks. Returns name -> key of the trials that ran."""
    return {spec.name: spec.key for spec in drain(agenda_of(space, ledger), ledger)}


def test_a_space_has_predictors_only_if_it_asks_for_them_and_no_other_trial_changes() -> None:
    without, with_predictors = run(TINY, FakeLedger()), run(WITH, FakeLedger())
    added = with_predictors.keys() - without.keys()
    assert added == {
        "tiny/baseline = predictors/seed 1",
        "tiny/parts = predictors/seed 1",
        "tiny/parts = predictors/seed 2",
    }
    assert without.items() <= with_predictors.items()
    assert len({with_predictors[name] for name in added} | set(without.values())) == len(with_predictors)


def test_predictors_exist_for_targets_that_train() -> None:
    units = [unit for unit in make_plan(replace(XTREME, predictors=True)).units if unit.kind == "predict"]
    assert len(units) == len(XTREME.recipes)
    # Retrieval has none.
    expected = ["xnli", "pawsx", "pos", "ner", "xquad", "mlqa", "tydiqa"]
    assert [target.task for target in units[1].targets] == expected
    # Without an intermediate training, there is no text to compare with that of question answering.
    assert [target.task for target in units[0].targets] == expected[:4]


def test_only_encoders_of_recipes_have_texts_that_are_compared_with_those_of_the_target() -> None:
    specs = {spec.name: spec for spec in drain(agenda_of(WITH), FakeLedger())}
    assert not any(each.sources for each in specs["tiny/baseline = predictors/seed 1"].predictors)
    (source,) = specs["tiny/parts = predictors/seed 1"].predictors[0].sources
    assert (source.task, source.part, source.cap_examples) == ("parts", "train", 64)


def test_the_text_of_a_stage_in_several_languages_has_one_cap_for_all_of_them() -> None:
    languages = tuple(TINY.task("xclaims").dev)[:3]
    task = replace(TINY.task("parts"), train=dict.fromkeys(languages, TINY.task("parts").train["en"]))
    stage = Stage(tasks=("parts",), languages=languages, training=Training(cap_examples=64))
    recipes = (TINY.recipes[0], Recipe(name="parts", stages=(stage,)))
    tasks = (task, *(other for other in TINY.tasks if other.name != "parts"))
    specs = {spec.name: spec for spec in drain(agenda_of(replace(WITH, recipes=recipes, tasks=tasks)), FakeLedger())}
    (source,) = specs["tiny/parts = predictors/seed 1"].predictors[0].sources
    assert (source.cap_examples, sum(source.caps), len(source.caps)) == (None, 64, 3)


def test_a_run_that_asks_for_predictors_later_computes_only_them_and_a_new_target_computes_them_again() -> None:
    ledger, names = FakeLedger(), make_plan(WITH).units[2].targets
    few = replace(WITH, targets=names)
    run(replace(few, predictors=False), ledger)
    first = run(few, ledger)
    assert len(first) == 3
    assert all(" = predictors/" in name for name in first)
    assert run(few, ledger) == {}
    more = replace(few, targets=(*names, replace(names[0], task="words")), tasks=WITH.tasks)
    second = run(more, ledger)
    assert first.keys() < second.keys()
    assert all(second[name] != key for name, key in first.items())


def test_a_run_folder_accepts_predictors_later() -> None:
    check_growth(TINY, WITH, "runs/tiny")


def test_predictors_wait_for_their_encoder_and_are_blocked_with_it() -> None:
    agenda = agenda_of(WITH)
    drain(agenda, FakeLedger(), unless(lambda spec: spec.kind == "prepare", fail))
    blocked = {agenda.name(slot) for slot in agenda.blocked}
    assert {"tiny/parts = predictors/seed 1", "tiny/parts = predictors/seed 2"} <= blocked
    agenda = agenda_of(WITH)
    order = [spec.name for spec in drain(agenda, FakeLedger(), succeed, workers=1)]
    assert order.index("tiny/parts/seed 2") < order.index("tiny/parts = predictors/seed 2")


def test_a_part_of_a_space_has_the_predictors_of_its_recipes_and_targets() -> None:
    plan = make_plan(WITH)
    (unit,) = [unit for unit in plan.units if unit.name == "tiny/parts = predictors"]
    for option, expected in (("targets=names", 2), ("targets=few_questions", 2), ("recipes=baseline", 0)):
        assert len(list(narrowed(plan, parse_only([option], WITH)).trials(unit))) == expected


def test_a_cap_on_the_examples_of_a_target_also_limits_the_tokens_of_its_predictors() -> None:
    unit = next(unit for unit in make_plan(WITH).units if unit.name == "tiny/parts = predictors")
    (target, *_) = unit.targets
    capped = [replace(target, training=replace(target.training, cap_examples=num)) for num in (50, 100)]
    few, more = (score_tokens(WITH, replace(unit, targets=(one,))) for one in capped)
    assert more == 2 * few > 0


def test_a_plan_counts_predictors_as_forward_passes(tmp_path: object) -> None:
    plans = [forecast(space, mirror=None, run=Run.at(str(tmp_path)).url, pace=Pace()) for space in (TINY, WITH)]
    assert plans[1].trials == plans[0].trials | {"predict": 3}
    assert plans[1].trainings == plans[0].trainings
    assert plans[1].tokens_left == plans[0].tokens_left
    assert plans[1].saving == plans[0].saving
    tags, spans = (target.training.max_length for target in TINY.targets)
    # Two prepared encoders read each target, and then the pretrained one the target and the texts of the recipe. The
    # baseline reads the tags alone.
    caps = {target.training.cap_examples for target in TINY.targets}
    assert len(caps) == 1
    assert plans[1].evaluation_left - plans[0].evaluation_left == caps.pop() * (7 * tags + 6 * spans) // 2
