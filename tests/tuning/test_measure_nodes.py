"""`sweeper pace --address`: a cluster with two types of nodes, and a plan that uses the file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from sweeper.errors import MachineError, UserError
from sweeper.space import Resources
from sweeper.tuning.measure_nodes import Failure, node_types
from tests.runs import CORNER, Call, shared_cache

pytestmark = pytest.mark.seconds


def node(name: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "Alive": alive, "Resources": resources}


def test_nodes_with_equal_cpus_and_gpus_are_one_type_and_the_type_of_most_nodes_is_the_first() -> None:
    a10g: dict[str, float] = {"accelerator_type:A10G": 1.0}
    nodes = [
        node("head"),
        node("t4", CPU=4, GPU=1, **{"accelerator_type:T4": 1.0}),
        node("first", CPU=8, GPU=1, **a10g),
        node("dead", CPU=8, GPU=1, alive=False, **a10g),
        node("second", CPU=8, GPU=1, **a10g),
        node("small", CPU=1, GPU=1, **a10g),
    ]
    assert node_types(nodes, Resources(cpus=2, gpus=1)) == {
        "8 CPUs and 1 A10G": ["first", "second"],
        "4 CPUs and 1 T4": ["t4"],
    }
    assert node_types(nodes, Resources(cpus=16)) == {}


@pytest.mark.parametrize(("is_of_user", "error"), [(True, UserError), (False, MachineError)])
def test_an_error_of_a_node_is_an_error_of_the_driver(error: type[Exception], *, is_of_user: bool) -> None:
    assert type(Failure(reason="no data", is_of_user=is_of_user).error()) is error


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head without trials, and two types of nodes."""
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    nodes.add_node(num_cpus=2)
    yield nodes
    nodes.shutdown()


@pytest.mark.slow
def test_one_node_of_each_type_is_measured_and_a_plan_uses_the_file(
    cluster: Cluster, call: Call, tmp_path: Path
) -> None:
    arguments = ("pace", "tiny", *CORNER, "--minutes", "0.005", "--cache", shared_cache())
    result = call(*arguments, "--address", cluster.address, "--json")
    assert result.code == 0, result.err
    contents = json.loads(result.out)
    other = next(name for name in contents if name != "runs/tiny.pace.json")
    assert sorted(contents) == sorted(["runs/tiny.pace.json", other])
    assert other in ("runs/tiny.pace.1-CPUs.json", "runs/tiny.pace.2-CPUs.json")
    for node in ("1 CPUs", "2 CPUs"):
        assert f"{node}: one of 1 such nodes is measured." in result.err
        assert f"{node}: [1/1] tiny, " in result.err
    plan = json.loads(call("plan", "tiny", "--price", "3", "--json").out)
    assert plan["measurement"]["host"] == contents["runs/tiny.pace.json"]["host"]
    assert plan["cost_left"] > 0
    failed = call(*arguments, "--set", "models.tiny.id=./missing", "--address", cluster.address)
    assert failed.code == 2 and "missing" in failed.err
