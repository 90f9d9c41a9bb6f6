"""`python -m analysis RUN [--out DIR] [--against RECIPE] [--order ORDER]`: a report of a run, without torch or ray."""

import argparse
import sys
from collections.abc import Sequence

from sweeper.errors import ExitCode, SweeperError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report and print its path. Returns a code of ExitCode."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["compare"]:
        return _compare(given[1:])
    if given[:1] == ["questions"]:
        return _questions(given[1:])
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="Write the report of a sweep. `python -m analysis compare A B` compares two of them, and "
        "`python -m analysis questions RUN` writes its planned comparisons.",
    )
    parser.add_argument("run", metavar="RUN", help="the run folder, a path or an fsspec URL")
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the report (default: RUN/report, or RUN/report-against-RECIPE)"
    )
    parser.add_argument(
        "--against", metavar="RECIPE", default="", help="recipe that gains are measured against (default: the baseline)"
    )
    parser.add_argument(
        "--order",
        metavar="ORDER",
        default="given",
        help="order of the heatmap (given, or clustered by similar gains), of the languages (family, or distance from "
        "English), or both: clustered,distance",
    )
    options = parser.parse_args(given)
    # Imported here, so that --help does not wait for pandas and matplotlib.
    from .report.report import write_report  # noqa: PLC0415

    try:
        report = write_report(options.run, options.out, options.against, options.order)
    except (SweeperError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return getattr(error, "exit_code", ExitCode.MACHINE_ERROR)
    for line in (*report.warnings, *filter(None, [report.cost])):
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"{report.path}\n")
    return ExitCode.SUCCESS


def _compare(arguments: Sequence[str]) -> int:
    """Print the comparison of two runs or models. Returns a code of ExitCode."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis compare", description="Compare the same cells of two runs or models."
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="two run folders, or one with two models")
    parser.add_argument("--model", metavar="MODEL", action="append", default=[], help="model; twice for two models")
    parser.add_argument("--out", metavar="FILE", help="CSV file to write")
    options = parser.parse_args(arguments)
    from .report.compare import compare_runs  # noqa: PLC0415

    try:
        text = compare_runs(options.runs, options.model, options.out)
    except (SweeperError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return getattr(error, "exit_code", ExitCode.MACHINE_ERROR)
    sys.stdout.write(f"{text}\n")
    return ExitCode.SUCCESS


def _questions(arguments: Sequence[str]) -> int:
    """Write the pages of the planned comparisons and print their paths. Returns a code of ExitCode."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis questions",
        description="Write a page for each family of contrasts of the space, and one about difficulty.",
    )
    parser.add_argument("run", metavar="RUN", help="the run folder, a path or an fsspec URL")
    parser.add_argument("--out", metavar="DIR", help="folder of the pages (default: RUN/questions)")
    options = parser.parse_args(arguments)
    from .report.questions import write_questions  # noqa: PLC0415

    try:
        paths = write_questions(options.run, options.out)
    except (SweeperError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return getattr(error, "exit_code", ExitCode.MACHINE_ERROR)
    sys.stdout.write("".join(f"{path}\n" for path in paths))
    return ExitCode.SUCCESS


if __name__ == "__main__":
    sys.exit(main())
