"""The configs of Tune: specs as short texts, and their resources. Tune keeps all configs, and writes them to disk."""

import base64
import zlib
from functools import cache
from typing import Any

from ray import tune

from sweeper.files.serialize import read_json, write_json
from sweeper.records.spec import TrialSpec


def pack(spec: TrialSpec) -> str:
    """A spec as a short text."""
    # Level 9 and base 85 would make it a little shorter, and take longer.
    return base64.b64encode(zlib.compress(write_json(spec), 6)).decode()


def unpack(text: str) -> TrialSpec:
    """The inverse of `pack`."""
    return read_json(TrialSpec, zlib.decompress(base64.b64decode(text)), "a trial's config")


def placement(config: dict[str, Any]) -> Any:
    """The resources of a trial as Tune expects them."""
    # Workers load the module of this function: it must not load torch for the simulated trials of benchmarks.
    return _placement(config["cpus"], config["gpus"])


@cache
def _placement(cpus: float, gpus: float) -> Any:
    # Tune compares the resources of trials many times, which takes long unless they are one object.
    return tune.PlacementGroupFactory([{"CPU": cpus} | ({"GPU": gpus} if gpus else {})])
