"""`sweeper doctor`: whether the machines, the store and the source of data are ready for a sweep."""

from typing import Annotated

import typer

from sweeper.cli.arguments import AsJson, Cache, Mirror
from sweeper.cli.output import out, print_json
from sweeper.errors import ExitCode

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(
    address: Annotated[
        str,
        typer.Option(
            help="local: this machine; auto, HOST:PORT or ray://HOST:PORT: every node of a cluster that runs now."
        ),
    ] = "local",
    run_folder: Annotated[
        str, typer.Option("--out", metavar="RUN", help="Folder or store (s3://...) of the results, which is tested.")
    ] = "runs",
    mirror: Mirror = None,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Check versions, GPUs, bfloat16, disks, clocks, the store and the Hub, and say what to do about each problem.

    On a cluster, each node and this machine test the store and the Hub or mirror. Workers that the cluster has not
    started yet are not examined. Ends with 3 if there is a problem.
    """
    from rich.markup import escape

    from sweeper.run.run import Run
    from sweeper.tuning.doctor import examine

    findings = []
    folder = cache or Run.at(run_folder).default_cache()
    for finding in examine(address=address, run=run_folder, cache=folder, mirror=mirror):
        findings.append(finding)
        if not as_json:
            line = f"{finding.place}, {finding.topic}: {finding.text.rstrip('.')}."
            out.print(f"[{STYLES[finding.state]}]{finding.state:<8}[/] {escape(line)} {escape(finding.remedy)}")
    if as_json:
        print_json([vars(finding) for finding in findings])
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(ExitCode.MACHINE_ERROR)
