"""An encoder's body with a head for each task: loading, saving, and one forward pass."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from sweeper.errors import TrialError, UserError
from sweeper.formats.interface import HeadKind
from sweeper.training.heads import HEADS, Batch, Head

HEADS_FILE = "heads/heads.safetensors"
DROPOUTS = ("hidden_dropout_prob", "classifier_dropout")
"""Where a configuration may say how much a head drops out."""
PADDED_POSITIONS = ("roberta", "camembert", "xmod", "data2vec-text", "ibert", "longformer", "luke", "mpnet")
"""Model types whose positions start behind the padding id, so that fewer are usable."""


class Net(nn.Module):
    """A body and its heads, by task."""

    def __init__(self, body: nn.Module, heads: Mapping[str, tuple[HeadKind, int]]) -> None:
        super().__init__()
        config: Any = body.config
        dropout = next(
            (value for value in (getattr(config, name, None) for name in DROPOUTS) if value is not None), 0.1
        )
        self.body = body
        self.heads = nn.ModuleDict(
            {_module_name(task): HEADS[kind](config.hidden_size, size, dropout) for task, (kind, size) in heads.items()}
        )

    def head(self, task: str) -> Head:
        """The head of a task."""
        module = self.heads[_module_name(task)]
        assert isinstance(module, Head)
        return module

    def hidden(self, batch: Batch) -> Tensor:
        """Last hidden states (n, length, hidden)."""
        state: Tensor = self.body(**_inputs(batch)).last_hidden_state
        return state

    def layers(self, batch: Batch) -> tuple[Tensor, ...]:
        """Hidden states (n, length, hidden) of the embeddings and of each layer."""
        states: tuple[Tensor, ...] = self.body(**_inputs(batch), output_hidden_states=True).hidden_states
        return states

    def embeddings(self) -> Tensor:
        """The table of token embeddings (vocabulary, hidden)."""
        table: Tensor = self.body.get_input_embeddings().weight  # type: ignore[operator]
        return table

    @property
    def width(self) -> int:
        """Numbers in a hidden state."""
        return int(self.body.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def depth(self) -> int:
        """Number of layers, embeddings not counted."""
        return int(self.body.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]


def _inputs(batch: Batch) -> dict[str, Tensor]:
    return {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}


def _module_name(task: str) -> str:
    return f"head_{task.replace('.', '_')}"


def check_encoder(place: str, revision: str | None = None) -> Any:
    """The configuration behind a Hub id or folder. Raises UserError if it is no encoder, or cannot be read."""
    try:
        config = AutoConfig.from_pretrained(place, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"Model {place!r} cannot be read: {str(error).splitlines()[0]}") from error
    if getattr(config, "is_encoder_decoder", False) or type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        raise UserError(
            f"Model {place!r} ({config.model_type}) is not an encoder: a masked language model such as XLM-R, mBERT, "
            "mDeBERTa-v3 or ModernBERT is needed."
        )
    return config


def load_tokenizer(place: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model. Raises UserError if it has none."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            place, revision=revision, use_fast=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise UserError(f"The tokenizer of {place!r} cannot be read: {str(error).splitlines()[0]}") from error
    if not tokenizer.is_fast:
        raise UserError(f"Model {place!r} has no fast tokenizer (tokenizer.json), which spans and tags need.")
    return tokenizer


def usable_positions(config: Any, tokenizer: PreTrainedTokenizerBase) -> int:
    """The longest feature a model takes, in tokens with special ones counted."""
    positions = int(getattr(config, "max_position_embeddings", 0) or tokenizer.model_max_length)
    if any(name in config.model_type for name in PADDED_POSITIONS):
        positions -= int(config.pad_token_id) + 1
    return min(positions, tokenizer.model_max_length)


def load_body(place: str, revision: str | None = None) -> nn.Module:
    """The body of an encoder in float32, without a pooler: safetensors only, never remote code."""
    body: Any = AutoModel.from_pretrained(
        place, revision=revision, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    if getattr(body, "pooler", None) is not None:
        body.pooler = None
    assert isinstance(body, nn.Module)
    return body


def freeze(body: nn.Module, num_layers: int) -> None:
    """Keep the embeddings and the lowest layers of a body, laid out as BERT's kin are, from being trained.

    Raises TrialError if it has no such layout, or fewer layers.
    """
    embeddings = getattr(body, "embeddings", None)
    layers = getattr(getattr(body, "encoder", None), "layer", None)
    if embeddings is None or layers is None or len(layers) < num_layers:
        found = "no `embeddings` and `encoder.layer`" if layers is None else f"{len(layers)} layers"
        raise TrialError(f"frozen_layers = {num_layers} needs an encoder with as many layers, this one has {found}.")
    for part in (embeddings, *layers[:num_layers]):
        part.requires_grad_(requires_grad=False)


def save_net(net: Net, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write an ordinary Hugging Face folder: config, safetensors, tokenizer; the heads in a folder of their own."""
    net.body.save_pretrained(folder)  # type: ignore[operator]
    # What the last call left behind would differ from one process to the next, and cut the texts of whoever loads it.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)
    heads = {name: tensor.contiguous() for name, tensor in net.heads.state_dict().items()}
    (folder / HEADS_FILE).parent.mkdir(parents=True, exist_ok=True)
    save_file(heads, folder / HEADS_FILE)


def load_heads(net: Net, folder: Path) -> None:
    """Fill a net's heads from a folder that `save_net` wrote."""
    net.heads.load_state_dict(load_file(folder / HEADS_FILE))
