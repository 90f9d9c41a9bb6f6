"""Changes of a space that its run folder accepts: additions that leave every existing result valid."""

import re
from typing import Any

from sweeper.errors import UserError
from sweeper.files.serialize import plain
from sweeper.space import Space

GROWING = ("recipes", "targets", "models", "tasks")
"""Fields of a space to which named entries may be added. Seeds and search trials are checked separately."""
DESCRIPTIVE = ("title", "note", "licence", "departs", "num_choices", "parallel", "kind", "domain")
"""Fields of a task that only reports and plans use. No result depends on them, so they may change. `contains` and
`train_size` are not among them, because they decide which selection data a larger task leaves out."""

OBSERVING = ("predictors", "null_twins", "log_probabilities", "cartography", "keep_encoders", "contrasts", "claims")
"""Fields of a space that change no existing result. Predictors and twins add trials, log-probabilities add columns to
outcomes, cartography adds files to trainings, removed encoders are trained again, and only reports read the others."""
FACTS = (("factors",), ("parameters",))
"""Fields of recipes and models that only contrasts use."""

Change = tuple[tuple[str, ...], Any, Any]
"""(path into the space, old value, new value). A missing value is None."""


def check_growth(old: Space, new: Space, run: str, without: str = "") -> None:
    """Raise UserError with the differences, unless they are only additions and changes of descriptive fields.

    The field `without` of both spaces is not compared.
    """
    if old.search.trials != new.search.trials and _has_study_with_prior(old):
        raise UserError(
            f"{run} has search.prior = {old.search.prior!r} and {old.search.trials} trials per study, got "
            f"{new.search.trials}. Another number of trials would change the results from which its studies started. "
            "Use another --out, or the original number."
        )
    if old.search.trials != new.search.trials and (old.search.race or old.search.rungs):
        raise UserError(
            f"{run} has search.race = {old.search.race}, search.rungs = {old.search.rungs} and {old.search.trials} "
            f"trials per study, got {new.search.trials}. Another number would change the dials that are trained again. "
            "Use another --out, or the original number."
        )
    changes = (change for change in differences(plain(old), plain(new)) if change[0][0] != without)
    refused = [change for change in changes if not (_is_growth(change) or _completes(change, old))]
    if not refused:
        return
    lines = "\n".join(f"  {'.'.join(path)}: {_short(before)} -> {_short(after)}" for path, before, after in refused)
    raise UserError(
        f"{run} was made from another space. A run folder accepts only additional seeds, recipes, targets, models, "
        f"tasks, languages, layers, conditions and search trials, and other contrasts. Changed:\n{lines}\n"
        "Use another --out, or the original space."
    )


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> list[Change]:
    """The changes between two JSON values. Lists of named objects are compared by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        # The keys of both values in order of first appearance: messages list changes in the order of the fields.
        keys = list(dict.fromkeys([*old, *new]))
        return [change for key in keys for change in differences(old.get(key), new.get(key), (*path, key))]
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(item, dict) for item in old + new):
        return differences(_by_name(old), _by_name(new), path)
    return [] if old == new else [(path, old, new)]


def _has_study_with_prior(space: Space) -> bool:
    """Whether the study of a cell starts from those of the recipes of the first wave."""
    has_others = any(recipe.name not in space.first_wave for recipe in space.recipes)
    return bool(space.first_wave) and has_others and any(target.dials for target in space.targets)


def _by_name(items: list[dict[str, Any]]) -> dict[str, Any]:
    # Models, recipes and tasks have names, targets have a task. Stages have neither and are compared by position.
    return {str(item.get("name") or item.get("task") or number): item for number, item in enumerate(items)}


def _is_growth(change: Change) -> bool:
    path, old, new = change
    if path == ("search", "trials"):
        return bool(new >= old)
    if path[0] in OBSERVING or path[2:3] in FACTS:
        return True
    if path == ("world",):
        return _without_draws(old) == _without_draws(new)
    # The title of the space, the folder of its file (keys have digests of files, not paths), and tasks.NAME.FIELD.
    if path in (("title",), ("folder",)) or (len(path) == 3 and path[0] == "tasks" and path[2] in DESCRIPTIVE):
        return True
    if isinstance(old, list) and isinstance(new, list) and (path == ("seeds",) or _only_adds_scores(path)):
        return set(old) <= set(new)
    # A new item of a list of named objects, such as recipes.NAME or targets.NAME.conditions.NAME.
    is_condition = len(path) == 4 and path[0] == "targets" and path[2] == "conditions"
    return old is None and (is_condition or (len(path) == 2 and path[0] in GROWING))


def _completes(change: Change, old: Space) -> bool:
    """Whether a change adds columns or labels to a task that no trial has read yet.

    They are inferred when a recipe or target reads the task for the first time.
    """
    path, before, _ = change
    is_new = path[0] == "tasks" and len(path) > 2 and path[2] in ("columns", "labels") and not before
    return is_new and path[1] not in old.read_tasks


def _without_draws(world: str) -> list[str]:
    """The name and the settings of a world except for its number of draws: a draw does not depend on their number."""
    return [part for part in re.split("[:,]", world) if not part.startswith("draws=")]


def _only_adds_scores(path: tuple[str, ...]) -> bool:
    """Whether a path is that of a target's evaluation languages or further layers.

    The languages of a stage, including one in a target's `before`, decide a training and may not change.
    """
    return path[0] == "targets" and len(path) == 3 and path[-1] in ("languages", "also_layers")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
