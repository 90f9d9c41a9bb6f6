"""The shipped spaces `xtreme`, `xtreme_base` and `xtreme_r`."""

from dataclasses import replace

from search_spaces.load import load_space
from sweeper.formats.table import properties_of
from sweeper.space import LogUniform
from sweeper.tasks.catalog import CATALOG


def test_xtreme_has_an_mlm_variant_of_every_recipe_and_a_translated_variant_of_all_but_ccg() -> None:
    stages = {recipe.name: recipe.stages for recipe in load_space("xtreme").recipes}
    plain = [name for name in stages if name != "baseline" and not name.endswith(("_mlm", "_mt"))]
    assert [name for name in stages if name.endswith("_mlm")] == [f"{name}_mlm" for name in plain]
    assert [name for name in stages if name.endswith("_mt")] == [f"{name}_mt" for name in plain if name != "ccg"]
    for name in plain:
        # A variant differs from its recipe only in the mixture and the dials.
        (stage,), (mixed,) = stages[name], stages[f"{name}_mlm"]
        assert replace(mixed, mlm_share=0.0, dials=stage.dials) == stage
        for translated in stages.get(f"{name}_mt", ()):
            assert translated.translation
            assert (translated.translation.languages, translated.translation.share) == (("de", "ru", "sw"), 1.0)
            assert replace(translated, translation=None) == stage
    assert properties_of(CATALOG["ccg"]).translation is None


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
