"""A driver that another one has replaced starts no further trial, and says so."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.errors import MachineError
from sweeper.files.folder import Folder
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.space import Space
from sweeper.tuning import sweep
from sweeper.tuning.halt import Halt
from sweeper.tuning.options import Options
from sweeper.tuning.room import Room
from sweeper.tuning.searcher import REPLACED, AgendaSearcher, LaunchResult
from sweeper.tuning.watch import Watches
from tests.tuning.imaginary import SMALL, agenda_of


def test_a_driver_that_was_replaced_starts_no_trial_and_its_end_is_no_stop_request(tmp_path: Path) -> None:
    halt = Halt(is_replaced=True)
    ledger = Ledger.at(str(tmp_path))
    searcher = AgendaSearcher(agenda_of(SMALL), ledger, Watches([], print), Room(num=2), halt)
    assert searcher.suggest("first") == AgendaSearcher.FINISHED
    assert searcher.result() == LaunchResult(interrupted=False, fatal=REPLACED)
    halt.requested = True
    assert searcher.result() == LaunchResult(interrupted=True)


def test_a_lost_lease_of_a_sweep_does_not_hide_a_later_error_as_a_stop_request(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def lost(folder: Folder, report: Callable[[str], object], stop: Callable[[], object]) -> Iterator[None]:
        stop()
        yield

    def refused(space: Space, options: Options) -> Site:
        raise MachineError("No space is left.")

    monkeypatch.setattr(sweep, "leased", lost)
    monkeypatch.setattr(sweep, "make_site", refused)
    halt = Halt()
    with pytest.raises(MachineError, match="No space is left"):
        sweep.run_sweep(SMALL, Options(run=f"memory://{uuid.uuid4().hex}"), Console(), halt)
    assert halt == Halt(requested=False, is_replaced=True)
