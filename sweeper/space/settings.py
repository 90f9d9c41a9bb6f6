"""The values of a space that `--set key=value` can change."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sweeper.errors import UserError, unknown
from sweeper.space import Model, Space


def apply_settings(space: Space, settings: Iterable[str]) -> Space:
    """The space with every `key=value` applied, in order. Raises UserError on an unknown key or an invalid value."""
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign:
            raise UserError(f"--set needs KEY=VALUE, got {setting!r}. Keys: {', '.join(SETTINGS)}.")
        if key not in SETTINGS:
            raise unknown("--set key", key, SETTINGS)
        try:
            space = SETTINGS[key](space, text)
        except UserError as error:
            # The message of the space contains the field; the prefix adds the argument of the command line.
            raise UserError(f"--set {key}={text}: {error}") from error
        except ValueError as error:
            raise UserError(
                f"--set {key}={text}: the value must be a number, or for seeds a list such as 1,2,3."
            ) from error
    return space


def _seeds(space: Space, text: str) -> Space:
    numbers = [int(number) for number in text.split(",")]
    # A single number n means the seeds 1 to n.
    return replace(space, seeds=tuple(numbers) if "," in text else tuple(range(1, numbers[0] + 1)))


def _search_field(name: str, read: Callable[[str], Any]) -> Callable[[Space, str], Space]:
    return lambda space, text: replace(space, search=replace(space.search, **{name: read(text)}))


def _field(name: str, read: Callable[[str], Any]) -> Callable[[Space, str], Space]:
    return lambda space, text: replace(space, **{name: read(text)})


def _count(text: str) -> int:
    if int(text) < 1:
        raise UserError(f"The value must be at least 1, got {text}.")
    return int(text)


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise unknown("value", text, values)
        return text

    return read


def _subset(field: str, name_of: Callable[[Any], str]) -> Callable[[Space, str], Space]:
    def apply(space: Space, text: str) -> Space:
        items = {name_of(item): item for item in getattr(space, field)}
        names = set(text.split(","))
        for name in text.split(","):
            if name not in items:
                raise unknown(field.removesuffix("s"), name, items)
        # The order of the space is kept, not that of the setting: the order of recipes decides which trials run first.
        subset: Any = tuple(item for name, item in items.items() if name in names)
        return _with_searched_dials(space, {"models": space.models, field: subset})

    return apply


def _with_searched_dials(space: Space, changes: dict[str, Any]) -> Space:
    """The space with the changes, and without dials of models that only the removed recipes or targets searched."""
    models: tuple[Model, ...] = changes.pop("models")
    changed = replace(space, models=tuple(replace(model, dials={}) for model in models), **changes)

    def searched(model: Model) -> Model:
        return replace(model, dials={name: dial for name, dial in model.dials.items() if name in changed.searched})

    return replace(changed, models=tuple(map(searched, models)))


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
        _one_of("true", "1", "yes", "false", "0", "no")(text.lower())
    ]


def _training_field(name: str, read: Callable[[str], Any]) -> Callable[[Space, str], Space]:
    """A setting that changes one option of the training of every stage and every target."""

    def apply(space: Space, text: str) -> Space:
        return _change_trainings(space, {name: read(text)})

    return apply


def _without_options(model: Model, names: Collection[str]) -> Model:
    return replace(model, training={name: value for name, value in model.training.items() if name not in names})


def _change_trainings(space: Space, options: Mapping[str, Any]) -> Space:
    """The space with these options in the training of every stage and every target, and in that of no model."""

    def changed(trained: Any) -> Any:
        # Dials are unchanged: a searched option keeps its search, and only its default value changes.
        return replace(trained, training=replace(trained.training, **options))

    recipes = tuple(replace(recipe, stages=tuple(map(changed, recipe.stages))) for recipe in space.recipes)
    targets = tuple(replace(changed(target), before=tuple(map(changed, target.before))) for target in space.targets)
    # The option of a model would override that of the command line.
    models = tuple(_without_options(model, options) for model in space.models)
    return replace(space, recipes=recipes, targets=targets, models=models)


def _keep(space: Space, text: str) -> Space:
    value = _one_of("last", "best")(text)
    # Without evaluations there is nothing that a patience could count.
    return _change_trainings(space, {"keep": value} if value == "best" else {"keep": value, "patience": None})


SETTINGS: Mapping[str, Callable[[Space, str], Space]] = {
    "seeds": _seeds,
    "trials": _search_field("trials", int),
    "batch": _search_field("batch", int),
    "scope": _search_field("scope", _one_of("cell", "target")),
    "refit": _search_field("refit", _boolean),
    "sampler": _search_field("sampler", _one_of("tpe", "gp", "random")),
    "evaluate": _field("evaluate", _one_of("dev", "test")),
    "eval_cap": _field("eval_cap", _count),
    "sample_seed": _field("sample_seed", int),
    "keep_targets": _field("keep_targets", _boolean),
    "world": _field("world", str),
    "models": _subset("models", lambda model: model.name),
    "recipes": _subset("recipes", lambda recipe: recipe.name),
    "targets": _subset("targets", lambda target: target.task),
    "precision": _training_field("precision", _one_of("fp32", "bf16")),
    "threads": _training_field("threads", int),
    "micro_tokens": _training_field("micro_tokens", _count),
    "cap_tokens": _training_field("cap_tokens", _count),
    "cap_examples": _training_field("cap_examples", _count),
    "epochs": _training_field("epochs", float),
    "max_steps": _training_field("max_steps", _count),
    "keep": _keep,
    "average": _training_field("average", float),
}
"""Key of `--set` -> function that takes a space and the text of a value and returns the changed space."""
