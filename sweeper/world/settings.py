"""The settings of a world: its name in a space, its folder, and a check that it has the data that a space needs."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

from sweeper.errors import UserError, unknown
from sweeper.files.folder import expand_path
from sweeper.tasks.spec import Task
from sweeper.world.languages import make_languages
from sweeper.world.question_tasks import JARGON, SHORTENED, TWINS
from sweeper.world.tasks import CORPUS, is_world_task
from sweeper.world.vocabulary import has_other_languages, ships

NAME = "demo"
MOST_DIGITS = 9
"""Most digits of a setting."""
PRETRAINED = "demo/tiny"
ENCODERS = tuple(f"demo/{name}" for name in (*SHORTENED, *TWINS, JARGON))
"""The encoders that only a world with questions has."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Settings of a world. Equal settings give equal files on every machine and Python version."""

    language_seed: int = 0
    """Seed of the languages, and therefore of the encoder."""
    truth_seed: int = 0
    """Seed of the hidden knowledge and of the examples. Worlds that differ only in it share one encoder."""
    scale: int = 1
    """Factor on the number of examples. 10 and 100 make the world a scaling benchmark."""
    draws: int = 6
    """Number of draws of knowledge and examples: draw 0 for the search, and one draw for each replicate seed."""
    questions: int = 0
    """1: the world also has the data sets and encoders of the spaces `questions/NAME_world`. 0: it has none."""


def parse_world(world: str) -> World:
    """Return the settings in a name such as `demo` or `demo:truth_seed=3,scale=10`. Raises UserError."""
    name, colon, tail = world.partition(":")
    if name != NAME:
        raise unknown("world", name, [NAME])
    settings: dict[str, int] = {}
    for setting in tail.split(",") if colon else []:
        key, value = _parse_setting(setting, world)
        if key in settings:
            raise UserError(f"World {world!r} has the setting {key} twice: keep one of them.")
        settings[key] = value
    parsed = replace(World(), **settings)
    if parsed.scale < 1 or parsed.draws < 1:
        raise UserError(f"A world needs scale >= 1 and draws >= 1, got scale={parsed.scale} and draws={parsed.draws}.")
    if parsed.questions > 1:
        raise UserError(f"The setting questions of a world is 0 or 1, got {parsed.questions}.")
    return parsed


def _parse_setting(setting: str, world: str) -> tuple[str, int]:
    keys = [field.name for field in fields(World)]
    key, _, value = setting.partition("=")
    if not setting:
        raise UserError(
            f"World {world!r} has an empty setting. Settings follow a colon as KEY=VALUE, separated by commas: name a "
            f"setting ({', '.join(keys)}), or leave out the colon or comma."
        )
    if key not in keys:
        raise unknown("setting of a world", key, keys)
    if not value.isdecimal() or len(value) > MOST_DIGITS:
        shown = value if len(value) <= 2 * MOST_DIGITS else f"{value[:MOST_DIGITS]}... ({len(value):,} characters)"
        raise UserError(
            f"The setting {key} of a world is a whole number of at most {MOST_DIGITS} digits, got {shown!r}. Example: "
            f"{NAME}:{key}=1."
        )
    return key, int(value)


def world_name(world: World) -> str:
    """Return the name of a world, with its draws and all settings that differ from the defaults."""
    values = [(field.name, getattr(world, field.name), field.default) for field in fields(World)]
    given = [f"{key}={value}" for key, value, default in values if key == "draws" or value != default]
    return f"{NAME}:{','.join(given)}"


def world_folder(world: str, parent: Path) -> Path:
    """Return the folder of a world inside `parent`; its name has all settings and a digest of the code that writes it.

    Raises UserError if `world` is not the name of a world.
    """
    settings = parse_world(world)
    values = [f"{field.name}{getattr(settings, field.name)}" for field in fields(World)]
    return parent / "-".join([NAME, *values, _code_digest()])


@cache
def _code_digest() -> str:
    """Return a digest of all files of this package, so that a change of the code leads to a new folder."""
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def scale_of(world: str, task: Task) -> int:
    """Return the factor on the number of examples that the entry of a task states; 1 for tasks outside the world.

    Raises UserError if `world` is not the name of a world.
    """
    is_scaled = task.name != CORPUS.name and is_world_task(task)
    return parse_world(world).scale if world and is_scaled else 1


def check_space(world: str, models: Iterable[str], seeds: Iterable[int]) -> None:
    """Raise UserError if a space needs an encoder or draws that its world does not have.

    `models` are ids and folders of encoders. `seeds` are the seeds of trials that read the draw of their seed.
    """
    settings = parse_world(world)
    pretrained = [model for model in models if model in (PRETRAINED, *ENCODERS)]
    if pretrained and not ships(settings.language_seed):
        raise UserError(_no_encoder(world, settings.language_seed))
    if not settings.questions and set(pretrained) - {PRETRAINED}:
        raise UserError(
            f"World {world!r} has no encoder {pretrained[-1]}. Set questions=1, as in "
            f"`--set world={world_name(replace(settings, questions=1))}`."
        )
    languages = make_languages(settings.language_seed)
    for model in models:
        if has_other_languages(expand_path(model), languages):
            raise UserError(
                f"The encoder in {model} was pretrained in generated languages, but not in those of world {world!r}, "
                "so it would split their words into letters. Set the language_seed that it was pretrained with, or "
                "name another encoder."
            )
    highest = max(seeds, default=0)
    if highest >= settings.draws:
        larger = world_name(replace(settings, draws=highest + 1))
        raise UserError(
            f"World {world!r} has {settings.draws} draws, but the seeds need draw {highest}: set draws={highest + 1} "
            f"or more, as in `--set world={larger}`."
        )


def _no_encoder(world: str, language_seed: int) -> str:
    run = f"runs/languages_{language_seed}"
    return (
        f"{PRETRAINED} was not pretrained in the languages of world {world!r}. Pretrain an encoder with `sweeper run "
        f"demo_encoder --set world={NAME}:language_seed={language_seed},draws=1 --out {run}`, name the folder in "
        f"{run}/encoders as the id of a model in your own space file, and run that space with `--set world={world}`."
    )
