"""`sweeper dashboard`: a run in the browser."""

import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from socket import gethostname
from typing import Annotated

import typer

from sweeper.cli.arguments import RunFolder
from sweeper.cli.output import out
from sweeper.errors import UserError


def dashboard(
    run_folder: RunFolder,
    optuna: Annotated[
        bool, typer.Option("--optuna", help="Write the searches as an Optuna journal and open it in optuna-dashboard.")
    ] = False,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Journal to write with --optuna (RUN/optuna.journal).")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8080,
) -> None:
    """Show a run in the browser while it runs, or a list of the runs in a folder.

    Changes no result. Writes only sums over outcomes to the cache of the run folder, and with --optuna the journal.
    """
    if optuna:
        _show_searches(run_folder, journal, port)
    elif journal:
        raise UserError("--journal names the file that --optuna writes: add --optuna.")
    else:
        _show_page(run_folder, port)


def _show_page(run_folder: str, port: int) -> None:
    """Serve the page of a run until the process is stopped."""
    from sweeper import analysis

    with analysis.DashboardServer(run_folder, port) as server, suppress(KeyboardInterrupt):
        out.print(f"{server.address} (Ctrl-C ends it)", markup=False, highlight=False)
        out.print(
            f"From another computer: ssh -L {port}:127.0.0.1:{port} {gethostname()}", markup=False, highlight=False
        )
        sys.stdout.flush()
        server.serve_forever()


def _show_searches(run_folder: str, journal: Path | None, port: int) -> None:
    """Write the Optuna journal and run optuna-dashboard on it until it is stopped."""
    if find_spec("optuna_dashboard") is None:
        raise UserError(
            "--optuna needs optuna-dashboard. Install it: pip install 'transfer-sweeper[optuna-dashboard]'."
        )
    from sweeper.run.run import Run
    from sweeper.tuning.journal import write_journal

    run = Run.open(run_folder)
    path = journal or run.journal or Path(f"optuna-{run.space.file_name}.journal")
    num = write_journal(run, path)
    if not num:
        raise UserError(f"{run.url} has no search trials, so there is nothing to show.")
    out.print(f"{num} studies in {path}. The file repeats the ledger; the same command updates it.", markup=False)
    out.print(f"http://127.0.0.1:{port} (Ctrl-C ends it)", markup=False, highlight=False)
    code = "from optuna_dashboard._cli import main; main()"
    storage = ["--storage-class", "JournalFileStorage", str(path)]
    command = [sys.executable, "-c", code, "--quiet", "--host", "127.0.0.1", "--port", str(port), *storage]
    sys.stdout.flush()
    # The dashboard replaces this process, so that a signal ends it.
    os.execv(sys.executable, command)
