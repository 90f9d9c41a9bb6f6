"""The output of all commands."""

import json
import os
import sys
from typing import Any

from rich.console import Console

PIPE_WIDTH = 160
"""Columns of output that goes to a file or a pipe, where rich would assume 80 and fold long names."""

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH)
err = Console(stderr=True, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON: not through rich, which would wrap long lines and add colours."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
