"""Dataset cartography (Swayamdipta et al. 2020): how examples of intermediate tasks were learned, by their training.

The confidence of an example is the mean probability of its gold label over the times that the training saw it, the
variability is their standard deviation, and the correctness is the share at which the gold label was the prediction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sweeper.errors import DamagedError, SweeperError
from sweeper.records.record import DynamicsRecord, TrainingRecord
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Recipe, Space, tasks_of
from sweeper.space.stage import has_one_label

from .load import RunData
from .stats import CONFIDENCE, Floats

MIN_VIEWS = 2
"""Fewest times that a training must see an example."""
EASY, HARD, AMBIGUOUS = 0.75, 0.25, 0.2
"""Smallest confidence of an easy example, largest one of a hard example, smallest variability of an ambiguous one."""
CELLS = 25
"""Number of cells of a data map along each axis."""


@dataclass(frozen=True, kw_only=True)
class MapMeasures:
    """Means over the examples and seeds of one recipe; nan if its training sees them less than MIN_VIEWS times."""

    views: float = np.nan
    """How often the training saw an example; known also below MIN_VIEWS."""
    confidence: float = np.nan
    variability: float = np.nan
    easy: float = np.nan
    """Share of the examples with a confidence of at least EASY and a variability below AMBIGUOUS."""
    ambiguous: float = np.nan
    """Share of the examples with a variability of at least AMBIGUOUS."""
    hard: float = np.nan
    """Share of the examples with a confidence of at most HARD and a variability below AMBIGUOUS."""
    noise_auc: float = np.nan
    """Probability that an example with a wrong label (`Stage.label_noise`) has a lower confidence than another one."""
    noise_low: float = np.nan
    noise_high: float = np.nan


@dataclass(frozen=True, kw_only=True)
class DataMap:
    """The examples of one recipe of one task."""

    measures: MapMeasures = field(default_factory=MapMeasures)
    examples: pd.DataFrame | None = None
    """Those of all seeds that were seen at least MIN_VIEWS times: columns seed, noisy, confidence, variability and
    correctness; None without any."""
    notes: tuple[str, ...] = ()
    """A sentence for each training whose dynamics are missing."""


def data_maps(data: RunData, model: str) -> dict[str, DataMap]:
    """Recipe of one task whose examples have one label -> its map; empty for a space without `cartography`."""
    if not (data.run and data.space.cartography):
        return {}
    ledger = Run.open(data.run).ledger
    names = [recipe.name for recipe in data.space.recipes if _has_map(recipe, data.space)]
    return {name: _data_map(data.preparations(model, name), ledger, data.unread) for name in names}


def _has_map(recipe: Recipe, space: Space) -> bool:
    tasks = tasks_of(recipe.stages, masked=False)
    return len(tasks) == 1 and has_one_label(space.task(tasks[0]))


def _data_map(records: Sequence[TrainingRecord], ledger: Ledger, unread: set[str]) -> DataMap:
    tables, notes = {}, []
    for record in records:
        if record.dynamics is None:
            notes.append(
                f"{record.spec.name} has no training dynamics: it was trained before the space had `cartography`, or "
                "its encoder came from the store."
            )
            continue
        table = _read(record.dynamics, ledger, unread)
        if table is None:
            notes.append(
                f"The training dynamics of {record.spec.name} ({record.dynamics.file}) are lost or damaged: only their "
                "means are known."
            )
        else:
            tables[record.spec.seed] = table[table["views"] >= MIN_VIEWS]
    seen = {seed: table for seed, table in tables.items() if len(table)}
    examples = pd.concat(seen, names=["seed"]).reset_index("seed").reset_index(drop=True) if seen else None
    means = [row for record in records if record.dynamics for row in record.dynamics.means.values()]
    return DataMap(measures=_measures(means, examples), examples=examples, notes=tuple(notes))


def _read(record: DynamicsRecord, ledger: Ledger, unread: set[str]) -> pd.DataFrame | None:
    try:
        return ledger.dynamics(record)
    except (DamagedError, ValueError, FileNotFoundError):
        return None
    except (OSError, SweeperError):
        unread.add(record.file)
        return None


def _measures(means: Sequence[Mapping[str, float]], examples: pd.DataFrame | None) -> MapMeasures:
    """The measures from the means of each record, which exist without its file, and from the examples."""
    views = _mean(row["views"] for row in means)
    if not views >= MIN_VIEWS:
        return MapMeasures(views=views)
    of_examples = {} if examples is None else shares_of(examples) | noise_found(examples)
    return MapMeasures(
        views=views,
        confidence=_mean(row["confidence"] for row in means),
        variability=_mean(row["variability"] for row in means if "variability" in row),
        **of_examples,
    )


def shares_of(examples: pd.DataFrame) -> dict[str, float]:
    """The shares of easy, ambiguous and hard examples."""
    is_ambiguous = examples["variability"] >= AMBIGUOUS
    return {
        "easy": float((~is_ambiguous & (examples["confidence"] >= EASY)).mean()),
        "ambiguous": float(is_ambiguous.mean()),
        "hard": float((~is_ambiguous & (examples["confidence"] <= HARD)).mean()),
    }


def noise_found(examples: pd.DataFrame) -> dict[str, float]:
    """Whether a low confidence finds wrong labels: the mean AUC over seeds with its 95 % interval; {} without any.

    The variance is the mean over seeds of that about new examples (DeLong et al. 1988), because all seeds have the same
    examples, plus that of the mean over seeds.
    """
    from scipy import special  # noqa: PLC0415 - as in `t_intervals`

    found = [
        _auc(rows["confidence"], rows["noisy"]) for _, rows in examples.groupby("seed") if _has_both(rows["noisy"])
    ]
    if not found:
        return {}
    areas, variances = np.array(found).T
    variance = variances.mean() + (areas.var(ddof=1) / len(areas) if len(areas) > 1 else 0.0)
    half = float(special.ndtri(0.5 + CONFIDENCE / 2) * np.sqrt(variance))
    area = float(areas.mean())
    return {"noise_auc": area, "noise_low": max(0.0, area - half), "noise_high": min(1.0, area + half)}


def _has_both(noisy: "pd.Series[bool]") -> bool:
    """Whether at least two labels are wrong and two are right, as a variance needs."""
    return 2 <= int(noisy.sum()) <= len(noisy) - 2


def _auc(confidence: "pd.Series[float]", noisy: "pd.Series[bool]") -> tuple[float, float]:
    """The probability that a wrong label has a lower confidence than a right one, and its variance."""
    ranks = (-confidence).rank()
    wrong = (ranks[noisy] - (-confidence[noisy]).rank()) / (~noisy).sum()
    right = 1 - (ranks[~noisy] - (-confidence[~noisy]).rank()) / noisy.sum()
    return float(wrong.mean()), float(wrong.var(ddof=1) / len(wrong) + right.var(ddof=1) / len(right))


def map_cells(examples: pd.DataFrame) -> pd.DataFrame:
    """A data map as a grid: for each cell with examples the means of the three measures, and `num` examples.

    A cell is 1 / CELLS of the range of the confidence (0 to 1) and of the variability (0 to 0.5) wide.
    """
    places = {"variability": 2 * CELLS, "confidence": CELLS}
    cells = [(examples[name] * scale).astype(int).clip(upper=CELLS - 1).rename(name) for name, scale in places.items()]
    names = ["variability", "confidence", "correctness"]
    grouped = examples[names].astype(float).groupby([cell.to_numpy() for cell in cells])
    return grouped.mean().assign(num=grouped.size()).reset_index(drop=True)


def _mean(values: Iterable[float]) -> float:
    numbers: Floats = np.array(list(values), dtype=float)
    return float(numbers.mean()) if len(numbers) else np.nan
