"""Local copies of Hub repositories: the files of a split or a model, and digests of their contents."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

from sweeper.data.card import Config, Info, read_card
from sweeper.data.files import default_splits
from sweeper.errors import DataError
from sweeper.files.digests import file_digest
from sweeper.tasks.slices import split_names

Entry = TypeVar("Entry", Config, Info)
MODEL_FILES = (
    "*.safetensors",
    "config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "*.model",
)
"""Files that decide the outputs of an encoder. Its identity does not include README and similar files."""
TWO_ASTERISKS_IN_NAME = re.compile(r"[^/]\*\*|\*\*[^/]")
"""`datasets` and Python before 3.13 refuse these patterns."""
METADATA = (
    "README.md",
    "config.json",
    "dataset_info.json",
    "dataset_infos.json",
    "dummy_data.zip",
    "dataset_dict.json",
)
"""Files that `datasets` reads only if the last part of a pattern is their name."""


def split_files(folder: Path, config: str | None, split: str | None) -> list[Path]:
    """The files of one split of a config, or of all its splits if `split` is None, in order.

    README.md lists the files of each split in `configs`. Without `configs`, they are all files of the folder. The
    list is empty for an unknown config or split. A slice has the files of the whole split, and a single file is every
    split.
    """
    if folder.is_file():
        return [folder]
    names = split_names(split) if split is not None else (None,)
    by_name = [_named_split_files(folder, config, name) for name in names]
    return list(dict.fromkeys(path for paths in by_name for path in paths)) if all(by_name) else []


def split_list(folder: Path, config: str | None) -> tuple[str, ...]:
    """The splits of a config in a local folder, for messages."""
    configs = read_card(folder).configs
    entry = _entry(configs or [], config)
    if entry is not None and entry.splits:
        return tuple(dict.fromkeys(files.split for files in entry.splits))
    return () if configs else default_splits(folder)


def config_list(folder: Path) -> tuple[str, ...]:
    """The configs that the README.md of a local folder lists, for messages."""
    return tuple(entry.config_name for entry in read_card(folder).configs or [])


def _named_split_files(folder: Path, config: str | None, split: str | None) -> list[Path]:
    configs = read_card(folder).configs
    if not configs:
        has_split = split is None or _has_split_name(folder, split) or _is_unnamed_train(folder, split)
        return _all_files(folder) if has_split else []
    entry = _entry(configs, config)
    if entry is None:
        return []
    if not entry.splits:  # `datasets` then finds the splits by the names of files
        return _all_files(folder / (entry.data_dir or ""))
    patterns = [pattern for files in entry.splits if split in (None, files.split) for pattern in files.patterns]
    return [path for pattern in patterns for path in _matching(folder, pattern)]


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files that `datasets` reads for a pattern of a card, sorted. Raises DataError if it is not one."""
    try:
        if TWO_ASTERISKS_IN_NAME.search(pattern):
            raise ValueError("'**' can only be an entire path component")
        # Before Python 3.13, `**` at the end of a pattern matches folders only.
        paths = folder.glob(f"{pattern}/*" if pattern.endswith("**") else pattern)
        return [path for path in sorted(paths) if path.is_file() and _is_data(path.relative_to(folder), pattern)]
    except (ValueError, IndexError, AttributeError, NotImplementedError, OSError) as error:
        shown = repr(pattern[:80])
        raise DataError(f"The card of the data set in {folder} lists {shown}, which is no file name.") from error


def _is_data(path: PurePath, pattern: str) -> bool:
    """Whether `datasets` reads a file that matches a pattern. It reads metadata and hidden files only by name."""
    pure = PurePath(pattern)
    return (path.name == pure.name or path.name not in METADATA) and _num_hidden(path) == _num_hidden(pure)


def _num_hidden(path: PurePath) -> int:
    hidden = [part for part in path.parts if part.startswith(".") and set(part) != {"."}]
    return len(hidden) + sum(part.startswith("__") for part in path.parent.parts)


def rows_digest(folder: Path, config: str | None, split: str | None) -> str:
    """sha256 over the bytes of the split's files and the declared features, which contain the label names.

    It does not depend on the names and paths of the files, so a mirror can be moved.
    """
    digests = [file_digest(path) for path in split_files(folder, config, split)]
    content = [digests, _features(folder, config)]
    try:
        text = json.dumps(content, sort_keys=True, default=str)
    except TypeError:  # names that are texts and numbers have no order
        text = json.dumps(content, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def model_digest(folder: Path, extra: Sequence[str] = ()) -> str:
    """sha256 over a model's weights, config.json and tokenizer files, and files that match the patterns `extra`."""
    names = {path.name for pattern in (*MODEL_FILES, *extra) for path in folder.glob(pattern) if path.is_file()}
    digests = [[name, file_digest(folder / name)] for name in sorted(names)]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _entry(entries: Sequence[Entry], config: str | None) -> Entry | None:
    """The config of that name; for None, the only config, or the one marked as default or named `default`."""
    if config is not None:
        return next((entry for entry in entries if entry.config_name == config), None)
    if len(entries) == 1:
        return entries[0]
    return next((entry for entry in entries if entry.default or entry.config_name == "default"), None)


def _features(folder: Path, config: str | None) -> Any:
    infos = read_card(folder).infos
    entry = _entry(infos, config) if infos else None
    return entry.features if entry else None


def _all_files(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    # Hidden files are metadata, such as `.cache` of a download and `.gitattributes`.
    return [path for path in files if not any(name.startswith(".") for name in path.relative_to(folder).parts)]


def _has_split_name(folder: Path, split: str) -> bool:
    """Whether the path of a file contains the split's name: `train.parquet`, `data/train-00000-of-00001.parquet`."""
    return any(split in str(path.relative_to(folder)) for path in _all_files(folder))


def _is_unnamed_train(folder: Path, split: str) -> bool:
    """Whether the split is `train` and no file of the folder has the name of a split: `datasets` then reads all."""
    return split == "train" and default_splits(folder) == ("train",)
