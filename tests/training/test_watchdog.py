"""The watchdog of a training: it acts once, on a step that does not finish, and on nothing else."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from sweeper.training import watchdog
from sweeper.training.watchdog import Watchdog
from tests.runs import wait_for

TICK = 0.01


@contextmanager
def running(limit: float, acts: list[str]) -> Iterator[Watchdog]:
    with closing(Watchdog(limit, lambda: acts.append("act"))) as dog:
        dog.start()
        yield dog


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "TICK", TICK)


def test_a_step_that_does_not_finish_has_one_action() -> None:
    acts: list[str] = []
    with running(0.1, acts) as dog:
        dog.begin()
        wait_for(lambda: acts)
        time.sleep(0.3)
    assert acts == ["act"]


def test_time_outside_of_steps_does_not_count() -> None:
    acts: list[str] = []
    with running(0.2, acts) as dog:
        time.sleep(0.5)
        dog.begin()
        dog.finish()
        time.sleep(0.5)
    assert acts == []


def test_a_step_counts_until_its_device_has_finished() -> None:
    acts: list[str] = []
    with running(0.1, acts) as dog:
        dog.begin()
        dog.finish(lambda: False)
        wait_for(lambda: acts)


def test_a_closed_watchdog_does_not_act() -> None:
    acts: list[str] = []
    with running(0.1, acts) as dog:
        dog.begin()
    time.sleep(0.5)
    assert acts == []
