"""The demo: five recipes x four targets of the synthetic world, with six seeds; about four minutes on two cores.

The report compares the measured gains with the planted ones. The size is the smallest at which most of the planted
gains are significant: docs/synthetic-world.md gives the results of several worlds. `demo_full` is the full matrix.
"""

from dataclasses import replace

from .demo_full import SHORT_SEARCH, TWO_RATES, recipes, shortened, targets
from .demo_full import SPACE as FULL

RECIPES = ("baseline", "claims", "rewrites", "parts", "gaps")
TARGETS = ("xclaims", "words", "names", "few_questions")
LANGUAGES = ("en", "xa")
"""English and the nearest language: what was learned in English transfers to both."""
PREPARE_SHARE, TARGET_SHARE = 0.8, 0.75
"""Shares of the usual epochs."""
NUM_SEEDS = 6
"""Five seeds find fewer of the planted gains."""

SPACE = replace(
    FULL,
    name="demo",
    title="Demo: planted and measured transfer in a synthetic world",
    recipes=tuple(recipe for recipe in recipes(PREPARE_SHARE) if recipe.name in RECIPES),
    targets=tuple(
        replace(target, training=shortened(target.training, TARGET_SHARE), languages=LANGUAGES)
        for target in targets(TWO_RATES)
        if target.task in TARGETS
    ),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    search=SHORT_SEARCH,
    # One draw for the search and one for each seed.
    world=f"demo:draws={NUM_SEEDS + 1}",
)
