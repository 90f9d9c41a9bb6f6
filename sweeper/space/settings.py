"""Values of a space that `--set key=value` changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sweeper.errors import UserError, unknown
from sweeper.space import Space, Stage


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
