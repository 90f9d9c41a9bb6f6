"""Specs as short texts: Tune keeps the configs of all trials, and writes them to disk."""

import base64
import zlib

from sweeper.files.serialize import read_json, write_json
from sweeper.records.spec import TrialSpec


def pack(spec: TrialSpec) -> str:
    """A spec as a short text."""
    # Level 9 and base 85 would make it a little shorter, and take longer.
    return base64.b64encode(zlib.compress(write_json(spec), 6)).decode()


def unpack(text: str) -> TrialSpec:
    """The inverse of `pack`."""
    return read_json(TrialSpec, zlib.decompress(base64.b64decode(text)), "a trial's config")
