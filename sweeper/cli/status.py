"""`sweeper status`: the progress of a run."""

from sweeper.cli.arguments import AsJson, RunFolder
from sweeper.cli.output import out, print_json


def status(run_folder: RunFolder, as_json: AsJson = False) -> None:
    """Show the finished, running and failed trials of a run, its matrix so far and its time left."""
    from sweeper.plan.status import status_of
    from sweeper.plan.tables import status_tables

    progress = status_of(run_folder)
    if as_json:
        print_json(progress.as_json())
    else:
        for table in status_tables(progress):
            out.print(table)
