"""The exceptions of the project: mistakes of the user, failures of a trial, damaged files."""

from collections.abc import Iterable
from difflib import get_close_matches


class SweeperError(Exception):
    """Base class of every exception that the sweeper raises on purpose."""


class UserError(SweeperError):
    """A mistake of the user. The command line prints its message without a traceback and exits with 2."""


class DataError(UserError):
    """Data that are missing or differ from the declaration of their task."""


class TrialError(SweeperError):
    """A failure of the trial itself (NaN loss, out of memory at every micro-batch). It is final and recorded."""


class DamagedError(SweeperError):
    """A file whose content differs from what was written. It is renamed, and its trial runs again."""


def unknown(term: str, name: str, valid_names: Iterable[str]) -> UserError:
    """The error for an unknown name: it suggests the nearest valid name and lists all of them.

    `term` is the category of the name, for example "task".

    >>> str(unknown("task", "mnil", ["mnli", "qqp"]))
    "No task is called 'mnil'. Did you mean 'mnli'? Known: mnli, qqp."
    """
    names = list(valid_names)
    # 0.5 instead of difflib's 0.6: two language codes such as `de` and `dr` have a ratio of 0.5.
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"No {term} is called {name!r}.{hint} Known: {', '.join(names) or 'none'}.")
