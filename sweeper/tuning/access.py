"""Whether this machine can use the run folder and the source of models and data of a sweep (`sweeper doctor`)."""

import os
from collections.abc import Iterator

from huggingface_hub import get_token

from sweeper.data.hub import is_reachable
from sweeper.data.places import mirror_folder
from sweeper.errors import SweeperError
from sweeper.files.folder import Folder
from sweeper.files.measure import measure_store
from sweeper.files.probe import check_writable
from sweeper.tuning.findings import Finding

SLOW_STORE = 5e6
"""Bytes per second; an encoder of XLM-R Large (1.1 GB in 16 bits, 2.2 GB in 32) takes minutes."""


def access_findings(place: str, run: str, mirror: str | None, marker: str = "") -> Iterator[Finding]:
    """The findings about the run folder at a path or URL, and about the Hub or the mirror.

    `marker`: name of a file that the driver of a cluster has written to the run folder; "" without one.
    """
    yield from _store(place, run, marker)
    yield _source(place, mirror)


def _store(place: str, run: str, marker: str) -> Iterator[Finding]:
    try:
        check_writable(run, "run folder")
        speed = measure_store(run)
        is_shared = not marker or Folder(run).exists(marker)
    except (SweeperError, OSError) as error:
        reason = str(error) or type(error).__name__
        yield Finding(place=place, topic="store", state="problem", text=reason, remedy="Check path and permissions.")
        return
    is_slow = min(speed.written, speed.read) < SLOW_STORE
    yield Finding(
        place=place,
        topic="store",
        state="warning" if is_slow else "ok",
        text=f"{run}: writes {speed.written / 1e6:,.1f} MB/s, reads {speed.read / 1e6:,.1f} MB/s, "
        f"{1000 * speed.small:,.0f} ms for a small file",
        remedy="Use a store near the machines: encoders of gigabytes pass through it." if is_slow else "",
    )
    yield Finding(
        place=place,
        topic="conditional write",
        state="ok",
        text="supported" if speed.creates_once else "not supported: `sweeper run` notices a second driver later",
    )
    if not is_shared:
        yield Finding(
            place=place,
            topic="store",
            state="problem",
            text=f"{run} on this node is not that of the driver: a file that the driver wrote is missing",
            remedy="Use a folder that all nodes share at the same path, or a store such as s3://.",
        )


def _source(place: str, mirror: str | None) -> Finding:
    if mirror is not None:
        try:
            mirror_folder(mirror)
        except SweeperError as error:
            remedy = "Name a folder with --mirror that exists at this path on all machines."
            return Finding(place=place, topic="mirror", state="problem", text=str(error), remedy=remedy)
        return Finding(place=place, topic="mirror", state="ok", text=f"{mirror} has data sets")
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        remedy = "Unset HF_HUB_OFFLINE, or name a mirror with --mirror."
        return Finding(
            place=place, topic="Hub", state="warning", text="not asked: HF_HUB_OFFLINE is set", remedy=remedy
        )
    if is_reachable():
        token = "" if get_token() else ", without a token for private and gated repositories"
        return Finding(place=place, topic="Hub", state="ok", text=f"answers{token}")
    remedy = "Check the network, or name a mirror with --mirror. Synthetic worlds (demo, tiny) need neither."
    return Finding(place=place, topic="Hub", state="warning", text="does not answer", remedy=remedy)
