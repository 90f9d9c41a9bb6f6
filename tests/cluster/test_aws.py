"""`deploy/aws/set-up.sh` and the machines of `cluster.yaml`, in an account that a server of moto simulates."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.node_launch_exception import NodeLaunchException
from ray.autoscaler.tags import (
    TAG_RAY_CLUSTER_NAME,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_USER_NODE_TYPE,
)

from tests.aws_account import launcher_account
from tests.buckets import bucket
from tests.runs import ROOT

__all__ = ["bucket"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # the script calls the AWS command line dozens of times
    pytest.mark.skipif(which("aws") is None, reason="needs the AWS command line"),
]
SCRIPT = ROOT / "deploy/aws/set-up.sh"


def set_up(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    surroundings = {**os.environ, **env}
    command = ["bash", str(SCRIPT), *arguments]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def account(bucket: Mapping[str, str]) -> Iterator[str]:
    """What the second of two runs of the script prints. This process uses the account, too."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in bucket.items():
            environment.setenv(name, value)
        for _ in range(2):
            done = set_up(bucket, "my-sweeps", "eu-west-1")
            assert done.returncode == 0, done.stderr
        yield done.stdout


def policies_of(role: str) -> dict[str, Any]:
    iam = boto3.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}


def actions_of(policy: Mapping[str, Any]) -> set[str]:
    listed = [statement["Action"] for statement in policy["Statement"]]
    return {action for each in listed for action in ([each] if isinstance(each, str) else each)}


def test_the_script_makes_the_profiles_of_cluster_yaml_and_a_private_bucket_and_can_run_again(account: str) -> None:
    assert "SWEEPER_RUNS=s3://my-sweeps/sweeps" in account
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    for node_type in config["available_node_types"].values():
        profile = node_type["node_config"]["IamInstanceProfile"]["Name"]
        (role,) = boto3.client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        assert role["RoleName"] == profile
    block = boto3.client("s3").get_public_access_block(Bucket="my-sweeps")["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}


@pytest.mark.usefixtures("account")
def test_workers_may_use_the_bucket_alone_and_the_head_may_start_machines() -> None:
    worker, head = (policies_of(f"transfer-sweeper-{name}") for name in ("worker", "head"))
    assert {action.partition(":")[0] for policy in worker.values() for action in actions_of(policy)} == {"s3"}
    resources = {statement["Resource"] for statement in worker["bucket"]["Statement"]}
    assert resources == {"arn:aws:s3:::my-sweeps", "arn:aws:s3:::my-sweeps/*"}
    assert "ec2:RunInstances" in actions_of(head["machines"])
    (passed,) = [each["Resource"] for each in head["machines"]["Statement"] if each["Action"] == "iam:PassRole"]
    assert passed.endswith(":role/transfer-sweeper-worker") and "ACCOUNT" not in passed


def test_the_head_can_stop_and_tag_only_machines_that_it_starts_or_of_the_cluster_of_cluster_yaml() -> None:
    policy = json.loads(Path(ROOT / "deploy/aws/head-policy.json").read_text())
    name = yaml.safe_load((ROOT / "cluster.yaml").read_text())["cluster_name"]
    of_cluster = {"StringEquals": {"ec2:ResourceTag/ray-cluster-name": name}}
    new = {"StringEquals": {"ec2:CreateAction": "RunInstances"}}

    def conditions(action: str) -> list[Any]:
        return [each.get("Condition") for each in policy["Statement"] if action in actions_of({"Statement": [each]})]

    assert conditions("ec2:TerminateInstances") == conditions("ec2:StopInstances") == [of_cluster]
    assert conditions("ec2:CreateTags") == [new, of_cluster], "a tag would allow to stop any machine"


class Launcher:
    """What Ray's launcher makes from `cluster.yaml` in the account."""

    def __init__(self) -> None:
        prepared = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
        validate_config(prepared)
        self.config: dict[str, Any] = bootstrap_aws(prepared)
        self.provider = AWSNodeProvider(self.config["provider"], self.config["cluster_name"])
        self.ec2 = boto3.client("ec2", region_name=self.config["provider"]["region"])

    def start(self, node_type: str) -> dict[str, Any]:
        """Start a machine as the autoscaler does. Returns its description."""
        tags = {TAG_RAY_NODE_KIND: "worker", TAG_RAY_USER_NODE_TYPE: node_type, TAG_RAY_NODE_NAME: node_type}
        node_config = self.config["available_node_types"][node_type]["node_config"]
        (name,) = self.provider.create_node(node_config, tags, 1)
        ((machine,),) = (each["Instances"] for each in self.ec2.describe_instances(InstanceIds=[name])["Reservations"])
        return dict(machine)


@pytest.fixture(scope="module")
def launcher(account: str, bucket: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with pytest.MonkeyPatch.context() as context, launcher_account(tmp_path_factory.mktemp("home"), bucket):
        context.chdir(ROOT)  # the launcher checks the mounts relative to the working directory
        yield Launcher()


@pytest.mark.parametrize(
    ("node_type", "instance_type", "market", "role"),
    [
        ("head", "m6i.xlarge", None, "head"),
        ("worker", "g5.2xlarge", "spot", "worker"),
        ("on_demand", "g5.2xlarge", None, "worker"),
    ],
)
def test_a_machine_has_its_type_its_market_and_the_profile_of_the_script(
    launcher: Launcher, node_type: str, instance_type: str, market: str | None, role: str
) -> None:
    machine = launcher.start(node_type)
    assert (machine["InstanceType"], machine.get("InstanceLifecycle")) == (instance_type, market)
    assert machine["IamInstanceProfile"]["Arn"].endswith(f":instance-profile/transfer-sweeper-{role}")
    assert machine["MetadataOptions"]["HttpTokens"] == "required"
    tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
    # The policy of the head allows to stop machines with this tag alone.
    assert tags[TAG_RAY_CLUSTER_NAME] == "transfer-sweeper"
    assert tags[TAG_RAY_USER_NODE_TYPE] == node_type
    (disk,) = machine["BlockDeviceMappings"]
    assert disk["Ebs"]["DeleteOnTermination"], "a disk that stays costs money"
    (volume,) = launcher.ec2.describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"]
    assert volume["Encrypted"]


def test_only_ssh_of_a_machine_is_open_to_the_internet(launcher: Launcher) -> None:
    (group,) = launcher.start("worker")["SecurityGroups"]
    (described,) = launcher.ec2.describe_security_groups(GroupIds=[group["GroupId"]])["SecurityGroups"]
    rules = described["IpPermissions"]
    is_open = [rule for rule in rules if rule["IpRanges"] or rule["Ipv6Ranges"] or rule["PrefixListIds"]]
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in is_open] == [("tcp", 22, 22)]
    inside = [pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]]
    assert set(inside) == {group["GroupId"]}


def test_a_type_without_capacity_is_tried_in_each_zone(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    zones = launcher.config["provider"]["availability_zone"].split(",")
    subnets: list[str] = []

    def refuse(**machine: Any) -> None:
        subnets.append(machine["SubnetId"])
        raise ClientError({"Error": {"Code": "InsufficientInstanceCapacity", "Message": "none left"}}, "RunInstances")

    monkeypatch.setattr(launcher.provider.ec2_fail_fast, "create_instances", refuse)
    with pytest.raises(NodeLaunchException):
        launcher.start("worker")
    described = launcher.ec2.describe_subnets(SubnetIds=sorted(set(subnets)))["Subnets"]
    assert sorted(subnet["AvailabilityZone"] for subnet in described) == zones


def test_the_script_without_arguments_says_how_to_use_it() -> None:
    done = set_up({})
    assert done.returncode == 2
    assert "usage: deploy/aws/set-up.sh BUCKET REGION" in done.stderr


@pytest.mark.usefixtures("account")
def test_a_bucket_that_exists_keeps_its_settings_and_an_interrupted_profile_is_repaired(
    bucket: Mapping[str, str],
) -> None:
    s3, iam, worker = boto3.client("s3"), boto3.client("iam"), "transfer-sweeper-worker"
    rule = {"ID": "mine", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket="my-sweeps", LifecycleConfiguration={"Rules": [rule]})
    iam.remove_role_from_instance_profile(InstanceProfileName=worker, RoleName=worker)

    done = set_up(bucket, "my-sweeps", "eu-west-1")

    assert done.returncode == 0, done.stderr
    assert "The bucket my-sweeps exists, and its settings are not changed." in done.stdout
    assert [each["ID"] for each in s3.get_bucket_lifecycle_configuration(Bucket="my-sweeps")["Rules"]] == ["mine"]
    assert len(iam.get_instance_profile(InstanceProfileName=worker)["InstanceProfile"]["Roles"]) == 1


@pytest.mark.usefixtures("account")
def test_the_roles_can_be_removed_after_an_interruption_and_twice(bucket: Mapping[str, str]) -> None:
    iam, head = boto3.client("iam"), "transfer-sweeper-head"
    iam.remove_role_from_instance_profile(InstanceProfileName=head, RoleName=head)
    for _ in range(2):
        done = set_up(bucket, "--remove")
        assert (done.returncode, done.stderr) == (0, "")
    # Only the role of spot machines stays.
    assert not [role for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("transfer-sweeper")]
    assert not iam.list_instance_profiles()["InstanceProfiles"]
    assert [role for role in iam.list_roles()["Roles"] if "spot" in role["RoleName"].lower()]
