"""The speed of a plan: training tokens per second of a worker, given or measured, and the number of workers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from statistics import median

from sweeper.errors import UserError, unknown
from sweeper.plan.measurement import Measurement, read_measurement
from sweeper.records.record import TrainingRecord
from sweeper.run.run import Run
from sweeper.space import Model

ALL_MODELS = ""
"""Key of the throughput of all models that are not named."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The values that turn the tokens of a plan into hours and cost."""

    workers: int = 2
    throughputs: Mapping[str, float] = field(default_factory=dict)
    """Model or ALL_MODELS -> training tokens per second of one worker. A measured value takes precedence."""
    measured_in: str = ""
    """File of `sweeper pace`, or run folder in whose trainings the speed of each model is measured; "" to use only
    given values."""
    price: float | None = None
    """Price of an hour of one GPU, or of one worker whose trials use no GPU, in any currency."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UserError(f"A plan needs workers >= 1, got {self.workers}.")
        for throughput in self.throughputs.values():
            if not (isfinite(throughput) and throughput > 0):
                raise UserError(f"A plan needs a finite throughput > 0, got {throughput:g}.")
        if self.price is not None and not (isfinite(self.price) and self.price >= 0):
            raise UserError(f"A plan needs a finite price >= 0, got {self.price:g}.")

    def measurement(self) -> Measurement | None:
        """The measurement of `sweeper pace` that `measured_in` names; None if it names another file or a run folder."""
        return read_measurement(self.measured_in) if self.measured_in else None


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Training tokens per second of one worker with one model."""

    throughput: float
    source: str
    """The origin of the number, for people."""


def parse_throughputs(texts: Iterable[str]) -> dict[str, float]:
    """The values of `--throughput`: `3000` for all models, `xlmr-large=3000` for one. The last value counts.

    Raises UserError if a text has another form.
    """
    throughputs = {}
    for text in texts:
        name, equals, number = (piece.strip() for piece in text.rpartition("="))
        if equals and not name:
            raise UserError(f"--throughput needs the name of a model before '=', as in MODEL=3000, got {text!r}.")
        try:
            throughputs[name] = float(number)
        except ValueError as error:
            raise UserError(
                f"--throughput takes tokens per second, for all models (3000) or for one (MODEL=3000), got {text!r}."
            ) from error
    return throughputs


def speeds(models: tuple[Model, ...], pace: Pace) -> dict[str, Speed]:
    """Model -> its speed: the median over its measured trainings, else the given throughput.

    A model without either is absent. The seconds are those in which a worker trained or waited for data. Only
    trainings without interruption count: the record of a resumed training has the tokens of all attempts, but the
    seconds of the last one. Raises UserError if `measured_in` is neither a file of `sweeper pace` nor a run folder, or
    if a throughput names an unknown model.
    """
    names = [model.name for model in models]
    for name in pace.throughputs:
        if name not in (ALL_MODELS, *names):
            raise unknown("model", name, names)
    measured = _measured_speeds(models, pace) if pace.measured_in else {}
    candidates = {name: measured.get(name) or _given_speed(name, pace) for name in names}
    return {name: speed for name, speed in candidates.items() if speed is not None}


def _given_speed(name: str, pace: Pace) -> Speed | None:
    throughput = pace.throughputs.get(name, pace.throughputs.get(ALL_MODELS))
    if throughput is None:
        return None
    reason = f": {no_measurement(pace.measured_in)}" if pace.measured_in else ""
    return Speed(throughput=throughput, source=f"given{reason}")


def no_measurement(path: str) -> str:
    """The reason why a file of `sweeper pace` or a run gives no speed for a model."""
    return f"{path} has no {'measurement' if Path(path).is_file() else 'uninterrupted training'} of it"


def _measured_speeds(models: tuple[Model, ...], pace: Pace) -> dict[str, Speed]:
    measurement = pace.measurement()
    if measurement is None:
        return _speeds_in_run(models, pace.measured_in)
    rates = {model.name: measurement.throughput(model) for model in models}
    source = f"median of its measured trials in {pace.measured_in}"
    return {name: Speed(throughput=rate, source=source) for name, rate in rates.items() if rate}


def _speeds_in_run(models: tuple[Model, ...], run_url: str) -> dict[str, Speed]:
    run = Run.open(run_url)
    # The name of a model can differ between two spaces, its id is the same.
    ids = {model.name: model.id for model in run.space.models}
    by_id: dict[tuple[str, int], list[TrainingRecord]] = defaultdict(list)
    for record in run.ledger.trainings(damaged=[]).values():
        by_id[_model_id(record, ids), record.spec.model.layers].append(record)
    measured = {model.name: _measured(by_id[model.id, model.layers], run_url) for model in models}
    return {name: speed for name, speed in measured.items() if speed is not None}


def _model_id(record: TrainingRecord, ids: Mapping[str, str]) -> str:
    """The id of a record's model as the run's space writes it.

    The id in the record can be an absolute path, which differs between machines.
    """
    return ids.get(record.spec.model.name, record.spec.model.id)


def _measured(records: Sequence[TrainingRecord], run_url: str) -> Speed | None:
    uninterrupted = [record for record in records if "resumed_at" not in record.machine]
    rates = [
        record.tokens / seconds for record in uninterrupted if record.tokens and (seconds := _train_seconds(record)) > 0
    ]
    if not rates:
        return None
    return Speed(throughput=median(rates), source=f"median of {len(rates)} trainings in {run_url}")


def _train_seconds(record: TrainingRecord) -> float:
    # Not the total: it includes evaluation, which a plan counts separately.
    return record.timing.get("train", 0.0) + record.timing.get("wait", 0.0)
