"""`--only`: a part of a space with what it needs. The ledger of all parts is that of an undisturbed run."""

import json
from dataclasses import replace

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.plan.only import Only, narrowed, parse_only
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.space import Space
from sweeper.tuning.agenda import Agenda
from tests.runs import Call
from tests.spaces import MATRIX
from tests.tuning.imaginary import SMALL, FakeLedger, drain, run_all, with_chain


def agenda_of_part(space: Space, ledger: FakeLedger, *texts: str) -> Agenda:
    specs = Specs(
        plan=narrowed(make_plan(space), parse_only(texts, space)), resolver=Resolver(space=space, sources=None)
    )
    return Agenda(specs=specs, trainings=ledger.ended(), scores=set(ledger.scores))


PARTS = [
    (TINY, ("recipes=parts", "targets=names")),
    (with_chain(SMALL), ("recipes=longer", "seeds=2")),
    (with_chain(SMALL), ("targets=few_questions",)),
    (MATRIX, (f"recipes={MATRIX.recipes[-1].name}", f"targets={MATRIX.targets[-1].task}", "models=tiny")),
]


@pytest.mark.parametrize(("space", "part"), PARTS, ids=["tiny", "chain", "target", "matrix"])
def test_a_part_and_then_the_rest_give_the_ledger_of_an_undisturbed_run(space: Space, part: tuple[str, ...]) -> None:
    _, alone = run_all(space)
    ledger = FakeLedger()
    agenda = agenda_of_part(space, ledger, *part)
    first = drain(agenda, ledger, seed=3)
    assert len(agenda.done) == len(list(agenda.slots))
    assert not agenda.blocked
    assert 0 < len(first) < len(alone.trainings)
    rest = drain(agenda_of_part(space, ledger), ledger, seed=4)
    assert not {spec.name for spec in first} & {spec.name for spec in rest}
    assert {key: record.spec for key, record in ledger.trainings.items()} == {
        key: record.spec for key, record in alone.trainings.items()
    }
    assert ledger.scores == alone.scores


def test_a_part_starts_its_own_trials_and_those_that_they_need_and_no_others() -> None:
    ledger = FakeLedger()
    first = drain(agenda_of_part(TINY, ledger, "recipes=parts", "targets=names", "seeds=2"), ledger)
    assert {spec.name for spec in first} == {
        "tiny/baseline -> names/search 0",
        "tiny/baseline -> names/search 1",
        "tiny/parts/seed 2",
        "tiny/parts -> names/seed 2",
    }


@pytest.mark.parametrize(
    ("texts", "seeds"),
    [(("recipes=parts",), {1, 2}), (("seeds=2",), {2}), (("recipes=baseline",), set()), (("targets=names",), set())],
)
def test_a_twin_is_in_the_parts_with_its_recipe_that_name_no_targets(texts: tuple[str, ...], seeds: set[int]) -> None:
    ledger = FakeLedger()
    first = drain(agenda_of_part(replace(TINY, null_twins=True), ledger, *texts), ledger)
    assert {spec.seed for spec in first if spec.recipe == "parts without input"} == seeds


def test_several_options_with_one_key_are_united() -> None:
    only = parse_only(["seeds=1", "recipes=parts", "seeds=2"], TINY)
    assert only == Only({"seeds": frozenset("12"), "recipes": frozenset({"parts"})})
    assert str(only) == "--only seeds=1,2 --only recipes=parts"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipes=part", "No recipe is called 'part'. Did you mean 'parts'?"),
        ("recipe=parts", "No --only key is called 'recipe'. Did you mean 'recipes'?"),
        ("targets=nmaes", "No target is called 'nmaes'. Did you mean 'names'?"),
        ("seeds=9", "No seed is called '9'. Known: 1, 2."),
        ("parts", "--only needs KEY=NAME,NAME with a key of models, recipes, targets, seeds, got 'parts'."),
    ],
)
def test_an_unknown_part_is_answered_with_the_nearest_name(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_only([text], TINY)
    assert str(caught.value).startswith(message)


def test_the_plan_of_a_part_counts_its_trials(call: Call) -> None:
    result = call("plan", "tiny", "--only", "recipes=parts", "--only", "targets=names", "--json")
    units = {unit["unit"]: unit["search"] + unit["replicates"] for unit in json.loads(result.out)["units"]}
    assert units == {"tiny/baseline -> names": 2, "tiny/parts": 2, "tiny/parts -> names": 2}
