"""The number of items of targets whose every seed draws its own."""

from collections.abc import Mapping, Sequence

from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger

from .influence import Units
from .load import RunData
from .outcomes import read_outcomes
from .seed_part import MEAN

Counts = Mapping[tuple[str, str, str], int]
"""(target, condition, language or `mean`) -> number of items of one seed."""


def own_counts(data: RunData, own: frozenset[str], model: str, ledger: Ledger) -> Counts:
    """The items of one seed on each target of `own`, from the outcomes of its first training with the most languages.

    All seeds draw equally many. A target whose outcomes cannot be read is left out.
    """
    trainings: dict[tuple[str, str], dict[str, list[ScoreRecord]]] = {}
    for score in data.cell_scores:
        if score.target in own and score.model == model:
            trainings.setdefault((score.target, score.condition), {}).setdefault(score.training, []).append(score)
    counts: dict[tuple[str, str, str], int] = {}
    for column, by_training in trainings.items():
        widest = max(by_training.values(), key=lambda records: sum(len(record.metrics) for record in records))
        counts |= {(*column, language): num for language, num in _counts(widest, ledger, data.unread).items()}
    return counts


def _counts(records: Sequence[ScoreRecord], ledger: Ledger, unread: set[str]) -> dict[str, int]:
    """Language, or `mean` -> number of units; examples of one unit in several languages count once in the mean."""
    units = Units()
    for record in records:
        outcomes = read_outcomes(record, ledger, unread)
        if outcomes is None:
            return {}
        units.positions(outcomes)
    return {MEAN: units.num, **{name: units.languages.count(name) for name in dict.fromkeys(units.languages)}}
