"""The card of a data set: the part of its README.md that lists its configs, files and features, checked."""

import re
from collections.abc import Iterator
from dataclasses import field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from sweeper.errors import DataError

README = "README.md"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml is ten times as fast as the parser in Python, and cards can have thousands of lines."""
FRONT_MATTER = re.compile(r"\A\s*---[\r\n]+(.*?)[\r\n]+---(?:[\r\n]|\Z)", re.DOTALL)
NAMES = ConfigDict(coerce_numbers_to_str=True)
"""YAML reads a name such as 2023 as a number."""


@dataclass(frozen=True, config=NAMES)
class SplitFiles:
    """The glob patterns of the files of one split."""

    split: str
    path: str | list[str]

    @property
    def patterns(self) -> list[str]:
        """The patterns, relative to the folder of the card."""
        return [self.path] if isinstance(self.path, str) else self.path


Files = str | SplitFiles | list[str | SplitFiles]


@dataclass(frozen=True, config=NAMES)
class Config:
    """A named part of a data set."""

    config_name: str = ""
    data_files: Files | None = None
    data_dir: str | None = None
    default: bool = False

    @property
    def splits(self) -> list[SplitFiles]:
        """The splits that the card lists. A path without a split is training data, as in `datasets`."""
        if not self.data_files:
            return []
        items = self.data_files if isinstance(self.data_files, list) else [self.data_files]
        return [SplitFiles("train", item) if isinstance(item, str) else item for item in items]

    @property
    def paths(self) -> Iterator[str]:
        """All patterns and folders."""
        yield from (pattern for split in self.splits for pattern in split.patterns)
        yield self.data_dir or ""


@dataclass(frozen=True, config=NAMES)
class Info:
    """The declared columns of a config."""

    config_name: str = ""
    default: bool = False
    features: Any = None


@dataclass(frozen=True)
class Card:
    """The fields of a card that decide which rows are read; further fields are ignored."""

    configs: list[Config] | None = field(default=None)
    dataset_info: Info | list[Info] | None = field(default=None)

    @property
    def infos(self) -> list[Info]:
        """The declared columns of all configs."""
        return [self.dataset_info] if isinstance(self.dataset_info, Info) else self.dataset_info or []


EMPTY = Card()


def read_card(folder: Path) -> Card:
    """The card in the README.md of a folder; empty without the file or without a card in it.

    Raises DataError if it cannot be read, or if a path in it leaves the folder.
    """
    path = folder / README
    if not path.is_file():
        return EMPTY
    state = path.stat()  # size and time are keys of the cache, so that a changed README is read again
    return _read(str(path), state.st_size, state.st_mtime_ns)


@cache
def _read(path: str, _size: int, _changed: int) -> Card:
    try:
        front_matter = FRONT_MATTER.match(Path(path).read_text(encoding="utf-8"))
        fields = yaml.load(front_matter.group(1), Loader=LOADER) if front_matter else None
        card = TypeAdapter(Card).validate_python(fields or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"])
        raise DataError(f"The card of a data set, {path}, has a wrong value: {where}: {first['msg']}.") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"The card of a data set, {path}, cannot be read: {reason}.") from error
    for pattern in (path for config in card.configs or [] for path in config.paths):
        _check_inside(pattern, path)
    return card


def _check_inside(pattern: str, card: str) -> None:
    """Raise DataError if a path of a card leaves its folder."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or "\0" in pattern:
        raise DataError(
            f"The card of a data set, {card}, lists {pattern!r}: paths must be relative, and inside the folder of the "
            "card."
        )
