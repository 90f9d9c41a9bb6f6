"""Measures of the difficulty of intermediate tasks, and their rank correlation with the mean gain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import StageSpec
from sweeper.run.run import Run
from sweeper.space import CLEAN, Recipe, Space
from sweeper.space.stage import has_one_label
from sweeper.space.twins import NO_INPUT, NOISY_LABELS

from .cartography import DataMap, MapMeasures
from .halves import MIN_N
from .influence import Units
from .load import RunData
from .outcomes import COLUMNS as ITEM
from .outcomes import read_outcomes
from .seed_part import MEAN
from .stats import spearman

Floats = npt.NDArray[np.float64]
MEASURES: Mapping[str, str] = {
    "information": "usable information",
    "mean_loss": "area under the learning curve",
    "code_length": "prequential description length",
    "headroom": "share of its own headroom gained",
    "confidence": "mean confidence",
    "variability": "mean variability",
}
"""Measure -> its name in texts."""
MAPPED = ("confidence", "variability")
"""Measures that only spaces with `cartography` have."""
COLUMNS = (
    *("model", "recipe", "task", "label_noise", "mlm_share", "information", "se", "entropy", "num_seeds", "num_items"),
    *("mean_loss", "code_length", "headroom", "gain", *vars(MapMeasures())),
)
"""Columns of the table: one row for each recipe of one task.

information: mean over examples and seeds of the log-probability of the gold answer minus that of the twin without input
(Ethayarajh et al. 2022), in nats for each example, on the dev data of the task. se: its standard error. entropy: minus
the mean log-probability of the twin. mean_loss: mean training loss over all steps, in nats for each label, which is the
area under the learning curve divided by the number of steps; nan with masked language modelling. code_length: the sum
of the losses of all examples when they are first seen (Blier and Ollivier 2018), in nats; nan unless each example is
seen once, unchanged, and has one label. headroom and gain (over the targets of the mean) are fractions of 1. The others
are those of `MapMeasures`."""
NO_MAPS: Mapping[str, DataMap] = {}


@dataclass(frozen=True, kw_only=True)
class Information:
    """Usable information of one recipe, in nats for each example; nan without a twin."""

    information: float = np.nan
    se: float = np.nan
    entropy: float = np.nan
    num_seeds: int = 0
    num_items: int = 0


def difficulty(data: RunData, model: str, traits: pd.DataFrame, maps: Mapping[str, DataMap] = NO_MAPS) -> pd.DataFrame:
    """The measures of each recipe of one task, with COLUMNS.

    `traits` are those of `Correlations`, `maps` the `data_maps` of the model.
    """
    recipes = {recipe.name: recipe for recipe in data.space.recipes}
    rows = []
    for name, trait in traits.iterrows():
        recipe = recipes[str(name)]
        information = information_of(data, model, recipe)
        records = data.preparations(model, recipe.name)
        rows.append(
            {
                "model": model,
                "recipe": recipe.name,
                "task": recipe.stages[-1].tasks[0],
                "label_noise": recipe.stages[-1].label_noise,
                "mlm_share": max(stage.mlm_share for stage in recipe.stages),
                **vars(information),
                "mean_loss": loss_of(data, model, recipe),
                "code_length": _mean(_code_length(record, data.space) for record in records),
                "headroom": trait["headroom"],
                "gain": trait[MEAN],
                **vars(maps.get(recipe.name, DataMap()).measures),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def rank_correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of each measure with the mean gain: columns measure, rho, n, p (permutation).

    Only over the first recipe of each task without label noise and masked language modelling: variants of one task are
    not independent tasks. rho and p are nan with fewer than MIN_N tasks. A measure of MAPPED without any value is left
    out.
    """
    tasks = table[(table["label_noise"] == 0) & (table["mlm_share"] == 0)].drop_duplicates("task")
    rows = []
    for measure in MEASURES:
        if measure in MAPPED and table[measure].isna().all():
            continue
        both = tasks[[measure, "gain"]].dropna()
        if len(both) < MIN_N:
            rows.append((measure, np.nan, len(both), np.nan))
            continue
        correlated = spearman(both[measure].tolist(), both["gain"].tolist())
        rows.append((measure, correlated.rho, correlated.n, correlated.p))
    return pd.DataFrame(rows, columns=["measure", "rho", "n", "p"])


def information_of(data: RunData, model: str, recipe: Recipe) -> Information:
    """The usable information of a recipe on the dev data of its task, over the seeds that it and its twin have."""
    twin = data.space.twins.get(recipe.name)
    if twin is None or not data.run:
        return Information()
    condition = NOISY_LABELS if recipe.stages[-1].label_noise else CLEAN
    informed = _by_seed(data, model, recipe.name, condition)
    blind = _by_seed(data, model, twin.name, NO_INPUT.name)
    pairs = [_log_probabilities(data, informed[seed], blind[seed]) for seed in informed if seed in blind]
    return usable_information([pair for pair in pairs if pair is not None and len(pair)])


def loss_of(data: RunData, model: str, recipe: Recipe) -> float:
    """The mean training loss of a recipe over its seeds, in nats for each label; nan without."""
    return _mean(map(_label_loss, data.preparations(model, recipe.name)))


def usable_information(pairs: Iterable[pd.DataFrame]) -> Information:
    """The usable information from a frame for each seed.

    A frame has the index language, example, group and the columns `informed` and `blind` log-probability. The standard
    error adds the variance over seeds to that over groups of examples, so that it is not too small; with one seed it is
    that over groups.
    """
    frames = list(pairs)
    if not frames:
        return Information()
    gained = [frame["informed"] - frame["blind"] for frame in frames]
    by_seed = np.array([values.mean() for values in gained])
    by_item = pd.concat(gained, axis=1).mean(axis=1)
    variance = _item_variance(by_item)
    if len(by_seed) > 1:
        variance += float(by_seed.var(ddof=1)) / len(by_seed)
    return Information(
        information=float(by_seed.mean()),
        se=float(np.sqrt(variance)),
        entropy=-_mean(frame["blind"].mean() for frame in frames),
        num_seeds=len(frames),
        # Draws of data have other groups under the same ids.
        num_items=by_item.groupby(level=["language", "example"]).ngroups,
    )


def _item_variance(values: "pd.Series[float]") -> float:
    """The variance of a mean over new groups of examples (index language, example, group), as in `Units`."""
    units = Units()
    positions = units.positions(values.index.to_frame(index=False))
    deviations = (values - values.mean()).to_numpy(dtype=float)
    sums = np.bincount(np.asarray(units.units)[positions], weights=deviations)
    if len(sums) < 2:
        return np.nan
    return float(sums @ sums) / len(values) ** 2 * len(sums) / (len(sums) - 1)


def mean_loss(loss: Iterable[float], steps: int) -> float:
    """The mean over all steps of a loss curve, whose points are means over equal ranges of the steps; nan without."""
    values: Floats = np.array(list(loss), dtype=float)
    if not len(values) or not steps:
        return np.nan
    edges = np.array([round(point * steps / len(values)) for point in range(len(values) + 1)])
    return float(values @ np.diff(edges)) / steps


def _code_length(record: TrainingRecord, space: Space) -> float:
    """The online code length of the labels of a training, in nats; nan if its losses are no code."""
    stage = record.spec.chain[-1]
    have_one_label = [has_one_label(space.task(data.task)) for data in stage.data]
    if have_one_label != [True] or not _sees_once(stage):
        return np.nan
    return _label_loss(record) * sum(record.examples.values())


def _label_loss(record: TrainingRecord) -> float:
    """The mean loss of the labels of a training; nan if it includes the loss of masked language modelling."""
    return np.nan if record.spec.chain[-1].mlm is not None else mean_loss(record.loss, record.steps)


def _sees_once(stage: StageSpec) -> bool:
    """Whether a stage sees no example twice, and its loss is that of the examples as they are."""
    training = stage.training
    changes = training.adversarial or training.embedding_noise or any(data.perturbation for data in stage.data)
    return training.epochs <= 1 and not training.min_steps and not changes


def _by_seed(data: RunData, model: str, recipe: str, condition: str) -> dict[int | None, ScoreRecord]:
    """Seed -> the score of a preparation on the task of its last stage under a condition."""
    return {
        score.seed: score
        for score in data.preparation_records
        if (score.model, score.recipe, score.condition) == (model, recipe, condition)
    }


def _log_probabilities(data: RunData, informed: ScoreRecord, blind: ScoreRecord) -> pd.DataFrame | None:
    """The log-probabilities of the examples that both scores have; None if the outcomes have none."""
    ledger = Run.open(data.run).ledger
    columns = []
    for name, record in (("informed", informed), ("blind", blind)):
        outcomes = read_outcomes(record, ledger, data.unread)
        if outcomes is None or "log_p_gold" not in outcomes:
            return None
        columns.append(outcomes.set_index(list(ITEM))["log_p_gold"].astype(float).rename(name))
    return pd.concat(columns, axis=1, join="inner").dropna()


def _mean(values: Iterable[float]) -> float:
    numbers = [value for value in values if not np.isnan(value)]
    return float(np.mean(numbers)) if numbers else np.nan
