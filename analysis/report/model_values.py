"""The values of the templates of a report that differ between models."""

from collections.abc import Collection

from ..figures.pages import FIGURES
from ..results.correlate import Correlations
from ..results.load import RunData
from ..results.results import Results
from . import language_text, prediction, sections, tables
from .findings import findings_of
from .gains import cautions, gains_table
from .planted import planted_finding


def model_values(data: RunData, results: Results, suffix: str, files: Collection[str]) -> dict[str, object]:
    """The values of the template that differ between models. `files` are the names of the files of the report."""
    return {
        "name": results.model,
        "figures": [name for name in FIGURES if f"{name}{suffix}.png" in files],
        "suffix": suffix,
        "findings": findings_of(data, results),
        **_matrix_values(results),
        **_benchmark_values(results),
        **_language_values(results),
        **_correlation_values(results.correlations),
        "rankings": prediction.ranking_table(results),
        "completion": prediction.completion_text(results),
    }


def _matrix_values(results: Results) -> dict[str, object]:
    """Scores and gains with their marks, and the levels of targets, preparations and layers."""
    matrix, unclear = results.matrix, tables.NOT_CLEARLY_ABOVE
    return {
        "scores": tables.score_table(matrix),
        "gains": gains_table(results),
        "cautions": list(cautions(results)),
        "same_rows": sections.annotated(matrix.marks.same_rows),
        "same_items": sections.annotated(matrix.marks.same_items),
        "not_zero_shot": sections.annotated(matrix.marks.not_zero_shot),
        "targets": tables.target_rows(results.targets),
        "unclear_targets": [level.target for level in results.targets if level.verdict in unclear],
        "preparations": tables.preparation_rows(results.preparations),
        "unclear_preparations": [f"{p.recipe} on {p.task}" for p in results.preparations if p.verdict in unclear],
        "layers": {target: tables.markdown(*tables.layer_rows(rows)) for target, rows in results.layers.items()},
    }


def _benchmark_values(results: Results) -> dict[str, object]:
    """Means of benchmarks, and comparisons with published and planted values."""
    return {
        "benchmarks": [
            {
                "title": means.benchmark.title,
                "columns": list(means.shown),
                "rows": tables.mean_rows(means),
                "gains": tables.mean_gain_rows(means),
                "seeds_only": tables.seeds_only(means),
                "excluded": means.excluded,
            }
            for means in results.benchmarks
        ],
        "published": tables.published_rows(results.published),
        "planted": results.planted and planted_finding(results.planted),
        "planted_ceiling": results.planted and results.planted.ceiling,
    }


def _language_values(results: Results) -> dict[str, object]:
    """The languages of targets, and gains by language."""
    return {
        "languages": sections.language_rows(results.coverage),
        "agreement": prediction.agreement_rows(results),
        "differences": prediction.difference_rows(results),
        "slopes": language_text.slope_rows(results),
        "categories": language_text.category_rows(results),
        "groups": language_text.group_rows(results),
        "slope_notes": results.language_traits.notes,
    }


def _correlation_values(correlations: Correlations) -> dict[str, object]:
    """Correlations of recipes, of targets, and of gains with predictors and traits."""
    return {
        "recipe_pairs": sections.pair_table(correlations.recipes),
        "target_pairs": sections.pair_table(correlations.targets),
        "english": sections.target_table(correlations.english),
        "selection": sections.target_table(correlations.selection),
        "predictors": sections.predictor_table(correlations),
        "multitask": sections.multitask_rows(correlations),
        "notes": correlations.notes,
        "traits": sections.trait_rows(correlations),
        "mean_over": correlations.mean_over,
    }
