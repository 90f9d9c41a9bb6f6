"""How much less CPU time does a transfer matrix need than with the conventional sweep? 3 x 3 cells on real text.

    pip install accelerate
    python -m benchmarks.peer [--mirror DIR] [--trials 12] [--seeds 3] [--out runs/peer]

The conventional sweep is one Ray Tune run with OptunaSearch for each cell. Each of its trials trains a pair of Hugging
Face Trainers, the intermediate task and then the target. Both sweeps have the same tokenised items, caps, epochs,
batches and numbers of search trials and seeds. Trainers pad a batch to its longest item, not to the maximum, which
favours them.

CPU seconds are measured for one trial of each type and multiplied by the trials that each sweep needs for the whole
matrix: the trials of Tune are real, one at a time, in processes of one thread; those of the sweeper are trials of a
finished sweep that run again in this process. Scores are those of all seeds at one fixed learning rate: accuracies of
the target's labels, in points. The last table has the trainings of both sweeps, their CPU seconds by activity, and the
CPU seconds of one training. The driver's own cost is measured by `scale.py` and not included.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import ray
import torch
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from benchmarks.simulations.pair import Pair, Part, items_of, run_pair
from sweeper.files.leftovers import locked_folder
from sweeper.plan.forecast import forecast
from sweeper.plan.pace import Pace
from sweeper.plan.units import make_plan
from sweeper.records.record import TrainingRecord
from sweeper.run.run import Run
from sweeper.space import LogUniform, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench

TRAINING = Training(learning_rate=2e-4, epochs=1, batch_size=16, max_length=128, cap_examples=480)
DIALS = {"learning_rate": LogUniform(low=2e-5, high=2e-3)}
LANGUAGES = ("en", "de", "zh")
TASKS = ("mnli", "mrpc", "ud_supertags")
SPACE = Space(
    name="peer",
    title="Three intermediate tasks and three targets, against the conventional sweep",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=name, stages=(Stage(tasks=(name,), training=TRAINING),)) for name in TASKS),
    ),
    targets=tuple(Target(task=name, training=TRAINING, languages=LANGUAGES) for name in ("pawsx", "pos_hub", "ner")),
    seeds=(1, 2, 3),
    evaluate="dev",
    eval_cap=200,
)
Costs = dict[str, float]
"""Activity -> CPU seconds."""


def searched(trials: int) -> Space:
    """The space with a search of the learning rate in every stage and target."""
    recipes = tuple(
        replace(recipe, stages=tuple(replace(stage, dials=DIALS) for stage in recipe.stages))
        for recipe in SPACE.recipes
    )
    targets = tuple(replace(target, dials=DIALS) for target in SPACE.targets)
    return replace(SPACE, recipes=recipes, targets=targets, search=Search(trials=trials))


def sweep(options: argparse.Namespace) -> Run:
    """Run or resume the sweep at the fixed learning rate."""
    command = [sys.executable, "-m", "sweeper", "run", __file__, "--out", str(options.out), "--set"]
    command += [f"seeds={options.seeds}", *(["--mirror", str(options.mirror)] if options.mirror else [])]
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        raise SystemExit(f"The run of {options.out} did not finish: the same command resumes it.")
    return Run.open(str(options.out))


def trial_cost(record: TrainingRecord, run: Run) -> Costs:
    """CPU seconds of a trial of the sweeper, by the clock of the trial."""
    with locked_folder("peer-") as scratch:
        bench = Workbench(run.site.with_results_in(str(scratch)))
        started = time.process_time()
        result = run_trial(replace(record.spec, keep=False), bench, retrain=True)
        seconds = time.process_time() - started
    timing = dict(result.training.timing)
    total = timing.pop("total")
    parts = {name: seconds * part / total for name, part in timing.items()}
    return {**parts, "rest": seconds - sum(parts.values())}


def pair_of(record: TrainingRecord, run: Run) -> Pair:
    """The conventional trial of a cell: the same items and options in the same order of stages."""
    bench, spec = Workbench(run.site), record.spec
    reader = bench.reader(spec)
    # The tasks of earlier stages are in the specs of their own trials.
    tasks = {task.name: task for other in run.ledger.trainings().values() for task in other.spec.tasks}
    reader = replace(reader, tasks=tasks)

    def part(stage: int) -> Part:
        data = spec.chain[stage].data[0]
        (encoded,) = reader.encoded(data).values()
        return Part(
            items=items_of(encoded.features),
            num_labels=len(reader.labels(data.task)),
            is_tagging="tags" in encoded.features.labels,
            training=spec.chain[stage].training,
        )

    location = str(bench.sources.model_location(spec.model.id))
    scored = reader.encoded(spec.scores[0].data)
    return Pair(
        encoder=location,
        tokenizer=location,
        parts=[part(stage) for stage in range(len(spec.chain))],
        evaluation={name: items_of(encoded.features) for name, encoded in scored.items()},
        seed=1,
    )


def conventional(pair: Pair, num: int) -> list[dict[str, object]]:
    """Run `num` trials of a cell with Tune and OptunaSearch, one at a time. Returns their results.

    OptunaSearch suggests the seed instead of a learning rate, so that scores are comparable.
    """

    def train(config: Mapping[str, float]) -> None:
        torch.set_num_threads(1)
        tune.report({"seed": config["seed"]} | run_pair(replace(pair, seed=int(config["seed"]))))

    algorithm = OptunaSearch(metric="seed", mode="max")
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={"seed": tune.quniform(1, 1_000, 1)},
        tune_config=tune.TuneConfig(search_alg=algorithm, num_samples=num, max_concurrent_trials=1),
        run_config=tune.RunConfig(verbose=0),
    )
    results = tuner.fit()
    if results.errors:
        raise SystemExit(f"A conventional trial failed: {results.errors[0]}")
    return [dict(results[number].metrics or {}) for number in range(len(results))]


def cells_of(run: Run) -> dict[tuple[str, str], list[TrainingRecord]]:
    """(recipe, target) -> the trainings of the cell, one for each seed."""
    cells: dict[tuple[str, str], list[TrainingRecord]] = {}
    for record in run.ledger.trainings().values():
        if record.spec.kind == "target":
            cells.setdefault((record.spec.recipe, record.spec.task), []).append(record)
    return {key: sorted(records, key=_seed) for key, records in sorted(cells.items())}


def _seed(record: TrainingRecord) -> int:
    return record.spec.seed or 0


def scores_of(run: Run, record: TrainingRecord) -> list[float]:
    """The accuracies of a training by language, as fractions of 1."""
    score = next(score for score in run.ledger.scores().values() if score.training == record.key)
    return [float(score.metrics[language]["accuracy"]) for language in LANGUAGES]


def total_of(costs: Mapping[str, Costs], counts: Mapping[str, int]) -> Costs:
    """The CPU seconds of all trials by activity: costs of one trial of each type times their number."""
    total: Costs = {}
    for name, cost in costs.items():
        for activity, seconds in cost.items():
            total[activity] = total.get(activity, 0.0) + counts[name] * seconds
    return total


def counts_of(options: argparse.Namespace) -> dict[str, int]:
    """Name of a replicate of the first seed -> the number of trials of its unit in the plan of the searched space."""
    space = replace(searched(options.trials), seeds=tuple(range(1, options.seeds + 1)))
    planned = forecast(space, mirror=None, run=str(options.out / "plan"), pace=Pace())
    names = {unit.name: unit.replicate_name(1) for unit in make_plan(space).units}
    return {names[row.unit]: row.search + row.replicates for row in planned.rows}


def main() -> None:
    """Run both sweeps, and print their CPU seconds, scores and the causes of the difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", type=Path)
    parser.add_argument("--trials", type=int, default=12, help="search trials of a cell, for the numbers of trainings")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/peer"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    run, planned = sweep(options), counts_of(options)
    first = [record for record in run.ledger.trainings().values() if _seed(record) == 1]
    trial_cost(first[0], run)  # the first trial of a process loads libraries
    ours = {record.spec.name: trial_cost(record, run) for record in first}
    our_counts = {name: planned[name] for name in ours}
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    ray.init(address="local", include_dashboard=False, log_to_driver=False, num_cpus=1)
    theirs: dict[str, Costs] = {}
    differences = []
    for (recipe, target), records in cells_of(run).items():
        results = conventional(pair_of(records[0], run), options.seeds)
        name = f"{recipe} -> {target}"
        spent = [result["cpu"] for result in results]
        theirs[name] = {key: float(np.mean([cost.get(key, 0.0) for cost in spent])) for key in spent[0]}  # type: ignore[attr-defined]
        own = np.mean([scores_of(run, record) for record in records])
        other = np.mean([list(result["accuracy"].values()) for result in results])  # type: ignore[attr-defined]
        differences.append(100 * (own - other))
        print(f"{name:28} {100 * own:6.1f} {100 * other:6.1f}  {100 * (own - other):+5.1f}", flush=True)
    counts = dict.fromkeys(theirs, options.trials + options.seeds)
    for line in report(total_of(ours, our_counts), total_of(theirs, counts), sum(our_counts.values()), counts):
        print(line)
    half = 1.96 * np.std(differences, ddof=1) / len(differences) ** 0.5
    print(f"score of the sweeper minus that of the Trainers: {np.mean(differences):+.2f} ± {half:.2f} points")


def report(ours: Costs, theirs: Costs, num_ours: int, counts: Mapping[str, int]) -> Iterator[str]:
    """The lines of the table: trainings, CPU seconds of the whole matrix by activity, and those of one training."""
    yield f"{date.today()}, {platform.machine()}, torch {torch.__version__}; CPU seconds of the whole matrix"
    num_theirs = sum(num * (1 if name.startswith("baseline") else 2) for name, num in counts.items())
    yield f"{'trainings':12} {num_theirs:9,d} {num_ours:9,d}  {num_theirs / num_ours:5.1f}"
    for activity in sorted({*ours, *theirs}):
        yield f"{activity:12} {theirs.get(activity, 0.0):9,.0f} {ours.get(activity, 0.0):9,.0f}"
    total_theirs, total_ours = sum(theirs.values()), sum(ours.values())
    yield f"{'total':12} {total_theirs:9,.0f} {total_ours:9,.0f}  {total_theirs / total_ours:5.1f}"
    per_training = theirs["train"] / num_theirs, ours["train"] / num_ours
    yield f"one training {per_training[0]:9.1f} {per_training[1]:9.1f}  {per_training[0] / per_training[1]:5.1f}"


if __name__ == "__main__":
    main()
