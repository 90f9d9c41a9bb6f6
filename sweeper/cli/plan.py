"""`sweeper plan`: the trials of a space and their cost."""

from typing import Annotated

import typer

from sweeper.cli.arguments import AsJson, Mirror, Settings, SpaceName, changed_space, default_run
from sweeper.cli.output import out, print_json


def plan(
    space: SpaceName,
    mirror: Mirror = None,
    setting: Settings = None,
    run_folder: Annotated[
        str | None,
        typer.Option("--out", metavar="RUN", help="Run folder; its finished trials are not counted (runs/SPACE)."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Trials at a time.")] = 2,
    throughput: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODEL=]N", help="Training tokens per second of one worker, for estimates in hours. Repeatable."
        ),
    ] = None,
    throughput_of: Annotated[
        str, typer.Option(metavar="RUN", help="Run folder in which the tokens per second of each model were measured.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show the trials of a space, their order and their cost, without training. Needs no data."""
    from sweeper.plan.forecast import forecast
    from sweeper.plan.pace import Pace, parse_throughputs
    from sweeper.plan.tables import forecast_tables

    chosen = changed_space(space, setting)
    pace = Pace(workers=workers, throughputs=parse_throughputs(throughput or ()), measured_in=throughput_of)
    prediction = forecast(chosen, mirror=mirror, run=run_folder or default_run(chosen), pace=pace)
    if as_json:
        print_json(prediction.as_json())
    else:
        for table in forecast_tables(prediction):
            out.print(table)
