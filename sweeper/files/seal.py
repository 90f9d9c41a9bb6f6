"""Seals: a digest of the stored bytes of a JSON file inside the file, so that damage is noticed when it is read.

The digest is the first member of the object, and covers all bytes after it: verification is one hash, and the file
remains plain JSON.
"""

import re

from sweeper.errors import DamagedError
from sweeper.files.digests import bytes_digest

_SEAL = re.compile(rb'\{"sha256": "([^"]{64})",')


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
    if seal and seal.group(1) != _digest(text[seal.end() :]):
        raise DamagedError(f"{source} is damaged: its content differs from its digest.")


def _digest(body: bytes) -> bytes:
    return bytes_digest(body).encode()
