"""The checkpoint of a training in progress: saved atomically with a seal, verified when it is loaded."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from sweeper.errors import DamagedError
from sweeper.files.folder import Folder
from sweeper.files.seal import append_seal, check_appended_seal
from sweeper.training.runtime import Clock


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The checkpoint file of one training. It is removed when the training ends."""

    folder: Folder
    name: str
    interval: float = 60.0
    """Minimum number of seconds between two checkpoints."""

    def load(self, notify: Callable[[str], None]) -> dict[str, Any] | None:
        """The last checkpoint, or None without one. A damaged file is renamed and reported through `notify`.

        The file of another training and one of a version without seals count as damaged.
        """
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

    def save(self, state: dict[str, Any], clock: Clock) -> float:
        """Replace the checkpoint atomically. Returns the time (of `time.monotonic`) at which the next one is due."""
        started = time.monotonic()
        with clock.time("save"):
            self.folder.write_with(self.name, partial(_save_to, state, self.name))
        now = time.monotonic()
        # An interval of 20 times the duration keeps saving below 5 % of the training time on a slow disk.
        return now + max(self.interval, 20 * (now - started))

    def clear(self) -> None:
        """Remove the checkpoint of a finished training."""
        self.folder.remove(self.name)


def _save_to(state: dict[str, Any], name: str, path: Path) -> None:
    with path.open("wb") as file:
        torch.save(state, file)
    append_seal(path, name)
