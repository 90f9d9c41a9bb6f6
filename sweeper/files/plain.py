"""Values as canonical JSON, their digests, and dataclasses read back from JSON."""

import hashlib
import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sweeper.errors import DamagedError, UserError

FORMAT = 1
"""Number of the record layout; raised when an older reader would misread a record."""

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Made once a type: making one costs more than reading a hundred records."""
    return TypeAdapter(kind)


def digest(value: Any) -> str:
    """First 20 hexadecimal digits of the sha256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def plain(value: Any) -> Any:
    """A dataclass as JSON-able Python values."""
    return _adapter(type(value)).dump_python(value, mode="json", warnings=False)  # type: ignore[arg-type]


def write_json(value: Any) -> bytes:
    """A record, spec or space as indented JSON."""
    return _adapter(type(value)).dump_json(value, indent=1)  # type: ignore[arg-type]


def read_json(kind: type[T], text: bytes, where: str) -> T:
    """The dataclass behind JSON bytes.

    Raises DamagedError if the bytes do not hold one, UserError if a newer version wrote them.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DamagedError(f"{where} is not JSON: {error}.") from error
    if isinstance(raw, dict) and raw.get("format", FORMAT) > FORMAT:
        raise UserError(f"{where} has format {raw['format']}, this version reads up to {FORMAT}: update the sweeper.")
    try:
        return _adapter(kind).validate_python(raw)  # type: ignore[arg-type, no-any-return]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DamagedError(f"{where} is not a {kind.__name__}: {place}: {first['msg']}.") from error
