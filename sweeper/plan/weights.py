"""The size of a pretrained encoder, from files on this machine or from its published shape. Reads no weights."""

import math
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError, safe_open

from sweeper.data.source import Sources
from sweeper.space import Model
from sweeper.world.vocabulary import SHIPPED

SHAPES = {
    "FacebookAI/xlm-roberta-base": (12, 768),
    "FacebookAI/xlm-roberta-large": (24, 1024),
    "facebook/xlm-roberta-xl": (36, 2560),
}
"""Encoder of the shipped spaces -> number of layers, hidden size."""
EMBEDDED = 250_002 + 514 + 1
"""Rows of the embedding tables of these encoders: pieces, positions and the type."""
BYTES = 4
"""Bytes of a weight. Trainings store float32, whatever the type in the file of the pretrained encoder is."""
WORLD_MODELS = "demo/"
"""Beginning of the ids of the encoders of a synthetic world. All of them have the size of the one in this package."""


def encoder_bytes(model: Model, sources: Sources) -> int | None:
    """Bytes of an encoder after its training, with its tokenizer; None if its size is not known on this machine."""
    try:
        return _bytes(model, sources)
    except (OSError, SafetensorError):
        return None  # not a safetensors file: the check of the model says so


def _bytes(model: Model, sources: Sources) -> int | None:
    folder = Path(sources.model_location(model.id))
    if folder.is_dir():
        weights = sorted(folder.glob("*.safetensors"))
        settings = sum(file.stat().st_size for file in folder.glob("*.json"))
        return settings + BYTES * num_weights(weights, model.layers) if weights else None
    if model.id.startswith(WORLD_MODELS):
        with resources.as_file(resources.files("sweeper.world").joinpath(SHIPPED)) as file:
            return BYTES * num_weights([file], model.layers)
    if model.id in SHAPES:
        return BYTES * _published(*SHAPES[model.id], layers=model.layers)
    cached = try_to_load_from_cache(model.id, "model.safetensors", revision=model.revision)
    return BYTES * num_weights([Path(cached)], model.layers) if isinstance(cached, str) else None


def num_weights(files: Iterable[Path], layers: int = 0) -> int:
    """Number of weights in safetensors files, from their headers; only of the lowest `layers` if these are not 0."""
    num = 0
    for path in files:
        with safe_open(path, framework="np") as file:
            names = [name for name in file.keys() if not (layers and _layer(name) >= layers)]  # noqa: SIM118
            num += sum(math.prod(file.get_slice(name).get_shape()) for name in names)
    return num


def _layer(name: str) -> int:
    """The number of the layer of a weight; -1 for the embeddings."""
    match = re.search(r"\blayers?\.(\d+)\.", name)
    return int(match[1]) if match else -1


def _published(num_layers: int, hidden: int, layers: int) -> int:
    """Weights of an encoder with an intermediate size of four times the hidden size."""
    per_layer = 12 * hidden**2 + 13 * hidden
    return (EMBEDDED + 2) * hidden + (layers or num_layers) * per_layer
