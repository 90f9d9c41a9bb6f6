"""Spaces that many tests share."""

from dataclasses import replace

from search_spaces.demo_full import SHORT_SEARCH, TWO_RATES, recipes, targets
from search_spaces.demo_full import SPACE as FULL

MATRIX = replace(FULL, recipes=recipes(0.6), targets=targets(TWO_RATES), seeds=(1, 2), search=SHORT_SEARCH)
"""Eleven recipes x nine targets of the synthetic world, two seeds, a search of two trials for each target."""
