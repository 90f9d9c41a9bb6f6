"""The predictors of transfer of the encoder of a trial."""

from collections.abc import Mapping
from dataclasses import replace

from sweeper.errors import TrialError
from sweeper.records.record import TransferPredictors
from sweeper.training.chain import encoder_body, fetched
from sweeper.training.model import Net, num_parameters
from sweeper.training.running import Trial, predictor_of
from sweeper.training.stage import read_progress
from sweeper.training.text_vectors import TextVectors
from sweeper.training.transferability import transfer_predictors, with_text_similarity


def all_predictors(trial: Trial) -> tuple[dict[str, TransferPredictors], dict[str, int]]:
    """Target -> predictors of transfer of the encoder, and its numbers of parameters."""
    with trial.clock.time("load"):
        net = Net(encoder_body(trial, trial.spec.chain), {}).to(trial.device)
    predictors = {}
    for each in trial.spec.predictors:
        trial.reporter.enter("evaluate", f"predictors of {each.target}")
        with trial.clock.time("evaluate"):
            predictors[each.target] = transfer_predictors(predictor_of(trial, net, each), each, trial.reader)
    parameters = num_parameters(net.body)
    if any(each.sources for each in trial.spec.predictors):
        del net  # its memory must be free before the next net is made
        predictors = _compare_texts(trial, predictors)
    return predictors, parameters


def _compare_texts(trial: Trial, predictors: dict[str, TransferPredictors]) -> dict[str, TransferPredictors]:
    """Add the predictor that compares texts, with the pretrained encoder."""
    specs = trial.spec.predictors
    with trial.clock.time("load"):
        net = Net(encoder_body(trial, ()), {}).to(trial.device)
        sampled = _sampled(trial)
    with trial.clock.time("evaluate"):
        vectors = TextVectors(
            predictor=predictor_of(trial, net, replace(specs[0], precision="fp32")),
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
    local = fetched(trial, trial.spec.encoder)
    if local is None:
        raise TrialError("The encoder is not in the store. Run the same command again: it is trained again.")
    drawn = read_progress(local).examples
    return {task: drawn.get(task, 0) for task in tasks}
