"""`sweeper spaces` and `sweeper space`: the shipped spaces, and the values of a space with the paths of --set."""

import json

import pytest

from search_spaces.load import load_space, shipped
from search_spaces.tiny import SPACE as TINY
from sweeper.cli.output import out
from sweeper.files.serialize import plain
from sweeper.space.settings import apply_settings
from tests.runs import Call


def test_every_shipped_space_is_listed_with_its_size_and_needs(call: Call) -> None:
    result = call("spaces", "--json")
    assert result.code == 0
    facts = {fact["name"]: fact for fact in json.loads(result.out)}
    assert sorted(facts) == shipped()
    assert facts["tiny"]["needs"] == "no data (synthetic world)"
    needs = facts["xtreme"]["needs"].split(", ")
    assert needs[:2] == ["a GPU", "the Hub or a mirror"]
    assert {"local/ccgbank", "local/udpos"} <= set(needs)
    assert "local/" not in facts["xtreme_hub"]["needs"]
    assert "Apertium" in facts["text_rows"]["needs"]
    xtreme = load_space("xtreme")
    assert (facts["xtreme"]["recipes"], facts["xtreme"]["targets"]) == (len(xtreme.recipes), len(xtreme.targets))


def test_the_table_of_spaces_has_their_titles(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "width", 300)  # a narrower table has the longest titles in several lines
    assert TINY.title in call("spaces").out


def test_the_printed_values_of_a_space_are_settings_that_give_the_same_space(call: Call) -> None:
    lines = call("space", "tiny", "--set", "epochs=7").out.split("\n\n")[0].splitlines()
    settings = [line.replace(" = ", "=", 1) for line in lines]
    assert "targets.names.training.epochs=7.0" in settings
    changed = apply_settings(TINY, ["epochs=7"])
    assert apply_settings(changed, settings) == changed


def test_all_values_below_a_path_are_printed_also_defaults(call: Call) -> None:
    lines = call("space", "tiny", "targets.*.training").out.splitlines()
    names = next(target for target in TINY.targets if target.task == "names")
    assert f"targets.names.training.epochs = {float(names.training.epochs)}" in lines
    assert {line.split(".")[1] for line in lines} == {target.task for target in TINY.targets}
    assert "targets.names.training.patience = none" in lines


def test_a_space_and_a_part_of_it_are_printed_as_json(call: Call) -> None:
    assert json.loads(call("space", "tiny", "--json").out) == plain(TINY)
    part = json.loads(call("space", "tiny", "search.trials", "--json").out)
    assert part == {"search.trials": TINY.search.trials}


def test_an_unknown_path_of_a_space_is_answered_with_the_nearest_name(call: Call) -> None:
    result = call("space", "tiny", "targets.name.training")
    assert (result.code, "No target is called 'name'. Did you mean 'names'?" in result.err) == (2, True)


def test_a_setting_without_effect_is_reported_on_stderr(call: Call) -> None:
    result = call("space", "tiny", "search.trials", "--set", "learning_rate=1e-5")
    assert (result.code, result.out) == (0, "search.trials = 2\n")
    assert "targets.names and 1 more search learning_rate as a dial instead of this value." in result.err
    assert "`--set dials.learning_rate=none` removes the dial." in result.err
