"""Run one trial without Ray: train and score by a TrialSpec, write the records, and return a TrialResult."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import DamagedError, TrialError
from sweeper.files.folder import Folder
from sweeper.files.leftovers import locked_folder
from sweeper.records.record import DynamicsRecord, ScoreRecord, TrainingRecord, TransferPredictors, TrialResult
from sweeper.records.spec import (
    DataSpec,
    PredictorSpec,
    ScoreSpec,
    StageSpec,
    TrialSpec,
    record_key,
    score_key,
    training_key,
)
from sweeper.run.ledger import dynamics_file
from sweeper.space import CLEAN, Training
from sweeper.training.checkpoints import Checkpoints
from sweeper.training.dynamics import Dynamics, summary_of
from sweeper.training.evaluate import ByLanguage, evaluate, layer_groups, selection_metrics
from sweeper.training.keep import ValueOf
from sweeper.training.log import trial_log
from sweeper.training.loop import StageContext
from sweeper.training.memory import device_memory, explained_shortage, peaks, start_peaks
from sweeper.training.model import Net, load_body, num_parameters
from sweeper.training.peers import team
from sweeper.training.predict import Predictor
from sweeper.training.progress import loss_curve, norm_curve
from sweeper.training.reporter import Reporter, reporting
from sweeper.training.runtime import Clock, device_name, machine, set_up, slow_bf16, use_threads
from sweeper.training.scores import check_finite, outcomes, score_record, score_text, selection_value
from sweeper.training.stage import (
    DataReader,
    Trained,
    examples_of,
    load_trained,
    read_progress,
    run_stage,
    save_trained,
)
from sweeper.training.subwords import subword_facts
from sweeper.training.text_vectors import TextVectors
from sweeper.training.transferability import transfer_predictors, with_text_similarity
from sweeper.training.workbench import Workbench

if TYPE_CHECKING:
    import torch
    from torch import nn

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A running trial: the spec, and the objects that its steps share."""

    spec: TrialSpec
    bench: Workbench
    reader: DataReader
    device: "torch.device"
    clock: Clock
    reporter: Reporter = field(default_factory=Reporter)
    retrain: bool = False
    take: Callable[[Trained], object] = lambda _: None
    """Called with the trained net once it has been scored."""


def run_trial(
    spec: TrialSpec, bench: Workbench, *, retrain: bool = False, take: Callable[[Trained], object] = lambda _: None
) -> TrialResult:
    """Train and score by the spec, and write the results to the ledger.

    Scores in the ledger and encoders in the store are reused. With `retrain` the last stage is trained even if the
    store contains its encoder. `take` is called with the trained net once it has been scored.

    A training that fails (loss not finite, out of memory) gives a record with state `failed` and the reason. Raises
    TrialError if the scoring of an existing encoder fails, ShortageError if other processes use the memory, its kind
    CrowdedError if a larger share of the GPU has more, and OSError if a disk or the store fails. Then nothing is
    recorded, and the trial can be run again.
    """
    site = bench.site
    with trial_log(spec.key, site.open_logs(), verbose=site.verbose) as problems:
        logger.info(
            "%s (key %s): an attempt in process %d on %s", spec.name, spec.key, os.getpid(), os.uname().nodename
        )
        with reporting(spec.key, spec.name, site.open_progress()) as reporter:
            result = _run(spec, bench, reporter, retrain, take)
        seconds = ", ".join(f"{name} {value:.1f} s" for name, value in result.training.timing.items())
        logger.info("%s: %s", result.training.state, seconds)
    for problem in (*problems, reporter.problem):
        bench.notify_once(problem)
    return result


def _run(
    spec: TrialSpec, bench: Workbench, reporter: Reporter, retrain: bool, take: Callable[[Trained], object]
) -> TrialResult:
    clock = Clock()
    with clock.time("load"):
        device = set_up(spec.resources.gpus)
        start_peaks(device)
        reporter.use(device_name(device))
        reader = replace(bench.reader(spec), device=device)
    trial = Trial(
        spec=spec,
        bench=bench,
        reader=reader,
        device=device,
        clock=clock,
        reporter=reporter,
        retrain=retrain,
        take=take,
    )
    if device.type == "cpu" and spec.uses_bf16:
        bench.notify_once(slow_bf16())
    if spec.kind == "score":
        with explained_shortage(spec.resources, device):
            return _score_encoder(trial)
    try:
        with explained_shortage(spec.resources, device):
            return _predict_transfer(trial) if spec.kind == "predict" else _train_and_score(trial)
    except TrialError as error:
        old = bench.ledger.training(spec.key)
        if old is not None and old.state == "done":
            raise  # a score was lost and is computed again: the finished training keeps its record
        logger.exception("The training failed, and the trial has a record with the reason.")
        record = _record(trial, state="failed", reason=str(error))
        bench.ledger.write_training(record)
        _checkpoints(trial, spec.key).clear()
        return TrialResult(training=record)


def _train_and_score(trial: Trial) -> TrialResult:
    trained = _from_store(trial) or _train_and_store(trial)
    old = trial.bench.ledger.training(trial.spec.key)
    record = old or _selection_record(trial, trained)
    scores = _all_scores(trial, trained.net, timed=old is not None)
    trial.take(trained)
    # The training record is written last, so that it exists only if all scores of the trial are complete.
    if old is None:
        record = replace(record, timing=trial.clock.timing(), memory=peaks(trial.device))
        trial.bench.ledger.write_training(record)
    _checkpoints(trial, trial.spec.key).clear()
    return TrialResult(training=record, scores=scores)


def _score_encoder(trial: Trial) -> TrialResult:
    with trial.clock.time("load"):
        net = Net(_body(trial, trial.spec.chain), {}).to(trial.device)
    record = trial.bench.ledger.training(trial.spec.key)
    scores = _all_scores(trial, net, timed=record is not None)
    if record is None:  # the pretrained encoder, which no trial trains
        record = _record(trial, state="done", parameters=num_parameters(net.body))
        trial.bench.ledger.write_training(record)
    return TrialResult(training=record, scores=scores)


def _predict_transfer(trial: Trial) -> TrialResult:
    """Compute the predictors of transfer of an encoder, and write their record."""
    with trial.clock.time("load"):
        net = Net(_body(trial, trial.spec.chain), {}).to(trial.device)
    predictors = {}
    for each in trial.spec.predictors:
        trial.reporter.enter("evaluate", f"predictors of {each.target}")
        with trial.clock.time("evaluate"):
            predictors[each.target] = transfer_predictors(_predictor(trial, net, each), each, trial.reader)
    parameters = num_parameters(net.body)
    if any(each.sources for each in trial.spec.predictors):
        del net  # its memory must be free before the next net is made
        predictors = _compare_texts(trial, predictors)
    for target, computed in predictors.items():
        check_finite(computed.values, f"the training data of {target}")
        logger.info("predictors of %s: %s", target, dict(computed.values))
    record = _record(trial, state="done", predictors=predictors, parameters=parameters)
    trial.bench.ledger.write_training(record)
    return TrialResult(training=record)


def _compare_texts(trial: Trial, predictors: dict[str, TransferPredictors]) -> dict[str, TransferPredictors]:
    """Add the predictor that compares texts, with the pretrained encoder."""
    specs = trial.spec.predictors
    with trial.clock.time("load"):
        net = Net(_body(trial, ()), {}).to(trial.device)
        sampled = _sampled(trial)
    with trial.clock.time("evaluate"):
        vectors = TextVectors(
            predictor=_predictor(trial, net, replace(specs[0], precision="fp32")),
            model=trial.spec.model,
            threads=specs[0].threads,
            reader=trial.reader,
            cache=trial.bench.sources.cache,
        )
        return with_text_similarity(predictors, vectors, specs, sampled)


def _sampled(trial: Trial) -> Mapping[str, int]:
    """Task -> number of examples that the last stage of the encoder drew."""
    tasks = [data.task for data in trial.spec.chain[-1].data]
    if len(tasks) == 1:
        return {tasks[0]: 1}
    local = _fetch(trial, trial.spec.encoder)
    if local is None:
        raise TrialError("The encoder is not in the store. Run the same command again: it is trained again.")
    drawn = read_progress(local).examples
    return {task: drawn.get(task, 0) for task in tasks}


def _train_and_store(trial: Trial) -> Trained:
    """Train the last stage, and write its result to the store if `spec.keep` is true."""
    spec = trial.spec
    dynamics = Dynamics(enabled=spec.cartography)
    trained = _train(trial, spec.chain, spec.key, dynamics)
    if spec.cartography:
        # Before the encoder: the next attempt does not train it again.
        table = dynamics.table(examples_of(spec.chain[-1], trial.reader))
        trial.bench.ledger.write_dynamics(spec.key, table)
    if spec.keep:
        trial.reporter.enter("save")
        with trial.clock.time("save"):
            _write_to_store(trial, spec.encoder, trained)
    return trained


def _selection_record(trial: Trial, trained: Trained) -> TrainingRecord:
    """Evaluate the net on the selection data. Returns the training record without writing it."""
    progress = trained.progress
    trial.reporter.enter("evaluate", "selection data")
    with trial.clock.time("evaluate"):
        selection = _selection(trial, trained.net, trial.spec.chain[-1].training, trial.spec.select)
    logger.info("selection data: %s", dict(selection))
    return _record(
        trial,
        state="done",
        value=selection_value(selection, trial.reader.tasks),
        selection=selection,
        tokens=progress.tokens,
        steps=progress.step,
        parameters=num_parameters(trained.net.body),
        planned_steps=progress.planned_steps,
        kept_step=progress.kept_step,
        averaged_steps=progress.averaged_steps,
        evaluations=tuple(progress.values),
        examples=progress.examples,
        translated=progress.translated,
        loss=loss_curve(progress.losses),
        gradient_norm=norm_curve(progress),
        micro_tokens=progress.micro_tokens,
        dynamics=_dynamics(trial),
    )


def _dynamics(trial: Trial) -> DynamicsRecord | None:
    """The training dynamics that this attempt has written, or an earlier one that trained the encoder."""
    key = trial.spec.key
    found = trial.bench.ledger.unrecorded_dynamics(key) if trial.spec.cartography else None
    if found is None:
        return None
    table, facts = found
    return DynamicsRecord(file=dynamics_file(key), facts=facts, means=summary_of(table))


def _selection(
    trial: Trial, net: Net, training: Training, sets: tuple[DataSpec, ...]
) -> dict[str, Mapping[str, float]]:
    """Task -> metrics on its selection data."""
    predictor = _predictor(trial, net, training)
    return {data.task: selection_metrics(predictor, data, trial.reader) for data in sets}


def _record(trial: Trial, **outcome: Any) -> TrainingRecord:
    """The training record of a trial with the given fields, its timing, its machine and its memory."""
    clock = trial.clock
    machine_facts = machine(trial.device) | {"started": clock.time_after(0.0)}
    if clock.resumed_at:
        machine_facts["resumed_at"] = str(clock.resumed_at)
    return TrainingRecord(
        key=trial.spec.key,
        spec=trial.spec,
        timing=clock.timing(),
        machine=machine_facts,
        memory=peaks(trial.device),
        **outcome,
    )


def _train(trial: Trial, chain: tuple[StageSpec, ...], key: str, dynamics: Dynamics | None = None) -> Trained:
    """Train the last stage of a chain on the encoder of the previous stages. `key` is the name of its checkpoint."""
    stage = chain[-1]
    with closing(_checkpoints(trial, key)) as checkpoints:
        context = StageContext(
            device=trial.device,
            clock=trial.clock,
            checkpoints=checkpoints,
            notify=trial.bench.tell,
            reporter=trial.reporter,
            dynamics=dynamics or Dynamics(),
            team=partial(team, trial.spec, chain, trial.bench.site),
            memory=device_memory(trial.device),
            shares_gpu=trial.spec.resources.shares_gpu,
        )
        return run_stage(lambda: _body(trial, chain[:-1]), stage, trial.reader, context, _value_of(trial, stage))


def _value_of(trial: Trial, stage: StageSpec) -> ValueOf | None:
    """The function that evaluates a net during the training of a stage; None if the last weights are kept."""
    if stage.training.keep != "best":
        return None

    def value_of(net: Net) -> float:
        value = selection_value(_selection(trial, net, stage.training, stage.validation), trial.reader.tasks)
        assert value is not None  # the space is checked: keep = "best" needs selection data
        return value

    return value_of


def _body(trial: Trial, chain: tuple[StageSpec, ...]) -> "nn.Module":
    """The body of an encoder: pretrained if the chain is empty, else from the store, else trained and stored now."""
    if not chain:
        return trial.bench.pretrained(trial.spec.model)
    encoder = training_key(trial.spec.model, chain)
    local = _fetch(trial, encoder)
    if local is not None:
        return load_body(str(local))
    with trial.bench.store.making(encoder):
        # Another worker of this node may have made it since.
        local = _fetch(trial, encoder)
        return load_body(str(local)) if local else _made_again(trial, chain, encoder)


def _made_again(trial: Trial, chain: tuple[StageSpec, ...], encoder: str) -> "nn.Module":
    """The body of an encoder that the store does not have: its last stage is trained and stored."""
    trial.bench.tell(f"Encoder {encoder} is not in the store: its last stage is trained again.")
    # With the key of the preparation, the training continues from a checkpoint of the preparation if one exists.
    key = record_key(encoder, "prepare")
    trained = _train(trial, chain, key)
    _write_to_store(trial, encoder, trained)
    _checkpoints(trial, key).clear()
    # Not the trained net itself: layers that were frozen in its stage would stay frozen in the next one.
    return load_body(str(trial.bench.store.fetch(encoder)))


def _from_store(trial: Trial) -> Trained | None:
    """The result of the last stage from the store; None if it must be trained."""
    local = None if trial.retrain else _fetch(trial, trial.spec.encoder)
    return None if local is None else load_trained(local, trial.spec.chain[-1], trial.reader, trial.device)


def _fetch(trial: Trial, key: str) -> Path | None:
    """A local copy of an encoder in the store; None if the store does not have it, or has a damaged one."""
    if not trial.bench.store.has(key):
        return None
    try:
        return trial.bench.store.fetch(key)
    except DamagedError as error:
        trial.bench.tell(str(error))
        return None
    except FileNotFoundError:
        return None  # another worker has found it damaged and renamed it


def _write_to_store(trial: Trial, encoder: str, trained: Trained) -> None:
    with locked_folder("sweeper-encoder-") as scratch:
        # A folder inside: the store keeps every file of a draft, and the lock is not one of the encoder.
        draft = scratch / "encoder"
        draft.mkdir()
        save_trained(trained, trial.reader.tokenizer, draft)
        trial.bench.store.keep(encoder, draft)


def _checkpoints(trial: Trial, key: str) -> Checkpoints:
    """The checkpoint file of a training, named after the key of its record."""
    bench = trial.bench
    folder, interval = Folder(bench.site.checkpoints), bench.site.checkpoint_every
    return Checkpoints(folder=folder, name=f"{key}.pt", interval=interval, is_ending=bench.is_ending)


def _predictor(trial: Trial, net: Net, settings: Training | ScoreSpec | PredictorSpec) -> Predictor:
    """A predictor with the precision, threads and micro-batch of a training, a score or a predictor of transfer."""
    use_threads(settings.threads)
    return Predictor(
        net=net,
        pad=trial.reader.pad,
        precision=settings.precision,
        micro_tokens=settings.micro_tokens,
        masking=trial.reader.masking,
        notify=trial.bench.tell,
        shares_gpu=trial.spec.resources.shares_gpu,
    )


def _all_scores(trial: Trial, net: Net, *, timed: bool) -> tuple[ScoreRecord, ...]:
    """The records of all scores of the spec. Scores that are not in the ledger are computed and written.

    `timed`: whether they have their time, because no training record will include it.
    """
    earlier: dict[str, float] = {}
    ledger, keys = trial.bench.ledger, {score: score_key(trial.spec.key, score) for score in trial.spec.scores}
    records = {score: ledger.score(key) for score, key in keys.items()}
    for scores in layer_groups([score for score, record in records.items() if record is None]):
        results = _evaluate(trial, net, scores)
        for score, by_language in results.items():
            task = trial.reader.tasks[score.target]
            logger.info("%s: %s", score.target, score_text(by_language, task))
            record = replace(score_record(trial.spec, score, by_language, task), subwords=_subwords(trial, score))
            if timed:
                timing, started = trial.clock.since(earlier)
                record, earlier = replace(record, timing=timing, started=started), trial.clock.timing()
            records[score] = ledger.write_score(record, outcomes(by_language))
    return tuple(record for record in records.values() if record is not None)


def _subwords(trial: Trial, score: ScoreSpec) -> dict[str, dict[str, float]]:
    """Facts about the evaluation data of a target that starts from the pretrained encoder; empty for other scores.

    The data of a retrieval target contain both languages of a pair.
    """
    if len(trial.spec.chain) != 1 or score.scores_encoder or score.condition != CLEAN:
        return {}
    return subword_facts(trial.reader.encoded(score.data), trial.reader.tokenizer)


def _evaluate(trial: Trial, net: Net, scores: list[ScoreSpec]) -> dict[ScoreSpec, ByLanguage]:
    """Compute scores that differ only in their layer, and report each language."""
    target = scores[0].target

    def report(language: str) -> None:
        trial.reporter.enter("evaluate", f"{target} {language}")

    trial.reporter.enter("evaluate", target)
    with trial.clock.time("evaluate"):
        return evaluate(
            _predictor(trial, net, scores[0]), scores, trial.reader, report, certain=trial.spec.log_probabilities
        )
