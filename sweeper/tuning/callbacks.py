"""Events of Tune that a searcher does not receive by itself: starts and deaths of actors, and the passing of time."""

from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune.experiment import Trial

from sweeper.tuning.attempts import death_of
from sweeper.tuning.follow import Follower

if TYPE_CHECKING:
    from sweeper.tuning.searcher import AgendaSearcher


class ActorCallback(tune.Callback):
    """Tells the searcher when an actor starts a trial or dies; Tune itself tells it of suggestions and results only."""

    def __init__(self, searcher: "AgendaSearcher") -> None:
        self._searcher = searcher

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Forward the event."""
        self._searcher.on_trial_start(trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Drop the contents of a trial. Tune calls this after it has told the searcher of the result."""
        forget(trial)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Forward the event. Tune calls this after it has told the searcher of an error without its exception."""
        self._searcher.on_worker_death(trial.trial_id, death_of(trial))


def forget(trial: Trial) -> None:
    """Drop the config and the result of a trial that has ended.

    Tune keeps all trials until the end of the sweep, with the statistics of each number in a result, and then writes
    them to a file that nobody reads.
    """
    trial.config.clear()
    trial.evaluated_params.clear()
    # Tune asks the worker again if the result is empty.
    trial.run_metadata.last_result = {"done": True, "trial_id": trial.trial_id}
    trial.run_metadata.metric_analysis.clear()
    trial.run_metadata.metric_n_steps.clear()
    trial.invalidate_json_state()  # type: ignore[no-untyped-call]


class FollowCallback(tune.Callback):
    """Tells the searcher of the progress of running trials, in Tune's own thread."""

    def __init__(self, searcher: "AgendaSearcher", follower: Follower) -> None:
        self._searcher = searcher
        self._follower = follower
        self._running: set[str] = set()

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Forward the progress that has been read since the last call. Tune calls this several times a second."""
        running = {spec.key for spec in self._searcher.running()}
        self._follower.follow(running)
        for key in self._running - running:
            self._follower.drop(key)  # a trial removes its file itself, unless its worker has died
        self._running = running
        for progress in self._follower.news():
            self._searcher.on_progress(progress)
