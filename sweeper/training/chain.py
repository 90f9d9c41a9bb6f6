"""The encoder of a chain of stages: from the store, or trained now, with the stages before it."""

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.errors import DamagedError
from sweeper.files.leftovers import locked_folder
from sweeper.records.spec import DataSpec, StageSpec, record_key, training_key
from sweeper.space import Training
from sweeper.training.dynamics import Dynamics
from sweeper.training.evaluate import selection_metrics
from sweeper.training.keep import ValueOf
from sweeper.training.loop import StageContext
from sweeper.training.memory import device_memory
from sweeper.training.model import Net, load_body
from sweeper.training.peers import team
from sweeper.training.running import Trial, checkpoints_of, predictor_of
from sweeper.training.scores import selection_value
from sweeper.training.stage import Trained, load_trained, run_stage, save_trained

if TYPE_CHECKING:
    from torch import nn


def encoder_body(trial: Trial, chain: tuple[StageSpec, ...]) -> "nn.Module":
    """The body of an encoder: pretrained if the chain is empty, else from the store, else trained and stored now."""
    if not chain:
        return trial.bench.pretrained(trial.spec.model)
    encoder = training_key(trial.spec.model, chain)
    local = fetched(trial, encoder)
    if local is not None:
        return load_body(str(local))
    with trial.bench.store.making(encoder):
        # Another worker of this node may have made it since.
        local = fetched(trial, encoder)
        return load_body(str(local)) if local else _made_again(trial, chain, encoder)


def _made_again(trial: Trial, chain: tuple[StageSpec, ...], encoder: str) -> "nn.Module":
    """The body of an encoder that the store does not have: its last stage is trained and stored."""
    trial.bench.tell(f"Encoder {encoder} is not in the store: its last stage is trained again.")
    # With the key of the preparation, the training continues from a checkpoint of the preparation if one exists.
    key = record_key(encoder, "prepare")
    trained = train_last_stage(trial, chain, key)
    write_result(trial, encoder, trained)
    checkpoints_of(trial, key).clear()
    # Not the trained net itself: layers that were frozen in its stage would stay frozen in the next one.
    return load_body(str(trial.bench.store.fetch(encoder)))


def stored_result(trial: Trial) -> Trained | None:
    """The result of the last stage from the store; None if it must be trained."""
    local = None if trial.retrain else fetched(trial, trial.spec.encoder)
    return None if local is None else load_trained(local, trial.spec.chain[-1], trial.reader, trial.device)


def fetched(trial: Trial, key: str) -> Path | None:
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


def write_result(trial: Trial, encoder: str, trained: Trained) -> None:
    """Write the result of a stage to the store, under the key of its encoder."""
    with locked_folder("sweeper-encoder-") as scratch:
        # A folder inside: the store keeps every file of a draft, and the lock is not one of the encoder.
        draft = scratch / "encoder"
        draft.mkdir()
        save_trained(trained, trial.reader.tokenizer, draft)
        trial.bench.store.keep(encoder, draft)


def train_last_stage(trial: Trial, chain: tuple[StageSpec, ...], key: str, dynamics: Dynamics | None = None) -> Trained:
    """Train the last stage of a chain on the encoder of the previous stages. `key` is the name of its checkpoint."""
    stage = chain[-1]
    with closing(checkpoints_of(trial, key)) as checkpoints:
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
        return run_stage(
            lambda: encoder_body(trial, chain[:-1]), stage, trial.reader, context, value_function(trial, stage)
        )


def value_function(trial: Trial, stage: StageSpec) -> ValueOf | None:
    """The function that evaluates a net during the training of a stage; None if the last weights are kept."""
    if stage.training.keep != "best":
        return None

    def value_of(net: Net) -> float:
        value = selection_value(selection_of(trial, net, stage.training, stage.validation), trial.reader.tasks)
        assert value is not None  # the space is checked: keep = "best" needs selection data
        return value

    return value_of


def selection_of(
    trial: Trial, net: Net, training: Training, sets: tuple[DataSpec, ...]
) -> dict[str, Mapping[str, float]]:
    """Task -> metrics on its selection data."""
    predictor = predictor_of(trial, net, training)
    return {data.task: selection_metrics(predictor, data, trial.reader) for data in sets}
