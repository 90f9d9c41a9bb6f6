"""Calls to a remote file system: they are repeated while the network fails, and only then."""

import errno
import time
from collections.abc import Callable

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from sweeper.files import patience
from sweeper.files.folder import Folder
from sweeper.files.patience import patiently


class Server:
    """A call that fails with an error a number of times, then returns its argument."""

    def __init__(self, error: Exception, failures: int) -> None:
        self.error = error
        self.left = failures

    def __call__(self, value: str) -> str:
        if self.left:
            self.left -= 1
            raise self.error
        return value


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)


class AzureError(Exception):
    """The base class of azure-core, which is no OSError. The extra `azure` is not installed in tests."""


class ServiceRequestError(AzureError):
    """azure-core could not send a request."""


class ServiceResponseTimeoutError(type("ServiceResponseError", (AzureError,), {})):  # type: ignore[misc]
    """azure-core received no response in time."""


class HttpError(Exception):
    """The shape of an error of gcsfs, whose code is a number or a text."""

    def __init__(self, code: int | str) -> None:
        super().__init__(f"The server answered, {code}")
        self.code = code


class HttpResponseError(AzureError):
    """The shape of an error of azure-core."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"The server answered, {status_code}")
        self.status_code = status_code


UNREACHABLE = [
    EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),  # no OSError
    ConnectionResetError("reset"),
    TimeoutError("too long"),
    OSError(errno.EHOSTUNREACH, "no route"),
    OSError(errno.EBUSY, "SlowDown"),
    ServiceRequestError("no connection"),
    ServiceResponseTimeoutError("no response"),
    HttpError(429),
    HttpError("503"),
    HttpResponseError(500),
    HttpResponseError(503),
]


@pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: type(error).__name__)
def test_a_call_is_repeated_while_the_network_fails(error: Exception) -> None:
    assert patiently(Server(error, failures=3), 5.0, "here") == "here"


PERMANENT = [FileNotFoundError("none"), PermissionError("denied"), OSError(errno.ENOSPC, "full")]
REFUSED = [NoCredentialsError(), AzureError("Unable to locate the account")]


@pytest.mark.parametrize("error", PERMANENT, ids=lambda error: type(error).__name__)
def test_an_error_that_does_not_pass_is_raised_at_once(error: Exception) -> None:
    with pytest.raises(type(error)):
        patiently(Server(error, failures=1), 5.0, "here")


@pytest.mark.parametrize("error", [HttpError(404), HttpError("401"), HttpResponseError(403)], ids=str)
def test_a_refusal_by_the_server_is_not_repeated(error: Exception) -> None:
    with pytest.raises(OSError, match="The store refuses the request"):
        patiently(Server(error, failures=1), 5.0, "here")


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: type(error).__name__)
def test_an_error_of_the_stores_library_is_an_os_error_at_once(error: Exception) -> None:
    name = type(error).__name__
    with pytest.raises(OSError, match=f"The store refuses the request: {name}: Unable to locate"):
        patiently(Server(error, failures=1), 5.0, "here")


@pytest.mark.parametrize("error", UNREACHABLE[:2], ids=lambda error: type(error).__name__)
def test_a_server_that_cannot_be_reached_is_an_os_error_that_names_the_cause(error: Exception) -> None:
    begin = time.monotonic()
    with pytest.raises(OSError, match=r"The store cannot be reached: \w+") as raised:
        patiently(Server(error, failures=10**9), 0.3, "here")
    assert time.monotonic() - begin < 3
    assert raised.value.__cause__ is error


def test_a_remote_folder_is_patient_and_a_local_one_is_not() -> None:
    remote, local = Folder("memory://patience"), Folder("/nowhere")
    remote.write("file", b"content")
    assert remote.read("file") == b"content"
    wrapped: Callable[[Folder], bool] = lambda folder: isinstance(folder._fs, patience.PatientFileSystem)  # noqa: E731
    assert (wrapped(remote), wrapped(local)) == (True, False)
