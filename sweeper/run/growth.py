"""Changes of a space that its run folder accepts: additions that leave every existing result valid."""

from typing import Any

GROWS = ("seeds", "recipes", "targets", "models", "tasks", "title")
"""What may be added to in a run folder; `search.trials` may be raised too."""
TOLD = ("title", "note", "licence", "departs", "train_size", "num_choices")
"""What a task's entry says for people, reports and plans alone: no result depends on it, so it may change."""


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
