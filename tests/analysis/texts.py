"""Reports without figures and page, for tests that read only their texts and tables."""

import pytest

from analysis.report import report
from analysis.report.report import Report, write_report


def text_report(run: str, out: str | None = None, against: str = "") -> Report:
    """Write the report of a run without its figures and its page, which take two thirds of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "figure_files", lambda *_: {})
        patch.setattr(report, "page_files", lambda *_: {})
        return write_report(run, out, against)
