"""Writes a trained target with its head as an ordinary Hugging Face folder."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from sweeper.errors import DamagedError, UserError
from sweeper.formats.table import properties_of
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import DataSpec, training_key
from sweeper.run.run import Run
from sweeper.training.again import run_again
from sweeper.training.model import Net, drop_truncation, load_body
from sweeper.training.runtime import set_up
from sweeper.training.stage import CPU, DataReader, Trained, load_trained, new_net
from sweeper.training.standard import standard_model
from sweeper.training.workbench import Workbench


@dataclass(frozen=True, kw_only=True)
class WithHead:
    """A trained target in a folder."""

    kind: str
    """Name of its class in transformers."""
    is_retrained: bool
    """Whether it was trained again, because the run did not keep it."""


def export_with_head(
    run: str,
    record: TrainingRecord,
    folder: Path,
    mirror: str | None = None,
    notify: Callable[[str], object] = lambda _: None,
) -> WithHead:
    """Write the trained net of a target of a run, with its head, as a model of transformers, and its tokenizer.

    If the run did not keep the net (`keep_targets`), it is trained again, in a temporary folder. If the store lacks the
    encoder at its start, that is trained first and stored in the run. `notify` is called with a message before that.

    Raises UserError if transformers has no class that can express the head, or if the second training differs from the
    ledger.
    """
    recorded = Run.open(run)
    set_up(0)
    bench = Workbench(recorded.site.with_mirror(mirror) if mirror else recorded.site)
    reader = bench.reader(record.spec)
    # The last stage of a target trains one task, whose text can be mixed with masked language modelling.
    [data] = record.spec.chain[-1].data
    stored = _stored(bench, record, reader)
    if stored is None:
        # A second training can take hours, and the head of a class does not depend on the weights.
        _standard(_untrained(bench, record, reader), data.task, reader)
        notify(
            "The run did not keep this trained target. It is trained again, which takes as long as before."
            f"{_training_of_start(bench, record)}"
        )
    trained = stored or _retrained(run, record, mirror)
    model = _standard(trained.net, data.task, reader)
    model.save_pretrained(folder)
    _save_tokenizer(reader.tokenizer, data, folder)
    return WithHead(kind=type(model).__name__, is_retrained=stored is None)


def _standard(net: Net, task: str, reader: DataReader) -> Any:
    properties = properties_of(reader.tasks[task])
    return standard_model(net.cpu(), task, properties.head, reader.labels(task) if properties.label_field else ())


def _training_of_start(bench: Workbench, record: TrainingRecord) -> str:
    """A sentence if the encoder at the start of a target must be trained first; "" if the store has it."""
    start = record.spec.chain[:-1]
    if not start or bench.store.has(training_key(record.spec.model, start)):
        return ""
    return " The encoder at its start is not in the store: it is trained first and stored in the run."


def _untrained(bench: Workbench, record: TrainingRecord, reader: DataReader) -> Net:
    """The pretrained encoder with new heads, of the shapes of the trained net."""
    model = record.spec.model
    body = load_body(bench.sources.model_location(model.id), model.revision, model.layers)
    return new_net(body, record.spec.chain[-1], reader, CPU)


def _stored(bench: Workbench, record: TrainingRecord, reader: DataReader) -> Trained | None:
    """The net of a record from the store of its run; None if the store does not have it, or only a damaged one."""
    store, key = bench.store, record.spec.encoder
    if not store.has(key):
        return None
    try:
        return load_trained(store.fetch(key), record.spec.chain[-1], reader, CPU)
    except DamagedError:
        return None


def _retrained(run: str, record: TrainingRecord, mirror: str | None) -> Trained:
    """The net of a record, trained again. Raises UserError if the result differs from the ledger."""
    nets: list[Trained] = []
    comparison = run_again(run, record.key, mirror, nets.append)
    if not comparison.same or not nets:
        raise UserError(
            f"The run did not keep the trained target {record.spec.name}, and a second training differs from the "
            "ledger, as it can on another type of machine: "
            f"{'; '.join(comparison.lines[:-1])}. Run the sweep with --set keep_targets=true in a new run folder."
        )
    return nets[0]


def _save_tokenizer(tokenizer: PreTrainedTokenizerBase, data: DataSpec, folder: Path) -> None:
    """Write the tokenizer with the length of the training as its maximum, which `truncation=True` then uses."""
    own = deepcopy(tokenizer)
    own.model_max_length = data.max_length
    own.init_kwargs["stride"] = data.stride
    drop_truncation(own)
    own.save_pretrained(folder)
