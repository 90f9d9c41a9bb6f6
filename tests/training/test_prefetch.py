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


def test_a_thread_makes_exactly_one_batch_ahead() -> None:
    log: Log = []
    made = {step: threading.Event() for step in range(3, 9)}
    make = logging_to(log)

    def signalled(step: int) -> Batches:
        batches = make(step)
        made[step].set()
        return batches

    batches = in_thread(signalled, range(3, 9))
    assert next(batches)[1] == 3
    assert made[4].wait(60)  # nobody has asked for it
    assert not made[5].wait(0.1)
    assert [number for _, number in batches] == [4, 5, 6, 7, 8]
    assert [step for step, _ in log] == list(range(3, 9))
    assert {name.split("_")[0] for _, name in log} == {"batches"}


def test_batches_for_a_gpu_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor + 100)  # needs a GPU
    [(batches, number)] = prefetched(logging_to([]), range(7, 8), torch.device("cuda"))
    assert [batch["input_ids"].tolist() for batch in batches] == [[107]]
    assert number == 7


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
