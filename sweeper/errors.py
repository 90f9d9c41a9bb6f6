"""What can go wrong, by who must act: the user, the trial itself, or the machines."""

from collections.abc import Iterable
from difflib import get_close_matches


class SweeperError(Exception):
    """Root of every error that this package raises on purpose."""


class UserError(SweeperError):
    """The user's mistake: shown as one message without a traceback, exit code 2."""


class DataError(UserError):
    """Data that is missing or not what its task declares."""


class TrialError(SweeperError):
    """The trial's own failure (NaN loss, out of memory at any micro-batch): final, recorded with its reason."""


class DamagedError(SweeperError):
    """A file that does not hold what was written: set aside, and its trial is run again."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The answer to an unknown name: the nearest known one, then the list.

    >>> str(unknown("task", "mnil", ["mnli", "qqp"]))
    "No task is called 'mnil'. Did you mean 'mnli'? Known: mnli, qqp."
    """
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"No {kind} is called {name!r}.{hint} Known: {', '.join(names) or 'none'}.")
