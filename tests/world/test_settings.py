"""The settings of a world: its name, its folder, and the spaces that it has no data for."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from sweeper.errors import UserError
from sweeper.world.build import build
from sweeper.world.settings import World, check_space, parse_world, scale_of, world_folder
from sweeper.world.tasks import CORPUS, TASKS


def test_the_name_of_a_world_contains_its_settings() -> None:
    assert parse_world("demo") == World(language_seed=0, truth_seed=0, scale=1, draws=6)
    assert parse_world("demo:truth_seed=3,scale=10") == World(truth_seed=3, scale=10)


def test_the_folder_of_a_world_depends_on_its_settings_and_not_on_their_spelling(tmp_path: Path) -> None:
    names = ["demo", "demo:truth_seed=1", "demo:language_seed=1", "demo:scale=2", "demo:draws=1"]
    assert len({world_folder(name, tmp_path) for name in names}) == len(names)
    assert world_folder("demo:draws=6,scale=1", tmp_path) == world_folder("demo", tmp_path)
    assert world_folder("demo", tmp_path).parent == tmp_path


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("dmo", r"No world is called 'dmo'\. Did you mean 'demo'\?"),
        ("demo:truthseed=1", r"No setting of a world is called 'truthseed'\. Did you mean 'truth_seed'\?"),
        (
            "demo:",
            "World 'demo:' has an empty setting. Settings follow a colon as KEY=VALUE, separated by commas: name a",
        ),
        ("demo:scale=2,", "World 'demo:scale=2,' has an empty setting"),
        ("demo:scale=2,,draws=1", "World 'demo:scale=2,,draws=1' has an empty setting"),
        ("demo:scale=2,scale=3", "World 'demo:scale=2,scale=3' has the setting scale twice: keep one of them"),
        ("demo:draws=1,scale=2,draws=1", "has the setting draws twice"),
        ("demo:scale=ten", "The setting scale of a world is a whole number of at most 9 digits, got 'ten'"),
        ("demo:scale", "The setting scale of a world is a whole number of at most 9 digits, got ''"),
        ("demo:truth_seed=" + 5_000 * "9", r"at most 9 digits, got '999999999\.\.\. \(5,000 characters\)'"),
        ("demo:truth_seed=-1", "The setting truth_seed of a world is a whole number of at most 9 digits, got '-1'"),
        ("demo:scale=0", "A world needs scale >= 1 and draws >= 1, got scale=0 and draws=6"),
        ("demo:draws=0", "A world needs scale >= 1 and draws >= 1, got scale=1 and draws=0"),
    ],
)
def test_an_unknown_world_is_refused_before_anything_is_written(world: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        build(world, tmp_path / "world")
    with pytest.raises(UserError, match=message):
        world_folder(world, tmp_path)
    assert list(tmp_path.iterdir()) == []


def worlds_in(message: object) -> list[str]:
    """The worlds in the arguments `--set world=...` of a message."""
    return re.findall("--set world=([^ `]+)", str(message))


@pytest.mark.parametrize("world", ["demo", "demo:draws=4", "demo:scale=10,truth_seed=3", "demo:draws=2,truth_seed=1"])
def test_seeds_without_a_draw_are_refused_and_the_message_names_the_world_with_enough_draws(world: str) -> None:
    num_draws = parse_world(world).draws
    check_space(world, ["demo/tiny"], [1, num_draws - 1])
    with pytest.raises(UserError, match=f"has {num_draws} draws, but the seeds need draw {num_draws}") as refused:
        check_space(world, ["demo/tiny"], [1, num_draws])
    (larger,) = worlds_in(refused.value)
    assert parse_world(larger) == replace(parse_world(world), draws=num_draws + 1)
    check_space(larger, ["demo/tiny"], [1, num_draws])


def test_the_shipped_encoder_is_refused_in_a_world_of_other_languages() -> None:
    world = "demo:scale=10,language_seed=3"
    with pytest.raises(UserError, match=r"--out runs/languages_3`.* in runs/languages_3/encoders") as refused:
        check_space(world, ["demo/tiny"], [1])
    pretraining, sweep = worlds_in(refused.value)
    assert (parse_world(pretraining), sweep) == (World(language_seed=3, draws=1), world)
    for name in (pretraining, sweep):
        check_space(name, ["demo/blank"], [])


def test_a_users_encoder_is_refused_in_a_world_of_other_languages(demo_world: Path) -> None:
    encoder = str(demo_world / "models" / "demo" / "blank")
    check_space("demo:truth_seed=3,draws=1", [encoder], [])
    with pytest.raises(UserError, match="in generated languages, but not in those of world 'demo:lang"):
        check_space("demo:language_seed=1", ["demo/blank", encoder], [])


def test_an_encoder_without_generated_languages_is_accepted(tmp_path: Path) -> None:
    check_space("demo:language_seed=1", [str(tmp_path), "xlm-roberta-base"], [])
    Tokenizer(WordLevel({"<unk>": 0, "Mara": 1}, unk_token="<unk>")).save(str(tmp_path / "tokenizer.json"))
    check_space("demo:language_seed=1", [str(tmp_path)], [])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": {}}', '{"model": {"vocab": [["one", 0.5]]}}'])
def test_a_tokenizer_that_cannot_be_read_is_left_to_the_code_that_loads_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    check_space("demo:language_seed=1", [str(tmp_path)], [])


def test_the_scale_applies_to_the_tasks_of_the_world_and_not_to_its_corpus_or_to_other_tasks() -> None:
    task = next(task for task in TASKS if task.name == "claims")
    world = "demo:scale=10"
    assert [scale_of(world, task), scale_of("demo", task), scale_of("", task)] == [10, 1, 1]
    assert scale_of(world, CORPUS) == 1
    assert scale_of(world, replace(task, train=task.dev)) == 1
    assert scale_of(world, replace(task, title="another title", note="another note")) == 10
