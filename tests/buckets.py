"""A bucket on a server of the tests, for run folders on s3://."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import pytest

from tests.runs import PATIENCE, ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def bucket() -> Iterator[Mapping[str, str]]:
    """Environment variables with which s3://sweeps is a bucket of the test server."""
    for library in ("boto3", "s3fs", "moto.server"):
        pytest.importorskip(library)
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        patience = time.monotonic() + 60
        while not answers(port) and time.monotonic() < patience:
            time.sleep(0.1)
        env = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        in_python("import boto3; boto3.client('s3').create_bucket(Bucket='sweeps')", env)
        yield env
        server.terminate()


def in_python(code: str, env: Mapping[str, str]) -> str:
    """The output of Python code that can use the bucket."""
    surroundings = {**os.environ, **env, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
