"""Measures of difficulty beside mean gains, as a page with data maps and as CSV files."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

import pandas as pd

from sweeper.space import Space

from ..figures.cartography import map_figure
from ..figures.files import formats
from ..numbers import MINUS, p_text, points_text, signed_text
from ..results.cartography import AMBIGUOUS, EASY, HARD, MIN_VIEWS, DataMap, data_maps
from ..results.difficulty import MEASURES, difficulty, rank_correlations
from ..results.halves import MIN_N
from ..results.load import RunData
from ..results.results import Results
from .documents import document
from .files import csv
from .sections import setting
from .tables import markdown, percent

PAGE = "difficulty.md"
IN_POINTS = ("headroom", "gain", "easy", "ambiguous", "hard")
"""Columns of the CSV file in points or percent."""
HEADER = (
    *("recipe", "label noise", "usable information", "entropy", "mean loss", "description length"),
    *("own headroom gained", "mean gain"),
)
MAP_HEADER = (
    "recipe",
    "label noise",
    "times seen",
    "confidence",
    "variability",
    "easy",
    "ambiguous",
    "hard",
    "finds noise",
)
Maps = Mapping[str, Mapping[str, DataMap]]
"""Model -> recipe -> data map."""
NO_MAPS: Maps = {}


def has_page(space: Space) -> bool:
    """Whether a space has the page: with `null_twins` for some recipe, or with `cartography`."""
    return bool(space.twins) or space.cartography


def difficulty_files(data: RunData, results: Sequence[Results]) -> dict[str, bytes]:
    """Name -> content of difficulty.md, difficulty.csv and the data maps; empty for a space without this page."""
    if not has_page(data.space):
        return {}
    maps = {result.model: data_maps(data, result.model) for result in results}
    tables = [difficulty(data, result.model, result.correlations.traits, maps[result.model]) for result in results]
    table = pd.concat(tables, ignore_index=True)
    files: dict[str, bytes] = {}
    for model, of_model in maps.items():
        drawn = {recipe: each.examples for recipe, each in of_model.items() if each.examples is not None}
        figure = map_figure(drawn)
        if figure:
            name = figure_name(data.space, model)
            files |= {f"{name}.{ending}": content for ending, content in formats(figure, ("pdf", "png")).items()}
    text = page_text(table, maps, [name for name in files if name.endswith(".png")], setting(data.space))
    return {PAGE: document(text), "difficulty.csv": csv(table, IN_POINTS), **files}


def figure_name(space: Space, model: str) -> str:
    """The name of the data maps of a model, without its ending."""
    return "cartography" if len(space.models) == 1 else f"cartography-{model}"


def page_text(measured: pd.DataFrame, maps: Maps = NO_MAPS, figures: Sequence[str] = (), about: str = "") -> str:
    """The page: a text about the space, tables and the rank correlations of each model. `figures` are PNG files."""
    blocks = ["# Difficulty of the intermediate tasks", *([about] if about else [])]
    blocks += [f"![Data maps]({quote(name)})" for name in figures]
    for model, table in measured.groupby("model", sort=False):
        of_model = maps.get(str(model), {})
        blocks += [
            f"## {model}",
            markdown(HEADER, _lines(table)),
            *([markdown(MAP_HEADER, _map_lines(table[table["recipe"].isin(of_model)])), MAPS] if of_model else []),
            "\n".join(f"- {line}" for line in (*_correlations(table), *_notes(of_model))),
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
            _share(row["label_noise"]) if row["label_noise"] else "–",
            _nats(row["information"], 2) + error,
            _nats(row["entropy"], 2),
            _nats(row["mean_loss"], 2),
            _nats(row["code_length"], 0),
            percent(row["headroom"]),
            points_text(row["gain"]),
        ]


def _map_lines(table: pd.DataFrame) -> Iterator[list[str]]:
    for row in table.to_dict("records"):
        found = "–"
        if pd.notna(row["noise_auc"]):
            found = f"{row['noise_auc']:.2f} ({row['noise_low']:.2f} to {row['noise_high']:.2f})"
        undefined = "not defined" if row["views"] < MIN_VIEWS else "–"
        yield [
            str(row["recipe"]),
            _share(row["label_noise"]) if row["label_noise"] else "–",
            "–" if pd.isna(row["views"]) else f"{row['views']:.1f}",
            *(undefined if pd.isna(row[name]) else f"{row[name]:.2f}" for name in ("confidence", "variability")),
            *(undefined if pd.isna(row[name]) else _share(row[name]) for name in ("easy", "ambiguous", "hard")),
            found,
        ]


MAPS = (
    "Dataset cartography (Swayamdipta et al. 2020) is about training examples with one label. The confidence of an "
    "example is the mean probability of its gold label over the times that the training saw it, in its own forward "
    "passes with dropout; the variability is their standard deviation. It is not defined if a training sees its "
    f"examples fewer than {MIN_VIEWS} times. Easy examples have a confidence of at least {EASY} and a variability "
    f"below {AMBIGUOUS}, hard ones a confidence of at most {HARD} and a variability below {AMBIGUOUS}, ambiguous ones "
    f"a variability of at least {AMBIGUOUS}. The last column is about label noise, whose wrong labels are known: the "
    "probability that a wrong label has a lower confidence than a right one (area under the ROC curve, 0.5 by chance) "
    "with its 95 % interval about new examples and seeds."
)


def _notes(maps: Mapping[str, DataMap]) -> Iterator[str]:
    return (note for each in maps.values() for note in each.notes)


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


def _share(fraction: float) -> str:
    return f"{100 * fraction:.0f} %"


def _nats(value: float, num_decimals: int) -> str:
    return "–" if pd.isna(value) else f"{value:.{num_decimals}f}".replace("-", MINUS)
