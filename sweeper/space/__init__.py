"""The search space: everything that one sweep covers, as Python values that are validated when they are created."""

from sweeper.space.condition import CLEAN, Condition
from sweeper.space.contrast import EACH, Claim, Contrast, Slope, Term, difference, interaction, slope_weights
from sweeper.space.dials import Choice, Dials, Distribution, LogUniform, Training, Value, grid_point
from sweeper.space.language_pairs import language_distances, pair_slope
from sweeper.space.model import Model, ResourceOverrides, Resources
from sweeper.space.search import SEARCH_SEED, Search
from sweeper.space.space import Space
from sweeper.space.stage import APERTIUM, FOLDER, Recipe, Stage, Translation, divided, tasks_of
from sweeper.space.target import Target
from sweeper.tasks.spec import Rows, Task

__all__ = [
    "APERTIUM",
    "CLEAN",
    "EACH",
    "FOLDER",
    "SEARCH_SEED",
    "Choice",
    "Claim",
    "Condition",
    "Contrast",
    "Dials",
    "Distribution",
    "LogUniform",
    "Model",
    "Recipe",
    "ResourceOverrides",
    "Resources",
    "Rows",
    "Search",
    "Slope",
    "Space",
    "Stage",
    "Target",
    "Task",
    "Term",
    "Training",
    "Translation",
    "Value",
    "difference",
    "divided",
    "grid_point",
    "interaction",
    "language_distances",
    "pair_slope",
    "slope_weights",
    "tasks_of",
]
