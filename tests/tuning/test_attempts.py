"""What the errors of Tune's trials say about the deaths of workers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import cloudpickle
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError, RayTaskError

from sweeper.tuning import attempts
from sweeper.tuning.attempts import death_of


@pytest.fixture
def trial_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes a trial of Tune with an error. Ray knows the node of the actor `known`."""
    table = {"known": {"Address": {"NodeID": "a node"}}}
    monkeypatch.setattr(attempts, "state", SimpleNamespace(actor_table=lambda actor: table.get(actor, {})))

    def trial(error: BaseException | None, text: str = "") -> Any:
        pickled, plain = tmp_path / "error.pkl", tmp_path / "error.txt"
        if error is not None:
            pickled.write_bytes(cloudpickle.dumps(error))
        plain.write_text(text or str(error or ""))  # as Tune does
        return SimpleNamespace(pickled_error_file=str(pickled), error_file=str(plain))

    return trial


def test_a_death_has_the_node_of_the_worker(trial_with: Any) -> None:
    death = death_of(trial_with(RayActorError("known", "The worker process\n\tdied.")))
    assert (death.node, death.reason, death.cause) == ("a node", "The worker process died.", None)


def test_a_preempted_node_does_not_count_and_needs_no_limit(trial_with: Any) -> None:
    death = death_of(trial_with(RayActorError("known", "gone", preempted=True)))
    assert (death.node, death.cause) == ("", None)


def test_a_death_on_an_unknown_node_has_a_limit(trial_with: Any) -> None:
    death = death_of(trial_with(ActorUnavailableError("connection closed", None)))
    assert (death.node, death.cause) == ("", "start")


def test_an_error_in_the_start_of_a_worker_is_named(trial_with: Any) -> None:
    cause = RayTaskError("setup", "Traceback ...\nMachineError: the cache is not trusted", ValueError("cause"))
    death = death_of(trial_with(ActorDiedError(cause)))
    assert death.cause == "start"
    assert death.reason.endswith("MachineError: the cache is not trusted")


def test_a_worker_that_ray_ends_for_want_of_memory_is_tried_again_later(trial_with: Any) -> None:
    text = "2 worker(s) were killed due to the node running low on memory.\nMore."
    for error in (None, RayActorError("known", text)):
        death = death_of(trial_with(error, text))
        assert death.cause == "shortage"
        assert death.reason.startswith("Out of memory: Ray ended the worker because its node had little memory left.")


def test_an_error_that_cannot_be_read_is_named_by_its_text(trial_with: Any) -> None:
    assert death_of(trial_with(None, "first\nRuntimeError: last\n")).reason == "RuntimeError: last"
    assert death_of(trial_with(None)).reason == "its worker did not start (see Ray's logs)"
