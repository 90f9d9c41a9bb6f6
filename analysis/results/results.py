"""Everything that a report shows about one model, computed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from sweeper.run.run import Run
from sweeper.space import CLEAN, Space

from .benchmark import Means, benchmark_means, shown_means
from .column_means import column_means
from .completion import Completion, complete
from .correlate import Correlations, correlate, noise
from .coverage import LanguageCoverage, language_coverage, partial_cells
from .estimates import cell_estimates, estimates
from .gains import gain_table
from .items import ItemParts, item_parts
from .language_effects import english_differences, seed_agreement
from .language_traits import LanguageTraits, language_traits
from .layers import LayerScores, layer_scores
from .leaders import Leaders, leaders
from .load import RunData, load
from .matrix import Cell, Matrix, language_table, matrix_of
from .names import check_model
from .planted import Planted, compare_planted
from .published import Comparison, published_comparisons
from .ranking import MEASURED, predictions, rankings
from .responses import responses
from .row_means import row_means
from .seed_part import MEAN, scores_by_seed, seeds_done
from .timeline import timeline
from .trivial import PreparationLevel, TargetLevel, preparation_levels, target_levels


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of one model of a run. Figures draw them, and the report puts them into words."""

    space: Space
    model: str
    matrix: Matrix
    estimates: pd.DataFrame
    """The gain of each cell and language with its interval, p and q: the columns of `estimates.Estimate`."""
    row_means: pd.DataFrame
    """The mean gain of each recipe over the targets that all recipes have, with the columns of `row_means.COLUMNS`."""
    column_means: pd.DataFrame
    """The mean gain of each target over recipes, with the columns of `column_means.COLUMNS`."""
    gains: pd.DataFrame
    """All scores with their same-seed gains: `gains.gain_table`."""
    seeds: pd.DataFrame
    """The score and the gain of each seed, by language and as the mean over languages: `seed_part.scores_by_seed`."""
    items: ItemParts
    """Variances about new items, from the outcomes of the run."""
    languages: pd.DataFrame
    """Scores and gains by language, with the columns of `language_table`."""
    english_differences: pd.DataFrame
    """The gain in each language minus the gain in English: `language_effects.COLUMNS`."""
    seed_agreement: pd.DataFrame
    """How well the gains of two halves of the seeds agree, by target: `language_effects.AGREEMENT_COLUMNS`."""
    language_traits: LanguageTraits
    """Gains against properties of the language: distance from English, family, script, resources."""
    leaders: Leaders
    """The best recipes of each target and of the mean."""
    correlations: Correlations
    completion: Completion
    """Predicted gains of missing cells."""
    rankings: pd.DataFrame
    """How well predictors of transfer rank the recipes of each target: the columns of `ranking.COLUMNS`."""
    responses: pd.DataFrame
    """The search trials of each study: the columns of `responses.COLUMNS`."""
    timeline: pd.DataFrame
    """When and where each trial was computed: the columns of `timeline.COLUMNS`."""
    layers: Mapping[str, LayerScores]
    """Target -> scores by layer, for retrieval targets with several layers."""
    benchmarks: tuple[Means, ...]
    """The means of XTREME and XTREME-R; empty if the run has none of their tasks."""
    published: tuple[Comparison, ...]
    """Published gains beside measured ones; empty unless the run measures the same thing."""
    planted: Planted | None
    """Planted gains beside measured ones; None unless the run is in a synthetic world."""
    targets: tuple[TargetLevel, ...]
    """The scores of each target beside its trivial score."""
    preparations: tuple[PreparationLevel, ...]
    """The dev score of each prepared encoder on its own tasks beside the trivial score."""
    coverage: tuple[LanguageCoverage, ...]
    """Scored and absent languages of each target."""
    partial: Mapping[Cell, int]
    """Cell -> its number of seeds, for cells that lack some of the replicate seeds."""

    @cached_property
    def mean_seeds(self) -> pd.DataFrame:
        """The rows of `seeds` that are means over languages under the usual condition."""
        return self.seeds[(self.seeds["language"] == MEAN) & (self.seeds["condition"] == CLEAN)]

    @property
    def seeds_done(self) -> tuple[int, ...]:
        """The seeds with a score in any cell. The space may ask for more."""
        return seeds_done(self.seeds)


def compute_results(run: str | RunData, model: str | None = None, against: str = "") -> Results:
    """Compute the results of one model of a run.

    `run` is a run folder, given as a path or an fsspec URL, or the tables that `load` has read from it. `model` is the
    name of a model of the space (default: its first one). Gains are measured against the recipe `against` (default:
    the baseline).

    Raises UserError if `run` is not a run folder, or if the space has no model or recipe of that name.
    """
    data = run if isinstance(run, RunData) else load(run)
    space = data.space
    name = space.models[0].name if model is None else check_model(space, model)
    gains = gain_table(data, name, against)
    matrix = matrix_of(space, gains, name, against)
    preparations = preparation_levels(data, name)
    levels, seeds, items = target_levels(data, matrix), scores_by_seed(gains), _item_parts(data, name)
    cells = estimates(space, seeds, matrix, levels, items)
    means = benchmark_means(data, name, against, cells)
    row = row_means(space, seeds, cells, matrix.reference)
    correlations = correlate(data, matrix, seeds, cells, row, preparations)
    predictors = data.predictors[data.predictors["model"] == name]
    by_language = language_table(space, gains, matrix.marks)
    return Results(
        space=space,
        model=name,
        matrix=matrix,
        estimates=cells,
        column_means=column_means(seeds, cells, items, matrix.reference),
        row_means=row,
        gains=gains,
        seeds=seeds,
        items=items,
        languages=by_language,
        english_differences=english_differences(seeds, cells, items, matrix.reference),
        seed_agreement=seed_agreement(seeds, cells, correlations.seeds),
        language_traits=language_traits(data, seeds, cells, matrix, (correlations.mean_over, correlations.seeds)),
        leaders=leaders(space, seeds, cells, row, items, matrix.reference),
        correlations=correlations,
        completion=_completion(matrix, seeds, predictions(space, matrix.summarised, correlations.traits, predictors)),
        rankings=rankings(space, matrix.summarised, correlations.traits, predictors, by_language),
        responses=responses(data.trainings, data.chosen, name),
        timeline=timeline(data.trainings, name),
        layers=layer_scores(data, name),
        benchmarks=shown_means(means, space),
        published=published_comparisons(data, matrix, means),
        planted=compare_planted(matrix, cell_estimates(cells), space),
        targets=levels,
        preparations=preparations,
        coverage=language_coverage(data, name),
        partial=partial_cells(data, matrix),
    )


def _completion(matrix: Matrix, seeds: pd.DataFrame, predicted: Mapping[str, pd.DataFrame]) -> Completion:
    """The missing cells, from the predictors that do not depend on gains."""
    gains, targets = matrix.summarised, list(matrix.summarised.columns)
    chosen = {name: predicted[name] for name in (*MEASURED, "train_size") if name in predicted}
    scale = pd.Series(noise(seeds, targets), index=targets)
    return complete(gains, matrix.gains.loc[gains.index].isna(), scale, chosen)


def _item_parts(data: RunData, model: str) -> ItemParts:
    """The item variances of a model; none for tables that were not loaded from a run folder."""
    if not data.run:
        return ItemParts(blocks={}, own_items=frozenset())
    run = Run.open(data.run)
    return item_parts(data, model, run.ledger, run.analysis_cache)


def results_of_run(data: RunData, against: str = "") -> tuple[Results, ...]:
    """The results of every model, in the order of the space. A model without a score has empty tables."""
    return tuple(compute_results(data, model.name, against) for model in data.space.models)
