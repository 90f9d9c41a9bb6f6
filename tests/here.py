"""Whole sweeps in this process: one actor without Ray, with the searcher, the trials and the ledger of a real sweep."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher
from rich.console import Console

from sweeper.run.site import Site
from sweeper.space import Space
from sweeper.tuning import launch
from sweeper.tuning.actor import TrialActor
from sweeper.tuning.options import Options
from sweeper.tuning.searcher import AgendaSearcher
from sweeper.tuning.sweep import run_sweep


@dataclass(frozen=True)
class Here:
    """Takes the place of Tune: runs one trial after the other in one actor of this process."""

    searcher: AgendaSearcher
    site: Site

    def fit(self) -> None:
        actor = None
        for number in range(1000):
            config = self.searcher.suggest(str(number))
            if config == Searcher.FINISHED:
                return
            assert config is not None, "no trial runs that another one could wait for"
            if actor is None:
                actor = TrialActor.__new__(TrialActor)
                actor.setup(config, vars(self.site))
            actor.reset_config(config)
            self.searcher.on_trial_start(str(number))
            self.searcher.on_trial_complete(str(number), actor.step())
        raise AssertionError("the sweep does not end")


@contextmanager
def no_ray(*_: Any) -> Iterator[Mapping[str, float]]:
    yield {"CPU": 1.0}


def sweep_here(space: Space, run: Path, **options: Any) -> str:
    """Run or continue a sweep, which must succeed. Returns the output."""
    console = Console(file=io.StringIO(), width=10_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "connected", no_ray)
        patch.setattr(launch, "_tuner", lambda searcher, site, *_: Here(searcher, site))
        result = run_sweep(space, Options(run=str(run), checkpoint_every=0.0, **options), console)
    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    assert result.exit_code == 0, output
    return output
