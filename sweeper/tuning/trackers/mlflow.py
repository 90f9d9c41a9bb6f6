"""MLflow: an experiment for the space, a run for each trial with its cell as a tag. The argument is a tracking URI."""

import time
from collections.abc import Mapping

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from sweeper.tuning.trackers.interface import TrackedTrial, TrackerSettings

KEY, GROUP = "sweeper.key", "sweeper.cell"
STATES = {"done": "FINISHED", "failed": "FAILED", "lost": "KILLED"}
MOST_METRICS = 1000
"""Maximum number of metrics in one request to MLflow."""


class MlflowTracker:
    """Logs to the tracking URI of the argument, of MLFLOW_TRACKING_URI, or to MLflow's local default."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._client = MlflowClient(tracking_uri=settings.argument or None)
        self._experiments: dict[str, str] = {}
        self._runs: dict[str, str] = {}

    def start(self, trial: TrackedTrial) -> int:
        """Continue the run of the trial, or create it. Returns the last step of its loss."""
        experiment = self._experiment(trial.project)
        found = self._client.search_runs([experiment], filter_string=f"tags.`{KEY}` = '{trial.key}'", max_results=1)
        if found:
            run = self._runs[trial.key] = found[0].info.run_id
            self._client.set_terminated(run, "RUNNING")
            return max((metric.step for metric in self._client.get_metric_history(run, "train/loss")), default=0)
        tags = {KEY: trial.key, GROUP: trial.group}
        run = self._client.create_run(experiment, run_name=trial.name, tags=tags).info.run_id
        self._runs[trial.key] = run
        params = [Param(name, str(value)) for name, value in trial.config.items()]
        self._client.log_batch(run, params=params)
        return 0

    def log(self, trial: TrackedTrial, step: int, values: Mapping[str, float]) -> None:
        """Log values of curves."""
        self._log(self._runs[trial.key], step, values)

    def finish(self, trial: TrackedTrial, state: str, scores: Mapping[str, float]) -> None:
        """Log the scores, and end the run."""
        run = self._runs.pop(trial.key)
        self._log(run, 0, scores)
        self._client.log_batch(run, tags=[RunTag("sweeper.state", state)])
        self._client.set_terminated(run, STATES[state])

    def close(self) -> None:
        """Nothing: every call has been sent."""

    def _experiment(self, project: str) -> str:
        if project not in self._experiments:
            found = self._client.get_experiment_by_name(project)
            self._experiments[project] = found.experiment_id if found else self._client.create_experiment(project)
        return self._experiments[project]

    def _log(self, run: str, step: int, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        metrics = [Metric(_name(name), value, now, step) for name, value in values.items()]
        for first in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[first : first + MOST_METRICS])


def _name(text: str) -> str:
    """The name without characters that MLflow refuses."""
    return "".join(character if character.isalnum() or character in "_-./ " else "-" for character in text)
