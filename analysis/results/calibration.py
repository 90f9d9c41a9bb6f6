"""Calibration of predictions, from the log-probabilities in the outcomes: how far probabilities are from accuracies."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.records.record import ScoreRecord
from sweeper.run.run import Run

from .item_cache import cache_file, kept_blocks, states_of
from .load import RunData
from .outcomes import credit_of, read_outcomes
from .seed_part import MEAN

Floats = npt.NDArray[np.float64]
MEASURES = ("accuracy", "confidence", "ece", "brier")
CELL = ("model", "recipe", "target", "condition", "language")
COLUMNS = (*CELL, "num_seeds", "num_examples", *MEASURES)
"""Columns of the table. The event is that the prediction of an example is completely correct: the label, the option,
the text of the answer, all tags of a sentence. confidence is the mean probability of the predictions, accuracy the
share of correct ones; see `expected_calibration_error` and `brier_score`. Fractions of 1, means over seeds.
num_examples is that of one seed."""
NUM_BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""
CODE = ("calibration.py", "outcomes.py")
"""Files of this package on which the values of given outcomes depend."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The calibration of one score in one language."""

    recipe: str
    seed: int
    """-1 for a score that depends on no seed."""
    language: str
    num_examples: int
    accuracy: float
    confidence: float
    ece: float
    brier: float


def calibration(data: RunData) -> pd.DataFrame:
    """A row with COLUMNS for each model, recipe, target, condition and language, and for the mean over languages.

    Only scores whose outcomes have log-probabilities (`Space.log_probabilities`). The values are kept in the cache of
    the run folder.
    """
    if not data.run:
        return pd.DataFrame(columns=list(COLUMNS))
    run = Run.open(data.run)
    states = run.ledger.outcome_states()
    rows = [
        {"model": model, "target": target, "condition": condition, **asdict(block)}
        for (model, target, condition), records in _columns(data).items()
        for block in _blocks(data, run, states, records)
    ]
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    # A language may have been scored twice, before and after a cap was raised: more examples win.
    table = pd.DataFrame(rows).sort_values("num_examples", kind="stable")
    table = table.drop_duplicates([*CELL, "seed"], keep="last")
    groups = table.groupby(list(CELL), sort=False)
    by_language = groups[["num_examples", *MEASURES]].mean().assign(num_seeds=groups.size()).reset_index()
    cells = by_language.groupby(list(CELL[:4]), sort=False)
    means = (
        cells[list(MEASURES)]
        .mean()
        .assign(num_examples=cells["num_examples"].sum(), num_seeds=cells["num_seeds"].min(), language=MEAN)
    )
    both = pd.concat([means.reset_index(), by_language], ignore_index=True)[list(COLUMNS)]
    names = {recipe.name: number for number, recipe in enumerate(data.space.recipes)}
    order = both.assign(row=both["recipe"].map(names), is_language=both["language"] != MEAN)
    return both.loc[order.sort_values(["model", "target", "condition", "row", "is_language", "language"]).index]


def expected_calibration_error(confidence: Floats, correct: Floats) -> float:
    """Mean of |accuracy - confidence| over NUM_BINS bins of equal width, weighted by their examples; 0 to 1.

    Guo et al. 2017, eq. 3; of Naeini et al. 2015. It is too large with few examples, whose bins have few of them each.
    """
    bins = np.clip(np.ceil(confidence * NUM_BINS) - 1, 0, NUM_BINS - 1).astype(int)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=NUM_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def brier_score(confidence: Floats, correct: Floats) -> float:
    """Mean of (confidence - correct)^2, the Brier score (1950) of the event that the prediction is correct; 0 to 1.

    The score over all labels needs their probabilities, which the outcomes do not have.
    """
    return float(((confidence - correct) ** 2).mean())


def calibrations(outcomes: pd.DataFrame, recipe: str, seed: int | None) -> Iterator[Calibration]:
    """The calibration of a score in each language; none without log-probabilities.

    Where a reader gives no answer, the stored probability is that of a text, so that the example is left out.
    """
    credit = credit_of(outcomes)
    if credit is None or "log_p_prediction" not in outcomes:
        return
    table = pd.DataFrame({"language": outcomes["language"], "correct": (credit == 1).astype(float)})
    table["confidence"] = np.exp(outcomes["log_p_prediction"].astype(float))
    is_used = table["confidence"].notna() & (("em" not in outcomes) | (outcomes["prediction"] != ""))
    for language, rows in table[is_used].groupby("language", sort=False):
        confidence, correct = rows["confidence"].to_numpy(float), rows["correct"].to_numpy(float)
        yield Calibration(
            recipe=recipe,
            seed=-1 if seed is None else seed,
            language=str(language),
            num_examples=len(rows),
            accuracy=float(correct.mean()),
            confidence=float(confidence.mean()),
            ece=expected_calibration_error(confidence, correct),
            brier=brier_score(confidence, correct),
        )


def _columns(data: RunData) -> dict[tuple[str, str, str], list[ScoreRecord]]:
    """(model, target, condition) -> its scores."""
    columns: dict[tuple[str, str, str], list[ScoreRecord]] = defaultdict(list)
    for score in data.cell_scores:
        columns[score.model, score.target, score.condition].append(score)
    return columns


def _blocks(
    data: RunData, run: Run, states: Mapping[str, list[str]], records: Sequence[ScoreRecord]
) -> Sequence[Calibration]:
    """The calibrations of the scores of one column, read from the cache if their outcomes are as they were."""
    name = cache_file("calibration", CODE, sorted(states_of(records, states)))
    return kept_blocks(run.analysis_cache, name, Calibration, lambda: _read(data, run, states, records))


def _read(
    data: RunData, run: Run, states: Mapping[str, list[str]], records: Sequence[ScoreRecord]
) -> tuple[list[Calibration], bool]:
    """The calibrations of scores, and whether all outcomes could be read."""
    blocks: list[Calibration] = []
    is_complete = True
    for record in records:
        outcomes = read_outcomes(record, run.ledger, data.unread) if record.outcomes in states else None
        is_complete &= outcomes is not None
        if outcomes is not None:
            shown = outcomes[outcomes["language"].isin(list(record.metrics))]
            blocks += calibrations(shown, record.recipe, record.seed)
    return blocks, is_complete
