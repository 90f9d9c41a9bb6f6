"""The planned comparisons of a run: a page with text, table and figure for each family of contrasts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.run.run import Run
from sweeper.space import Space
from sweeper.space.contrast import DIFFICULTIES

from ..contrast_text import claim_sentences, sentences, unit_text
from ..figures.contrast_points import point_figure
from ..figures.contrasts import contrast_figure
from ..figures.files import formats
from ..numbers import gain_text, p_alone
from ..results.contrast_points import point_table
from ..results.contrasts import FEWER_TARGETS, claim_table, contrast_table, row_labels
from ..results.load import RunData, load
from ..results.results import results_of_run
from ..results.stats import LEVEL
from .difficulty import difficulty_files, has_page
from .documents import document
from .files import csv
from .sections import setting
from .source_languages import SourceTables, source_figures, source_section, source_tables
from .tables import markdown

IN_POINTS = ("estimate", "se_seed", "se_item", "se", "low", "high", "smallest")
"""Columns of the CSV files in points, or in percent of another `unit`."""


def write_questions(run: str, out: str | None = None) -> tuple[Path, ...]:
    """Write the pages of the planned comparisons of a run folder. Returns the pages: one for each family,
    and the one about difficulty if the space has `null_twins` or `cartography`.

    `out` is a local folder (default: `questions` in the run folder).

    Raises UserError if `run` is not a run folder, if its space has none of them, or if `out` is not local.
    """
    data = load(run)
    if not data.space.contrasts and not has_page(data.space):
        raise UserError(
            f"The space of {run} has no contrasts, so that there is nothing to compare, and no twins. Add `contrasts` "
            "or `null_twins=True` to the space file and run "
            f"`sweeper run SPACE --out {run}` again: no trial is repeated."
        )
    folder = Folder(out).local if out else Run.at(run).report(name="questions")
    if folder is None:
        raise UserError(f"Pages are written to a local folder, got --out {out}. Name a local one.")
    files = question_files(data, contrast_table(data)) if data.space.contrasts else {}
    if has_page(data.space):
        files |= difficulty_files(data, results_of_run(data))
    for name, content in files.items():
        Folder(str(folder)).write(name, content)
    return tuple(folder / name for name in files if name.endswith(".md"))


def question_files(data: RunData, table: pd.DataFrame) -> dict[str, bytes]:
    """Name -> content: `questions-FAMILY.md` with its figures for each family, and the CSV files.

    `table` is the `contrast_table` of the run.
    """
    space = data.space
    claims, points = claim_table(space.claims, table), point_table(data)
    sources = source_tables(data)
    files = {"contrasts.csv": csv(table, IN_POINTS)} | sources.files()
    if len(points):
        files["slope_points.csv"] = csv(points, IN_POINTS)
    if space.claims:
        files["claims.csv"] = csv(claims, IN_POINTS)
    for family in dict.fromkeys(contrast.family for contrast in space.contrasts):
        rows = table[table["family"] == family]
        name = page_name(family)
        of_family = points[points["family"] == family]
        figures = {
            name: contrast_figure(rows, f"{family} · {space.evaluate}"),
            f"{name}-points": point_figure(of_family, f"{family} · {space.evaluate}"),
        }
        drawn = {title: figure for title, figure in figures.items() if figure}
        for title, figure in drawn.items():
            files |= {f"{title}.{ending}": content for ending, content in formats(figure, ("pdf", "png")).items()}
        of_sources = {f"{name}-{what}": each for what, each in source_figures(space, family, sources).items()}
        for title, each in of_sources.items():
            files |= {f"{title}.{ending}": content for ending, content in each.items()}
        tables = Tables(rows, of_family, claims, sources)
        files[f"{name}.md"] = document(page_text(space, family, tables, list(drawn), list(of_sources)))
    return files


def page_name(family: str) -> str:
    """The name of the page of a family, without its ending."""
    return f"questions-{family.replace(' ', '-')}"


@dataclass(frozen=True)
class Tables:
    """The tables of a page."""

    rows: pd.DataFrame
    """The contrasts of its family."""
    points: pd.DataFrame
    """The points of its slopes."""
    claims: pd.DataFrame
    sources: SourceTables


def page_text(space: Space, family: str, tables: Tables, figures: Sequence[str], of_sources: Sequence[str] = ()) -> str:
    """The page of one family. `figures` and `of_sources` are the names of its figures."""
    rows, claims = tables.rows, tables.claims
    stated = [claim for claim in space.claims if set(claim.contrasts) & set(rows["contrast"])]
    blocks = [
        f"# {family}",
        setting(space),
        *_answers(space, rows),
        "\n".join(f"- {sentence}" for sentence in claim_sentences(stated, claims)),
        _resolution(rows),
        *(f"![{name}]({quote(name)}.png)" for name in figures),
        _table(rows),
        f"Estimates are in {' or '.join(dict.fromkeys(rows['unit']))} ± half width of the 95 % interval. The interval "
        "is about new seeds and new items with these models, recipes, targets and languages. It covers each estimate "
        "alone, whereas p is corrected for the number of estimates on this page (Holm 1979): an interval can exclude 0 "
        f"although the corrected p is above {LEVEL}. Statements about signs are based on the corrected p.",
        _untested(rows),
        _fewer_targets(rows),
        _difficulty(rows),
        _spread(tables.points),
    ]
    blocks += source_section(space, family, tables.sources, of_sources)
    if stated:
        blocks.append(
            "A claim needs all of its contrasts, so that its p is the largest of their one-sided p values "
            "(intersection-union test, Berger 1982). It holds if this p, corrected for the number of tested claims of "
            "the space (Holm 1979), is below 0.025 and every contrast has the claimed sign."
        )
    return "\n\n".join(block for block in blocks if block) + "\n"


def _answers(space: Space, rows: pd.DataFrame) -> Iterator[str]:
    """The estimates of all contrasts, those of neighbours with the same question under it."""
    stated = [contrast for contrast in space.contrasts if contrast.name in set(rows["contrast"])]
    for title, contrasts in groupby(stated, lambda contrast: contrast.title):
        listed = "\n".join(
            f"- {sentence}" for contrast in contrasts for sentence in sentences(rows[rows["contrast"] == contrast.name])
        )
        yield f"{title}\n\n{listed}" if title else listed


def _resolution(rows: pd.DataFrame) -> str:
    """How small a difference could have been found, apart for slopes, whose units are others."""
    tested = rows[rows["p"].notna()]
    half = 50 * (tested["high"] - tested["low"])
    medians = half.groupby(list(map(unit_text, tested["unit"], tested["covariate_unit"])), sort=False).median()
    if medians.empty:
        return ""
    widths = [f"{median:.1f} {unit}" for unit, median in medians.items()]
    return (
        f"The median half width of the intervals is {' and '.join(widths)}. With such an interval, a smaller "
        "estimate cannot be told from 0, even without a correction. An estimate that is not distinguished from 0 does "
        "not show that there is no difference."
    )


def _spread(points: pd.DataFrame) -> str:
    """The points of slopes with the spread of each over its languages; "" if it is not known."""
    rows = points[points["num_languages"] > 1]
    if rows.empty:
        return ""
    lines = [
        [
            label,
            row["point"],
            f"{row['value']:.4g}",
            gain_text(row["estimate"], row["low"], row["high"], ""),
            f"{100 * row['sd_languages']:.1f}",
            f"{row['num_languages']:.0f}",
            row["unit"],
        ]
        for (_, row), label in zip(rows.iterrows(), row_labels(rows), strict=True)
    ]
    header = ["slope", "point", "value", "estimate", "sd over languages", "languages", "unit"]
    note = "The standard deviation over languages includes the noise of the score in each language."
    if rows["is_centred"].any():
        note += " Points with a recipe and a target give differences from the mean over the recipes of that target."
    return f"The points of the slopes:\n\n{markdown(header, lines)}\n\n{note}"


def _difficulty(rows: pd.DataFrame) -> str:
    """What slopes on the measured difficulty of tasks leave out; "" without one."""
    if not set(rows["covariate"]) & set(DIFFICULTIES):
        return ""
    return (
        "A slope on the measured difficulty has one point for each recipe and target. Its interval is about new seeds "
        "and new items with these tasks and these values of their difficulty: it is not about new tasks, and does not "
        "include the errors of the values. With few tasks, one of them can decide the slope (see its points). Tasks "
        "differ in more than their difficulty. Information and losses of different formats are not comparable."
    )


def _untested(rows: pd.DataFrame) -> str:
    """Which estimates with an interval are not tested; "" if all are."""
    reasons = {
        "no seed": "`no seed`: no score depends on a seed. The interval is about new items only.",
        "one seed": "The interval of one seed is about new items only.",
        "at chance": "`at chance`: the clean score of a recipe under a condition is at chance.",
        "lacks seeds": "`lacks seeds`: seeds of the space have no score yet, or their trials failed.",
        "lacks languages": "`lacks languages`: a target has no scores in a language that the contrast names.",
    }
    notes = set(rows.loc[rows["low"].notna() & rows["p"].isna(), "note"])
    texts = [reason for note, reason in reasons.items() if note in notes]
    return " ".join(
        [*texts, "These estimates are not tested, and the correction does not count them."] if texts else []
    )


def _fewer_targets(rows: pd.DataFrame) -> str:
    """Which estimates of single languages have not all targets; "" if all have the same."""
    if not rows["note"].str.contains(FEWER_TARGETS, regex=False).any():
        return ""
    return (
        f"`{FEWER_TARGETS}`: not all targets of the contrast are scored in this language. Estimates of different "
        "languages are then means over different targets, which contrasts.csv names, so that a difference between them "
        "can be one between targets."
    )


def _table(rows: pd.DataFrame) -> str:
    header = ["contrast", "estimate", "corrected p", "seeds", "items", "targets", "languages", "note"]
    lines = [
        [
            label,
            gain_text(row["estimate"], row["low"], row["high"], row["note"]),
            p_alone(row["p_holm"]),
            str(row["num_seeds"]),
            str(row["num_items"] or "–"),
            str(len(row["targets"].split())),
            str(len(row["languages"].split())),
            row["note"],
        ]
        for (_, row), label in zip(rows.iterrows(), row_labels(rows), strict=True)
    ]
    return markdown(header, lines)
