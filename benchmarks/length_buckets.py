"""What do batches of similar lengths save, and what do they cost in score? Trainings on real text with several seeds.

    python -m benchmarks.length_buckets [--mirror DIR] [--pools 1,10,50,50x1.6] [--out runs/length-buckets]

A training sorts its items by length within pools of some batches (`sweeper.training.batches.POOL`). Larger pools have
less padding, and batches that are more alike. The script runs a sweep of part-of-speech tagging with ten seeds, then
trains and scores each of its trials again with each size of the pool, one after the other in this process and with one
thread. For each size it prints the share of padding among the tokens of a batch, the CPU seconds of a trial (training
and evaluation) as a share of those without pools, and the score minus that without pools, paired by seed, with its 95 %
interval over seeds (Student's t). A pool of one batch is a random batch. `50x1.6` trains 1.6 times as many epochs, so
that sizes can be compared at equal CPU time.
"""

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from sweeper.files.leftovers import locked_folder
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.run import Run
from sweeper.space import Model, Recipe, Space, Target, Training
from sweeper.training import batches
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench

Floats = npt.NDArray[np.float64]
LANGUAGES = ("en", "de", "ru", "zh")
SPACE = Space(
    name="length-buckets",
    title="Part-of-speech tagging with batches of similar lengths",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=(Recipe(name="baseline"),),
    targets=(
        Target(
            task="pos_hub",
            training=Training(learning_rate=2e-4, epochs=2, batch_size=16, max_length=128, cap_examples=500),
            languages=LANGUAGES,
        ),
    ),
    seeds=tuple(range(1, 11)),
    evaluate="dev",
    eval_cap=150,
)


@contextmanager
def pools_of(num: int) -> Iterator[None]:
    """Trainings with pools of `num` batches."""
    usual, batches.POOL = batches.POOL, num
    try:
        yield
    finally:
        batches.POOL = usual


def sweep(options: argparse.Namespace) -> list[TrainingRecord]:
    """Run or resume the sweep. Returns the records of its trainings in the order of their seeds."""
    command = [sys.executable, "-m", "sweeper", "run", __file__, "--out", str(options.out)]
    command += ["--mirror", str(options.mirror)] if options.mirror else []
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        raise SystemExit(f"The run of {options.out} did not finish: the same command resumes it.")
    records = Run.open(str(options.out)).ledger.trainings().values()
    trained = (record for record in records if record.spec.kind == "target" and record.state == "done")
    return sorted(trained, key=lambda record: record.spec.seed)


@dataclass(frozen=True)
class Variant:
    """A size of the pools, and the epochs of a training as a multiple of those of the space."""

    pool: int
    epochs: float = 1.0

    def of(self, spec: TrialSpec) -> TrialSpec:
        """The trial with these epochs. Its encoder is not kept."""
        [stage] = spec.chain
        training = replace(stage.training, epochs=self.epochs * stage.training.epochs)
        return replace(spec, keep=False, chain=(replace(stage, training=training),))

    def __str__(self) -> str:
        return f"{self.pool}" if self.epochs == 1 else f"{self.pool}x{self.epochs:g}"


def variants(text: str) -> list[Variant]:
    """The variants of a text such as `1,50,50x1.6`. Raises ValueError if it is none."""
    parts = [part.partition("x") for part in text.split(",")]
    return [Variant(int(pool), float(epochs or 1)) for pool, _, epochs in parts]


def measure(record: TrainingRecord, run: str, variant: Variant) -> tuple[Floats, float]:
    """The scores of a trial by language, as fractions of 1, and its CPU seconds."""
    with locked_folder("length-buckets-") as scratch, pools_of(variant.pool):
        bench = Workbench(Run.open(run).site.with_results_in(str(scratch)))
        started = time.process_time()
        result = run_trial(variant.of(record.spec), bench, retrain=True)
        seconds = time.process_time() - started
    (score,) = result.scores
    return np.array([score.metrics[language][score.main] for language in LANGUAGES]), seconds


def padding(record: TrainingRecord, run: str, num_batches: int) -> float:
    """The share of padding among the tokens of the batches of one epoch."""
    spec = record.spec
    with pools_of(num_batches):
        bench = Workbench(Run.open(run).site)
        (encoded,) = bench.reader(spec).encoded(spec.chain[-1].data[0]).values()
        lengths = np.diff(encoded.features.offsets)
        order = batches.bucketed(lengths, spec.chain[-1].training.batch_size, np.random.default_rng(0))
        padded = sum(int(lengths[batch].max()) * len(batch) for batch in order)
    return 1 - float(lengths.sum()) / padded


def difference(scores: Floats, random: Floats) -> str:
    """The mean of paired differences in points with its 95 % interval over seeds; both are (seeds,)."""
    differences = 100 * (scores - random)
    half = stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    return f"{differences.mean():+5.2f} ± {half:.2f}"


def main() -> None:
    """Run the sweep, then print a line for each size of the pools."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", type=Path)
    parser.add_argument("--pools", type=variants, default="1,10,50,50x1.6")
    parser.add_argument("--out", type=Path, default=Path("runs/length-buckets"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    records, run = sweep(options), str(options.out)
    measure(records[0], run, Variant(1))  # the first trial of a process loads libraries
    print(f"{date.today()}, {platform.machine()}, torch {torch.__version__}, {len(records)} seeds")
    print(f"{'pool':>7}  {'padding':>7}  {'CPU s':>6}  {'share':>5}  {'en':>13}  {'other languages':>15}")
    first: tuple[Floats, float] | None = None
    for variant in options.pools:
        measured = [measure(record, run, variant) for record in records]
        scores = np.array([values for values, _ in measured])
        seconds = float(np.mean([spent for _, spent in measured]))
        usual, usual_seconds = first = first or (scores, seconds)
        english = difference(scores[:, 0], usual[:, 0])
        zero_shot = difference(scores[:, 1:].mean(axis=1), usual[:, 1:].mean(axis=1))
        share = padding(records[0], run, variant.pool)
        print(
            f"{variant!s:>7}  {share:7.1%}  {seconds:6.1f}  {seconds / usual_seconds:5.2f}  {english:>13}  "
            f"{zero_shot:>15}",
            flush=True,
        )
    print(f"mean scores with the first pool: {', '.join(f'{100 * value:.1f}' for value in usual.mean(axis=0))}")


if __name__ == "__main__":
    main()
