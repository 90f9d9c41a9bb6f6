"""The display of a running sweep: counts, estimates, and a matrix that fits the width of a terminal."""

import io
import time
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console, RenderableType

from search_spaces.demo_full import SPACE as DEMO_FULL
from search_spaces.text_small import SPACE as TEXT_SMALL
from search_spaces.tiny import SPACE as TINY
from search_spaces.xtreme import SPACE as XTREME
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.plan.matrix import Cells, Matrix
from sweeper.plan.remaining import Remaining, Work
from sweeper.plan.shorten import shorten
from sweeper.plan.status import Status
from sweeper.plan.tables import status_tables
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.space import Recipe, Space, Target
from sweeper.tuning.progress import PlainWatch, Progress, announce, draw, reading, watching
from sweeper.world.tasks import CORPUS
from tests.tuning.imaginary import agenda_of, fail, succeed


def lines(renderable: RenderableType, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def score_of(recipe: str, target: str, value: float, seed: int | None = 1, main: str = "accuracy") -> ScoreRecord:
    return ScoreRecord(
        key="", training="", model="tiny", recipe=recipe, target=target, seed=seed, split="dev",
        metrics={"en": {main: value}, "de": {main: value - 0.2}}, trivial={}, counts={}, main=main,
        outcomes="",
    )  # fmt: skip


@pytest.mark.parametrize("space", [TINY, TEXT_SMALL, XTREME, XTREME_R, DEMO_FULL], ids=lambda space: space.name)
def test_the_matrix_fits_80_columns_and_shows_every_recipe_and_target_once(space: Space) -> None:
    text = lines(Matrix(Cells(space)))
    assert max(len(line) for line in text) <= 80
    (header,) = [line.split()[1:] for line in text if line.startswith("recipe")]
    assert header == shorten([target.task for target in space.targets], max(map(len, header)))
    recipes = [line.split()[0] for line in text if "·" in line]
    assert recipes == shorten([recipe.name for recipe in space.recipes], max(map(len, recipes)))


def test_a_row_has_gains_over_the_baseline_on_the_same_seeds_and_scores_as_long_as_there_is_no_baseline() -> None:
    cells = Cells.of(TINY, [score_of("parts", "names", value, seed) for seed, value in ((1, 0.9), (2, 0.5))])
    assert cells_of("parts", cells) == ["60.0", "·"]
    cells.add(score_of("baseline", "names", 0.7, 2))
    assert cells_of("parts", cells) == ["-20.0", "·"]
    cells.add(score_of("baseline", "names", 0.7, 1))
    assert cells_of("parts", cells) == ["+0.0", "·"]
    assert cells_of("baseline", cells) == ["60.0", "·"]


def test_a_baseline_without_a_seed_is_the_reference_of_every_seed_and_has_all_seeds() -> None:
    cells = Cells.of(TINY, [score_of("baseline", "names", 0.6, None), score_of("parts", "names", 0.7, 2)])
    assert cells_of("parts", cells) == ["+10.0", "·"]
    assert cells.has_all_seeds(("tiny", "baseline", "names"))
    assert not cells.has_all_seeds(("tiny", "parts", "names"))


def test_the_gain_on_a_loss_is_positive_if_the_loss_is_smaller() -> None:
    task = replace(CORPUS, name="lines", test=CORPUS.train)
    space = replace(TINY, tasks=(*TINY.tasks, task), targets=(Target(task="lines"),))
    cells = Cells.of(
        space, [score_of("baseline", "lines", 0.7, main="loss"), score_of("parts", "lines", 0.5, main="loss")]
    )
    assert cells_of("parts", cells) == ["+20.0"]


@pytest.mark.parametrize("like", ["corpus_of_translated_news_{}", "{}_corpus_of_translated_news"])
def test_a_running_sweep_of_30_recipes_and_9_targets_with_long_names_fits_40_lines_of_100_columns(like: str) -> None:
    space, progress = large_space(like), Progress(agenda_of(large_space(like)))
    for recipe in space.recipes:
        for target in space.targets:
            progress.cells.add(score_of(recipe.name, target.task, 0.5, 1))
    for number in range(12):
        progress.running[f"tiny/{space.recipes[number].name} -> names/seed 1"] = time.monotonic()
    text = drawn(progress, 100, 40)
    assert len(text) <= 40
    assert max(map(len, text)) <= 100
    header, *rows = text[-31:]
    assert len(set(header.split()[1:])) == 9
    assert len({row.split()[0] for row in rows}) == 30
    assert [len(row.split()) for row in rows] == [10] * 30
    assert any(line.split()[:1] == ["and"] for line in text)
    counts = {kind: count for kind, count in progress.counts().items() if count[1]}
    status = Status(run="runs/large", now=0.0, cells=progress.cells, counts=counts, failed={})
    assert len([line for item in status_tables(status) for line in lines(item, 100)]) <= 40


def test_abbreviated_names_stay_distinct_and_short_ones_stay_whole() -> None:
    names = ["xnli", *(f"paraphrases_{year}_{kind}" for year in (2015, 2017) for kind in ("clean", "noisy")), "a" * 40]
    for width in range(3, 30):
        short = shorten(names, width)
        assert len(set(short)) == len(names)
        assert max(map(len, short)) <= width
    assert short[:2] == ["xnli", "paraphrases_2015_clean"]


def test_long_names_of_running_trials_are_shown_whole() -> None:
    progress = Progress(agenda_of(TINY))
    name = f"tiny/{'a-long-recipe-' * 8} -> names/seed 1"
    progress.running[name] = time.monotonic()
    assert name.replace(" ", "") in "".join(drawn(progress)).replace(" ", "")


def cells_of(recipe: str, cells: Cells) -> list[str]:
    """The cells of a row, as text."""
    return next(line.split()[1:] for line in lines(Matrix(cells)) if line.startswith(recipe))


def drawn(progress: Progress, width: int = 80, height: int = 40) -> list[str]:
    """The lines of the live display in a terminal of this size."""
    console = Console(file=io.StringIO(), width=width, height=height)
    return lines(draw(progress, console), width)


def large_space(like: str) -> Space:
    """30 recipes and 9 targets whose long names differ in a number."""
    (stage,) = TINY.recipes[1].stages
    recipes = [replace(stage, training=replace(stage.training, epochs=number)) for number in range(1, 30)]
    tasks = tuple(replace(TINY.task("names"), name=like.format(number)) for number in range(9))
    return replace(
        TINY,
        recipes=(TINY.recipes[0], *(Recipe(name=like.format(n + 100), stages=(s,)) for n, s in enumerate(recipes))),
        tasks=(*TINY.tasks, *tasks),
        targets=tuple(replace(TINY.targets[0], task=task.name) for task in tasks),
    )


def started(progress: Progress, seconds: float = 0.0) -> TrialSpec:
    """The next trial of the agenda, which started `seconds` ago."""
    spec = progress.agenda.next()
    assert spec is not None
    progress.start_trial(spec)
    progress.running[spec.name] -= seconds
    return spec


def training(spec: TrialSpec, **values: Any) -> TrialProgress:
    """The progress of a training of which 100 of 400 steps took 10 seconds."""
    usual = {"phase": "train", "stage": "names", "step": 100, "planned_steps": 400, "loss": 0.5321}
    return TrialProgress(
        key=spec.key, name=spec.name, **(usual | {"tokens_per_second": 12_345.0, "seconds_left": 30.0} | values)
    )


def test_the_time_left_is_known_from_the_progress_of_the_first_running_trial() -> None:
    progress = Progress(agenda_of(TINY))
    spec = started(progress, seconds=10)
    assert progress.seconds_left() is None
    progress.inside[spec.name] = training(spec, tokens_per_second=1e9)  # the evaluation takes no time
    works = progress.remaining.works
    first = works[spec.name].total
    others = sum(work.total for name, work in works.items() if name != spec.name)
    assert progress.seconds_left() == pytest.approx(30 + 40 * others / first, rel=0.01)


def test_an_ended_trial_predicts_the_others_by_their_tokens() -> None:
    progress = Progress(agenda_of(TINY))
    spec = started(progress, seconds=10)
    progress.end_trial(spec, TrialResult(training=succeed(spec)))
    works = progress.remaining.works
    # The agenda has not received the result, so all trials are left.
    total = sum(work.total for work in works.values())
    assert progress.seconds_left() == pytest.approx(10 * total / works[spec.name].total, rel=0.01)


def test_a_failed_trial_does_not_predict_the_duration_of_others() -> None:
    progress = Progress(agenda_of(TINY))
    spec = started(progress, seconds=10)
    progress.end_trial(spec, TrialResult(training=fail(spec)))
    assert progress.seconds_left() is None


def test_the_time_left_of_thousands_of_trials_is_computed_at_once() -> None:
    # A live display computes it twice a second.
    work = Work(kind="search", model="tiny", training=100.0, evaluation=1.0)
    remaining = Remaining({f"trial {number}": work for number in range(4000)})
    names = list(remaining.works)
    for name in names[:2000]:
        remaining.add(name, 10.0)
    started_at = time.process_time()
    assert remaining.seconds_left(names[2000:], {}, workers=4) == pytest.approx(2000 * 10 / 4)
    assert time.process_time() - started_at < 0.5


def test_the_live_display_shows_step_loss_speed_and_time_left_of_each_running_trial() -> None:
    progress = Progress(agenda_of(TINY))
    spec = started(progress, seconds=10)
    progress.inside[spec.name] = training(spec)
    text = " ".join(" ".join(drawn(progress, 130)).split())
    assert f"0:10 {spec.name} training names, step 100/400, loss 0.5321, 12.3k tokens/s, 0:30 left" in text
    assert "about" in text


def test_a_plain_display_has_one_line_a_minute_about_a_running_trial_from_its_first_minute_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(file=io.StringIO(), width=80)
    watch = PlainWatch(Progress(agenda_of(TINY)), console)
    spec = watch.progress.agenda.next()
    assert spec is not None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watch.started(spec)
    for _ in range(150):  # once a second
        now += 1
        watch.progressed(spec, training(spec))
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue().splitlines()
    inside = "training names, step 100/400, loss 0.5321, 12.3k tokens/s, 0:30 left"
    assert len(printed) == 3  # after 30, 90 and 150 seconds
    assert all(line.startswith(f"[0/14] {spec.name}: {inside}; sweep: about ") for line in printed)


def test_reading_data_is_announced_on_a_pipe() -> None:
    console = Console(file=io.StringIO(), width=80)
    spec = agenda_of(TINY).next()
    assert spec is not None
    with reading(console, 2) as show:
        show(spec)
        show(spec)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "Reading and tokenising data of 2 stages ...\n"


def test_a_run_announces_the_command_that_shows_it_in_a_browser_ready_to_paste() -> None:
    console = Console(file=io.StringIO(), width=200)
    announce("my runs/[a]", console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "To watch it in a browser: sweeper dashboard 'my runs/[a]'\n"


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


def test_a_quiet_display_prints_failures_and_messages_only() -> None:
    console = Console(file=io.StringIO(), width=80)
    agenda = agenda_of(TINY)
    spec = agenda.next()
    assert spec is not None
    with reading(console, 2, quiet=True) as show:
        show(spec)
    with watching(agenda, [], console, quiet=True) as watch:
        watch.started(spec)
        watch.progressed(spec, training(spec))
        watch.finished(spec, TrialResult(training=succeed(spec)))
        watch.finished(spec, TrialResult(training=fail(spec)))
        watch.notified(spec, "A checkpoint is damaged.")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        f"[0/14] {spec.name}: FAILED, its loss was NaN (0 s)",
        f"[0/14] {spec.name}: A checkpoint is damaged.",
    ]
