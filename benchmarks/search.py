"""How good are the learning rates that a search finds? Regret and inflation at equal numbers of trainings.

    python -m benchmarks.search [--studies 100] [--columns 12] [--jobs 2]

The response is simulated (`simulations/response.py`): the score falls quadratically with the logarithmic distance from
an optimum, and a training has noise. All figures are means in points, with the standard error of the
regret.

- regret: score at the optimum minus the expected score of the chosen learning rate. Ideal: 0.
- best tried: regret of the best learning rate that was tried. No choice among these trials can do better.
- inflation: selection value of the chosen trial minus its expected score. A search that reports its best value reports
  this inflation. Ideal: 0.
- reported: the inflation of the score that is reported. The sweeper reports replicates with seeds that took no part in
  the choice, so that only noise around 0 remains.

The second table has columns of eleven cells, whose optima differ by some decades (standard deviation). It compares
twelve trials in each cell with twelve in the baseline and five in the others (`Search.prior`), 62 instead of 132
trainings.
"""

import argparse
import math
import platform
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from itertools import starmap
from random import Random
from typing import NamedTuple

import numpy as np
import optuna
import ray
from optuna.distributions import FloatDistribution
from ray.tune.search.optuna import OptunaSearch

from benchmarks.simulations.response import HIGHEST, Response, Trial, draw_cell, draw_response
from sweeper.records.ended import EndedSpec, EndedTrial
from sweeper.space import LogUniform, Search
from sweeper.tuning.search import Request, Studies

NUM = 12
"""Trainings of each method."""
REPLICATES = 3
SETTINGS = ((3.0, 1.0), (4.0, 1.0), (4.0, 0.3))
"""Width of the range of learning rates in decades, and noise in points."""
SPREADS = (0.0, 0.1, 0.2, 0.3)
NUM_CELLS = 11
PRIOR_TRIALS = 5
Prior = Sequence[Sequence[EndedTrial]]


class Outcome(NamedTuple):
    """The result of one study, in points."""

    regret: float
    best_tried: float
    inflation: float
    reported: float


def with_optuna_search(response: Response, generator: Random) -> list[Trial]:
    """Tune's OptunaSearch with its defaults, one trial after the other."""
    space = {"rate": FloatDistribution(response.low, HIGHEST, log=True)}
    searcher = OptunaSearch(space, metric="score", mode="max", seed=generator.randrange(2**31))
    trials = []
    for number in range(NUM):
        trials.append(response.train(searcher.suggest(str(number))["rate"], generator))
        searcher.on_trial_complete(str(number), {"score": trials[-1].value})
    return trials


def at_random(response: Response, generator: Random) -> list[Trial]:
    """Log-uniform learning rates."""
    return [response.train(HIGHEST / 10 ** (response.decades * generator.random()), generator) for _ in range(NUM)]


def on_a_grid(response: Response, generator: Random) -> list[Trial]:
    """Learning rates at equal logarithmic distances."""
    return [
        response.train(HIGHEST / 10 ** (response.decades * (number + 0.5) / NUM), generator) for number in range(NUM)
    ]


def with_sweeper(response: Response, generator: Random, num: int = NUM) -> list[Trial]:
    """The default search of the sweeper."""
    return trials_of(study(response, generator, Search(trials=num)))


def study(response: Response, generator: Random, search: Search, prior: Prior = ()) -> list[EndedTrial]:
    """The trials of a study of the sweeper."""
    dials = {"learning_rate": LogUniform(low=response.low, high=HIGHEST)}
    studies, key, records = Studies(), str(generator.random()), list[EndedTrial]()
    for number in range(search.num_trials(dials, has_prior=bool(prior))):
        request = Request(study=key, number=number, dials=dials, finished=records, prior=prior, search=search)
        rate = float(studies.suggest(request)["learning_rate"])
        records.append(record_of(number, response.train(rate, generator)))
    return records


def trials_of(records: Sequence[EndedTrial]) -> list[Trial]:
    """The learning rates and values of records."""
    return [Trial(float(each.spec.dials["learning_rate"]), each.value or math.nan) for each in records]


def record_of(number: int, trial: Trial) -> EndedTrial:
    """A search trial as the ledger has it."""
    spec = EndedSpec(name="", role="search", number=number, dials={"learning_rate": trial.rate})
    return EndedTrial(key=str(number), spec=spec, state="done", value=trial.value)


def outcome(response: Response, trials: Sequence[Trial], generator: Random, replicates: int = 0) -> Outcome:
    """The outcome of the trial with the highest value. Without replicates, its value is the reported score."""
    chosen = max(trials, key=lambda trial: trial.value)
    score = response.score(chosen.rate)
    again = [response.train(chosen.rate, generator).value for _ in range(replicates)]
    return Outcome(
        regret=response.top - score,
        best_tried=response.top - max(response.score(trial.rate) for trial in trials),
        inflation=chosen.value - score,
        reported=(float(np.mean(again)) if again else chosen.value) - score,
    )


METHODS: Mapping[str, tuple[Callable[[Response, Random], list[Trial]], int]] = {
    "Tune's OptunaSearch, defaults": (with_optuna_search, 0),
    "random": (at_random, 0),
    "grid": (on_a_grid, 0),
    "sweeper, 12 and 3 replicates": (with_sweeper, REPLICATES),
    "sweeper, 9 and 3 replicates": (lambda *given: with_sweeper(*given, num=NUM - REPLICATES), REPLICATES),
}
"""Method -> its trials, and the number of its replicates."""


def measure_method(name: str, decades: float, noise: float, num_studies: int) -> list[Outcome]:
    """The outcomes of a method on responses that are the same for all methods."""
    _quiet()
    search, replicates = METHODS[name]
    outcomes = []
    for seed in range(num_studies):
        response = draw_response(decades, noise, Random(seed))
        generator = Random(f"{seed} {name}")
        outcomes.append(outcome(response, search(response, generator), generator, replicates))
    return outcomes


def measure_column(spread: float, has_prior: bool, num_columns: int) -> list[Outcome]:
    """The outcomes of all cells of simulated columns."""
    _quiet()
    search = Search(
        trials=NUM, prior="baseline" if has_prior else "off", trials_with_prior=PRIOR_TRIALS if has_prior else None
    )
    outcomes = []
    for seed in range(num_columns):
        generator = Random(seed)
        column = draw_response(*SETTINGS[0], generator)
        cells = [column, *(draw_cell(column, spread, generator) for _ in range(NUM_CELLS - 1))]
        prior: list[list[EndedTrial]] = []
        for cell in cells:
            records = study(cell, generator, search, prior)
            prior = [prior[0] if prior else records] if has_prior else []
            outcomes.append(outcome(cell, trials_of(records), generator, REPLICATES))
    return outcomes


def _quiet() -> None:
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def line(name: str, outcomes: Sequence[Outcome]) -> str:
    """A row of a table."""
    means = np.mean(outcomes, axis=0)
    error = np.std([each.regret for each in outcomes], ddof=1) / len(outcomes) ** 0.5
    figures = "".join(f"{mean:12.2f}" for mean in means[1:])
    return f"{name:52}{means[0]:8.2f} +-{error:5.2f}{figures}"


def tables(options: argparse.Namespace) -> Iterator[str]:
    """The lines of both tables."""
    head = f"{'':52}{'regret':>8} {'':7}{'best tried':>12}{'inflation':>12}{'reported':>12}"
    with ProcessPoolExecutor(options.jobs) as pool:
        methods = [(name, *setting) for setting in SETTINGS for name in METHODS]
        columns = [(spread, has_prior) for spread in SPREADS for has_prior in (False, True)]
        measured = [pool.submit(measure_method, *method, options.studies) for method in methods]
        compared = [pool.submit(measure_column, *column, options.columns) for column in columns]
        yield head
        for (name, decades, noise), result in zip(methods, measured, strict=True):
            yield line(f"{name}, {decades:g} decades, noise {noise:g}", result.result())
        yield head
        for names, result in zip(starmap(column_name, columns), compared, strict=True):
            yield line(names, result.result())


def column_name(spread: float, has_prior: bool) -> str:
    """The name of a row of the second table."""
    trials = f"12, then {PRIOR_TRIALS} in each cell" if has_prior else "12 in each cell"
    return f"optima differ by {spread} decades: {trials}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100, help="simulated studies of each method and range")
    parser.add_argument("--columns", type=int, default=12, help="simulated columns of each row of the second table")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    options = parser.parse_args()
    started = time.monotonic()
    versions = f"python {platform.python_version()}, optuna {optuna.__version__}, ray {ray.__version__}"
    print(f"{date.today()}, {platform.machine()}, {versions}")
    for text in tables(options):
        print(text, flush=True)
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
