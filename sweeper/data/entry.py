"""A cache entry of tokenised examples: arrays as memory maps, examples as JSON lines, and a manifest with digests."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from sweeper.files.manifest import verified_manifest, write_folder
from sweeper.formats.interface import Array, Example, Features

EXAMPLES = "examples.jsonl"
REQUIRED_ARRAYS = ("tokens", "offsets", "items", "example")
"""Arrays that every entry has; segments, labels and extra depend on the format and the tokenizer."""


class StoredExamples(Sequence[Example]):
    """The examples of an entry, read from disk on first access: training needs only the arrays."""

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count

    @cached_property
    def _all(self) -> list[Example]:
        with self._path.open(encoding="utf-8") as lines:
            return [Example(**json.loads(line)) for line in lines]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Example]:
        return iter(self._all)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        return self._all[index]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The tokenised examples of one language of a split."""

    features: Features
    """Read-only memory maps."""
    examples: Sequence[Example]
    """Read from disk on first access."""
    labels: tuple[str, ...]
    """The label set in the order of the head's outputs; () for formats without a label set."""
    counts: Mapping[str, int]
    """Numbers of `examples`, `features` and `tokens`, of rows `dropped` because they have no label, and of `truncated`
    features. Every feature of `max_length` tokens counts as truncated, although its text may fit exactly. The number of
    truncated features is 0 for formats that split a long text into windows."""
    translated: Mapping[str, Mapping[str, int]]
    """Language -> numbers of examples `translated` into it, and `dropped` because no answer was found."""

    wrong: tuple[str, ...] = ()
    """The number of rows that are left out because their labels cannot be right, and sentences about the first ones."""

    @property
    def facts(self) -> str:
        """The counts as text: examples, features, tokens, truncated and dropped ones."""
        return ", ".join(f"{number:,} {name}" for name, number in self.counts.items())


def open_entry(folder: Path) -> Encoded | None:
    """The entry in a folder; None if it does not exist, or if a file is missing or differs from the manifest."""
    manifest = verified_manifest(folder)
    if manifest is None:
        return None
    counts = manifest["counts"]
    return Encoded(
        features=_read_features(folder, manifest["files"]),
        examples=StoredExamples(folder / EXAMPLES, counts["examples"]),
        labels=tuple(manifest["labels"]),
        counts=counts,
        translated=manifest.get("translated", {}),
        wrong=tuple(map(str, manifest.get("wrong", ()))),
    )


def write_entry(folder: Path, fill: Callable[[Path], Mapping[str, Any]]) -> None:
    """Write an entry atomically: `fill` writes the files into a draft folder and returns more fields of the manifest.

    Two processes may write the same entry, since their bytes are equal. A damaged entry is replaced. Raises OSError.
    """
    write_folder(folder, fill)


def write_examples(file: Any, examples: Sequence[Example]) -> None:
    """Append examples to an open text file, one JSON object a line."""
    file.writelines(json.dumps(asdict(example), ensure_ascii=False) + "\n" for example in examples)


def write_features(folder: Path, features: Features) -> None:
    """Write each array into its own .npy file."""
    named = {name: getattr(features, name) for name in REQUIRED_ARRAYS}
    named |= {f"labels.{name}": array for name, array in features.labels.items()}
    named |= {f"extra.{name}": array for name, array in features.extra.items()}
    if features.segments is not None:
        named["segments"] = features.segments
    for name, array in named.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _read_features(folder: Path, names: Iterable[str]) -> Features:
    arrays: dict[str, Array] = {
        name.removesuffix(".npy"): np.load(folder / name, mmap_mode="r") for name in names if name.endswith(".npy")
    }
    return Features(
        **{name: arrays[name] for name in REQUIRED_ARRAYS},
        segments=arrays.get("segments"),
        labels=_named("labels.", arrays),
        extra=_named("extra.", arrays),
    )


def _named(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
