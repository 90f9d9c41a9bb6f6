"""The thread that asks Ray whether a node will be taken away."""

import time

import pytest
import ray

from sweeper.tuning import notice


def test_a_notice_outside_of_ray_is_not_given_and_starts_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not ray.is_initialized()
    asked: list[None] = []
    monkeypatch.setattr(ray, "get_runtime_context", lambda: asked.append(None))
    monkeypatch.setattr(notice, "PAUSE", 0.01)
    is_ending = notice.Notice()
    time.sleep(0.1)
    assert not asked
    assert not is_ending()
    is_ending._is_given.set()  # ends the thread
