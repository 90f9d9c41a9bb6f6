"""The checkpoint of a training in progress: saved atomically with a seal, verified when it is loaded."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from sweeper.errors import DamagedError
from sweeper.files.folder import Folder
from sweeper.files.seal import append_seal, check_appended_seal
from sweeper.training.runtime import Clock
from sweeper.training.upload import Upload


@dataclass(kw_only=True)
class Checkpoints:
    """The checkpoint file of one training. It is removed when the training ends.

    In a remote folder, a thread uploads it, and the training continues meanwhile.
    """

    folder: Folder
    name: str
    interval: float = 60.0
    """Minimum number of seconds between two checkpoints."""
    is_ending: Callable[[], bool] = lambda: False
    """Returns whether this machine will be taken away, so that a checkpoint is due at once."""
    _due: float = field(init=False, default=0.0)
    """Time (of `time.monotonic`) at which the next checkpoint is due."""
    _is_saved_for_end: bool = field(init=False, default=False)
    _upload: Upload = field(init=False, default_factory=Upload)

    def begin(self) -> None:
        """The training starts or continues: its next checkpoint is due after the interval."""
        self._due = time.monotonic() + self.interval

    def is_due(self) -> bool:
        """Whether a checkpoint is due. None is while an earlier one is uploaded."""
        if self._upload.is_running:
            return False
        return time.monotonic() > self._due or (not self._is_saved_for_end and self.is_ending())

    def load(self, notify: Callable[[str], None]) -> dict[str, Any] | None:
        """The last checkpoint, or None without one. A damaged file is renamed and reported through `notify`.

        The file of another training and one of a version without seals count as damaged.
        """
        self._upload.wait()
        try:
            content = self.folder.read(self.name)
        except FileNotFoundError:
            return None
        try:
            check_appended_seal(content, self.name)
            # torch.load ignores the seal at the end. Cutting it off would copy the content.
            state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except (DamagedError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
            self.set_aside(f"is damaged ({type(error).__name__})", notify)
            return None
        return state

    def set_aside(self, reason: str, notify: Callable[[str], None]) -> None:
        """Rename the file of a checkpoint that cannot be used, and say why through `notify`."""
        aside = self.folder.set_aside(self.name)
        notify(f"Checkpoint {self.name} {reason} and was renamed to {aside}: the training starts from its first step.")

    def save(self, state: dict[str, Any], clock: Clock) -> None:
        """Replace the checkpoint atomically, in a remote folder in the background.

        Raises OSError, also for an earlier checkpoint that could not be uploaded.
        """
        self._is_saved_for_end = self.is_ending()
        started = time.monotonic()
        with clock.time("save"):
            fill = partial(_save_to, state, self.name)
            if self.folder.local:
                self.folder.write_with(self.name, fill)
            else:
                self._upload.start(self.folder, self.name, fill)
        now = time.monotonic()
        # An interval of 20 times the duration keeps saving below 5 % of the training time on a slow disk.
        self._due = now + max(self.interval, 20 * (now - started))

    def close(self) -> None:
        """Wait for the upload of the last checkpoint. Its error has no effect: the training has ended."""
        self._upload.wait()

    def clear(self) -> None:
        """Remove the checkpoint of a finished training."""
        self.folder.remove(self.name)


def _save_to(state: dict[str, Any], name: str, path: Path) -> None:
    with path.open("wb") as file:
        torch.save(state, file)
    append_seal(path, name)
