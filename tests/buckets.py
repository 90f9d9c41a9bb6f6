"""A bucket on a server of the tests, for run folders on s3://."""

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.runs import PATIENCE, ROOT

SERVER = """
import sys
from moto import server

class Logged(server.DomainDispatcherApplication):
    def __call__(self, request, start_response):
        with open(sys.argv[-1], "a") as log:
            print(request["REQUEST_METHOD"], request["PATH_INFO"], request.get("HTTP_USER_AGENT"), file=log)
        return super().__call__(request, start_response)

server.DomainDispatcherApplication = Logged
server.main(sys.argv[1:-1])
"""
"""Runs the server with the arguments of moto. The last argument is the file of its log: method, path and client of each
request."""
LOG = "BUCKET_LOG"
"""Variable with the path of the log."""
CLIENT = "AWS_SDK_UA_APP_ID"
"""Environment variable with the name of a client in the log of the bucket."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Environment variables with which s3://sweeps is a bucket of the test server, and LOG, the file of its log."""
    for library in ("boto3", "s3fs", "moto.server"):
        pytest.importorskip(library)
    port, log = free_port(), str(tmp_path_factory.mktemp("bucket") / "log")
    command = [sys.executable, "-c", SERVER, "-H", "127.0.0.1", "-p", str(port), log]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        patience = time.monotonic() + 60
        while not answers(port) and time.monotonic() < patience:
            time.sleep(0.1)
        env = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            LOG: log,
        }
        in_python("import boto3; boto3.client('s3').create_bucket(Bucket='sweeps')", env)
        yield env
        server.terminate()


def downloads(bucket: Mapping[str, str], suffix: str, method: str = "GET") -> Counter[tuple[str, str]]:
    """(client, path) -> number of requests for the content of the files whose path ends in `suffix`.

    With the method PUT, the uploads.
    """
    requests = (line.split(" ", 2) for line in Path(bucket[LOG]).read_text().splitlines())
    return Counter(
        (found[1] if (found := re.search(r"\bapp/(\w+)", client)) else "", path)
        for requested, path, client in requests
        if requested == method and path.endswith(suffix)
    )


def in_python(code: str, env: Mapping[str, str]) -> str:
    """The output of Python code that can use the bucket."""
    surroundings = {**os.environ, **env, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
