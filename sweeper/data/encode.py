"""Text to features, once for each (rows, tokenizer, length, caps): a memory-mapped cache that all trials share."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.data.entry import EXAMPLES, open_entry, write_entry, write_examples, write_features
from sweeper.data.join import join
from sweeper.data.sample import apply_caps, is_candidate, is_in_split, merge_candidates
from sweeper.data.source import Sources, data_identity, language_rows
from sweeper.data.translate.examples import ExampleTranslator
from sweeper.errors import DamagedError, DataError
from sweeper.files.digests import digest
from sweeper.formats.interface import Example, Features, HeadKind, Lengths
from sweeper.formats.table import FORMATS
from sweeper.records.spec import DataSpec, deciding
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 1000
"""Examples tokenised at a time."""
WINDOWED: tuple[HeadKind, ...] = ("span", "token")
"""The heads whose long texts become several features instead of being cut."""
LABEL_FIELDS: Mapping[HeadKind, str] = {"sequence": "label", "token": "tags"}
"""The heads whose outputs are a task's label set, and the field that the labels stand in."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The examples of one language of a split, tokenised."""

    features: Features
    """Memory maps, read only."""
    examples: Sequence[Example]
    """Read from disk when the first one is asked for."""
    labels: tuple[str, ...]
    """The label set in the order of the head's outputs; () for formats without one."""
    counts: Mapping[str, int]
    """examples, features, tokens, dropped (rows without an example: unlabelled ones) and truncated (features that reach
    max_length, so that text was cut unless it fitted exactly; windows of span answering and tagging do not count)."""
    translated: Mapping[str, Mapping[str, int]]
    """Language -> examples `translated` into it, and `dropped` because their answer was not found again."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    """All that one entry of the cache is made from."""

    data: DataSpec
    task: Task
    """With its labels resolved."""
    language: str
    sources: Sources
    tokenizer: "PreTrainedTokenizerBase"
    translating: ExampleTranslator | None


def encode(
    data: DataSpec,
    task: Task,
    language: str,
    sources: Sources,
    tokenizer: "PreTrainedTokenizerBase",
    translating: ExampleTranslator | None = None,
) -> Encoded:
    """The tokenised examples of one language, found in the sources' cache or made and kept there.

    Raises DataError if rows are missing, hold a label outside the task's set, or leave no example; UserError if a
    translation cannot be had; OSError.
    """
    task = replace(task, labels=label_set(task, sources) or task.labels)
    job = _Job(data=data, task=task, language=language, sources=sources, tokenizer=tokenizer, translating=translating)
    folder = sources.cache / "encoded" / _key(job)
    entry = open_entry(folder)
    if entry is None:
        write_entry(folder, partial(_fill, job))
        entry = open_entry(folder)
    if entry is None:
        raise DamagedError(f"{folder} was written but does not hold what was written: is its disk full or failing?")
    return Encoded(
        features=entry.features,
        examples=entry.examples,
        labels=entry.labels,
        counts=entry.counts,
        translated=entry.translated,
    )


def label_set(task: Task, sources: Sources) -> tuple[str, ...]:
    """The task's labels in the order of the head's outputs: its own, or those that its training rows declare.

    Raises DataError if neither does. () for formats without a label set.
    """
    field = LABEL_FIELDS.get(FORMATS[task.format].head)
    if field is None or task.labels:
        return task.labels if field else ()
    column = task.columns.get(field)
    split = next((split for split in (task.train, task.dev, task.test) if split), {})
    if not isinstance(column, str) or not split:
        raise DataError(f"Task {task.name!r} needs labels, or a column for {field!r} that declares them.")
    return sources.labels(split.get("en", next(iter(split.values())))[0], column)


def _key(job: _Job) -> str:
    """What names an entry: rows, caps, lengths, tokenizer and the code that reads them."""
    data = {name: value for name, value in deciding(job.data).items() if name not in ("task", "languages", "identity")}
    rows = data_identity(job.task, job.data.part, [job.language], job.sources)
    return digest({"data": data, "rows": rows, "tokenizer": _tokenizer_identity(job.tokenizer), "code": _code()})


@lru_cache(maxsize=8)
def _tokenizer_identity(tokenizer: "PreTrainedTokenizerBase") -> str:
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    for state in ("truncation", "padding"):  # left behind by the last call: no part of what the tokenizer is
        backend.pop(state, None)
    return digest([backend, tokenizer.special_tokens_map, tokenizer.model_input_names])


@lru_cache(maxsize=1)
def _code() -> str:
    """sha256 over the modules that turn rows into features, so that no entry outlives a change in them.

    Metrics belong to them: their rules find an answer again in a translation.
    """
    names = ("sweeper.formats", "sweeper.data", "sweeper.data.translate", "sweeper.scoring")
    folders = (resources.files(name) for name in names)
    files = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files, key=str))).hexdigest()


def _fill(job: _Job, folder: Path) -> Mapping[str, Any]:
    """Write the files of an entry. Raises DataError if no example is left."""
    counts: Counter[str] = Counter()
    chosen = apply_caps(merge_candidates(_examples(job, counts)), job.data)
    if job.translating:
        chosen = job.translating.examples(chosen, job.task)
    parts: list[tuple[int, Features]] = []
    with (folder / EXAMPLES).open("w", encoding="utf-8") as file:
        for examples, features in _tokenised(job, chosen):
            write_examples(file, examples)
            parts.append((len(examples), features))
    if not parts:
        raise _empty(job, counts)
    features = join(parts)
    write_features(folder, features)
    made = {"labels": job.task.labels, "counts": _counts(job, parts, features) | {"dropped": counts["dropped"]}}
    if job.translating:
        job.translating.report(job.task.name)
        made["translated"] = job.translating.summary()
    return made


def _examples(job: _Job, counts: Counter[str]) -> Iterator[Example]:
    """The examples of the split, their ids made unique but for candidates, which may return."""
    task, data = job.task, job.data
    kind = FORMATS[task.format]
    several = language_rows(task, data.part, job.language)
    seen: set[str] = set()
    for position, rows in enumerate(several):
        for number, row in enumerate(job.sources.load(rows)):
            found = kind.read(row, task, number)
            counts["rows"] += 1
            counts["dropped"] += not found
            for example in found:
                id_ = f"{position}:{example.id}" if len(several) > 1 else example.id
                id_ = id_ if is_candidate(example) else _unique(id_, seen)
                # By the row's own id: MNLI's rows are carved alike in MNLI and in ANLI+, which holds them too.
                if is_in_split(example.id, data.part, data.carve_share):
                    yield example if id_ == example.id else replace(example, id=id_)


def _unique(id_: str, seen: set[str]) -> str:
    """The id itself, or with the number of its repeat: `17`, `17#2`, `17#3`."""
    unique, number = id_, 1
    while unique in seen:
        number += 1
        unique = f"{id_}#{number}"
    seen.add(unique)
    return unique


def _tokenised(job: _Job, examples: Iterable[Example]) -> Iterator[tuple[list[Example], Features]]:
    """Chunks of examples with their features, until the token cap is reached."""
    kind = FORMATS[job.task.format]
    lengths = Lengths(max_length=job.data.max_length, stride=job.data.stride)
    total = 0
    source = iter(examples)
    while chunk := list(islice(source, CHUNK)):
        features = kind.encode(chunk, job.tokenizer, lengths, job.task.labels)
        fitting = _num_fitting(features, len(chunk), job.data.cap_tokens, total)
        if fitting < len(chunk):
            chunk = chunk[:fitting]
            features = kind.encode(chunk, job.tokenizer, lengths, job.task.labels)
        yield chunk, features
        total += len(features.tokens)
        if job.data.cap_tokens is not None and total >= job.data.cap_tokens:
            return


def _num_fitting(features: Features, num_examples: int, cap: int | None, total: int) -> int:
    """How many of the examples are read until the cap is reached, the one that reaches it counted."""
    if cap is None:
        return num_examples
    tokens = np.bincount(features.example, weights=np.diff(features.offsets), minlength=num_examples)
    return min(num_examples, int(np.searchsorted(total + np.cumsum(tokens), cap)) + 1)


def _counts(job: _Job, parts: Sequence[tuple[int, Features]], features: Features) -> dict[str, int]:
    full = np.diff(features.offsets) >= job.data.max_length
    return {
        "examples": sum(number for number, _ in parts),
        "features": len(features.offsets) - 1,
        "tokens": len(features.tokens),
        "truncated": 0 if FORMATS[job.task.format].head in WINDOWED else int(full.sum()),
    }


def _empty(job: _Job, counts: Counter[str]) -> DataError:
    data = job.data
    share = f", carve_share={data.carve_share}" if data.part in ("train", "select") else ""
    share += f"; answers lost in translation: {job.translating.summary()}" if job.translating else ""
    return DataError(
        f"Task {job.task.name!r}, {data.part}, {job.language}: an empty split, {counts['rows']} rows of which "
        f"{counts['dropped']} hold no labelled example (cap_examples={data.cap_examples}{share}). Leave the language "
        "out, name another split, or raise the cap or the carved share."
    )
