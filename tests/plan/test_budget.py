"""`--budget`: a sweep that trains only as often as the user pays for, the most useful cells first."""

from dataclasses import replace
from itertools import pairwise
from math import sqrt
from pathlib import Path
from statistics import stdev

import pytest

from sweeper.errors import UserError
from sweeper.plan.budget import Budget, Purchase, parse_budget
from sweeper.plan.forecast import forecast
from sweeper.plan.only import narrowed, parse_only
from sweeper.plan.pace import Pace
from sweeper.plan.status import finished_names, replicate_values
from sweeper.plan.tokens import training_tokens
from sweeper.plan.units import make_plan
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.ledger import Contents
from sweeper.space import Search, Space, Target
from sweeper.tuning.agenda import Agenda
from tests.runs import Call, is_user_error
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.imaginary import SMALL, FakeLedger, Fate, drain, fail, run_all, specs_of, succeed, unless
from tests.tuning.test_no_leak import SPACE, write_mirror
from tests.tuning.test_no_leak import run_all as run_trials

SEEDED = replace(SMALL, seeds=(1, 2, 3, 4), search=Search(scope="target", trials=2, batch=2))
"""Two recipes and two targets."""
NUM = len(run_all(SEEDED)[1].trainings)
CELLS = ("tiny/parts -> names", "tiny/parts -> few_questions")


def agenda_of(budget: int | str, ledger: FakeLedger | None = None, space: Space = SEEDED) -> Agenda:
    start = ledger or FakeLedger()
    return Agenda(
        specs=specs_of(space),
        trainings=start.ended(),
        scores=set(start.scores),
        budget=parse_budget(str(budget)),
    )


def bought(budget: int | str, space: Space = SEEDED, fate=succeed, **options: int) -> FakeLedger:
    ledger = FakeLedger()
    drain(agenda_of(budget, space=space), ledger, fate, **options)
    return ledger


def specs(ledger: FakeLedger) -> dict[str, TrialSpec]:
    return {key: record.spec for key, record in ledger.trainings.items()}


def names(ledger: FakeLedger) -> set[str]:
    return {record.spec.name for record in ledger.trainings.values()}


def num_trainings(ledger: FakeLedger) -> int:
    return sum(record.spec.trains for record in ledger.trainings.values())


def varied(spec: TrialSpec) -> TrainingRecord:
    """Selection values of the cell with few questions vary most."""
    spread = 0.1 if spec.name.startswith(CELLS[1]) else 0.001
    return replace(succeed(spec), value=0.5 + spread * (spec.seed % 2))


def test_a_larger_budget_continues_a_smaller_one_and_none_is_exceeded() -> None:
    ledgers = [bought(budget, fate=varied) for budget in range(1, NUM + 1)]
    for budget, ledger in enumerate(ledgers, start=1):
        assert num_trainings(ledger) <= budget
    for smaller, larger in pairwise(ledgers):
        assert specs(smaller).items() <= specs(larger).items()
    assert specs(ledgers[-1]) == specs(run_all(SEEDED, varied)[1])


def test_the_baseline_is_bought_first_then_one_seed_of_each_cell_then_a_second_one() -> None:
    started = [spec.name for spec in drain(agenda_of(NUM), FakeLedger(), varied, workers=1)]
    baseline = max(started.index(name) for name in started if "baseline" in name)
    first, second, third = ([started.index(f"{cell}/seed {seed}") for cell in CELLS] for seed in SEEDED.seeds[:3])
    assert baseline < min(first) and max(first) < min(second) and max(second) < min(third)


def test_later_waves_add_seeds_where_the_selection_values_vary_most() -> None:
    sizes = [(f"{CELLS[0]}/seed 3" in names(each), f"{CELLS[1]}/seed 3" in names(each)) for each in
             (bought(budget, fate=varied) for budget in range(1, NUM + 1))]  # fmt: skip
    assert (False, True) in sizes
    assert (True, False) not in sizes


def test_other_selection_values_decide_other_waves() -> None:
    def turned(spec: TrialSpec) -> TrainingRecord:
        spread = 0.1 if spec.name.startswith(CELLS[0]) else 0.001
        return replace(succeed(spec), value=0.5 + spread * (spec.seed % 2))

    third = [f"{cell}/seed 3" for cell in CELLS]
    differ = [
        budget
        for budget in range(1, NUM + 1)
        if (third[0] in names(bought(budget, fate=turned))) != (third[0] in names(bought(budget, fate=varied)))
    ]
    assert differ


@pytest.mark.parametrize("budget", [NUM // 2, NUM - 3, NUM - 1])
def test_the_same_budget_gives_the_same_ledger_whatever_the_timing(budget: int) -> None:
    alone = bought(budget, fate=varied, workers=1)
    assert specs(bought(budget, fate=varied, seed=5, workers=10**6)) == specs(alone)
    ledger = FakeLedger()
    for seed in range(6):
        drain(agenda_of(budget, ledger), ledger, varied, seed=seed, stop_after=4)
    drain(agenda_of(budget, ledger), ledger, varied)
    assert specs(ledger) == specs(alone)
    assert agenda_of(budget, ledger).finished


def test_no_wave_is_decided_after_a_lost_trial() -> None:
    name = f"{CELLS[0]}/seed 2"
    ledger = FakeLedger()
    agenda = agenda_of(NUM)
    drain(agenda, ledger, lambda spec: "its worker died" if spec.name == name else varied(spec))
    assert not any(spec.seed > 2 for spec in specs(ledger).values() if spec.recipe == "parts")
    drain(agenda_of(NUM, ledger), ledger, varied)
    assert specs(ledger) == specs(run_all(SEEDED, varied)[1])


def test_a_failed_replicate_does_not_stop_the_waves() -> None:
    ledger = bought(NUM, fate=unless(lambda spec: spec.name == f"{CELLS[0]}/seed 2", fail))
    assert {f"{cell}/seed 4" for cell in CELLS} <= names(ledger)


def scores_of(ledger: FakeLedger, agenda: Agenda) -> dict[str, ScoreRecord]:
    """A score without metrics for each one of the finished scorings."""
    slots = [slot for slot in agenda.done if agenda.unit(slot).kind == "score"]
    cells = [(agenda.unit(slot), slot.number, target) for slot in slots for target in agenda.unit(slot).targets]
    return {
        f"{unit.name} {seed} {target.task} {layer}": ScoreRecord(
            key="", training="", model=unit.model.name, recipe=unit.recipe, target=target.task,
            seed=seed if unit.stages else None, split="test", pooling=target.pooling, layer=layer,
            similarity=target.similarity, metrics={}, trivial={}, counts={}, main="", outcomes="",
        )
        for unit, seed, target in cells
        for layer in target.layers
    }  # fmt: skip


def spread_of_preparations(spec: TrialSpec) -> TrainingRecord:
    spread = 0.2 if "->" not in spec.name else 0.1 if spec.name.startswith(CELLS[1]) else 0.001
    return replace(succeed(spec), value=0.5 + spread * (spec.seed % 2))


WITH_SCORES = replace(SEEDED, targets=(*SEEDED.targets, Target(task="twins", layer=1 / 3)))
FATES: dict[str, tuple[Space, Fate]] = {
    "a target that only scores encoders": (WITH_SCORES, spread_of_preparations),
    "a failed replicate": (SEEDED, unless(lambda spec: spec.name == f"{CELLS[0]}/seed 2")),
    "a failed preparation": (SEEDED, unless(lambda spec: spec.name == "tiny/parts/seed 2")),
    "a failed search": (SEEDED, unless(lambda spec: spec.name.startswith("tiny/baseline -> names/search"))),
    "a failed search of a preparation": (SEEDED, unless(lambda spec: spec.name.startswith("tiny/parts/search"))),
}


@pytest.mark.parametrize("name", FATES)
def test_plan_and_run_buy_the_same_trials(name: str) -> None:
    space, fate = FATES[name]
    for amount in (NUM - 4, NUM):
        ledger, agenda = FakeLedger(), agenda_of(amount, space=space)
        drain(agenda, ledger, fate)
        contents = Contents(
            trainings=ledger.ended(), scores=scores_of(ledger, agenda), damaged={}, foreign={}, num_unsealed=0
        )
        values = replicate_values(contents, finished_names(contents, agenda.whole), agenda.whole)
        assert Purchase.of(agenda.whole, Budget(amount), values).plan.waves == agenda.plan.waves


def test_a_cell_costs_its_preparation_and_the_searches_that_it_needs() -> None:
    plan = make_plan(SEEDED)
    baseline = sum(unit.trains for unit in plan.units if unit.recipe == "baseline") * 4 + 2 * 2
    assert num_trainings(bought(baseline)) == baseline
    # The search of the preparation, the preparation with seed 1, and the cell.
    needed = 2 + 1 + 1
    assert num_trainings(bought(baseline + needed - 1)) == baseline
    assert num_trainings(bought(baseline + needed)) == baseline + needed


def test_a_budget_in_tokens_counts_the_planned_tokens() -> None:
    plan = make_plan(SEEDED)
    tokens = {
        unit.trial_name(role, number): training_tokens(SEEDED, unit, role)
        for unit in plan.units
        if unit.trains
        for role, number in plan.trials(unit)
    }
    total = sum(tokens.values())
    half = bought(f"{total // 2}tokens")
    assert 0 < sum(tokens[name] for name in names(half) if name in tokens) <= total // 2
    assert specs(bought(f"{total}tokens", fate=varied)) == specs(run_all(SEEDED, varied)[1])


def test_a_part_of_the_space_can_have_a_budget() -> None:
    plan = narrowed(make_plan(SEEDED), parse_only(["recipes=parts", "targets=names"], SEEDED))
    agenda = Agenda(specs=replace(specs_of(SEEDED), plan=plan), trainings={}, scores=set(), budget=Budget(NUM))
    drain(agenda, FakeLedger())
    assert {agenda.name(slot) for slot in agenda.slots} == {
        unit.trial_name(*trial) for unit in plan.units for trial in plan.trials(unit)
    }


def test_a_budget_counts_the_trainings_of_its_own_part_only() -> None:
    ledger = FakeLedger()
    for name in ("names", "few_questions"):
        plan = narrowed(make_plan(SEEDED), parse_only([f"targets={name}"], SEEDED))
        agenda = Agenda(
            specs=replace(specs_of(SEEDED), plan=plan),
            trainings=ledger.ended(),
            scores=set(ledger.scores),
            budget=Budget(10),
        )
        drain(agenda, ledger)
        assert sum(agenda.unit(slot).trains for slot in agenda.slots) <= 10
    assert num_trainings(ledger) > 10


def test_the_plan_says_what_a_budget_buys() -> None:
    pace = Pace(workers=1)
    whole = forecast(SEEDED, mirror=None, run="no such run", pace=pace)
    part = forecast(SEEDED, mirror=None, run="no such run", pace=pace, budget=Budget(NUM // 2))
    assert part.trainings == num_trainings(bought(NUM // 2)) < whole.trainings
    assert part.notes[0].startswith(
        f"--budget {NUM // 2} buys {part.trainings} trainings: all seeds of the baseline (8 of 8)"
    )
    rest = forecast(SEEDED, mirror=None, run="no such run", pace=pace, budget=Budget(NUM)).notes[0]
    assert "their second seed (2 of 2)" in rest
    assert "go to further seeds of the cells whose English selection values vary most" in rest


def test_the_plan_says_that_refitted_replicates_are_bought_in_the_order_of_the_plan() -> None:
    refitting = replace(SEEDED, search=replace(SEEDED.search, refit=True))
    sentences = {
        (space.search.refit, amount): Purchase.of(make_plan(space), Budget(amount), {}).sentence()
        for space in (SEEDED, refitting)
        for amount in (NUM // 2, NUM)
    }
    order = "Refitted replicates have no selection value: their cells follow in the order of the plan."
    assert [key for key, sentence in sentences.items() if sentence.endswith(order)] == [(True, NUM)]


@pytest.mark.parametrize(
    ("text", "budget"),
    [("200", Budget(200)), ("2e3", Budget(2000)), ("2.5e9tokens", Budget(2_500_000_000, "tokens"))],
)
def test_a_budget_is_a_number_of_trainings_or_of_tokens(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "0", "-5", "many", "1.5", "3hours", "9" * 30, "1e999tokens"])
def test_a_budget_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--budget needs a number of trainings, such as 200"):
        parse_budget(text)


def test_the_commands_take_a_budget(call: Call) -> None:
    assert is_user_error(call("run", "tiny", "--budget", "lots"))
    planned = call("plan", "tiny", "--budget", "9")
    assert planned.code == 0
    assert "--budget 9 buys" in planned.out


def test_real_trainings_with_a_budget_are_those_of_the_whole_space(tmp_path: Path) -> None:
    save_tiny_encoder(tmp_path / "encoder")
    mirror = write_mirror(tmp_path / "mirror", tmp_path / "encoder", set())
    space = replace(SPACE, seeds=(1, 2, 3), search=Search(scope="target", trials=2, share=0.3))
    records, _ = run_trials(space, mirror, tmp_path / "run", Budget(18))
    # Two searches of two trials and six replicates of the baseline, then cells with their preparations.
    assert len([record for record in records.values() if record.spec.trains]) == 4 + 6 + 2 * 3 + 2
    cells = {name: record for name, record in records.items() if "taught -> " in name}
    errors = {}
    for target in ("exam", "quiz"):
        values = [cells[f"small/taught -> {target}/seed {seed}"].value or 0.0 for seed in (1, 2)]
        errors[target] = stdev(values) / sqrt(2)
    third = [name for name in cells if name.endswith("seed 3")]
    assert third == [f"small/taught -> {max(errors, key=lambda name: errors[name])}/seed 3"]
