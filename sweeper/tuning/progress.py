"""How a sweep goes: bars by kind of trial, the matrix filling up, what each worker does; plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.plan.units import TRIAL_KINDS, trial_kind
from sweeper.records.counting import is_shown
from sweeper.records.record import ScoreRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.watch import Watch


@dataclass
class Board:
    """What is known of a sweep at a moment: counts, cells, trials in flight."""

    agenda: Agenda
    started_at: float = field(default_factory=time.monotonic)
    durations: dict[str, list[float]] = field(default_factory=dict)
    flying: dict[str, float] = field(default_factory=dict)
    cells: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    """(model, recipe, target) -> a score a seed, as fractions of 1."""

    def shows(self, record: ScoreRecord) -> bool:
        """Whether a score is what the matrix shows, and not one of a further layer."""
        targets = {target.task: target for target in self.agenda.plan.space.targets}
        return record.target not in targets or is_shown(record, targets[record.target])

    def take(self, record: ScoreRecord) -> None:
        """Count a score into its cell."""
        if not self.shows(record):
            return
        main = [metrics[record.main] for metrics in record.metrics.values()]
        self.cells.setdefault((record.model, record.recipe, record.target), []).append(fmean(main))

    def counts(self) -> dict[str, tuple[int, int]]:
        """Kind -> finished and all."""
        found = dict.fromkeys(TRIAL_KINDS, (0, 0))
        for slot in self.agenda.slots():
            kind = trial_kind(self.agenda.unit(slot).kind, slot.role)
            done, total = found[kind]
            found[kind] = (done + (slot in self.agenda.done), total + 1)
        return found

    def seconds_left(self, counts: dict[str, tuple[int, int]]) -> float | None:
        """What is left at the pace of the trials of each kind that ended so far; None before the first of them."""
        every = [seconds for found in self.durations.values() for seconds in found]
        if not every:
            return None
        work = sum((total - done) * fmean(self.durations.get(kind) or every) for kind, (done, total) in counts.items())
        return work / max(1, len(self.flying))


class PlainWatch(Watch):
    """A line for every trial, for logs and pipes."""

    def __init__(self, board: Board, console: Console) -> None:
        self.board = board
        self.console = console
        self._total = sum(1 for _ in board.agenda.slots())

    def started(self, spec: TrialSpec) -> None:
        """Remember since when."""
        self.board.flying[spec.name] = time.monotonic()

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Print what came out."""
        seconds = _count(self.board, spec, result)
        self._say(f"{spec.name}: {_outcome(self.board, result)} ({seconds:.0f} s)")

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Print why."""
        self.board.flying.pop(spec.name, None)
        self._say(f"{spec.name}: LOST, {reason}")

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Print it."""
        self._say(f"{spec.name}: {message}")

    def _say(self, text: str) -> None:
        done = len(self.board.agenda.done)
        self.console.print(f"[{done}/{self._total}] {text}", highlight=False, markup=False, soft_wrap=True)


class LiveWatch(Watch):
    """A display that redraws itself, for terminals."""

    def __init__(self, board: Board, live: Live) -> None:
        self.board = board
        self._live = live

    def started(self, spec: TrialSpec) -> None:
        """Show it at work."""
        self.board.flying[spec.name] = time.monotonic()

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Move its bar and fill its cells."""
        _count(self.board, spec, result)
        if result.training.state == "failed":
            self._live.console.print(f"{spec.name}: {_outcome(self.board, result)}", markup=False)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Say why, above the display."""
        self.board.flying.pop(spec.name, None)
        self._live.console.print(f"{spec.name}: LOST, {reason}", markup=False)

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Say it, above the display."""
        self._live.console.print(f"{spec.name}: {message}", markup=False)


@contextmanager
def watching(agenda: Agenda, known: list[ScoreRecord], console: Console) -> Iterator[Watch]:
    """Show a sweep while it runs; `known` are the scores that the ledger holds already."""
    board = Board(agenda)
    for record in known:
        board.take(record)
    if not console.is_terminal:
        yield PlainWatch(board, console)
        return
    with Live(get_renderable=lambda: draw(board), console=console, refresh_per_second=2, transient=False) as live:
        yield LiveWatch(board, live)


def draw(board: Board) -> RenderableType:
    """The display at this moment."""
    counts = board.counts()
    return Group(_bars(board, counts), matrix(board), _at_work(board))


def matrix(board: Board) -> Table:
    """Recipes by targets, a cell the mean over languages and over the seeds so far; a dot where nothing is yet."""
    space = board.agenda.plan.space
    table = Table(title="mean score x 100", title_justify="left", pad_edge=False, box=None)
    table.add_column("recipe")
    for target in space.targets:
        table.add_column(target.task, justify="right")
    for model in space.models:
        for recipe in space.recipes:
            name = recipe.name if len(space.models) == 1 else f"{model.name} {recipe.name}"
            cells = [board.cells.get((model.name, recipe.name, target.task)) for target in space.targets]
            table.add_row(name, *(_cell(scores, len(space.seeds)) for scores in cells))
    return table


def _cell(scores: list[float] | None, num_seeds: int) -> Text:
    if not scores:
        return Text("·", style="dim")
    return Text(f"{100 * fmean(scores):.1f}", style="" if len(scores) >= num_seeds else "dim")


def _bars(board: Board, counts: dict[str, tuple[int, int]]) -> Table:
    table = Table.grid(padding=(0, 1))
    for kind, (done, total) in counts.items():
        if total:
            table.add_row(TRIAL_KINDS[kind], ProgressBar(total=total, completed=done, width=40), f"{done}/{total}")
    left = board.seconds_left(counts)
    elapsed = _clock(time.monotonic() - board.started_at)
    table.add_row("elapsed", elapsed, "" if left is None else f"about {_clock(left)} left")
    return table


def _at_work(board: Board) -> Table:
    table = Table.grid(padding=(0, 1))
    now = time.monotonic()
    for name, since in list(board.flying.items())[:16]:
        table.add_row(Text(_clock(now - since), style="dim"), name)
    if len(board.flying) > 16:
        table.add_row("", f"and {len(board.flying) - 16} more")
    return table


def _count(board: Board, spec: TrialSpec, result: TrialResult) -> float:
    seconds = time.monotonic() - board.flying.pop(spec.name, time.monotonic())
    board.durations.setdefault(trial_kind(spec.kind, spec.role), []).append(seconds)
    for record in result.scores:
        board.take(record)
    return seconds


def _outcome(board: Board, result: TrialResult) -> str:
    record = result.training
    if record.state == "failed":
        return f"FAILED, {record.reason}"
    if result.scores:
        return ", ".join(
            f"{score.target} {100 * fmean(m[score.main] for m in score.metrics.values()):.1f}"
            for score in result.scores
            if board.shows(score)
        )
    return "" if record.value is None else f"selection {100 * record.value:.1f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
