"""How good are the learning rates that a search finds? Regret and inflation at equal numbers of trainings.

    python -m benchmarks.search [--studies 100] [--columns 12] [--jobs 2]
    python -m benchmarks.search --world [--studies 10] [--seeds 10]

The response is simulated (`simulations/response.py`): the score falls quadratically with the logarithmic distance from
an optimum, and a training has noise. With `--world` the trainings are real: 64 steps on a target of the
synthetic world (`simulations/tiny.py`); the expected score of a learning rate is interpolated between means over seeds.
All figures are means in points, with the standard error of the regret.

- regret: score at the optimum minus the expected score of the chosen learning rate. Ideal: 0.
- best tried: regret of the best learning rate that was tried. No choice among these trials can do better.
- inflation: selection value of the chosen trial minus its expected score. A search that reports its best value reports
  this inflation. Ideal: 0.
- rungs: 24 dials at the cost of twelve trainings. With `shift` the optimum of a training with a tenth of the steps is
  higher by half a decade, which is an assumption. Noise is independent between the rungs.
- reported: the inflation of the score that is reported. The sweeper reports replicates with seeds that took no part in
  the choice, so that only noise around 0 remains.

The second table has columns of eleven cells, whose optima differ by some decades (standard deviation). It compares
equal numbers of trials in all cells with fewer in the cells after the baseline (`Search.prior`): twelve trials in
three decades, and the eight trials of the space `xtreme` in its range of learning rates, with its declared points.
"""

import argparse
import math
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import optuna
import ray
from optuna.distributions import FloatDistribution
from ray.tune.search.optuna import OptunaSearch

from benchmarks.simulations.response import Response, Trial, draw_cell, draw_response
from benchmarks.simulations.tiny import NUM_RATES, TinyTrainings
from search_spaces.xtreme import DIALS
from search_spaces.xtreme import SPACE as XTREME_SPACE
from sweeper.records.counting import chosen_trial, leaders
from sweeper.records.ended import EndedSpec, EndedTrial
from sweeper.records.spec import Role
from sweeper.space import LogUniform, Search
from sweeper.tuning.search import Request, Studies

NUM = 12
"""Trainings of each method."""
REPLICATES = 3
SETTINGS = ((3.0, 1.0), (4.0, 1.0), (4.0, 0.3))
"""Width of the range of learning rates in decades, and noise in points."""
SPREADS = (0.0, 0.1, 0.2, 0.3)
NUM_CELLS = 11
Prior = Sequence[Sequence[EndedTrial]]
Trainings = Response | TinyTrainings


class Found(NamedTuple):
    """The trainings of one study, and the chosen one with the selection value by which it was chosen."""

    trials: list[Trial]
    chosen: Trial


class Protocol(NamedTuple):
    """The searches of a column. Noise: that of the first of SETTINGS."""

    decades: float
    """Width of the range of learning rates."""
    first: tuple[float, ...]
    """Declared points, as shares of the upper end of the range."""
    num: int
    """Trials of each cell, or only of the baseline if the other cells have a prior."""
    num_with_prior: int | None = None


class Outcome(NamedTuple):
    """The result of one study, in points."""

    regret: float
    best_tried: float
    inflation: float
    reported: float


def with_rungs(response: Trainings, generator: Random, search: Search, shift: float) -> Found:
    """A search of the sweeper with rungs, if short trainings prefer rates that are higher by `shift` decades."""
    response = replace(response, shift=shift) if shift else response
    records = study(response, generator, search)
    trials = trials_of(records)
    for level, size in enumerate(search.rung_sizes(len(records)), start=1):
        rates = [float(leader.spec.dials["learning_rate"]) for leader in leaders(records, size)]
        trained = [response.train(rate, generator, search.rung_share(level)) for rate in rates]
        records = [record_of(number, trial) for number, trial in enumerate(trained)]
        trials += trained
    return Found(trials, best_of(trials_of(records)).chosen)


def best_of(trials: list[Trial]) -> Found:
    """The trial with the highest value is chosen."""
    return Found(trials, max(trials, key=lambda trial: trial.value))


def with_optuna_search(response: Trainings, generator: Random) -> Found:
    """Tune's OptunaSearch with its defaults, one trial after the other."""
    space = {"rate": FloatDistribution(response.low, response.high, log=True)}
    searcher = OptunaSearch(space, metric="score", mode="max", seed=generator.randrange(2**31))
    trials = []
    for number in range(NUM):
        trials.append(response.train(searcher.suggest(str(number))["rate"], generator))
        searcher.on_trial_complete(str(number), {"score": trials[-1].value})
    return best_of(trials)


def at_random(response: Trainings, generator: Random) -> Found:
    """Log-uniform learning rates."""
    rates = [response.high / 10 ** (response.decades * generator.random()) for _ in range(NUM)]
    return best_of([response.train(rate, generator) for rate in rates])


def on_a_grid(response: Trainings, generator: Random) -> Found:
    """Learning rates at equal logarithmic distances."""
    rates = [response.high / 10 ** (response.decades * (number + 0.5) / NUM) for number in range(NUM)]
    return best_of([response.train(rate, generator) for rate in rates])


def with_sweeper(response: Trainings, generator: Random, num: int = NUM) -> Found:
    """The default search of the sweeper."""
    return best_of(trials_of(study(response, generator, Search(trials=num))))


def with_race(response: Trainings, generator: Random, search: Search) -> Found:
    """A search of the sweeper, and a race of its best dials (`Search.race`)."""
    records = study(response, generator, search)
    racers = [float(leader.spec.dials["learning_rate"]) for leader in leaders(records, search.race)]
    race = [response.train(rate, generator) for rate in racers for _ in search.race_seeds]
    raced = [record_of(number, trial, "race") for number, trial in enumerate(race)]
    chosen = chosen_trial([*records, *raced], search)
    assert chosen is not None
    rate = float(chosen.spec.dials["learning_rate"])
    value = float(np.mean([trial.value for trial in race if trial.rate == rate]))
    return Found([*trials_of(records), *race], Trial(rate, value))


def study(
    response: Trainings, generator: Random, search: Search, prior: Prior = (), first: tuple[float, ...] = ()
) -> list[EndedTrial]:
    """The trials of a study of the sweeper. `first`: its declared points."""
    dials = {"learning_rate": LogUniform(low=response.low, high=response.high, first=first)}
    studies, key, records = Studies(), str(generator.random()), list[EndedTrial]()
    for number in range(search.num_trials(dials, has_prior=bool(prior))):
        request = Request(study=key, number=number, dials=dials, finished=records, prior=prior, search=search)
        rate = float(studies.suggest(request)["learning_rate"])
        records.append(record_of(number, response.train(rate, generator, search.rung_share(0))))
    return records


def trials_of(records: Sequence[EndedTrial]) -> list[Trial]:
    """The learning rates and values of records."""
    values = [math.nan if each.value is None else each.value for each in records]
    return [Trial(float(each.spec.dials["learning_rate"]), value) for each, value in zip(records, values, strict=True)]


def record_of(number: int, trial: Trial, role: Role = "search") -> EndedTrial:
    """A trial of a study as the ledger has it."""
    spec = EndedSpec(name="", role=role, number=number, dials={"learning_rate": trial.rate})
    return EndedTrial(key=f"{role} {number}", spec=spec, state="done", value=trial.value)


def outcome(response: Trainings, found: Found, generator: Random, replicates: int = 0) -> Outcome:
    """The outcome of the chosen trial. Without replicates, its value is the reported score."""
    trials, chosen = found
    score = response.score(chosen.rate)
    again = [response.train(chosen.rate, generator).value for _ in range(replicates)]
    return Outcome(
        regret=response.top - score,
        best_tried=response.top - max(response.score(trial.rate) for trial in trials),
        inflation=chosen.value - score,
        reported=(float(np.mean(again)) if again else chosen.value) - score,
    )


RUNGS = Search(trials=24, rungs=(0.1, 0.3))
"""Search trials that cost as many steps as NUM whole trainings: 24 x 0.1 + 12 x 0.3 + 6."""
METHODS: Mapping[str, tuple[Callable[[Trainings, Random], Found], int]] = {
    "Tune's OptunaSearch, defaults": (with_optuna_search, 0),
    "random": (at_random, 0),
    "grid": (on_a_grid, 0),
    "sweeper, 12 and 3 replicates": (with_sweeper, REPLICATES),
    "sweeper, 9 and 3 replicates": (lambda *given: with_sweeper(*given, num=NUM - REPLICATES), REPLICATES),
    "sweeper, 8, race of 2 on 2 seeds, 3 replicates": (
        lambda *given: with_race(*given, search=Search(trials=8, race=2)),
        REPLICATES,
    ),
    "sweeper, 6, race of 3 on 2 seeds, 3 replicates": (
        lambda *given: with_race(*given, search=Search(trials=6, race=3)),
        REPLICATES,
    ),
    "sweeper, 24 with rungs, 3 replicates": (lambda *given: with_rungs(*given, search=RUNGS, shift=0.0), REPLICATES),
    "sweeper, 24 with rungs, shift, 3 replicates": (
        lambda *given: with_rungs(*given, search=RUNGS, shift=0.5),
        REPLICATES,
    ),
}
"""Method -> its trials, and the number of its replicates."""


TWELVE = Protocol(decades=3.0, first=(), num=NUM)
XTREME = Protocol(
    decades=math.log10(DIALS["learning_rate"].high / DIALS["learning_rate"].low),
    first=tuple(rate / DIALS["learning_rate"].high for rate in DIALS["learning_rate"].first),
    num=XTREME_SPACE.search.trials,
)
PROTOCOLS: Mapping[str, Protocol] = {
    "12 in each cell": TWELVE,
    "12, then 5 in each cell": TWELVE._replace(num_with_prior=5),
    "8 as in xtreme in each cell": XTREME,
    "8 as in xtreme, then 3 in each cell": XTREME._replace(num_with_prior=3),
    "8 as in xtreme, then 4 in each cell": XTREME._replace(num_with_prior=4),
}


def measure_method(name: str, decades: float, noise: float, num_studies: int) -> list[Outcome]:
    """The outcomes of a method on responses that are the same for all methods."""
    quiet()
    search, replicates = METHODS[name]
    outcomes = []
    for seed in range(num_studies):
        response = draw_response(decades, noise, Random(seed))
        generator = Random(f"{seed} {name}")
        outcomes.append(outcome(response, search(response, generator), generator, replicates))
    return outcomes


def measure_world(names: Sequence[str], num_studies: int, num_seeds: int) -> Iterator[str]:
    """A line for each method, measured with real trainings in the synthetic world."""
    with tempfile.TemporaryDirectory(prefix="sweeper-search-") as folder:
        world = TinyTrainings(Path(folder), num_seeds)
        scores = " ".join(f"{10**power:.1e} {score:.1f}" for power, score in world.reference().items())
        yield f"mean value of {num_seeds} seeds at {NUM_RATES} learning rates: {scores}"
        for name in names:
            search, replicates = METHODS[name]
            generators = [Random(f"{seed} {name}") for seed in range(num_studies)]
            found = [(search(world, generator), generator) for generator in generators]
            yield line(name, [outcome(world, each, generator, replicates) for each, generator in found])
        yield f"{world.num} trainings"


def measure_column(spread: float, protocol: Protocol, num_columns: int) -> list[Outcome]:
    """The outcomes of all cells of simulated columns."""
    quiet()
    with_prior = protocol.num_with_prior
    search = Search(
        trials=protocol.num, prior="off" if with_prior is None else "baseline", trials_with_prior=with_prior
    )
    outcomes = []
    for seed in range(num_columns):
        generator = Random(seed)
        column = draw_response(protocol.decades, SETTINGS[0][1], generator)
        cells = [column, *(draw_cell(column, spread, generator) for _ in range(NUM_CELLS - 1))]
        first = tuple(share * column.high for share in protocol.first)
        prior: list[list[EndedTrial]] = []
        for cell in cells:
            records = study(cell, generator, search, prior, first)
            prior = [] if with_prior is None else [prior[0] if prior else records]
            outcomes.append(outcome(cell, best_of(trials_of(records)), generator, REPLICATES))
    return outcomes


def quiet() -> None:
    """Suppress the warnings and messages of libraries."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def line(name: str, outcomes: Sequence[Outcome]) -> str:
    """A row of a table."""
    means = np.mean(outcomes, axis=0)
    error = np.std([each.regret for each in outcomes], ddof=1) / len(outcomes) ** 0.5 if len(outcomes) > 1 else math.nan
    figures = "".join(f"{mean:12.2f}" for mean in means[1:])
    return f"{name:64}{means[0]:8.2f} +-{error:5.2f}{figures}"


def tables(options: argparse.Namespace) -> Iterator[str]:
    """The lines of both tables."""
    head = f"{'':64}{'regret':>8} {'':7}{'best tried':>12}{'inflation':>12}{'reported':>12}"
    with ProcessPoolExecutor(options.jobs) as pool:
        methods = [(name, *setting) for setting in SETTINGS for name in METHODS if options.only in name]
        columns = [(spread, name) for spread in SPREADS for name in PROTOCOLS if options.only in name]
        measured = [pool.submit(measure_method, *method, options.studies) for method in methods]
        compared = [pool.submit(measure_column, spread, PROTOCOLS[name], options.columns) for spread, name in columns]
        yield head
        for (name, decades, noise), result in zip(methods, measured, strict=True):
            yield line(f"{name}, {decades:g} decades, noise {noise:g}", result.result())
        yield head
        for (spread, name), result in zip(columns, compared, strict=True):
            yield line(f"optima differ by {spread} decades: {name}", result.result())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100, help="simulated studies of each method and range")
    parser.add_argument("--columns", type=int, default=12, help="simulated columns of each row of the second table")
    parser.add_argument("--only", default="", help="part of the names of the rows that are measured")
    parser.add_argument("--world", action="store_true", help="real tiny trainings in the synthetic world instead")
    parser.add_argument(
        "--seeds", type=int, default=10, help="with --world: seeds of each learning rate of the reference"
    )
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    options = parser.parse_args()
    started = time.monotonic()
    versions = f"python {platform.python_version()}, optuna {optuna.__version__}, ray {ray.__version__}"
    print(f"{date.today()}, {platform.machine()}, {versions}")
    names = [name for name in METHODS if options.only in name and "shift" not in name]
    for text in measure_world(names, options.studies, options.seeds) if options.world else tables(options):
        print(text, flush=True)
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
