"""Checks the fields of a dataclass against their declared types, which Python does not do, and names types in words."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sweeper.errors import UserError, unknown

MAX_SHOWN = 60
"""Characters of a value in a message."""
WORDS = {float: "number", int: "whole number", str: "string", bool: "True or False", NoneType: "None"}
"""Type -> its name in messages."""


def check_fields(value: Any) -> None:
    """Raise UserError for the first field of a dataclass whose value does not have the declared type.

    A list in a field that declares a tuple becomes a tuple. To be called in `__post_init__`: then the traceback of the
    error contains the line that made the value.
    """
    for name, hint, is_valid, valid_types in _checks(type(value)):  # type: ignore[arg-type]
        actual = getattr(value, name)
        if type(actual) in valid_types or is_valid(actual):
            continue
        if isinstance(actual, list) and is_valid(tuple(actual)):
            object.__setattr__(value, name, tuple(actual))  # the class is frozen
            continue
        raise mismatch(f"{type(value).__name__}.{name}", hint, actual)


def mismatch(where: str, hint: Any, value: Any) -> UserError:
    """The error for a value of the wrong type: the wrong item of a collection, the rule, the value and the remedy."""
    kinds = members(hint)
    if isinstance(value, float) and float in kinds:
        return UserError(f"{where} needs a finite number, got {value}.")
    for kind in kinds:
        if get_origin(kind) is Literal:
            return unknown(f"value of {where}", str(value), get_args(kind))
        if get_origin(kind) is tuple and isinstance(value, tuple | list):
            return _wrong_item(where, get_args(kind)[0], enumerate(value))
        if _is_mapping(kind) and isinstance(value, Mapping):
            keys, values = get_args(kind)
            wrong = next((key for key in value if not predicate(keys)(key)), None)
            if wrong is not None:
                return mismatch(f"A key of {where}", keys, wrong)
            return _wrong_item(where, values, ((repr(key), item) for key, item in value.items()))
    return UserError(f"{where} needs {rule(hint)}, got {_shown(value)}.{_remedy(kinds, value)}")


def rule(hint: Any, number: int = 1) -> str:
    """A declared type in words.

    >>> rule(tuple[str, ...] | None)
    'a tuple of strings or None'
    """
    kinds = members(hint)
    if len(kinds) > 1:
        # Every whole number is a number.
        words = dict.fromkeys(rule(kind, number) for kind in kinds if kind is not int or float not in kinds)
        return " or ".join(words)
    if get_origin(hint) is tuple:
        return f"a tuple of {rule(get_args(hint)[0], 2)}"
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if _is_mapping(hint):
        return f"a dictionary of {rule(get_args(hint)[1], 2)}"
    return _words(hint, number)


def _words(hint: type, number: int) -> str:
    if hint in (bool, NoneType):
        return WORDS[hint]
    if number > 1:
        return f"{WORDS[hint]}s" if hint in WORDS else f"{hint.__name__} objects"
    return f"a {WORDS.get(hint, hint.__name__)}"


@cache
def predicate(hint: Any) -> Callable[[Any], bool]:
    """A function that tells whether a value has a declared type. Numbers must be finite; a bool is no number."""
    origin, arguments = get_origin(hint), get_args(hint)
    if len(members(hint)) > 1:
        predicates = tuple(map(predicate, members(hint)))
        return lambda value: any(is_valid(value) for is_valid in predicates)
    if origin is Annotated:
        return predicate(arguments[0])
    if origin is Literal:
        return partial(_is_one_of, arguments)
    if origin is tuple:
        return partial(_is_tuple_of, predicate(arguments[0]))
    if _is_mapping(hint):
        return partial(_is_mapping_of, predicate(arguments[0]), predicate(arguments[1]))
    return {float: _is_number, int: _is_whole}.get(hint) or partial(_is_instance, hint)


@cache
def _checks(data_type: type) -> tuple[tuple[str, Any, Callable[[Any], bool], frozenset[type]], ...]:
    """(name, declared type, predicate, types whose values are all valid) of each field."""
    # Field types are objects, not strings, because these modules do not postpone the evaluation of annotations.
    return tuple(
        (field.name, field.type, predicate(field.type), _valid_types(field.type))  # type: ignore[arg-type]
        for field in fields(data_type)
    )


def _valid_types(hint: Any) -> frozenset[type]:
    """The simple types whose values are all valid, so that they need no predicate: most values of a large ledger."""
    kinds = set(members(hint))
    return frozenset(kinds & {str, int, bool, NoneType} | ({int} if float in kinds else set()))


def members(hint: Any) -> tuple[Any, ...]:
    """The members of a union; a single type is its only member."""
    if get_origin(hint) is Annotated:
        return members(get_args(hint)[0])
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _is_mapping(hint: Any) -> bool:
    return get_origin(hint) is Mapping


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_instance(hint: type, value: Any) -> bool:
    return isinstance(value, hint)


def _is_one_of(allowed: tuple[Any, ...], value: Any) -> bool:
    return value in allowed


def _is_tuple_of(is_valid: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, tuple) and all(map(is_valid, value))


def _is_mapping_of(is_key: Callable[[Any], bool], is_valid: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(is_key, value)) and all(map(is_valid, value.values()))


def _wrong_item(where: str, hint: Any, items: Any) -> UserError:
    is_valid = predicate(hint)
    key, item = next((key, item) for key, item in items if not is_valid(item))
    return mismatch(f"{where}[{key}]", hint, item)


def _shown(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        return f"a {type(value).__name__}"
    words = {str: "the string ", type: "the class ", NoneType: ""}
    return words.get(type(value), f"the {type(value).__name__} ") + shortened(repr(value))


def shortened(text: str) -> str:
    """A text for a message: its begin if it is long."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _remedy(kinds: tuple[Any, ...], value: Any) -> str:
    """What to do about the most frequent mistakes; "" for other ones."""
    for kind in kinds:
        if get_origin(kind) is tuple and predicate(get_args(kind)[0])(value):
            text = f"{type(value).__name__}(...)" if is_dataclass(value) else repr(value)
            return f" Write ({text},): the comma makes a tuple."
    if isinstance(value, str) and {int, float} & set(kinds):
        try:
            float(value)
        except ValueError:
            return ""
        return " Remove the quotes."
    return ""
