"""One trial, start to end: TrialSpec in, TrialResult out. Knows no Ray; runs in a debugger."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeper.errors import DamagedError, TrialError, UserError
from sweeper.files.folder import Folder
from sweeper.records.record import ScoreRecord, TrainingRecord, TrialResult
from sweeper.records.spec import ScoreSpec, StageSpec, TrialSpec, record_key, score_key, training_key
from sweeper.run.ledger import outcomes_file
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Training
from sweeper.tasks.spec import Task
from sweeper.training.evaluate import ByLanguage, evaluate, layer_groups, select
from sweeper.training.loop import Checkpoints, StageContext, loss_curve
from sweeper.training.model import Net, check_encoder, load_body, usable_positions
from sweeper.training.predict import Predictor
from sweeper.training.runtime import Clock, machine, set_up, use_threads
from sweeper.training.stage import DataReader, Trained, load_trained, run_stage, save_trained
from sweeper.training.workbench import Workbench

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A spec at work: everything its steps share."""

    spec: TrialSpec
    bench: Workbench
    reader: DataReader
    device: "torch.device"
    clock: Clock
    retrain: bool = False


def run_trial(spec: TrialSpec, bench: Workbench, *, retrain: bool = False) -> TrialResult:
    """Train what the spec asks for and score it; what the ledger or the store holds already is not done again.

    With `retrain` the last stage is trained even if the store already has its result.

    A training's own failure is a record with its reason. Raises TrialError if an encoder that was only to be scored
    cannot be, OSError if a disk or store fails: nothing is recorded then, and the trial can be run again.
    """
    clock = Clock()
    with clock.time("load"):
        device = set_up(spec.resources.gpus)
        reader = replace(bench.reader(spec), device=device)
    trial = Trial(spec=spec, bench=bench, reader=reader, device=device, clock=clock, retrain=retrain)
    if spec.kind == "score":
        return _score_encoder(trial)
    try:
        return _train_and_score(trial)
    except TrialError as error:
        record = _record(trial, state="failed", reason=str(error))
        bench.ledger.write_training(record)
        _checkpoints(trial, spec.key).clear()
        return TrialResult(training=record)


def check_spec(spec: TrialSpec, bench: Workbench) -> None:
    """Look at everything a trial will need, and tokenise its data, before it runs.

    Raises UserError on a model that is no encoder or has too few positions, DataError on data missing or unfit.
    """
    place = bench.sources.model_location(spec.model.id)
    reader = replace(bench.reader(spec), opened={})  # a whole sweep's memory maps would be too many open files
    longest = usable_positions(check_encoder(place, spec.model.revision), reader.tokenizer)
    trained = [data for stage in spec.chain for data in (*stage.data, *([stage.mlm] if stage.mlm else []))]
    scored = [data for score in spec.scores for data in (score.data, score.fit, score.pool) if data]
    for data in (*trained, *spec.select, *scored):
        reader.check_masking(data)
        if data.max_length > longest:
            raise UserError(
                f"{spec.name}: max_length={data.max_length} for {data.task!r} is longer than the {longest} positions "
                f"of {spec.model.name!r}: set max_length to {longest} or less."
            )
        reader.prepare(data)


def _train_and_score(trial: Trial) -> TrialResult:
    trained = _kept(trial) or _trained(trial)
    old = trial.bench.ledger.training(trial.spec.key)
    record = old or _selected(trial, trained)
    scores = _scores(trial, trained.net)
    if old is None:  # last, so that a record means that all was scored
        record = replace(record, timing=trial.clock.timing())
        trial.bench.ledger.write_training(record)
    _checkpoints(trial, trial.spec.key).clear()
    return TrialResult(training=record, scores=scores)


def _score_encoder(trial: Trial) -> TrialResult:
    with trial.clock.time("load"):
        net = Net(_body(trial, trial.spec.chain), {}).to(trial.device)
    scores = _scores(trial, net)
    record = trial.bench.ledger.training(trial.spec.key)
    if record is None:  # the pretrained encoder, which no trial has made
        record = _record(trial, state="done")
        trial.bench.ledger.write_training(record)
    return TrialResult(training=record, scores=scores)


def _trained(trial: Trial) -> Trained:
    """Train the last stage, and keep what it leaves where asked for."""
    spec = trial.spec
    trained = _train(trial, spec.chain, spec.key)
    if spec.keep:
        with trial.clock.time("save"):
            _store(trial, spec.encoder, trained)
    return trained


def _selected(trial: Trial, trained: Trained) -> TrainingRecord:
    """Measure on the selection data; the record is not written yet."""
    settings, progress = trial.spec.chain[-1].training, trained.progress
    with trial.clock.time("evaluate"):
        predictor = _predictor(trial, trained.net, settings)
        selection = {data.task: select(predictor, data, trial.reader) for data in trial.spec.select}
    return _record(
        trial,
        state="done",
        value=_value(selection, trial.reader.tasks),
        selection=selection,
        tokens=progress.tokens,
        steps=progress.step,
        examples=progress.examples,
        translated=progress.translated,
        loss=loss_curve(progress.losses),
        micro_tokens=progress.micro_tokens,
    )


def _record(trial: Trial, **found: Any) -> TrainingRecord:
    clock = trial.clock
    made = machine(trial.device) | {"started": clock.began.isoformat(timespec="milliseconds")}
    if clock.resumed_at:
        made["resumed_at"] = str(clock.resumed_at)
    return TrainingRecord(key=trial.spec.key, spec=trial.spec, timing=clock.timing(), machine=made, **found)


def _train(trial: Trial, chain: tuple[StageSpec, ...], key: str) -> Trained:
    """Train the last stage of a chain on the encoder that the stages before it leave; `key` names its checkpoint."""
    context = StageContext(
        device=trial.device, clock=trial.clock, checkpoints=_checkpoints(trial, key), notify=trial.bench.notify
    )
    return run_stage(lambda: _body(trial, chain[:-1]), chain[-1], trial.reader, context)


def _body(trial: Trial, chain: tuple[StageSpec, ...]) -> "nn.Module":
    """The body that a chain leaves: the pretrained one, one from the store, or else trained again and stored."""
    model = trial.spec.model
    if not chain:
        return load_body(trial.bench.sources.model_location(model.id), model.revision)
    encoder = training_key(model, chain)
    place = _fetched(trial, encoder)
    if place is not None:
        return load_body(str(place))
    trial.bench.notify(f"Encoder {encoder} is not in the store: its last stage is trained again.")
    key = record_key(encoder, "prepare")
    trained = _train(trial, chain, key)
    _store(trial, encoder, trained)
    _checkpoints(trial, key).clear()
    return trained.net.body


def _kept(trial: Trial) -> Trained | None:
    """What the last stage leaves, out of the store; None if it is not there and must be trained."""
    place = None if trial.retrain else _fetched(trial, trial.spec.encoder)
    return None if place is None else load_trained(place, trial.spec.chain[-1], trial.reader, trial.device)


def _fetched(trial: Trial, key: str) -> Path | None:
    if not trial.bench.store.holds(key):
        return None
    try:
        return trial.bench.store.fetch(key)
    except DamagedError as error:
        trial.bench.notify(str(error))
        return None


def _store(trial: Trial, encoder: str, trained: Trained) -> None:
    with tempfile.TemporaryDirectory(prefix="sweeper-") as draft:
        save_trained(trained, trial.reader.tokenizer, Path(draft))
        trial.bench.store.keep(encoder, Path(draft))


def _checkpoints(trial: Trial, key: str) -> Checkpoints:
    """Where a training in flight is kept, by the key of its record."""
    site = trial.bench.site
    return Checkpoints(folder=Folder(site.checkpoints), name=f"{key}.pt", every=site.checkpoint_every)


def _predictor(trial: Trial, net: Net, settings: Training | ScoreSpec) -> Predictor:
    use_threads(settings.threads)
    return Predictor(
        net=net,
        pad=trial.reader.pad,
        precision=settings.precision,
        micro_tokens=settings.micro_tokens,
        masking=trial.reader.masking,
        notify=trial.bench.notify,
    )


def _value(selection: Mapping[str, Mapping[str, float]], tasks: Mapping[str, Task]) -> float | None:
    """Mean over the tasks of their main metric, turned so that higher is better."""
    values = []
    for task, metrics in selection.items():
        scorer = SCORERS[tasks[task].scorer]
        values.append(metrics[scorer.main] if scorer.higher_is_better else -metrics[scorer.main])
    return sum(values) / len(values) if values else None


def _scores(trial: Trial, net: Net) -> tuple[ScoreRecord, ...]:
    ledger, keys = trial.bench.ledger, {score: score_key(trial.spec.key, score) for score in trial.spec.scores}
    found = {score: ledger.score(key) for score, key in keys.items()}
    for scores in layer_groups([score for score, record in found.items() if record is None]):
        with trial.clock.time("evaluate"):
            made = evaluate(_predictor(trial, net, scores[0]), scores, trial.reader)
        for score, scored in made.items():
            record = _score_record(trial, score, keys[score], scored)
            ledger.write_score(record, _outcomes(scored))
            found[score] = record
    return tuple(record for record in found.values() if record is not None)


def _score_record(trial: Trial, score: ScoreSpec, key: str, scored: ByLanguage) -> ScoreRecord:
    spec = trial.spec
    return ScoreRecord(
        key=key,
        training=spec.key,
        model=spec.model.name,
        recipe=spec.recipe,
        target=score.target,
        seed=spec.seed if spec.chain else None,
        split=score.split,
        condition=score.condition,
        pooling=score.pooling,
        layer=score.layer,
        similarity=score.similarity,
        metrics={language: dict(one.metrics) for language, one in scored.items()},
        trivial={language: dict(one.trivial) for language, one in scored.items()},
        counts={language: len(one.outcomes) for language, one in scored.items()},
        main=SCORERS[trial.reader.tasks[score.target].scorer].main,
        outcomes=outcomes_file(key),
    )


def _outcomes(scored: ByLanguage) -> pd.DataFrame:
    return pd.DataFrame([{"language": language, **row} for language, one in scored.items() for row in one.outcomes])
