"""Writes the report of a run: a folder with report.md, report.html, its figures, and its tables as CSV files."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.run.run import Run
from sweeper.space import Space
from sweeper.tasks.benchmarks import BENCHMARKS

from ..figures.pages import Orders, figure_files, orders_of
from ..page.data import PageSource
from ..page.page import page_files
from ..results import published
from ..results.benchmark import column_of
from ..results.calibration import calibration
from ..results.collector import frozen_objects, paused_collector, system_memory
from ..results.contrasts import contrast_table
from ..results.coverage import studies
from ..results.gains import reference_recipe
from ..results.items import cost_text
from ..results.load import RunData, load
from ..results.results import Results, results_of_run
from ..results.robustness import robustness
from ..results.stats import LEVEL
from . import latex, protocol, sections, tables
from .calibration import calibration_files, calibration_table
from .conditions import PAGE, condition_files
from .contents import file_rows, with_rows
from .difficulty import PAGE as DIFFICULTY
from .difficulty import difficulty_files, has_page
from .documents import document
from .files import table_files, trials_csv
from .findings import damage_notes, findings_of
from .methods import methods_text
from .model_values import model_values
from .planted import planted_csv
from .questions import page_name, question_files
from .reuse import Written, content_digests, inputs_of, keep_report, kept_report, remove_obsolete

REPORT = "report.md"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that was written."""

    path: Path
    """The file report.md; figures and tables are in the same folder."""
    findings: tuple[str, ...]
    """The findings of the first model, one to three sentences each."""
    warnings: tuple[str, ...] = ()
    """What the user must know about the ledger, for example damaged records, one line each."""
    cost: str = field(default="", compare=False)
    """What reading the outcomes cost; "" if their sums were in the cache."""


def write_report(run: str, out: str | None = None, against: str = "", order: str = "given") -> Report:
    """Write the report of a run folder, given as a path or an fsspec URL.

    Gains are measured against the recipe `against` (default: the baseline). `out` is a local folder. Its default is
    `report` in the run folder (`report-against-RECIPE` with `against`), or `./report-SPACE` if the run is remote.
    `order` has the order of the rows and columns of the heatmap, `given` (as in the space) or `clustered`, that of the
    figure of languages, `family` or `distance`, or both: `clustered,distance`.

    A report whose run, options and code have not changed since it was written (`reuse`) is kept as it is, unless
    existing outcomes could not be read. A run without a score has a report that says so. Raises UserError if `run` is
    not a run folder, if the space has no recipe `against`, if `out` is not local, or if the order is unknown.
    """
    orders, source = orders_of(order), Run.open(run)
    folder = _folder(run, out, f"-against-{against}" if against else "")
    inputs = inputs_of(source, [run, against, order])
    kept = kept_report(source, folder, inputs)
    if kept:
        return Report(path=folder / REPORT, findings=tuple(kept.findings), warnings=tuple(kept.warnings))
    with system_memory(), paused_collector():
        data = load(run)
        gc.freeze()  # before the first collection, which would visit all records
    with system_memory(), frozen_objects():
        results = results_of_run(data, against)
        gc.freeze()  # as the records: figures make many objects, but free none of the results
        files, findings = _report_files(data, results, run, against, orders)
    warnings = damage_notes(data)
    remove_obsolete(source, folder, files)
    for name, content in files.items():
        Folder(str(folder)).write(name, content)
    if inputs and not _may_be_readable(data, source):
        digests = content_digests(files)
        keep_report(source, folder, Written(inputs=inputs, files=digests, findings=findings, warnings=warnings))
    cost = cost_text(result.items for result in results)
    return Report(path=folder / REPORT, findings=findings, warnings=warnings, cost=cost)


def _may_be_readable(data: RunData, run: Run) -> bool:
    """Whether outcomes exist that could not be read, perhaps only for a moment, so that no change would be seen."""
    return not data.unread.isdisjoint([*run.ledger.outcome_states(), *run.ledger.dynamics_states()])


def _report_files(
    data: RunData, results: tuple[Results, ...], run: str, against: str, orders: Orders
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Name -> content of all files, and the findings of the first model."""
    contrasts = contrast_table(data) if data.space.contrasts else None
    conditions = robustness(data)
    suffixes = ["" if number == 0 else f"-{result.model}" for number, result in enumerate(results)]
    files = {
        "marks.csv": tables.marks_csv(results[0].matrix.marks),
        "trials.csv": trials_csv(data),
        "methods.md": document(methods_text(data, results, contrasts, conditions)),
    }
    for result, suffix in zip(results, suffixes, strict=True):
        files |= _model_files(result, suffix, orders)
    calibrated = calibration(data)
    files |= calibration_files(calibrated)
    models = [
        {**model_values(data, result, suffix, files), "calibration": calibration_table(calibrated, result.model)}
        for result, suffix in zip(results, suffixes, strict=True)
    ]
    findings = tuple(findings_of(data, results[0]))
    files |= {} if contrasts is None else question_files(data, contrasts)
    files |= condition_files(data, conditions)
    files |= difficulty_files(data, results)
    files |= page_files(
        PageSource(data=data, results=results, contrasts=contrasts, conditions=conditions, run=run, findings=findings)
    )
    files["appendix.md"] = document(_text("appendix", data, results, models, against))
    listed = tuple(file_rows(with_rows(files), suffixes))
    files[REPORT] = document(_text("report", data, results, models, against, listed))
    return files, findings


def _folder(run: str, out: str | None, suffix: str) -> Path:
    folder = Folder(out).local if out else Run.at(run).report(suffix)
    if folder is None:
        raise UserError(f"A report is written to a local folder, got --out {out}. Name a local one.")
    return folder


def _model_files(results: Results, suffix: str, orders: Orders) -> dict[str, bytes]:
    """Name -> content of the figures and tables of one model."""
    files = {
        **table_files(results, suffix),
        **latex.table_files(results, suffix),
        **figure_files(results, suffix, orders),
    }
    if results.planted:
        files[f"planted{suffix}.csv"] = planted_csv(results.planted)
    if results.layers:
        files[f"layers{suffix}.csv"] = tables.layer_csv(results.layers)
    return files


def _text(
    name: str,
    data: RunData,
    results: Sequence[Results],
    models: Sequence[object],
    against: str,
    files: Sequence[tuple[str, str]] = (),
) -> str:
    """The text of report.md or appendix.md. `files` are the rows of the list of files."""
    environment = jinja2.Environment(
        # A path, because the package may be loaded under another name than `analysis`.
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    space, the_reference = data.space, results[0].matrix.reference_words
    return environment.get_template(f"{name}.md.j2").render(
        against="" if against == reference_recipe(space) else against,
        data=data,
        space=space,
        heading=_heading(space),
        models=models,
        notes=[*data.notes, *damage_notes(data)],
        files=files,
        limits=sections.data_limits(space),
        retrieval=sections.retrieval_settings(space),
        the_reference=the_reference,
        protocol=_protocol(space, the_reference),
        level=LEVEL,
        weighted=_weighted(space),
        pages=_pages(space),
        studies=sections.study_rows(studies(data)),
        licences=sections.licence_rows(space),
        single_split=results[0].matrix.single_split,
        published={"source": published.SOURCE, "note": published.SQUAD},
        table=tables.markdown,
    )


def _heading(space: Space) -> str:
    """The title of a report, without a second colon."""
    return f"Transfer matrix of {space.name}" + (
        f" ({space.title})" if space.title and space.title != space.name else ""
    )


def _pages(space: Space) -> dict[str, str]:
    """File -> title of the pages about contrasts, conditions and difficulty."""
    pages = {f"{page_name(contrast.family)}.md": contrast.family for contrast in space.contrasts}
    has_conditions = any(target.conditions for target in space.targets)
    pages |= {PAGE: "scores under further conditions"} if has_conditions else {}
    return pages | ({DIFFICULTY: "difficulty of the intermediate tasks"} if has_page(space) else {})


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
        "sets_aside": protocol.sets_aside(space),
    }
