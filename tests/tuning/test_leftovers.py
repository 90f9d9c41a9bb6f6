"""The start of a sweep removes what killed processes left in its run folder, and nothing that may still be written."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from sweeper.files.leftovers import HOUR
from sweeper.run.run import Run
from sweeper.tuning.sweep import remove_leftovers


def test_a_draft_in_the_ledger_is_removed_only_after_an_hour_because_locks_can_fail_between_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = Run.at(str(tmp_path / "run"))
    left, written = (tmp_path / "run" / "ledger" / f".tmp-{digit * 32}" for digit in "01")
    left.parent.mkdir(parents=True)
    for path in (left, written):
        path.write_text("half a record")
    os.utime(left, (time.time() - 2 * HOUR,) * 2)
    remove_leftovers(run, run.make_site())
    assert not left.exists()
    assert written.exists()
