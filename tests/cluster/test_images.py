"""deploy/Dockerfile and deploy/kuberay: paths, versions and fields, and a build where a Docker daemon runs."""

import os
import re
import runpy
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from ray.job_submission import JobStatus

from sweeper.tuning.connect import ROTATION
from tests.runs import ROOT

DOCKERFILE = ROOT / "deploy/Dockerfile"
KUBERAY = ROOT / "deploy/kuberay"
CRDS = "SWEEPER_KUBERAY_CRDS"
"""Variable with a folder that has `ray.io_rayclusters.yaml` and `ray.io_rayjobs.yaml` of KubeRay."""


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(name, arguments) for name, _, arguments in (line.partition(" ") for line in joined)]


def test_the_image_copies_existing_paths_that_are_sent_to_the_builder_and_uses_the_constraints() -> None:
    steps = instructions(DOCKERFILE.read_text())
    sent = re.findall(r"^!(\S+)$", Path(f"{DOCKERFILE}.dockerignore").read_text(), flags=re.M)
    copied = [path for name, text in steps if name == "COPY" for path in text.split()[1:-1]]
    assert {"pyproject.toml", "constraints.txt", "sweeper", "analysis", "search_spaces"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists(), f"deploy/Dockerfile copies {path}, which does not exist."
    assert sorted(copied) == sorted(sent)
    installs = [line for name, text in steps if name == "RUN" for line in re.findall(r"pip install[^;&]*", text)]
    assert len(installs) == 3
    assert all("-c constraints.txt" in each for each in installs)


def test_the_image_has_a_variant_for_cpus_and_one_for_gpus_and_no_root() -> None:
    steps = instructions(DOCKERFILE.read_text())
    assert steps[0][0] == "FROM" and ":" in steps[0][1] and not steps[0][1].endswith(":latest")
    assert ("ARG", "DEVICE=cuda") in steps
    assert any('"$DEVICE" = cpu' in text and "/whl/cpu" in text for name, text in steps if name == "RUN")
    assert ("USER", "sweeper") in steps
    # The id of the user of the machines, who owns the mounted files.
    assert any("useradd" in text and "--uid 1000" in text for _, text in steps)
    # No user name is written into an image, and no token.
    assert not [text for _, text in steps if "TOKEN" in text]


def commands() -> str:
    return "\n".join(text for name, text in instructions(DOCKERFILE.read_text()) if name == "RUN")


def test_the_head_can_set_up_workers_from_its_container() -> None:
    (packages,) = re.findall(r"apt-get install -y --no-install-recommends ([^&]*)", commands())
    assert {"openssh-client", "rsync"} <= set(packages.split())


def test_the_login_shells_of_ray_find_the_commands_of_the_virtual_environment(tmp_path: Path) -> None:
    (line,) = re.findall(r"echo '(.*)' >> \.profile", commands())
    (tmp_path / ".profile").write_text(f"{line}\n")
    ray = tmp_path / "venv/bin/ray"
    ray.parent.mkdir(parents=True)
    ray.write_text("#!/bin/sh\necho found\n")
    ray.chmod(0o755)
    shell = ["bash", "--login", "-c", "-i", "ray"]
    output = subprocess.run(shell, capture_output=True, text=True, check=True, env={"HOME": str(tmp_path)}).stdout
    assert output.splitlines()[-1] == "found"


def test_torch_for_cpus_is_installed_without_its_dependencies_which_its_index_does_not_have() -> None:
    (install,) = re.findall(r"pip install[^;&]*--index-url[^;&]*", commands())
    assert "--no-deps -c constraints.txt torch" in install


def has_docker() -> bool:
    info = ["docker", "info"]
    return which("docker") is not None and not subprocess.run(info, capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.skipif(not has_docker(), reason="no Docker daemon runs")
def test_the_image_is_built_and_has_the_command() -> None:
    build = ["docker", "build", "-q", "-f", str(DOCKERFILE), "--build-arg", "DEVICE=cpu", str(ROOT)]
    image = subprocess.run(build, capture_output=True, text=True, check=True).stdout.strip()
    shell = ["bash", "--login", "-c", "-i", "ssh -V && rsync --version && ray --version && sweeper spaces"]
    run = ["docker", "run", "--rm", image, *shell]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tiny" in done.stdout


def resources() -> list[dict[str, Any]]:
    return [yaml.safe_load((KUBERAY / f"{name}.yaml").read_text()) for name in ("cluster", "job")]


def test_the_job_runs_in_the_cluster_whose_head_runs_no_trial_and_whose_workers_start_on_demand() -> None:
    cluster, job = resources()
    assert job["spec"]["clusterSelector"] == {"ray.io/cluster": cluster["metadata"]["name"]}
    head = cluster["spec"]["headGroupSpec"]
    assert (head["rayStartParams"]["num-cpus"], head["rayStartParams"]["num-gpus"]) == ("0", "0")
    (workers,) = cluster["spec"]["workerGroupSpecs"]
    assert workers["minReplicas"] == workers["replicas"] == 0 < workers["maxReplicas"]
    assert cluster["spec"]["enableInTreeAutoscaling"]
    assert cluster["spec"]["authOptions"]["mode"] == "token"
    for template in (head["template"], workers["template"]):
        (container,) = template["spec"]["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        (mount,) = [each for each in container["volumeMounts"] if each["name"] == "hub-token"]
        assert variables["HF_TOKEN_PATH"] == f"{mount['mountPath']}/token"
        (cache,) = [each for each in container["volumeMounts"] if each["name"] == "hub-cache"]
        assert cache["mountPath"] == "/home/sweeper/.cache/huggingface/hub"
        assert {each["name"] for each in container["volumeMounts"]} == {
            each["name"] for each in template["spec"]["volumes"]
        }
    assert f"ray=={cluster['spec']['rayVersion']}\n" in (ROOT / "constraints.txt").read_text()


def test_every_pod_limits_the_output_of_workers_like_a_local_sweep_and_exports_metrics_at_a_named_port() -> None:
    cluster, _ = resources()
    for group in (cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert ROTATION.items() <= {each["name"]: each["value"] for each in container["env"]}.items()
        ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
        assert ports["metrics"] == group["rayStartParams"]["metrics-export-port"]


@pytest.mark.parametrize("number", [0, 1], ids=["RayCluster", "RayJob"])
@pytest.mark.skipif(CRDS not in os.environ, reason=f"{CRDS} does not name a folder with the CRDs of KubeRay")
def test_every_field_is_one_of_the_definition_of_kuberay(number: int) -> None:
    resource = resources()[number]
    file = Path(os.environ[CRDS], f"ray.io_{resource['kind'].lower()}s.yaml")
    definition = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    (version,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    assert problems(resource, version["schema"]["openAPIV3Schema"], resource["kind"]) == []


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def problems(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    """The fields of a resource that its schema does not have, lacks, or gives another type."""
    if schema.get("x-kubernetes-int-or-string"):
        return [] if isinstance(value, int | str) else [f"{path} is {value!r}"]
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        return [f"{path} is {value!r}, not {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path} is {value!r}, not one of {schema['enum']}"]
    if isinstance(value, list):
        return [problem for each in value for problem in problems(each, schema["items"], f"{path}[]")]
    if not isinstance(value, dict) or path.endswith(".metadata"):
        return []
    properties, other = schema.get("properties", {}), schema.get("additionalProperties")
    missing = [f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    for name, inner in value.items():
        if name not in properties and not other:
            missing.append(f"{path}.{name} is unknown")
        else:
            missing += problems(inner, properties.get(name, other), f"{path}.{name}")
    return missing


@dataclass
class FakeClient:
    """The job server of a cluster, whose jobs end with a given exit code."""

    code: int | None
    status: JobStatus = JobStatus.RUNNING
    losses: list[Exception | None] = field(default_factory=list)
    """The ends of the first connections, each after one line: an error, or None for a regular one."""
    jobs: dict[str, str] = field(default_factory=dict)
    address: str = ""
    submission_id: str = ""
    driver_exit_code: int | None = None

    def __call__(self, address: str) -> "FakeClient":
        self.address = address
        return self

    def list_jobs(self) -> list[Any]:
        return [FakeClient(None, submission_id=job) for job in self.jobs]

    def submit_job(self, entrypoint: str, submission_id: str) -> None:
        assert submission_id not in self.jobs
        self.jobs[submission_id] = entrypoint

    async def tail_job_logs(self, job: str) -> Any:
        yield "one\n"
        if self.losses:
            if error := self.losses.pop(0):
                raise error
            return
        yield "two\n"
        self.status = JobStatus.SUCCEEDED if self.code == 0 else JobStatus.FAILED

    def get_job_info(self, job: str) -> "FakeClient":
        code = self.code if self.status.is_terminal() else None
        return FakeClient(None, status=self.status, driver_exit_code=code)


@pytest.fixture
def run_pod(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeClient], int]:
    """Runs the program of the submitting pod with a given client, without pauses. Returns its exit code."""

    def run(client: FakeClient) -> int:
        monkeypatch.setattr("ray.job_submission.JobSubmissionClient", client)
        monkeypatch.setenv("RAY_DASHBOARD_ADDRESS", "head:8265")
        monkeypatch.setenv("RAY_JOB_SUBMISSION_ID", "sweep-1")
        submit = runpy.run_path(str(KUBERAY / "submit.py"))["main"]
        submit.__globals__.update(PAUSE=0.01, PATIENCE=0.2)
        # In a thread: the browser of other tests leaves an event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            return int(pool.submit(submit, ["sweeper", "run", "a space.py"]).result())

    return run


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 1), (2, 2), (None, 3)])
def test_the_exit_code_of_the_submitting_pod_is_that_of_the_sweep(
    code: int | None, expected: int, run_pod: Callable[[FakeClient], int], capsys: pytest.CaptureFixture[str]
) -> None:
    client = FakeClient(code)
    for _ in range(2):  # a pod that starts again
        assert run_pod(client) == expected
    assert client.address == "http://head:8265"
    assert client.jobs == {"sweep-1": "sweeper run 'a space.py'"}
    assert capsys.readouterr().out == "one\ntwo\n" * 2


@pytest.mark.parametrize("loss", [None, RuntimeError("closed unexpectedly"), ConnectionError("reset")], ids=repr)
def test_the_submitting_pod_connects_again_after_a_lost_connection_and_prints_each_line_once(
    loss: Exception | None, run_pod: Callable[[FakeClient], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_pod(FakeClient(1, losses=[loss, loss])) == 1
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_head_that_does_not_answer_is_a_machine_error(
    run_pod: Callable[[FakeClient], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(client: FakeClient, job: str) -> FakeClient:
        raise RuntimeError("Request failed with status code 500")

    monkeypatch.setattr(FakeClient, "get_job_info", refuse)
    assert run_pod(FakeClient(0)) == 3
    assert "The head does not answer: Request failed with status code 500\n" in capsys.readouterr().err
