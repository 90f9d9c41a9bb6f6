"""Checks of a trial on the driver, before a device is requested: its model, its data and its evaluations."""

from dataclasses import replace
from typing import Any

from torch import nn

from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.records.spec import DataSpec, StageSpec, TrialSpec
from sweeper.space import Space
from sweeper.training.memory import smallest_training
from sweeper.training.model import body_of, check_encoder, num_parameters, usable_positions, with_layers
from sweeper.training.stage import DataReader, make_schedule
from sweeper.training.workbench import Workbench


def check_spec(spec: TrialSpec, bench: Workbench) -> None:
    """Check everything that a trial needs, and tokenise its data into the cache.

    Raises UserError if the model is not an encoder or has too few positions or layers, DataError if data are missing or
    invalid.
    """
    location = bench.sources.model_location(spec.model.id)
    # A reader with its own memory maps, which are closed after the check: those of a whole sweep are too many files.
    reader = replace(bench.reader(spec), opened={})
    config = _config(spec, location)
    _check_parameters(spec, config)
    for stage in spec.chain:
        _check_layers(spec, stage.training.frozen_layers, int(config.num_hidden_layers))
    if any(stage.training.gradient_checkpointing for stage in spec.chain):
        check_checkpointing(spec.model.name, body_of(config))
    longest = usable_positions(config, reader.tokenizer)
    trained = [data for stage in spec.chain for data in (*stage.all_data, *stage.validation)]
    scored = [data for score in spec.scores for data in (score.data, score.fit, score.pool) if data]
    scored += [data for predictor in spec.predictors for data in (predictor.data, *predictor.sources)]
    for data in (*trained, *spec.select, *scored):
        reader.check_masking(data)
        if data.max_length > longest:
            raise UserError(
                f"{spec.name}: max_length={data.max_length} of task {data.task!r} is larger than the {longest} "
                f"positions of model {spec.model.name!r}: set max_length to {longest} or less."
            )
        for message in reader.prepare(data):
            bench.notify_once(message)
    if spec.trains:
        _check_evaluations(spec.chain[-1], reader)


def _config(spec: TrialSpec, location: str) -> Any:
    """The configuration of the model of a trial. Raises UserError if the model has fewer layers than the space says."""
    config = check_encoder(location, spec.model.revision)
    available = int(config.num_hidden_layers)
    if spec.model.layers > available:
        raise UserError(
            f"Model {spec.model.name!r} has {available} layers, but the space says layers={spec.model.layers}: set "
            f"layers to {available} or less, or to 0 for all."
        )
    return with_layers(config, spec.model.layers)


def _check_parameters(spec: TrialSpec, config: Any) -> None:
    """Raise UserError if the model has another number of parameters than the space says."""
    if spec.model.parameters == 0:
        return
    number = num_parameters(body_of(config))["without_embeddings"]
    if number != spec.model.parameters:
        raise UserError(
            f"Model {spec.model.name!r} has {number:,} parameters without its embeddings, but the space says "
            f"{spec.model.parameters:,}. Write parameters={number} in the model, or leave it out."
        )


def check_checkpointing(model: str, body: nn.Module) -> None:
    """Raise UserError if the class of a body cannot compute activations again in the backward pass."""
    if not getattr(body, "supports_gradient_checkpointing", False):
        raise UserError(
            f"Model {model!r} ({type(body).__name__}) does not support gradient_checkpointing. Remove the option from "
            "the training."
        )


def smallest_trainings(space: Space, sources: Sources) -> dict[str, int | str]:
    """Model -> bytes that a training of all of its weights needs at least, or the reason why they are not known."""
    needed: dict[str, int | str] = {}
    for model in space.models:
        try:
            config = check_encoder(sources.model_location(model.id), model.revision)
            needed[model.name] = smallest_training(with_layers(config, model.layers))
        except UserError as error:
            needed[model.name] = f"unknown. {error}"
    return needed


def _check_layers(spec: TrialSpec, frozen: int | None, layers: int) -> None:
    """Raise UserError if a stage freezes more layers than the model has."""
    if frozen is not None and frozen > layers:
        raise UserError(
            f"{spec.name}: frozen_layers={frozen} is larger than the {layers} layers of model {spec.model.name!r}: set "
            f"frozen_layers to {layers} or less."
        )


def _check_evaluations(stage: StageSpec, reader: DataReader) -> None:
    """Raise UserError if a stage keeps the best weights but is too short for an evaluation before its last step."""
    if stage.training.keep != "best":
        return
    # A translation and a paraphrase need the device of the trial. A translation changes the number of steps only by its
    # dropped examples, a paraphrase does not.
    untranslated = tuple(map(without_models, stage.data))
    num_steps = make_schedule(replace(stage, data=untranslated), reader).num_steps
    if stage.training.evaluate_every >= num_steps:
        raise UserError(
            f"keep = 'best' needs evaluate_every below the {num_steps} steps of the training on "
            f"{', '.join(data.task for data in stage.data)}, got {stage.training.evaluate_every}: no evaluation would "
            "happen before the last step. Lower evaluate_every, or use keep = 'last'."
        )


def without_models(data: DataSpec) -> DataSpec:
    """Data without the translation or the paraphrase that a model makes on the device of a trial."""
    is_paraphrased = data.perturbation is not None and data.perturbation.name == "paraphrase"
    return replace(data, translation=None, perturbation=None if is_paraphrased else data.perturbation)
