"""The Ray actor of a sweep: runs one trial after the other."""

import errno
import os
import traceback
from collections.abc import Mapping
from typing import Any

from ray import tune

from sweeper.errors import CrowdedError, DamagedError, ShortageError, TrialError
from sweeper.files.leftovers import remove_temporary
from sweeper.files.patience import UnreachableError
from sweeper.run.cache import cache_here
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.attempts import Cause
from sweeper.tuning.credentials import use_credentials
from sweeper.tuning.notice import Notice
from sweeper.tuning.packed import unpack

CAUSES: Mapping[type[Exception], Cause] = {
    DamagedError: "damage",
    CrowdedError: "crowd",
    ShortageError: "shortage",
}
"""Error of a trial -> the cause of another attempt. The first one that fits counts."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers for a full disk and an exceeded quota."""


class TrialActor(tune.Trainable):
    """One actor: runs trials one after the other. The results are in the ledger, only messages return through Ray."""

    def setup(
        self, config: dict[str, Any], site: dict[str, Any] | None = None, keys: dict[str, str] | None = None
    ) -> None:
        """Open the workbench, once for all trials of this actor. `keys` are the credentials of the driver."""
        use_credentials(keys or {})
        remove_temporary()
        self._messages: list[str] = []
        self._notice = Notice()
        given = Site(**(site or {}))
        self._open_bench(given.with_cache(cache_here(given.cache)))
        self._spec = unpack(config["spec"])

    def _open_bench(self, site: Site) -> None:
        self._bench = Workbench(site, notify=self._messages.append, is_ending=self._notice)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Receive the next spec. Returns True: Tune may reuse the actor."""
        self._spec = unpack(new_config["spec"])
        return True

    def step(self) -> dict[str, Any]:
        """Run the whole trial. A trial that raises an error is lost, and the result has the reason."""
        self._messages.clear()
        try:
            run_trial(self._spec, self._bench)
        except Exception as error:  # noqa: BLE001  the driver shows the reason, and the other trials continue
            # The reason of a shortage can become that of a record.
            reason = str(error) if isinstance(error, ShortageError) else f"{type(error).__name__}: {error}"
            is_fatal = is_full_disk(error) or isinstance(error, UnreachableError)
            if not is_fatal and not isinstance(error, OSError | TrialError | ShortageError):
                # An unexpected error is a bug: its traceback must not be lost with the worker.
                reason += kept_traceback(self._bench.ledger, self._spec.key)
            cause = next((cause for kind, cause in CAUSES.items() if isinstance(error, kind)), None)
            if cause:
                # The next attempt opens all files again.
                self._open_bench(self._bench.site)
            failure = {"lost": reason, "fatal": is_fatal, "cause": cause}
            return {"done": True, "messages": list(self._messages), **failure}
        return {"done": True, "messages": list(self._messages)}


def kept_traceback(ledger: Ledger, name: str) -> str:
    """Write the traceback of the current exception to the ledger. Returns the place, or why it was not written."""
    try:
        return f" (see ledger/{ledger.write_traceback(name, traceback.format_exc())})"
    except OSError as error:
        return f" (its traceback cannot be written: {error})"


def is_full_disk(error: BaseException | None) -> bool:
    """Whether a full disk or quota caused an error, directly or through errors that libraries raised from it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        # Some libraries keep only the text of the system's error.
        if getattr(error, "errno", None) in DISK_FULL or os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
