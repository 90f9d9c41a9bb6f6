"""Where the workers' time went in a run: training and evaluation steps, waiting for data, everything else.

    python benchmarks/overhead.py RUN

Reads the ledger of a local run folder and nothing else. Worker time is the time from the first trial's start to the
last one's end, times the largest number of trials that ran at once; it counts the gaps between two runs of a resumed
sweep, so measure one that ran through. Scores of prepared encoders write no training record: their time counts as
spent between trials.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sweeper.records.record import TrainingRecord
from sweeper.run.ledger import Ledger

STEPS = ("train", "evaluate")
AIMS = {"steps": 0.90, "wait": 0.02}
"""Of all worker time in training and evaluation steps, at least; of the trials' time waiting for data, at most."""
COLUMNS = ("trials", "seconds", "steps %", "wait %", "load, save %", "other %")


@dataclass(frozen=True, kw_only=True)
class Span:
    """One trial on the clock."""

    kind: str
    begin: float
    """Seconds since the epoch."""
    timing: dict[str, float]

    @property
    def end(self) -> float:
        return self.begin + self.timing["total"]

    def seconds(self, *kinds: str) -> float:
        return sum(self.timing.get(kind, 0.0) for kind in kinds)


def read_spans(run: Path) -> list[Span]:
    ledger = Ledger.at(str(run / "ledger"))
    return [_span(record, run / "ledger" / "trainings" / f"{key}.json") for key, record in ledger.trainings().items()]


def _span(record: TrainingRecord, path: Path) -> Span:
    stamp = record.machine.get("started")
    # Records of older versions carry no stamp; theirs were written as the last thing of their trial.
    begin = datetime.fromisoformat(stamp).timestamp() if stamp else path.stat().st_mtime - record.timing["total"]
    return Span(kind=f"{record.spec.kind}, {record.spec.role}", begin=begin, timing=dict(record.timing))


def num_workers(spans: Iterable[Span]) -> int:
    """The largest number of trials that ran at once."""
    # Half a second is rounding of the file system's clock, no second worker.
    events = sorted([(one.begin + 0.5, 1) for one in spans] + [(one.end, -1) for one in spans])
    running = most = 0
    for _, change in events:
        running += change
        most = max(most, running)
    return max(most, 1)


def kind_row(name: str, spans: list[Span]) -> list[str]:
    total = sum(one.timing["total"] for one in spans)
    shares = [sum(one.seconds(*kinds) for one in spans) / total for kinds in (STEPS, ("wait",), ("load", "save"))]
    return [name, str(len(spans)), f"{total:.1f}", *(f"{100 * share:.1f}" for share in (*shares, 1 - sum(shares)))]


def report(spans: list[Span]) -> list[str]:
    kinds = sorted({one.kind for one in spans})
    rows = [kind_row(kind, [one for one in spans if one.kind == kind]) for kind in kinds]
    rows.append(kind_row("all trials", spans))
    head = ["kind of trial", *COLUMNS]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]


def conclusions(spans: list[Span]) -> list[str]:
    wall, workers = max(one.end for one in spans) - min(one.begin for one in spans), num_workers(spans)
    busy = sum(one.timing["total"] for one in spans)
    steps = sum(one.seconds(*STEPS) for one in spans) / (wall * workers)
    wait = sum(one.seconds("wait") for one in spans) / busy
    return [
        f"wall {wall:.0f} s x {workers} workers = {wall * workers:.0f} s of worker time",
        f"in training and evaluation: {100 * steps:.1f} % of worker time (aim: {100 * AIMS['steps']:.0f} % or more)",
        f"waiting for data: {100 * wait:.2f} % of trial time (aim: under {100 * AIMS['wait']:.0f} %)",
        f"between trials: {100 * (1 - busy / (wall * workers)):.1f} % of worker time (ideal: 0)",
    ]


def main() -> None:
    run = Path(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
    records = Ledger.at(str(run / "ledger")).trainings()
    if not records:
        sys.exit(f"{run} holds no finished trial: give the folder of a run.")
    machines = sorted(
        {" ".join((r.machine["host"], r.machine["device"], f"torch {r.machine['torch']}")) for r in records.values()}
    )
    print(f"{run.name}, {datetime.now(UTC):%Y-%m-%d}, {'; '.join(machines)}")
    spans = read_spans(run)
    print("\n".join([*report(spans), *conclusions(spans)]))


if __name__ == "__main__":
    main()
