"""An encoder body with one head per task: checking, loading, saving, and the forward pass."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoConfig, AutoModel, PreTrainedTokenizerBase

from sweeper.data.once import pretrained
from sweeper.errors import TrialError, UserError
from sweeper.training.heads import HEADS, Batch, Head, Sizes

HEADS_FILE = "heads/heads.safetensors"
"""File in the folder of a saved net that contains its heads."""
DROPOUTS = ("hidden_dropout_prob", "classifier_dropout")
"""Fields of a model configuration with the dropout of a head. The first one that is set is used."""
PADDED_POSITIONS = ("roberta", "camembert", "xmod", "data2vec-text", "ibert", "longformer", "luke", "mpnet")
"""Model types whose first position is the padding id + 1, so fewer positions are usable."""


class Net(nn.Module):
    """An encoder body, and one head for each task."""

    def __init__(self, body: nn.Module, heads: Mapping[str, tuple[str, int]]) -> None:
        super().__init__()
        config: Any = body.config
        dropout = next(
            (value for value in (getattr(config, name, None) for name in DROPOUTS) if value is not None),
            0.1,  # the default of BERT
        )
        self.body = body
        width = self.embeddings().shape[1]

        def new_head(name: str, labels: int) -> Head:
            return HEADS[name](Sizes(hidden=self.width, labels=labels, embedding=width, dropout=dropout))

        self.heads = nn.ModuleDict({_module_name(task): new_head(*head) for task, head in heads.items()})

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
        """Hidden states (n, length, hidden) of the embeddings and of each layer, `depth` + 1 tensors."""
        states: tuple[Tensor, ...] = self.body(**_inputs(batch), output_hidden_states=True).hidden_states
        return states

    def embeddings(self) -> Tensor:
        """The token embeddings (vocabulary, embedding). Their size can be smaller than that of a hidden state."""
        table: Tensor = self.body.get_input_embeddings().weight  # type: ignore[operator]
        return table

    @property
    def width(self) -> int:
        """Size of a hidden state."""
        return int(self.body.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def depth(self) -> int:
        """Number of layers, without the embeddings."""
        return int(self.body.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]


def _inputs(batch: Batch) -> dict[str, Tensor]:
    return {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}


def _module_name(task: str) -> str:
    return f"head_{task.replace('.', '_')}"  # a module name must not contain a dot


def check_encoder(location: str, revision: str | None = None) -> Any:
    """The configuration of a model, given as a Hub id or a folder.

    Raises UserError if the configuration cannot be read, the model needs code from its repository, or it is not an
    encoder.
    """
    try:
        config = pretrained(AutoConfig.from_pretrained, location, revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"Model {location!r} needs code from its repository, which is never run: update transformers (this is "
                f"version {transformers.__version__}), which may have the architecture by now, or use another model."
            ) from error
        raise UserError(f"Model {location!r} cannot be read: {str(error).splitlines()[0]}") from error
    if getattr(config, "is_encoder_decoder", False) or type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        raise UserError(
            f"Model {location!r} ({config.model_type}) is not an encoder: use a masked language model such as XLM-R, "
            "mBERT, mDeBERTa-v3 or ModernBERT."
        )
    return config


def usable_positions(config: Any, tokenizer: PreTrainedTokenizerBase) -> int:
    """Maximum length of a feature in tokens, including special tokens."""
    positions = int(getattr(config, "max_position_embeddings", 0) or tokenizer.model_max_length)
    if any(name in config.model_type for name in PADDED_POSITIONS):
        positions -= int(config.pad_token_id) + 1
    return min(positions, tokenizer.model_max_length)


def load_body(location: str, revision: str | None = None, layers: int = 0) -> nn.Module:
    """The body of an encoder in float32, without its pooler. Reads safetensors only and runs no remote code.

    `layers`: the number of lowest layers that are kept; 0: all. Raises OSError if the model has no safetensors file.
    """
    body: Any = pretrained(
        AutoModel.from_pretrained,
        location,
        revision,
        config=with_layers(check_encoder(location, revision), layers) if layers else None,
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return _without_pooler(body)


def with_layers(config: Any, layers: int) -> Any:
    """The configuration of a model that consists of the lowest layers of another one; 0: all layers."""
    if not layers:
        return config
    cut = deepcopy(config)
    cut.num_hidden_layers = layers
    if getattr(cut, "layer_types", None):
        cut.layer_types = cut.layer_types[:layers]
    return cut


def _without_pooler(body: Any) -> nn.Module:
    if getattr(body, "pooler", None) is not None:
        body.pooler = None  # no head uses it, and its weights may be random
    assert isinstance(body, nn.Module)
    return body


def num_parameters(body: nn.Module) -> dict[str, int]:
    """Numbers of parameters of a body: `total`, and `without_embeddings`, the tables of tokens, positions and types."""
    tables = [module for module in body.modules() if isinstance(module, nn.Embedding)]
    embedded = {parameter for table in tables for parameter in table.parameters()}
    sizes = {parameter: parameter.numel() for parameter in body.parameters()}
    embedding = sum(size for parameter, size in sizes.items() if parameter in embedded)
    return {"total": sum(sizes.values()), "without_embeddings": sum(sizes.values()) - embedding}


def body_of(config: Any) -> nn.Module:
    """The body of an encoder with this configuration, without its pooler and without memory for its weights."""
    with torch.device("meta"):
        body: Any = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    return _without_pooler(body)


def freeze(body: nn.Module, num_layers: int) -> None:
    """Exclude the embeddings and the lowest layers of a body from training.

    These are all parameters that the output of layer `num_layers` depends on; layer 0 is the embeddings. Raises
    TrialError if the body has fewer layers, or does not return the output of each layer.
    """
    batch = dict.fromkeys(("input_ids", "attention_mask"), torch.ones(1, 4, dtype=torch.long))
    with torch.enable_grad():
        states = Net(body.eval(), {}).layers(batch)
    if num_layers >= len(states):
        raise TrialError(
            f"frozen_layers = {num_layers} needs an encoder with as many layers; this one has {len(states) - 1} layers."
        )
    for parameter in _parameters_of(states[num_layers]):
        parameter.requires_grad = False


def recompute_activations(body: Any) -> None:
    """Let a body compute the activations of its layers again in the backward pass."""
    # The old name is deprecated, and the new one does not exist in the lowest supported version.
    enable = getattr(body, "activation_checkpointing_enable", None) or body.gradient_checkpointing_enable
    # The other variant of torch gives layers above frozen embeddings no gradient.
    enable({"use_reentrant": False})


def _parameters_of(output: Tensor) -> Iterator[Tensor]:
    """The parameters that an output depends on, found in its graph, because models give their modules other names."""
    nodes: list[Any] = [output.grad_fn]
    seen = set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        nodes += [before for before, _ in node.next_functions]


def save_net(net: Net, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a Hugging Face folder (config, safetensors, tokenizer), and the heads to HEADS_FILE in it."""
    net.body.save_pretrained(folder)  # type: ignore[operator]
    drop_truncation(tokenizer)
    tokenizer.save_pretrained(folder)
    heads = {name: tensor.contiguous() for name, tensor in net.heads.state_dict().items()}
    (folder / HEADS_FILE).parent.mkdir(parents=True, exist_ok=True)
    save_file(heads, folder / HEADS_FILE)


def drop_truncation(tokenizer: PreTrainedTokenizerBase) -> None:
    """Reset the truncation and padding of a tokenizer, which it keeps from its last call.

    If they were saved, the bytes would depend on the history of the process, and every program that loads the tokenizer
    would truncate its texts.
    """
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def load_heads(net: Net, folder: Path) -> None:
    """Load the heads of a net from a folder that `save_net` wrote."""
    net.heads.load_state_dict(load_file(folder / HEADS_FILE))
