"""The message for an error in a space file: its file and line, its recipe or target, the rule and the nearest name."""

import ast
import pkgutil
import re
import sys
import sysconfig
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from sweeper import space
from sweeper.errors import PartError, UserError, unknown
from sweeper.typed import rule

NAMED = {"Recipe": "name", "Target": "task", "Model": "name", "Task": "name"}
"""Class of a part of a space -> the field that names it."""
INSTALLED = (
    *{Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    *(Path(space.__file__).parents[2] / name for name in ("sweeper", "search_spaces")),
)
"""Folders whose modules are not code of the user."""
MISSING_COMMA = re.compile(r"'(\w+)' object is not (callable|subscriptable)")


class Place(NamedTuple):
    """The code that raised an error: its file, its lines and columns, and the frame with its variables."""

    path: Path
    start: tuple[int, int]
    end: tuple[int, int]
    frame: FrameType


def located(error: BaseException, path: Path) -> UserError:
    """The error of a space file as a message that starts with the file and the line.

    The line is that of the innermost call in code of the user: in the file, or in a module that it imports.
    """
    if isinstance(error, SyntaxError) and error.filename and _is_same(error.filename, path):
        # Python's own words name the comma or parenthesis that is missing.
        return UserError(f"{path}, line {error.lineno}: SyntaxError: {error.msg.rstrip('?.')}.")
    position, message = _place(error.__traceback__, path), _explained(error)
    if position is None:
        return UserError(f"{path}: {message}")
    path = position.path
    with tokenize.open(path) as file:
        calls = [node for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.Call)]
    if isinstance(error, PartError):
        line = _line_of(error, calls)
        return UserError(f"{path}, line {line or position.start[0]}: {message}")
    component = _part(calls, position)
    is_named = not component or component.lower() in message.lower()
    return UserError(f"{path}, line {position.start[0]}{'' if is_named else f', {component}'}: {message}")


def _is_same(filename: str, path: Path) -> bool:
    return Path(filename).absolute() == path.absolute()


def _is_users(file: Path) -> bool:
    return file.is_file() and not any(file.is_relative_to(folder) for folder in INSTALLED)


def _place(traceback: TracebackType | None, path: Path) -> Place | None:
    """The innermost code of the user in a traceback; `path` is the space file."""
    position = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _is_same(code.co_filename, path) or _is_users(Path(code.co_filename)):
            # An instruction has two bytes.
            line, last_line, column, last_column = list(code.co_positions())[traceback.tb_lasti // 2]
            start = (line or traceback.tb_lineno, column or 0)
            file = path if _is_same(code.co_filename, path) else Path(code.co_filename)
            position = Place(file, start, (last_line or start[0], last_column or 0), traceback.tb_frame)
        traceback = traceback.tb_next
    return position


def _part(calls: list[ast.Call], position: Place) -> str:
    """The innermost recipe, target, model or task whose call contains a place, such as "recipe 'mnli'"; or ""."""
    around = [call for call in calls if _start(call) <= position.start and position.end <= _end(call)]
    for call in sorted(around, key=_start, reverse=True):
        name = _called(call)
        for keyword in call.keywords if name in NAMED else ():
            value = _value(keyword.value, position.frame)
            if keyword.arg == NAMED.get(name) and isinstance(value, str):
                return f"{name.lower()} {value!r}"
    return ""


def _line_of(error: PartError, calls: list[ast.Call]) -> int | None:
    """The line of the only call that makes the part of an error; None if there is none, or more than one.

    A function of the user that makes the part, as in `recipe("mnli")`, counts if no call of the class names it.
    """
    naming = [call for call in calls if error.name in _constants(call)]
    of_class = [call for call in naming if _called(call).lower() == error.term]
    matched = of_class or naming
    return matched[0].lineno if len(matched) == 1 else None


def _constants(call: ast.Call) -> Iterator[Any]:
    """The constants among the arguments of a call, with or without names."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Constant):
            yield argument.value


def _called(call: ast.Call) -> str:
    """The last name of what is called: `Recipe` for `space.Recipe(...)`."""
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def _value(node: ast.expr, frame: FrameType) -> Any:
    """The value of a constant or variable."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    return node.value if isinstance(node, ast.Constant) else None


def _start(call: ast.Call) -> tuple[int, int]:
    return call.lineno, call.col_offset


def _end(call: ast.Call) -> tuple[int, int]:
    return call.end_lineno or call.lineno, call.end_col_offset or 0


def _explained(error: BaseException) -> str:
    """The message of an error, with the rule and the nearest name if it is a frequent mistake."""
    if isinstance(error, UserError):
        return str(error)
    explain = EXPLANATIONS.get(type(error), _type_and_message)
    return explain(error) or _type_and_message(error)


def _type_and_message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _explain_call(error: Any) -> str:
    """A call of a class of `sweeper.space` with wrong arguments."""
    matched = re.match(r"(\w+)\.__init__\(\) (.*)", str(error))
    constructed = getattr(space, matched[1], None) if matched else None
    if not matched or not is_dataclass(constructed):
        comma = MISSING_COMMA.match(str(error))
        return f"{_type_and_message(error)}. A comma may be missing after the {comma[1]}." if comma else ""
    types, names = {field.name: field.type for field in fields(constructed)}, re.findall(r"'(\w+)'", matched[2])
    if "unexpected keyword" in matched[2]:
        return str(unknown(f"field of {matched[1]}", names[0], types))
    if "missing" in matched[2]:
        return f"{matched[1]} needs {', '.join(f'`{name}` ({rule(types[name])})' for name in names)}."
    return f"The fields of {matched[1]} need names, as in {matched[1]}({next(iter(types))}=...)."


def _explain_name(error: Any) -> str:
    if error.name in space.__all__:
        return f"NameError: {error}. Add `from sweeper.space import {error.name}`."
    position = _last(error.__traceback__)
    # The globals are too many for a list.
    return f"NameError: {unknown('value', error.name, position.f_globals if position else ())}".partition(" Known:")[0]


def _explain_import(error: Any) -> str:
    matched = re.match(r"cannot import name '(\w+)'", str(error))
    if not matched or error.name not in sys.modules:
        return ""
    module = sys.modules[error.name]
    public = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    return f"ImportError: {unknown(f'name in {error.name}', matched[1], public)}"


def _explain_module(error: Any) -> str:
    package, _, name = error.name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", None)
    if folders:
        modules = [module.name for module in pkgutil.iter_modules(folders)]
        return f"ModuleNotFoundError: {unknown(f'module in {package}', name, modules)}"
    return f"ModuleNotFoundError: {error}. Install it, or put its folder on PYTHONPATH."


def _explain_attribute(error: Any) -> str:
    if not is_dataclass(error.obj):
        return ""
    owner = error.obj if isinstance(error.obj, type) else type(error.obj)
    return f"AttributeError: {unknown(f'field of {owner.__name__}', error.name, [f.name for f in fields(error.obj)])}"


def _last(traceback: TracebackType | None) -> FrameType | None:
    """The frame in which an error was raised."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback and traceback.tb_frame


EXPLANATIONS: dict[type[BaseException], Callable[[Any], str]] = {
    TypeError: _explain_call,
    NameError: _explain_name,
    ImportError: _explain_import,
    ModuleNotFoundError: _explain_module,
    AttributeError: _explain_attribute,
}
"""Type of an error -> function that returns a better message, or ""."""
