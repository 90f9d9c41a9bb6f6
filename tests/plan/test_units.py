"""The units of a space: their number, their order, and the trainings that recipes and targets share."""

from collections import Counter
from dataclasses import replace

import pytest

from search_spaces.text_small import SPACE as TEXT_SMALL
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.plan.units import Plan, make_plan
from sweeper.space import LogUniform, Recipe, Space, Stage, Value
from tests.spaces import MATRIX
from tests.tuning.imaginary import SMALL, with_chain


def num_trainings(plan: Plan) -> Counter[str]:
    counts: Counter[str] = Counter()
    for unit in plan.units:
        if unit.kind != "score":
            counts[f"{unit.kind} search"] += plan.num_search(unit)
            counts[f"{unit.kind} replicate"] += len(plan.seeds(unit))
    return counts


def test_searching_on_the_baseline_takes_216_trainings() -> None:
    assert num_trainings(make_plan(TEXT_SMALL)) == {
        "prepare search": 10 * 4,
        "prepare replicate": 10 * 2,
        "target search": 6 * 4,
        "target replicate": 11 * 6 * 2,
    }


def test_preparations_without_dials_are_not_searched() -> None:
    assert num_trainings(make_plan(MATRIX)) == {
        "prepare search": 0,
        "prepare replicate": 10 * 2,
        "target search": 6 * 2,
        "target replicate": 11 * 6 * 2,
    }


def test_searching_in_every_cell_takes_456_trainings() -> None:
    each = replace(TEXT_SMALL, search=replace(TEXT_SMALL.search, scope="cell"))
    counts = num_trainings(make_plan(each))
    assert counts["target search"] == 11 * 6 * 4
    assert sum(counts.values()) == 456


def test_targets_with_equal_training_settings_share_one_training() -> None:
    units = [unit for unit in make_plan(TEXT_SMALL).units if unit.task == "squad"]
    assert [[target.task for target in unit.targets] for unit in units] == [["xquad", "mlqa"]] * 11


def test_targets_with_different_settings_for_one_task_share_no_training() -> None:
    longer = [replace(t, training=replace(t.training, epochs=9)) if t.task == "mlqa" else t for t in TEXT_SMALL.targets]
    units = [u for u in make_plan(replace(TEXT_SMALL, targets=tuple(longer))).units if u.task == "squad"]
    assert len(units) == 22
    assert {unit.name for unit in units[:2]} == {
        "mini-xlmr/baseline -> squad (xquad)",
        "mini-xlmr/baseline -> squad (mlqa)",
    }


def test_recipes_with_equal_first_stages_share_them() -> None:
    plan = make_plan(with_chain(SMALL))
    prepared = {unit.name: unit for unit in plan.units if unit.kind == "prepare"}
    assert list(prepared) == ["tiny/parts", "tiny/longer"]
    assert prepared["tiny/longer"].parent == "tiny/parts"


def test_shared_first_stages_without_a_recipe_are_trained_once_and_fill_no_cell() -> None:
    first, second, third = (Stage(tasks=(name,)) for name in ("parts", "claims", "gaps"))
    chains = (Recipe(name="a", stages=(first, second)), Recipe(name="b", stages=(first, third)))
    plan = make_plan(replace(SMALL, recipes=(SMALL.recipes[0], *chains)))
    assert [unit.name for unit in plan.units if unit.kind == "prepare"] == ["tiny/a[:1]", "tiny/a", "tiny/b"]
    assert not [unit for unit in plan.units if unit.kind == "target" and unit.parent == "tiny/a[:1]"]


GAPS, CLAIMS = Stage(tasks=("gaps",)), Stage(tasks=("claims",))


def with_before(space: Space, **befores: tuple[Stage, ...]) -> Space:
    """The space with stages that targets add before their own training."""
    return replace(space, targets=tuple(replace(t, before=befores.get(t.task, ())) for t in space.targets))


def test_a_target_with_added_stages_starts_from_them_after_every_recipe() -> None:
    plan = make_plan(with_before(SMALL, names=(GAPS, CLAIMS)))
    first, second, target = (plan.unit(f"tiny/parts {end}") for end in ("+ gaps", "+ gaps + claims", "-> names"))
    assert [unit.parent for unit in (first, second, target)] == ["tiny/parts", first.name, second.name]
    assert target.stages[:-1] == second.stages == (*plan.unit("tiny/parts").stages, GAPS, CLAIMS)
    assert plan.unit("tiny/baseline + gaps").parent == ""
    assert plan.unit("tiny/parts -> few_questions").parent == "tiny/parts"


def test_a_stage_that_two_targets_add_is_trained_once_per_recipe_and_kept() -> None:
    plan = make_plan(with_before(SMALL, names=(GAPS,), few_questions=(GAPS,)))
    extended = [unit for unit in plan.units if unit.stages[-1:] == (GAPS,)]
    assert [unit.name for unit in extended] == ["tiny/baseline + gaps", "tiny/parts + gaps"]
    assert all(unit.keep and unit.kind == "prepare" for unit in extended)


def test_a_recipe_equal_to_the_stage_of_a_target_is_shared_with_the_baseline() -> None:
    rows = (*SMALL.recipes, Recipe(name="gaps", stages=(GAPS,)))
    plan = make_plan(with_before(replace(SMALL, recipes=rows), names=(GAPS,)))
    assert plan.unit("tiny/baseline -> names").parent == "tiny/gaps"
    assert plan.unit("tiny/gaps -> names").parent == "tiny/gaps + gaps"
    assert plan.unit("tiny/gaps -> few_questions").parent == "tiny/gaps"


def test_a_recipe_with_the_name_of_another_chain_is_refused() -> None:
    rows = (*SMALL.recipes, Recipe(name="baseline + gaps", stages=(CLAIMS,)))
    with pytest.raises(
        UserError, match=r"Two different trainings would have the name 'tiny/baseline \+ gaps'.*Rename the recipe"
    ):
        make_plan(with_before(replace(SMALL, recipes=rows), names=(GAPS,)))


def test_added_stages_with_different_settings_for_one_task_share_no_training() -> None:
    longer = replace(GAPS, training=replace(GAPS.training, epochs=9))
    plan = make_plan(with_before(SMALL, names=(GAPS,), few_questions=(longer,)))
    names = {unit.name for unit in plan.units if unit.kind == "prepare" and unit.recipe.startswith("baseline")}
    assert names == {"tiny/baseline + gaps (names)", "tiny/baseline + gaps (few_questions)"}


def test_an_added_stage_is_searched_in_the_scope_of_its_target() -> None:
    searched = replace(GAPS, dials=SMALL.targets[0].dials)
    space = with_before(SMALL, names=(searched,))
    for scope, owner in (("target", "tiny/baseline + gaps"), ("cell", "tiny/parts + gaps")):
        plan = make_plan(replace(space, search=replace(space.search, scope=scope)))
        assert plan.unit("tiny/parts + gaps").study == owner
        assert plan.unit("tiny/baseline + gaps").keep_search
        assert plan.unit("tiny/parts + gaps").keep_search == (scope == "cell")


def test_a_target_that_trains_nothing_is_scored_on_the_encoder_of_its_added_stage() -> None:
    plan = make_plan(with_before(MATRIX, twins=(GAPS,)))
    tuned, raw = plan.unit("tiny/baseline + gaps = scores"), plan.unit("tiny/baseline = scores")
    assert ([t.task for t in tuned.targets], [t.task for t in raw.targets]) == (["twins"], ["mining"])
    assert tuned.parent == "tiny/baseline + gaps"
    assert (plan.seeds(tuned), plan.seeds(raw)) == (MATRIX.seeds, MATRIX.seeds[:1])


def test_the_row_of_the_baseline_comes_first_for_any_order_of_recipes() -> None:
    turned = replace(MATRIX, recipes=tuple(reversed(MATRIX.recipes)))
    assert {unit.recipe for unit in make_plan(turned).units if unit.row == 0} == {"baseline"}
    assert make_plan(turned).units[0].recipe == "baseline"


def test_a_unit_comes_after_its_parent_and_the_owner_of_its_study() -> None:
    plan = make_plan(with_chain(MATRIX))
    positions = {unit.name: number for number, unit in enumerate(plan.units)}
    for unit in plan.units:
        for name in {unit.parent, unit.study} - {"", unit.name}:
            assert positions[name] < positions[unit.name]


def test_the_pretrained_encoder_is_scored_once_and_a_prepared_one_for_every_seed() -> None:
    plan = make_plan(MATRIX)
    scorings = {unit.recipe: plan.seeds(unit) for unit in plan.units if unit.kind == "score"}
    assert scorings.pop("baseline") == (1,)
    assert set(scorings.values()) == {(1, 2)}


def test_a_stage_without_dials_has_one_search_trial_only_if_a_search_starts_from_it() -> None:
    stage = Stage(tasks=("parts",))
    plain = replace(SMALL, recipes=(SMALL.recipes[0], Recipe(name="parts", stages=(stage,))))
    assert [plan.num_search(plan.unit("tiny/parts")) for plan in (make_plan(plain),)] == [1]
    shared = make_plan(replace(plain, search=replace(plain.search, scope="target")))
    assert shared.num_search(shared.unit("tiny/parts")) == 0


def test_every_model_has_its_own_matrix() -> None:
    other = replace(SMALL.models[0], name="other")
    plan = make_plan(replace(SMALL, models=(*SMALL.models, other)))
    assert Counter(unit.model.name for unit in plan.units) == {"tiny": 5, "other": 5}


def test_each_model_trains_with_its_own_options_and_searches_its_own_dials() -> None:
    rates = LogUniform(low=1e-6, high=1e-5)
    small = TINY.models[0]
    options: dict[str, Value | None] = {"batch_size": 4, "frozen_layers": None}
    large = replace(small, name="large", training=options, dials={"learning_rate": rates})
    plan = make_plan(replace(TINY, models=(small, large)))
    for unit in plan.units:
        own = next(u for u in plan.units if (u.model, u.label) == (small, unit.label))
        if unit.model != large or unit.kind == "score":
            assert unit.stages == own.stages
            continue
        for stage, usual in zip(unit.stages, own.stages, strict=True):
            assert stage.training == replace(usual.training, batch_size=4, frozen_layers=None)
            assert dict(stage.dials) == ({"learning_rate": rates} if usual.dials else {})
        assert all(target.training.batch_size == 4 for target in unit.targets)
