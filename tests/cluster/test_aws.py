"""`deploy/aws/set-up.sh` with the AWS command line, in an account that moto simulates."""

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

from tests.buckets import bucket
from tests.runs import ROOT

__all__ = ["bucket"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(which("aws") is None, reason="needs the AWS command line"),
]
SCRIPT = ROOT / "deploy/aws/set-up.sh"


def set_up(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    surroundings = {**os.environ, **env}
    command = ["bash", str(SCRIPT), *arguments]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=240, check=False)


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
