"""The files whose content was compared with their digests, so that it is compared again only if a file changes."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sweeper.errors import DamagedError
from sweeper.files.digests import bytes_digest
from sweeper.files.folder import Folder
from sweeper.files.seal import check_seal, sealed


@dataclass
class VerifiedFiles:
    """A note in a local folder about its files. Without one that can be read, all files are compared again."""

    folder: Folder
    note: str
    """The name of the note."""
    _earlier: dict[str, list[str]] = field(init=False)
    """Path inside the folder -> the digest and the state of the file, as in `Folder.states`."""
    _now: dict[str, list[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._earlier = self._read()

    def matches(self, name: str, state: Sequence[str], sha256: str) -> bool:
        """Whether the file `name`, which is in this state, has the content with this digest."""
        entry = [sha256, *state]
        matches = self._earlier.get(name) == entry or bytes_digest(self.folder.read(name)) == sha256
        if matches:
            self._now[name] = entry
        return matches

    def write(self) -> None:
        """Write the note with the files that matched. If that fails, they are compared again."""
        if self._now != self._earlier:
            with suppress(OSError):
                self.folder.write(self.note, sealed(json.dumps({"files": self._now}).encode()), durable=False)

    def _read(self) -> dict[str, list[str]]:
        try:
            content = self.folder.read(self.note)
            check_seal(content, self.note)
            return dict(json.loads(content)["files"])
        except (OSError, DamagedError, ValueError, KeyError, TypeError):
            return {}
