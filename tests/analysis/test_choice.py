"""The choice of a search trial."""

from sweeper.records.counting import best_search_trial


def trials(run, values, states=None):
    states = states or ["done"] * len(values)
    return [
        run.trained("baseline", "tags", 0, role="search", study="s", number=number, value=value, state=state)
        for number, (value, state) in enumerate(zip(values, states, strict=True))
    ]


def test_the_trial_with_the_highest_value_is_chosen(make_run):
    records = trials(make_run(), [0.1, 0.9, 0.5])
    assert best_search_trial(records, 3).spec.number == 1


def test_of_two_equal_trials_the_lower_number_is_chosen_for_any_order_of_records(make_run):
    records = trials(make_run(), [0.1, 0.9, 0.9])
    assert best_search_trial(records, 3).spec.number == 1
    assert best_search_trial(reversed(records), 3).spec.number == 1


def test_trials_beyond_the_number_of_the_space_are_ignored(make_run):
    assert best_search_trial(trials(make_run(), [0.1, 0.3, 0.9]), 2).spec.number == 1


def test_failed_trials_nan_values_and_replicates_are_never_chosen(make_run):
    run = make_run()
    records = trials(run, [0.9, float("nan"), 0.2], ["failed", "done", "done"])
    replicate = run.trained("baseline", "tags", 1, study="s", value=1.0)
    assert best_search_trial([*records, replicate], 3).spec.number == 2


def test_a_study_without_a_finished_trial_chooses_nothing(make_run):
    assert best_search_trial(trials(make_run(), [None], ["failed"]), 3) is None
    assert best_search_trial([], 3) is None
