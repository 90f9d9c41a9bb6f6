"""A target that adds a stage before its own training: XCOPA after SIQA, after every recipe of XTREME-R."""

from dataclasses import replace

from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.plan.units import make_plan
from sweeper.records.spec import TrialSpec
from sweeper.space import Space
from tests.tuning.imaginary import FakeLedger, agenda_of, drain

ROWS = ("baseline", "csqa", "cosmos_qa")
CORNER = replace(
    XTREME_R,
    recipes=tuple(recipe for recipe in XTREME_R.recipes if recipe.name in ROWS),
    targets=tuple(target for target in XTREME_R.targets if target.task in ("xcopa", "tatoeba_r")),
    seeds=(1, 2),
)


def started(space: Space = CORNER) -> list[TrialSpec]:
    """The specs of all trials of a space, in the order in which simulated workers started them."""
    return drain(agenda_of(space), FakeLedger())


def tasks_of(spec: TrialSpec) -> list[str]:
    return [data.task for stage in spec.chain for data in stage.data]


def test_the_target_trains_on_siqa_and_then_on_copa_after_each_recipe() -> None:
    cells = {spec.recipe: tasks_of(spec) for spec in started() if spec.task == "xcopa" and spec.role == "replicate"}
    assert cells == {
        "baseline": ["siqa", "xcopa"],
        "csqa": ["csqa", "siqa", "xcopa"],
        "cosmos_qa": ["cosmos_qa", "siqa", "xcopa"],
    }


def test_each_recipe_and_seed_has_its_own_siqa_encoder_and_its_cell_starts_from_it() -> None:
    specs = started()
    left = {(spec.recipe, spec.seed): spec for spec in specs if spec.kind == "prepare" and tasks_of(spec)[-1] == "siqa"}
    assert len({spec.encoder for spec in left.values()}) == len(left) == len(ROWS) * 3, (
        "two replicates and the search's"
    )
    assert all(spec.keep for spec in left.values())
    for spec in specs:
        if spec.task == "xcopa":
            assert spec.chain[:-1] == left[f"{spec.recipe} + siqa", spec.seed].chain


def test_a_target_that_trains_nothing_starts_from_the_encoder_of_the_recipe() -> None:
    scored = [spec for spec in started() if spec.kind == "score"]
    assert {tuple(tasks_of(spec)) for spec in scored} == {(), ("csqa",), ("cosmos_qa",)}


def test_a_siqa_recipe_with_equal_settings_shares_its_encoder_with_the_xcopa_of_the_baseline() -> None:
    before = XTREME_R.targets[1].before
    siqa = replace(CORNER.recipes[0], name="siqa", stages=before)
    specs = started(replace(CORNER, recipes=(CORNER.recipes[0], siqa), search=replace(CORNER.search, trials=1)))
    trained = [spec for spec in specs if spec.kind == "prepare" and spec.role == "replicate"]
    assert sorted({spec.recipe for spec in trained}) == ["siqa", "siqa + siqa"]


def test_every_task_of_xtreme_r_has_a_known_training_size() -> None:
    for unit in make_plan(XTREME_R).units:
        for stage in unit.stages:
            assert all(XTREME_R.task(name).train_size for name in stage.tasks)
