"""The Prometheus metrics of a sweep: what is counted, their cost, and what Ray exports during a real sweep."""

import importlib
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from ray.util import metrics as ray_metrics

from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.metrics import MetricsWatch
from tests.buckets import free_port
from tests.runs import PATIENCE, ROOT, shared_cache
from tests.tuning.imaginary import SMALL, agenda_of, fail, succeed

Values = dict[tuple[str, ...], float]
"""Name of a metric and the values of its labels -> its value."""


class Recorded:
    """A metric that writes to a table instead of sending its values to an agent."""

    values: ClassVar[Values] = {}

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...]) -> None:
        self._name, self._labels = name, tag_keys

    def _key(self, tags: dict[str, str]) -> tuple[str, ...]:
        return (self._name.removeprefix("sweeper_"), *(tags[label] for label in self._labels))

    def inc(self, value: float, tags: dict[str, str]) -> None:
        self.values[self._key(tags)] = self.values.get(self._key(tags), 0.0) + value

    def set(self, value: float, tags: dict[str, str]) -> None:
        self.values[self._key(tags)] = value


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> Values:
    recorded: Values = {}
    monkeypatch.setattr(Recorded, "values", recorded)
    monkeypatch.setattr(ray_metrics, "Counter", Recorded)
    monkeypatch.setattr(ray_metrics, "Gauge", Recorded)
    return recorded


def specs(num: int) -> list[TrialSpec]:
    agenda = agenda_of(SMALL)
    started = [agenda.next() for _ in range(num)]
    return [spec for spec in started if spec]


def ended(spec: TrialSpec, tokens: int = 0) -> TrialResult:
    return TrialResult(training=replace(succeed(spec), tokens=tokens))


def test_trials_tokens_and_dead_workers_are_counted_by_model_and_type(values: Values) -> None:
    watch, (first, second, third) = MetricsWatch(), specs(3)
    for spec in (first, second, third):
        watch.started(spec)
    assert values == {("trials_running", "tiny", "search"): 3}
    watch.finished(first, ended(first, tokens=70))
    watch.finished(second, TrialResult(training=fail(second)))
    watch.died(third)
    watch.started(third)
    assert values["trials_running", "tiny", "search"] == 1
    watch.waits(third)
    assert values["trials_running", "tiny", "search"] == 0
    watch.started(third)
    watch.lost(third, "a full disk")
    watch.finished(replace(first, kind="score", role="replicate"), ended(first, tokens=70))
    assert values == {
        ("trials_running", "tiny", "search"): 0,
        ("trials_running", "tiny", "score"): 0,
        ("trials_finished", "tiny", "search"): 1,
        ("trials_finished", "tiny", "score"): 1,
        ("trials_failed", "tiny", "search"): 1,
        ("trials_lost", "tiny", "search"): 1,
        ("worker_deaths", "tiny"): 1,
        ("training_tokens", "tiny"): 70,
    }


def test_the_speed_of_a_model_is_the_sum_over_its_running_trainings(values: Values) -> None:
    watch, (first, second) = MetricsWatch(), specs(2)
    for spec, speed in ((first, 100.0), (second, 20.0)):
        watch.started(spec)
        watch.progressed(spec, TrialProgress(key=spec.key, name=spec.name, phase="train", tokens_per_second=speed))
    assert values["tokens_per_second", "tiny"] == 120
    watch.progressed(first, TrialProgress(key=first.key, name=first.name, phase="evaluate", tokens_per_second=100.0))
    assert values["tokens_per_second", "tiny"] == 20
    watch.finished(second, ended(second))
    assert values["tokens_per_second", "tiny"] == 0


def test_without_ray_the_events_of_a_trial_are_dropped_at_a_cost_of_less_than_a_millisecond() -> None:
    watch, [spec] = MetricsWatch(), specs(1)
    result, progress, num = ended(spec, tokens=5), TrialProgress(key=spec.key, name=spec.name, phase="train"), 300
    watch.started(spec)  # makes the metrics
    start = time.process_time()
    for _ in range(num):
        watch.started(spec)
        watch.progressed(spec, replace(progress, tokens_per_second=3.0))
        watch.finished(spec, result)
    assert (time.process_time() - start) / num < 1e-3


SWEEP = """
import sys, time, urllib.request
from dataclasses import replace
import ray
from rich.console import Console
from search_spaces.tiny import SPACE
from sweeper.tuning.options import Options, Workers
from sweeper.tuning.sweep import run_sweep

port, run, cache = sys.argv[1:]
# The nodes of a cluster export metrics in the same way: `ray start --metrics-export-port`.
ray.init(address="local", num_cpus=2, include_dashboard=False, _metrics_export_port=int(port), log_to_driver=False)
space = replace(SPACE, recipes=SPACE.recipes[:1], targets=SPACE.targets[:1], seeds=(1,))
result = run_sweep(space, Options(run=run, cache=cache, workers=Workers(num=2), quiet=True), Console(file=sys.stderr))
assert result.num_done == 3, result
text = ""
for _ in range(90):
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    counters = [line for line in text.splitlines() if line.startswith("ray_sweeper_trials_finished_total")]
    if any('type="target"' in line for line in counters):
        break
    time.sleep(1)
print("\\n".join(line for line in text.splitlines() if line.startswith("ray_sweeper_")))
"""


def has_agent() -> bool:
    """Whether the packages of Ray's metrics agent are installed (`ray[default]`)."""
    names = ("aiohttp", "opencensus", "prometheus_client", "opentelemetry.exporter.prometheus")
    try:
        return all(importlib.import_module(name) for name in names)
    except ImportError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_the_metrics_agent_of_ray_exports_the_numbers_of_a_finished_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_agent():
        pytest.skip("Ray's metrics agent is not installed (ray[default]).")
    monkeypatch.setenv("RAY_metrics_report_interval_ms", "500")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-c", SWEEP, str(free_port()), str(tmp_path / "run"), shared_cache()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr[-3000:]
    exported: Values = {}
    for line in done.stdout.splitlines():
        name, labels, value = re.fullmatch(r"ray_sweeper_(\w+)\{(.*)\} (\S+)", line).groups()  # type: ignore[union-attr]
        tags = dict(re.findall(r'(\w+)="(.*?)"', labels))
        exported[(name, tags["model"], *([tags["type"]] if "type" in tags else []))] = float(value)
    assert exported.pop(("training_tokens_total", "tiny")) > 0
    exported.pop(("tokens_per_second", "tiny"), None)  # a short training may end before it has a speed
    # Ray exports a number of running trials only for some seconds.
    assert {key: value for key, value in exported.items() if value} == {
        ("trials_finished_total", "tiny", "search"): 2,
        ("trials_finished_total", "tiny", "target"): 1,
    }
