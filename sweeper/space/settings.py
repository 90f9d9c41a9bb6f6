"""Changes of a space by `--set KEY=VALUE`: by paths into the space, and by short keys for frequent changes."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

from sweeper.errors import UserError, unknown
from sweeper.space import Choice, Model, Space, Stage, Target, Training
from sweeper.space.paths import Leaf, change, matches
from sweeper.space.texts import OPTIONS, is_none, read_text
from sweeper.typed import shortened

Setting = Callable[[Space, str], Space]
"""Function that takes a space and the text of a value, and returns the changed space."""
MAX_SEEDS = 10_000
TRAINED = ("recipes.*.stages.*", "targets.*.before.*", "targets.*")
"""Paths of all stages and targets."""
logger = logging.getLogger(__name__)


def apply_settings(space: Space, settings: Iterable[str], notify: Callable[[str], object] = logger.warning) -> Space:
    """The space with every `key=value` applied, in order. Raises UserError on an unknown key or an invalid value.

    `notify` receives a message for each value that has no effect, because a dial or a model replaces it.
    """
    for setting in settings:
        key, sign, text = setting.partition("=")
        if setting.encode(errors="replace").decode() != setting:
            raise UserError(f"--set needs a text in UTF-8, got {setting!r}.")
        if not sign:
            raise UserError(f"--set needs KEY=VALUE, got {setting!r}. Keys: {', '.join(_keys())}.")
        try:
            space = _setting(key, text)(space, text)
        except UserError as error:
            # The message of the space contains the field; the prefix adds the argument of the command line.
            raise UserError(f"--set {key}={shortened(text)}: {error}") from error
        for message in _unused(space, key):
            notify(f"--set {key}={text}: {message}")
    return space


def _keys() -> list[str]:
    return [*SETTINGS, "dials", *(field.name for field in fields(Space) if field.name not in SETTINGS)]


def _setting(key: str, text: str) -> Setting:
    """The function that changes the values of a key."""
    first, _, rest = key.partition(".")
    if first == "dials" and rest:
        return partial(_search_everywhere, rest)
    if first == "training" and rest in OPTIONS:
        return SETTINGS[rest]
    if key in SETTINGS and text[:1] not in ("[", "{"):
        return SETTINGS[key]
    if first not in _keys():
        raise unknown("--set key", first, _keys())
    return _at(key)


def _at(path: str) -> Setting:
    """The setting that changes the values which a path names."""

    def apply(space: Space, text: str) -> Space:
        if not any(matches(Leaf("", space, Space), path)):
            raise UserError("the path names no value of this space.")
        changed: Space = change(space, Space, path, text)
        return changed

    return apply


def _seeds(space: Space, text: str) -> Space:
    numbers = read_text(text, tuple[int, ...], "Space.seeds")
    if "," not in text and len(numbers) == 1:
        (number,) = numbers
        if not 0 < number <= MAX_SEEDS:
            raise UserError(
                f"Seeds must be different and not 0. A single number n means the seeds 1 to n, with n from 1 to "
                f"{MAX_SEEDS:,}; got {number:,}."
            )
        numbers = tuple(range(1, number + 1))
    return replace(space, seeds=numbers)


def _subset(field: str, name_of: Callable[[Any], str]) -> Setting:
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


def _train_everywhere(name: str, space: Space, text: str) -> Space:
    """The space with one option in the training of every stage and every target."""
    options = {name: read_text(text, OPTIONS[name], f"Training.{name}")}
    if options == {"keep": "last"}:
        # Without evaluations there is nothing that a patience could count.
        options["patience"] = None

    def changed(trained: Any) -> Any:
        # Dials are unchanged: a searched option keeps its search, and only its default value changes.
        return replace(trained, training=replace(trained.training, **options))

    # The option of a model would override that of the command line.
    return _everywhere(space, changed, changed, lambda model: _without(model, "training", options))


def _search_everywhere(option: str, space: Space, text: str) -> Space:
    """The space with one dial in every stage and in every target that trains; `none` removes it. A list is a grid."""

    def changed(trained: Stage | Target) -> Any:
        return change(trained, type(trained), f"dials.{option}", text)

    def changed_target(target: Target) -> Target:
        searched: Target = changed(target) if space.task(target.task).training_task else target
        return searched

    is_grid = not is_none(text) and isinstance(changed(Stage(tasks=("",))).dials[option], Choice)
    search = replace(space.search, sampler="grid") if is_grid else space.search
    return _everywhere(space, changed, changed_target, lambda model: _without(model, "dials", (option,)), search=search)


def _everywhere(
    space: Space,
    stage: Callable[[Stage], Stage],
    target: Callable[[Target], Target],
    model: Callable[[Model], Model],
    **changes: Any,
) -> Space:
    """The space with every stage, target and model changed by a function of its own."""
    recipes = tuple(replace(recipe, stages=tuple(map(stage, recipe.stages))) for recipe in space.recipes)
    targets = tuple(replace(target(old), before=tuple(map(stage, old.before))) for old in space.targets)
    return replace(space, recipes=recipes, targets=targets, models=tuple(map(model, space.models)), **changes)


def _without(model: Model, field: str, names: Iterable[str]) -> Model:
    kept = {name: value for name, value in getattr(model, field).items() if name not in names}
    return replace(model, **{field: kept})  # type: ignore[arg-type]


def _unused(space: Space, key: str) -> Iterator[str]:
    """Reasons why an option that a key sets has no effect: a dial or a model replaces it."""
    owner, _, option = key.removeprefix("training.").rpartition(".")
    path = owner.removesuffix(".training")
    if option not in OPTIONS or path.startswith("models") or (owner and path == owner):
        return
    owners = [leaf for one in ([path] if path else TRAINED) for leaf in matches(Leaf("", space, Space), one)]
    searching = [leaf.path for leaf in owners if option in leaf.value.dials]
    if searching:
        dial = f"{path}.dials.{option}" if path else f"dials.{option}"
        yield f"{_listed(searching)} {option} as a dial instead of this value. `--set {dial}=none` removes the dial."
    for model in space.models:
        if option in model.training:
            own = f"models.{model.name}.training.{option}"
            yield f"model {model.name!r} uses its own {option} instead of this value. `--set {own}=none` removes it."


def _listed(paths: list[str]) -> str:
    others = f" and {len(paths) - 1} more search" if len(paths) > 1 else " searches"
    return f"{paths[0]}{others}"


SETTINGS: Mapping[str, Setting] = {
    "seeds": _seeds,
    **{name: _at(f"search.{name}") for name in ("trials", "batch", "scope", "refit", "sampler")},
    **{name: _at(name) for name in ("evaluate", "eval_cap", "sample_seed", "keep_targets", "predictors", "world")},
    "models": _subset("models", lambda model: model.name),
    "recipes": _subset("recipes", lambda recipe: recipe.name),
    "targets": _subset("targets", lambda target: target.task),
    **{field.name: partial(_train_everywhere, field.name) for field in fields(Training)},
}
"""Short key -> its setting. The options of a training change every stage and every target."""
