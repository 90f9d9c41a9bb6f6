"""The report of a run: one folder with report.md, its figures, and its tables as CSV."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from sweeper.errors import UserError
from sweeper.files.folder import Folder

from ..figures.heatmap import heatmap, language_map
from ..figures.layers import layer_figure
from ..figures.png import png
from ..figures.scatter import correlation_map
from ..results import matrix as matrices
from ..results import published
from ..results.benchmark import mean_rows, telling_means
from ..results.correlate import Correlations, correlate
from ..results.layers import layer_tables
from ..results.load import Study, load
from ..results.matrix import Matrix
from . import sections, tables
from .findings import cell_tests, strongest_findings


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that was written."""

    place: Path
    """Its report.md; pictures and tables lie beside it."""
    findings: tuple[str, ...]
    """The strongest findings, a sentence or two each."""


def write_report(run: str, out: str | None = None, against: str = "") -> Report:
    """Write the report of a run folder.

    Gains are measured against the row `against`, or else the baseline. `out` is a local folder; if not given, `report`
    inside the run folder (`report-against-ROW` with a row named), or `./report-NAME` when that is remote.
    Raises UserError if `run` is no run folder or holds no scores yet, or no row is called `against`.
    """
    study = load(run)
    matrices.reference_row(study.space, against)
    _check_scores(study, run)
    folder = _place(study, run, out, f"-against-{against}" if against else "")
    findings = tuple(strongest_findings(study, against))
    files = _files(study, against, findings)
    for name, data in files.items():
        folder.write(name, data)
    assert folder.local is not None
    return Report(place=folder.local / "report.md", findings=findings)


def _check_scores(study: Study, run: str) -> None:
    if not study.table.empty:
        return
    failed = sections.failed(study)
    reason = f" {len(failed)} of them failed, the first because: {failed[0].reason}" if failed else ""
    raise UserError(
        f"{run} holds no {study.space.evaluate} score of a replicate yet, of {len(study.trainings)} trainings.{reason} "
        "Run `sweeper run` until the first baseline is scored."
    )


def _place(study: Study, run: str, out: str | None, suffix: str) -> Folder:
    folder = Folder(out) if out else Folder(run).child(f"report{suffix}")
    if folder.local is not None:
        return folder
    if out:
        raise UserError(f"A report is written to a local folder, got --out {out}.")
    return Folder(f"report-{study.space.name}{suffix}")


def _files(study: Study, against: str, findings: Sequence[str]) -> dict[str, bytes]:
    """Name -> bytes of everything in the folder; files of a second model carry its name."""
    files: dict[str, bytes] = {}
    models = []
    for number, model in enumerate(study.space.models):
        found = matrices.matrix(study, model.name, against)
        suffix = f"-{model.name}" if number else ""
        related = correlate(study, found)
        files |= _model_files(study, found, related, suffix)
        models.append(_model_context(study, found, related, suffix))
    files["report.md"] = _render(study, models, against, findings).encode()
    return files


def _model_files(study: Study, found: Matrix, related: Correlations, suffix: str) -> dict[str, bytes]:
    by_language = matrices.languages(study, found.model, found.reference)
    return _layer_files(study, found.model, suffix) | {
        f"matrix{suffix}.csv": tables.wide_csv(found.scores),
        f"gains{suffix}.csv": tables.wide_csv(found.gains),
        f"languages{suffix}.csv": tables.language_csv(by_language),
        f"heatmap{suffix}.png": png(heatmap(found, study.space)),
        f"languages{suffix}.png": png(language_map(by_language, found, study.space)),
        f"correlations{suffix}.png": png(correlation_map(related, found)),
    }


def _layer_files(study: Study, model: str, suffix: str) -> dict[str, bytes]:
    found = layer_tables(study, model)
    if not found:
        return {}
    return {f"layers{suffix}.csv": tables.layer_csv(found), f"layers{suffix}.png": png(layer_figure(study, found))}


def _model_context(study: Study, found: Matrix, related: Correlations, suffix: str) -> dict[str, object]:
    trivial, own = tables.trivial_rows(study, found), tables.own_rows(study, found.model)
    tests = cell_tests(found)
    return {
        "name": found.model,
        "suffix": suffix,
        "scores": tables.matrix_table(found, found.scores, found.score_sd, signed=False),
        "gains": tables.matrix_table(found, found.gains, found.gain_sd, signed=True),
        "flags": [f"{cell[0]} -> {cell[1]} ({', '.join(names)})" for cell, names in found.flags.items()],
        "lacking": [f"{cell[0]} -> {cell[1]}: {' '.join(names)}" for cell, names in found.lacking.items()],
        "missing": sections.missing_cells(found),
        "lean": sections.lean_cells(study, found),
        "num_cells": found.scores.size,
        "num_tested": sum(not math.isnan(test.interval.p) for test in tests.values()),
        "num_significant": sum(test.q < 0.05 for test in tests.values()),
        "trivial": trivial,
        "not_beaten": [str(row[0]) for row in trivial if row[-1] not in (tables.BEATS, tables.UNKNOWN)],
        "own": own,
        "own_not_beaten": [f"{row[0]} on {row[1]}" for row in own if row[-1] not in (tables.BEATS, tables.UNKNOWN)],
        "layers": _layer_tables(study, found.model),
        "benchmarks": [
            {"title": one.benchmark.title, "columns": list(one.shown), "rows": mean_rows(one), "short": one.short}
            for one in telling_means(study, found.model)
        ],
        "published": published.published_rows(study, found),
        "languages": sections.language_rows(study, found),
        "row_pairs": sections.pair_table(related.rows),
        "column_pairs": sections.pair_table(related.columns),
        "predictors": sections.predictor_table(related),
        "traits": sections.trait_rows(related),
        "mean_over": related.mean_over,
    }


def _layer_tables(study: Study, model: str) -> dict[str, str]:
    """Target -> its Markdown table of scores by layer."""
    own = {target.task: target.layer for target in study.space.targets}
    found = layer_tables(study, model)
    return {name: tables.markdown(*tables.layer_rows(scores, own[name])) for name, scores in found.items()}


def _render(study: Study, models: list[dict[str, object]], against: str, findings: Sequence[str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("report.md.j2")
    space = study.space
    return template.render(
        against="" if against == matrices.reference_row(space) else against,
        study=study,
        space=space,
        findings=findings,
        models=models,
        caps=sections.caps(space),
        retrieval=sections.retrieval(space),
        failed=sections.failed(study),
        searches=sections.study_rows(study),
        licences=sections.licence_rows(space),
        single_split=matrices.single_split(space),
        published={"source": published.SOURCE, "note": published.SQUAD},
        table=tables.markdown,
    )
