"""Batches that are made ahead of their step."""

import threading
from collections.abc import Callable

import pytest
import torch

from sweeper.training.gradients import Batches
from sweeper.training.prefetch import in_thread, prefetched

Log = list[tuple[int, str]]


def logging_to(log: Log) -> Callable[[int], Batches]:
    def make(step: int) -> Batches:
        log.append((step, threading.current_thread().name))
        return [{"input_ids": torch.tensor([step])}], step

    return make


def test_a_thread_makes_the_next_batch_before_it_is_asked_for() -> None:
    log: Log = []
    batches = in_thread(logging_to(log), range(3, 6))
    assert next(batches)[1] == 3
    rest = [number for _, number in batches]
    assert rest == [4, 5]
    assert [step for step, _ in log] == [3, 4, 5]
    assert {name.split("_")[0] for _, name in log} == {"batches"}


def test_only_one_batch_is_made_ahead() -> None:
    log: Log = []
    batches = in_thread(logging_to(log), range(9))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(log) <= 2


def test_an_error_of_a_batch_is_raised_at_its_step() -> None:
    def make(step: int) -> Batches:
        if step == 1:
            raise ValueError("a bad row")
        return [], step

    batches = in_thread(make, range(3))
    assert next(batches)[1] == 0
    with pytest.raises(ValueError, match="a bad row"):
        next(batches)


def test_a_cpu_makes_each_batch_when_it_is_asked_for() -> None:
    log: Log = []
    batches = prefetched(logging_to(log), range(2), torch.device("cpu"))
    next(batches)
    assert log == [(0, threading.current_thread().name)]


def test_no_step_has_no_batch() -> None:
    assert list(in_thread(logging_to([]), range(4, 4))) == []
