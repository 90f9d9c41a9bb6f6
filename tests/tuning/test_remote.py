"""A run folder in a bucket: ledger, encoders and checkpoints on s3://, served by a process of the test."""

import json
import re
import select
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.buckets import CLIENT, bucket, downloads, free_port, in_python
from tests.runs import CORNER, PATIENCE, content, ended, run_arguments, start, sweeper, tiny_run, wait_for

__all__ = ["bucket"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]


def listed(env: Mapping[str, str], folder: str) -> list[str]:
    code = f"import boto3, json; print(json.dumps([o['Key'] for o in boto3.client('s3').list_objects_v2(Bucket='sweeps', Prefix={folder!r}).get('Contents', [])]))"  # noqa: E501
    return list(json.loads(in_python(code, env)))


def content_in_bucket(env: Mapping[str, str], url: str) -> dict[str, Any]:
    """`content` of a run folder in the bucket."""
    code = f"import json; from tests.runs import content; print(json.dumps(content({url!r})))"
    return dict(json.loads(in_python(code, env)))


def test_a_run_in_a_bucket_has_the_same_ledger_as_one_on_disk(bucket: Mapping[str, str], tmp_path: Path) -> None:
    arguments = run_arguments("s3://sweeps/run", "--set", "targets=names", "--set", "seeds=1")
    cache = ("--cache", str(tmp_path / "cache"), "--checkpoint-every", "0.1")
    done = sweeper(*arguments, *cache, env=bucket)
    assert done.returncode == 0, done.stdout + done.stderr
    records = content_in_bucket(bucket, "s3://sweeps/run")
    assert len([key for key in records if key.startswith("training")]) == 5
    assert records.items() <= content(tiny_run()).items()
    assert any(name.endswith("manifest.json") for name in listed(bucket, "run/encoders"))
    assert not listed(bucket, "run/checkpoints")
    again = sweeper("run", "s3://sweeps/run", env=bucket)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[1] == "5 of 5 trials are in the ledger of s3://sweeps/run."


def test_a_second_machine_tokenises_nothing_and_downloads_each_data_set_once(
    bucket: Mapping[str, str], tmp_path: Path
) -> None:
    line = re.compile(r"tokenising (?:train|select|dev|test) ")

    def num_made(machine: str) -> int:
        """The number of data sets that a sweep tokenises, on the driver and in trials."""
        arguments = ("-v", "run", "tiny", "--out", f"s3://sweeps/{machine}", "--store", "s3://sweeps/both", *CORNER)
        cache = ("--cache", str(tmp_path / machine))
        done = sweeper(*arguments, *cache, "--workers", "1", env={**bucket, CLIENT: machine})
        assert done.returncode == 0, done.stdout + done.stderr
        code = f"from sweeper.run.run import Run; logs = Run.at('s3://sweeps/{machine}').logs.folder\n"
        logs = in_python(code + "print(logs.read_all(logs.names()))", bucket)
        return len(line.findall(done.stderr + logs))

    first, second = num_made("first"), num_made("second")
    stored = [name for name in listed(bucket, "both/cache") if name.endswith(".tar")]
    assert (first, second) == (len(stored), 0)
    assert len(stored) > 1
    assert set(downloads(bucket, ".tar", "PUT").values()) == {1}
    fetched = {path: num for (client, path), num in downloads(bucket, ".tar").items() if client == "second"}
    assert fetched == {f"/sweeps/{name}": 1 for name in stored}


@pytest.mark.faults
def test_a_second_driver_in_a_bucket_is_refused_and_the_first_one_makes_the_ledger_of_an_undisturbed_sweep(
    bucket: Mapping[str, str], tmp_path: Path
) -> None:
    arguments = (*run_arguments("s3://sweeps/leased"), "--workers", "1", "--checkpoint-every", "0")
    first = start(*arguments, "--cache", str(tmp_path / "first"), env=bucket)
    wait_for(lambda: listed(bucket, "leased/driver.json"), first, pause=0.5)
    second = sweeper(*arguments, "--cache", str(tmp_path / "second"), env=bucket)
    assert second.returncode == 2, second.stdout + second.stderr
    assert f"(process {first.pid}) is working in s3://sweeps/leased. Wait for it to end, or stop it." in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert first.poll() is None
    done = ended(first)
    assert done.returncode == 0, done.stdout + done.stderr
    assert content_in_bucket(bucket, "s3://sweeps/leased") == content(tiny_run())


def test_a_driver_in_a_bucket_that_is_stopped_removes_its_lease(bucket: Mapping[str, str], tmp_path: Path) -> None:
    long = ("--set", "targets.names.training.epochs=500")
    arguments = run_arguments("s3://sweeps/stopped", *CORNER, *long)
    driver = start(*arguments, "--cache", str(tmp_path / "cache"), env=bucket)
    wait_for(lambda: listed(bucket, "stopped/progress"), driver, pause=0.5)
    assert listed(bucket, "stopped/driver.json")
    driver.send_signal(signal.SIGTERM)
    assert ended(driver).returncode == 130
    assert not listed(bucket, "stopped/driver.json")


def test_an_object_in_a_bucket_is_created_once(bucket: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"first")
    code = f"""
from pathlib import Path
from sweeper.files.folder import Folder

folder = Folder("s3://sweeps/once")
for name, data in {{"bytes": b"first", "file": Path({str(tmp_path / "file")!r})}}.items():
    print(folder.create(name, data), folder.create(name, b"second"), folder.read(name))
"""
    assert in_python(code, bucket).splitlines() == ["True False b'first'"] * 2


class Forwarder(socketserver.BaseRequestHandler):
    """Copies the bytes of a connection to the test server and back."""

    server: "Proxy"

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as target:
            self.server.connections += [self.request, target]
            other = {self.request: target, target: self.request}
            with suppress(OSError):  # the outage has closed the connection
                while True:
                    for source in select.select(list(other), [], [])[0]:
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        other[source].sendall(data)


class Proxy(socketserver.ThreadingTCPServer):
    """A port that forwards connections to the test server."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, target: int) -> None:
        self.target = target
        self.connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), Forwarder)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def disappear(self) -> None:
        """Close the port and all connections, as a network failure would."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.faults
def test_a_store_that_cannot_be_reached_for_8_seconds_does_not_end_the_sweep_and_loses_no_trial(
    bucket: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    target = int(bucket["AWS_ENDPOINT_URL"].rsplit(":", 1)[1])
    arguments = run_arguments("s3://sweeps/outage", "--set", "targets=names", "--set", "seeds=1")
    # Without attempts of botocore's own, and with a request to the store after every step.
    env = {**bucket, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_MAX_ATTEMPTS": "1"}
    proxy = Proxy(port, target)
    driver = start(*arguments, "--cache", str(tmp_path / "cache"), "--checkpoint-every", "0", env=env)
    wait_for(lambda: listed(bucket, "outage/ledger/trainings"), driver)
    proxy.disappear()
    time.sleep(8)
    proxy = Proxy(port, target)
    done = ended(driver)
    proxy.disappear()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of 5 trials are in the ledger" in done.stdout
    assert "LOST" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    records = content_in_bucket(bucket, "s3://sweeps/outage")
    assert len([key for key in records if key.startswith("training")]) == 5
    assert records.items() <= content(tiny_run()).items()


@pytest.mark.faults
def test_a_store_that_cannot_be_reached_stops_the_sweep_with_a_message_and_the_same_command_continues(
    bucket: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    target = int(bucket["AWS_ENDPOINT_URL"].rsplit(":", 1)[1])
    arguments = (*run_arguments("s3://sweeps/away", *CORNER), "--cache", str(tmp_path / "cache"))
    env = {**bucket, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_MAX_ATTEMPTS": "1"}
    proxy = Proxy(port, target)
    driver = start(*arguments, "--checkpoint-every", "0", "--store-patience", "0.1", env=env)
    wait_for(lambda: listed(bucket, "away/ledger/trainings"), driver)
    proxy.disappear()
    done = ended(driver)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Stopped: UnreachableError: The store cannot be reached" in done.stdout + done.stderr
    assert "the same command continues" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    proxy = Proxy(port, target)
    again = sweeper(*arguments, env=env)
    proxy.disappear()
    assert again.returncode == 0, again.stdout + again.stderr
    assert content_in_bucket(bucket, "s3://sweeps/away").items() <= content(tiny_run()).items()


def test_a_missing_bucket_is_reported_in_one_message(bucket: Mapping[str, str]) -> None:
    done = sweeper(*run_arguments("s3://nowhere/run", *CORNER), env=bucket)
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
