"""The output of all commands."""

import json
import logging
import os
import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console

PIPE_WIDTH = 160
"""Columns of output that goes to a file or a pipe, where rich would assume 80 and fold long names."""

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH)
err = Console(stderr=True, soft_wrap=True)


class StderrHandler(logging.StreamHandler[Any]):
    """Writes log messages to the stderr of the moment: a live display replaces it while it runs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        self.stream = sys.stderr
        super().emit(record)


@dataclass
class Verbosity:
    """The options -v and -q of the program."""

    verbose: bool = False
    """Print log messages to stderr, and include debug messages in the logs of trials."""
    quiet: bool = False
    """Print only warnings, failures and the summary of a sweep."""


verbosity = Verbosity()
_handler = StderrHandler()
_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))


def set_verbosity(*, verbose: bool, quiet: bool) -> None:
    """Set the verbosity of this process."""
    verbosity.verbose, verbosity.quiet = verbose, quiet
    package = logging.getLogger("sweeper")
    package.removeHandler(_handler)
    package.setLevel(logging.DEBUG if verbose else logging.NOTSET)
    if verbose:
        package.addHandler(_handler)


def print_json(value: Any) -> None:
    """Print a value as JSON: not through rich, which would wrap long lines and add colours."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
