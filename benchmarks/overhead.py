"""Shares of worker time in a run: training and evaluation steps, waiting for data, everything else.

    python -m benchmarks.overhead RUN

Reads only the ledger of a run folder. Worker time is the time from the start of the first trial to the end of the last
one, times the largest number of trials that ran at the same time. It includes the time between two runs of a resumed
sweep, so measure a sweep that was not interrupted. The time of a prepared encoder's scoring is in its score records;
records of earlier versions do not have it, and it then counts as time between trials.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sweeper.errors import UserError
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.run.run import Run

STEPS = ("train", "evaluate")
AIMS = {"steps": 0.95, "wait": 0.02}
"""Smallest share of worker time in steps, and largest share of the trials' time waiting for data."""
COLUMNS = ("trials", "seconds", "steps %", "wait %", "load, save %", "other %")


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time of one trial."""

    group: str
    """Kind and role of the trial."""
    begin: float
    """Seconds since the epoch."""
    timing: dict[str, float]
    """Seconds of each activity, and `total`."""

    @property
    def end(self) -> float:
        """Seconds since the epoch."""
        return self.begin + self.timing["total"]

    def seconds(self, *activities: str) -> float:
        """Sum over activities; one that the record does not have counts as 0."""
        return sum(self.timing.get(name, 0.0) for name in activities)


def span_of(record: TrainingRecord) -> Span:
    """The time of a record. Raises UserError if it has no start time."""
    if "started" not in record.machine:
        raise UserError(f"The record of {record.spec.name} has no start time: it was written by an old version.")
    begin = datetime.fromisoformat(record.machine["started"]).timestamp()
    return Span(group=f"{record.spec.kind}, {record.spec.role}", begin=begin, timing=dict(record.timing))


def score_span(record: ScoreRecord) -> Span:
    """The time of a score that no training record includes."""
    begin = datetime.fromisoformat(record.started).timestamp()
    return Span(group="score, replicate", begin=begin, timing=dict(record.timing))


def num_workers(spans: Iterable[Span]) -> int:
    """The largest number of trials that ran at the same time."""
    starts, ends = zip(*((span.begin, span.end) for span in spans), strict=True)
    # Start times can be rounded: two trials that overlap by less than half a second ran one after the other.
    events = sorted([(begin + 0.5, 1) for begin in starts] + [(end, -1) for end in ends])
    running = most = 0
    for _, change in events:
        running += change
        most = max(most, running)
    return max(most, 1)


def table_row(name: str, spans: list[Span]) -> list[str]:
    """Number of trials, seconds and shares of a group."""
    total = sum(span.timing["total"] for span in spans)
    groups = (STEPS, ("wait",), ("load", "save"))
    shares = [sum(span.seconds(*activities) for span in spans) / total for activities in groups]
    return [name, str(len(spans)), f"{total:.1f}", *(f"{100 * share:.1f}" for share in (*shares, 1 - sum(shares)))]


def table(spans: list[Span]) -> list[str]:
    """Lines of a table with a row for each group and one for all trials."""
    groups = sorted({span.group for span in spans})
    rows = [table_row(group, [span for span in spans if span.group == group]) for group in groups]
    rows.append(table_row("all trials", spans))
    head = ["kind of trial", *COLUMNS]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]


def conclusions(spans: list[Span]) -> list[str]:
    """Shares of the worker time, with their aims."""
    wall, workers = max(span.end for span in spans) - min(span.begin for span in spans), num_workers(spans)
    busy = sum(span.timing["total"] for span in spans)
    steps = sum(span.seconds(*STEPS) for span in spans) / (wall * workers)
    wait = sum(span.seconds("wait") for span in spans) / busy
    return [
        f"wall {wall:.0f} s x {workers} workers = {wall * workers:.0f} s of worker time",
        f"in training and evaluation: {100 * steps:.1f} % of worker time (aim: {100 * AIMS['steps']:.0f} % or more)",
        f"waiting for data: {100 * wait:.2f} % of trial time (aim: under {100 * AIMS['wait']:.0f} %)",
        f"between trials: {100 * (1 - busy / (wall * workers)):.1f} % of worker time (ideal: 0)",
    ]


def main() -> None:
    """Print the table and the conclusions for the run folder on the command line."""
    url = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    ledger = Run.at(url).ledger
    records = list(ledger.trainings().values())
    if not records:
        sys.exit(f"{url} has no finished trial. Name the folder of a run.")
    machines = sorted(
        {" ".join((r.machine["host"], r.machine["device"], f"torch {r.machine['torch']}")) for r in records}
    )
    print(f"{url}, {datetime.now(UTC):%Y-%m-%d}, {'; '.join(machines)}")
    spans = [span_of(record) for record in records]
    spans += [score_span(score) for score in ledger.scores().values() if score.started]
    print("\n".join([*table(spans), *conclusions(spans)]))


if __name__ == "__main__":
    main()
