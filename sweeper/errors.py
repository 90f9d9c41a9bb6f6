"""The exceptions of the project, and the exit codes of the command line."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command line."""

    SUCCESS = 0
    FAILED_TRIALS = 1
    USER_ERROR = 2
    MACHINE_ERROR = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """A phrase for the help."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.SUCCESS: "success",
    ExitCode.FAILED_TRIALS: "some trials failed",
    ExitCode.USER_ERROR: "a mistake of the user",
    ExitCode.MACHINE_ERROR: "a failure of machines, networks, disks or stores",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C, SIGTERM or SIGHUP",
}


class SweeperError(Exception):
    """Base class of every exception that the sweeper raises on purpose.

    The command line prints its message without a traceback and exits with `exit_code`.
    """

    exit_code = ExitCode.MACHINE_ERROR


class UserError(SweeperError):
    """A mistake of the user."""

    exit_code = ExitCode.USER_ERROR


class PartError(UserError):
    """A mistake in a named part of a space, for example in the recipe 'mnli'."""

    def __init__(self, term: str, name: str, reason: str) -> None:
        super().__init__(reason if repr(name) in reason else f"{term.capitalize()} {name!r}: {reason}")
        self.term = term
        self.name = name


class FormatError(UserError):
    """A file of another version, whose results or layout differ."""


class DataError(UserError):
    """Data that are missing or differ from the declaration of their task."""


class RowError(DataError):
    """A row that differs from the declaration of its task. `data/examples.py` adds the name of its data set."""

    def __init__(self, task: str, number: int, problem: str) -> None:
        super().__init__(task, number, problem)
        self.task, self.number, self.problem = task, number, problem

    def __str__(self) -> str:
        return f"Task {self.task!r}, row {self.number}: {self.problem}"


class MachineError(SweeperError):
    """A machine, a cluster, a disk or a store that cannot be reached or used."""


class TrialError(SweeperError):
    """A failure of the trial itself (NaN loss, out of memory at every micro-batch). It is final and recorded."""

    exit_code = ExitCode.FAILED_TRIALS


class OutOfMemoryError(TrialError):
    """Too little memory for the smallest forward pass."""


class ShortageError(MachineError):
    """Too little memory because other processes use a large share of it. The trial can succeed later."""


class CrowdedError(ShortageError):
    """Too little memory in a trial that has only a share of a GPU. It can succeed with a larger share."""


class DamagedError(SweeperError):
    """A file whose content differs from what was written. It is renamed, and its trial runs again."""


def unknown(term: str, name: str, valid_names: Iterable[str]) -> UserError:
    """The error for an unknown name: it suggests the nearest valid name and lists all of them.

    `term` is the category of the name, for example "task".

    >>> str(unknown("task", "mnil", ["mnli", "qqp"]))
    "No task is called 'mnil'. Did you mean 'mnli'? Known: mnli, qqp."
    """
    names = list(valid_names)
    near = _nearest(name, names)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"No {term} is called {name!r}.{hint} Known: {', '.join(names) or 'none'}.")


def _nearest(name: str, names: list[str]) -> list[str]:
    """At most one name: `epochs` for `num_train_epochs`, `mnli` for `mnil`, `learning_rate` for `lr`."""
    endings = [near for near in names if name.endswith(f"_{near}")]
    # 0.5 instead of difflib's 0.6: two language codes such as `de` and `dr` have a ratio of 0.5.
    similar = get_close_matches(name, names, n=1, cutoff=0.5)
    return (endings or similar or [near for near in names if _initials(near) == name])[:1]


def _initials(name: str) -> str:
    """The abbreviation of a name of several words: `lr` for `learning_rate`."""
    return "".join(word[:1] for word in name.split("_")) if "_" in name else name
