"""The display of a running sweep: counts, estimates, and a matrix that fits the width of a terminal."""

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from search_spaces.demo_full import SPACE as DEMO_FULL
from search_spaces.text_small import SPACE as TEXT_SMALL
from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.space import Space
from sweeper.tuning.progress import Matrix, PlainWatch, Progress, draw
from tests.tuning.imaginary import agenda_of, fail, succeed


def lines(renderable: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def score_of(recipe: str, target: str, value: float, seed: int = 1) -> ScoreRecord:
    return ScoreRecord(
        key="", training="", model="tiny", recipe=recipe, target=target, seed=seed, split="dev",
        metrics={"en": {"accuracy": value}, "de": {"accuracy": value - 0.2}}, trivial={}, counts={}, main="accuracy",
        outcomes="",
    )  # fmt: skip


@pytest.mark.parametrize("space", [TINY, TEXT_SMALL, XTREME, XTREME_R, DEMO_FULL], ids=lambda space: space.name)
def test_the_matrix_fits_80_columns_and_shows_every_recipe_and_target_by_its_whole_name(space: Space) -> None:
    text = lines(Matrix(Progress(agenda_of(space))))
    assert max(len(line) for line in text) <= 80
    headers = [line.split()[1:] for line in text if line.startswith("recipe")]
    assert [name for header in headers for name in header] == [target.task for target in space.targets]
    recipes = [line.split()[0] for line in text if "·" in line]
    assert recipes == [recipe.name for recipe in space.recipes] * len(headers)


def test_a_cell_is_the_mean_over_languages_and_seeds() -> None:
    progress = Progress(agenda_of(TINY))
    for seed, value in ((1, 0.9), (2, 0.5)):
        progress.add_score(score_of("parts", "names", value, seed))
    assert [line.split() for line in lines(Matrix(progress)) if line.startswith("parts")] == [["parts", "60.0", "·"]]


def test_long_names_of_running_trials_are_shown_whole() -> None:
    progress = Progress(agenda_of(TINY))
    name = f"tiny/{'a-long-recipe-' * 8} -> names/seed 1"
    progress.running[name] = time.monotonic()
    assert name.replace(" ", "") in "".join(lines(draw(progress))).replace(" ", "")


def test_the_time_left_needs_a_trial_that_has_ended() -> None:
    progress = Progress(agenda_of(TINY))
    spec = progress.agenda.next()
    assert spec is not None
    assert progress.seconds_left(progress.counts()) is None
    progress.running[spec.name] = time.monotonic() - 10
    progress.end_trial(spec, TrialResult(training=succeed(spec)))
    # All 14 trials are left, since the agenda has not received the result, and all take as long as the first.
    assert progress.seconds_left(progress.counts()) == pytest.approx(140, abs=5)


def test_a_plain_display_has_a_line_for_each_end_and_message() -> None:
    console = Console(file=io.StringIO(), width=80)
    watch = PlainWatch(Progress(agenda_of(TINY)), console)
    spec = watch.progress.agenda.next()
    assert spec is not None
    watch.started(spec)
    watch.notified(spec, "A checkpoint is damaged.")
    watch.finished(spec, TrialResult(training=replace(succeed(spec), value=0.25)))
    watch.finished(spec, TrialResult(training=fail(spec)))
    watch.lost(spec, "its worker died")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        f"[0/14] {spec.name}: A checkpoint is damaged.",
        f"[0/14] {spec.name}: selection 25.0 (0 s)",
        f"[0/14] {spec.name}: FAILED, its loss was NaN (0 s)",
        f"[0/14] {spec.name}: LOST, its worker died",
    ]
