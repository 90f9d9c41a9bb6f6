"""The cost of a plan: tokens, hours and GPU-hours, compared with values computed by hand."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.demo import SPACE as DEMO
from search_spaces.demo_encoder import SPACE as DEMO_ENCODER
from search_spaces.demo_full import SPACE as DEMO_FULL
from search_spaces.demo_null import SPACE as DEMO_NULL
from search_spaces.demo_recovery import SPACE as DEMO_RECOVERY
from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.plan.check import check_space
from sweeper.plan.forecast import Forecast, Row, forecast
from sweeper.plan.pace import ALL_MODELS, Pace, Speed, parse_throughputs, speeds
from sweeper.plan.sources import check_paths, sources_of
from sweeper.plan.tables import forecast_tables
from sweeper.plan.tokens import (
    evaluation_size,
    features_per_example,
    score_tokens,
    selection_tokens,
    stage_tokens,
    training_tokens,
)
from sweeper.plan.units import make_plan
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import ModelSpec, Role, TrialSpec
from sweeper.run.ledger import Ledger
from sweeper.space import Condition, Model, Recipe, Resources, Space, Stage, Target, Training
from sweeper.space.settings import apply_settings
from sweeper.tasks.spec import Task
from tests.spaces import MATRIX

MODEL = Model(name="large", id="hub/large", resources=Resources(gpus=0.5))
SEARCH = replace(XTREME.search, cap=1_000)
SPACE = replace(XTREME, models=(MODEL,), recipes=(Recipe(name="baseline"),), seeds=(1, 2), search=SEARCH)
TRAINING = Training(epochs=2, max_length=100)
ROLES: tuple[Role, ...] = ("search", "replicate")


def test_a_condition_reads_the_examples_of_its_languages_again_except_for_that_of_its_translations() -> None:
    target = next(target for target in TINY.targets if target.task == "names")
    mixed = Condition(name="mixed", perturbation="code_mix", by="pairs.tsv")
    typos = Condition(name="typos", perturbation="keyboard", languages=("xa",))

    def tokens(*conditions: Condition) -> int:
        space = replace(TINY, targets=(replace(target, conditions=conditions),))
        return score_tokens(space, make_plan(space).unit("tiny/baseline -> names"))

    assert (target.languages, tokens() % 3) == (("en", "xa", "xf"), 0)
    assert tokens(mixed) * 3 == tokens() * 5
    assert tokens(typos) * 3 == tokens() * 4


def test_a_plan_without_the_file_of_word_pairs_names_it_and_a_run_is_refused(tmp_path: Path) -> None:
    mixed = Condition(name="mixed", perturbation="code_mix", by=str(tmp_path / "pairs.tsv"))
    target = next(target for target in TINY.targets if target.task == "names")
    space = replace(TINY, targets=(replace(target, conditions=(mixed,)),))
    missing = "Condition 'mixed' needs the file of word pairs"
    prediction = forecast(space, mirror=None, run=str(tmp_path / "run"), pace=Pace())
    assert [note for note in prediction.notes if note.startswith(missing)]
    sources = sources_of(space, None, tmp_path)
    with pytest.raises(UserError, match=missing + r".* does not exist\. Write it, or align one: sweeper align"):
        check_paths(space, sources)
    (tmp_path / "pairs.tsv").write_text("xa\tone\ten\ttwo\n", encoding="utf-8")
    assert not [
        note
        for note in forecast(space, mirror=None, run=str(tmp_path / "run"), pace=Pace()).notes
        if note.startswith(missing)
    ]
    check_paths(space, sources)


def test_a_check_looks_at_the_translator_of_perturbed_training_examples(tmp_path: Path) -> None:
    again = Condition(name="again", perturbation="paraphrase", by="apertium", source="xa")
    stage = Stage(tasks=("questions",), perturbation=again, perturbed_share=0.5)
    space = replace(TINY, recipes=(Recipe(name="baseline"), Recipe(name="again", stages=(stage,))))
    problems = check_space(space, Sources(mirror=tmp_path, cache=tmp_path)).problems
    assert any("Condition 'again' translates in both directions" in problem for problem in problems)


def plan_of(space: Space, tmp_path: Path, **pace: object) -> Forecast:
    return forecast(space, mirror=None, run=str(tmp_path / "nowhere"), pace=Pace(**pace))  # type: ignore[arg-type]


def sentences_of(plan: Forecast) -> str:
    return "\n".join(text for text in forecast_tables(plan) if isinstance(text, str))


def work_left(row: Row) -> float:
    """The trials left in training tokens."""
    return row.tokens_left + row.evaluation_left / 3


def test_gpu_hours_are_worker_hours_times_the_gpus_of_a_trial(tmp_path: Path) -> None:
    space = replace(SPACE, targets=(Target(task="pawsx", training=TRAINING),))
    plan = plan_of(space, tmp_path, workers=4, throughputs={ALL_MODELS: 1000.0})
    # 48,401 examples x 2 epochs x 100 tokens, half filled; two seeds. Selection: 1,000; dev: 7 languages of 2,000.
    trained, evaluated = 2 * 48_401 * 100, 2 * (1_000 + 14_000) * 50
    assert (plan.tokens_left, plan.evaluation_left) == (trained, evaluated)
    hours = (trained + evaluated / 3) / 1000 / 3600
    assert plan.worker_hours == pytest.approx(hours)
    assert plan.hours == pytest.approx(hours / 4)
    assert plan.gpu_hours == pytest.approx(hours / 2)
    assert f"{hours / 2:,.1f} GPU-hours (0.5 per trial of large)" in sentences_of(plan)


def test_a_model_without_gpus_needs_no_gpu_hours(tmp_path: Path) -> None:
    plan = plan_of(TINY, tmp_path, throughputs={ALL_MODELS: 1000.0})
    assert plan.gpu_hours == 0
    assert plan.worker_hours
    assert "worker-hours, no GPU." in sentences_of(plan)


def test_the_cost_is_the_price_of_the_gpu_hours_or_of_the_worker_hours_without_a_gpu(tmp_path: Path) -> None:
    space = replace(SPACE, models=(MODEL, Model(name="small", id="hub/small")))
    plan = plan_of(space, tmp_path, throughputs={ALL_MODELS: 1.0}, price=0.5)
    of_each = [work_left(row) / 3600 * (0.5 if row.model == "large" else 1) for row in plan.rows]
    assert plan.cost == pytest.approx(0.5 * sum(of_each))
    assert plan.as_json()["cost_left"] == plan.cost
    assert f"cost {plan.cost:,.2f} at 0.5 an hour" in sentences_of(plan)
    assert plan_of(space, tmp_path, throughputs={ALL_MODELS: 1.0}).cost is None
    assert plan_of(space, tmp_path, price=0.5).cost is None, "no speed"


@pytest.mark.parametrize("price", [-1.0, math.nan, math.inf])
def test_a_price_that_is_no_price_is_refused(price: float) -> None:
    with pytest.raises(UserError, match="a finite price >= 0"):
        Pace(price=price)


def test_the_saving_compares_gpu_hours_with_those_of_cells_trained_from_scratch(tmp_path: Path) -> None:
    plan = plan_of(XTREME, tmp_path, throughputs={ALL_MODELS: 1000.0})
    facts = plan.as_json()
    assert facts["replicate_gpu_hours_from_scratch"] > facts["replicate_gpu_hours"] > 0
    assert plan.saving == pytest.approx(facts["replicate_gpu_hours_from_scratch"] / facts["replicate_gpu_hours"])
    assert 3 < plan.saving < 5


HOURS = (
    "hours_left",
    "worker_hours_left",
    "gpu_hours_left",
    "replicate_gpu_hours",
    "replicate_gpu_hours_from_scratch",
)


def test_without_a_pace_a_plan_shows_tokens_trials_and_the_saving_but_no_hours(tmp_path: Path) -> None:
    plan = plan_of(XTREME, tmp_path)
    facts = plan.as_json()
    assert {name: facts[name] for name in HOURS} == dict.fromkeys(HOURS)
    assert facts["tokens_a_second_of_a_worker"] == {"xlmr-large": None}
    assert facts["training_tokens_left"] > 10**9
    sentences = sentences_of(plan)
    assert "the speed of xlmr-large is not known. Give it with --throughput " in sentences
    assert "--throughput-of RUN" in sentences
    assert re.search(r"would cost [34]\.\d times the tokens of the replicates\.", sentences)
    assert not re.search(r"\d h on|worker-hours|GPU-hours|given", sentences)


def test_hours_need_the_pace_of_every_model(tmp_path: Path) -> None:
    space = replace(SPACE, models=(MODEL, Model(name="small", id="hub/small")))
    half, whole = (
        plan_of(space, tmp_path, throughputs=throughputs)
        for throughputs in ({"small": 2.0}, {"small": 2.0, ALL_MODELS: 1.0})
    )
    assert half.worker_hours is None
    assert half.as_json()["tokens_a_second_of_a_worker"]["small"] == {"throughput": 2.0, "source": "given"}
    assert "the speed of large is not known" in sentences_of(half)
    assert {name: speed.throughput for name, speed in whole.speeds.items()} == {"large": 1.0, "small": 2.0}
    tokens = {name: sum(work_left(row) for row in whole.rows if row.model == name) for name in whole.speeds}
    assert whole.worker_hours == pytest.approx((tokens["large"] + tokens["small"] / 2) / 3600)


def test_evaluation_counts_if_the_catalog_has_its_size_and_is_listed_if_not(tmp_path: Path) -> None:
    sizes = {target.task: evaluation_size(XTREME, target) for target in XTREME.targets}
    assert sizes["xnli"] == 15 * 2_490
    assert sizes["tatoeba"] == 2 * (28 * 1_000 + 205 + 746 + 575 + 687 + 390 + 307 + 234 + 548)
    assert sizes["tydiqa"] == 5_077
    assert [name for name, size in sizes.items() if size is None] == ["pos", "bucc2018"]
    assert plan_of(XTREME, tmp_path).uncounted == ("pos", "bucc2018")


def test_all_targets_of_xtreme_r_are_counted_except_the_newer_treebanks(tmp_path: Path) -> None:
    sizes = {target.task: evaluation_size(XTREME_R, target) for target in XTREME_R.targets}
    tatoeba = evaluation_size(XTREME, next(target for target in XTREME.targets if target.task == "tatoeba"))
    assert tatoeba is not None
    assert sizes["tatoeba_r"] == tatoeba + 2 * 5 * 1_000
    assert sizes["ner_r"] == 29 * 10_000 + 13 * 1_000 + 6 * 100
    assert (sizes["xquad_r"], sizes["xcopa"]) == (12 * 1_190, 11 * 2 * 500)
    assert [name for name, size in sizes.items() if size is None] == ["pos_r"]
    assert plan_of(XTREME_R, tmp_path).uncounted == ("pos_r",)


def test_a_pool_is_counted_whole_for_any_languages_and_cap() -> None:
    targets = {target.task: target for target in XTREME_R.targets}
    assert evaluation_size(XTREME_R, targets["mewslix"]) == 14_624 + 1_003_893
    german = replace(targets["mewslix"], languages=("de",), eval_cap=100)
    assert evaluation_size(XTREME_R, german) == 100 + 1_003_893
    lareqa = replace(targets["lareqa"], languages=("de",))
    assert evaluation_size(XTREME_R, targets["lareqa"]) == 11 * 1_190 + 12_350
    assert evaluation_size(XTREME_R, lareqa) == 1_190 + 12_350


def test_a_pool_that_the_user_defines_has_no_known_size() -> None:
    entities = replace(XTREME_R.task("mewslix_entities"), title="Other entities")
    target = next(target for target in XTREME_R.targets if target.task == "mewslix")
    assert evaluation_size(replace(XTREME_R, tasks=(entities,)), target) is None


def test_a_cap_and_fewer_languages_make_evaluation_smaller() -> None:
    target = Target(task="xnli", languages=("en", "de"), eval_cap=100)
    assert evaluation_size(replace(XTREME, targets=(target,)), target) == 200


def test_a_task_that_the_user_defines_has_no_known_size() -> None:
    xnli = replace(XTREME.task("xnli"), title="Another XNLI")
    space = replace(XTREME, tasks=(xnli,))
    assert evaluation_size(space, space.targets[0]) is None


FEATURES = {
    "mnli": 1, "squad2": 1, "hellaswag": 4, "cosmos_qa": 4, "csqa": 5, "siqa": 3, "copa": 2, "xcopa": 2,
    "squad_pairs": 2, "mewslix_pairs": 2, "mewslix": 1, "mewslix_entities": 1, "tatoeba": 2,
}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), FEATURES.items())
def test_an_example_is_counted_with_all_its_choices_and_both_sides_of_a_pair(name: str, number: int) -> None:
    task = XTREME_R.task(name)
    assert features_per_example(task) == number
    if not task.train_size:
        return
    stage = Stage(tasks=(name,), training=TRAINING)
    assert stage_tokens(XTREME_R, stage, sets_aside=False) == 2 * task.train_size * number * 50
    capped = replace(stage, training=replace(TRAINING, cap_tokens=1000))
    assert stage_tokens(XTREME_R, capped, sets_aside=True) == 1000


def test_the_number_of_choices_is_that_of_the_labels_or_else_the_smallest() -> None:
    columns = {"prompt": "prompt", "choices": "options", "label": "label"}
    choose = Task(name="choose", title="", format="choose", scorer="accuracy", columns=columns)
    assert features_per_example(choose) == 2
    assert features_per_example(replace(choose, labels=("a", "b", "c"))) == 3
    assert features_per_example(replace(choose, labels=("a", "b", "c"), num_choices=6)) == 6


def test_texts_mixed_into_choices_are_one_feature_each() -> None:
    plain = Stage(tasks=("csqa",), training=TRAINING)
    mixed = replace(plain, mlm_share=0.5, mlm_task="mlm_text")
    assert stage_tokens(XTREME, plain, sets_aside=False) == 2 * 9_741 * 5 * 50
    assert stage_tokens(XTREME, mixed, sets_aside=False) == 2 * 9_741 * (5 + 1) * 50


def test_a_plan_counts_minimum_and_maximum_steps() -> None:
    def tokens(**training: int) -> int:
        stage = Stage(tasks=("csqa",), training=replace(TRAINING, batch_size=10, **training))
        return stage_tokens(XTREME, stage, sets_aside=False)

    # An example of csqa has 5 choices of 100 tokens, half filled; two epochs of 9,741 examples are 1,949 steps.
    assert tokens() == tokens(min_steps=1_000) == tokens(max_steps=2_000) == 2 * 9_741 * 5 * 50
    assert tokens(max_steps=1_000) == 1_000 * 10 * 5 * 50
    assert tokens(min_steps=3_000) == 3_000 * 10 * 5 * 50
    unsized = Stage(tasks=("local_text",), training=replace(TRAINING, batch_size=10, max_steps=7))
    assert stage_tokens(XTREME, unsized, sets_aside=False) == 7 * 10 * 50
    mixed = replace(unsized, tasks=("csqa",), mlm_share=0.5)
    # Half of the steps read ten texts, the others ten examples of five choices.
    assert stage_tokens(XTREME, mixed, sets_aside=False) == 7 * 10 * (5 + 1) / 2 * 50


def test_a_plan_counts_a_cap_on_examples_once_for_all_languages_of_a_task() -> None:
    capped = Stage(tasks=("mlm_text",), training=replace(TRAINING, cap_examples=30))
    for languages in (("en",), ("en", "de", "sw")):
        assert stage_tokens(XTREME, replace(capped, languages=languages), sets_aside=False) == 3_000


def test_a_plan_counts_the_shares_of_tasks_with_different_numbers_of_features() -> None:
    shares = Stage(
        tasks=("csqa", "cosmos_qa"),
        training=replace(TRAINING, cap_examples=100),
        shares={"csqa": 0.9, "cosmos_qa": 0.1},
    )
    # Two epochs of 200 examples: 90 % of five choices, 10 % of four.
    assert stage_tokens(XTREME, shares, sets_aside=False) == pytest.approx(2 * 200 * (0.9 * 5 + 0.1 * 4) * 50)


def test_a_trial_is_selected_on_every_choice_of_an_example() -> None:
    stage = Stage(tasks=("csqa", "mnli"), training=TRAINING)
    space = replace(SPACE, recipes=(Recipe(name="both", stages=(stage,)),))
    unit = next(unit for unit in make_plan(space).units if unit.kind == "prepare")
    # A tenth of the 9,741 examples of csqa is less than the cap of 1,000.
    for role in ROLES:
        assert selection_tokens(space, unit, role) == (974 * 5 + 1_000) * 50


def test_a_target_that_is_selected_on_its_dev_split_reads_no_more_examples_than_the_split_has() -> None:
    unit = make_plan(TINY).unit("tiny/baseline -> names")
    assert not unit.sets_aside
    assert [selection_tokens(TINY, unit, role) for role in ROLES] == [96 * 64] * 2
    capped = replace(TINY, search=replace(TINY.search, cap=10))
    assert selection_tokens(capped, unit, "search") == 10 * 64


NUM_ASIDE = {"mnli": 1_000, "tydiqa": 370, "anli_plus": 5_000, "squad2": round(1_126.49 / 87_599 * 130_319)}


@pytest.mark.parametrize(("name", "aside"), NUM_ASIDE.items())
def test_the_plan_counts_the_training_examples_without_those_that_are_set_aside(name: str, aside: int) -> None:
    stage = Stage(tasks=(name,), training=TRAINING)
    space = replace(SPACE, recipes=(Recipe(name="row", stages=(stage,)),))
    unit = next(unit for unit in make_plan(space).units if unit.kind == "prepare")
    tokens = {role: training_tokens(space, unit, role) for role in ROLES}
    assert tokens == dict.fromkeys(ROLES, 2 * (space.task(name).train_size - aside) * 50)
    refitting = replace(space, search=replace(space.search, refit=True))
    assert training_tokens(refitting, unit, "search") == tokens["search"]
    assert training_tokens(refitting, unit, "replicate") == 2 * space.task(name).train_size * 50
    assert [selection_tokens(refitting, unit, role) for role in ROLES] == [min(aside, 1_000) * 50, 0]


def test_the_plan_counts_the_evaluations_during_a_training(tmp_path: Path) -> None:
    # 49,401 examples, 1,000 of them set aside; two epochs of 3,026 batches of 16.
    training = replace(TRAINING, batch_size=16, keep="best", evaluate_every=1_000)
    space = replace(SPACE, targets=(Target(task="pawsx", training=training),))
    last, best = (plan_of(apply_settings(space, [f"keep={keep}"]), tmp_path) for keep in ("last", "best"))
    assert best.tokens_left == last.tokens_left
    # After 1,000 to 6,000 steps, and after the last of 6,051.
    assert best.evaluation_left - last.evaluation_left == 2 * 7 * 1_000 * 50
    assert best.notes == last.notes
    patient = replace(space, targets=(Target(task="pawsx", training=replace(training, patience=3)),))
    assert "Trainings may stop early in 1 of 1 units (patience)" in sentences_of(plan_of(patient, tmp_path))
    assert plan_of(patient, tmp_path).evaluation_left == best.evaluation_left


def test_a_target_selected_on_its_dev_split_is_planned_with_all_training_examples(tmp_path: Path) -> None:
    space = replace(SPACE, targets=(Target(task="pawsx", training=TRAINING),), evaluate="test")
    assert plan_of(space, tmp_path).tokens_left == 2 * 49_401 * 100


def test_the_tokens_of_a_plan_are_those_of_search_trials_and_of_refitted_replicates(tmp_path: Path) -> None:
    dials = XTREME.targets[0].dials
    space = replace(SPACE, targets=(Target(task="pawsx", training=TRAINING, dials=dials),))
    refitting = replace(space, search=replace(space.search, refit=True))
    assert plan_of(space, tmp_path).tokens_left == (8 + 2) * 48_401 * 100
    assert plan_of(refitting, tmp_path).tokens_left == (8 * 48_401 + 2 * 49_401) * 100


def record(number: int, tokens: int, seconds: float, model: str = "hub/large") -> TrainingRecord:
    spec = TrialSpec(
        name=f"trial {number}", kind="target", model=ModelSpec(name="another name", id=model), recipe="", task="",
        chain=(), role="replicate", seed=number,
    )  # fmt: skip
    timing = {"train": 0.8 * seconds, "wait": 0.2 * seconds, "evaluate": 99.0}
    return TrainingRecord(key=f"k{number}", spec=spec, state="done", tokens=tokens, timing=timing)


@pytest.fixture
def measured(tmp_path: Path) -> str:
    """A run with trainings at 100, 500 and 900 tokens per second, one without tokens, and one of another model."""
    run = tmp_path / "run"
    Folder(str(run)).write("space.json", write_json(SPACE))
    ledger = Ledger.at(str(run / "ledger"))
    for number, tokens in enumerate((1000, 5000, 9000, 0)):
        ledger.write_training(record(number, tokens, 10.0))
    ledger.write_training(record(9, 10**9, 1.0, model="hub/small"))
    return str(run)


def test_a_measured_pace_is_the_median_of_the_models_own_trainings(measured: str) -> None:
    measured_speeds = speeds((MODEL,), Pace(measured_in=measured))
    assert measured_speeds == {"large": Speed(throughput=500.0, source=f"median of 3 trainings in {measured}")}


@pytest.mark.parametrize("name", [ALL_MODELS, "new"])
def test_a_model_without_a_measurement_takes_the_given_pace_and_its_source_has_the_reason(
    measured: str, tmp_path: Path, name: str
) -> None:
    space = replace(SPACE, models=(MODEL, Model(name="new", id="hub/new")))
    plan = plan_of(space, tmp_path, measured_in=measured, throughputs={name: 7.0})
    assert plan.speeds["new"] == Speed(throughput=7.0, source=f"given: {measured} has no uninterrupted training of it")
    assert f"large: 500 training tokens per second of a worker, median of 3 trainings in {measured}." in sentences_of(
        plan
    )


def test_a_model_without_a_measured_or_given_pace_has_none(measured: str, tmp_path: Path) -> None:
    space = replace(SPACE, models=(MODEL, Model(name="new", id="hub/new")))
    plan = plan_of(space, tmp_path, measured_in=measured)
    assert (list(plan.speeds), plan.hours) == (["large"], None)
    assert (
        f"the speed of new is not known ({measured} has no uninterrupted training of it). Give it with --throughput "
        in sentences_of(plan)
    )


def test_a_resumed_training_has_the_tokens_of_all_attempts_and_is_left_out_of_the_pace(measured: str) -> None:
    ledger = Ledger.at(f"{measured}/ledger")
    for number in range(20, 25):
        ledger.write_training(replace(record(number, 10**9, 1.0), machine={"resumed_at": "40"}))
    assert speeds((MODEL,), Pace(measured_in=measured))["large"].throughput == 500.0


def test_a_model_that_shares_only_its_name_with_a_measured_one_is_not_measured(measured: str) -> None:
    other = replace(MODEL, id="hub/other")
    assert speeds((other,), Pace(measured_in=measured, throughputs={ALL_MODELS: 7.0}))["large"].throughput == 7.0


def test_a_model_cut_to_its_lowest_layers_has_a_pace_of_its_own(measured: str) -> None:
    cut = replace(MODEL, name="cut", layers=2)
    spec = record(40, 0, 1.0).spec
    Ledger.at(f"{measured}/ledger").write_training(
        replace(record(40, 20_000, 10.0), spec=replace(spec, model=replace(spec.model, layers=2)))
    )
    found = speeds((MODEL, cut), Pace(measured_in=measured))
    assert (found["large"].throughput, found["cut"].throughput) == (500.0, 2000.0)


def test_a_model_folder_is_recognised_in_a_record_with_another_path(measured: str) -> None:
    model = Model(name="mine", id="~/encoders/mine")
    Folder(measured).write("space.json", write_json(replace(SPACE, models=(MODEL, model))))
    spec = replace(record(30, 0, 1.0).spec, model=ModelSpec(name="mine", id="/home/else/encoders/mine"))
    Ledger.at(f"{measured}/ledger").write_training(replace(record(30, 2500, 10.0), spec=spec))
    assert speeds((replace(model, name="renamed"),), Pace(measured_in=measured))["renamed"].throughput == 250.0


def test_a_pace_is_given_for_all_models_or_for_one_by_name(tmp_path: Path) -> None:
    throughputs = parse_throughputs(["3000", "large=500", "large=400.5"])
    assert throughputs == {ALL_MODELS: 3000.0, "large": 400.5}
    assert speeds((MODEL,), Pace(throughputs=throughputs)) == {"large": Speed(throughput=400.5, source="given")}
    assert speeds((MODEL,), Pace(throughputs=parse_throughputs(["3000"])))["large"].throughput == 3000.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fast", "--throughput takes tokens per second, for all models .* or for one .*, got 'fast'"),
        ("large=", "got 'large='"),
        ("large=0", "throughput > 0, got 0"),
        ("inf", "a finite throughput > 0, got inf"),
        ("=3", "needs the name of a model before '=', .* got '=3'"),
        ("nan", "throughput > 0, got nan"),
        ("larg=3", r"No model is called 'larg'\. Did you mean 'large'\? Known: large\."),
    ],
)
def test_an_invalid_pace_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan_of(SPACE, tmp_path, throughputs=parse_throughputs([text]))


def test_a_pace_may_have_blanks_around_it() -> None:
    assert parse_throughputs([" large = 3", "5"]) == {"large": 3.0, ALL_MODELS: 5.0}


def test_a_pace_measured_in_a_missing_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere is not a run folder"):
        plan_of(SPACE, tmp_path, measured_in=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("space", [DEMO, DEMO_FULL, DEMO_RECOVERY, DEMO_NULL, DEMO_ENCODER, TINY], ids=lambda s: s.name)
def test_everything_in_the_synthetic_world_is_counted(space: Space, tmp_path: Path) -> None:
    plan = plan_of(space, tmp_path)
    assert (plan.notes, plan.uncounted) == ((), ())
    assert all(bool(row.tokens) == (row.kind != "score") and row.evaluation_left > 0 for row in plan.rows)


@pytest.mark.parametrize(
    ("world", "lacks"),
    [("demo:draws=2", "set draws=3 or more"), ("demo:language_seed=3", "was not pretrained in the languages")],
)
def test_a_plan_reports_what_its_world_lacks_and_still_counts_its_tokens(
    world: str, lacks: str, tmp_path: Path
) -> None:
    plan = plan_of(replace(MATRIX, world=world), tmp_path)
    assert [lacks in note for note in plan.notes] == [True]
    assert plan.tokens_left == plan_of(MATRIX, tmp_path).tokens_left


def test_the_tokens_of_the_matrix_follow_from_its_numbers_of_examples(tmp_path: Path) -> None:
    rows = {row.unit: row.tokens for row in plan_of(MATRIX, tmp_path).rows}
    # 640 claims, or 640 questions and the 240 of their target, without the fifth that is set aside for selection;
    # 5 epochs x 0.6 of 128 tokens, half filled.
    assert (rows["tiny/claims"], rows["tiny/questions"]) == (3 * 512 * 64, 3 * 704 * 64)
    sizes = {target.task: evaluation_size(replace(MATRIX, eval_cap=None), target) for target in MATRIX.targets}
    assert (sizes["xclaims"], sizes["twins"]) == (9 * 96, 2 * 8 * 192)


def test_a_world_of_ten_times_the_scale_counts_ten_times_except_its_running_text(tmp_path: Path) -> None:
    # With the usual cap, the larger world sets a smaller share aside for selection.
    small = replace(MATRIX, eval_cap=None, search=replace(MATRIX.search, cap=10_000))
    large = replace(small, world="demo:scale=10")
    small_plan, large_plan = (plan_of(space, tmp_path) for space in (small, large))
    # The numbers of examples are rounded.
    assert large_plan.tokens_left == pytest.approx(10 * small_plan.tokens_left, rel=1e-6)
    assert evaluation_size(large, MATRIX.targets[0]) == 10 * 9 * 96
    texts = replace(DEMO_ENCODER, world="demo:scale=10")
    assert plan_of(texts, tmp_path).tokens_left == plan_of(DEMO_ENCODER, tmp_path).tokens_left


def test_a_mirror_replaces_the_world_and_its_scale(tmp_path: Path) -> None:
    large = replace(MATRIX, world="demo:scale=10")
    (tmp_path / "datasets").mkdir()
    plan = forecast(large, mirror=str(tmp_path), run=str(tmp_path / "nowhere"), pace=Pace())
    assert plan.tokens_left == plan_of(MATRIX, tmp_path).tokens_left


def test_training_sets_of_unknown_size_are_listed_and_not_counted(tmp_path: Path) -> None:
    capped = replace(MATRIX.targets[0], training=replace(MATRIX.targets[0].training, cap_examples=100))
    rows, unsized = MATRIX.recipes[:1], tuple(replace(task, train_size=0) for task in MATRIX.tasks)
    unsized_plan, capped_plan = (
        plan_of(replace(MATRIX, tasks=unsized, recipes=rows, targets=targets), tmp_path)
        for targets in (MATRIX.targets, (capped,))
    )
    assert unsized_plan.notes[0].startswith("Training sets of unknown size, not counted: xclaims, ")
    assert unsized_plan.tokens_left == 0
    assert capped_plan.notes == ()
    assert capped_plan.tokens_left > 0
