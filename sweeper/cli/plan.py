"""`sweeper plan`: the trials of a space and their cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import (
    AsJson,
    BudgetText,
    Cache,
    Mirror,
    OnlyParts,
    Settings,
    SpaceName,
    budget_of,
    changed_space,
    part_of,
    run_of,
)
from sweeper.cli.options import run_options, sources_for
from sweeper.cli.output import out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from sweeper.plan.check import Check
    from sweeper.plan.measurement_tables import MemoryNeeds
    from sweeper.plan.pace import Pace
    from sweeper.space import Space
    from sweeper.tuning.options import Options


Finished = Annotated[
    str | None,
    typer.Option("--out", metavar="RUN", help="Run folder; its finished trials are not counted (runs/SPACE)."),
]
NumWorkers = Annotated[int, typer.Option(help="Trials at a time.")]
Throughputs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[MODEL=]N", help="Training tokens per second of one worker, for estimates in hours. Repeatable."
    ),
]
MeasuredIn = Annotated[
    str,
    typer.Option(
        metavar="FILE_OR_RUN",
        help="File of `sweeper pace`, or run folder, in which the tokens per second of each model were measured "
        "(runs/SPACE.pace.json, if it exists and no throughput is given).",
    ),
]
Price = Annotated[
    float | None,
    typer.Option(help="Price of an hour of one GPU, or of one worker without a GPU, for the cost. In any currency."),
]
WithCheck = Annotated[
    bool,
    typer.Option("--check", help="Also read all data, models and labels. Ends with 2 if something cannot run."),
]
WithMemory = Annotated[
    bool,
    typer.Option("--memory", help="Also show the measured peak memory of each type of trial."),
]


def plan(
    context: typer.Context,
    space: SpaceName,
    mirror: Mirror = None,
    setting: Settings = None,
    only: OnlyParts = None,
    budget: BudgetText = None,
    cache: Cache = None,
    run_folder: Finished = None,
    workers: NumWorkers = 2,
    throughput: Throughputs = None,
    throughput_of: MeasuredIn = "",
    price: Price = None,
    check: WithCheck = False,
    memory: WithMemory = False,
    as_json: AsJson = False,
) -> None:
    """Show the trials of a space, their order and their cost, without training. Needs no data without --check."""
    from sweeper.plan.forecast import forecast
    from sweeper.plan.measurement import default_file, read_measurement
    from sweeper.plan.pace import Pace, parse_throughputs
    from sweeper.plan.tables import check_tables, forecast_tables

    chosen = changed_space(space, setting)
    options, messages = run_options(context, chosen, run_of(space))
    for message in () if as_json else messages:
        out.print(message, markup=False, highlight=False)
    usual = default_file(chosen.name)
    if not throughput and not throughput_of and read_measurement(usual):
        throughput_of = usual
    pace = Pace(
        workers=workers, throughputs=parse_throughputs(throughput or ()), measured_in=throughput_of, price=price
    )
    checked = _checked(chosen, options, as_json=as_json) if check else None
    part, limit = part_of(chosen, only), budget_of(budget)
    prediction = forecast(chosen, mirror=options.mirror, run=options.run, pace=pace, only=part, budget=limit)
    needed = _memory(chosen, options, pace) if memory else None
    if as_json:
        extra = {"check": checked, "memory": needed}
        print_json(prediction.as_json() | {name: value.as_json() for name, value in extra.items() if value})
    else:
        _print((*forecast_tables(prediction), *(check_tables(checked) if checked else ())))
        _print(needed.tables() if needed else ())


def _print(tables: "Iterable[RenderableType]") -> None:
    for table in tables:
        out.print(table)


def _checked(space: "Space", options: "Options", *, as_json: bool) -> "Check":
    """The check of a space. If something cannot run, it is printed, and the command ends."""
    from sweeper.plan.check import check_space
    from sweeper.plan.tables import check_tables

    checked = check_space(space, sources_for(space, options))
    if checked.problems:
        if as_json:
            print_json({"check": checked.as_json()})
        else:
            _print(check_tables(checked))
        checked.raise_problems()
    return checked


def _memory(space: "Space", options: "Options", pace: "Pace") -> "MemoryNeeds":
    """The measured memory of the trials; without a measurement the memory that a training needs at least."""
    from sweeper.plan.measurement_tables import MemoryNeeds
    from sweeper.plan.run_memory import types_of_run

    measurement = pace.measurement()
    types = measurement.types if measurement else types_of_run(pace.measured_in) if pace.measured_in else ()
    if any(each.memory for each in types):
        return MemoryNeeds(types=types, machine=measurement.memory if measurement else 0)
    from sweeper.training.check import smallest_trainings

    return MemoryNeeds(bounds=smallest_trainings(space, sources_for(space, options)))
