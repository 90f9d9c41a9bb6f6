"""A body with its head as one model of transformers, such as XLMRobertaForTokenClassification, if one is equal."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from sweeper.errors import UserError
from sweeper.formats.interface import IGNORED
from sweeper.training.heads import Batch
from sweeper.training.model import Net

Wiring = Mapping[str, str]
"""Part of a head (training/heads.py) -> its name in a model of transformers; {body} is the name of the body in it."""
POOLERS: tuple[Wiring, ...] = (
    {"dense": "{body}.pooler.dense", "out": "classifier"},  # BERT, RemBERT; XLM-R for multiple choice
    {"dense": "pooler.dense", "out": "classifier"},  # DeBERTa
)
"""Heads whose dense layer is a pooler. It must apply tanh, which the configuration of DeBERTa can choose."""
TANH = {"pooler_hidden_act": "tanh"}
TOLERANCE = 1e-4
"""Maximum difference of two outputs, relative to the largest output: more than rounding, less than another formula."""


@dataclass(frozen=True, kw_only=True)
class StandardClass:
    """A class of transformers that can contain a head."""

    auto: Any
    wirings: tuple[Wiring, ...]
    """Possible places of the parts of the head, which depend on the family of the encoder."""
    ours: Callable[[Net, str, Batch], Tensor]
    """The output of the net for a task and a batch."""
    theirs: Callable[[Any, Batch], Tensor]
    """The same output of a model of transformers."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Values of the configuration, for architectures that have these fields."""


def standard_model(net: Net, task: str, head: str, labels: Sequence[str]) -> Any:
    """The body and the head of a task as a model of transformers in evaluation mode, with the same outputs.

    `head` is the name of the head in the table of heads. `labels` are the names of its outputs, if it has one for each
    label. Raises UserError if transformers has no class with this head for the architecture of the body.
    """
    config: Any = net.body.config
    if head not in CLASSES:
        raise UserError(
            f"Task {task!r} has a head of type {head!r}, for which transformers has no class. Without --with-head, the "
            "encoder alone is exported."
        )
    standard = CLASSES[head]
    for wiring in standard.wirings:
        model = _assemble(net, task, standard, wiring, labels)
        if model is not None and _is_equal(net, task, standard, model):
            return model
    raise UserError(
        f"{standard.auto.__name__} of transformers cannot express the trained head of task {task!r} for encoders of "
        f"the family {config.model_type!r}. Without --with-head, the encoder alone is exported."
    )


def _assemble(net: Net, task: str, standard: StandardClass, wiring: Wiring, labels: Sequence[str]) -> Any:
    """A model of the class with the weights of the net; None if there is none, or its parts are others."""
    config: Any = deepcopy(net.body.config)
    config.update({name: value for name, value in standard.config.items() if hasattr(config, name)})
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    try:
        model = standard.auto.from_config(config, trust_remote_code=False).eval()
    except ValueError:  # the architecture has no model with this head
        return None
    prefix = model.base_model_prefix
    body = {f"{prefix}.{name}": value for name, value in net.body.state_dict().items()}
    head = {_wired(name, wiring, prefix): value for name, value in net.head(task).state_dict().items()}
    # Tied weights have several names, and need to be loaded under one of them only.
    own = dict(model.named_parameters(remove_duplicate=False))
    loaded = {id(value) for name, value in own.items() if name in body or name in head}
    if not set(body) | set(head) <= set(model.state_dict()) or any(id(value) not in loaded for value in own.values()):
        return None
    model.load_state_dict({**body, **head}, strict=False)
    return model


def _wired(name: str, wiring: Wiring, prefix: str) -> str:
    part, _, rest = name.partition(".")
    return ".".join(filter(None, [wiring.get(part, part).format(body=prefix), rest]))


@torch.inference_mode()
def _is_equal(net: Net, task: str, standard: StandardClass, model: Any) -> bool:
    """Whether net and model compute the same outputs for random tokens, one row of them with padding."""
    generator = torch.Generator().manual_seed(0)
    vocabulary = len(net.embeddings())
    batch = {
        "input_ids": torch.randint(vocabulary, (2, 12), generator=generator),
        "attention_mask": torch.tensor([[1] * 12, [1] * 9 + [0] * 3]),
    }
    seen = batch["attention_mask"].bool()
    ours, theirs = standard.ours(net.cpu().eval(), task, batch), standard.theirs(model, batch)
    if ours.shape[:2] == seen.shape:  # outputs for tokens; those of padding have no meaning
        ours, theirs = ours[seen], theirs[seen]
    return bool((ours - theirs).abs().max() <= TOLERANCE * (1 + ours.abs().max()))


def _outputs(net: Net, task: str, batch: Batch) -> dict[str, Tensor]:
    return net.head(task).outputs(net.hidden(batch), batch)


def _token_logits(net: Net, task: str, batch: Batch) -> Tensor:
    head: Any = net.head(task)
    logits: Tensor = head.out(net.hidden(batch))
    return logits


def _span_logits(outputs: Any) -> Tensor:
    start, end = (
        (outputs["start"], outputs["end"]) if "start" in outputs else (outputs.start_logits, outputs.end_logits)
    )
    return torch.stack([start, end], dim=-1)


def _choice_logits(model: Any, batch: Batch) -> Tensor:
    """Scores of features that are the only choice of an item each."""
    logits: Tensor = model(**{name: value[:, None] for name, value in batch.items()}).logits[:, 0]
    return logits


def _masked_losses(net: Net, task: str, batch: Batch) -> Tensor:
    masked = batch["input_ids"].where(batch["attention_mask"].bool(), IGNORED)
    return _outputs(net, task, {**batch, "masked": masked, "embeddings": net.embeddings()})["loss"]


def _standard_masked_losses(model: Any, batch: Batch) -> Tensor:
    masked = batch["input_ids"].where(batch["attention_mask"].bool(), IGNORED)
    logits = model(**batch).logits
    losses = functional.cross_entropy(logits.transpose(1, 2), masked, reduction="none", ignore_index=IGNORED)
    return losses.sum(dim=1)


CLASSES: Mapping[str, StandardClass] = {
    "sequence": StandardClass(
        auto=AutoModelForSequenceClassification,
        wirings=({"dense": "classifier.dense", "out": "classifier.out_proj"}, *POOLERS),
        ours=lambda net, task, batch: _outputs(net, task, batch)["logits"],
        theirs=lambda model, batch: model(**batch).logits,
        config={**TANH, "problem_type": "single_label_classification"},
    ),
    "choice": StandardClass(
        auto=AutoModelForMultipleChoice,
        wirings=POOLERS,
        ours=lambda net, task, batch: _outputs(net, task, batch)["score"],
        theirs=_choice_logits,
        config=TANH,
    ),
    "token": StandardClass(
        auto=AutoModelForTokenClassification,
        wirings=({"out": "classifier"},),
        ours=_token_logits,
        theirs=lambda model, batch: model(**batch).logits,
    ),
    "span": StandardClass(
        auto=AutoModelForQuestionAnswering,
        wirings=({"out": "qa_outputs"},),
        ours=lambda net, task, batch: _span_logits(_outputs(net, task, batch)),
        theirs=lambda model, batch: _span_logits(model(**batch)),
    ),
    "mlm": StandardClass(
        auto=AutoModelForMaskedLM,
        wirings=(
            {"dense": "lm_head.dense", "norm": "lm_head.layer_norm", "bias": "lm_head.bias"},  # RoBERTa, XLM-R
            {  # BERT, DeBERTa
                "dense": "cls.predictions.transform.dense",
                "norm": "cls.predictions.transform.LayerNorm",
                "bias": "cls.predictions.bias",
            },
        ),
        ours=_masked_losses,
        theirs=_standard_masked_losses,
        config={"tie_word_embeddings": True},
    ),
}
"""Head (training/heads.py) -> the class of transformers that can contain it."""
