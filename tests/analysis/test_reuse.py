"""A report is kept only if nothing that it was computed from has changed."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.report import reuse
from analysis.report.report import write_report
from analysis.report.reuse import (
    Written,
    code_digest,
    content_digests,
    inputs_of,
    keep_report,
    kept_report,
    remove_obsolete,
)
from analysis.results.results import compute_results
from sweeper.files import folder as folders
from sweeper.files.draft import draft_path
from sweeper.files.folder import Folder
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Contrast, Term
from tests.analysis.conftest import SPACE
from tests.analysis.texts import text_report

OPTIONS = ("", "given")
RECORD = "ledger/scores/a.json"


def small_run(url: str) -> Run:
    """A run folder whose records are never read."""
    for name in ("space.json", "ledger/trainings/a.json", RECORD, "ledger/outcomes/a.parquet"):
        Folder(url).write(name, b"1234")
    return Run.at(url)


def change_in_place(run: Path) -> None:
    """Other bytes of the same number, with the old time of change."""
    file = run / RECORD
    times = file.stat()
    file.write_bytes(b"5678")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


CHANGES = {
    "a record with other bytes, the old size and the old time": change_in_place,
    "a record that is replaced": lambda run: Folder(str(run)).write(RECORD, b"5678"),
    "a record that is added": lambda run: Folder(str(run)).write("ledger/scores/b.json", b"1234"),
    "a record that is removed": lambda run: (run / RECORD).unlink(),
    "other outcomes": lambda run: Folder(str(run)).write("ledger/outcomes/a.parquet", b"5678"),
    "another space": lambda run: Folder(str(run)).write("space.json", b"5678"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_report_is_written_again_after_a_change_of_the_run(change, tmp_path):
    run = small_run(str(tmp_path / "run"))
    before = inputs_of(run, OPTIONS)
    assert before == inputs_of(run, OPTIONS)
    change(tmp_path / "run")
    assert inputs_of(run, OPTIONS) not in (before, None)


def test_a_link_to_a_missing_file_hides_no_change_of_other_files(tmp_path):
    run = small_run(str(tmp_path / "run"))
    (tmp_path / "run" / "ledger" / "scores" / "b.json").symlink_to(tmp_path / "missing")
    assert inputs_of(run, OPTIONS) is None
    assert sorted(run.ledger.folder.child("scores").states()) == ["a.json", "b.json"]


def test_a_draft_of_a_running_sweep_is_no_change_of_a_run(tmp_path):
    run = small_run(str(tmp_path / "run"))
    before = inputs_of(run, OPTIONS)
    draft_path(tmp_path / "run" / RECORD).write_bytes(b"12")
    assert inputs_of(run, OPTIONS) == before


def test_a_report_is_written_again_with_other_options_code_or_packages(tmp_path, monkeypatch):
    run = small_run(str(tmp_path / "run"))
    before = inputs_of(run, OPTIONS)
    assert inputs_of(run, ("", "clustered")) != before
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "module.py").write_text("VERSION = 1")
    monkeypatch.setattr(reuse, "PACKAGES", (tmp_path / "code",))
    of_code = inputs_of(run, OPTIONS)
    (tmp_path / "code" / "module.py").write_text("VERSION = 2")
    assert len({before, of_code, inputs_of(run, OPTIONS)}) == 3
    (tmp_path / "site" / "numpy-9.9.9.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    packages = reuse.installed_packages()
    reuse.installed_packages.cache_clear()
    assert [name for name in reuse.installed_packages() if name not in packages] == ["numpy-9.9.9.dist-info"]
    reuse.installed_packages.cache_clear()


def test_a_process_that_runs_older_code_than_its_files_keeps_no_report(tmp_path, monkeypatch):
    run = small_run(str(tmp_path / "run"))
    monkeypatch.setattr(reuse, "IMPORTED", "code before an update")
    inputs = noted_report(run, tmp_path / "report")
    assert kept_report(run, tmp_path / "report", inputs) is None
    monkeypatch.setattr(reuse, "IMPORTED", code_digest())
    inputs = noted_report(run, tmp_path / "report")
    assert kept_report(run, tmp_path / "report", inputs).findings == ["a"]


def noted_report(run: Run, folder: Path) -> str:
    """Write a report of one file and note it. Returns its inputs."""
    inputs = inputs_of(run, OPTIONS)
    files = {"report.md": b"text"}
    Folder(str(folder)).write("report.md", b"text")
    keep_report(run, folder, Written(inputs=inputs, files=content_digests(files), findings=["a"], warnings=[]))
    return inputs


def test_files_that_a_new_report_does_not_have_are_removed_unless_they_were_changed(tmp_path):
    run, report = small_run(str(tmp_path / "run")), tmp_path / "report"
    files = dict.fromkeys(("report.md", "layers.csv", "gone.csv", "tables/old.tex", "edited.md"), b"text")
    for name, content in files.items():
        Folder(str(report)).write(name, content)
    remove_obsolete(run, report, {"report.md"})  # nothing is noted yet
    keep_report(run, report, Written(inputs="a", files=content_digests(files), findings=[], warnings=[]))
    (report / "gone.csv").unlink()
    (report / "edited.md").write_bytes(b"mine")
    (report / "other.md").write_bytes(b"of the user")
    remove_obsolete(run, report, {"report.md"})
    left = {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()}
    assert left == {"report.md", "edited.md", "other.md"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"inputs": 1}', b"null"])
def test_a_damaged_note_is_ignored(content, tmp_path):
    run = small_run(str(tmp_path / "run"))
    inputs = noted_report(run, tmp_path / "report")
    assert kept_report(run, tmp_path / "report", inputs).findings == ["a"]
    [note] = run.analysis_cache.names()
    run.analysis_cache.write(note, content)
    assert kept_report(run, tmp_path / "report", inputs) is None
    remove_obsolete(run, tmp_path / "report", ())
    assert (tmp_path / "report" / "report.md").exists()


def test_a_report_with_a_changed_or_missing_file_is_written_again(tmp_path):
    run, report = small_run(str(tmp_path / "run")), tmp_path / "report"
    inputs = noted_report(run, report)
    assert kept_report(run, tmp_path / "elsewhere", inputs) is None
    (report / "report.md").write_bytes(b"mine")
    assert kept_report(run, report, inputs) is None
    (report / "report.md").unlink()
    assert kept_report(run, report, inputs) is None


def test_a_cache_that_cannot_be_written_keeps_nothing_and_stops_nothing(tmp_path):
    run = small_run(str(tmp_path / "run"))
    (tmp_path / "run" / "cache").write_text("a file in the place of the folder")
    inputs = noted_report(run, tmp_path / "report")
    assert kept_report(run, tmp_path / "report", inputs) is None


def test_a_remote_run_is_watched_by_what_its_store_tells_of_its_files(tmp_path, monkeypatch):
    run = small_run(f"memory://{tmp_path.name}")
    before = inputs_of(run, OPTIONS)
    assert before == inputs_of(run, OPTIONS)
    run.folder.write(RECORD, b"5678")
    assert inputs_of(run, OPTIONS) not in (before, None)
    # A store that tells nothing but sizes would hide a change.
    monkeypatch.setattr(folders, "CHANGING", ())
    assert inputs_of(run, OPTIONS) is None
    assert kept_report(run, tmp_path, None) is None


def test_the_report_of_an_unchanged_run_is_not_computed_again(full_report, monkeypatch):
    folder = full_report.path.parent
    before = Folder(str(folder)).states()
    monkeypatch.setattr("analysis.report.report.load", lambda run: pytest.fail(f"{run} was read"))
    assert write_report(str(folder.parent)) == full_report
    assert Folder(str(folder)).states() == before


def unreachable(ledger, record):
    raise OSError(f"{record.outcomes}: timeout of {ledger.folder.url}")


def with_outcomes(run):
    """The run with scores of two recipes and their outcomes."""
    for seed in (1, 2):
        for recipe, correct in (("baseline", [1, 0, 0]), ("small_nli", [1, 1, seed - 1])):
            outcomes = pd.DataFrame({"language": "en", "example": [*"abc"], "group": [*"abc"]})
            outcomes = outcomes.assign(chunks_correct=correct, chunks_predicted=1, chunks_gold=1)
            run.scored(run.trained(recipe, "tags", seed), "tags", {"en": sum(correct) / 3}, table=outcomes)
    return run


def test_a_report_says_what_reading_outcomes_cost_and_the_next_one_uses_the_sums_that_were_kept(make_run, tmp_path):
    run = with_outcomes(make_run(targets=SPACE.targets[:1]))
    assert text_report(run.url, str(tmp_path / "first")).cost.startswith("Read the outcomes of 4 scores in ")
    assert text_report(run.url, str(tmp_path / "second")).cost == ""


@pytest.mark.parametrize("has_cache", [False, True], ids=["items of gains", "items of contrasts"])
def test_a_report_that_could_not_read_outcomes_for_a_moment_is_computed_again(make_run, monkeypatch, has_cache):
    terms = (Term(recipe="small_nli"), Term(recipe="baseline", weight=-1.0))
    run = with_outcomes(make_run(targets=SPACE.targets[:1], contrasts=(Contrast(name="gain", terms=terms),)))
    if has_cache:
        compute_results(run.url)  # keeps the variances of gains, so that only the contrasts read outcomes again
    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "outcomes", unreachable)
        before = contents(text_report(run.url))
    after = contents(text_report(run.url))
    assert after != before
    # The report that could read them is kept.
    monkeypatch.setattr("analysis.report.report.load", lambda run: pytest.fail(f"{run} was read"))
    assert contents(text_report(run.url)) == after


def contents(report):
    """Name -> content of the files of a report."""
    folder = Folder(str(report.path.parent))
    return folder.read_all([name for name in folder.names() if "." in name])
