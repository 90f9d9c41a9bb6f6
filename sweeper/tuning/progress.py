"""The display of a running sweep: a live view in a terminal, one line per trial elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.plan.units import TRIAL_KINDS, trial_kind
from sweeper.records.counting import is_shown
from sweeper.records.progress import TrialProgress
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.watch import Watch

MAX_RUNNING = 16
"""Number of running trials that the live display lists."""


@dataclass
class Progress:
    """The state of a sweep at a moment: scores, running trials and durations."""

    agenda: Agenda
    started_at: float = field(default_factory=time.monotonic)
    """Seconds on the monotonic clock, like all times here."""
    durations: dict[str, list[float]] = field(default_factory=dict)
    """Kind of trial -> seconds of each trial that ended in this run."""
    running: dict[str, float] = field(default_factory=dict)
    """Name of a running trial -> its start."""
    inside: dict[str, TrialProgress] = field(default_factory=dict)
    """Name of a trial -> its latest progress."""
    cells: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    """(model, recipe, target) -> a score for each seed, as fractions of 1."""

    def shows(self, record: ScoreRecord) -> bool:
        """Whether the matrix shows a score. It does not show the scores of additional layers."""
        targets = {target.task: target for target in self.agenda.plan.space.targets}
        return record.target not in targets or is_shown(record, targets[record.target])

    def add_score(self, record: ScoreRecord) -> None:
        """Add a score to its cell."""
        if not self.shows(record):
            return
        self.cells.setdefault((record.model, record.recipe, record.target), []).append(_mean_score(record))

    def end_trial(self, spec: TrialSpec, result: TrialResult) -> float:
        """Move a running trial to the finished ones. Returns its seconds."""
        now = time.monotonic()
        seconds = now - self.running.pop(spec.name, now)
        self.durations.setdefault(trial_kind(spec.kind, spec.role), []).append(seconds)
        for record in result.scores:
            self.add_score(record)
        return seconds

    def counts(self) -> dict[str, tuple[int, int]]:
        """Kind of trial -> number of finished trials, number of all trials."""
        counts = dict.fromkeys(TRIAL_KINDS, (0, 0))
        for slot in self.agenda.slots():
            key = trial_kind(self.agenda.unit(slot).kind, slot.role)
            done, total = counts[key]
            counts[key] = (done + (slot in self.agenda.done), total + 1)
        return counts

    def seconds_left(self, counts: dict[str, tuple[int, int]]) -> float | None:
        """Estimate for the trials left, from the mean duration of each kind; None before the first trial has ended."""
        durations = [seconds for group in self.durations.values() for seconds in group]
        if not durations:
            return None
        # A kind without an ended trial takes the mean over all kinds.
        work = sum(
            (total - done) * fmean(self.durations.get(key) or durations) for key, (done, total) in counts.items()
        )
        return work / max(1, len(self.running))


class PlainWatch(Watch):
    """Prints a line when a trial ends, for log files and pipes."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self._total = sum(1 for _ in progress.agenda.slots())

    def started(self, spec: TrialSpec) -> None:
        """Record the start."""
        self.progress.running[spec.name] = time.monotonic()

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Remember the progress."""
        self.progress.inside[spec.name] = progress

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Print the result."""
        seconds = self.progress.end_trial(spec, result)
        self._print(f"{spec.name}: {_result_text(self.progress, result)} ({seconds:.0f} s)")

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Print the reason."""
        self.progress.running.pop(spec.name, None)
        self._print(f"{spec.name}: LOST, {reason}")

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Print the message."""
        self._print(f"{spec.name}: {message}")

    def _print(self, text: str) -> None:
        done = len(self.progress.agenda.done)
        self.console.print(f"[{done}/{self._total}] {text}", highlight=False, markup=False, soft_wrap=True)


class LiveWatch(Watch):
    """Updates a live display, and prints failures and messages above it."""

    def __init__(self, progress: Progress, live: Live) -> None:
        self.progress = progress
        self._live = live

    def started(self, spec: TrialSpec) -> None:
        """Add the trial to the running ones."""
        self.progress.running[spec.name] = time.monotonic()

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
        self.progress.running.pop(spec.name, None)
        self._live.console.print(f"{spec.name}: LOST, {reason}", markup=False)

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Print the message."""
        self._live.console.print(f"{spec.name}: {message}", markup=False)


@contextmanager
def watching(agenda: Agenda, scores: list[ScoreRecord], console: Console) -> Iterator[Watch]:
    """Display a sweep while it runs. `scores` are those that the ledger has at the start."""
    progress = Progress(agenda)
    for record in scores:
        progress.add_score(record)
    if not console.is_terminal:
        # A live display would fill a log file with control characters.
        yield PlainWatch(progress, console)
        return
    with Live(
        get_renderable=lambda: _safely_drawn(progress), console=console, refresh_per_second=2, transient=False
    ) as live:
        yield LiveWatch(progress, live)


def _safely_drawn(progress: Progress) -> RenderableType:
    """The live display, or the error that prevents it: an exception would end the thread that refreshes the display."""
    try:
        return draw(progress)
    except Exception as error:  # noqa: BLE001  the sweep does not depend on its display
        return Text(f"The display failed ({type(error).__name__}: {error}).")


def draw(progress: Progress) -> RenderableType:
    """The live display at this moment."""
    counts = progress.counts()
    return Group(_bars(progress, counts), Matrix(progress), _running_trials(progress))


@dataclass
class Matrix:
    """Recipes by targets, in as many tables as the width of the terminal requires.

    A cell is the mean score over languages and over the finished seeds. It is dim until all seeds have finished. A
    dot is a cell without scores.
    """

    progress: Progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """A table for each group of columns that fits the width."""
        rows = self._rows()
        first = max(len("recipe"), *(len(name) for name in rows))
        targets = [target.task for target in self.progress.agenda.plan.space.targets]
        title = "mean score x 100"  # above the first table only
        for columns in _column_groups(targets, options.max_width - first):
            table = Table(title=title, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False, box=None)
            table.add_column("recipe", overflow="fold")
            for number in columns:
                table.add_column(targets[number], justify="right", overflow="fold")
            for name, cells in rows.items():
                table.add_row(Text(name), *(cells[number] for number in columns))
            yield table
            title = ""

    def _rows(self) -> dict[str, list[Text]]:
        """Name of a recipe, with its model if there are several -> its cells in the order of the targets."""
        space = self.progress.agenda.plan.space
        rows = {}
        for model in space.models:
            for recipe in space.recipes:
                name = recipe.name if len(space.models) == 1 else f"{model.name} {recipe.name}"
                scores = [self.progress.cells.get((model.name, recipe.name, target.task)) for target in space.targets]
                rows[name] = [_cell(values, len(space.seeds)) for values in scores]
        return rows


def _column_groups(names: list[str], width: int) -> list[list[int]]:
    """Numbers of columns, in groups that fit into `width` characters. A column has its name, or a score like 100.0."""
    groups: list[list[int]] = [[]]
    used = 0
    for number, name in enumerate(names):
        size = 1 + max(len(name), len("100.0"))  # one blank between columns
        if groups[-1] and used + size > width:
            groups.append([])
            used = 0
        groups[-1].append(number)
        used += size
    return groups


def _cell(scores: list[float] | None, num_seeds: int) -> Text:
    if not scores:
        return Text("·", style="dim")
    return Text(f"{100 * fmean(scores):.1f}", style="" if len(scores) >= num_seeds else "dim")


def _bars(progress: Progress, counts: dict[str, tuple[int, int]]) -> Table:
    table = Table.grid(padding=(0, 1))
    for key, (done, total) in counts.items():
        if total:
            table.add_row(TRIAL_KINDS[key], ProgressBar(total=total, completed=done, width=40), f"{done}/{total}")
    left = progress.seconds_left(counts)
    elapsed = _clock(time.monotonic() - progress.started_at)
    table.add_row("elapsed", elapsed, "" if left is None else f"about {_clock(left)} left")
    return table


def _running_trials(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    now = time.monotonic()
    for name, start in list(progress.running.items())[:MAX_RUNNING]:
        table.add_row(Text(_clock(now - start), style="dim"), Text(name))
    if len(progress.running) > MAX_RUNNING:
        table.add_row("", f"and {len(progress.running) - MAX_RUNNING} more")
    return table


def _result_text(progress: Progress, result: TrialResult) -> str:
    record = result.training
    if record.state == "failed":
        return f"FAILED, {record.reason}"
    if result.scores:
        shown = [score for score in result.scores if progress.shows(score)]
        return ", ".join(f"{score.target} {100 * _mean_score(score):.1f}" for score in shown)
    return "" if record.value is None else f"selection {100 * record.value:.1f}"


def _mean_score(score: ScoreRecord) -> float:
    """Mean of the main metric over languages, as a fraction of 1."""
    return fmean(metrics[score.main] for metrics in score.metrics.values())


def _clock(seconds: float) -> str:
    """Seconds as H:MM:SS, or M:SS below one hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
