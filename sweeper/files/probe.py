"""Quick checks of folders and servers: each answers within seconds, without the patience of a running sweep."""

import os
import socket
import uuid
from urllib.parse import urlsplit

from sweeper.errors import MachineError, UserError
from sweeper.files.draft import DRAFT_PREFIX
from sweeper.files.folder import Folder

ANSWER_WITHIN = 1.5
"""Seconds in which a server must accept a connection."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""Environment variables with the URL of a store that replaces Amazon's."""


def check_answers(host: str, port: int) -> bool:
    """True if a server accepts a connection; otherwise raises OSError."""
    with socket.create_connection((host, port), timeout=ANSWER_WITHIN):
        return True


def check_reachable(url: str) -> None:
    """Raise MachineError if `url` is on a store whose endpoint does not answer; its library would try for longer."""
    endpoint = next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), "")
    if not url.startswith("s3://") or not endpoint:
        return
    address = urlsplit(endpoint)
    try:
        check_answers(address.hostname or "", address.port or (80 if address.scheme == "http" else 443))
    except (OSError, ValueError) as error:
        raise MachineError(f"The store of {url} does not answer at {endpoint}: {error}.") from error


def check_writable(url: str, term: str) -> None:
    """Create the folder at a path or URL, and write and delete a file in it. `term` names the folder in messages.

    Raises UserError if it cannot be a folder, MachineError if it cannot be written.
    """
    folder, name = Folder(url, patience=0.0), f"{DRAFT_PREFIX}{uuid.uuid4().hex}"
    check_reachable(url)
    try:
        folder.write(name, b"")
        folder.remove(name)
    except (NotADirectoryError, FileExistsError) as error:
        raise UserError(f"The {term} {url!r} must be a folder, but a part of its path is a file.") from error
    except Exception as error:  # the libraries of stores raise errors of many types
        reason = str(error) or type(error).__name__
        raise MachineError(f"The {term} {url!r} cannot be written: {reason}. Nothing was changed there.") from error
