"""Seals: a digest of the stored bytes of a file inside the file, so that damage is noticed when the file is read.

In a JSON file, the digest is the first member of the object and covers all bytes after it: verification is one hash,
and the file remains plain JSON. In a binary file, the digest is at the end and also covers the name of the file.
"""

import hashlib
import re
from mmap import mmap
from pathlib import Path

from sweeper.errors import DamagedError
from sweeper.files.digests import bytes_digest

SEAL_LENGTH = 64
"""Bytes of a seal at the end of a binary file."""
_SEAL = re.compile(rb'\{"sha256": "([^"]{64})",')
_LIKE_SEAL = re.compile(rb'\s*\{\s*"(sha256"|[^"]*"\s*:\s*"[0-9a-f]{40})')
"""The begin of a file whose seal is itself damaged. Without this, such a file would count as one without a seal."""


def sealed(text: bytes) -> bytes:
    """A JSON object with a seal. `text` is the object with at least one member, without a seal."""
    body = text[1:]
    return b'{"sha256": "%s",%s' % (_digest(body), body)


def is_sealed(text: bytes) -> bool:
    """Whether the bytes of a file begin with a seal. Versions before seals wrote files without one."""
    return _SEAL.match(text) is not None


def check_seal(text: bytes, source: str) -> None:
    """Raise DamagedError if the bytes have a seal that differs from their digest. `source` names the file."""
    seal = _SEAL.match(text)
    is_damaged = seal.group(1) != _digest(text[seal.end() :]) if seal else _LIKE_SEAL.match(text)
    if is_damaged:
        raise DamagedError(f"{source} is damaged: its content differs from its digest.")


def _digest(body: bytes) -> bytes:
    return bytes_digest(body).encode()


def append_seal(path: Path, name: str) -> None:
    """Append to a binary file the digest of its bytes and of the name under which it will be stored."""
    with path.open("r+b") as file:
        hasher = hashlib.file_digest(file, "sha256")
        hasher.update(name.encode())
        file.seek(0, 2)
        file.write(hasher.hexdigest().encode())


def with_appended_seal(content: bytes, name: str) -> bytes:
    """The bytes of a binary file that will be stored under a name, with their seal."""
    return content + _named_digest(content, name)


def check_appended_seal(content: bytes | mmap, name: str) -> None:
    """Raise DamagedError if the bytes of a binary file differ from the seal at their end."""
    if _named_digest(memoryview(content)[:-SEAL_LENGTH], name) != content[-SEAL_LENGTH:]:
        raise DamagedError(f"{name} is damaged: its content differs from its digest.")


def _named_digest(content: bytes | memoryview, name: str) -> bytes:
    hasher = hashlib.sha256(content)
    hasher.update(name.encode())
    return hasher.hexdigest().encode()
