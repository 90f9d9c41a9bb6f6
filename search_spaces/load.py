"""Spaces by name (the modules of this package) or by the path of a Python file."""

import importlib
import importlib.util
import json
import pkgutil
from pathlib import Path
from typing import Any

from sweeper.errors import DamagedError, SweeperError, UserError, unknown
from sweeper.files.serialize import plain, read_json
from sweeper.space import Space


def shipped() -> list[str]:
    """Names of the spaces that ship."""
    names = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in names if name != Path(__file__).stem)


def load_space(name: str) -> Space:
    """A space that ships, or SPACE of a Python file. Raises UserError if there is none, or it cannot be made."""
    path = Path(name)
    if path.suffix == ".py" or path.is_file():
        return _space_of(_file_module(path), name)
    if name not in shipped():
        raise UserError(f"{unknown('space', name, shipped())} A file works too: sweeper run my_space.py")
    return _space_of(importlib.import_module(f"{__package__}.{name}"), name)


def _space_of(module: Any, name: str) -> Space:
    space = getattr(module, "SPACE", None)
    if not isinstance(space, Space):
        raise UserError(f"{name} has no SPACE of type sweeper.space.Space.")
    return checked(space, name)


def checked(space: Space, name: str) -> Space:
    """The space, if every value is of its declared kind: a dataclass takes any. Raises UserError naming the first."""
    try:
        return read_json(Space, json.dumps(plain(space)).encode(), f"Space {name}")
    except DamagedError as error:
        raise UserError(str(error)) from error


def _file_module(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SweeperError:
        raise
    except Exception as error:  # whatever the user's own code can raise
        raise UserError(f"{path} cannot be read as a space: {type(error).__name__}: {error}") from error
    return module
