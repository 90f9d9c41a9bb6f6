"""`sweeper pace`: the speed and the memory of each type of trial, measured on this machine or on a cluster."""

import shlex
from functools import partial
from typing import TYPE_CHECKING, Annotated

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
from sweeper.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sweeper.plan.measurement import Measurement
    from sweeper.space import Space
    from sweeper.tuning.options import Options

    Events = Iterator[tuple[str, str | Measurement]]


Minutes = Annotated[float, typer.Option(min=0.001, max=600, help="Minutes of training of each type of trial.")]
CpusPerTrial = Annotated[float | None, typer.Option(help="CPUs of one trial.")]
GpusPerTrial = Annotated[float | None, typer.Option(help="GPUs of one trial, up to 1; 0 uses the CPU.")]
Address = Annotated[
    str, typer.Option(help="local: this machine; auto or HOST:PORT: one node of each type of a Ray cluster.")
]
ResultFile = Annotated[str, typer.Option("--out", metavar="FILE", help="File of the result (runs/SPACE.pace.json).")]


def pace(
    context: typer.Context,
    space: SpaceName,
    mirror: Mirror = None,
    setting: Settings = None,
    only: OnlyParts = None,
    cache: Cache = None,
    minutes: Minutes = 1.0,
    cpus_per_trial: CpusPerTrial = None,
    gpus_per_trial: GpusPerTrial = None,
    address: Address = "local",
    file: ResultFile = "",
    as_json: AsJson = False,
) -> None:
    """Measure the speed and the memory of each type of trial, for the hours and cost of `plan`.

    Runs short trials on the data of the space, one at a time: on this machine without Ray, or on one node of each type
    of a cluster. Writes no results. The file is written after each type. Ends with 1 if a type cannot be measured.
    """
    from dataclasses import replace

    from sweeper.files.serialize import plain
    from sweeper.plan.measurement import check_target, default_file

    chosen = changed_space(space, setting)
    path = file or default_file(chosen.name)
    check_target(path)
    options, messages = run_options(context, chosen, run_of(space))
    report = _reporter(as_json=as_json)
    for message in messages:
        report(message)
    options = replace(options, only=part_of(chosen, only))
    results = _measured(_events(chosen, options, minutes), path, report)
    if as_json:
        contents = {target: plain(measured) for _, target, measured in results}
        print_json(contents[path] if options.workers.is_local else contents)
    else:
        given = [item for value in setting or () for item in ("--set", value)]
        for node, target, measured in results:
            _print(measured, node)
            named = ["--throughput-of", target] if file or target != path else []
            command = shlex.join(["sweeper", "plan", space, *given, *named])
            out.print(f"Written to {target}. Next: {command} --price PRICE --memory", markup=False)
    for node, _, measured in results:
        _print_failed(measured, node)
    if any(measured.failed for _, _, measured in results):
        raise typer.Exit(ExitCode.FAILED_TRIALS)


def _reporter(*, as_json: bool) -> "Callable[[str], None]":
    """Prints messages of the measurement, beside the JSON and not with --quiet."""
    shown = partial((err if as_json else out).print, markup=False, highlight=False)
    return (lambda _: None) if verbosity.quiet else shown


def _measured(events: "Events", path: str, report: "Callable[[str], None]") -> "list[tuple[str, str, Measurement]]":
    """Type, file and measurement of each type of node. The first type has the file `path`."""
    from sweeper.plan.measurement import file_of_node, write_measurement

    files: dict[str, str] = {}
    measured: dict[str, Measurement] = {}
    for node, event in events:
        target = files.setdefault(node, file_of_node(path, node) if files else path)
        if isinstance(event, str):
            report(f"{node}: {event}" if node else event)
        else:
            write_measurement(event, target)  # after each type, because a later one can end the command
            measured[node] = event
    return [(node, target, measured[node]) for node, target in files.items() if node in measured]


def _events(space: "Space", options: "Options", minutes: float) -> "Events":
    """Type of node ("" for this machine) and message or measurement."""
    if options.workers.is_local:
        from sweeper.tuning.measure import measure

        yield from (("", event) for event in measure(space, options, minutes))
    else:
        from sweeper.tuning.measure_nodes import measure_nodes

        yield from measure_nodes(space, options, minutes)


def _print(measured: "Measurement", node: str) -> None:
    from sweeper.plan.measurement_tables import memory_tables, speed_tables

    if node:
        out.print(f"A node with {node}:", markup=False, highlight=False)
    for table in (*speed_tables(measured), *memory_tables(measured.types, measured.memory)):
        out.print(table)


def _print_failed(measured: "Measurement", node: str) -> None:
    where = f" on a node with {node}" if node else ""
    for name, reason in measured.failed.items():
        err.print(f"Not measured{where}: {name}. {reason}", markup=False, highlight=False)
