"""The values of a space as texts of the command line: `2e-5`, `true`, `none`, `en,de`, JSON for everything else."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from sweeper.errors import UserError, unknown
from sweeper.files.serialize import plain
from sweeper.space.dials import Choice, Distribution, Training, Value
from sweeper.typed import members, rule, shortened

OPTIONS: Mapping[str, Any] = {field.name: field.type for field in fields(Training)}
"""Option of a training -> its declared type."""


def read_text(text: str, hint: Any, where: str, key: str = "") -> Any:
    """Read a text of the command line as a value of a declared type.

    `where` names the field in messages; `key` is the key of an entry of a dictionary. A dial is a list of values, or
    JSON. Raises UserError with the rule if the text has another form.
    """
    if hint == Distribution:
        return _read_dial(text, where, key)
    if is_none(text) and accepts_none(hint):
        return None
    kinds = members(hint)
    if text[:1] in ('"', "[", "{"):
        value = _read_json(text, hint)
        if value is not None:
            return value
    items = next((get_args(kind)[0] for kind in kinds if get_origin(kind) is tuple), None)
    if items is not None and str not in kinds:
        try:
            return tuple(read_text(item.strip(), items, where) for item in text.split(",") if item.strip())
        except UserError:
            raise _refused(text, hint, where) from None
    if {int, float, str} <= set(kinds):
        return _number_or_text(text)
    try:
        return TypeAdapter(hint).validate_strings(text)
    except ValidationError:
        raise _refused(text, hint, where) from None


def write_text(value: Any, hint: Any, key: str = "") -> str:
    """The text that `read_text` reads as this value."""
    text = _write_simply(value)
    try:
        # The representations differ if only the types do: 1 and 1.0.
        if repr(read_text(text, hint, "", key)) == repr(value):
            return text
    except UserError:
        pass
    return json.dumps(plain(value), ensure_ascii=False)


def is_none(text: str) -> bool:
    """Whether a text means None."""
    return text.strip().lower() in ("none", "null")


def accepts_none(hint: Any) -> bool:
    """Whether None has the declared type."""
    return type(None) in members(hint)


def _write_simply(value: Any) -> str:
    if isinstance(value, tuple):
        # The comma distinguishes the seed 5 from the seeds 1 to 5.
        comma = "," if len(value) == 1 and isinstance(value[0], int) else ""
        return ",".join(map(_write_simply, value)) + comma
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)


def _read_json(text: str, hint: Any) -> Any:
    """The value of a JSON text; None if it is not JSON, or not JSON of the declared type and the type allows texts."""
    try:
        # Unlike json.loads, it refuses deeply nested lists and texts that no file can contain with a ValueError.
        raw = from_json(text)
    except ValueError:
        return None
    try:
        return TypeAdapter(hint).validate_python(raw, extra="forbid")
    except ValidationError as error:
        if str in members(hint):
            return None
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"]))
        raise UserError(f"the JSON is not {rule(hint)}: {path + ': ' if path else ''}{first['msg']}.") from error


def _read_dial(text: str, where: str, option: str) -> Distribution:
    """The dial of an option: a Choice of the values of a list, or JSON of a Choice or LogUniform."""
    if text.startswith("{"):
        kind = "choice" if '"values"' in text else "log_uniform"
        dial: Distribution = _read_json(text if '"kind"' in text else f'{{"kind": "{kind}", {text[1:]}', Distribution)
        if dial is None:
            given = shortened(repr(text))
            raise UserError(f"{where} needs a list of values such as 1e-5,2e-5, or JSON; {given} is not JSON.")
        return dial
    values = read_text(text, tuple[OPTIONS.get(option, Value), ...], where)  # type: ignore[misc]
    return Choice(values=values)


def _number_or_text(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _refused(text: str, hint: Any, where: str) -> UserError:
    for kind in members(hint):
        if get_origin(kind) not in (None, tuple) and all(isinstance(word, str) for word in get_args(kind)):
            return unknown(f"value of {where}", text, get_args(kind))
    remedy = " Set its fields, or give all of it as JSON." if any(map(is_dataclass, members(hint))) else ""
    needed = rule(hint).replace("a tuple", "a comma-separated list")
    return UserError(f"{where} needs {needed}, got {shortened(repr(text))}.{remedy}")
