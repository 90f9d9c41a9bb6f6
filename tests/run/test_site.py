"""What one process keeps between trials, and what tells where a run's files lie."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.run.run import SITE_FILE, Run
from sweeper.run.site import Site
from tests.worlds import MODEL, TrialFolders, data, stage, trial


def test_a_model_s_tokenizer_and_data_are_opened_once_for_all_trials(folders: TrialFolders) -> None:
    bench = folders.bench()
    first, second = (bench.reader(trial(stage(task))) for task in ("words", "gaps"))
    assert first.tokenizer is second.tokenizer
    assert first.encoded(data("words")) is bench.reader(trial(stage("words"))).encoded(data("words"))


def test_a_trial_reads_with_its_own_tasks_even_if_another_task_of_that_name_was_read_before(
    folders: TrialFolders,
) -> None:
    bench, spec = folders.bench(), trial(stage("words"))
    other = replace(spec.tasks[0], labels=(*spec.tasks[0].labels, "X"))
    assert bench.reader(spec).encoded(data("words"))["en"].labels == spec.tasks[0].labels
    changed = bench.reader(replace(spec, tasks=(other,)))
    assert changed.encoded(data("words"))["en"].labels == changed.labels("words") == other.labels


def test_two_models_have_two_tokenizers(folders: TrialFolders) -> None:
    bench, spec = folders.bench(), trial(stage("words"))
    other = replace(spec, model=replace(MODEL, identity="another"))
    assert bench.reader(spec).tokenizer is not bench.reader(other).tokenizer


def test_a_run_folder_tells_where_its_files_lie_and_a_mirror_given_now_counts_first(folders: TrialFolders) -> None:
    site = folders.bench().site
    run = Path(site.ledger).parent
    run.mkdir(exist_ok=True)
    (run / SITE_FILE).write_text(json.dumps(asdict(site)))
    assert Run.at(str(run)).site == site
    assert Run.at(str(run)).site.with_mirror("elsewhere") == replace(site, mirror=str(Path("elsewhere").resolve()))


def test_a_run_folder_that_was_moved_is_its_own(tmp_path: Path) -> None:
    old = Site(
        ledger="/old/run/ledger", store="/old/run", checkpoints="/old/run/checkpoints", cache="/cache", mirror="/m"
    )
    (tmp_path / SITE_FILE).write_text(json.dumps(asdict(old)))
    moved = Run.at(str(tmp_path)).site
    assert (moved.ledger, moved.store) == (f"{tmp_path}/ledger", str(tmp_path))
    assert (moved.cache, moved.mirror) == ("/cache", "/m")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run folder: it has no site\.json"):
        _ = Run.at(str(tmp_path)).site
