"""One trial of a conventional sweep: a pair of Hugging Face Trainers, the intermediate task and then the target."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from sweeper.formats.interface import IGNORED, Features
from sweeper.space import Training

Item = dict[str, Any]
"""input_ids, attention_mask, and `label` (one number) or `labels` (one for each token)."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The data and options of one Trainer."""

    items: list[Item]
    num_labels: int
    is_tagging: bool
    training: Training


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The trainings of a trial in order, and the data on which the last one is scored."""

    encoder: str
    """Folder of the pretrained encoder."""
    tokenizer: str
    parts: Sequence[Part]
    evaluation: Mapping[str, list[Item]]
    """Language -> items."""
    seed: int


@dataclass
class CpuClock:
    """CPU seconds of this process by activity."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, activity: str) -> Iterator[None]:
        """Add the CPU seconds of the block to an activity."""
        started = time.process_time()
        yield
        self.seconds[activity] = self.seconds.get(activity, 0.0) + time.process_time() - started


def items_of(features: Features) -> list[Item]:
    """The features of classification or tagging as items of a Trainer."""
    items = []
    for number, (start, end) in enumerate(pairwise(features.offsets.tolist())):
        tokens = features.tokens[start:end].tolist()
        item: Item = {"input_ids": tokens, "attention_mask": [1] * len(tokens)}
        if "tags" in features.labels:
            item["labels"] = features.labels["tags"][start:end].tolist()
        else:
            item["label"] = int(features.labels["label"][number])
        items.append(item)
    return items


def run_pair(pair: Pair) -> dict[str, Any]:
    """Train the parts one after the other, and score the last model.

    Returns `accuracy` (language -> share of correct labels) and `cpu` (activity -> CPU seconds of this process). The
    activity `start` is everything before: the start of Python and all imports.
    """
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    clock = CpuClock({"start": time.process_time()})
    tokenizer = transformers.AutoTokenizer.from_pretrained(pair.tokenizer)
    encoder = pair.encoder
    with tempfile.TemporaryDirectory(prefix="pair-") as folder:
        for number, part in enumerate(pair.parts):
            with clock.time("load"):
                trainer = _trainer(part, encoder, tokenizer, pair.seed, folder)
            with clock.time("train"):
                trainer.train()
            encoder = str(Path(folder) / str(number))
            with clock.time("save"):
                if number + 1 < len(pair.parts):
                    trainer.save_model(encoder)
        with clock.time("evaluate"):
            accuracy = {name: _accuracy(trainer.predict(items)) for name, items in pair.evaluation.items()}
    return {"accuracy": accuracy, "cpu": clock.seconds}


def _trainer(part: Part, encoder: str, tokenizer: Any, seed: int, folder: str) -> Any:
    training = part.training
    kind = "TokenClassification" if part.is_tagging else "SequenceClassification"
    transformers.set_seed(seed)
    model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(
        encoder, num_labels=part.num_labels, ignore_mismatched_sizes=True
    )
    options = transformers.TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=training.batch_size,
        per_device_eval_batch_size=4 * training.batch_size,
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        adam_epsilon=training.adam_epsilon,
        max_grad_norm=training.clip,
        warmup_steps=training.warmup,
        seed=seed,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    collator = "DataCollatorForTokenClassification" if part.is_tagging else "DataCollatorWithPadding"
    return transformers.Trainer(
        model=model,
        args=options,
        train_dataset=part.items,
        data_collator=getattr(transformers, collator)(tokenizer),
        processing_class=tokenizer,
    )


def _accuracy(predicted: Any) -> float:
    """The share of correct labels, without those that are IGNORED."""
    answers, gold = predicted.predictions.argmax(axis=-1), predicted.label_ids
    is_labelled = gold != IGNORED
    return float(np.mean(answers[is_labelled] == gold[is_labelled]))
