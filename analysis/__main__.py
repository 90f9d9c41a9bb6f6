"""`python -m analysis RUN [--out DIR] [--against RECIPE] [--order ORDER]`: a report of a run, without torch or ray."""

import argparse
import sys
from collections.abc import Sequence

from sweeper.errors import ExitCode, SweeperError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report and print its path. Returns a code of ExitCode."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Write the report of a sweep.")
    parser.add_argument("run", metavar="RUN", help="the run folder, a path or an fsspec URL")
    parser.add_argument("--out", metavar="DIR", help="folder of the report (default: RUN/report)")
    parser.add_argument(
        "--against", metavar="RECIPE", default="", help="recipe that gains are measured against (default: the baseline)"
    )
    parser.add_argument(
        "--order", metavar="ORDER", default="given", help="order of the heatmap: given, or clustered by similar gains"
    )
    options = parser.parse_args(arguments)
    # Imported here, so that --help does not wait for pandas and matplotlib.
    from .report.report import write_report  # noqa: PLC0415

    try:
        report = write_report(options.run, options.out, options.against, options.order)
    except (SweeperError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return getattr(error, "exit_code", ExitCode.MACHINE_ERROR)
    for warning in report.warnings:
        sys.stderr.write(f"{warning}\n")
    sys.stdout.write(f"{report.path}\n")
    return ExitCode.SUCCESS


if __name__ == "__main__":
    sys.exit(main())
