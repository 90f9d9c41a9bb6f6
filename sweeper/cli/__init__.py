"""The command line, one file for each command. A command imports heavy packages only when it runs."""

from sweeper.cli.program import app as app
from sweeper.cli.program import main as main
