"""Run one trial without Ray: train and score by a TrialSpec, write the records, and return a TrialResult."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sweeper.errors import TrialError
from sweeper.records.record import DynamicsRecord, TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.run.ledger import dynamics_file
from sweeper.training.chain import encoder_body, selection_of, stored_result, train_last_stage, write_result
from sweeper.training.dynamics import Dynamics, summary_of
from sweeper.training.log import trial_log
from sweeper.training.memory import explained_shortage, peaks, start_peaks
from sweeper.training.missing_scores import all_scores
from sweeper.training.model import Net, num_parameters
from sweeper.training.predictors import all_predictors
from sweeper.training.progress import loss_curve, norm_curve
from sweeper.training.reporter import Reporter, reporting
from sweeper.training.running import Trial, checkpoints_of
from sweeper.training.runtime import Clock, device_name, machine, set_up, slow_bf16
from sweeper.training.scores import check_finite, selection_value
from sweeper.training.stage import Trained, examples_of
from sweeper.training.workbench import Workbench

logger = logging.getLogger(__name__)


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
        checkpoints_of(trial, spec.key).clear()
        return TrialResult(training=record)


def _train_and_score(trial: Trial) -> TrialResult:
    trained = stored_result(trial) or _train_and_store(trial)
    old = trial.bench.ledger.training(trial.spec.key)
    record = old or _selection_record(trial, trained)
    scores = all_scores(trial, trained.net, timed=old is not None)
    trial.take(trained)
    # The training record is written last, so that it exists only if all scores of the trial are complete.
    if old is None:
        record = replace(record, timing=trial.clock.timing(), memory=peaks(trial.device))
        trial.bench.ledger.write_training(record)
    checkpoints_of(trial, trial.spec.key).clear()
    return TrialResult(training=record, scores=scores)


def _score_encoder(trial: Trial) -> TrialResult:
    with trial.clock.time("load"):
        net = Net(encoder_body(trial, trial.spec.chain), {}).to(trial.device)
    record = trial.bench.ledger.training(trial.spec.key)
    scores = all_scores(trial, net, timed=record is not None)
    if record is None:  # the pretrained encoder, which no trial trains
        record = _record(trial, state="done", parameters=num_parameters(net.body))
        trial.bench.ledger.write_training(record)
    return TrialResult(training=record, scores=scores)


def _predict_transfer(trial: Trial) -> TrialResult:
    """Compute the predictors of transfer of an encoder, and write their record."""
    predictors, parameters = all_predictors(trial)
    for target, computed in predictors.items():
        check_finite(computed.values, f"the training data of {target}")
        logger.info("predictors of %s: %s", target, dict(computed.values))
    record = _record(trial, state="done", predictors=predictors, parameters=parameters)
    trial.bench.ledger.write_training(record)
    return TrialResult(training=record)


def _train_and_store(trial: Trial) -> Trained:
    """Train the last stage, and write its result to the store if `spec.keep` is true."""
    spec = trial.spec
    dynamics = Dynamics(enabled=spec.cartography)
    trained = train_last_stage(trial, spec.chain, spec.key, dynamics)
    if spec.cartography:
        # Before the encoder: the next attempt does not train it again.
        table = dynamics.table(examples_of(spec.chain[-1], trial.reader))
        trial.bench.ledger.write_dynamics(spec.key, table)
    if spec.keep:
        trial.reporter.enter("save")
        with trial.clock.time("save"):
            write_result(trial, spec.encoder, trained)
    return trained


def _selection_record(trial: Trial, trained: Trained) -> TrainingRecord:
    """Evaluate the net on the selection data. Returns the training record without writing it."""
    progress = trained.progress
    trial.reporter.enter("evaluate", "selection data")
    with trial.clock.time("evaluate"):
        selection = selection_of(trial, trained.net, trial.spec.chain[-1].training, trial.spec.select)
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
