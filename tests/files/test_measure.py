"""Measuring a folder or store leaves nothing behind, and tells whether a file can be created only once."""

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from sweeper.files.measure import SAMPLE, measure_store
from tests.buckets import bucket, in_python

__all__ = ["bucket"]
CODE = """
from sweeper.files.folder import Folder
from sweeper.files.measure import measure_store
speed = measure_store("s3://sweeps/measured")
print(speed.creates_once, speed.written > 0, speed.read > 0, Folder("s3://sweeps/measured").names())
"""


def test_a_local_folder_is_created_and_left_empty(tmp_path: Path) -> None:
    speed = measure_store(f"{tmp_path}/new")
    assert speed.creates_once
    assert speed.written > 0 and speed.read > 0 and 0 < speed.small < SAMPLE
    assert not list((tmp_path / "new").iterdir())


class StoreError(Exception):
    """An error as those of botocore: with the response of the store."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.response = {"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": status}}


def wrapped(status: int) -> OSError:
    """An error as those of s3fs."""
    error = OSError(errno.EIO, f"status {status}")
    error.__cause__ = StoreError(status)
    return error


@pytest.mark.parametrize(
    ("error", "creates_once"),
    [
        (FileExistsError(), True),
        (StoreError(412), True),
        (wrapped(409), True),
        (wrapped(501), False),
        (StoreError(403), False),
        (PermissionError(), False),
        (NotImplementedError(), False),
        (TypeError("unexpected mode"), False),
    ],
)
def test_only_the_answer_that_the_file_exists_means_that_a_store_can_create_it_once(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, creates_once: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(LocalFileSystem, "pipe_file", refuse)
    assert measure_store(str(tmp_path)).creates_once == creates_once


def test_a_bucket_is_measured_and_left_empty(bucket: Mapping[str, str]) -> None:
    assert in_python(CODE, bucket).split(maxsplit=1)[1] == "True True []\n"
