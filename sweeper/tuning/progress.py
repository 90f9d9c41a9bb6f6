"""The display of a running sweep: a live view in a terminal, one line per trial elsewhere."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from shlex import quote

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.plan.matrix import Cells, Matrix, mean_score
from sweeper.plan.numbers import clock
from sweeper.plan.remaining import Remaining, Running
from sweeper.plan.running import progress_text
from sweeper.plan.units import TRIAL_KINDS, trial_kind
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.watch import Watch

MAX_RUNNING = 16
"""Largest number of running trials that the live display lists."""
MIN_LINES = 2
"""Lines for running trials in a terminal that is too small for the whole display."""
FIRST_LINE, PAUSE = 30.0, 60.0
"""Seconds from the start of a trial to its first line on a plain display, and between two lines about its progress."""


@dataclass
class Progress:
    """The state of a sweep at a moment: scores, running trials and durations."""

    agenda: Agenda
    started_at: float = field(default_factory=time.monotonic)
    """Seconds on the monotonic clock, like all times here."""
    running: dict[str, float] = field(default_factory=dict)
    """Name of a running trial -> its start."""
    inside: dict[str, TrialProgress] = field(default_factory=dict)
    """Name of a running trial -> its latest progress."""
    most_running: int = 1
    """Largest number of trials that ran at the same time."""
    cells: Cells = field(init=False)
    remaining: Remaining = field(init=False)

    def __post_init__(self) -> None:
        self.cells = Cells(self.agenda.plan.space)
        self.remaining = Remaining.of(self.agenda.whole)

    def start_trial(self, spec: TrialSpec) -> None:
        """Add a running trial."""
        self.running[spec.name] = time.monotonic()
        self.most_running = max(self.most_running, len(self.running))

    def drop_trial(self, spec: TrialSpec) -> float:
        """Remove a running trial. Returns its seconds."""
        now = time.monotonic()
        self.inside.pop(spec.name, None)
        return now - self.running.pop(spec.name, now)

    def end_trial(self, spec: TrialSpec, result: TrialResult) -> float:
        """Move a running trial to the finished ones. Returns its seconds."""
        seconds = self.drop_trial(spec)
        if result.training.state == "done":  # a failure can come at any step
            self.remaining.add(spec.name, seconds)
        for record in result.scores:
            self.cells.add(record)
        return seconds

    def counts(self) -> dict[str, tuple[int, int]]:
        """Kind of trial -> number of finished trials, number of all trials."""
        counts = dict.fromkeys(TRIAL_KINDS, (0, 0))
        for slot in self.agenda.slots:
            key = trial_kind(self.agenda.unit(slot).kind, slot.role)
            done, total = counts[key]
            counts[key] = (done + (slot in self.agenda.done), total + 1)
        return counts

    def seconds_left(self) -> float | None:
        """Estimate for the trials left; None before any trial has ended or reported the speed of its training."""
        now = time.monotonic()
        left = [self.agenda.name(slot) for slot in self.agenda.slots if slot not in self.agenda.done]
        running = {
            name: Running(seconds=now - start, progress=self.inside.get(name))
            for name, start in list(self.running.items())
        }
        return self.remaining.seconds_left(left, running, self.most_running)


class PlainWatch(Watch):
    """Prints a line when a trial ends, and one a minute while it runs, for log files and pipes."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self._total = sum(1 for _ in progress.agenda.slots)
        # Name of a running trial -> the time of its next line.
        self._due: dict[str, float] = {}

    def started(self, spec: TrialSpec) -> None:
        """Record the start."""
        self.progress.start_trial(spec)
        self._due[spec.name] = time.monotonic() + FIRST_LINE

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Print the progress, at most once a minute for each trial."""
        self.progress.inside[spec.name] = progress
        now = time.monotonic()
        if now < self._due.get(spec.name, now):
            return
        self._due[spec.name] = now + PAUSE
        left = self.progress.seconds_left()
        sweep = "" if left is None else f"; sweep: about {clock(left)} left"
        self._print(f"{spec.name}: {progress_text(progress)}{sweep}")

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Print the result."""
        seconds = self.progress.end_trial(spec, result)
        self._print(f"{spec.name}: {_result_text(self.progress, result)} ({seconds:.0f} s)")

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Print the reason."""
        self.progress.drop_trial(spec)
        self._print(f"{spec.name}: LOST, {reason}")

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Print the message."""
        self._print(f"{spec.name}: {message}")

    def _print(self, text: str) -> None:
        done = len(self.progress.agenda.done)
        part = self.progress.agenda.plan.part
        total = self._total if part is None else len(part)  # it grows with a budget
        self.console.print(f"[{done}/{total}] {text}", highlight=False, markup=False, soft_wrap=True)


class QuietWatch(PlainWatch):
    """Prints failures and messages only."""

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Nothing."""

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Print a failure."""
        if result.training.state == "failed":
            super().finished(spec, result)


class LiveWatch(Watch):
    """Updates a live display, and prints failures and messages above it."""

    def __init__(self, progress: Progress, live: Live) -> None:
        self.progress = progress
        self._live = live

    def started(self, spec: TrialSpec) -> None:
        """Add the trial to the running ones."""
        self.progress.start_trial(spec)

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Remember the progress."""
        self.progress.inside[spec.name] = progress

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Add the result to the bars and the matrix."""
        self.progress.end_trial(spec, result)
        if result.training.state == "failed":
            self._live.console.print(f"{spec.name}: {_result_text(self.progress, result)}", markup=False)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Print the reason."""
        self.progress.drop_trial(spec)
        self._live.console.print(f"{spec.name}: LOST, {reason}", markup=False)

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Print the message."""
        self._live.console.print(f"{spec.name}: {message}", markup=False)


def announce(run: str, console: Console) -> None:
    """Print the command that shows a run in a browser. `run` is a path or URL."""
    console.print(f"To watch it in a browser: sweeper dashboard {quote(run)}", markup=False, highlight=False)


@contextmanager
def watching(
    agenda: Agenda, scores: Iterable[ScoreRecord], console: Console, *, quiet: bool = False
) -> Iterator[Watch]:
    """Display a sweep while it runs. `scores` are those that the ledger has at the start."""
    progress = Progress(agenda)
    for record in scores:
        progress.cells.add(record)
    if quiet:
        yield QuietWatch(progress, console)
        return
    if not console.is_terminal:
        # A live display would fill a log file with control characters.
        yield PlainWatch(progress, console)
        return
    with Live(
        get_renderable=lambda: _safely_drawn(progress, console), console=console, refresh_per_second=2, transient=False
    ) as live:
        yield LiveWatch(progress, live)


@contextmanager
def reading(console: Console, num_specs: int, *, quiet: bool = False) -> Iterator[Callable[[TrialSpec], None]]:
    """Display that data are read and tokenised. The function that is yielded is called with each spec before its data.

    A terminal has one line that changes, a pipe one line a minute.
    """
    if quiet:
        yield lambda _: None
        return
    done, due = 0, time.monotonic() + PAUSE
    title = "Reading and tokenising data"
    if not console.is_terminal:
        console.print(f"{title} of {num_specs} {'stages' if num_specs != 1 else 'stage'} ...", highlight=False)
    with console.status(f"{title} ...") as status:

        def show(spec: TrialSpec) -> None:
            nonlocal done, due
            done += 1
            text = f"{title} ({done}/{num_specs}): {spec.name}"
            status.update(Text(text))
            if not console.is_terminal and time.monotonic() > due:
                due = time.monotonic() + PAUSE
                console.print(text, highlight=False, markup=False)

        yield show


def _safely_drawn(progress: Progress, console: Console) -> RenderableType:
    """The live display, or the error that prevents it: an exception would end the thread that refreshes the display."""
    try:
        return draw(progress, console)
    except Exception as error:  # noqa: BLE001  the sweep does not depend on its display
        return Text(f"The display failed ({type(error).__name__}: {error}).")


def draw(progress: Progress, console: Console) -> RenderableType:
    """The live display at this moment. Running trials have the lines that bars and matrix leave, and 2 at least."""
    bars, matrix = _bars(progress), Matrix(progress.cells)
    lines = console.height - sum(len(console.render_lines(part)) for part in (bars, matrix))
    # The matrix is last: if the terminal is too small, it is the part that `sweeper status` shows as well.
    return Group(bars, _running_trials(progress, console, max(lines, MIN_LINES)), matrix)


def _bars(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 1))
    for key, (done, total) in progress.counts().items():
        if total:
            table.add_row(TRIAL_KINDS[key], ProgressBar(total=total, completed=done, width=40), f"{done}/{total}")
    left = progress.seconds_left()
    elapsed = clock(time.monotonic() - progress.started_at)
    table.add_row("elapsed", elapsed, "" if left is None else f"about {clock(left)} left")
    return table


def _running_trials(progress: Progress, console: Console, lines: int) -> Table:
    """The running trials, as many as fit into these lines, and one at least."""
    running = list(progress.running.items())
    for number in range(min(len(running), MAX_RUNNING), 1, -1):
        table = _first_trials(progress, running, number)
        if len(console.render_lines(table)) <= lines:
            return table
    return _first_trials(progress, running, 1)


def _first_trials(progress: Progress, running: list[tuple[str, float]], number: int) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    now = time.monotonic()
    for name, start in running[:number]:
        inside = progress.inside.get(name)
        text = "" if inside is None else progress_text(inside)
        table.add_row(Text(clock(now - start), style="dim"), Text(name), Text(text, style="dim"))
    if len(running) > number:
        table.add_row("", f"and {len(running) - number} more")
    return table


def _result_text(progress: Progress, result: TrialResult) -> str:
    record = result.training
    if record.state == "failed":
        return f"FAILED, {record.reason}"
    if result.scores:
        shown = [score for score in result.scores if progress.cells.shows(score)]
        # A twin without input has no score under the usual condition.
        return ", ".join(f"{score.target} {100 * mean_score(score):.1f}" for score in shown or result.scores)
    if record.predictors:
        return f"predictors of {', '.join(record.predictors)}"
    return "" if record.value is None else f"selection {100 * record.value:.1f}"
