"""The changes of a space that `--set key=value` makes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.serialize import read_json, write_sealed
from sweeper.space import Choice, LogUniform, Recipe, Space, Stage
from sweeper.space.paths import Leaf, leaves
from sweeper.space.settings import SETTINGS, apply_settings

SET: dict[str, tuple[str, Callable[[Space], object], object]] = {
    "seeds": ("3", lambda s: s.seeds, (1, 2, 3)),
    "trials": ("7", lambda s: s.search.trials, 7),
    "batch": ("3", lambda s: s.search.batch, 3),
    "scope": ("cell", lambda s: s.search.scope, "cell"),
    "refit": ("true", lambda s: s.search.refit, True),
    "sampler": ("gp", lambda s: s.search.sampler, "gp"),
    "evaluate": ("dev", lambda s: s.evaluate, "dev"),
    "eval_cap": ("9", lambda s: s.eval_cap, 9),
    "sample_seed": ("4", lambda s: s.sample_seed, 4),
    "keep_targets": ("yes", lambda s: s.keep_targets, True),
    "predictors": ("yes", lambda s: s.predictors, True),
    "models": ("tiny", lambda s: [m.name for m in s.models], ["tiny"]),
    "recipes": ("parts,baseline", lambda s: [r.name for r in s.recipes], ["baseline", "parts"]),
    "targets": ("names", lambda s: [t.task for t in s.targets], ["names"]),
    "precision": ("bf16", lambda s: s.targets[0].training.precision, "bf16"),
    "threads": ("2", lambda s: s.recipes[1].stages[0].training.threads, 2),
    "micro_tokens": ("100", lambda s: s.targets[0].training.micro_tokens, 100),
    "cap_tokens": ("100", lambda s: s.targets[1].training.cap_tokens, 100),
    "cap_examples": ("10", lambda s: s.recipes[1].stages[0].training.cap_examples, 10),
    "epochs": ("1.5", lambda s: s.targets[0].training.epochs, 1.5),
    "max_steps": ("50", lambda s: s.targets[0].training.max_steps, 50),
    "keep": ("best", lambda s: s.targets[0].training.keep, "best"),
    "embedding_noise": ("5", lambda s: s.targets[0].training.embedding_noise, 5.0),
    "adversarial": ("0.5", lambda s: s.targets[0].training.adversarial, 0.5),
    "average": ("0.2", lambda s: s.recipes[1].stages[0].training.average, 0.2),
    "learning_rate": ("0.5", lambda s: s.targets[0].training.learning_rate, 0.5),
    "batch_size": ("4", lambda s: s.targets[0].training.batch_size, 4),
    "max_length": ("64", lambda s: s.targets[0].training.max_length, 64),
    "stride": ("8", lambda s: s.targets[0].training.stride, 8),
    "warmup": ("0.3", lambda s: s.targets[0].training.warmup, 0.3),
    "weight_decay": ("0", lambda s: s.targets[0].training.weight_decay, 0.0),
    "adam_epsilon": ("1e-6", lambda s: s.targets[0].training.adam_epsilon, 1e-6),
    "clip": ("0.5", lambda s: s.targets[0].training.clip, 0.5),
    "frozen_layers": ("none", lambda s: s.targets[0].training.frozen_layers, None),
    "min_steps": ("9", lambda s: s.targets[0].training.min_steps, 9),
    "mask_share": ("0.4", lambda s: s.targets[0].training.mask_share, 0.4),
    "evaluate_every": ("10", lambda s: s.targets[0].training.evaluate_every, 10),
    "patience": ("3", lambda s: s.targets[0].training.patience, 3),
    "gradient_checkpointing": ("true", lambda s: s.targets[0].training.gradient_checkpointing, True),
    "world": ("demo:draws=9", lambda s: s.world, "demo:draws=9"),
}


@pytest.mark.parametrize("key", SETTINGS)
def test_each_setting_changes_its_field(key: str) -> None:
    text, read, expected = SET[key]
    needed = ["keep=best"] if key == "patience" else []
    assert read(apply_settings(TINY, [*needed, f"{key}={text}"])) == expected


def test_settings_accumulate_and_the_last_value_of_a_key_counts() -> None:
    assert apply_settings(TINY, ["seeds=3,5", "trials=4", "trials=6"]) == replace(
        TINY, seeds=(3, 5), search=replace(TINY.search, trials=6)
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("trails=3", r"No --set key is called 'trails'\. Did you mean 'trials'\? Known: seeds, trials"),
        ("seeds", r"--set needs KEY=VALUE, got 'seeds'"),
        ("seeds=two", r"--set seeds=two: "),
        ("seeds=0", r"Seeds must be different and not 0"),
        ("seeds=1,1", r"Seeds must be different and not 0"),
        ("trials=0", r"Search needs trials >= 1"),
        ("scope=cel", r"No value of Search\.scope is called 'cel'\. Did you mean 'cell'\? Known: cell, target"),
        ("evaluate=train", r"Known: dev, test"),
        ("keep_targets=perhaps", r"Space\.keep_targets needs True or False, got 'perhaps'"),
        ("targets=name", r"No target is called 'name'\. Did you mean 'names'\?"),
        ("recipes=part", r"No recipe is called 'part'\. Did you mean 'parts'\?"),
        ("recipes=parts", r"add a recipe without stages"),
        ("epochs=-1", r"Training needs epochs > 0, got -1"),
        ("eval_cap=0", r"eval_cap"),
        ("cap_tokens=-5", r"cap_tokens"),
        ("seeds=" + "[" * 3000, r"^--set seeds=\[{57}\.\.\.: Space\.seeds needs a comma-separated list"),
        ("seeds=[" + "9" * 5000 + "]", r"^--set seeds=\[9{56}\.\.\.: Space\.seeds needs a comma-separated list"),
        ("dials.epochs={" + "[" * 3000, r"needs a list of values such as 1e-5,2e-5, or JSON; '\{\[+\.\.\. is not JSON"),
        ("name=\udcff", r"^--set needs a text in UTF-8, got 'name=\\udcff'"),
    ],
)
def test_an_invalid_setting_is_refused_with_the_valid_values(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        apply_settings(TINY, [setting])


def test_a_training_setting_changes_the_stages_before_a_target_too() -> None:
    target = replace(TINY.targets[0], before=(Stage(tasks=("gaps",)),))
    changed = apply_settings(replace(TINY, targets=(target,)), ["cap_examples=7"]).targets[0]
    assert changed.before[0].training.cap_examples == changed.training.cap_examples == 7


def test_a_training_setting_replaces_the_option_of_a_model() -> None:
    model = replace(TINY.models[0], training={"epochs": 9.0, "batch_size": 4})
    changed = apply_settings(replace(TINY, models=(model,)), ["epochs=2"])
    training = changed.for_model(changed.models[0]).targets[0].training
    assert (training.epochs, training.batch_size) == (2, 4)


@pytest.mark.parametrize("options", [{"keep": "best"}, {"keep": "best", "patience": 3}, {"patience": 3}])
def test_the_setting_keep_replaces_the_options_of_a_model(options: dict[str, Any]) -> None:
    best = apply_settings(TINY, ["keep=best"])
    space = replace(best, models=(replace(TINY.models[0], training={**options, "batch_size": 4}),))
    changed = apply_settings(space, ["keep=last"])
    training = changed.for_model(changed.models[0]).targets[0].training
    assert (training.keep, training.patience, training.batch_size) == ("last", None, 4)


def test_a_subset_of_recipes_leaves_out_the_dials_of_a_model_that_only_the_others_search() -> None:
    warmup, rate = Choice(values=(0.0, 0.2)), LogUniform(low=1e-5, high=1e-4)
    searched = Recipe(name="searched", stages=(Stage(tasks=("parts",), dials={"warmup": Choice(values=(0.0, 0.1))}),))
    target = replace(TINY.targets[0], dials={"learning_rate": LogUniform(low=1e-4, high=1e-3)})
    space = replace(TINY, recipes=(*TINY.recipes, searched), targets=(target,))
    space = replace(space, models=(replace(TINY.models[0], dials={"warmup": warmup, "learning_rate": rate}),))
    assert apply_settings(space, ["recipes=baseline"]).models[0].dials == {"learning_rate": rate}
    assert apply_settings(space, ["recipes=baseline,searched"]).models == space.models


PATHS = [leaf.path for leaf in leaves(Leaf("", TINY, Space))]
PARENTS = sorted({path.rpartition(".")[0] for path in PATHS} - {""})
KEYS = st.sampled_from([*PATHS, *PARENTS, *SETTINGS, "dials.epochs", "targets.*.languages"]) | st.text(max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["none", "true", "nan", "-inf", "1e400", "0x1", "1_000", "en", "names", "*", "\udcff", "\0"])
ODD = st.sampled_from(["[", '{"values": [', '["\\ud800"]', "9" * 5000, "[" * 3000, f"[{'9' * 5000}]"])
TEXTS = st.text(max_size=12) | JSON.map(json.dumps) | st.lists(WORDS | ODD, min_size=1, max_size=3).map(",".join)


@pytest.mark.seconds
@settings(max_examples=1000, deadline=None)
@given(KEYS, TEXTS)
def test_any_setting_gives_a_space_that_is_read_back_or_a_message(key: str, text: str) -> None:
    try:
        space = apply_settings(TINY, [f"{key}={text}"], lambda _: None)
    except UserError as error:
        assert str(error)
    else:
        assert read_json(Space, write_sealed(space), "space.json") == space
