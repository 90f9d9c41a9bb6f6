"""The cluster files of deploy/ are accepted by Ray's launcher, require the token and copy the project."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from sweeper.cli.program import app
from sweeper.tuning.connect import ROTATION
from tests.runs import ROOT

pytestmark = pytest.mark.seconds
FILES = ("gcp", "on-prem")
MEANT = {("sweep.sbatch", "SWEEPER_CACHE")}
"""Deploy files that set an environment variable of the command line, and the variable."""


@pytest.fixture(params=FILES)
def config(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)  # the launcher checks the mounts relative to the working directory
    prepared = prepare_config(yaml.safe_load((ROOT / f"deploy/{request.param}.yaml").read_text()))
    validate_config(prepared)
    return dict(prepared)


def test_every_process_of_a_cluster_requires_the_token_and_the_dashboard_is_on_the_head_only(
    config: dict[str, Any],
) -> None:
    for node in ("head", "worker"):
        (start,) = [line for line in config[f"{node}_start_ray_commands"] if "ray start" in line]
        assert "RAY_AUTH_MODE=token " in start
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


@pytest.mark.parametrize("file", ["cluster.yaml", *(f"deploy/{name}.yaml" for name in FILES)])
def test_every_node_limits_the_output_of_workers_like_a_local_sweep_and_exports_metrics_at_one_port(file: str) -> None:
    config = yaml.safe_load((ROOT / file).read_text())
    for node in ("head", "worker"):
        (start,) = [line for line in config[f"{node}_start_ray_commands"] if "ray start" in line]
        variables, options = start.split("ray start ")
        assert set(variables.split()) >= {f"{name}={value}" for name, value in ROTATION.items()}
        assert "--metrics-export-port=8090" in options.split()


def test_the_same_files_are_copied_as_by_cluster_yaml(config: dict[str, Any]) -> None:
    aws = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    # The machines of on-prem.yaml receive no notice of a cloud.
    notice = set() if config["provider"]["type"] == "gcp" else {"~/transfer-sweeper/deploy/spot_notice.py"}
    assert config["file_mounts"] == {name: path for name, path in aws["file_mounts"].items() if name not in notice}
    assert "-c constraints.txt -e " in " ".join(config["setup_commands"])


@pytest.mark.parametrize("file", ["cluster.yaml", *(f"deploy/{name}.yaml" for name in FILES)])
def test_the_token_of_the_hub_is_a_commented_mount(file: str) -> None:
    text = (ROOT / file).read_text()
    mount = "  # ~/.cache/huggingface/token: ~/.cache/huggingface/token\n"
    assert text.count(mount) == 1
    config = yaml.safe_load(text.replace(mount, mount.replace("# ", "")))
    assert config["file_mounts"]["~/.cache/huggingface/token"] == "~/.cache/huggingface/token"
    assert "hf_" not in text and "HF_TOKEN" not in text


def with_mps(file: str) -> tuple[dict[str, Any], str]:
    """A cluster file whose line for MPS is not a comment, and this line."""
    text = (ROOT / file).read_text()
    config = yaml.safe_load(re.sub(r"^(  +)# (- .*mps)", r"\1\2", text, flags=re.MULTILINE))
    commands = [*config.get("initialization_commands", ()), *config["worker_start_ray_commands"]]
    (start,) = [command for command in commands if "nvidia-cuda-mps-control -d" in command]
    return config, start


@pytest.mark.parametrize("file", ["cluster.yaml", *(f"deploy/{name}.yaml" for name in FILES)])
def test_mps_is_started_by_commented_lines(file: str) -> None:
    config, start = with_mps(file)
    if "docker" in config:
        assert start in config["initialization_commands"], "on the machine, not in its container"
        assert "--ipc=host -v /tmp/nvidia-mps:/tmp/nvidia-mps" in config["docker"]["run_options"]


def test_the_line_for_mps_starts_it_unless_it_runs(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-cuda-mps-control"
    shutil.copy(shutil.which("echo") or "", program)
    lines = {with_mps(f"deploy/{name}.yaml")[1] for name in FILES}

    def run_lines() -> list[str]:
        # The launcher hands the whole line to a shell, whose arguments then contain the name of the program.
        variables = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        commands = [["bash", "-c", f"true && ({line})"] for line in lines]
        return [subprocess.check_output(each, env=variables, text=True) for each in commands]

    assert run_lines() == ["-d\n"] * len(lines)
    (tmp_path / "running").mkdir()
    shutil.copy(shutil.which("sleep") or "", tmp_path / "running" / program.name)
    with subprocess.Popen([str(tmp_path / "running" / program.name), "60"]) as running:
        try:
            assert run_lines() == [f"{running.pid}\n"] * len(lines)
        finally:
            running.kill()


def test_the_launcher_adds_no_commands_of_its_own(config: dict[str, Any]) -> None:
    assert config["head_setup_commands"] == config["worker_setup_commands"] == config["setup_commands"]


def test_the_head_of_google_cloud_runs_no_trial_and_its_workers_are_spot_machines() -> None:
    config = yaml.safe_load(Path(ROOT / "deploy/gcp.yaml").read_text())
    head, worker = (config["available_node_types"][name] for name in ("head", "worker"))
    assert head["resources"] == {"CPU": 0, "GPU": 0}
    assert worker["node_config"]["scheduling"][0]["provisioningModel"] == "SPOT"
    assert worker["min_workers"] == 0


def option_variables() -> set[str]:
    """The environment variables that set options of a command."""
    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    return {str(option.envvar) for command in commands for option in command.params if option.envvar}


def test_no_deploy_file_sets_an_option_of_the_command_line_by_accident() -> None:
    variables = option_variables()
    assert "SWEEPER_STORE" in variables
    files = [ROOT / "cluster.yaml", *(path for path in (ROOT / "deploy").rglob("*") if path.is_file())]
    # In shells and images, and in pods of Kubernetes.
    patterns = (r"\b(SWEEPER_\w+)=", r"\bENV +(SWEEPER_\w+) ", r"\bname: *(SWEEPER_\w+)")
    settings = {
        (path.name, name) for path in files for pattern in patterns for name in re.findall(pattern, path.read_text())
    }
    assert ("cluster.yaml", "SWEEPER_RUNS") in settings
    assert {each for each in settings if each[1] in variables} == MEANT
