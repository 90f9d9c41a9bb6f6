"""Conditional writes of a store that refuses them."""

import pytest

from sweeper.files import create as module
from sweeper.files.create import PAUSES, create


class RefusalError(OSError):
    """An error with the status of HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status_code = status


class Store:
    """A store that refuses the first writes with these statuses."""

    def __init__(self, *statuses: int, content: bytes | None = None) -> None:
        self.statuses = list(statuses)
        self.content = content

    def pipe_file(self, path: str, data: bytes, mode: str = "") -> None:
        if self.statuses:
            raise RefusalError(self.statuses.pop(0))
        self.content = data

    def exists(self, path: str) -> bool:
        return self.content is not None

    def invalidate_cache(self) -> None:
        """Nothing is cached."""


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0,) * len(PAUSES))


@pytest.mark.parametrize("status", [409, 412])
def test_a_file_that_exists_is_not_created_again(status: int) -> None:
    store = Store(status, content=b"first")
    assert not create(store, "a", b"second")
    assert store.content == b"first"


def test_a_conflict_without_a_file_is_repeated() -> None:
    store = Store(409, 409)
    assert create(store, "a", b"new")
    assert store.content == b"new"


def test_a_conflict_that_does_not_end_is_an_error() -> None:
    with pytest.raises(RefusalError, match="status 409"):
        create(Store(*[409] * 20), "a", b"new")
