"""A target whose training is a chain: XCOPA after SIQA, in every row of the space that ships."""

from dataclasses import replace

from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.plan.units import make_plan
from sweeper.records.spec import TrialSpec
from sweeper.space import Space
from tests.tuning.imaginary import Shelf, agenda_of, drain

ROWS = ("baseline", "csqa", "cosmos_qa")
CORNER = replace(
    XTREME_R,
    recipes=tuple(recipe for recipe in XTREME_R.recipes if recipe.name in ROWS),
    targets=tuple(target for target in XTREME_R.targets if target.task in ("xcopa", "tatoeba_r")),
    seeds=(1, 2),
)


def started(space: Space = CORNER) -> list[TrialSpec]:
    """Every trial of a space, in the order in which a machine room worked them off."""
    return drain(agenda_of(space), Shelf())


def tasks_of(spec: TrialSpec) -> list[str]:
    return [data.task for stage in spec.chain for data in stage.data]


def test_the_target_trains_on_siqa_and_then_on_copa_behind_its_row() -> None:
    cells = {spec.recipe: tasks_of(spec) for spec in started() if spec.task == "xcopa" and spec.role == "replicate"}
    assert cells == {
        "baseline": ["siqa", "xcopa"],
        "csqa": ["csqa", "siqa", "xcopa"],
        "cosmos_qa": ["cosmos_qa", "siqa", "xcopa"],
    }


def test_each_row_and_seed_has_an_siqa_of_its_own_that_its_cell_starts_from() -> None:
    specs = started()
    left = {(spec.recipe, spec.seed): spec for spec in specs if spec.kind == "prepare" and tasks_of(spec)[-1] == "siqa"}
    assert len({spec.encoder for spec in left.values()}) == len(left) == len(ROWS) * 3, (
        "two replicates and the search's"
    )
    assert all(spec.keep for spec in left.values())
    for spec in specs:
        if spec.task == "xcopa":
            assert spec.chain[:-1] == left[f"{spec.recipe} + siqa", spec.seed].chain


def test_what_trains_nothing_starts_from_the_row_alone() -> None:
    scored = [spec for spec in started() if spec.kind == "score"]
    assert {tuple(tasks_of(spec)) for spec in scored} == {(), ("csqa",), ("cosmos_qa",)}


def test_an_intermediate_siqa_of_the_same_make_is_the_one_before_the_baselines_xcopa() -> None:
    before = XTREME_R.targets[1].before
    own = replace(CORNER.recipes[0], name="siqa", stages=before)
    specs = started(replace(CORNER, recipes=(CORNER.recipes[0], own), search=replace(CORNER.search, trials=1)))
    trained = [spec for spec in specs if spec.kind == "prepare" and spec.role == "replicate"]
    assert sorted({spec.recipe for spec in trained}) == ["siqa", "siqa + siqa"]


def test_the_plan_needs_no_data_and_sizes_are_known() -> None:
    for unit in make_plan(XTREME_R).units:
        for stage in unit.stages:
            assert all(XTREME_R.task(name).train_size for name in stage.tasks)
