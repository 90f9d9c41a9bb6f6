"""The shipped trackers by name, and the classes of users as `module:Class`."""

import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sweeper.errors import UserError, unknown
from sweeper.tuning.trackers.interface import Tracker, TrackerSettings


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A tracker of this package."""

    library: str
    """The module that it needs."""
    module: str
    """The module with its class, imported only if it is used."""
    name: str
    """Name of the class."""


_HERE = "sweeper.tuning.trackers"
TRACKERS: Mapping[str, Shipped] = {
    "wandb": Shipped(library="wandb", module=f"{_HERE}.wandb", name="WandbTracker"),
    "mlflow": Shipped(library="mlflow", module=f"{_HERE}.mlflow", name="MlflowTracker"),
    "tensorboard": Shipped(library="tensorboardX", module=f"{_HERE}.tensorboard", name="TensorBoardTracker"),
    "trackio": Shipped(library="trackio", module=f"{_HERE}.trackio", name="TrackioTracker"),
}
"""Name on the command line, which is also that of its extra -> tracker."""


def open_trackers(trackers: Iterable[str | Tracker], folder: str) -> tuple[Tracker, ...]:
    """The trackers of `--tracker` values: NAME, NAME:ARGUMENT, or `module:Class` for a class without arguments.

    An object is returned as it is. `folder` is the folder for the local files of shipped trackers.

    Raises UserError if a name is unknown, if its package is not installed, or if a class cannot be made.
    """
    return tuple(_open(tracker, folder) if isinstance(tracker, str) else tracker for tracker in trackers)


def check_tracker(tracker: str | Tracker) -> None:
    """Raise UserError if a name is unknown or its package is not installed. Imports nothing."""
    if not isinstance(tracker, str):
        return
    name, _, argument = tracker.partition(":")
    if name not in TRACKERS and not argument:
        raise unknown("tracker", name, TRACKERS)
    if name in TRACKERS and find_spec(TRACKERS[name].library) is None:
        raise UserError(
            f"--tracker {name} needs the package {TRACKERS[name].library}, which is not installed: "
            f"pip install 'transfer-sweeper[{name}]'."
        )


def _open(text: str, folder: str) -> Tracker:
    check_tracker(text)
    name, _, argument = text.partition(":")
    if name not in TRACKERS:
        return _of_user(name, argument)
    entry = TRACKERS[name]
    settings = TrackerSettings(folder=f"{folder}/{name}", argument=argument)
    tracker: Tracker = getattr(importlib.import_module(entry.module), entry.name)(settings)
    return tracker


def _of_user(module: str, name: str) -> Tracker:
    """A tracker of the user, from a module on the import path or in the working directory."""
    where = f"--tracker {module}:{name}"
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        tracker: Tracker = getattr(importlib.import_module(module), name)()
    except ModuleNotFoundError as error:
        raise UserError(
            f"{where}: {error}. It needs one of {', '.join(TRACKERS)}, or MODULE:CLASS with a class of your own."
        ) from error
    except AttributeError as error:
        raise UserError(f"{where}: {error}.") from error
    except Exception as error:
        raise UserError(f"{where} cannot be made: {type(error).__name__}: {error}") from error
    missing = [method for method in ("start", "log", "finish", "close") if not callable(getattr(tracker, method, None))]
    if missing:
        raise UserError(f"{where} has no {', '.join(missing)}: see sweeper/tuning/trackers/interface.py.")
    return tracker
