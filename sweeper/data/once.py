"""One process of a node at a time asks the Hub. The others wait for it, and then read the local copies."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from huggingface_hub import constants

from sweeper.data.busy import busy, use_patience
from sweeper.data.hub import COMMIT
from sweeper.files.digests import digest
from sweeper.files.folder import Folder

T = TypeVar("T")
MALFORMED = (LookupError, TypeError, AttributeError)
"""Errors of transformers for malformed JSON files. Its tokenizers raise plain exceptions."""
logger = logging.getLogger(__name__)


@contextmanager
def turn() -> Iterator[None]:
    """The turn of this process to ask the Hub. Raises BusyError if the Hub refuses a request for too long."""
    use_patience()
    try:
        with _lock():
            yield
    except Exception as error:
        # The libraries may have raised an error of their own from it.
        if (cause := busy(error)) and cause is not error:
            raise cause from error
        raise


def pretrained(load: Callable[..., T], location: str, revision: str | None, **options: Any) -> T:
    """`load(location, revision=revision, **options)` for a method `from_pretrained`.

    A process of this node that comes later sends no request for the same commit. A folder is read without a lock.
    Raises ValueError also for malformed files, in addition to the exceptions of the method.
    """
    try:
        return _pretrained(load, location, revision, **options)
    except Exception as error:
        if isinstance(error, MALFORMED) or type(error) is Exception:
            logger.debug("Traceback of a malformed file of %s", location, exc_info=True)
            reason = f"config.json or a file of the tokenizer is malformed ({type(error).__name__}: {error})"
            raise ValueError(reason) from error
        raise


def _pretrained(load: Callable[..., T], location: str, revision: str | None, **options: Any) -> T:
    call = partial(load, location, revision=revision, **options)
    if Path(location).is_dir():
        return call()
    name = [getattr(load, "__self__", load).__name__, location, revision]
    return asked_once(
        name, call, again=lambda _: call(local_files_only=True), note=lambda _: bool(COMMIT.fullmatch(revision or ""))
    )


def asked_once(name: object, ask: Callable[[], T], again: Callable[[Any], T], note: Callable[[T], Any]) -> T:
    """The result of `ask`, which sends requests to the Hub, or of `again`, which sends none.

    `note` returns a JSON value about a result that another process can read without requests, or a false value. This
    process and others then pass it to `again`. If that fails, for example because the local copies were removed, the
    Hub is asked. `name` is a JSON value that identifies the result.
    """
    if constants.HF_HUB_OFFLINE:
        return ask()
    notes = Folder(str(_folder() / "sweeper"))
    file = f"{digest([name, constants.HF_HUB_CACHE])}.json"
    earlier = _read(notes, file, again)
    if earlier:
        return earlier[0]
    with turn():
        earlier = _read(notes, file, again)  # another process may have asked meanwhile
        if earlier:
            return earlier[0]
        result = ask()
        if content := note(result):
            _write(notes, file, content)
        return result


def _folder() -> Path:
    """The folder for locks in the cache of the Hub. The processes that share the cache share the lock."""
    return Path(constants.HF_HUB_CACHE) / ".locks"


@contextmanager
def _lock() -> Iterator[None]:
    lock = FileLock(_folder() / "sweeper.lock")
    # A cache that can only be read needs no lock, because nothing can be downloaded into it.
    with suppress(OSError):
        _folder().mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _read(notes: Folder, file: str, again: Callable[[Any], T]) -> tuple[T] | None:
    """The result of an earlier request of this node; None without one."""
    try:
        content = json.loads(notes.read(file))
    except (FileNotFoundError, ValueError):
        return None
    try:
        return (again(content),)
    except Exception as error:  # noqa: BLE001 - the libraries raise errors of many types if a file is missing
        logger.info("The local copy cannot be read, so that the Hub is asked: %s", error)
        return None


def _write(notes: Folder, file: str, content: Any) -> None:
    try:
        notes.write(file, json.dumps(content).encode(), durable=False)
    except OSError as error:
        logger.info("The note %s cannot be written, so that other processes ask the Hub: %s", notes.path(file), error)
