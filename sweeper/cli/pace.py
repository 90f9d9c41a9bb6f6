"""`sweeper pace`: the speed and the memory of each type of trial, measured on this machine."""

import shlex
from functools import partial
from typing import Annotated

import typer

from sweeper.cli.arguments import (
    AsJson,
    Cache,
    Mirror,
    OnlyParts,
    Settings,
    SpaceName,
    changed_space,
    part_of,
    run_of,
)
from sweeper.cli.options import run_options
from sweeper.cli.output import err, out, print_json, verbosity


def pace(
    context: typer.Context,
    space: SpaceName,
    mirror: Mirror = None,
    setting: Settings = None,
    only: OnlyParts = None,
    cache: Cache = None,
    minutes: Annotated[
        float, typer.Option(min=0.001, max=600, help="Minutes of training of each type of trial.")
    ] = 1.0,
    cpus_per_trial: Annotated[float | None, typer.Option(help="CPUs of one trial.")] = None,
    gpus_per_trial: Annotated[float | None, typer.Option(help="GPUs of one trial, up to 1; 0 uses the CPU.")] = None,
    file: Annotated[str, typer.Option("--out", metavar="FILE", help="File of the result (runs/SPACE.pace.json).")] = "",
    as_json: AsJson = False,
) -> None:
    """Measure the speed and the memory of each type of trial on this machine, for the hours and cost of `plan`.

    Runs short trials on the data of the space, one at a time and without Ray. Writes no results. The file is
    written after each type.
    """
    from dataclasses import replace

    from sweeper.files.serialize import plain
    from sweeper.plan.measurement import check_target, default_file, write_measurement
    from sweeper.plan.measurement_tables import memory_tables, speed_tables

    chosen = changed_space(space, setting)
    path = file or default_file(chosen.name)
    check_target(path)
    options, messages = run_options(context, chosen, run_of(space))
    shown = partial((err if as_json else out).print, markup=False, highlight=False)

    def report(message: str) -> None:
        if not verbosity.quiet:
            shown(message)

    for message in messages:
        report(message)
    from sweeper.tuning.measure import measure

    for measured in measure(chosen, replace(options, only=part_of(chosen, only)), minutes, report):
        write_measurement(measured, path)  # after each type, because the next one can fail
    if as_json:
        print_json(plain(measured))
        return
    for table in (*speed_tables(measured), *memory_tables(measured.types, measured.memory)):
        out.print(table)
    given = [*(item for value in setting or () for item in ("--set", value))]
    given += ["--throughput-of", path] if file else []
    command = shlex.join(["sweeper", "plan", space, *given])
    out.print(f"Written to {path}. Next: {command} --price PRICE --memory", markup=False)
