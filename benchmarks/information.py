"""Is the usable information of wrong labels below its bound, and near it? Trainings in the synthetic world.

    python -m benchmarks.information [--world 1] [--out runs/information] [-- RUN OPTIONS]

If a share p of the labels is replaced by one of the two other labels, no model has more than log 3 - H(p) - p log 2
nats of usable information about them (H: the entropy of a share, in nats). The claims of the synthetic world have three
classes, and all of their dev examples are about concepts that their training data teach, so that a model can come close
to the bound. The run trains on claims with a share of wrong labels, and twins without input. An existing run is
resumed, so the same command prints the table again:

    wrong labels 15%  information 0.591 ± 0.047 nats  bound 0.601 (expected 0.572)  98% of the bound  384 items  ok

The bound is that of the share of wrong labels in the dev data, which differs from p by chance, as a mean over seeds. A
line is ok if the information is at most two standard errors above the bound, and at least 80 % of it.
"""

import argparse
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from analysis.results.difficulty import Information, information_of
from analysis.results.load import RunData, load
from analysis.results.outcomes import read_outcomes
from search_spaces.demo_full import PREPARE
from search_spaces.demo_full import SPACE as FULL
from sweeper.run.run import Run
from sweeper.space import Recipe, Stage, Target, Training
from sweeper.space.twins import NOISY_LABELS
from sweeper.world.settings import parse_world, world_name

SHARES = (0.0, 0.15, 0.3)
"""Probabilities of a wrong label."""
FEWEST = 0.8
"""Share of the bound that a model must reach."""
NUM_SEEDS = 3
SCALE = 4
"""Four times the examples, of which a training sees each twice: with five epochs, it would learn wrong labels by
heart."""
SPACE = replace(
    FULL,
    name="information",
    title="Usable information of labels of which a share is wrong",
    recipes=tuple(
        Recipe(
            name=f"{share:.0%} wrong",
            stages=(Stage(tasks=("claims",), label_noise=share, training=replace(PREPARE, epochs=2)),),
        )
        for share in SHARES
    ),
    # A space needs a target; this one takes a second.
    targets=(Target(task="names", training=Training(max_steps=1, cap_examples=16), languages=("en",), eval_cap=10),),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    null_twins=True,
    world=f"demo:draws={NUM_SEEDS + 1},scale={SCALE}",
)


def bound(share: float) -> float:
    """The largest usable information, in nats, about three equally frequent labels of which a share is wrong."""
    entropy = -sum(part * math.log(part) for part in (share, 1 - share) if part)
    return math.log(3) - entropy - share * math.log(2)


def verdict(measured: Information, largest: float) -> str:
    """`ok`, or what is wrong with the information."""
    if not measured.num_seeds:
        return "not measured"
    if measured.information - 2 * measured.se > largest:
        return "above the bound"
    return "ok" if measured.information >= FEWEST * largest else f"below {FEWEST:.0%} of the bound"


def lines_of(data: RunData) -> Iterator[tuple[str, str]]:
    """The line and the verdict of each recipe."""
    for share, recipe in zip(SHARES, SPACE.recipes, strict=True):
        measured = information_of(data, SPACE.models[0].name, recipe)
        shares = wrong_shares(data, recipe.name) if share else [0.0]
        largest = sum(map(bound, shares)) / len(shares) if shares else math.nan
        value = f"{measured.information:.3f} ± {measured.se:.3f} nats"
        judged = verdict(measured, largest)
        yield (
            (
                f"wrong labels {share:.0%}  information {value}  bound {largest:.3f} (expected {bound(share):.3f})  "
                f"{measured.information / largest:.0%} of the bound  {measured.num_items} items  {judged}"
            ),
            judged,
        )


def wrong_shares(data: RunData, recipe: str) -> list[float]:
    """The share of wrong labels in the dev data of each seed.

    The prediction is the same on clean and on noisy labels, so that only examples with a wrong label have another
    log-probability of the gold label.
    """
    ledger = Run.open(data.run).ledger
    by_seed: dict[int | None, dict[str, npt.NDArray[np.float64]]] = {}
    for record in data.preparation_records:
        outcomes = read_outcomes(record, ledger, data.unread) if record.recipe == recipe else None
        if outcomes is not None:
            by_seed.setdefault(record.seed, {})[record.condition] = outcomes["log_p_gold"].to_numpy(dtype=float)
    return [float((scores["clean"] != scores[NOISY_LABELS]).mean()) for scores in by_seed.values()]


def sweep(options: argparse.Namespace) -> Path:
    """Run or resume the trainings in a world."""
    run: Path = options.out / f"world-{options.world}"
    world = world_name(replace(parse_world(SPACE.world), truth_seed=options.world))
    command = [sys.executable, "-m", "sweeper", "run", __file__, "--out", str(run), "--set", f"world={world}"]
    command += ["--cache", str(options.out / "cache"), *options.run_options]
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        raise SystemExit(f"The run of {run} did not finish: the same command resumes it.")
    return run


def main() -> None:
    """Run or resume the trainings, and print the measured information beside its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/information"))
    parser.add_argument("run_options", metavar="options", nargs="*", help="after --: options of `sweeper run`")
    options = parser.parse_args()
    lines = list(lines_of(load(str(sweep(options)))))
    print("\n".join(line for line, _ in lines))
    if any(judged != "ok" for _, judged in lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
