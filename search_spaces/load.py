"""Finds spaces by name (the modules of this package and of `questions`) or by the path of a Python file."""

import importlib
import importlib.util
import json
import pkgutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from sweeper.errors import DamagedError, UserError, unknown
from sweeper.files.serialize import plain, read_json
from sweeper.space import Space
from sweeper.space.mistakes import located

QUESTIONS = "questions"
"""The package with the spaces of the questions; their names are `questions/NAME`."""
LARGE = "-xl"
"""End of the name of the cluster-sized twin of a question: `XL` in the module of the question."""
PLANTED = "_world"
"""End of the name of a question in the synthetic world, which has no twin."""


def shipped() -> list[str]:
    """The names of the spaces in this package, sorted."""
    folder = Path(__file__).parent
    names = [module.name for module in pkgutil.iter_modules([str(folder)]) if not module.ispkg]
    names.remove(Path(__file__).stem)
    for module in pkgutil.iter_modules([str(folder / QUESTIONS)]):
        name = f"{QUESTIONS}/{module.name}"
        names += [name] if name.endswith(PLANTED) else [name, name + LARGE]
    return sorted(names)


def load_space(name: str) -> Space:
    """The shipped space of that name, or SPACE of a Python file with the folder of the file.

    Raises UserError if the space or file does not exist, if the file raises an error, or if a value has the wrong type.
    """
    path = Path(name)
    if path.suffix == ".py" or path.is_file():
        return replace(_space_of(_load_file(path), name), folder=str(path.absolute().parent))
    if name not in shipped():
        raise UserError(
            f"{unknown('space', name, shipped())} A Python file works too, for example: sweeper run my_space.py"
        )
    module = name.removesuffix(LARGE).replace("/", ".")
    attribute = "XL" if name.endswith(LARGE) else "SPACE"
    return _space_of(importlib.import_module(f"{__package__}.{module}"), name, attribute)


def check_types(space: Space, name: str) -> Space:
    """The same space, with every value checked against its declared type, which a dataclass does not do.

    Raises UserError that names the first wrong value.
    """
    try:
        return read_json(Space, json.dumps(plain(space)).encode(), f"Space {name}")
    except DamagedError as error:
        raise UserError(str(error)) from error


def _space_of(module: ModuleType, name: str, attribute: str = "SPACE") -> Space:
    space = getattr(module, attribute, None)
    if not isinstance(space, Space):
        value = "nothing" if space is None else f"a value of type {type(space).__name__}"
        others = [other for other, value in vars(module).items() if isinstance(value, Space)]
        remedy = f" Rename its {others[-1]!r} to {attribute}." if others else ""
        raise UserError(f"{name} must define {attribute} as a sweeper.space.Space; it defines {value}.{remedy}")
    return check_types(space, name)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UserError(f"There is no file {path} (looked up in {Path.cwd()}).")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # code of the user can raise anything
        raise located(error, path) from error
    return module
