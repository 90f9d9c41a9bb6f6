"""The first rows of a split, streamed once into the cache: a large split is not downloaded as a whole."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import datasets

from sweeper.data.once import turn
from sweeper.files.digests import digest
from sweeper.files.manifest import verified_folder, verified_manifest
from sweeper.tasks.spec import Rows


def first_rows(rows: Rows, location: str, identity: str, revision: str | None, cache: Path) -> datasets.Dataset:
    """The first `rows.first` rows of a split, in its own order; all rows of a shorter split.

    `location` is a Hub id or a folder, `identity` the commit or the digest of the files. Every process gets the same
    rows, from the Hub or from a download. Raises the exceptions of `datasets.load_dataset`.
    """
    folder = cache / "first" / digest([location, rows.config, rows.split, rows.first, identity])
    # With a revision, missing rows are on the Hub.
    with turn() if revision and verified_manifest(folder) is None else nullcontext():
        verified_folder(folder, partial(_save, rows, location, revision))
    return datasets.load_from_disk(str(folder))


def _save(rows: Rows, location: str, revision: str | None, draft: Path) -> None:
    stream = datasets.load_dataset(location, rows.config, split=rows.split, revision=revision, streaming=True)
    # A list of the rows, because `Dataset.from_generator` would make a second copy in the cache of `datasets`.
    table = datasets.Dataset.from_list(list(stream.take(rows.first)), features=stream.features)
    table.save_to_disk(str(draft))
