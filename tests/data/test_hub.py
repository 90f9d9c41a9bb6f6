"""Requests to a Hub on this machine: one process of a node asks, and a Hub that is busy is asked again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest

from sweeper.data import busy
from tests.hubs import COMMIT, Hub, serving
from tests.runs import PATIENCE, ROOT
from tests.tokenizers_tiny import save_tiny_encoder

READ = f"""
import json
from pathlib import Path
from sweeper.data.source import Sources
from sweeper.data.tokenizer import load_tokenizer
from sweeper.errors import SweeperError
from sweeper.tasks.spec import Rows
from sweeper.training.model import load_body

def read():
    tokenizer = load_tokenizer("demo/encoder", "{COMMIT}")
    body = load_body("demo/encoder", "{COMMIT}")
    sources = Sources(mirror=None, cache=Path("cache"), are_pinned=True)
    splits = [("train", None), ("train[1:3]", None), ("train", 1)]
    rows = [Rows(id="demo/pairs", config="en", split=split, revision="{COMMIT}", first=n) for split, n in splits]
    weight = float(sum(value.abs().sum() for value in body.state_dict().values()))
    return [tokenizer.tokenize("the town"), round(weight, 3), *[list(sources.load(each)) for each in rows]]

try:
    print(json.dumps(read()))
except SweeperError as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""
"""Reads a tokenizer, weights, a split, a slice of it and its first row from the Hub, and prints them as JSON."""

ROWS = [
    {"text": word, "label": label} for word, label in zip(("one", "two", "three"), ("no", "yes", "no"), strict=True)
]


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    save_tiny_encoder(root / "models" / "demo" / "encoder")
    folder = root / "datasets" / "demo" / "pairs"
    (folder / "en").mkdir(parents=True)
    table = datasets.Dataset.from_dict({"text": ["one", "two", "three"], "label": [0, 1, 0]})
    table = table.cast_column("label", datasets.ClassLabel(names=["no", "yes"]))
    table.to_parquet(folder / "en" / "train.parquet")
    features = json.dumps(table.features._to_yaml_list())
    files = json.dumps([{"split": "train", "path": "en/train.parquet"}])
    card = (
        f"dataset_info:\n- config_name: en\n  features: {features}\nconfigs:\n- config_name: en\n  data_files: {files}"
    )
    (folder / "README.md").write_text(f"---\n{card}\n---\n")
    return root


@pytest.fixture
def hub(repositories: Path) -> Iterator[Hub]:
    with serving(repositories) as server:
        yield server


def started(hub: Hub, node: Path, number: int) -> list[subprocess.Popen[str]]:
    """Processes of a node that read from the Hub."""
    node.mkdir(exist_ok=True)
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(node / "hf"), "PYTHONPATH": str(ROOT)}
    env.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-c", READ]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return [subprocess.Popen(command, env=env, cwd=node, **pipes) for _ in range(number)]


def outputs(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    ended = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), ended
    return [output.strip() for output, _ in ended]


def requests_for_repositories(hub: Hub) -> list[str]:
    """The requests for repositories. The library sends others that do not depend on what is read."""
    return sorted(request for request in hub.requests if "demo/" in request)


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_several_processes_of_a_node_send_the_requests_of_one_and_read_the_same(hub: Hub, tmp_path: Path) -> None:
    [alone] = outputs(started(hub, tmp_path / "one", 1))
    values = json.loads(alone)
    assert values[2:] == [ROWS, ROWS[1:], ROWS[:1]]
    requests = requests_for_repositories(hub)
    assert any(request.startswith("GET") and request.endswith("model.safetensors") for request in requests)
    hub.requests.clear()
    assert outputs(started(hub, tmp_path / "several", 3)) == [alone] * 3
    assert requests_for_repositories(hub) == requests
    hub.requests.clear()
    assert outputs(started(hub, tmp_path / "several", 1)) == [alone]
    assert requests_for_repositories(hub) == []


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_a_hub_that_is_busy_is_asked_again_and_a_limit_ends_in_one_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.refuse = 3
    [alone] = outputs(started(hub, tmp_path / "patient", 1))
    assert json.loads(alone)[2:] == [ROWS, ROWS[1:], ROWS[:1]]
    assert hub.refused == 3
    hub.refuse, hub.retry_after = 10**6, "86400"
    [refused] = outputs(started(hub, tmp_path / "refused", 1))
    assert refused.startswith("BusyError: The Hub refuses requests because its rate limit is reached (status 429, ")
    assert "set HF_TOKEN" in refused
    assert "\n" not in refused


def answers(*headers: dict[str, str]) -> Iterator[Any]:
    """Answers that refuse, with these headers, and then one that does not."""
    for each in headers:
        yield SimpleNamespace(status_code=429, headers=each, close=lambda: None)
    yield SimpleNamespace(status_code=200, headers={}, close=lambda: None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7), ({"RateLimit": '"api";r=0;t=55'}, 55), ({}, 1), ({"Retry-After": "soon"}, 1)],
)
def test_a_pause_is_the_time_that_the_answer_names_or_else_grows(
    headers: dict[str, str], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    replies = answers(headers, headers)
    request = SimpleNamespace(method="GET", url="http://hub/file")
    assert busy.send(lambda _: next(replies), request).status_code == 200
    first, second = slept
    assert seconds <= first <= 1.1 * seconds
    assert (seconds if seconds > 1 else 2) <= second <= 2.2 * seconds


def test_a_pause_can_be_given_as_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    replies = answers({"Retry-After": formatdate(1_000_030.0, usegmt=True)})
    busy.send(lambda _: next(replies), SimpleNamespace(method="HEAD", url="http://hub/file"))
    assert 30 <= slept[0] <= 33


def test_a_request_waits_no_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    replies = answers(*[{"Retry-After": "250"}] * 4)
    with pytest.raises(busy.BusyError, match=r"rate limit is reached \(status 429"):
        busy.send(lambda _: next(replies), SimpleNamespace(method="GET", url="http://hub/file"))
    assert len(slept) == 2


def test_a_request_with_a_body_is_not_repeated() -> None:
    replies = answers({})
    assert busy.send(lambda _: next(replies), SimpleNamespace(method="POST", url="http://hub/file")).status_code == 429
