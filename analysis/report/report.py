"""Writes the report of a run: a folder with report.md, report.html, its figures, and its tables as CSV files."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.run.run import Run
from sweeper.space import Space
from sweeper.tasks.benchmarks import BENCHMARKS

from ..figures.heatmap import Order, order_of
from ..figures.pages import FIGURES, figure_files
from ..page.data import PageSource
from ..page.page import page_files
from ..results import published
from ..results.benchmark import column_of
from ..results.coverage import studies
from ..results.estimates import is_significant
from ..results.gains import reference_recipe
from ..results.load import RunData, load
from ..results.marks import marks_of
from ..results.results import Results, results_of_run
from ..results.stats import EXACT_UP_TO, LEVEL
from . import protocol, sections, tables
from .findings import strongest_findings
from .planted import planted_csv, planted_finding


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that was written."""

    path: Path
    """The file report.md; figures and tables are in the same folder."""
    findings: tuple[str, ...]
    """The strongest findings, one to three sentences each."""


def write_report(run: str, out: str | None = None, against: str = "", order: str = "given") -> Report:
    """Write the report of a run folder, given as a path or an fsspec URL.

    Gains are measured against the recipe `against` (default: the baseline). `out` is a local folder. Its default is
    `report` in the run folder (`report-against-RECIPE` with `against`), or `./report-SPACE` if the run is remote.
    `order` is that of the rows and columns of the heatmap: `given`, as in the space, or `clustered`.

    Raises UserError if `run` is not a run folder or has no score yet, if the space has no recipe `against`, if `out` is
    not local, or if the order is unknown.
    """
    checked = order_of(order)
    data = load(run)
    results = results_of_run(data, run, against)
    folder = _folder(run, out, f"-against-{against}" if against else "")
    # The findings are those of the first model.
    findings = tuple(strongest_findings(results[0]))
    suffixes = ["" if number == 0 else f"-{result.model}" for number, result in enumerate(results)]
    files = {"marks.csv": tables.marks_csv(marks_of(data.space))}
    for result, suffix in zip(results, suffixes, strict=True):
        files |= _model_files(result, suffix, checked)
    models = [_model_context(result, suffix, files) for result, suffix in zip(results, suffixes, strict=True)]
    files["report.md"] = _text(data, results, models, against, findings).encode()
    files |= page_files(PageSource(data=data, results=results, run=run, findings=findings))
    for name, content in files.items():
        Folder(str(folder)).write(name, content)
    return Report(path=folder / "report.md", findings=findings)


def _folder(run: str, out: str | None, suffix: str) -> Path:
    folder = Folder(out).local if out else Run.at(run).report(suffix)
    if folder is None:
        raise UserError(f"A report is written to a local folder, got --out {out}. Name a local one.")
    return folder


def _model_files(results: Results, suffix: str, order: Order) -> dict[str, bytes]:
    """Name -> content of the figures and tables of one model."""
    files = {
        f"matrix{suffix}.csv": tables.wide_csv(results.matrix.scores),
        f"gains{suffix}.csv": tables.wide_csv(results.matrix.gains),
        f"languages{suffix}.csv": tables.language_csv(results.languages),
        **figure_files(results, suffix, order),
    }
    if results.planted:
        files[f"planted{suffix}.csv"] = planted_csv(results.planted)
    if results.layers:
        files[f"layers{suffix}.csv"] = tables.layer_csv(results.layers)
    return files


def _text(
    data: RunData, results: Sequence[Results], models: Sequence[object], against: str, findings: Sequence[str]
) -> str:
    """The text of report.md."""
    environment = jinja2.Environment(
        # A path, because the package may be loaded under another name than `analysis`.
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    space, the_reference = data.space, results[0].matrix.reference_words
    return environment.get_template("report.md.j2").render(
        against="" if against == reference_recipe(space) else against,
        data=data,
        space=space,
        findings=findings,
        models=models,
        limits=sections.data_limits(space),
        retrieval=sections.retrieval_settings(space),
        the_reference=the_reference,
        protocol=_protocol(space, the_reference),
        level=LEVEL,
        exact_up_to=EXACT_UP_TO,
        weighted=_weighted(space),
        studies=sections.study_rows(studies(data)),
        licences=sections.licence_rows(space),
        single_split=results[0].matrix.single_split,
        published={"source": published.SOURCE, "note": published.SQUAD},
        table=tables.markdown,
    )


def _weighted(space: Space) -> list[str]:
    """The targets whose mean over languages is weighted by the numbers of examples in the mean of a benchmark."""
    columns = [column_of(member, space) for mean in BENCHMARKS for member in mean.entries if member.weighted]
    return [column.task for column in columns if column]


def _protocol(space: Space, reference: str) -> dict[str, object]:
    """The sentences about the protocol. `reference` is the recipe that gains are measured against, in words."""
    return {
        "target": protocol.target_sentence(space),
        "gain": protocol.gain_sentence(space, reference),
        "search": protocol.search_sentence(space),
        "selection": " ".join(protocol.selection_sentences(space)),
        "retrieval": protocol.retrieval_sentence(space),
        "draws": protocol.has_draws(space),
    }


def _model_context(results: Results, suffix: str, files: Collection[str]) -> dict[str, object]:
    """The values of the template that differ between models. `files` are the names of the files of the report."""
    matrix, correlations = results.matrix, results.correlations
    unclear = tables.NOT_CLEARLY_ABOVE
    return {
        "name": results.model,
        "figures": [name for name in FIGURES if f"{name}{suffix}.png" in files],
        "suffix": suffix,
        "scores": tables.matrix_table(matrix, matrix.scores, matrix.score_sd, signed=False),
        "gains": tables.matrix_table(matrix, matrix.gains, matrix.gain_sd, signed=True),
        "same_rows": sections.annotated(matrix.marks.same_rows),
        "same_items": sections.annotated(matrix.marks.same_items),
        "not_zero_shot": sections.annotated(matrix.marks.not_zero_shot),
        "lacking": sections.annotated(matrix.lacking),
        "missing": sections.cell_list(matrix.missing),
        "partial": sections.partial_list(results.partial, len(results.space.seeds)),
        "num_cells": matrix.scores.size,
        "num_tested": int(results.estimates["q"].count()),
        "num_significant": int(is_significant(results.estimates).sum()),
        "targets": tables.target_rows(results.targets),
        "unclear_targets": [level.target for level in results.targets if level.verdict in unclear],
        "preparations": tables.preparation_rows(results.preparations),
        "unclear_preparations": [f"{p.recipe} on {p.task}" for p in results.preparations if p.verdict in unclear],
        "layers": {target: tables.markdown(*tables.layer_rows(rows)) for target, rows in results.layers.items()},
        "benchmarks": [
            {
                "title": means.benchmark.title,
                "columns": list(means.shown),
                "rows": tables.mean_rows(means),
                "excluded": means.excluded,
            }
            for means in results.benchmarks
        ],
        "published": tables.published_rows(results.published),
        "planted": results.planted and planted_finding(results.planted),
        "planted_ceiling": results.planted and results.planted.ceiling,
        "languages": sections.language_rows(results.coverage),
        "recipe_pairs": sections.pair_table(correlations.recipes),
        "target_pairs": sections.pair_table(correlations.targets),
        "predictors": sections.predictor_table(correlations),
        "traits": sections.trait_rows(correlations),
        "mean_over": correlations.mean_over,
    }
