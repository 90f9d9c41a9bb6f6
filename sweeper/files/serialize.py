"""Dataclasses as JSON, and dataclasses read back from JSON."""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sweeper.errors import DamagedError, UserError

FORMAT = 1
"""Version of the record layout. Raised when an older reader would misread a record."""

T = TypeVar("T")


@cache
def _adapter(data_type: Any) -> TypeAdapter[Any]:
    # Cached: making an adapter costs more than reading a hundred records.
    return TypeAdapter(data_type)


def plain(value: Any) -> Any:
    """A dataclass as JSON values: dicts, lists, strings, numbers, booleans and None."""
    # No warnings about values of undeclared types: for a space, `check_types` in search_spaces/load.py reports them.
    return _adapter(type(value)).dump_python(value, mode="json", warnings=False)  # type: ignore[arg-type]


def write_json(value: Any) -> bytes:
    """A dataclass as indented JSON."""
    return _adapter(type(value)).dump_json(value, indent=1)  # type: ignore[arg-type]


def read_json(data_type: type[T], text: bytes, source: str) -> T:
    """A dataclass from its JSON. `source` names the file in messages.

    Raises DamagedError if the bytes are not such a dataclass, and UserError if a newer version wrote them.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DamagedError(f"{source} is not JSON: {error}.") from error
    # The version is checked before the fields, because the fields of a newer layout may fail the validation.
    if isinstance(raw, dict) and raw.get("format", FORMAT) > FORMAT:
        raise UserError(
            f"{source} has format {raw['format']}; this version reads formats up to {FORMAT}. Update the sweeper."
        )
    try:
        return _adapter(data_type).validate_python(raw)  # type: ignore[arg-type, no-any-return]
    except ValidationError as error:
        # One wrong value can cause an error for each member of a union; the first is enough to find it.
        first = error.errors()[0]
        path = ".".join(str(key) for key in first["loc"])
        raise DamagedError(f"{source} is not a {data_type.__name__}: {path}: {first['msg']}.") from error
