"""The parts of `benchmarks/gpu.py` that need no GPU."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmarks.gpu import (
    LONGEST,
    SIZES,
    encoder,
    model_flops,
    peak_of,
    random_features,
    seconds_of_sweeper,
    seconds_of_trainer,
)
from sweeper.space import Training
from sweeper.training.model import num_parameters

TRAINING = Training(learning_rate=1e-4, epochs=1, batch_size=4)


def test_random_items_vary_in_length_up_to_the_longest() -> None:
    lengths = np.diff(random_features(1_000).offsets)
    assert lengths.min() < 15
    assert 25 < np.median(lengths) < 35
    assert lengths.max() == LONGEST


def test_operations_are_six_for_each_weight_of_the_layers_and_those_of_attention() -> None:
    features, sizes = random_features(3), SIZES["tiny"]
    named = encoder("tiny").named_parameters()
    weights = sum(weight.numel() for name, weight in named if "layer" in name and weight.dim() == 2)
    assert weights <= num_parameters(encoder("tiny"))["without_embeddings"]
    lengths = np.diff(features.offsets)
    # Scores and sums of attention: two products of length x length x hidden, of which each takes 2 operations for each
    # product, forward once and back twice.
    attention = (
        sum(2 * 2 * 3 * length * length * sizes["hidden_size"] for length in lengths) * sizes["num_hidden_layers"]
    )
    assert model_flops(features, sizes) == pytest.approx(6 * weights * lengths.sum() + attention)


def test_the_peak_of_a_gpu_is_found_by_its_name() -> None:
    assert (peak_of("NVIDIA H200"), peak_of("NVIDIA L40S"), peak_of("NVIDIA L4"), peak_of("other")) == (
        989,
        362,
        121,
        None,
    )


def test_both_loops_train_an_epoch_of_the_same_items() -> None:
    pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate: pip install accelerate")
    features, device = random_features(8), torch.device("cpu")
    assert seconds_of_sweeper("tiny", features, TRAINING, device) > 0
    assert seconds_of_trainer("tiny", features, TRAINING, device) > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is present")
def test_without_a_gpu_nothing_is_measured() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu"], capture_output=True, text=True, check=True)
    assert done.stdout == "No GPU is present: nothing was measured.\n"
