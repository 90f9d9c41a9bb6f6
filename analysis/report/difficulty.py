"""Measures of difficulty beside mean gains, as a page and as CSV files."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ..numbers import MINUS, p_text, points_text, signed_text
from ..results.difficulty import MEASURES, difficulty, rank_correlations
from ..results.halves import MIN_N
from ..results.load import RunData
from ..results.results import Results
from .documents import document
from .files import csv
from .tables import markdown, percent

PAGE = "difficulty.md"
IN_POINTS = ("headroom", "gain")
"""Columns of the CSV file in points or percent."""
HEADER = (
    *("recipe", "label noise", "usable information", "entropy", "mean loss", "description length"),
    *("own headroom gained", "mean gain"),
)


def difficulty_files(data: RunData, results: Sequence[Results]) -> dict[str, bytes]:
    """Name -> content of difficulty.md and difficulty.csv; empty for a space without twins (`null_twins`)."""
    if not data.space.twins:
        return {}
    tables = [difficulty(data, result.model, result.correlations.traits) for result in results]
    table = pd.concat(tables, ignore_index=True)
    return {PAGE: document(page_text(table)), "difficulty.csv": csv(table, IN_POINTS)}


def page_text(measured: pd.DataFrame) -> str:
    """The page: a table and the rank correlations of each model."""
    blocks = ["# Difficulty of the intermediate tasks"]
    for model, table in measured.groupby("model", sort=False):
        blocks += [
            f"## {model}",
            markdown(HEADER, _lines(table)),
            "\n".join(f"- {line}" for line in _correlations(table)),
        ]
    blocks.append(
        "Usable information is the mean log-probability of the gold answer minus that of a twin that was trained and "
        "scored without input (Ethayarajh et al. 2022), in nats for each example of the dev data ± its standard error. "
        "In question answering the twin has the context and not the question, in multiple choice it has the options "
        "only, and in tagging an example is a whole sentence. The standard error is about new seeds and new groups of "
        "dependent examples. With label noise, both are scored on labels with as much noise. Entropy is minus the mean "
        "log-probability of the twin. The mean loss over all training steps (nats for each label) is the area under "
        "the learning curve divided by its length; with masked language modelling there is none, because the curve "
        "would include it. The prequential description length is the code length of all training labels when each "
        "example is first seen, in nats; it exists for one epoch of a task whose examples have one label and are not "
        "changed in training. The share of the headroom is (score - trivial) / (1 - trivial) on clean dev data. "
        "Correlations are over tasks, each with its first recipe without label noise and masked language modelling. "
        "Their permutation p is not corrected for the number of measures. Information and losses of different formats "
        "are not comparable, because their examples have different numbers of labels and answers: a rank correlation "
        "over several formats can show the difference between formats alone."
    )
    return "\n\n".join(blocks) + "\n"


def _lines(table: pd.DataFrame) -> Iterator[list[str]]:
    for row in table.to_dict("records"):
        error = "" if pd.isna(row["se"]) else f" ± {row['se']:.2f}"
        yield [
            str(row["recipe"]),
            f"{row['label_noise']:.0%}" if row["label_noise"] else "–",
            _nats(row["information"], 2) + error,
            _nats(row["entropy"], 2),
            _nats(row["mean_loss"], 2),
            _nats(row["code_length"], 0),
            percent(row["headroom"]),
            points_text(row["gain"]),
        ]


def _correlations(table: pd.DataFrame) -> Iterator[str]:
    """A sentence for each measure."""
    for row in rank_correlations(table).to_dict("records"):
        name, n = MEASURES[row["measure"]].capitalize(), row["n"]
        if n < MIN_N:
            yield f"{name}: no correlation with the mean gain over {n} tasks, because at least {MIN_N} are needed."
        elif pd.isna(row["rho"]):
            yield f"{name}: no correlation with the mean gain over {n} tasks, because all values are equal."
        else:
            rho = signed_text(row["rho"], 2)
            yield f"{name} and mean gain: Spearman's rho {rho} over {n} tasks ({p_text(row['p'])})."


def _nats(value: float, num_decimals: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{num_decimals}f}".replace("-", MINUS)
