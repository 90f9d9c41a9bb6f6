"""The quick checks of machines: GPUs, and the address of a cluster."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sweeper.errors import MachineError
from sweeper.tuning.machines import can_have_gpu, check_cluster

grpc = pytest.importorskip("grpc")


@pytest.fixture
def grpc_port() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


def test_a_server_that_speaks_grpc_is_accepted_as_a_cluster(grpc_port: int) -> None:
    for address in (f"127.0.0.1:{grpc_port}", f"ray://127.0.0.1:{grpc_port}"):
        check_cluster(address)


def test_a_server_that_speaks_another_protocol_is_no_cluster() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(MachineError, match="another program answers there"):
            check_cluster(f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize(
    ("device", "visible", "expected"),
    [("null", None, False), ("nvidia0", None, True), ("nvidia0", "", False), ("nvidia0", "0", True), ("kfd", "", True)],
)
def test_devices_and_their_visibility_decide_whether_a_machine_can_have_a_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, visible: str | None, expected: bool
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    (tmp_path / device).touch()
    assert can_have_gpu(tmp_path) == expected
