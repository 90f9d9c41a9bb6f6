"""Paths into a space: what `--set PATH=VALUE` changes, and the messages about mistakes."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from search_spaces.load import load_space, shipped
from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from sweeper.errors import UserError
from sweeper.files.serialize import plain
from sweeper.space import Choice, LogUniform, Model, Recipe, Space, Stage, Translation
from sweeper.space.paths import Leaf, leaves, matches
from sweeper.space.settings import apply_settings
from sweeper.space.texts import read_text, write_text


def all_leaves(space: Space) -> list[Leaf]:
    return list(leaves(Leaf("", space, Space)))


def text_of(leaf: Leaf) -> str:
    return write_text(leaf.value, leaf.hint, leaf.path.rpartition(".")[2])


@pytest.mark.parametrize("name", shipped())
def test_the_path_of_every_leaf_of_a_shipped_space_names_that_leaf_alone_and_its_text_is_read_back(name: str) -> None:
    space = load_space(name)
    root = Leaf("", space, Space)
    for leaf in all_leaves(space):
        assert list(matches(root, leaf.path)) == [leaf]
        assert repr(read_text(text_of(leaf), leaf.hint, "", leaf.path.rpartition(".")[2])) == repr(leaf.value)


def test_every_kind_of_leaf_of_the_shipped_spaces_can_be_set_to_its_own_value() -> None:
    """Leaves that differ only in their item (another recipe, language or task) are set once."""
    logging.disable()
    seen = set()
    for name in ("demo_full", "text_rows", "xtreme", "xtreme_r"):
        space = load_space(name)
        written = plain(space)
        for leaf in all_leaves(space):
            kind = (leaf.path.split(".")[0], leaf.path.rpartition(".")[2], str(leaf.hint), type(leaf.value))
            if kind not in seen:
                seen.add(kind)
                changed = apply_settings(space, [f"{leaf.path}={text_of(leaf)}"])
                assert (changed, plain(changed)) == (space, written), leaf.path
    logging.disable(logging.NOTSET)
    assert len(seen) > 100


CHANGES: list[tuple[Space, str, Callable[[Space], object], object]] = [
    (XTREME, "targets.xnli.training.learning_rate=1e-5", lambda s: s.targets[0].training.learning_rate, 1e-5),
    (
        XTREME,
        "recipes.*.stages.*.training.batch_size=16",
        lambda s: {stage.training.batch_size for recipe in s.recipes for stage in recipe.stages},
        {16},
    ),
    (XTREME, "recipes.mnli.stages.0.tasks=mnli,qqp", lambda s: s.recipes[2].stages[0].tasks, ("mnli", "qqp")),
    (XTREME, "models.xlmr-large.id=./mine", lambda s: s.models[0].id, "./mine"),
    (XTREME, "models.xlmr-large.resources.gpus=0.5", lambda s: s.models[0].resources.gpus, 0.5),
    (XTREME, "models.xlmr-large.training.epochs=2", lambda s: repr(s.models[0].training), "{'epochs': 2.0}"),
    (XTREME, "search.cap=400", lambda s: s.search.cap, 400),
    (XTREME, "targets.0.training.epochs=9", lambda s: s.targets[0].training.epochs, 9.0),
    (XTREME, "targets.xnli.languages=de, sw", lambda s: s.targets[0].languages, ("de", "sw")),
    (XTREME, "targets.xnli.languages=none", lambda s: s.targets[0].languages, None),
    (XTREME, "targets.xnli.eval_cap=NONE", lambda s: s.targets[0].eval_cap, None),
    (XTREME, "keep_targets=yes", lambda s: s.keep_targets, True),
    (XTREME, "seeds=7,", lambda s: s.seeds, (7,)),
    (
        XTREME,
        "targets.xnli.dials.learning_rate=1e-5,2e-5",
        lambda s: (s.targets[0].dials, s.search.sampler),
        ({"learning_rate": Choice(values=(1e-5, 2e-5))}, "auto"),
    ),
    (
        XTREME,
        'targets.xnli.dials.learning_rate={"low": 1e-6, "high": 1e-4}',
        lambda s: s.targets[0].dials["learning_rate"],
        LogUniform(low=1e-6, high=1e-4),
    ),
    (
        XTREME,
        "targets.xnli.dials.learning_rate.high=1e-4",
        lambda s: s.targets[0].dials["learning_rate"],
        replace(XTREME.targets[0].dials["learning_rate"], high=1e-4),  # type: ignore[call-arg]
    ),
    (XTREME, "targets.xnli.dials.learning_rate=none", lambda s: s.targets[0].dials, {}),
    (
        XTREME,
        'recipes.mnli.stages.0.translation={"languages": ["sw"], "by": "apertium"}',
        lambda s: s.recipes[2].stages[0].translation,
        Translation(languages=("sw",), by="apertium"),
    ),
    (TINY, "tasks.claims.labels=yes,no,perhaps", lambda s: s.task("claims").labels, ("yes", "no", "perhaps")),
    (TINY, "tasks.claims.train.en.0.split=train[:50%]", lambda s: s.task("claims").train["en"][0].split, "train[:50%]"),
    (TINY, "batch_size=4", lambda s: {target.training.batch_size for target in s.targets}, {4}),
    (TINY, "training.batch_size=4", lambda s: s.recipes[1].stages[0].training.batch_size, 4),
]


@pytest.mark.parametrize(("space", "setting", "read", "expected"), CHANGES, ids=[change[1] for change in CHANGES])
def test_a_path_changes_the_values_that_it_names(
    space: Space, setting: str, read: Callable[[Space], object], expected: object
) -> None:
    assert read(apply_settings(space, [setting])) == expected


def test_a_list_for_a_dial_is_a_grid_over_all_stages_and_trained_targets() -> None:
    rates = Choice(values=(1e-5, 2e-5, 3e-5))
    space = replace(XTREME, models=(replace(XTREME.models[0], dials={"learning_rate": Choice(values=(1.0, 2.0))}),))
    changed = apply_settings(space, ["dials.learning_rate=1e-5,2e-5,3e-5"])
    assert changed.search.sampler == "grid"
    assert all(stage.dials == {"learning_rate": rates} for recipe in changed.recipes for stage in recipe.stages)
    dials = {target.task: target.dials for target in changed.targets}
    assert (dials["xnli"], dials["tatoeba"]) == ({"learning_rate": rates}, {})
    assert changed.models[0].dials == {}
    fixed = apply_settings(changed, ["dials.learning_rate=none"])
    assert fixed.searched == frozenset()


def test_a_name_with_dots_is_one_segment() -> None:
    space = replace(TINY, models=(Model(name="v1", id="a"), Model(name="v1.5", id="b")))
    assert [model.id for model in apply_settings(space, ["models.v1.5.id=c"]).models] == ["a", "c"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("targets.xnl.training.epochs=3", r"No target is called 'xnl'\. Did you mean 'xnli'\? Known: xnli, pawsx"),
        ("targets.xnli.trainin.epochs=3", r"No field of Target is called 'trainin'\. Did you mean 'training'\?"),
        ("targets.xnli.training.lr=3", r"No field of Training is called 'lr'\. Did you mean 'learning_rate'\?"),
        ("recipes.mnli.stages.3.tasks=x", r"No stage is called '3'\. Known: 0\."),
        ("target.xnli.training.epochs=3", r"No --set key is called 'target'\. Did you mean 'targets'\?"),
        ("targets.xnli.training.epochs=lots", r"Training\.epochs needs a number, got 'lots'"),
        ("targets.xnli.training.batch_size=1.5", r"Training\.batch_size needs a whole number, got '1\.5'"),
        (
            "targets.xnli.training.precision=fp16",
            r"No value of Training\.precision is called 'fp16'. Did you mean 'bf1",
        ),
        (
            "targets.xnli.training=3",
            r"Target\.training needs a Training, got '3'\. Set its fields, or give all of it as",
        ),
        ('targets.xnli.training={"lr": 1}', r"the JSON is not a Training: lr: Unexpected keyword argument"),
        ("targets.xnli.dials.learning_rate.lo=3", r"No field of LogUniform is called 'lo'. Did you mean 'low'"),
        ("targets.xnli.dials.epochs.low=3", r"No entry of targets\.xnli\.dials is called 'epochs'\. Known: learn"),
        (
            "targets.xnli.dials.learning_rate=3",
            r"at least two different values, got \(3\.0,\)\. A single value belongs",
        ),
        ("targets.xnli.dials.learning_rate={3", r"needs a list of values such as 1e-5,2e-5, or JSON; '{3' is not JSON"),
        ("recipes.mnli.stages.0.translation.by=x", r"stages\.0\.translation is none and has no part 'by'\. Set all"),
        ("search.cap.x=3", r"search\.cap is 500 and has no part 'x'\. Remove \.x\."),
        ("targets.*.before.*.training.epochs=2", "the path names no value of this space"),
        ("seeds=1000000000", "with n from 1 to 10,000; got 1,000,000,000"),
        ("seeds=1,two", r"Space\.seeds needs a comma-separated list of whole numbers, got '1,two'"),
        ("epochs=nan", r"Training\.epochs needs a finite number, got nan"),
        ("epochs=inf", r"Training\.epochs needs a finite number, got inf"),
        ("epochs=1e7", r"Training needs epochs <= 100,000, got 10,000,000"),
        ("trials=1000000", "Search needs trials <= 10,000, got 1,000,000"),
        ("format=3", "The format of a space is 2 in this version, got 3"),
        ("search.sampler=grd", r"No value of Search\.sampler is called 'grd'\. Did you mean 'grid'\?"),
    ],
)
def test_a_mistake_in_a_path_or_value_is_refused_with_the_nearest_name_or_the_rule(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        apply_settings(XTREME, [setting])


def test_a_value_that_a_dial_or_a_model_replaces_is_reported() -> None:
    model = Model(name="m", id="m", training={"epochs": 9.0})
    row = Recipe(name="row", stages=(Stage(tasks=("parts",), dials={"warmup": Choice(values=(0.0, 0.1))}),))
    space = replace(TINY, models=(model,), recipes=(*TINY.recipes, row))
    part = "recipes.row.stages.0"
    messages: list[str] = []
    apply_settings(space, [f"{part}.training.warmup=0.2", f"{part}.training.epochs=2"], messages.append)
    assert messages == [
        f"--set {part}.training.warmup=0.2: {part} searches warmup as a dial instead of this value. "
        f"`--set {part}.dials.warmup=none` removes the dial.",
        f"--set {part}.training.epochs=2: model 'm' uses its own epochs instead of this value. "
        "`--set models.m.training.epochs=none` removes it.",
    ]
    messages.clear()
    apply_settings(
        space, [f"{part}.dials.warmup=none", "warmup=0.2", "epochs=3", "dials.learning_rate=none"], messages.append
    )
    assert messages == []
