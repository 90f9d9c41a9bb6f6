"""Prometheus metrics of a sweep through Ray: the metrics agent of the driver's node exports them."""

from collections import Counter, defaultdict
from functools import cached_property

from ray.util import metrics

from sweeper.plan.units import trial_kind
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.watch import Watch

BY_TYPE, BY_MODEL = ("model", "type"), ("model",)
"""Labels. The type of a trial is `search`, `prepare`, `target`, `score` or `predict`."""


class Metrics:
    """The metrics, each with its description. Ray adds `ray_` to all names, and `_total` to those of counters."""

    def __init__(self) -> None:
        self.finished = metrics.Counter("sweeper_trials_finished", "Trials that ended with a result.", BY_TYPE)
        self.failed = metrics.Counter("sweeper_trials_failed", "Trials whose record says that they failed.", BY_TYPE)
        self.lost = metrics.Counter("sweeper_trials_lost", "Trials that ended without a record.", BY_TYPE)
        self.running = metrics.Gauge("sweeper_trials_running", "Trials that run now.", BY_TYPE)
        self.deaths = metrics.Counter("sweeper_worker_deaths", "Workers that died while a trial ran.", BY_MODEL)
        self.tokens = metrics.Counter("sweeper_training_tokens", "Training tokens of finished trials.", BY_MODEL)
        self.speed = metrics.Gauge("sweeper_tokens_per_second", "Training tokens per second of all trials.", BY_MODEL)


class MetricsWatch(Watch):
    """Counts the events of a sweep. Ray sends the values to the agent; without one they are dropped."""

    subject = "The export of metrics"

    def __init__(self) -> None:
        self._running: dict[str, TrialSpec] = {}
        """Name of a running trial -> its spec."""
        self._speeds: dict[str, dict[str, float]] = defaultdict(dict)
        """Model -> name of a training -> its tokens per second."""

    @cached_property
    def _metrics(self) -> Metrics:
        # At the first event, because a metric that is made before Ray starts is not exported.
        return Metrics()

    def started(self, spec: TrialSpec) -> None:
        """Count the trial as running."""
        self._running[spec.name] = spec
        self._show_running(spec)

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Update the speed of the model, and repeat the number of running trials: Ray forgets a value after a while."""
        self._show_running(spec)
        is_training = progress.phase == "train" and progress.tokens_per_second is not None
        self._set_speed(spec, progress.tokens_per_second if is_training else None)

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Count the trial and its tokens."""
        has_failed = result.training.state == "failed"
        (self._metrics.failed if has_failed else self._metrics.finished).inc(1, _labels(spec))
        # The record of a scoring is that of the training of its encoder.
        if spec.trains and result.training.tokens:
            self._metrics.tokens.inc(result.training.tokens, _model(spec))
        self._end(spec)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Count the trial."""
        self._metrics.lost.inc(1, _labels(spec))
        self._end(spec)

    def died(self, spec: TrialSpec) -> None:
        """Count the worker."""
        self._metrics.deaths.inc(1, _model(spec))
        self._end(spec)

    def waits(self, spec: TrialSpec) -> None:
        """Count the trial as running no longer."""
        self._end(spec)

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Nothing."""

    def _end(self, spec: TrialSpec) -> None:
        self._running.pop(spec.name, None)
        self._show_running(spec)
        self._set_speed(spec, None)

    def _show_running(self, spec: TrialSpec) -> None:
        counts = Counter(tuple(_labels(running).items()) for running in self._running.values())
        self._metrics.running.set(counts[tuple(_labels(spec).items())], _labels(spec))

    def _set_speed(self, spec: TrialSpec, speed: float | None) -> None:
        speeds = self._speeds[spec.model.name]
        if speed is None and spec.name not in speeds:
            return
        if speed is None:
            del speeds[spec.name]
        else:
            speeds[spec.name] = speed
        self._metrics.speed.set(sum(speeds.values()), _model(spec))


def _labels(spec: TrialSpec) -> dict[str, str]:
    return {**_model(spec), "type": trial_kind(spec.kind, spec.role)}


def _model(spec: TrialSpec) -> dict[str, str]:
    return {"model": spec.model.name}
