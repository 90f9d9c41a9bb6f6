"""The log of a trial: its data, steps, selection, scores, warnings of libraries, and the traceback of a failure."""

import logging
import os
import re
import tempfile
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from sweeper.files.folder import Folder
from sweeper.files.leftovers import DAY, remove_temporary
from sweeper.run.logs import LogFolder, shortened
from sweeper.training import log as log_module
from sweeper.training import workbench as workbench_module
from sweeper.training.log import trial_log
from sweeper.training.trial import run_trial
from tests.runs import wait_for
from tests.worlds import TrialFolders, score, stage, trial

SPEC = trial(stage("names"), scores=(score("names", languages=("en",)),))


def test_a_trial_logs_its_data_truncation_steps_selection_scores_and_end(folders: TrialFolders) -> None:
    bench = folders.bench()
    result = run_trial(SPEC, bench)
    log = bench.site.open_logs().read(SPEC.key)
    assert "INFO sweeper.training.trial: trial (key " in log
    assert "training data, names en: 24 examples, 24 features, " in log
    assert "evaluation data, names en: 12 examples" in log
    assert "truncated" in log
    step = result.training.steps
    assert f"step {step}/{step}: loss " in log
    assert "gradient norm " in log
    assert "selection data: {'names': " in log
    assert "names: f1 x 100: en " in log
    assert log.splitlines()[-1].split(": ", 1)[1].startswith("done: load ")


def test_the_log_of_a_remote_run_is_kept_while_its_trial_runs_for_more_than_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    logs = LogFolder(Folder("memory://bucket/logs"))
    with trial_log("long", logs):
        for path in [*tmp_path.rglob("*"), *tmp_path.iterdir()]:
            os.utime(path, (time.time() - 2 * DAY,) * 2)
        remove_temporary()
        logging.getLogger("sweeper").info("the end")
    assert "the end" in logs.read("long")


def test_a_failed_training_leaves_its_traceback_in_the_log(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = workbench_module.load_body

    def broken(*args: str) -> nn.Module:
        body = load(*args)
        with torch.no_grad():
            body.embeddings.word_embeddings.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
        return body

    monkeypatch.setattr(workbench_module, "load_body", broken)
    bench = folders.bench()
    result = run_trial(replace(SPEC, seed=7), bench)
    assert result.training.state == "failed"
    log = bench.site.open_logs().read(SPEC.key)
    assert "ERROR sweeper.training.trial: The training failed" in log
    assert "Traceback (most recent call last):" in log
    assert "TrialError: The training loss is not finite at step " in log


@pytest.mark.parametrize("place", ["local", "remote"])
def test_the_log_of_each_attempt_is_appended_also_in_a_remote_store(place: str, tmp_path: Path) -> None:
    logs = LogFolder(Folder(str(tmp_path / "logs") if place == "local" else f"memory://{tmp_path.name}/logs"))
    for number in (1, 2):
        with trial_log("abc", logs) as problems:
            logging.getLogger("sweeper.a").info("attempt %d", number)
            logging.getLogger("transformers.b").warning("a warning of transformers")
            logging.getLogger("sweeper.a").debug("a detail")
    with pytest.raises(ValueError, match="lost"), trial_log("abc", logs, verbose=True):
        logging.getLogger("sweeper.a").debug("a detail with -v")
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            logging.captureWarnings(True)
            warnings.warn("a warning of Python", stacklevel=1)
        raise ValueError("lost")
    text = logs.read("abc")
    assert problems == []
    assert [text.count(part) for part in ("attempt 1", "attempt 2", "a warning of transformers")] == [1, 1, 2]
    assert [text.count(part) for part in ("a detail\n", "a detail with -v")] == [0, 1]
    assert "UserWarning: a warning of Python" in text
    assert "Traceback" in text
    assert text.rstrip().endswith("ValueError: lost")


def test_a_log_that_cannot_be_written_is_reported_and_does_not_stop_the_trial(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with trial_log("abc", LogFolder(Folder(str(tmp_path / "logs")))) as problems:
        logging.getLogger("sweeper.a").info("a message")
    (problem,) = problems
    assert problem.startswith("Logs of trials cannot be written: ")


def test_a_full_disk_under_the_log_is_reported_and_does_not_stop_the_trial(tmp_path: Path) -> None:
    (tmp_path / "abc.log").symlink_to("/dev/full")  # each write to it fails as on a full disk
    with trial_log("abc", LogFolder(Folder(str(tmp_path)))) as problems:
        logging.getLogger("sweeper.a").info("a message")
    assert problems == [f"Logs of trials cannot be written to {tmp_path / 'abc.log'}."]


def test_the_log_of_a_running_trial_is_in_a_remote_store_after_those_of_earlier_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_UPLOAD", "UPLOAD_EVERY"):
        monkeypatch.setattr(log_module, name, 0.01)
    logs, written, write = LogFolder(Folder(f"memory://{tmp_path.name}/logs")), [], LogFolder.write

    def counting(folder: LogFolder, key: str, log: bytes) -> None:
        write(folder, key, log)
        written.append(log)

    monkeypatch.setattr(LogFolder, "write", counting)
    with trial_log("abc", logs):
        logging.getLogger("sweeper.a").info("first attempt")
    with trial_log("abc", logs) as problems:
        for message in ("second attempt", "its end"):
            logging.getLogger("sweeper.a").info(message)
            wait_for(lambda message=message: message in logs.read("abc"))
        time.sleep(0.2)  # nothing is uploaded without a new message
        before_the_end = len(written)
    texts = [line.split(": ", 1)[1] for line in logs.read("abc").splitlines()]
    assert texts == ["first attempt", "second attempt", "its end"]
    assert len(written) == before_the_end <= 4
    assert problems == []


def test_an_upload_that_fails_once_is_no_problem_and_loses_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "FIRST_UPLOAD", 0.01)
    monkeypatch.setattr(log_module, "UPLOAD_EVERY", 0.01)
    logs, errors, write = LogFolder(Folder(f"memory://{tmp_path.name}/logs")), [OSError("down")], LogFolder.write

    def failing(folder: LogFolder, key: str, log: bytes) -> None:
        if errors:
            raise errors.pop()
        write(folder, key, log)

    monkeypatch.setattr(LogFolder, "write", failing)
    with trial_log("abc", logs) as problems:
        logging.getLogger("sweeper.a").info("a message")
        wait_for(lambda: not errors)
    assert problems == []
    assert "a message" in logs.read("abc")


def test_an_upload_that_hangs_is_reported_and_does_not_keep_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(log_module, "LONGEST_UPLOAD", 0.01)
    monkeypatch.setattr(LogFolder, "write", lambda *_: release.wait(60))
    with trial_log("abc", LogFolder(Folder(f"memory://{tmp_path.name}/logs"))) as problems:
        logging.getLogger("sweeper.a").info("a message")
    release.set()
    (problem,) = problems
    assert problem.startswith("Logs of trials may be incomplete: ")


def test_an_upload_that_ends_after_its_trial_does_not_erase_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, uploads, write = threading.Event(), set[threading.Thread](), LogFolder.write
    monkeypatch.setattr(log_module, "FIRST_UPLOAD", 0.01)
    monkeypatch.setattr(log_module, "LONGEST_UPLOAD", 0.01)

    def slow(folder: LogFolder, key: str, log: bytes) -> None:
        uploads.add(threading.current_thread())
        release.wait(60)
        write(folder, key, log)

    monkeypatch.setattr(LogFolder, "write", slow)
    logs = LogFolder(Folder(f"memory://{tmp_path.name}/logs"))
    with trial_log("abc", logs):
        logging.getLogger("sweeper.a").info("a message")
        wait_for(lambda: uploads)
    release.set()
    for upload in uploads:
        upload.join(60)
    assert "a message" in logs.read("abc")


@pytest.mark.parametrize("place", ["local", "remote"])
def test_a_warning_in_each_step_leaves_the_beginning_and_the_end_of_a_log_within_its_limit(
    place: str, tmp_path: Path
) -> None:
    folder = Folder(str(tmp_path / "logs") if place == "local" else f"memory://{tmp_path.name}/logs")
    logs, num = LogFolder(folder, limit=20_000), 5_000
    for attempt in (1, 2):
        with trial_log("abc", logs) as problems:
            logging.getLogger("sweeper.a").info("begin of attempt %d", attempt)
            for step in range(num):
                logging.getLogger("transformers.b").warning("step %d of attempt %d: ünclear input", step, attempt)
            logging.getLogger("sweeper.a").info("end of attempt %d", attempt)
        text = logs.read("abc")
        assert problems == []
        assert len(text.encode()) <= logs.limit + 100
        assert text.splitlines()[0].endswith("begin of attempt 1")
        assert text.splitlines()[-1].endswith(f"end of attempt {attempt}")
        assert f"step {num - 1} of attempt {attempt}: " in text
        [cut] = re.findall(r"^\[\.\.\. (\d+) bytes of this log were cut out here \.\.\.\]$", text, flags=re.MULTILINE)
        line = len(text.splitlines()[-2].encode()) + 1
        total = attempt * num * line
        assert 0.95 * total < int(cut) + len(text.encode()) < 1.01 * total
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["abc.log"] * (place == "local")


def test_a_log_with_one_long_message_keeps_its_first_and_its_last_part() -> None:
    text = b"begin " + 10_000 * b"x" + b" end\n"
    short = shortened(text, 1_000)
    assert len(short) < 1_000
    assert short.startswith(b"begin x")
    assert short.endswith(b"x end\n")
    assert shortened(short, 1_000) == short
    again = shortened(short + text, 1_000)
    assert b"cut out here" in again
    assert again.count(b"cut out here") == 1
    assert again.startswith(b"begin x")


def test_a_full_disk_while_a_log_is_shortened_is_reported_and_does_not_stop_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with trial_log("abc", LogFolder(Folder(str(tmp_path)), limit=200)) as problems:
        for _ in range(10):
            logging.getLogger("sweeper.a").info("a message of some length")
    assert problems == [f"Logs of trials cannot be written to {tmp_path / 'abc.log'}."]
    assert 0 < (tmp_path / "abc.log").stat().st_size < 400
