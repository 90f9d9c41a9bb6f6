"""The studies of a run in the report and on its page: with rungs, with a race, and with records that are missing."""

from collections.abc import Callable

import pytest

from analysis.page import trials as page
from analysis.results.coverage import studies
from analysis.results.load import load
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import Role
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


def write_trials(run: Run, role: Role, values: list[float], seed: int = 0) -> list[TrainingRecord]:
    """Write a trial of the study for each value, with different learning rates."""
    return [
        run.trained(
            "baseline",
            "tags",
            seed,
            role=role,
            study="s",
            number=number,
            dials={"learning_rate": 10.0 ** -(number + 2)},
            value=value,
        )
        for number, value in enumerate(values)
    ]


def test_the_page_marks_the_search_trial_with_the_dials_that_the_last_rung_chose(make_run: Callable[..., Run]) -> None:
    run = make_run(search=Search(trials=4, rungs=(0.25,)))
    search = write_trials(run, "search", [0.6, 0.5, 0.4, 0.3])
    write_trials(run, "rung", [0.7, 0.8], seed=9)
    table = page.studies(load(run.url))
    assert table["chosen"] == [search[1].key]
    assert table["value_name"] == ["selection value after 25 % of the steps"]


def test_without_rungs_the_page_names_the_selection_value_alone(make_run: Callable[..., Run]) -> None:
    run = make_run(search=Search(trials=2))
    search = write_trials(run, "search", [0.6, 0.5])
    table = page.studies(load(run.url))
    assert (table["chosen"], table["value_name"]) == ([search[0].key], ["selection value"])


def test_the_report_counts_the_trials_of_a_race_and_gives_the_mean_value_of_the_chosen_dials(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(search=Search(trials=3, race=2, race_seeds=(7, 8)))
    write_trials(run, "search", [0.6, 0.5, 0.4])
    write_trials(run, "race", [0.4, 0.7], seed=7)
    write_trials(run, "race", [0.4, 0.8], seed=8)
    run.trained("baseline", "tags", 9, role="race", study="s", dials={"learning_rate": 0.5}, state="failed")
    (study,) = studies(load(run.url))
    assert study.dials == {"learning_rate": 1e-3}
    assert (study.num_trials, study.num_failed, study.value) == (8, 1, pytest.approx(0.75))
