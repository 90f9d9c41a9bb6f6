"""Tokenises examples once for each (rows, tokenizer, length, caps), into a memory-mapped cache that trials share."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from sweeper.data.early import TRAINED, KeptRows, id_prefix, kept_rows
from sweeper.data.entry import EXAMPLES, Encoded, open_entry, write_entry, write_examples, write_features
from sweeper.data.examples import examples_of, located
from sweeper.data.join import join
from sweeper.data.perturb.code_mix import WordPairs, read_word_pairs
from sweeper.data.perturb.labels import with_noisy_labels
from sweeper.data.perturb.paraphrase import Paraphraser
from sweeper.data.perturb.table import perturbed
from sweeper.data.rows import RowTable, row_message
from sweeper.data.sample import apply_caps, carve, is_candidate, merge_candidates
from sweeper.data.share import download_entry, share_entry
from sweeper.data.source import Sources, data_identity, describe, language_rows
from sweeper.data.translate.round_trip import NO_TRANSLATORS, Translators
from sweeper.errors import DamagedError, DataError
from sweeper.files.digests import digest, file_digest
from sweeper.formats.interface import PROBLEM, Example, Features, Lengths
from sweeper.formats.table import format_of, properties_of
from sweeper.records.spec import DataSpec, deciding
from sweeper.tasks.spec import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

MOST_WRONG = 0.05
"""Largest share of rows of a training set whose labels cannot be right."""
NAMED = 3
"""Number of these rows that messages name."""
CHUNK = 1000
"""Number of examples that are tokenised at a time."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    """The inputs of one cache entry."""

    data: DataSpec
    task: Task
    """Its `labels` are resolved."""
    language: str
    sources: Sources
    tokenizer: "PreTrainedTokenizerBase"
    translators: Translators


def encode(
    data: DataSpec,
    task: Task,
    language: str,
    sources: Sources,
    tokenizer: "PreTrainedTokenizerBase",
    translators: Translators = NO_TRANSLATORS,
) -> Encoded:
    """Return the tokenised examples of one language, from the cache of `sources` or newly written to it.

    Raises DataError if rows are missing, contain a label outside the task's set, or yield no example; UserError if a
    translation is not available; OSError if a disk or the network fails.
    """
    task = replace(task, labels=label_set(task, sources) or task.labels)
    job = _Job(
        data=data.of(language),
        task=task,
        language=language,
        sources=sources,
        tokenizer=tokenizer,
        translators=translators,
    )
    folder = sources.cache / "encoded" / _key(job)
    entry = open_entry(folder) or _missing(job, folder)
    if entry is None:
        raise DamagedError(
            f"The cache entry {folder} was written but cannot be read back. Check that its disk is neither full nor "
            "failing."
        )
    share_entry(folder, sources.shared)
    return entry


def _missing(job: _Job, folder: Path) -> Encoded | None:
    """The entry, downloaded or made by one process of this node, while the others wait.

    Processes that need the same translations share their batches, so that none of them waits for another.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        entry = open_entry(folder) or download_entry(folder, job.sources.shared)
        if entry or job.translators == NO_TRANSLATORS:
            return entry or _made(job, folder)
    return _made(job, folder)


def _made(job: _Job, folder: Path) -> Encoded | None:
    """A new entry, read from its files: the arrays are then memory maps, which all trials on the machine share."""
    logger.info("tokenising %s %s of %s", job.data.part, job.language, job.task.name)
    write_entry(folder, partial(_fill, job))
    return open_entry(folder)


def label_set(task: Task, sources: Sources) -> tuple[str, ...]:
    """The task's labels in the order of the head's outputs, or () for formats without a label set.

    The labels are `task.labels`, or else the names that the data set declares. Raises DataError if both are missing.
    """
    field = properties_of(task).label_field
    if not field or task.labels:
        return task.labels if field else ()
    column = task.columns.get(field)
    rows_by_language = next((split for split in (task.train, task.dev, task.test) if split), {})
    if not isinstance(column, str) or not rows_by_language:
        raise DataError(
            f"Task {task.name!r} has no label set: set `labels`, or name a column for {field!r} whose label names the "
            "data set declares."
        )
    return sources.labels(rows_by_language.get("en", next(iter(rows_by_language.values())))[0], column)


def _key(job: _Job) -> str:
    """Name of an entry: a digest of the rows, caps, lengths, tokenizer and the code that reads them."""
    # The task's name and the other languages do not change the arrays; `rows` covers the identity of this language.
    data = {name: value for name, value in deciding(job.data).items() if name not in ("task", "languages", "identity")}
    rows = data_identity(job.task, job.data.part, [job.language], job.sources)
    return digest({"data": data, "rows": rows, "tokenizer": _tokenizer_identity(job.tokenizer), "code": _code()})


@lru_cache(maxsize=8)
def _tokenizer_identity(tokenizer: "PreTrainedTokenizerBase") -> str:
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    for state in ("truncation", "padding"):  # settings of the last call, not properties of the tokenizer
        backend.pop(state, None)
    return digest([backend, tokenizer.special_tokens_map, tokenizer.model_input_names])


@lru_cache(maxsize=1)
def _code() -> str:
    """sha256 of the modules that turn rows into features, so that a change in one of them makes new entries.

    `scoring` is included because its normalisation locates an answer in a translated text.
    """
    names = ("sweeper.formats", "sweeper.data", "sweeper.data.translate", "sweeper.data.perturb", "sweeper.scoring")
    folders = (resources.files(name) for name in names)
    files = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files, key=str))).hexdigest()


def _fill(job: _Job, folder: Path) -> Mapping[str, Any]:
    """Write the files of an entry and return the fields of its manifest. Raises DataError if no example is left."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    chosen = apply_caps(merge_candidates(_examples(job, counts, wrong)), job.data)
    if job.data.label_noise:
        chosen = with_noisy_labels(chosen, job.data.label_noise, job.task, job.task.read_labels)
    if job.translators.examples:
        translated = job.translators.examples.examples
        # A token cap leaves out examples that are translated already: few at a time.
        chosen = translated(chosen, job.task, CHUNK) if job.data.cap_tokens else translated(chosen, job.task)
    # Last, because a translator would correct wrong letters.
    if job.data.perturbation:
        chosen = perturbed(chosen, job.data.perturbation, job.task, _Inputs(job))
    chunks: list[tuple[int, Features]] = []
    with (folder / EXAMPLES).open("w", encoding="utf-8") as file:
        for examples, features in _tokenised(job, chosen):
            write_examples(file, examples)
            chunks.append((len(examples), features))
    _check_wrong(job, counts["rows"], wrong)
    if not chunks:
        raise _empty(job, counts)
    features = join(chunks)
    write_features(folder, features)
    summary: dict[str, Any] = {
        "labels": job.task.read_labels,
        "counts": _counts(job, chunks, features) | {"dropped": counts["dropped"]},
    }
    if wrong:
        summary["wrong"] = [len(wrong), *wrong[:NAMED]]
    if job.translators.examples:
        job.translators.examples.report(job.task.name)
        summary["translated"] = job.translators.examples.summary()
    return summary


@dataclass(frozen=True)
class _Inputs:
    """What the perturbation of a job reads, apart from its examples."""

    job: _Job

    @property
    def _source(self) -> str:
        """The language that distractors come from."""
        assert self.job.data.perturbation is not None
        return self.job.data.perturbation.source or self.job.language

    def _in(self, language: str) -> Iterator[Example]:
        return _examples(replace(self.job, language=language), Counter(), [])

    def examples(self) -> Iterable[Example]:
        """The examples of the language that distractors come from, or of the job, within the same caps."""
        return apply_caps(self._in(self._source), self.job.data)

    def parallel(self) -> tuple[Iterable[Example], Iterable[Example]]:
        """The examples of the language of the job and of that of distractors. A cap keeps other ids in a language with
        fewer examples."""
        uncapped = replace(self.job.data, cap_examples=None, caps=(), cap_tokens=None)
        everything = replace(self, job=replace(self.job, data=uncapped))
        return everything._in(self.job.language), everything._in(self._source)

    def paraphraser(self) -> Paraphraser:
        """The translators into another language and back."""
        assert self.job.translators.round_trip is not None
        return self.job.translators.round_trip

    def pairs(self) -> WordPairs:
        """The words of the language of the job with their translations."""
        spec = self.job.data.perturbation
        assert spec is not None
        path = Path(spec.by)
        if spec.source_identity and file_digest(path) != spec.source_identity:
            raise DataError(
                f"The word pairs {path} have changed since the sweep started. Run the same command again: it treats "
                "the new file as a different one."
            )
        return read_word_pairs(path, self.job.language, spec.source or "en")


def _examples(job: _Job, counts: Counter[str], wrong: list[str]) -> Iterator[Example]:
    """The examples of the split. Their ids are unique, except those of candidates of a pool.

    `counts` and `wrong` receive the numbers of rows, and a sentence for each row that is left out for its labels.
    """
    tables = [job.sources.load(rows) for rows in language_rows(job.task, job.data.part, job.language)]
    kept = kept_rows(tables, job.data, job.task)
    if kept:
        wrong += kept.wrong
        yield from _kept(job, kept, counts)
        return
    seen: set[str] = set()
    for position, table in enumerate(tables):
        # Each data set is divided alone, as in `kept_rows`.
        yield from carve(_named(job, table, id_prefix(position, len(tables)), seen, counts, wrong), job.data)


def _kept(job: _Job, kept: KeptRows, counts: Counter[str]) -> Iterator[Example]:
    """The examples of the rows that a cap keeps. `counts` receives the numbers of all rows."""
    counts["rows"] += sum(map(len, kept.tables))
    counts["dropped"] += kept.num_dropped
    read = format_of(job.task).read
    for position, number, row in kept:
        prefix, table = id_prefix(position, len(kept.tables)), kept.tables[position]
        with located(table.where):
            examples = read(row, job.task, number)
        yield from (replace(example, id=prefix + example.id) if prefix else example for example in examples)


def _named(
    job: _Job, table: RowTable, prefix: str, seen: set[str], counts: Counter[str], wrong: list[str]
) -> Iterator[tuple[str, Example]]:
    """Pairs of an id within the rows and the example. The id of the example itself has the prefix and is unique."""
    for number, examples in examples_of(enumerate(table), table.where, job.task):
        counts["rows"] += 1
        counts["dropped"] += not examples
        if job.data.part in TRAINED and (problem := _problem(examples)):
            wrong.append(row_message(table.where, number, problem))
            continue
        for example in examples:
            # Candidates keep equal ids: `merge_candidates` joins them.
            id_ = prefix + example.id if is_candidate(example) else _unique(prefix + example.id, seen)
            yield example.id, example if id_ == example.id else replace(example, id=id_)


def _problem(examples: Sequence[Example]) -> str:
    """Why the labels of a row cannot be right; "" if they can."""
    return next((str(example.fields[PROBLEM]) for example in examples if PROBLEM in example.fields), "")


def _check_wrong(job: _Job, num_rows: int, wrong: Sequence[str]) -> None:
    """Raise DataError if too many rows of a training set have labels that cannot be right."""
    if len(wrong) > MOST_WRONG * num_rows:
        raise DataError(
            f"Task {job.task.name!r}, {job.data.part}, {job.language}: at most {MOST_WRONG:.0%} of the rows may have "
            f"an answer that cannot be right, got {len(wrong)} of {num_rows}. The first ones are: "
            f"{'; '.join(wrong[:NAMED])}. Correct these rows, or remove them."
        )


def _unique(id_: str, seen: set[str]) -> str:
    """The id, with a number from its second occurrence on: `17`, `17#2`, `17#3`."""
    unique, number = id_, 1
    while unique in seen:
        number += 1
        unique = f"{id_}#{number}"
    seen.add(unique)
    return unique


def _tokenised(job: _Job, examples: Iterable[Example]) -> Iterator[tuple[list[Example], Features]]:
    """Yield chunks of examples with their features until the token cap is reached."""
    lengths = Lengths(max_length=job.data.max_length, stride=job.data.stride)
    total = 0
    source = iter(examples)
    while chunk := list(islice(source, CHUNK)):
        features = _features(job, chunk, lengths)
        fitting = _num_fitting(features, len(chunk), job.data.cap_tokens, total)
        # The arrays must not contain the dropped examples, so the last chunk is tokenised again.
        if fitting < len(chunk):
            chunk = chunk[:fitting]
            features = _features(job, chunk, lengths)
        yield chunk, features
        total += len(features.tokens)
        if job.data.cap_tokens is not None and total >= job.data.cap_tokens:
            return


def _features(job: _Job, examples: Sequence[Example], lengths: Lengths) -> Features:
    """The features of examples. Raises DataError with data sets and id of an example without a valid label."""
    try:
        return format_of(job.task).encode(examples, job.tokenizer, lengths, job.task.read_labels)
    except DataError as error:
        sets = " and ".join(map(describe, language_rows(job.task, job.data.part, job.language)))
        raise DataError(f"Task {job.task.name!r}, {job.data.part}, {job.language}: {sets}: {error}") from error


def _num_fitting(features: Features, num_examples: int, cap: int | None, total: int) -> int:
    """Number of examples up to and including the one whose tokens reach the cap."""
    if cap is None:
        return num_examples
    # Windows of one example are several features, so their lengths are added up.
    tokens = np.bincount(features.example, weights=np.diff(features.offsets), minlength=num_examples)
    return min(num_examples, int(np.searchsorted(total + np.cumsum(tokens), cap)) + 1)


def _counts(job: _Job, chunks: Sequence[tuple[int, Features]], features: Features) -> dict[str, int]:
    # A feature of exactly `max_length` tokens may be complete, but most of them are truncated.
    full = np.diff(features.offsets) >= job.data.max_length
    return {
        "examples": sum(number for number, _ in chunks),
        "features": len(features.offsets) - 1,
        "tokens": len(features.tokens),
        "truncated": 0 if properties_of(job.task).windowed else int(full.sum()),
    }


def _empty(job: _Job, counts: Counter[str]) -> DataError:
    data = job.data
    settings = f"cap_examples={data.cap_examples}"
    if data.part in ("train", "select"):
        settings += f", carve_share={data.carve_share}, carve_cap={data.carve_cap}"
    if job.translators.examples:
        settings += f", translated examples {job.translators.examples.summary()}"
    return DataError(
        f"Task {job.task.name!r}, {data.part}, {job.language}: no example is left. The split has {counts['rows']} "
        f"rows, {counts['dropped']} of them without a label ({settings}). Leave the language out, name another split, "
        "or raise the cap or the carved share."
    )
