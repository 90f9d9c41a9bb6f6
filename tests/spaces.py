"""Spaces that many tests share, and the rows that the data specs of a space name."""

from dataclasses import replace

from search_spaces.demo_full import SHORT_SEARCH, TWO_RATES, recipes, targets
from search_spaces.demo_full import SPACE as FULL
from sweeper.records.spec import DataSpec
from sweeper.space import Space

MATRIX = replace(FULL, recipes=recipes(0.6), targets=targets(TWO_RATES), seeds=(1, 2), search=SHORT_SEARCH)
"""Eleven recipes x nine targets of the synthetic world, two seeds, a search of two trials for each target."""


def rows_of(space: Space, data: DataSpec) -> set[str]:
    """The rows of a data spec in all of its languages, as texts that tests can compare."""
    by_language = space.task(data.task).rows(data.part)
    return {repr(rows) for language in data.languages for rows in by_language[language]}
