"""`sweeper doctor`: this machine, a cluster of two nodes, a store, and what it says about planted problems."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from sweeper.errors import MachineError
from sweeper.files.folder import Folder
from sweeper.training.machine import Gpu, Machine, inspect_machine
from sweeper.tuning import access, connect
from sweeper.tuning.connect import OBJECT_STORE
from sweeper.tuning.doctor import _marked, _silent, examine
from sweeper.tuning.findings import Finding, machine_findings, version_findings
from tests.buckets import bucket

__all__ = ["bucket"]

MACHINE = Machine(
    host="node1",
    versions={"Python": "3.12.1", "ray": "2.60.0", "torch": "2.13.0"},
    gpus=(Gpu(name="A10G", memory=24 * 2**30, has_bf16=True),),
    cuda="12.8",
    has_mps=True,
    has_bf16=True,
    memory=32 * 2**30,
    shared_memory=2**30,
    disk=100 * 10**9,
    clock=0.0,
)


def problems(machine: Machine, *, has_device: bool = True) -> dict[str, Finding]:
    found = list(machine_findings(machine, has_device=has_device))
    assert all(finding.remedy for finding in found if finding.state != "ok")
    assert not any(finding.remedy for finding in found if finding.state == "ok")
    return {finding.topic: finding for finding in found if finding.state != "ok"}


def test_a_machine_with_everything_has_no_problem() -> None:
    assert problems(MACHINE) == {}


def test_a_machine_without_a_gpu_has_no_problem() -> None:
    assert problems(replace(MACHINE, gpus=(), cuda=""), has_device=False) == {}


def test_a_head_that_runs_no_trial_needs_no_bfloat16() -> None:
    machine = replace(MACHINE, gpus=(), cuda="", has_bf16=False)
    found = {finding.topic: finding for finding in machine_findings(machine, has_device=False, runs_trials=False)}
    assert "bfloat16" not in found
    assert found["GPUs"].text == "none; no trial runs here; torch is built for CPUs"


@pytest.mark.parametrize(("has_mps", "text"), [(True, "has been started"), (False, "has not been started")])
def test_a_machine_with_a_gpu_says_whether_mps_has_been_started(text: str, *, has_mps: bool) -> None:
    found = machine_findings(replace(MACHINE, has_mps=has_mps), has_device=True)
    (mps,) = [finding for finding in found if finding.topic == "MPS"]
    assert mps.state == "ok" and mps.text.startswith(text)
    without = machine_findings(replace(MACHINE, gpus=(), cuda=""), has_device=False)
    assert "MPS" not in {finding.topic for finding in without}


def test_mps_is_recognised_by_its_file_of_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert not inspect_machine(str(tmp_path)).has_mps
    (tmp_path / "control").touch()
    assert inspect_machine(str(tmp_path)).has_mps


def test_a_gpu_with_a_torch_for_cpus_is_a_problem() -> None:
    found = problems(replace(MACHINE, gpus=(), cuda=""))
    assert found["GPUs"].state == "problem" and "Install a build of torch for your GPU" in found["GPUs"].remedy


def test_a_gpu_that_torch_cannot_use_although_it_is_built_for_cuda_is_a_problem() -> None:
    found = problems(replace(MACHINE, gpus=()))
    assert "nvidia-smi" in found["GPUs"].remedy


@pytest.mark.parametrize(
    ("change", "topic", "state"),
    [
        ({"gpus": (Gpu(name="T4", memory=2**34, has_bf16=False),)}, "bfloat16", "warning"),
        ({"gpus": (), "has_bf16": False, "cuda": ""}, "bfloat16", "warning"),
        ({"disk": 10**9}, "disk", "problem"),
        ({"disk": 5 * 10**9}, "disk", "warning"),
        ({"shared_memory": OBJECT_STORE - 1}, "shared memory", "problem"),
        ({"versions": {"Python": "3.12.1", "ray": ""}}, "versions", "problem"),
    ],
)
def test_a_shortage_is_named_with_its_remedy(change: dict[str, object], topic: str, state: str) -> None:
    found = problems(replace(MACHINE, **change), has_device="gpus" not in change)  # type: ignore[arg-type]
    assert {topic: state} == {name: finding.state for name, finding in found.items()}


def test_versions_that_differ_between_nodes_are_named_with_their_hosts() -> None:
    other = replace(MACHINE, host="node2", versions={**MACHINE.versions, "torch": "2.11.0"})
    (finding,) = version_findings([MACHINE, other])
    assert finding.state == "problem"
    assert finding.text == "torch: 2.13.0 on node1; 2.11.0 on node2"
    assert list(version_findings([MACHINE, MACHINE])) == []


def test_builds_of_one_version_may_differ_between_nodes() -> None:
    head = replace(MACHINE, host="head", versions={**MACHINE.versions, "torch": "2.13.0+cpu"})
    assert list(version_findings([head, MACHINE])) == []


def test_this_machine_is_examined_with_its_run_folder_and_mirror(tmp_path: Path) -> None:
    (tmp_path / "mirror" / "datasets").mkdir(parents=True)
    found = list(examine(address="local", run=f"{tmp_path}/run", cache=f"{tmp_path}/x", mirror=f"{tmp_path}/mirror"))
    by_topic = {finding.topic: finding for finding in found}
    assert "torch " in by_topic["versions"].text
    assert by_topic["conditional write"].state == "ok"
    assert by_topic["mirror"].state == "ok"
    assert not list((tmp_path / "run").iterdir()), "nothing is left in the run folder"


def test_a_run_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = list(examine(address="local", run=f"{tmp_path}/file/run", cache=str(tmp_path), mirror=None))
    (store,) = [finding for finding in found if finding.topic == "store"]
    assert store.state == "problem" and "a part of its path is a file" in store.text


def test_a_store_that_fails_while_it_is_measured_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise PermissionError("no permission to delete")

    monkeypatch.setattr(access, "measure_store", fail)
    found = list(examine(address="local", run=str(tmp_path), cache=str(tmp_path), mirror=str(tmp_path / "none")))
    (store,) = [finding for finding in found if finding.topic == "store"]
    assert (store.state, store.text) == ("problem", "no permission to delete")
    assert found[-1].topic == "mirror", "the examination continues"


@pytest.mark.parametrize("error", [RuntimeError, ray.exceptions.RaySystemError])
def test_a_cluster_with_other_versions_is_an_error_with_the_reason(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise error("Version mismatch: The cluster was started with:\n    Ray: 2.1.0")

    monkeypatch.setattr(connect, "check_cluster", lambda _: None)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(
        MachineError, match=r"cannot be joined: .*Version mismatch: The cluster was started with: Ray: 2"
    ):
        list(examine(address="127.0.0.1:1", run=str(tmp_path), cache=str(tmp_path), mirror=None))


@pytest.fixture
def cluster(bucket: Mapping[str, str]) -> Iterator[Cluster]:
    """A head, and a node that cannot reach the Hub. Neither has the keys of the bucket, which the driver has."""
    endpoint = {"AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"], "AWS_DEFAULT_REGION": "us-east-1"}
    head = {"num_cpus": 1, "include_dashboard": False, "env_vars": {**endpoint, "HF_HUB_OFFLINE": "1"}}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    offline = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:1"}
    nodes.add_node(num_cpus=1, num_gpus=1, env_vars={**endpoint, **offline})
    yield nodes
    nodes.shutdown()


def test_every_node_of_a_cluster_is_asked_and_tests_the_store_and_the_source_itself(
    cluster: Cluster, bucket: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**bucket, "HF_HUB_OFFLINE": "1"}.items():
        monkeypatch.setenv(name, value)
    found = list(examine(address=cluster.address, run="s3://sweeps/doctor", cache=str(tmp_path), mirror=None))
    topics = Counter(finding.topic for finding in found if finding.place != "driver")
    assert topics["disk"] == topics["clock"] == topics["shared memory"] == 2
    assert all(finding.state == "ok" for finding in found if finding.topic == "clock")
    # Ray was told of a GPU that the second node does not have.
    assert sorted(finding.state for finding in found if finding.topic == "GPUs") == ["ok", "problem"]
    assert "cluster" not in {finding.place for finding in found}, "equal versions"
    stores = [finding.text for finding in found if finding.topic == "store"]
    assert [text.partition(" MB/s")[0][:26] for text in stores] == ["s3://sweeps/doctor: writes"] * 3
    assert topics["conditional write"] == 2
    sources = Counter(finding.text for finding in found if finding.topic == "Hub")
    assert sources == {"not asked: HF_HUB_OFFLINE is set": 2, "does not answer": 1}


def test_a_node_without_the_folder_of_the_driver_is_a_problem_and_a_mirror_must_be_on_all_nodes(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "mirror" / "datasets").mkdir(parents=True)
    # Each process has a file system of its own in memory.
    places = {"run": "memory://run", "cache": str(tmp_path), "mirror": f"{tmp_path}/mirror"}
    found = list(examine(address=cluster.address, **places))
    (here, *nodes) = [finding for finding in found if finding.topic == "store" and finding.state != "warning"]
    assert here.place == "driver" and here.state == "ok"
    missing = [finding for finding in nodes if "a file that the driver wrote is missing" in finding.text]
    assert len(missing) == 2 and all("a store such as s3://." in finding.remedy for finding in missing)
    assert [finding.state for finding in found if finding.topic == "mirror"] == ["ok"] * 3
    shared = list(examine(address=cluster.address, run=str(tmp_path / "run"), cache=str(tmp_path), mirror=None))
    assert not [finding for finding in shared if "the driver wrote" in finding.text]
    assert not list((tmp_path / "run").iterdir()), "nothing is left in the run folder"


def test_a_store_that_refuses_to_delete_does_not_hide_the_answers_of_the_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Folder, name: str) -> None:
        raise PermissionError(f"no permission to delete {name}")

    monkeypatch.setattr(Folder, "remove", refuse)
    with _marked(str(tmp_path)) as marker:
        assert (tmp_path / marker).exists()


def test_the_remedy_for_a_silent_node_names_the_folder_of_the_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/scratch")
    assert "(/scratch/ray, unless RAY_TMPDIR" in _silent("node1", TimeoutError()).remedy


def test_an_address_without_a_cluster_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"No Ray cluster answers at .127\.0\.0\.1:1"):
        list(examine(address="127.0.0.1:1", run=str(tmp_path), cache=str(tmp_path), mirror=None))
