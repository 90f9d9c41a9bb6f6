"""The progress that a trial reports while it runs, and that reporting changes no result."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from sweeper.errors import TrialError
from sweeper.files.folder import Folder
from sweeper.records.progress import SILENCE, TrialProgress
from sweeper.run.progress import ProgressFolder
from sweeper.training.loop import StageContext
from sweeper.training.reporter import Reporter, reporting
from sweeper.training.stage import DataReader, run_stage
from tests.runs import wait_for
from tests.worlds import TRAINING, stage


@pytest.fixture
def folder(tmp_path: Path) -> ProgressFolder:
    return ProgressFolder(Folder(str(tmp_path / "progress")))


class Recorder(Reporter):
    """A reporter that keeps every state."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[TrialProgress] = []

    def _update(self, **changes: object) -> None:
        super()._update(**changes)
        self.states.append(self.latest)


def test_a_training_reports_every_step_with_loss_rate_gradient_norm_speed_and_time_left(
    body: Callable[[], nn.Module], reader: DataReader, context: StageContext
) -> None:
    recorder = Recorder()
    trained = run_stage(body, stage("claims", training=replace(TRAINING, min_steps=6)), reader,
                        replace(context, reporter=recorder))  # fmt: skip
    progress = trained.progress
    steps = {state.step: state for state in recorder.states if state.gradient_norm is not None and state.step}
    assert list(steps) == list(range(1, progress.planned_steps + 1))
    assert [state.loss for state in steps.values()] == progress.losses
    assert [state.gradient_norm for state in steps.values()] == progress.gradient_norms
    last = recorder.latest
    assert (last.stage, last.phase, last.planned_steps) == ("claims", "train", progress.planned_steps)
    assert (last.tokens, last.seconds_left) == (progress.tokens, 0)
    assert last.tokens_per_second is not None
    assert last.tokens_per_second > 0
    assert last.learning_rate is not None
    assert 0 < last.learning_rate < TRAINING.learning_rate
    assert all(norm > 0 for norm in progress.gradient_norms)


def test_a_trial_of_a_rung_has_no_time_left_after_the_last_step_of_the_rung(
    body: Callable[[], nn.Module], reader: DataReader, context: StageContext
) -> None:
    recorder = Recorder()
    short = replace(stage("claims", training=replace(TRAINING, min_steps=6)), stop=0.5)
    progress = run_stage(body, short, reader, replace(context, reporter=recorder)).progress
    assert progress.step < progress.planned_steps == recorder.latest.planned_steps
    assert recorder.latest.seconds_left == 0


def test_a_stage_whose_encoder_needs_another_training_is_reported_by_its_own_name_and_values(
    body: Callable[[], nn.Module], reader: DataReader, context: StageContext
) -> None:
    recorder = Recorder()
    context = replace(context, reporter=recorder)

    def trained_body() -> nn.Module:
        # As in a trial whose store does not have the encoder of the earlier stage.
        earlier = replace(context, checkpoints=replace(context.checkpoints, name="earlier.pt"))
        return run_stage(body, stage("names"), reader, earlier).net.body

    run_stage(trained_body, stage("claims"), reader, context)
    stages = [state.stage for state in recorder.states if state.phase == "train"]
    assert list(dict.fromkeys(stages)) == ["names", "claims"]
    second = next(state for state in recorder.states if state.phase == "train" and state.stage == "claims")
    assert (second.step, second.loss, second.seconds_left) == (0, None, None)


def test_the_file_of_a_trial_is_there_at_once_follows_its_progress_and_is_removed_when_it_ends_or_fails(
    folder: ProgressFolder,
) -> None:
    with pytest.raises(TrialError), reporting("abc", "tiny/a/seed 1", folder, 0.01) as reporter:
        first = wait_for(lambda: folder.read("abc"))
        assert (first.name, first.phase) == ("tiny/a/seed 1", "load")
        reporter.enter("evaluate", "xnli sw")
        written = wait_for(lambda: (found := folder.read("abc")) and found.detail == "xnli sw" and found)
        assert not written.is_stale(written.written + SILENCE)
        assert written.is_stale(written.written + SILENCE + 1)
        raise TrialError("a failure")
    assert folder.read_all() == []
    assert reporter.problem == ""


def test_a_folder_that_cannot_be_written_gives_one_message_and_does_not_stop_the_trial(tmp_path: Path) -> None:
    (tmp_path / "progress").write_text("a file")
    with reporting("abc", "trial", ProgressFolder(Folder(str(tmp_path / "progress"))), 0.01) as reporter:
        wait_for(lambda: reporter.problem)
    assert reporter.problem.startswith("Displays cannot show the progress of trials: ")
