"""A metadata server like those of clouds, and `deploy/spot_notice.py` that asks it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.runs import ROOT

SCRIPT = ROOT / "deploy/spot_notice.py"
TOKEN = "a-token"
AWS, GOOGLE = "/latest/meta-data/spot/instance-action", "/computeMetadata/v1/instance/preempted"


class Metadata(ThreadingHTTPServer):
    """A metadata server. Like those of the clouds, it refuses requests without the token or the header."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.values = {GOOGLE: "FALSE"}
        """Path -> value."""
        self.asked = 0
        self.num_broken = 0
        """Number of next answers that end before their announced length."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def announce(self, cloud: str, seconds: float = 100) -> None:
        """Announce the end of the machine; that of Google Cloud has no time."""
        end = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.values |= {AWS: f'{{"action": "terminate", "time": "{end}"}}'} if cloud == "aws" else {GOOGLE: "TRUE"}


class Answers(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        has_lifetime = int(self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "0")) > 0
        self._answer(200 if self.path == "/latest/api/token" and has_lifetime else 400, TOKEN)

    def do_GET(self) -> None:
        self.server.asked += 1
        is_aws = self.path.startswith("/latest/")
        name, value = ("X-aws-ec2-metadata-token", TOKEN) if is_aws else ("Metadata-Flavor", "Google")
        if self.headers.get(name) != value:
            self._answer(401, "")
        else:
            self._answer(200 if self.path in self.server.values else 404, self.server.values.get(self.path, ""))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        if self.server.num_broken:
            self.server.num_broken -= 1
            self.send_header("Content-Length", str(len(text) + 1))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    with Metadata() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def start_script(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
