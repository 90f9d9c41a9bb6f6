"""`sweeper pace` and the hours, cost and memory that `sweeper plan` takes from its file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.plan.measurement import Measurement
from sweeper.tuning import measure_nodes
from tests.runs import CORNER, Call, shared_cache

pytestmark = pytest.mark.seconds
PACE = ("pace", "tiny", *CORNER, "--minutes", "0.005", "--cache", shared_cache())


def test_a_plan_takes_hours_cost_and_memory_from_the_file_of_pace(call: Call, tmp_path: Path) -> None:
    before = call("plan", "tiny", "--cache", shared_cache(), "--memory")
    assert "or measure it: sweeper pace SPACE." in before.out
    assert "The memory of these trials was not measured: sweeper pace SPACE measures it." in before.out
    assert "  tiny: 0.0" in before.out
    bound = json.loads(call("plan", "tiny", "--cache", shared_cache(), "--memory", "--json").out)["memory"]
    assert bound["types"] == []
    assert bound["bounds"]["tiny"] > 2**20
    result = call(*PACE)
    assert result.code == 0, result.err
    settings = "--set recipes=baseline --set targets=names --set seeds=1"
    assert f"Written to runs/tiny.pace.json. Next: sweeper plan tiny {settings} --price PRICE --memory" in result.out
    plan = json.loads(call("plan", "tiny", "--price", "3", "--memory", "--json").out)
    assert [each["process"] > 2**24 for each in plan["memory"]["types"]] == [True]
    assert plan["memory"]["bounds"] == {}
    assert plan["cost_left"] == pytest.approx(3 * plan["worker_hours_left"])
    assert plan["measurement"]["space"] == "tiny"
    shown = call("plan", "tiny", "--memory").out
    assert "Measured on 20" in shown
    assert "Peak memory of one trial, its scores included." in shown


def test_a_given_throughput_replaces_the_file_and_another_file_can_be_named(call: Call, tmp_path: Path) -> None:
    result = call(*PACE, "--out", "mine.json", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["types"][0]["unit"] == "tiny/baseline -> names"
    assert "measuring" in result.err
    assert not Path("runs").exists()
    assert json.loads(call("plan", "tiny", "--json").out)["hours_left"] is None
    named = json.loads(call("plan", "tiny", "--throughput-of", "mine.json", "--json").out)
    assert named["tokens_a_second_of_a_worker"]["tiny"]["source"] == "median of its measured trials in mine.json"
    Path("runs").mkdir()
    Path("mine.json").rename("runs/tiny.pace.json")
    given = json.loads(call("plan", "tiny", "--throughput", "5", "--json").out)
    assert given["tokens_a_second_of_a_worker"] == {"tiny": {"throughput": 5.0, "source": "given"}}
    assert given["measurement"] is None


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_a_type_that_fails_is_named_with_each_type_of_node(
    call: Call, monkeypatch: pytest.MonkeyPatch, extra: tuple[str, ...]
) -> None:
    def events(*_: object) -> Iterator[tuple[str, Measurement]]:
        for node in ("4 CPUs", "8 CPUs"):
            facts: dict[str, Any] = {"host": node, "failed": {"tiny, search": f"no data on {node}."}}
            facts |= {"space": "tiny", "date": "2026-01-01", "device": "cpu"}
            yield node, Measurement(versions={}, memory=1, types=(), **facts)

    monkeypatch.setattr(measure_nodes, "measure_nodes", events)
    result = call("pace", "tiny", "--address", "auto", *extra)
    assert result.code == 1
    for node in ("4 CPUs", "8 CPUs"):
        assert f"Not measured on a node with {node}: tiny, search. no data on {node}." in result.err
