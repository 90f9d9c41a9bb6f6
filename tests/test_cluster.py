"""`cluster.yaml`, read by Ray's launcher and applied to an AWS account that moto simulates in this process."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from ray.autoscaler._private.util import prepare_config, validate_config

from sweeper.tasks.catalog import CATALOG
from tests.aws_account import launcher_account

pytestmark = pytest.mark.seconds

ROOT = Path(__file__).parent.parent
Config = dict[str, Any]


IMAGE = "# -- image\n"


def without_images(text: str) -> str:
    """`cluster.yaml` with plain commands, as its first lines describe."""
    before, _, after = text.split(IMAGE)
    lines = (before + after).splitlines()
    return "\n".join(line.removeprefix("#|").removeprefix(" ") if line.startswith("#|") else line for line in lines)


@pytest.fixture(params=["images", "plain"])
def yaml_config(request: pytest.FixtureRequest) -> Config:
    text = (ROOT / "cluster.yaml").read_text()
    config = yaml.safe_load(text if request.param == "images" else without_images(text))
    assert isinstance(config, dict)
    return config


@pytest.fixture
def prepared(yaml_config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(ROOT)  # the launcher checks the mounts relative to the working directory
    config = prepare_config(yaml_config)
    validate_config(config)
    return dict(config)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[None]:
    keys = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    with mock_aws(), launcher_account(tmp_path, keys):
        yield


@pytest.fixture
def bootstrapped(prepared: Config, account: None) -> Config:
    from ray.autoscaler._private.aws.config import bootstrap_aws

    return dict(bootstrap_aws(prepared))


def node_config(config: Config, node_type: str) -> Config:
    return dict(config["available_node_types"][node_type]["node_config"])


def environment_of(config: Config) -> list[str]:
    """The lines that set environment variables: options of the containers, or commands."""
    return [str(line) for line in config.get("docker", {}).get("run_options", config["initialization_commands"])]


def test_every_process_of_the_cluster_requires_the_token(prepared: Config) -> None:
    for node_type in ("head", "worker"):
        starts = [line for line in prepared[f"{node_type}_start_ray_commands"] if "ray start" in line]
        assert len(starts) == 1
        assert "RAY_AUTH_MODE=token ray start" in starts[0]
    assert any("RAY_AUTH_MODE=token" in line for line in environment_of(prepared))


def test_the_token_is_copied_as_a_file_and_is_not_in_the_configuration(prepared: Config) -> None:
    assert prepared["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "RAY_AUTH_TOKEN=" not in (ROOT / "cluster.yaml").read_text()


def test_only_ssh_is_open_to_the_internet(bootstrapped: Config) -> None:
    ec2 = boto3.resource("ec2", region_name=bootstrapped["provider"]["region"])
    node_types = ("head", "worker", "on_demand")
    groups = {name for node_type in node_types for name in node_config(bootstrapped, node_type)["SecurityGroupIds"]}
    assert groups
    for group in groups:
        rules = ec2.SecurityGroup(group).ip_permissions
        open_rules = [rule for rule in rules if rule["IpRanges"] or rule["Ipv6Ranges"] or rule["PrefixListIds"]]
        assert [(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in open_rules] == [(22, 22, "tcp")]
        closed = [pair["GroupId"] for rule in rules if rule not in open_rules for pair in rule["UserIdGroupPairs"]]
        assert set(closed) <= groups


def test_the_dashboard_is_reachable_from_the_head_only(prepared: Config) -> None:
    start = prepared["head_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in start


def test_workers_are_spot_machines_with_a_gpu_and_start_on_demand(bootstrapped: Config) -> None:
    from ray.autoscaler._private.aws.node_provider import AWSNodeProvider

    filled = AWSNodeProvider.fillout_available_node_types_resources(bootstrapped)
    worker = filled["available_node_types"]["worker"]
    assert node_config(filled, "worker")["InstanceMarketOptions"]["MarketType"] == "spot"
    assert worker["resources"]["GPU"] >= 1
    assert worker["min_workers"] == 0
    assert 0 < worker["max_workers"] <= filled["max_workers"]
    assert filled["idle_timeout_minutes"] > 0


def test_workers_on_demand_differ_from_spot_workers_in_the_market_alone(bootstrapped: Config) -> None:
    spot, on_demand = (node_config(bootstrapped, name) for name in ("worker", "on_demand"))
    assert spot.pop("InstanceMarketOptions") == {"MarketType": "spot"}
    assert on_demand == spot
    assert bootstrapped["available_node_types"]["on_demand"]["max_workers"] < bootstrapped["max_workers"]


@pytest.mark.parametrize(("failed", "chosen"), [({}, "worker"), ({"worker": 0.5}, "on_demand")])
def test_the_autoscaler_starts_spot_machines_first_and_others_after_a_failure(
    prepared: Config, failed: dict[str, float], chosen: str
) -> None:
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil

    for name in ("worker", "on_demand"):
        prepared["available_node_types"][name]["resources"] = {"CPU": 8, "GPU": 1}
    configs = AutoscalingConfig(prepared, skip_content_hash=True).get_node_type_configs()
    request = SchedulingRequest(
        disable_launch_config_check=True,
        node_type_configs=configs,
        max_num_nodes=prepared["max_workers"],
        resource_requests=ResourceRequestUtil.group_by_count([ResourceRequestUtil.make({"CPU": 4, "GPU": 1})]),
        recoverable_resource_availabilities=failed,
        cloud_resource_availabilities=failed,
    )
    reply = ResourceDemandScheduler(FakeEvents()).schedule(request)
    assert [launch.instance_type for launch in reply.to_launch if launch.instance_type != "head"] == [chosen]


class FakeEvents:
    """Discards the events of the autoscaler."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def test_the_cache_of_the_hub_outlives_the_container() -> None:
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    assert "-v /home/ubuntu/hub:/home/sweeper/.cache/huggingface/hub" in config["docker"]["run_options"]
    assert "mkdir -p ~/hub" in config["initialization_commands"]


@pytest.mark.parametrize(
    ("groups", "changed"), [("ubuntu docker", False), ("ubuntu", True), ("ubuntu dockerroot", True)]
)
def test_the_group_of_docker_is_added_once_and_the_next_command_waits_for_a_new_connection(
    tmp_path: Path, groups: str, *, changed: bool
) -> None:
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    (command,) = [line for line in config["initialization_commands"] if "usermod" in line]
    for name, text in {"id": f"echo {groups}", "sudo": 'echo "$@"', "sleep": 'echo "sleep $1"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "USER": "ubuntu"}
    done = subprocess.run(["bash", "-c", command], env=variables, capture_output=True, text=True, check=True)
    # Ray's first connection lasts for ten seconds after its last command.
    assert done.stdout == ("usermod -aG docker ubuntu\nsleep 15\n" if changed else "")


def test_no_trial_runs_on_the_head_and_the_head_is_not_a_spot_machine(prepared: Config) -> None:
    head = prepared["available_node_types"][prepared["head_node_type"]]
    assert (head["resources"]["CPU"], head["resources"]["GPU"]) == (0, 0)
    assert head["max_workers"] == 0
    assert "InstanceMarketOptions" not in head["node_config"]
    start = prepared["head_start_ray_commands"][-1]
    assert "--num-cpus=0" in start
    assert "--num-gpus=0" in start


def test_head_and_worker_have_different_roles(bootstrapped: Config) -> None:
    roles = [node_config(bootstrapped, name)["IamInstanceProfile"]["Name"] for name in ("head", "worker")]
    assert len(set(roles)) == 2


def test_machines_install_the_project_from_the_files_that_are_copied(prepared: Config) -> None:
    mounts = {remote: Path(local) for remote, local in prepared["file_mounts"].items() if "auth_token" not in remote}
    for remote, local in mounts.items():
        assert remote == f"~/transfer-sweeper/{local}"
        assert (ROOT / local).exists(), f"cluster.yaml copies {local}, which does not exist."
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"} <= {str(local) for local in mounts.values()}
    if prepared.get("docker"):
        assert prepared["setup_commands"] == []
    else:
        assert "-c constraints.txt -e '.[s3,cluster]'" in prepared["setup_commands"][-1]


def test_the_mount_of_local_data_is_one_commented_line_and_is_in_the_working_directory() -> None:
    text = (ROOT / "cluster.yaml").read_text()
    mount = "  # ~/transfer-sweeper/local: local\n"
    assert text.count(mount) == 1
    config = prepare_config(yaml.safe_load(text.replace(mount, mount.replace("# ", ""))))
    validate_config(config)
    assert config["file_mounts"]["~/transfer-sweeper/local"] == "local"
    assert "ray exec cluster.yaml --tmux 'cd transfer-sweeper && sweeper run " in text
    ids = {
        rows.id for task in ("ccg", "ud_supertags") for rows_list in CATALOG[task].train.values() for rows in rows_list
    }
    assert ids == {"local/ccgbank", "local/ud_supertags"}  # relative to the working directory


def test_the_launcher_adds_no_other_commands(prepared: Config) -> None:
    assert prepared["head_setup_commands"] == prepared["worker_setup_commands"] == prepared["setup_commands"]


def test_the_bucket_is_a_value_to_edit(prepared: Config) -> None:
    stores = [line for line in environment_of(prepared) if "SWEEPER_RUNS=s3://" in line]
    assert len(stores) == 1
    assert "EDIT" in stores[0]
