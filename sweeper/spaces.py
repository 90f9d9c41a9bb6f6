"""Spaces by name or file, `--set` applied to them, and how a run folder keeps its own."""

import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.errors import DamagedError, SweeperError, UserError, unknown
from sweeper.folder import Folder
from sweeper.records import plain, read_json, write_json
from sweeper.space import Space, Stage

SPACE_FILE = "space.json"
GROWS = ("seeds", "recipes", "targets", "models", "tasks", "title")
"""What may be added to in a run folder; `search.trials` may be raised too."""
TOLD = ("title", "note", "licence", "departs", "train_size", "num_choices")
"""What a task's entry says for people, reports and plans alone: no result depends on it, so it may change."""


def shipped() -> list[str]:
    """Names of the spaces that ship."""
    package = importlib.import_module("search_spaces")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load_space(name: str) -> Space:
    """A space that ships, or SPACE of a Python file. Raises UserError if there is none, or it cannot be made."""
    path = Path(name)
    if path.suffix == ".py" or path.is_file():
        return _space_of(_file_module(path), name)
    if name not in shipped():
        raise UserError(f"{unknown('space', name, shipped())} A file works too: sweeper run my_space.py")
    return _space_of(importlib.import_module(f"search_spaces.{name}"), name)


def apply_settings(space: Space, settings: Iterable[str]) -> Space:
    """A space with every `key=value` of `--set` applied. Raises UserError on an unknown key or an unfit value."""
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign:
            raise UserError(f"--set takes key=value, got {setting!r}. Known keys: {', '.join(SETTINGS)}.")
        if key not in SETTINGS:
            raise unknown("--set key", key, SETTINGS)
        try:
            space = SETTINGS[key](space, text)
        except UserError as error:
            raise UserError(f"--set {key}={text}: {error}") from error
        except ValueError as error:
            raise UserError(f"--set {key}={text}: it takes a number (seeds also a list such as 1,2,3).") from error
    return space


def keep_space(space: Space, run: Folder) -> None:
    """Write the resolved space into a run folder; a space that only grew replaces the one that is there.

    Raises UserError with the difference on any other change, unless nothing was trained yet.
    """
    if run.exists(SPACE_FILE) and run.child("ledger/trainings").names():
        old = read_space(run)
        changes = differences(plain(old), plain(space))
        refused = [change for change in changes if not _only_grew(change)]
        if refused:
            told = "\n".join(
                f"  {'.'.join(change[0])}: {_short(change[1])} -> {_short(change[2])}" for change in refused
            )
            raise UserError(
                f"{run.url} was made by another space; only more seeds, recipes, targets, models, tasks, languages, "
                f"layers and trials go on in its folder. Changed:\n{told}\nUse another --out, or the space as it was."
            )
    run.write(SPACE_FILE, write_json(space))


def read_space(run: Folder) -> Space:
    """The space that a run folder was made by. Raises UserError if the folder is none."""
    try:
        text = run.read(SPACE_FILE)
    except FileNotFoundError as error:
        raise UserError(f"{run.url} is no run folder: it has no {SPACE_FILE}. `sweeper run` makes one.") from error
    try:
        return read_json(Space, text, run.path(SPACE_FILE))
    except DamagedError as error:
        raise UserError(f"{error} Run the same `sweeper run` with another --out, or restore the file.") from error


Change = tuple[tuple[str, ...], Any, Any]


def differences(old: Any, new: Any, where: tuple[str, ...] = ()) -> list[Change]:
    """Where two JSON values differ: (path, old, new). Named lists are compared by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = list(dict.fromkeys([*old, *new]))
        return [change for key in keys for change in differences(old.get(key), new.get(key), (*where, key))]
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(x, dict) for x in old + new):
        return differences(_by_name(old), _by_name(new), where)
    return [] if old == new else [(where, old, new)]


def _by_name(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(item.get("name") or item.get("task") or number): item for number, item in enumerate(items)}


def _only_grew(change: Change) -> bool:
    where, old, new = change
    if where == ("search", "trials"):
        return bool(new >= old)
    if where == ("title",) or (len(where) == 3 and where[0] == "tasks" and where[2] in TOLD):
        return True
    if isinstance(old, list) and isinstance(new, list) and (where == ("seeds",) or _is_scored_on(where)):
        return set(old) <= set(new)
    return old is None and len(where) == 2 and where[0] in GROWS


def _is_scored_on(parts: tuple[str, ...]) -> bool:
    """Whether a change is one of a target's evaluation languages or further layers, which only score.

    The languages of a stage, also of one before a target, decide its training.
    """
    return parts[0] == "targets" and len(parts) == 3 and parts[-1] in ("languages", "also_layers")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _space_of(module: Any, name: str) -> Space:
    space = getattr(module, "SPACE", None)
    if not isinstance(space, Space):
        raise UserError(f"{name} has no SPACE of type sweeper.space.Space.")
    return checked(space, name)


def checked(space: Space, name: str) -> Space:
    """The space, if every value is of its declared kind: a dataclass takes any. Raises UserError naming the first."""
    try:
        return read_json(Space, json.dumps(plain(space)).encode(), f"Space {name}")
    except DamagedError as error:
        raise UserError(str(error)) from error


def _file_module(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SweeperError:
        raise
    except Exception as error:  # whatever the user's own code can raise
        raise UserError(f"{path} cannot be read as a space: {type(error).__name__}: {error}") from error
    return module


def _seeds(space: Space, text: str) -> Space:
    numbers = [int(part) for part in text.split(",")]
    return replace(space, seeds=tuple(numbers) if "," in text else tuple(range(1, numbers[0] + 1)))


def _searching(name: str, read: Callable[[str], Any]) -> Callable[[Space, str], Space]:
    return lambda space, text: replace(space, search=replace(space.search, **{name: read(text)}))


def _field(name: str, read: Callable[[str], Any]) -> Callable[[Space, str], Space]:
    return lambda space, text: replace(space, **{name: read(text)})


def _count(text: str) -> int:
    if int(text) < 1:
        raise UserError(f"It takes a number of 1 or more, got {text}.")
    return int(text)


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise unknown("value", text, values)
        return text

    return read


def _pick(what: str, name_of: Callable[[Any], str]) -> Callable[[Space, str], Space]:
    def apply(space: Space, text: str) -> Space:
        known = {name_of(item): item for item in getattr(space, what)}
        for name in text.split(","):
            if name not in known:
                raise unknown(what.removesuffix("s"), name, known)
        wanted = set(text.split(","))
        picked: Any = tuple(item for name, item in known.items() if name in wanted)
        return replace(space, **{what: picked})

    return apply


def _truth(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
        _one_of("true", "1", "yes", "false", "0", "no")(text.lower())
    ]


def _training(name: str, read: Callable[[str], Any]) -> Callable[[Space, str], Space]:
    """Sets one value of every stage's and target's training."""

    def apply(space: Space, text: str) -> Space:
        value = read(text)
        return _everywhere(space, lambda training: replace(training, **{name: value}))

    return apply


def _everywhere(space: Space, change: Callable[[Any], Any]) -> Space:
    def changed(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        return tuple(replace(stage, training=change(stage.training)) for stage in stages)

    recipes = tuple(replace(recipe, stages=changed(recipe.stages)) for recipe in space.recipes)
    targets = tuple(
        replace(target, training=change(target.training), before=changed(target.before)) for target in space.targets
    )
    return replace(space, recipes=recipes, targets=targets)


SETTINGS: Mapping[str, Callable[[Space, str], Space]] = {
    "seeds": _seeds,
    "trials": _searching("trials", int),
    "batch": _searching("batch", int),
    "scope": _searching("scope", _one_of("cell", "target")),
    "sampler": _searching("sampler", _one_of("tpe", "gp", "random")),
    "evaluate": _field("evaluate", _one_of("dev", "test")),
    "eval_cap": _field("eval_cap", _count),
    "sample_seed": _field("sample_seed", int),
    "keep_targets": _field("keep_targets", _truth),
    "world": _field("world", str),
    "models": _pick("models", lambda model: model.name),
    "recipes": _pick("recipes", lambda recipe: recipe.name),
    "targets": _pick("targets", lambda target: target.task),
    "precision": _training("precision", _one_of("fp32", "bf16")),
    "threads": _training("threads", int),
    "micro_tokens": _training("micro_tokens", _count),
    "cap_tokens": _training("cap_tokens", _count),
    "cap_examples": _training("cap_examples", _count),
    "epochs": _training("epochs", float),
}
"""What `--set` can change: key -> (space, text) -> space."""
