"""Dataclasses as JSON, and dataclasses read back from JSON."""

from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from sweeper.errors import DamagedError, FormatError, UserError
from sweeper.files.seal import check_seal, sealed

FORMAT = 2
"""Version of spaces and records. Raised when an older reader would misread one, and whenever `SEMANTICS` is raised, so
that one run folder never contains scores of two versions that compute them differently."""

T = TypeVar("T")


@cache
def _adapter(data_type: Any) -> TypeAdapter[Any]:
    # Cached: making an adapter costs more than reading a hundred records.
    return TypeAdapter(data_type)


def plain(value: Any) -> Any:
    """A dataclass as JSON values: dicts, lists, strings, numbers, booleans and None."""
    # No warnings about values of undeclared types: for a space, `check_types` in search_spaces/load.py reports them.
    return _adapter(type(value)).dump_python(value, mode="json", warnings=False)  # type: ignore[arg-type]


def key_values(value: Any) -> Any:
    """A dataclass as JSON values without the fields at their default value: the form that enters keys.

    A new field with a default therefore changes no key. In return, the default of an existing field must never change.
    """
    return _adapter(type(value)).dump_python(value, mode="json", exclude_defaults=True)  # type: ignore[arg-type]


def write_json(value: Any) -> bytes:
    """A dataclass as indented JSON."""
    return _adapter(type(value)).dump_json(value, indent=1)  # type: ignore[arg-type]


def write_sealed(value: Any) -> bytes:
    """A dataclass as JSON with a seal, for files that are kept."""
    return sealed(write_json(value))


def read_json(data_type: type[T], text: bytes, source: str) -> T:
    """A dataclass from its JSON, with or without a seal. `source` names the file in messages.

    Raises DamagedError if the bytes differ from their seal or are not such a dataclass, and FormatError if another
    version wrote them whose results or layout differ.
    """
    check_seal(text, source)
    with suppress(ValidationError, UserError):
        value = _adapter(data_type).validate_json(text)  # type: ignore[arg-type]
        # Nearly all files are read here. The steps below take twice as long and tell what is wrong with the others.
        if getattr(value, "format", None) == FORMAT:
            return value  # type: ignore[no-any-return]
    return _read_step_by_step(data_type, text, source)


def _read_step_by_step(data_type: type[T], text: bytes, source: str) -> T:
    try:
        raw = from_json(text)
    except ValueError as error:
        raise DamagedError(f"{source} is not JSON: {error}.") from error
    # The version is checked before the fields, because the fields of another layout may fail the validation.
    _check_format(raw, source)
    try:
        return _adapter(data_type).validate_python(raw)  # type: ignore[arg-type, no-any-return]
    except ValidationError as error:
        # One wrong value can cause an error for each member of a union; the first is enough to find it.
        first = error.errors()[0]
        path = ".".join(str(key) for key in first["loc"])
        raise DamagedError(f"{source} is not a {data_type.__name__}: {path}: {first['msg']}.") from error


def _check_format(raw: Any, source: str) -> None:
    version = raw.get("format", FORMAT) if isinstance(raw, dict) else FORMAT
    if not isinstance(version, int):
        return  # the validation of the fields reports it
    if version > FORMAT:
        raise FormatError(f"{source} has format {version}; this version reads format {FORMAT}. Update the sweeper.")
    if version < FORMAT:
        raise FormatError(
            f"{source} has format {version}, and this version reads format {FORMAT}: an earlier version, whose scores "
            "are not comparable, wrote it. Start a new run folder with another --out, or use the version that wrote it."
        )
