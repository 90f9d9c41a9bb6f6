"""The studies of a run in the report and on its page: with rungs, with a race, and with records that are missing."""

from collections.abc import Callable

import pytest

from analysis.page import trials as page
from analysis.results.coverage import studies
from analysis.results.load import load
from sweeper.space import Search
from tests.analysis.conftest import Run


@pytest.mark.parametrize("search", [Search(rungs=(0.5,)), Search(race=2, race_seeds=(7, 8))], ids=["rungs", "race"])
def test_a_study_whose_search_records_cannot_be_read_is_left_out(make_run: Callable[..., Run], search: Search) -> None:
    run = make_run(search=search)
    role = "rung" if search.rungs else "race"
    run.trained("baseline", "tags", 0, role=role, study="s", value=0.5, dials={"learning_rate": 1e-4})
    data = load(run.url)
    assert studies(data) == ()
    assert page.studies(data)["study"] == []
