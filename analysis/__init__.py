"""Results of a run folder: the transfer matrix with statistics, figures, reports, exported encoders, submissions.

In a notebook::

    import analysis

    data = analysis.load("runs/demo")  # the tables of the run folder
    results = analysis.compute_results(data)  # everything that a report shows about one model
    results.matrix.gains.round(3)  # a DataFrame of recipes x targets
    analysis.heatmap_figure(results).savefig("gains.pdf")

In a folder that contains an `analysis` folder of its own, write `from sweeper import analysis`.

This package reads run folders and trains nothing. It loads neither torch nor ray, and the names below are imported when
they are used for the first time, so that `import analysis` itself is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .export.card import write_card as write_card
    from .export.choice import Chosen as Chosen
    from .export.choice import ExportOptions as ExportOptions
    from .export.choice import choose_export as choose_export
    from .export.folder import check_is_new as check_is_new
    from .export.folder import copy_encoder as copy_encoder
    from .export.folder import export_encoder as export_encoder
    from .figures.cartography import data_map as data_map
    from .figures.contrast_points import contrast_points as contrast_points
    from .figures.contrasts import contrast_intervals as contrast_intervals
    from .figures.correlations import correlations as correlations
    from .figures.distances import distances as distances
    from .figures.forest import forest as forest
    from .figures.frontier import frontier as frontier
    from .figures.heatmap import heatmap as heatmap
    from .figures.heatmap import heatmap_figure as heatmap_figure
    from .figures.languages import languages as languages
    from .figures.layers import layer_lines as layer_lines
    from .figures.pages import figure_files as figure_files
    from .figures.planted import planted_map as planted_map
    from .figures.search import search as search
    from .figures.timeline import timeline as timeline
    from .figures.traits import trait as trait
    from .page.server import DashboardServer as DashboardServer
    from .report.compare import compare_runs as compare_runs
    from .report.questions import write_questions as write_questions
    from .report.report import write_report as write_report
    from .results.calibration import calibration as calibration
    from .results.cartography import data_maps as data_maps
    from .results.contrast_points import point_table as point_table
    from .results.contrasts import contrast_table as contrast_table
    from .results.load import RunData as RunData
    from .results.load import load as load
    from .results.results import Results as Results
    from .results.results import compute_results as compute_results
    from .results.robustness import robustness as robustness
    from .submission.submission import SubmissionOptions as SubmissionOptions
    from .submission.submission import write_submission as write_submission

_MODULES = {
    "RunData": ".results.load",
    "load": ".results.load",
    "Results": ".results.results",
    "compute_results": ".results.results",
    "heatmap": ".figures.heatmap",
    "forest": ".figures.forest",
    "search": ".figures.search",
    "timeline": ".figures.timeline",
    "heatmap_figure": ".figures.heatmap",
    "languages": ".figures.languages",
    "distances": ".figures.distances",
    "layer_lines": ".figures.layers",
    "planted_map": ".figures.planted",
    "figure_files": ".figures.pages",
    "correlations": ".figures.correlations",
    "trait": ".figures.traits",
    "DashboardServer": ".page.server",
    "compare_runs": ".report.compare",
    "write_report": ".report.report",
    "write_questions": ".report.questions",
    "calibration": ".results.calibration",
    "contrast_table": ".results.contrasts",
    "robustness": ".results.robustness",
    "contrast_intervals": ".figures.contrasts",
    "point_table": ".results.contrast_points",
    "contrast_points": ".figures.contrast_points",
    "frontier": ".figures.frontier",
    "data_maps": ".results.cartography",
    "data_map": ".figures.cartography",
    "Chosen": ".export.choice",
    "ExportOptions": ".export.choice",
    "export_encoder": ".export.folder",
    "choose_export": ".export.choice",
    "check_is_new": ".export.folder",
    "copy_encoder": ".export.folder",
    "write_card": ".export.card",
    "SubmissionOptions": ".submission.submission",
    "write_submission": ".submission.submission",
}
"""Public name -> the module that defines it."""

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
