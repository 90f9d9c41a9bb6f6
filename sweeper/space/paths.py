"""Paths into a space, such as `targets.xnli.training.epochs`: changes of the values that they name, and lists of them.

A segment of a path is the name of a field, the name or index of an item, the key of an entry, or `*` for all items or
entries. The name of a recipe, model or task is its `name`, that of a target is its task.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any, NamedTuple, get_args, get_origin

from sweeper.errors import UserError, unknown
from sweeper.space.dials import Value
from sweeper.space.texts import OPTIONS, accepts_none, is_none, read_text
from sweeper.typed import members

ALL = "*"
REMOVED = object()
"""In place of a value: the entry is removed."""


class Child(NamedTuple):
    """A field, an item or an entry of a value."""

    key: Any
    """Name of the field, number of the item, or key of the entry."""
    name: str
    """Its segment in a path."""
    value: Any
    hint: Any
    """Its declared type."""


class Leaf(NamedTuple):
    """A value that a path without `*` names, and its declared type."""

    path: str
    value: Any
    hint: Any


def change(value: Any, hint: Any, path: str, text: str, where: str = "") -> Any:
    """A copy of a value in which the values that the path names have the value of the text.

    `none` removes the entry of a dictionary. `where` names the value in messages. Raises UserError with the nearest
    name for an unknown segment, and with the rule for a text of the wrong form.
    """
    children, rest = _chosen(Leaf(where, value, hint), path)
    changes = {}
    for child in children:
        inner = f"{type(value).__name__}.{child.name}" if is_dataclass(value) else f"{where}[{child.name}]"
        if rest:
            changes[child.key] = change(child.value, child.hint, rest, text, inner)
        elif isinstance(value, Mapping) and is_none(text) and not accepts_none(child.hint):
            changes[child.key] = REMOVED
        else:
            changes[child.key] = read_text(text, child.hint, inner, child.name)
    return _changed(value, changes)


def matches(leaf: Leaf, path: str) -> Iterator[Leaf]:
    """The values below `leaf` that a path names; the value of a new entry of a dictionary is None."""
    if not path:
        yield leaf
        return
    children, rest = _chosen(leaf, path)
    for child in children:
        yield from matches(Leaf(_joined(leaf.path, child.name), child.value, child.hint), rest)


def leaves(leaf: Leaf, *, with_defaults: bool = True) -> Iterator[Leaf]:
    """The values without parts in a value: numbers, texts, lists of them, dictionaries without entries.

    Without `with_defaults`, the fields of a dataclass that have their default value are left out.
    """
    has_parts = not isinstance(leaf.value, tuple) or any(is_dataclass(item) for item in leaf.value)
    children = list(_children(leaf.value, leaf.hint)) if has_parts else []
    if not children:
        yield leaf
    for child in children:
        if with_defaults or not is_dataclass(leaf.value) or child.value != _default(leaf.value, child.key):
            inner = Leaf(_joined(leaf.path, child.name), child.value, child.hint)
            yield from leaves(inner, with_defaults=with_defaults)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _children(value: Any, hint: Any) -> Iterator[Child]:
    """The fields, items or entries of a value; none for other values."""
    if is_dataclass(value):
        yield from (Child(field.name, field.name, getattr(value, field.name), field.type) for field in fields(value))
    elif isinstance(value, tuple):
        inner = _collection(hint, tuple)[0]
        yield from (Child(number, _name(item, number), item, inner) for number, item in enumerate(value))
    elif isinstance(value, Mapping):
        yield from (Child(key, key, item, _entry_hint(hint, key)) for key, item in value.items())


def _collection(hint: Any, kind: type) -> tuple[Any, ...]:
    """The types of the items of a tuple, or of the keys and values of a mapping."""
    return next(get_args(member) for member in members(hint) if get_origin(member) is kind)


def _entry_hint(hint: Any, key: str) -> Any:
    """The declared type of an entry of a dictionary."""
    values = _collection(hint, Mapping)[1]
    # `Model.training` has options of a training, whose types are declared there.
    return OPTIONS.get(key, values) if values == Value | None else values


def _name(item: Any, number: int) -> str:
    """The name of an item: models, recipes and tasks have names, targets have a task; others have a number."""
    name = getattr(item, "name", "") or getattr(item, "task", "")
    return name if isinstance(name, str) and name else str(number)


def _chosen(leaf: Leaf, path: str) -> tuple[list[Child], str]:
    """The children that the first segment of a path chooses, and the rest of the path."""
    value = leaf.value
    children = {child.name: child for child in _children(value, leaf.hint)}
    first, _, rest = path.partition(".")
    if first == ALL and not is_dataclass(value):
        return list(children.values()), rest
    # A name may contain dots.
    name = max((name for name in children if f"{path}.".startswith(f"{name}.")), key=len, default=None)
    if name is not None:
        return [children[name]], path[len(name) + 1 :]
    if isinstance(value, tuple) and first.isdecimal() and int(first) < len(value):
        return [list(children.values())[int(first)]], rest
    if isinstance(value, Mapping) and not rest:
        return [Child(first, first, None, _entry_hint(leaf.hint, first))], ""
    raise _no_child(leaf, first, list(children))


def _no_child(leaf: Leaf, name: str, names: list[str]) -> UserError:
    value = leaf.value
    if is_dataclass(value):
        return unknown(f"field of {type(value).__name__}", name, names)
    if isinstance(value, Mapping):
        return unknown(f"entry of {leaf.path}", name, names)
    if isinstance(value, tuple):
        items = {type(item).__name__.lower() for item in value if is_dataclass(item)}
        return unknown(next(iter(items), f"item of {leaf.path}"), name, names)
    has_parts = any(is_dataclass(member) or get_origin(member) for member in members(leaf.hint))
    remedy = "Set all of it, as JSON." if has_parts else f"Remove .{name}."
    return UserError(f"{leaf.path} is {'none' if value is None else repr(value)} and has no part {name!r}. {remedy}")


def _changed(value: Any, changes: Mapping[Any, Any]) -> Any:
    """The value with changed fields, items or entries."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **changes)
    if isinstance(value, tuple):
        return tuple(changes.get(number, item) for number, item in enumerate(value))
    return {key: item for key, item in {**value, **changes}.items() if item is not REMOVED}


def _default(value: Any, name: str) -> Any:
    """The default of a field; MISSING if the field is required."""
    field = next(field for field in fields(value) if field.name == name)
    return field.default if field.default_factory is MISSING else field.default_factory()
