"""How long does the report of a large sweep take, and how much memory does it need?

    python -m benchmarks.report [--recipes 24 --targets 20 --seeds 20 --languages 40] [--out DIR]

Writes a ledger of simulated scores through the records of the project (once: an existing one is used again) and makes
its report in processes of one thread: stage by stage, then the whole report, then the same report again. Prints CPU
seconds without imports, and the peak memory, with the aims beside them. Item intervals are excluded, because the scores
have no outcomes. The first report reads all records, computes and draws everything; the second one is kept, after a
check that neither the run nor the code has changed. A report after any such change takes as long as the first.
"""

import argparse
import gc
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from analysis.figures.pages import figure_files
from analysis.page.page import PageSource, page_files
from analysis.report import files, latex
from analysis.report.report import write_report
from analysis.results.collector import frozen_objects, paused_collector, system_memory
from analysis.results.load import load
from analysis.results.results import results_of_run
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json, write_sealed
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, ModelSpec, StageSpec, TrialSpec
from sweeper.space import Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.tasks.languages import PANX
from sweeper.tasks.spec import Rows, Task

AIMS = {"first": 10.0, "second": 3.0}
"""Report -> the aim in CPU seconds on one core, for 10,000 scores in 40 languages."""
AIM_MEMORY = 1.0
"""GB."""


def space(options: argparse.Namespace) -> Space:
    """Return a space with the numbers of rows, columns, seeds and languages of the options."""

    languages = PANX[: options.languages]

    def task(name: str, *, is_target: bool) -> Task:
        rows = {
            code: (Rows(id=f"b/{name}", config=code, split="dev"),) for code in (languages if is_target else ("en",))
        }
        train = {"en": (Rows(id=f"b/{name}", config="en", split="train"),)}
        return Task(name=name, format="classify", scorer="accuracy", train=train, dev=rows, licence="none")

    sources = [task(f"source{number}", is_target=False) for number in range(options.recipes)]
    targets = [task(f"target{number}", is_target=True) for number in range(options.targets)]
    return Space(
        name="large",
        models=(Model(name="tiny", id="b/tiny"),),
        recipes=(Recipe(name="baseline"), *(Recipe(name=s.name, stages=(Stage(tasks=(s.name,)),)) for s in sources)),
        targets=tuple(Target(task=t.name) for t in targets),
        tasks=(*sources, *targets),
        seeds=tuple(range(1, options.seeds + 1)),
        search=Search(scope="target", trials=1),
    )


def write_run(options: argparse.Namespace) -> Path:
    """Write the run folder of the options, unless it exists. Returns its path."""

    sizes = (options.recipes, options.targets, options.seeds, options.languages)
    run: Path = options.out / "-".join(map(str, sizes))
    if (run / "done").exists():
        return run
    given = space(options)
    random = np.random.default_rng(0)
    ledger = Folder(str(run / "ledger"))
    Folder(str(run)).write("space.json", write_json(given))
    model = ModelSpec(name="tiny", id="b/tiny", identity="weights")

    def stage(name: str, seed: int) -> StageSpec:
        data = (DataSpec(task=name, part="train", languages=("en",), max_length=8, stride=4),)
        return StageSpec(data=data, training=Training(), seed=seed)

    for recipe in given.recipes:
        chain = tuple(stage(recipe.name, 0) for _ in recipe.stages)
        for target in given.targets:
            gain = random.normal(0, 0.02)
            for seed in given.seeds:
                stages_of_target = (*(replace(item, seed=seed) for item in chain), stage(target.task, seed))
                spec = TrialSpec(
                    name=f"{recipe.name} on {target.task}, {seed}",
                    kind="target",
                    model=model,
                    recipe=recipe.name,
                    task=target.task,
                    chain=stages_of_target,
                    role="replicate",
                    seed=seed,
                )
                machine = {"started": "2026-01-01T00:00:00.000+00:00", "host": "h", "device": "cpu x1"}
                training = TrainingRecord(
                    key=spec.key, spec=spec, state="done", value=0.5, machine=machine, timing={"total": 60.0}
                )
                values = 0.5 + gain + random.normal(0, 0.02, options.languages)
                languages = list(given.task(target.task).dev)
                metrics = {name: {"accuracy": float(value)} for name, value in zip(languages, values, strict=True)}
                score = ScoreRecord(
                    key=spec.key,
                    training=spec.key,
                    model="tiny",
                    recipe=recipe.name,
                    target=target.task,
                    seed=seed,
                    split="dev",
                    metrics=metrics,
                    trivial={name: {"accuracy": 0.3} for name in languages},
                    counts=dict.fromkeys(languages, 1000),
                    main="accuracy",
                    outcomes=f"outcomes/{spec.key}.parquet",
                )
                ledger.write(f"trainings/{spec.key}.json", write_sealed(training), durable=False)
                ledger.write(f"scores/{spec.key}.json", write_sealed(score), durable=False)
    (run / "done").touch()
    return run


def stages(run: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each stage of a report and the function that runs it."""

    kept: dict[str, Any] = {}

    @paused_collector()
    @system_memory()
    def loaded() -> None:
        kept["data"] = load(run)
        gc.freeze()  # as in `write_report`

    def computed() -> None:
        kept["results"] = results_of_run(kept["data"])
        gc.freeze()  # as in `write_report`

    yield "read the ledger", loaded
    with system_memory(), frozen_objects():
        yield "compute", computed
        yield (
            "tables",
            lambda: [(files.table_files(item), latex.table_files(item)) for item in kept["results"]],
        )
        yield "figures", lambda: [figure_files(item) for item in kept["results"]]
        yield (
            "page",
            lambda: page_files(PageSource(data=kept["data"], results=kept["results"], run=run, findings=())),
        )


def measure(run: str, name: str) -> None:
    """Print CPU seconds and peak memory: of each stage (`stages`), or of a whole report with its aim."""
    steps = stages(run) if name == "stages" else iter([("whole report", lambda: write_report(run))])
    for stage, action in steps:
        start = time.process_time()
        action()
        seconds, memory = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        aim = f"   aim {AIMS[name]:.0f} s and {AIM_MEMORY:.0f} GB" if name in AIMS else ""
        print(f"{name:<8} {stage:<18} {seconds:7.1f} s   peak {memory:.2f} GB{aim}", flush=True)


def main() -> None:
    """Write the ledger, then measure the stages and two reports in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("recipes", 24), ("targets", 20), ("seeds", 20), ("languages", 40)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=Path("runs/report-benchmark"))
    parser.add_argument("--measure", metavar="RUN", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="first", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.name)
        return
    run = write_run(options)
    print(
        f"{date.today()}, {run.name} (recipes-targets-seeds-languages), {platform.machine()}, {sys.version.split()[0]}"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    shutil.rmtree(run / "report", ignore_errors=True)  # otherwise the first report would be kept
    for name in ("stages", *AIMS):
        command = [sys.executable, __file__, "--measure", str(run), "--name", name]
        subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
