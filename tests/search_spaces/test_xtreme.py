"""The shipped spaces `xtreme`, `xtreme_base` and `xtreme_r`."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from search_spaces.load import load_space
from sweeper.formats.table import properties_of
from sweeper.plan.forecast import forecast
from sweeper.plan.pace import Pace
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.tokens import selection_tokens
from sweeper.plan.units import Unit, make_plan
from sweeper.space import LogUniform, Space, tasks_of
from sweeper.space.settings import apply_settings
from sweeper.tasks.catalog import CATALOG

TAGGING = ("ccg", "ud_supertags")


def test_xtreme_has_an_mlm_variant_of_every_recipe_and_a_translated_variant_of_all_but_supertags() -> None:
    stages = {recipe.name: recipe.stages for recipe in load_space("xtreme").recipes}
    plain = [name for name in stages if name != "baseline" and not name.endswith(("_mlm", "_mt"))]
    assert [name for name in stages if name.endswith("_mlm")] == [f"{name}_mlm" for name in plain]
    assert [name for name in stages if name.endswith("_mt")] == [f"{name}_mt" for name in plain if name not in TAGGING]
    for name in plain:
        # A variant differs from its recipe only in the mixture and the dials.
        (stage,), (mixed,) = stages[name], stages[f"{name}_mlm"]
        assert replace(mixed, mlm_share=0.0, dials=stage.dials) == stage
        for translated in stages.get(f"{name}_mt", ()):
            assert translated.translation
            assert (translated.translation.languages, translated.translation.share) == (("de", "ru", "sw"), 1.0)
            assert replace(translated, translation=None) == stage
    assert all(properties_of(CATALOG[name]).translation is None for name in TAGGING)


def test_multitask8_trains_on_all_intermediate_tasks_of_the_study_but_ccg() -> None:
    stages = {recipe.name: recipe.stages for recipe in load_space("xtreme").recipes}
    nine, eight = (stages[name][0].tasks for name in ("multitask", "multitask8"))
    assert len(nine) == 9
    assert eight == tuple(name for name in nine if name != "ccg")
    assert all(name in stages for name in nine)


def test_the_baseline_eight_tasks_alone_and_jointly_and_their_mlm_rows_need_no_local_files(tmp_path: Path) -> None:
    space = load_space("xtreme_hub")
    names = [recipe.name for recipe in space.recipes]
    assert len(names) == 1 + 2 * 9
    assert {"baseline", "mnli", "squad_mlm", "multitask8", "multitask8_mlm"} < set(names)
    assert "ccg" not in tasks_of(stage for recipe in space.recipes for stage in recipe.stages)
    # The targets are those of the benchmark, or stand-ins for those whose files are not on the Hub.
    assert len(space.targets) == 9
    for part in (space, only(load_space("xtreme"), names, {target.task for target in space.targets})):
        notes = forecast(part, mirror=None, run=str(tmp_path / "run"), pace=Pace()).notes
        assert not [note for note in notes if "local/" in note or "missing" in note]


def only(space: Space, recipes: list[str], targets: set[str]) -> Space:
    """The recipes and targets of these names that a space has."""
    return replace(
        space,
        recipes=tuple(recipe for recipe in space.recipes if recipe.name in recipes),
        targets=tuple(target for target in space.targets if target.task in targets),
    )


def test_intermediate_stages_follow_the_guide_and_keep_the_best_weights_where_an_evaluation_can_happen() -> None:
    space = load_space("xtreme")
    assert space.search.cap == 500
    units = [unit for unit in make_plan(space).units if unit.kind == "prepare"]
    assert len(units) == len(space.recipes) - 1
    for unit in units:
        training = unit.stage.training
        assert (training.epochs, training.max_length, training.batch_size) == (3, 256, 32)
        passes = {keep: evaluations(space, unit, keep) for keep in ("last", "best")}
        assert passes["last"] == 1
        if unit.stage.tasks == ("csqa",):
            assert (training.keep, training.patience) == ("last", None)
        else:
            assert (training.keep, training.evaluate_every, training.patience) == ("best", 1000, 30)
            # The selection value at the end, and at least one evaluation before the last step.
            assert passes["best"] > 2
        can_stop_early = passes["best"] > 1 + 30
        large = {"anli_plus", "mnli", "qqp"}
        assert can_stop_early == (len(unit.stage.tasks) > 1 or bool(large & set(unit.stage.tasks)))


def evaluations(space: Space, unit: Unit, keep: Literal["last", "best"]) -> float:
    """The number of passes over the selection data of a trial."""
    training = replace(unit.stage.training, keep=keep, patience=None)
    stage = replace(unit.stage, training=training)
    changed, single = (
        replace(unit, stages=(each,)) for each in (stage, replace(stage, training=replace(training, keep="last")))
    )
    return selection_tokens(space, changed, "replicate") / selection_tokens(space, single, "replicate")


def test_xtreme_trains_on_all_examples_with_the_last_weights_and_a_refit() -> None:
    space = apply_settings(load_space("xtreme"), ["keep=last", "refit=true"])
    assert {stage.training.keep for recipe in space.recipes for stage in recipe.stages} == {"last"}
    specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
    for unit in specs.plan.units:
        if unit.kind != "score":
            assert not specs.stage(unit, unit.stage, unit.stage.training, 1).sets_aside


def test_xtreme_r_has_the_ten_targets_of_the_benchmark_in_its_four_groups() -> None:
    space = load_space("xtreme_r")
    groups: dict[str, list[str]] = {}
    for target in space.targets:
        groups.setdefault(space.task(target.task).group, []).append(target.task)
    assert groups == {
        "classification": ["xnli", "xcopa"],
        "tagging": ["pos_r", "ner_r"],
        "qa": ["xquad_r", "mlqa", "tydiqa"],
        "retrieval": ["tatoeba_r", "mewslix", "lareqa"],
    }


def test_only_mewsli_x_is_searched_up_to_the_highest_learning_rate() -> None:
    targets = {target.task: target.dials for target in load_space("xtreme_r").targets if target.dials}
    rates = {name: dials["learning_rate"] for name, dials in targets.items()}
    mewslix = rates.pop("mewslix")
    assert isinstance(mewslix, LogUniform)
    assert mewslix.first == (1e-5, 2e-5, 5e-5, 1e-4)
    assert mewslix.high == 1e-4
    assert {rate.high for rate in rates.values() if isinstance(rate, LogUniform)} == {5e-5}


def test_xtreme_base_differs_from_xtreme_only_in_its_encoder() -> None:
    base, large = load_space("xtreme_base"), load_space("xtreme")
    assert replace(base, name=large.name, title=large.title, models=large.models) == large
