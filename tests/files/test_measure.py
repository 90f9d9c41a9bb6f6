"""Measuring a folder or store leaves nothing behind, and tells whether a file can be created only once."""

from collections.abc import Mapping
from pathlib import Path

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


def test_a_bucket_is_measured_and_left_empty(bucket: Mapping[str, str]) -> None:
    assert in_python(CODE, bucket).split(maxsplit=1)[1] == "True True []\n"
