"""The specs of trials: English selection data, and keys that depend only on values that change the result."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import Any

import pytest

from search_spaces.load import load_space, shipped
from search_spaces.xtreme import SPACE as XTREME
from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.files.serialize import key_values
from sweeper.plan.data_specs import carve_floor
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import ResourceOverrides, Specs
from sweeper.plan.units import Unit, make_plan
from sweeper.records.spec import LabelNoiseSpec, PerturbationSpec, TrialSpec, score_key
from sweeper.space import Condition, Model, Recipe, Resources, Space, Stage, Target, Training
from sweeper.space.dials import DIALS
from sweeper.space.settings import apply_settings
from sweeper.tasks.spec import Task
from tests.spaces import rows_of
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of, drain, specs_of, with_chain


def unit_of(specs: Specs, name: str) -> Unit:
    return specs.plan.unit(name)


def training_of(specs: Specs, name: str = "tiny/baseline -> names") -> TrialSpec:
    return replicate(specs, unit_of(specs, name), 1, 1e-3)


def replicate(specs: Specs, unit: Unit, seed: int, rate: float) -> TrialSpec:
    """A replicate with the learning rate that its study has chosen."""
    return specs.replicate(unit, seed, specs.search(unit, 0, {"learning_rate": rate}, ()), ())


@pytest.mark.parametrize("name", shipped())
def test_selection_data_are_always_english(name: str) -> None:
    specs = specs_of(load_space(name))
    selected = list(chain.from_iterable(specs.selection(unit, 1) for unit in specs.plan.units))
    assert selected
    assert {data.languages for data in selected} == {("en",)}
    assert {data.part for data in selected} <= {"select", "dev"}


@pytest.mark.parametrize("name", shipped())
def test_no_rows_are_used_for_selection_and_for_a_reported_score(name: str) -> None:
    space = load_space(name)
    specs = specs_of(space)
    scored = [score for unit in specs.plan.units if unit.kind != "prepare" for score in specs.scores(unit, 1)]
    reported = set(chain.from_iterable(rows_of(space, score.data) for score in scored))
    for unit in specs.plan.units:
        for data in specs.selection(unit, 1):
            if data.part == "dev":
                assert not rows_of(space, data) & reported


@pytest.mark.parametrize("name", shipped())
def test_rows_carved_out_for_selection_are_left_out_of_training(name: str) -> None:
    space = load_space(name)
    specs = specs_of(space)
    for unit in specs.plan.units:
        if not unit.trains:
            continue
        trained = {d.task: d for d in specs.stage(unit, unit.stage, unit.stage.training, 0).data}
        for data in specs.selection(unit, 1):
            both = [(d.carve_share, d.carve_cap) for d in (trained[data.task], data)]
            aside = (space.search.share, space.search.cap) if data.part == "select" else (0.0, None)
            assert both == [aside, aside]


FLOORS = {"squad2": (1_000 + 4 * 1_000**0.5) / 87_599, "squad": 0.0, "anli_plus": 0.0, "mnli": 0.0, "xnli": 0.0}


def test_only_a_task_that_reads_a_smaller_one_elsewhere_leaves_out_more_rows_than_its_own_selection_data() -> None:
    space = replace(XTREME, search=replace(XTREME.search, cap=1_000))
    assert {name: carve_floor(space, space.task(name)) for name in FLOORS} == pytest.approx(FLOORS)
    unknown = replace(space.task("squad"), train_size=0)
    assert carve_floor(replace(space, tasks=(unknown,)), space.task("squad2")) == space.search.share


def test_a_refitted_replicate_trains_on_all_rows_and_has_no_selection_data() -> None:
    space = replace(SMALL, search=replace(SMALL.search, refit=True))
    specs = specs_of(space)
    for name in ("tiny/parts", "tiny/baseline -> few_questions"):
        unit = unit_of(specs, name)
        searched, refitted = specs.search(unit, 0, {}, ()), replicate(specs, unit, 1, 1e-3)
        assert (searched.refitted, refitted.refitted) == (False, True)
        assert (searched.chain[-1].sets_aside, refitted.chain[-1].sets_aside) == (True, False)
        assert (len(searched.select), len(refitted.select)) == (1, 0)
        before = replicate(specs_of(SMALL), unit, 1, 1e-3)
        assert before.chain[-1].sets_aside and before.key != refitted.key
        assert specs.study_key(unit, ()) == specs_of(SMALL).study_key(unit, ())


@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_the_best_weights_are_chosen_on_the_selection_data_of_their_own_unit(evaluate: str) -> None:
    specs = specs_of(apply_settings(replace(SMALL, evaluate=evaluate), ["keep=best"]))
    for unit in specs.plan.units:
        owners = specs.plan.lineage(unit)
        assert tuple(owner.stage for owner in owners) == unit.stages
        for owner in owners:
            stage = specs.stage(owner, owner.stage, owner.stage.training, 1)
            assert stage.validation == specs.selection(owner, 1) != ()
            assert {data.languages for data in stage.validation} == {("en",)}


def test_refitting_changes_nothing_where_selection_data_are_a_separate_dev_split() -> None:
    refitting = specs_of(replace(SMALL, search=replace(SMALL.search, refit=True)))
    spec = training_of(refitting)
    assert spec == training_of(specs_of(SMALL))
    assert not spec.refitted and not spec.chain[-1].sets_aside
    assert [data.part for data in spec.select] == ["dev"]


def selected_on(space: Space, target: str) -> str:
    specs = specs_of(space)
    name = f"tiny/baseline -> {space.task(target).training_task}"
    return specs.selection(unit_of(specs, name), 1)[0].part


def test_a_target_reported_on_its_test_split_is_selected_on_its_english_dev_split() -> None:
    assert selected_on(SMALL, "names") == "dev"


def test_a_target_reported_on_its_dev_split_is_selected_on_a_part_of_train() -> None:
    assert selected_on(replace(SMALL, evaluate="dev"), "names") == "select"


def test_a_target_with_a_single_split_is_selected_on_a_part_of_train() -> None:
    assert selected_on(SMALL, "few_questions") == "select"


@pytest.mark.parametrize(
    "change",
    [
        lambda space: replace(space, name="other", title="Other"),
        lambda space: replace(space, models=(replace(space.models[0], name="tiny", resources=Resources(cpus=2.0)),)),
        lambda space: replace(space, search=replace(space.search, trials=99)),
        lambda space: replace(space, seeds=(1, 5, 9)),
        lambda space: replace(space, keep_targets=True),
        lambda space: replace(space, predictors=True),
    ],
    ids=["name", "resources", "trials", "seeds", "keep_targets", "predictors"],
)
def test_a_setting_that_does_not_change_the_training_changes_no_key(change: Callable[[Space], Space]) -> None:
    old, new = specs_of(SMALL), specs_of(change(SMALL))
    assert training_of(new).key == training_of(old).key
    unit = "tiny/baseline -> names"
    assert new.study_key(unit_of(new, unit), ()) == old.study_key(unit_of(old, unit), ())
    assert score_keys(training_of(new)) == score_keys(training_of(old))


def test_the_name_of_a_model_or_recipe_changes_no_key() -> None:
    model = replace(SMALL.models[0], name="another")
    recipes = (replace(SMALL.recipes[0], name="nothing"), *SMALL.recipes[1:])
    renamed = specs_of(replace(SMALL, models=(model,), recipes=recipes))
    assert training_of(renamed, "another/nothing -> names").key == training_of(specs_of(SMALL)).key


def score_keys(spec: TrialSpec) -> list[str]:
    return [score_key(spec.key, score) for score in spec.scores]


def trained_with(**values: object) -> Space:
    changed = tuple(replace(t, training=replace(t.training, **values)) for t in SMALL.targets)  # type: ignore[arg-type]
    return replace(SMALL, targets=changed)


@pytest.mark.parametrize(
    "space",
    [
        trained_with(precision="bf16"),
        trained_with(threads=2),
        trained_with(batch_size=9),
        trained_with(micro_tokens=1024),
        replace(SMALL, sample_seed=1),
        replace(SMALL, search=replace(SMALL.search, share=0.3), evaluate="dev"),
    ],
    ids=["precision", "threads", "batch_size", "micro_tokens", "sample_seed", "share"],
)
def test_a_setting_that_changes_the_training_changes_the_key(space: Space) -> None:
    assert training_of(specs_of(space)).key != training_of(specs_of(SMALL)).key


def test_the_identity_of_a_model_contains_the_number_of_its_layers(tmp_path: Path) -> None:
    models = [Model(name="model", id=str(tmp_path), layers=layers) for layers in (0, 2, 4)]
    known = {("model", "model"): "digest of the files"}
    resolver = Resolver(space=SMALL, sources=Sources(mirror=None, cache=tmp_path), memo=known)
    identities = [resolver.model(model).identity for model in models]
    assert identities[0] == "digest of the files"
    assert len(set(identities)) == len(models)


def test_dials_seed_and_data_identity_change_the_key() -> None:
    specs = specs_of(SMALL)
    unit = unit_of(specs, "tiny/baseline -> names")
    first = training_of(specs)
    other_dials = replicate(specs, unit, 1, 2e-3)
    other_seed = replicate(specs, unit, 2, 1e-3)
    stage = first.chain[0]
    other_data = replace(first, chain=(replace(stage, data=(replace(stage.data[0], identity="other rows"),)),))
    other_model = replace(first, model=replace(first.model, identity="other weights"))
    assert len({spec.key for spec in (first, other_dials, other_seed, other_data, other_model)}) == 5


def test_a_preparation_and_a_target_training_of_the_same_chain_have_two_keys_and_one_encoder() -> None:
    spec = training_of(specs_of(SMALL))
    prepared = replace(spec, kind="prepare")
    assert prepared.encoder == spec.encoder
    assert prepared.key != spec.key


def test_more_evaluation_languages_change_the_score_and_not_the_training() -> None:
    fewer = replace(SMALL, targets=tuple(replace(target, languages=("en",)) for target in SMALL.targets))
    english, complete = training_of(specs_of(fewer)), training_of(specs_of(SMALL))
    assert english.key == complete.key
    assert score_keys(english) != score_keys(complete)


def test_a_dial_is_set_in_the_training_that_it_names() -> None:
    specs = specs_of(SMALL)
    spec = specs.search(unit_of(specs, "tiny/parts"), 3, {"learning_rate": 7e-3, "epochs": 2.0}, ())
    assert spec.chain[-1].training == replace(SMALL.recipes[1].stages[0].training, learning_rate=7e-3, epochs=2.0)
    assert isinstance(spec.chain[-1].training, Training)
    assert (spec.role, spec.number, spec.seed, spec.scores) == ("search", 3, 0, ())


def test_resources_of_the_command_line_override_those_of_the_model() -> None:
    specs = replace(specs_of(SMALL), resources=ResourceOverrides(gpus=0.5))
    assert training_of(specs).resources == Resources(cpus=SMALL.models[0].resources.cpus, gpus=0.5)
    assert training_of(specs_of(SMALL)).resources == SMALL.models[0].resources


def test_a_spec_contains_the_entry_of_every_task_that_it_names() -> None:
    started = drain(agenda_of(SMALL), FakeLedger())
    for spec in started:
        named = {data.task for stage in spec.chain for data in stage.data} | {score.target for score in spec.scores}
        entries: set[str] = {task.name for task in spec.tasks if isinstance(task, Task)}
        assert named <= entries


def test_a_stage_translates_the_translatable_tasks_and_leaves_the_others_in_english() -> None:
    multitask = next(recipe for recipe in XTREME.recipes if recipe.name == "multitask_mt")
    specs = specs_of(replace(XTREME, recipes=(multitask,)))
    unit = unit_of(specs, "xlmr-large/multitask_mt")
    data = specs.stage(unit, unit.stage, unit.stage.training, 1).data
    assert len(data) == 9
    assert [task.task for task in data if not task.translation] == ["ccg"]
    assert {task.translation.languages for task in data if task.translation} == {("de", "ru", "sw")}


def test_label_noise_has_the_seed_of_the_stage_and_changes_training_data_only() -> None:
    recipe = Recipe(name="noisy", stages=(Stage(tasks=("claims",), label_noise=0.3),))
    specs = specs_of(replace(SMALL, recipes=(*SMALL.recipes, recipe)))
    unit = unit_of(specs, "tiny/noisy")
    first, second = (replicate(specs, unit, seed, 1e-3) for seed in (1, 2))
    assert [data.label_noise for data in first.chain[-1].data] == [LabelNoiseSpec(probability=0.3, seed=1)]
    assert [data.label_noise for data in second.chain[-1].data] == [LabelNoiseSpec(probability=0.3, seed=2)]
    read = (*first.select, *(score.data for score in first.scores))
    assert read and not any(data.label_noise for data in read)
    cell = replicate(specs, unit_of(specs, "tiny/noisy -> names"), 1, 1e-3)
    assert cell.chain[-1].data[0].label_noise is None


def test_a_share_of_the_training_data_is_perturbed_and_selection_and_evaluation_data_are_not() -> None:
    typos = Condition(name="typos", perturbation="keyboard", budget=0.2, seed=5)
    stages = [Stage(tasks=("claims",), perturbation=typos, perturbed_share=share) for share in (0.25, 0.5)]
    recipes = [Recipe(name=f"typos {number}", stages=(stage,)) for number, stage in enumerate(stages)]
    specs = specs_of(replace(SMALL, recipes=(*SMALL.recipes, *recipes)))
    quarter, half = (replicate(specs, unit_of(specs, f"tiny/{recipe.name}"), 1, 1e-3) for recipe in recipes)
    expected = PerturbationSpec(name="keyboard", budget=0.2, seed=6, share=0.25)
    assert [data.perturbation for data in quarter.chain[-1].data] == [expected]
    assert [data.perturbation for data in half.chain[-1].data] == [replace(expected, share=0.5)]
    read = (*half.select, *(score.data for score in half.scores))
    assert read and not any(data.perturbation for data in read)
    renamed = replace(stages[0], perturbation=replace(typos, name="wrong keys"))
    again = specs_of(replace(SMALL, recipes=(*SMALL.recipes, replace(recipes[0], stages=(renamed,)))))
    assert replicate(again, unit_of(again, "tiny/typos 0"), 1, 1e-3).key == quarter.key != half.key


def test_the_side_of_a_distractor_is_part_of_the_keys_unless_it_is_either() -> None:
    spec = PerturbationSpec(name="distractor", budget=1.0)
    assert key_values(replace(spec, side="either")) == {"name": "distractor", "budget": 1.0}
    assert key_values(replace(spec, side="before")) == {"name": "distractor", "budget": 1.0, "side": "before"}
    far = Condition(name="far", perturbation="distractor", side="before")
    target = replace(SMALL.targets[0], task="xquestions", conditions=(far,))
    specs = specs_of(replace(SMALL, targets=(target,)))
    scores = replicate(specs, unit_of(specs, "tiny/baseline -> xquestions"), 1, 1e-3).scores
    assert [score.data.perturbation.side for score in scores if score.data.perturbation] == ["before"]


def test_code_mixing_leaves_out_its_own_language_and_its_key_has_the_words_and_not_their_path(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.tsv", "two.tsv", "three.tsv")]
    for file, word in zip(files, ("haus", "haus", "heim"), strict=True):
        file.write_text(f"xa\t{word}\ten\thouse\n", encoding="utf-8")
    keys = []
    for file in files:
        mixed = Condition(name="mixed", perturbation="code_mix", by=str(file))
        targets = tuple(replace(target, conditions=(mixed,)) for target in SMALL.targets)
        specs = specs_of(replace(SMALL, targets=targets))
        resolver = replace(specs.resolver, sources=Sources(mirror=None, cache=tmp_path))
        target = next(target for target in targets if target.task == "names")
        clean = replicate(specs, unit_of(specs, "tiny/baseline -> names"), 1, 1e-3).scores[0]
        [score] = replace(specs, resolver=replace(resolver, sources=None))._under(mixed, target, clean, 1)
        assert score.data.languages == tuple(name for name in clean.data.languages if name != "en")
        path, identity = resolver.made_by(mixed)
        assert path == str(file) and score.data.perturbation
        perturbation = replace(score.data.perturbation, by=path, source_identity=identity)
        keys.append(score_key("training", replace(score, data=replace(score.data, perturbation=perturbation))))
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("name", ["xtreme", "xtreme_r"])
def test_vectors_are_compared_in_full_precision_for_any_precision_of_training(name: str) -> None:
    specs = specs_of(load_space(name))
    scores = [score for unit in specs.plan.units if unit.kind != "prepare" for score in specs.scores(unit, 1)]
    assert {score.precision for score in scores if score.pooling} == {"fp32"}
    assert {score.precision for score in scores if not score.pooling} == {"bf16"}


def test_a_study_on_another_encoder_has_another_key() -> None:
    specs = specs_of(SMALL)
    unit = unit_of(specs, "tiny/baseline -> names")
    first, second = (replicate(specs, unit_of(specs, "tiny/parts"), 1, rate).chain for rate in (1e-3, 2e-3))
    assert len({specs.study_key(unit, parent) for parent in ((), first, second)}) == 3


def test_a_cap_on_examples_holds_for_a_task_and_its_languages_divide_it_by_their_shares() -> None:
    def caps(shares: dict[str, float], *languages: str) -> tuple[int | None, tuple[int, ...]]:
        stage = Stage(tasks=("mlm_text",), languages=languages, shares=shares, training=Training(cap_examples=100))
        space = replace(SMALL, recipes=(*SMALL.recipes, Recipe(name="text", stages=(stage,))))
        specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
        unit = next(unit for unit in specs.plan.units if unit.label == "text")
        [data] = specs.replicate(unit, 1, None, ()).chain[-1].data
        return data.cap_examples, data.caps

    assert caps({}, "en") == (100, ())
    assert caps({}, "en", "de", "sw") == (None, (33, 34, 33))
    assert caps({"en": 0.9, "de": 0.1}, "en", "de") == (None, (90, 10))
    assert caps({"en": 0.5, "de": 0.5}, "en", "de") == (None, (50, 50))


def test_the_shares_of_a_stage_change_its_key_and_their_order_does_not() -> None:
    def key(shares: dict[str, float]) -> str:
        stage = Stage(tasks=("mnli", "squad"), shares=shares)
        space = replace(SMALL, recipes=(*SMALL.recipes, Recipe(name="both", stages=(stage,))))
        specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
        unit = next(unit for unit in specs.plan.units if unit.label == "both")
        return specs.replicate(unit, 1, None, ()).key

    assert key({"mnli": 0.4, "squad": 0.6}) == key({"squad": 0.6, "mnli": 0.4})
    assert len({key({}), key({"mnli": 0.4, "squad": 0.6}), key({"mnli": 0.5, "squad": 0.5})}) == 3


def with_conditions(*conditions: Condition) -> Space:
    """The small space with conditions on its first target."""
    first, *others = SMALL.targets
    return replace(SMALL, targets=(replace(first, conditions=conditions), *others))


def test_a_condition_adds_a_score_and_changes_no_key_of_another_one() -> None:
    noise = Condition(name="typos", perturbation="keyboard", languages=("en",))
    plain, extended = (training_of(specs_of(space)) for space in (SMALL, with_conditions(noise)))
    assert extended.key == plain.key
    assert score_keys(extended)[: len(plain.scores)] == score_keys(plain)
    (added,) = extended.scores[len(plain.scores) :]
    assert (added.condition, added.data.languages) == ("typos", ("en",))
    assert added.data.perturbation == PerturbationSpec(name="keyboard", budget=0.1)


@pytest.mark.parametrize("change", [{"budget": 0.2}, {"seed": 1}, {"perturbation": "diacritics"}], ids=str)
def test_every_value_of_a_condition_changes_the_key_of_its_score(change: dict[str, Any]) -> None:
    noise = Condition(name="typos", perturbation="keyboard")
    specs = [training_of(specs_of(with_conditions(each))) for each in (noise, replace(noise, **change))]
    before, after = map(score_keys, specs)
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a perturbation that the format does not allow": ({"perturbation": "distractor"}, "not defined for 'names'"),
    "a language without evaluation data": ({"perturbation": "keyboard", "languages": ("zz",)}, "evaluation language"),
    "the name of the usual condition": ({"perturbation": "keyboard", "name": "clean"}, "not 'clean'"),
    "an impossible budget": ({"perturbation": "keyboard", "budget": 0.0}, "0 < budget <= 1"),
    "a source of another perturbation": ({"perturbation": "keyboard", "source": "en"}, "Only the perturbation"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_condition_that_cannot_be_scored_is_refused_with_the_rule(mistake: str) -> None:
    fields, message = MISTAKES[mistake]
    with pytest.raises(UserError, match=message):
        with_conditions(Condition(**{"name": "noise", **fields}))


def test_a_condition_in_a_language_that_the_target_leaves_out_is_refused() -> None:
    first = replace(SMALL.targets[0], languages=("en",))
    noise = Condition(name="typos", perturbation="keyboard", languages=("xa",))
    with pytest.raises(UserError, match=r"evaluation language of target 'names' is called 'xa'"):
        replace(SMALL, targets=(replace(first, conditions=(noise,)),))


def test_a_retrieval_target_has_no_conditions() -> None:
    retrieval = Target(task="tatoeba", conditions=(Condition(name="typos", perturbation="keyboard"),))
    with pytest.raises(UserError, match=r"format 'retrieve'\)\. Defined: none"):
        replace(XTREME, targets=(retrieval,))


@pytest.mark.parametrize("dial", DIALS)
def test_a_search_trial_does_not_depend_on_the_trials_whose_specs_were_made_before(dial: str) -> None:
    space = with_chain(SMALL)
    capped = tuple(replace(target, training=replace(target.training, cap_tokens=10_000)) for target in space.targets)
    space = replace(space, targets=capped)
    specs = specs_of(space)
    for unit in (unit for unit in specs.plan.units if unit.searches):
        usual = getattr(unit.stage.training, dial)
        other = (usual or 1) / 2 if isinstance(usual, float) else 2 * (usual or 1)
        points: list[dict[str, Any]] = [{dial: other}, {dial: usual}]
        first = specs.search(unit, 0, points[0], ()).chain
        for number, (parent, point) in enumerate(product([(), first], points)):
            assert specs.search(unit, number, point, parent) == specs_of(space).search(unit, number, point, parent)
