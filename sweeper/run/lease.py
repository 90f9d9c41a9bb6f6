"""The lease of a run folder in a remote store, which the driver of a sweep renews: a second driver is refused.

No clocks are compared. A second driver waits until the lease is renewed, or for longer than its holder would need.
"""

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweeper.errors import SweeperError, UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import read_json, write_json

FILE = "driver.json"
BOOT_ID, PID_NAMESPACE = "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"
"""Files of Linux."""
RENEW_EVERY = 15.0
"""Seconds between two renewals."""
EXPIRES = 60.0
"""Seconds without a renewal after which another driver takes the lease."""
POLL = 2.0
"""Seconds between two looks at the lease of another driver."""
RELEASED_WITHIN = 3.0
"""Seconds that the end of a driver waits for a renewal that has begun and for the removal of the lease: less than
`halt.GRACE`."""

logger = logging.getLogger(__name__)


def _process_table() -> str:
    """The boot of this machine and the PID namespace of this process; "" if the system has neither.

    Only the ids of processes in one table can be compared. Machines and containers can have the same host name.
    """
    try:
        return f"{Path(BOOT_ID).read_text(encoding='utf-8').strip()} {Path(PID_NAMESPACE).readlink()}"
    except OSError:
        return ""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The driver that has the lease."""

    host: str = field(default_factory=lambda: os.uname().nodename)
    pid: int = field(default_factory=os.getpid)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    process_table: str = ""
    """`_process_table` of the driver; "" in a lease of an earlier version."""
    renewals: int = 0

    @property
    def is_dead(self) -> bool:
        """Whether the driver ran on this machine and has ended. False if it cannot be known."""
        if (self.host, self.process_table) != (os.uname().nodename, _process_table()):
            return False
        if self.pid == os.getpid():  # an earlier process with the same number
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # a process of another user
            pass
        return False


@contextmanager
def leased(folder: Folder, report: Callable[[str], object], stop: Callable[[], object]) -> Iterator[None]:
    """Hold the lease of a run folder. Raises UserError if another driver renews it.

    `stop` is called, after a report, if another driver takes the lease because this one could not renew it in time.
    """
    holder = Holder(process_table=_process_table())
    _take(folder, holder, report)
    has_ended = threading.Event()

    def lose(other: Holder) -> None:
        report(f"{_by(other)} has continued the sweep in {folder.url}, so that this one starts no further trial.")
        stop()

    # A renewal is not repeated: each attempt reads the lease before it writes.
    unrepeated = Folder(folder.url, patience=0.0)
    thread = threading.Thread(target=_renew, args=(unrepeated, holder, has_ended, lose), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join(RELEASED_WITHIN)


def _take(folder: Folder, holder: Holder, report: Callable[[str], object]) -> None:
    """Write the lease. Raises UserError if another driver has it."""
    other = _read(folder)
    if other is None and folder.create(FILE, write_json(holder)):
        return
    other = other or _read(folder)
    if other and not other.is_dead:
        report(f"{_by(other)} has used {folder.url}. Waiting up to {EXPIRES:.0f} s to see whether it still does ...")
        _wait_for_end(folder, other)
    folder.write(FILE, write_json(holder))
    # Another driver may have taken the expired lease at the same time: the last one to write it has it.
    time.sleep(POLL)
    last = _read(folder)
    if last and last.token != holder.token:
        raise _in_use(folder, last)


def _wait_for_end(folder: Folder, other: Holder) -> None:
    """Wait until the lease of another driver has ended or expired. Raises UserError if it is renewed."""
    deadline = time.monotonic() + EXPIRES
    while time.monotonic() < deadline:
        time.sleep(POLL)
        now = _read(folder)
        if now is None:
            return
        if now != other:
            raise _in_use(folder, now)


def _renew(folder: Folder, holder: Holder, has_ended: threading.Event, lose: Callable[[Holder], object]) -> None:
    """Renew the lease until the driver has ended, then remove it."""
    while not has_ended.wait(RENEW_EVERY):
        try:
            current = _read(folder)
            if current and current.token != holder.token:
                lose(current)
                return
            holder = replace(holder, renewals=holder.renewals + 1)
            if not has_ended.is_set():
                folder.write(FILE, write_json(holder))
        except Exception as error:  # noqa: BLE001 - the store may answer again before the lease expires
            logger.warning("The lease of %s cannot be renewed: %s", folder.url, error)
    _release(folder, holder)


def _release(folder: Folder, holder: Holder) -> None:
    try:
        current = _read(folder)
        if current and current.token == holder.token:
            folder.remove(FILE)
    except Exception as error:  # noqa: BLE001 - it expires
        logger.warning("The lease of %s cannot be removed: %s", folder.url, error)


def _read(folder: Folder) -> Holder | None:
    """The holder of the lease; None if there is no lease, or if it is damaged."""
    try:
        return read_json(Holder, folder.read(FILE), FILE)
    except (FileNotFoundError, SweeperError):
        return None


def _by(holder: Holder) -> str:
    return f"A `sweeper run` on {holder.host} (process {holder.pid})"


def _in_use(folder: Folder, holder: Holder) -> UserError:
    return UserError(f"{_by(holder)} is working in {folder.url}. Wait for it to end, or stop it.")
