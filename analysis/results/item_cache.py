"""Values of outcomes in files, so that the outcomes of a run are read only once."""

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sweeper.errors import DamagedError
from sweeper.files.digests import digest, file_digest
from sweeper.files.folder import Folder
from sweeper.files.seal import SEAL_LENGTH, check_appended_seal, with_appended_seal
from sweeper.records.record import ScoreRecord

B = TypeVar("B")


def cache_file(kind: str, code: Iterable[str], inputs: object) -> str:
    """The name of a file of values. It depends on the files of this package that compute them and on their inputs.

    `inputs` are JSON values, with `states_of` the scores.
    """
    digests = [file_digest(Path(__file__).with_name(file)) for file in (*code, "item_cache.py")]
    return f"{kind}-{digest([digests, inputs])}.npz"


def states_of(records: Iterable[ScoreRecord], states: Mapping[str, list[str]]) -> list[list[object]]:
    """What the values of the outcomes of scores depend on. `states` are `Ledger.outcome_states`."""
    return [[record.key, sorted(record.metrics), states.get(record.outcomes)] for record in records]


def kept_blocks(
    folder: Folder, name: str, block_type: type[B], compute: Callable[[], tuple[Sequence[B], bool]]
) -> Sequence[B]:
    """The dataclasses of a file, or those that `compute` returns.

    It also returns whether all outcomes could be read; only then are they written to the file.
    """
    kept = read_blocks(folder, name, block_type)
    if kept is not None:
        return kept
    blocks, is_complete = compute()
    if is_complete:
        write_blocks(folder, name, blocks)
    return blocks


def write_blocks(folder: Folder, name: str, blocks: Iterable[Any]) -> None:
    """Write dataclasses of arrays and plain values to one file. Nothing happens if the folder cannot be written."""
    arrays: dict[str, Any] = {}
    plain = []
    for number, block in enumerate(blocks):
        values = {field.name: getattr(block, field.name) for field in fields(block)}
        arrays |= {f"{number}.{key}": value for key, value in values.items() if isinstance(value, np.ndarray)}
        plain.append({key: value for key, value in values.items() if not isinstance(value, np.ndarray)})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, plain=np.frombuffer(json.dumps(plain).encode(), dtype=np.uint8), **arrays)
    try:
        folder.write(name, with_appended_seal(buffer.getvalue(), name), durable=False)
    except OSError:
        return  # the values are computed again, for example from a run folder that may only be read


def read_blocks(folder: Folder, name: str, block_type: type[B]) -> list[B] | None:
    """The dataclasses of a file; None if it does not exist or is damaged."""
    try:
        content = folder.read(name)
        # Before parsing, because a changed bit can raise almost any exception in zipfile and numpy.
        check_appended_seal(content, name)
    except (OSError, DamagedError):
        return None
    with np.load(io.BytesIO(content[:-SEAL_LENGTH]), allow_pickle=False) as file:
        plain = json.loads(file["plain"].tobytes())
        return [_block(block_type, values, file, f"{number}.") for number, values in enumerate(plain)]


def _block(block_type: type[B], values: dict[str, Any], file: Any, prefix: str) -> B:
    arrays = {key.removeprefix(prefix): file[key] for key in file.files if key.startswith(prefix)}
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return block_type(**lists, **arrays)
