"""CPU seconds and memory of the driver of a large sweep: of a restart, and of simulated trials.

    python -m benchmarks.scale                      both parts, for about 100 and 1,000 trials
    python -m benchmarks.scale --sizes 10000 --slots 16 --seconds 1    the full size, on an idle machine with 16 CPUs
    python -m benchmarks.scale --parts sweep --sizes 200 --slots 60 --nodes 3 --seconds 60    on a cluster

A restart is `sweeper run` of a sweep that has finished, and `sweeper status`, on a ledger that the benchmark writes.
The trials of the other part run through the real searcher, Tuner and ledger, in actors that load no torch: they wait
and write records like those of real trials. Tune's own floor is printed beside it: the same number of trials that do
nothing, with a searcher that only counts. The wall time has the ideal of trials x seconds / slots; it says nothing on a
machine that is busy or has fewer CPUs than slots.

With `--nodes`, the simulated trials run on a cluster of a head and this number of nodes, which are processes of this
machine, and the driver joins it as with `sweeper run --address`. The line of the sweep has the largest number of trials
that ran at the same time.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import TypeVar

from rich.console import Console

import sweeper.tuning.launch as launching
from benchmarks.simulations.actors import SimulatedActor, run_counter, sleep_variable
from benchmarks.simulations.nodes import cluster_of
from benchmarks.simulations.trials import SimulatedLedger, finish, scale_space
from sweeper.plan.resolve import Resolver
from sweeper.plan.sources import sources_of
from sweeper.plan.status import status_of
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.run.run import Run
from sweeper.tuning.halt import Halt
from sweeper.tuning.launch import launch
from sweeper.tuning.live_file import live_file
from sweeper.tuning.options import Options, Workers
from sweeper.tuning.shares import Shares
from sweeper.tuning.sweep import make_agenda, make_site, run_sweep
from sweeper.tuning.watch import Watch, Watches

T = TypeVar("T")
AIM = 3.0
"""CPU seconds of the restart of 10,000 trials, beside imports."""


def cpu_seconds(action: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of this process in an action, and its result."""
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def peak_megabytes() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def options_of(folder: Path) -> Options:
    """The options of the sweep in a folder."""
    return Options(run=str(folder), quiet=True, cache=str(folder.parent / "cache"))


def write_run(folder: Path, size: int) -> None:
    """Write a run folder in which all trials of a sweep have finished."""
    space, options, run = scale_space(size), options_of(folder), Run.at(str(folder))
    site = make_site(space, options)
    assert site.mirror is not None
    resolver = Resolver(space=space, sources=sources_of(space, Path(site.mirror), Path(site.cache)))
    run.keep_space(space)
    run.keep_site(site, options.kept())
    agenda = make_agenda(resolver, run.ledger.contents())
    finish(agenda, SimulatedLedger(run.ledger, durable=False))
    print(f"{size:>6}  wrote {len(agenda.done)} trials", flush=True)


def restart(folder: Path, size: int) -> None:
    """Print the CPU seconds of `sweeper run` and `sweeper status` in a finished run folder."""
    start = peak_megabytes()
    status_seconds, _ = cpu_seconds(lambda: status_of(str(folder)))
    seconds, result = cpu_seconds(lambda: run_sweep(scale_space(size), options_of(folder), Console()))
    assert result.num_done == result.num_slots, "The sweep has not finished."
    print(
        f"{size:>6}  restart of {result.num_slots} trials: {seconds:.2f} CPU s beside imports "
        f"(aim for 10,000: {AIM:.0f}), status {status_seconds:.2f} CPU s, "
        f"{peak_megabytes() - start:.0f} MB more than after the imports",
        flush=True,
    )


class Running(Watch):
    """Counts the trials that run at the same time."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self.largest = 0

    def started(self, spec: TrialSpec) -> None:
        """One more trial runs."""
        self._running.add(spec.key)
        self.largest = max(self.largest, len(self._running))

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """One trial less runs."""
        self._running.discard(spec.key)


def simulate(folder: Path, size: int, slots: int, seconds: float, nodes: int) -> None:
    """Print the CPU seconds of the driver for simulated trials."""
    space, run = scale_space(size), Run.at(str(folder))
    site = run.make_site()
    os.environ.update(sleep_variable(seconds))
    resolver = Resolver(space=space, sources=None)
    agenda = make_agenda(resolver, run.ledger.contents())
    launching.TrialActor = SimulatedActor  # type: ignore[misc]
    halt, running = Halt(), Running()
    with (
        cluster_of(nodes, slots) if nodes else nullcontext("local") as address,
        live_file(agenda, run.live, print, halt) as live,
    ):
        workers, watch = Workers(num=slots, address=address), Watches([live, running], print)
        before, began = peak_megabytes(), time.monotonic()
        used, result = cpu_seconds(lambda: launch(agenda, site, workers, watch, halt, Shares()))
        assert not result.fatal and agenda.finished, result.fatal
        num = len(agenda.done)
        wall = time.monotonic() - began
    name = f"sweep, {running.largest} trials at a time on {f'{nodes} nodes' if nodes else 'one machine'}"
    report(name, num, used, wall, peak_megabytes() - before, num * seconds / slots)
    print(f"{size:>6}  peak memory of the driver: {peak_megabytes():.0f} MB", flush=True)


def floor(size: int, slots: int, seconds: float, nodes: int) -> None:
    """Print the CPU seconds of Tune for trials that do nothing."""
    os.environ.update(sleep_variable(seconds))
    largest = scale_space(size).models[0].resources
    with tempfile.TemporaryDirectory(prefix="sweeper-scale-") as scratch:
        before, began = peak_megabytes(), time.monotonic()
        with cluster_of(nodes, slots) if nodes else nullcontext("local") as address:
            workers = Workers(num=slots, address=address)
            used, _ = cpu_seconds(lambda: run_counter(size, workers, largest, Path(scratch)))
        report("Tune's floor", size, used, time.monotonic() - began, peak_megabytes() - before, size * seconds / slots)


def report(name: str, num: int, used: float, wall: float, memory: float, ideal: float) -> None:
    """Print one line."""
    print(
        f"{num:>6}  {name}: {1000 * used / num:.1f} CPU ms a trial with the start of Ray, {1000 * memory / num:.0f} kB "
        f"a trial, {wall:.0f} s (ideal {ideal:.0f})",
        flush=True,
    )


PARTS: dict[str, Callable[..., None]] = {"write": write_run, "restart": restart, "floor": floor, "sweep": simulate}
"""Part -> the function that measures it, each in a process of its own."""


def main() -> None:
    """Run each part for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000", help="numbers of trials")
    parser.add_argument("--slots", type=int, default=2, help="simulated trials at a time")
    parser.add_argument("--seconds", type=float, default=0.0, help="duration of a simulated trial")
    parser.add_argument("--nodes", type=int, default=0, help="nodes of a cluster; 0: one machine")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--measure", nargs=3, metavar=("PART", "FOLDER", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    simulation = {"slots": options.slots, "seconds": options.seconds, "nodes": options.nodes}
    if options.measure:
        part, folder, size = options.measure
        arguments = {"write": {}, "restart": {}}.get(part, simulation)
        places = () if part == "floor" else (Path(folder),)
        PARTS[part](*places, int(size), **arguments)
        return
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="sweeper-scale-") as scratch:
        for size in options.sizes.split(","):
            for part in options.parts.split(","):
                run = f"{scratch}/{'sweep' if part == 'sweep' else 'finished'}-{size}"
                repeated = [f"--{name}={value}" for name, value in simulation.items()]
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.scale", *repeated, "--measure", part, run, size], check=True
                )


if __name__ == "__main__":
    main()
