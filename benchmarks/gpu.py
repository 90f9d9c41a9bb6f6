"""How fast is the training step on a GPU, against its peak and against the Trainer of Hugging Face?

    pip install accelerate
    python -m benchmarks.gpu [--model base] [--batch 32] [--steps 200]

Both train an encoder of the size of XLM-R with random weights on the same random items, whose lengths vary as in
natural text, with bf16 and dropout. Prints tokens per second (without padding), the share of the GPU's peak that the
model's operations use (model FLOP utilisation, Chowdhery et al. 2022, appendix B), and the ratio of the two. The first
steps are not measured. Without a GPU nothing is measured.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import torch
import transformers

from benchmarks.simulations.pair import items_of
from sweeper.files.folder import Folder
from sweeper.formats.interface import Features
from sweeper.space import Training
from sweeper.training.batches import Stream, TaskItems
from sweeper.training.checkpoints import Checkpoints
from sweeper.training.loop import StageContext, train
from sweeper.training.model import Net
from sweeper.training.runtime import Clock
from sweeper.training.schedule import Schedule

PEAKS: Mapping[str, float] = {"B200": 2_250, "H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "A10": 125}
"""Part of the name of a GPU -> its peak in teraFLOP per second: dense bf16 matrix products, from the vendor's data
sheets. The first match counts."""
SIZES: Mapping[str, Mapping[str, int]] = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
"""Name -> sizes of the encoder; `base` and `large` are those of XLM-R (Conneau et al. 2020)."""
VOCABULARY, PAD = 250_002, 1
NUM_LABELS, TASK = 3, "random"
LONGEST = 128
WARM_UP = 20
"""Steps that are not measured."""


def random_features(num: int, seed: int = 0) -> Features:
    """Items with random tokens and labels, and lengths from a log-normal distribution around 30 tokens."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.lognormal(3.4, 0.6, num), 4, LONGEST).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Features(
        tokens=random.integers(PAD + 4, VOCABULARY, offsets[-1]).astype(np.int32),
        offsets=offsets,
        items=np.arange(num + 1),
        example=np.arange(num, dtype=np.int32),
        labels={"label": random.integers(0, NUM_LABELS, num).astype(np.int32)},
    )


def model_flops(features: Features, sizes: Mapping[str, int]) -> float:
    """Floating-point operations of one pass forward and back over the features, without padding and head.

    6 for each weight and token, and 12 x layers x hidden size x length for the attention of each token (Chowdhery et
    al. 2022, appendix B). A weight is one of a layer: 4 h^2 of attention and 2 h f of the feed-forward part.
    """
    hidden, layers = sizes["hidden_size"], sizes["num_hidden_layers"]
    weights = layers * (4 * hidden**2 + 2 * hidden * sizes["intermediate_size"])
    lengths = np.diff(features.offsets).astype(float)
    return float((6 * weights * lengths + 12 * layers * hidden * lengths**2).sum())


def config_of(size: str) -> transformers.XLMRobertaConfig:
    """The configuration of an encoder of one of SIZES."""
    return transformers.XLMRobertaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=514, pad_token_id=PAD, num_labels=NUM_LABELS, **SIZES[size]
    )


def encoder(size: str) -> torch.nn.Module:
    """An encoder of the size of XLM-R with random weights, without a pooler."""
    transformers.set_seed(0)
    return transformers.XLMRobertaModel(config_of(size), add_pooling_layer=False)


def seconds_of_sweeper(size: str, features: Features, training: Training, device: torch.device) -> float:
    """Seconds that the product's training loop needs for one epoch of the features."""
    net = Net(encoder(size), {TASK: ("sequence", NUM_LABELS)}).to(device)
    items = TaskItems(task=TASK, head="sequence", features=features, pad=PAD)
    stream = Stream(items, training.batch_size, 0)
    schedule = Schedule(streams=(stream,), order=np.zeros(stream.per_epoch, dtype=np.int64), training=training, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(folder=Folder(folder), name="none.pt", interval=1e9)
        context = StageContext(device=device, clock=Clock(), checkpoints=checkpoints, notify=print)
        started = synchronised(device)
        train(net, schedule, 1_000_000, context)
        return synchronised(device) - started


def seconds_of_trainer(size: str, features: Features, training: Training, device: torch.device) -> float:
    """Seconds that the Trainer of Hugging Face needs for one epoch of the features."""
    transformers.set_seed(0)
    model = transformers.XLMRobertaForSequenceClassification(config_of(size)).to(device)
    with tempfile.TemporaryDirectory() as folder:
        options = transformers.TrainingArguments(
            output_dir=str(Path(folder) / "trainer"),
            per_device_train_batch_size=training.batch_size,
            num_train_epochs=1,
            learning_rate=training.learning_rate,
            bf16=training.precision == "bf16",
            use_cpu=device.type == "cpu",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = transformers.Trainer(
            model=model, args=options, train_dataset=items_of(features), data_collator=_padded
        )
        started = synchronised(device)
        trainer.train()
        return synchronised(device) - started


def _padded(items: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """A batch of items, padded to its longest one."""
    longest = max(len(item["input_ids"]) for item in items)
    rows = [item["input_ids"] + [PAD] * (longest - len(item["input_ids"])) for item in items]
    tokens = torch.tensor(rows)
    labels = torch.tensor([item["label"] for item in items])
    return {"input_ids": tokens, "attention_mask": (tokens != PAD).long(), "labels": labels}


def synchronised(device: torch.device) -> float:
    """The time after all work of the device has ended."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_of(name: str) -> float | None:
    """The peak of a GPU in teraFLOP per second; None for one that PEAKS does not have."""
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def main() -> None:
    """Train with both loops, and print their speeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=SIZES, default="base")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("No GPU is present: nothing was measured.")
        return
    device, name = torch.device("cuda"), torch.cuda.get_device_name()
    training = Training(learning_rate=2e-5, epochs=1, batch_size=options.batch, precision="bf16")
    warm_up, features = (random_features(num * options.batch, num) for num in (WARM_UP, options.steps))
    print(f"{date.today()}, {name}, torch {torch.__version__}, transformers {transformers.__version__}")
    speeds: dict[str, float] = {}
    for loop, measure in (("sweeper", seconds_of_sweeper), ("Trainer", seconds_of_trainer)):
        measure(options.model, warm_up, training, device)
        seconds = measure(options.model, features, training, device)
        speeds[loop] = len(features.tokens) / seconds
        teraflops, peak = model_flops(features, SIZES[options.model]) / seconds / 1e12, peak_of(name)
        share = f"{teraflops / peak:5.1%} of the peak" if peak else "the peak of this GPU is not known"
        print(f"{loop:8} {speeds[loop]:10,.0f} tokens/s  {teraflops:6.1f} teraFLOP/s  {share}")
    print(f"ratio    {speeds['sweeper'] / speeds['Trainer']:10.2f}")


if __name__ == "__main__":
    main()
