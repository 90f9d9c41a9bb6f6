"""The section on source languages of a page of contrasts: permuted labels, the cost of English, few resources."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd

from sweeper.space import Space, tasks_of

from ..contrast_text import unit_text
from ..figures.files import formats
from ..figures.sources import source_figure
from ..numbers import gain_text, p_alone, p_text, points_text
from ..results.contrasts import row_labels
from ..results.halves import MIN_N
from ..results.language_permutations import language_permutations
from ..results.load import RunData
from ..results.source_languages import by_resources, regrets
from ..results.source_matrix import source_matrix
from .files import csv
from .tables import markdown

IN_POINTS = ("score", "gain", "estimate", "regret", "low", "high", "naive", "se_seed", "se_item", "se")
"""Columns of the CSV files in points."""

UNCORRECTED = "p is not corrected for the number of rows."


@dataclass(frozen=True)
class SourceTables:
    """The tables of all families."""

    permutations: pd.DataFrame
    regrets: pd.DataFrame
    resources: pd.DataFrame
    """Families are the first recipes of groups, not those of the space."""
    targets: dict[str, tuple[str, ...]]
    """Family -> the targets of its contrasts over at least MIN_N source languages."""
    matrix: pd.DataFrame
    """The gain of each source language over English in each target language."""

    def files(self) -> dict[str, bytes]:
        """Name -> content of the CSV files of the tables with rows."""
        named = {
            "language_permutations.csv": self.permutations,
            "english_regret.csv": self.regrets,
            "source_resources.csv": self.resources.rename(columns={"family": "group"}),
            "source_matrix.csv": self.matrix,
        }
        return {name: csv(table, IN_POINTS) for name, table in named.items() if len(table)}


def source_tables(data: RunData) -> SourceTables:
    """The tables of a run. They are empty unless a contrast weights at least MIN_N languages differently."""
    permutations = language_permutations(data)
    targets = {
        str(family): tuple(dict.fromkeys(" ".join(rows["targets"]).split()))
        for family, rows in permutations[_over_sources(permutations)].groupby("family", sort=False)
    }
    named = list(dict.fromkeys(name for names in targets.values() for name in names))
    matrix = source_matrix(data, named)
    return SourceTables(permutations, regrets(data, named), by_resources(data, named), targets, matrix)


def source_figures(space: Space, family: str, tables: SourceTables) -> dict[str, dict[str, bytes]]:
    """What a figure shows -> ending -> content, for each group of sources, model and target of a family."""
    rows = tables.matrix[tables.matrix["target"].isin(tables.targets.get(family, ()))]
    one_group, one_model = rows["group"].nunique() == 1, rows["model"].nunique() == 1
    figures = {}
    for names, cells in rows.groupby(["group", "target", "model"], sort=False):
        group, target, model = map(str, names)
        name = "-".join([target, *([] if one_group else [group]), *([] if one_model else [model])])
        title = f"{_tasks(space, group)} in each language, then {target} · {model} · {space.evaluate}"
        figures[name] = formats(source_figure(cells, title), ("pdf", "png"))
    return figures


def source_section(space: Space, family: str, tables: SourceTables, figures: Sequence[str] = ()) -> Iterator[str]:
    """The blocks of the section of a family; none without a permutation test. `figures` are names of `source_figures`
    without their ending."""
    tested = tables.permutations[tables.permutations["family"] == family]
    if tested.empty:
        return
    targets = tables.targets.get(family, ())
    yield from _label_tests(tested)
    if figures:
        yield from _matrix(figures)
    cost = tables.regrets[tables.regrets["target"].isin(targets)]
    if len(cost):
        yield from _costs(space, cost)
    few = tables.resources[tables.resources["targets"].isin(targets)]
    if len(few):
        yield from _few_resources(space, few)


def _label_tests(tested: pd.DataFrame) -> Iterator[str]:
    yield "## Language labels"
    yield (
        "The p values above are about new seeds and items with these languages. The permutation test asks how often "
        "other labels of the languages would give an estimate as far from 0. Labels of languages that are both source "
        "and target are exchanged in both roles together, all others within their role (Mantel 1967). These p values "
        "are not corrected for the number of contrasts."
    )
    rows = zip(row_labels(tested), tested.iterrows(), strict=True)
    yield "\n".join(f"- {label}: {_permutation(row)}" for label, (_, row) in rows)


def _matrix(figures: Sequence[str]) -> Iterator[str]:
    yield "## Source and target languages"
    yield from (f"![Source and target languages]({quote(name)}.png)" for name in figures)
    yield (
        "Each cell is the score of a source language minus that of English, on the same seeds and items. The "
        "intervals cover each cell alone, without a correction for the number of cells. source_matrix.csv has all "
        "numbers."
    )


def _costs(space: Space, regrets: pd.DataFrame) -> Iterator[str]:
    yield "## English or the best source language"
    yield markdown(REGRET, _regret_lines(space, regrets))
    yield (
        "Cost: the score of the best source language minus that of English, in points, as a mean over target "
        "languages other than English and the source. The best source is chosen on the other seeds, for each "
        "target language or once for all of them; the interval is about new seeds. The cost of a source that is "
        f"chosen on all seeds is too large. Languages without the scores of all sources are left out. {UNCORRECTED}"
    )


def _few_resources(space: Space, resources: pd.DataFrame) -> Iterator[str]:
    yield "## Target languages with few resources"
    yield markdown(RESOURCES, _resource_lines(space, resources))
    yield (
        "Mean over the other source languages minus English as the source, in points, on target languages with few "
        f"resources (URIEL+) and on the others. A source is left out on its own language. {UNCORRECTED}"
    )


REGRET = (
    "recipes on",
    "target",
    "best source",
    "cost of English",
    "p",
    "chosen on all seeds",
    "seeds",
    "languages",
    "note",
)
RESOURCES = ("recipes on", "target", "target languages", "other sources - English", "p", "number", "note")


def _over_sources(permutations: pd.DataFrame) -> "pd.Series[bool]":
    return permutations["num_both"] + permutations["num_source"] >= MIN_N


def _permutation(row: "pd.Series[float]") -> str:
    """The result of a test in words."""
    sizes = {"source and target": row["num_both"], "source only": row["num_source"], "target only": row["num_target"]}
    roles = ", ".join(f"{size} {role}" for role, size in sizes.items() if size)
    estimate = f"{points_text(row['estimate'])} {unit_text('points', str(row['covariate_unit']))}"
    return f"{estimate}, permutation {p_text(row['p'])} (languages: {roles})."


def _regret_lines(space: Space, table: pd.DataFrame) -> Iterator[list[str]]:
    for row in table.to_dict("records"):
        yield [
            *(_tasks(space, row["group"]), _with_model(row["target"], row), row["choice"]),
            *(gain_text(row["regret"], row["low"], row["high"]), p_alone(row["p"]), points_text(row["naive"])),
            *(str(row["num_seeds"]), str(row["num_languages"]), row["note"]),
        ]


def _resource_lines(space: Space, table: pd.DataFrame) -> Iterator[list[str]]:
    for row in table.to_dict("records"):
        yield [
            *(_tasks(space, row["family"]), _with_model(row["targets"], row), row["contrast"]),
            *(gain_text(row["estimate"], row["low"], row["high"], row["note"]), p_alone(row["p"])),
            *(str(len(row["languages"].split())), row["note"]),
        ]


def _with_model(targets: str, row: Mapping[Hashable, object]) -> str:
    """The targets of a row and its model, if it has one."""
    return f"{targets} ({row['model']})" if row["model"] else targets


def _tasks(space: Space, name: str) -> str:
    """The tasks of a recipe in words."""
    recipe = next(recipe for recipe in space.recipes if recipe.name == name)
    return " + ".join(tasks_of(recipe.stages, masked=False))
