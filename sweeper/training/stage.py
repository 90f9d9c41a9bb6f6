"""One stage: its data, heads and streams put together and trained; what it leaves is a net."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from sweeper.data.encode import Encoded, encode, label_set
from sweeper.data.source import Sources, data_identity
from sweeper.data.translate.examples import ExampleTranslator
from sweeper.errors import DataError, TrialError, UserError
from sweeper.files.digests import digest
from sweeper.files.serialize import plain
from sweeper.formats.interface import HeadKind
from sweeper.formats.table import FORMATS
from sweeper.records.spec import DataSpec, StageSpec
from sweeper.tasks.spec import Task
from sweeper.training.batches import Masking, Stream, TaskItems, draw_streams, smoothed
from sweeper.training.loop import Progress, Schedule, StageContext, train
from sweeper.training.model import Net, freeze, load_body, load_heads, save_net
from sweeper.training.runtime import TOO_LITTLE_MEMORY, derived_seed, halved, seed_everything, use_threads
from sweeper.training.translators import check_translator, needs_device, open_translator

CPU = torch.device("cpu")
PROGRESS_FILE = "heads/progress.json"
MOST_OPEN = 64
"""Languages of data sets whose memory maps stay open: each takes some eight file descriptors."""


@dataclass(frozen=True, kw_only=True)
class DataReader:
    """How a trial reads data: the entries it knows, where rows lie, the tokenizer, who translates."""

    tasks: Mapping[str, Task]
    sources: Sources
    tokenizer: PreTrainedTokenizerBase
    device: torch.device = CPU
    """Where a model translates."""
    notify: Callable[[str], None] = lambda _: None
    """Takes a sentence for the user."""
    opened: dict[str, dict[str, Encoded]] = field(default_factory=dict)
    """Memory maps opened so far, by what was asked: a reused actor opens each once."""
    label_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def encoded(self, data: DataSpec) -> dict[str, Encoded]:
        """Language -> tokenised examples."""
        task = self.tasks[data.task]
        asked = digest([plain(data), plain(task)])
        if asked not in self.opened:
            self._check_identity(data, task)
            while self.opened and sum(map(len, self.opened.values())) + len(data.languages) > MOST_OPEN:
                self.opened.pop(next(iter(self.opened)))
            self.opened[asked] = {
                language: encode(data, task, language, self.sources, self.tokenizer, self._translating(data))
                for language in data.languages
            }
        return self.opened[asked]

    def prepare(self, data: DataSpec) -> None:
        """Tokenise data before a device is asked for; where a model will translate them, look at it and at the rows."""
        if data.translation is not None:
            check_translator(data.translation, self.sources)
            if needs_device(data.translation):
                data = replace(data, translation=None)
        self.encoded(data)

    def _translating(self, data: DataSpec) -> ExampleTranslator | None:
        if data.translation is None:
            return None
        translator = open_translator(data.translation, self.sources, self.device)
        return ExampleTranslator(spec=data.translation, translator=translator, notify=self.notify)

    def _check_identity(self, data: DataSpec, task: Task) -> None:
        if data.identity and data_identity(task, data.part, data.languages, self.sources) != data.identity:
            raise DataError(
                f"The {data.part} data of {task.name!r} are not what they were when the sweep started: the same "
                "command, run again, takes the new ones as data of their own."
            )

    def labels(self, task: str) -> tuple[str, ...]:
        """A task's label set in its head's order; where the task declares it, no training row is read for it."""
        asked = digest(plain(self.tasks[task]))
        if asked not in self.label_sets:
            self.label_sets[asked] = label_set(self.tasks[task], self.sources)
        return self.label_sets[asked]

    @property
    def pad(self) -> int:
        """Token id of padding."""
        return int(self.tokenizer.pad_token_id)

    @property
    def masking(self) -> Masking | None:
        """How tokens are masked to measure a net; None for a tokenizer without a mask token."""
        if self.tokenizer.mask_token_id is None:
            return None
        return Masking(
            special=frozenset(self.tokenizer.all_special_ids),
            mask=self.tokenizer.mask_token_id,
            vocabulary=len(self.tokenizer),
        )

    def check_masking(self, data: DataSpec) -> None:
        """Raise UserError if a corpus is to be masked and the tokenizer has no mask token."""
        if FORMATS[self.tasks[data.task].format].head == "mlm" and self.masking is None:
            raise UserError(
                f"Task {data.task!r} is masked language modelling, and the model's tokenizer has no mask token: "
                "take another model, or leave the task out."
            )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a stage leaves."""

    net: Net
    progress: Progress


def new_net(body: nn.Module, stage: StageSpec, reader: DataReader, device: torch.device) -> Net:
    """A body with fresh heads for a stage, drawn from the stage's seed."""
    vocabulary = int(body.config.vocab_size)  # type: ignore[union-attr, arg-type]
    sizes: dict[str, tuple[HeadKind, int]] = {}
    for data in (*stage.data, *([stage.mlm] if stage.mlm else [])):
        kind = FORMATS[reader.tasks[data.task].format].head
        sizes[data.task] = (kind, vocabulary if kind == "mlm" else len(reader.labels(data.task)))
    seed_everything(derived_seed("heads", stage.seed))
    if stage.training.frozen_layers is not None:
        freeze(body, stage.training.frozen_layers)
    return Net(body, sizes).to(device)


def make_schedule(stage: StageSpec, reader: DataReader) -> Schedule:
    """Every batch of a stage, decided by its seed before the first step.

    A single task takes epochs x batches, whatever the cap. With several, a step's task is drawn in proportion to
    min(examples, cap), smoothed by the temperature, over epochs x the sum of the capped batches; a task's languages are
    drawn by their examples. Masked language modelling takes a share of all steps, so that the tasks see as many
    examples as without it; its languages are smoothed by their exponent.
    """
    training = stage.training
    tasks = [_streams(data, stage, reader) for data in stage.data]
    streams = [stream for languages in tasks for stream in languages]
    sizes, shares = _drawn([[stream.items.num_items for stream in languages] for languages in tasks], stage)
    per_epoch = sum(-(-size // training.batch_size) for size in sizes)
    num_steps = max(1, round(training.epochs * per_epoch), training.min_steps)
    if stage.mlm is not None and stage.mlm_share:
        num_steps = round(num_steps / (1 - stage.mlm_share))
        masked = list(_streams(stage.mlm, stage, reader))
        texts = smoothed([stream.items.num_items for stream in masked], stage.mlm_exponent)
        streams += masked
        shares = [*((1 - stage.mlm_share) * share for share in shares), *(stage.mlm_share * share for share in texts)]
    order = draw_streams(streams, shares, num_steps, derived_seed("order", stage.seed))
    masking = reader.masking and replace(reader.masking, share=training.mask_share)
    return Schedule(streams=tuple(streams), order=order, training=training, seed=stage.seed, masking=masking)


def _drawn(tasks: Sequence[Sequence[int]], stage: StageSpec) -> tuple[list[int], list[float]]:
    """Of every language of every task, from their numbers of examples: how many count an epoch, and its share of steps.

    The cap is there to keep one task from taking the steps of the others: it cuts none that is alone.
    """
    cap = stage.sampling_cap if len(tasks) > 1 else None
    capped = [min(sum(numbers), cap or sum(numbers)) for numbers in tasks]
    parts = [[number / sum(numbers) for number in numbers] for numbers in tasks]
    shares = smoothed(capped, 1 / stage.temperature)
    return (
        [round(size * part) for size, languages in zip(capped, parts, strict=True) for part in languages],
        [share * part for share, languages in zip(shares, parts, strict=True) for part in languages],
    )


def run_stage(
    make_body: Callable[[], nn.Module], stage: StageSpec, reader: DataReader, context: StageContext
) -> Trained:
    """Train a stage from its last checkpoint on. Out of memory halves the micro-batch; the effective batch stays.

    Raises TrialError on a loss that is not finite, or when the smallest micro-batch does not fit.
    """
    with context.clock.time("load"):
        schedule = make_schedule(stage, reader)
    micro_tokens = stage.training.micro_tokens
    while True:
        with context.clock.time("load"):
            net = new_net(make_body(), stage, reader, context.device)
        use_threads(stage.training.threads)
        try:
            progress = train(net, schedule, micro_tokens, context)
        except TOO_LITTLE_MEMORY as error:
            del net
            torch.cuda.empty_cache()
            micro_tokens = _smaller(schedule, micro_tokens, error)
            context.notify(f"Out of memory: going on with {micro_tokens} tokens a pass; the effective batch stays.")
            continue
        progress.translated = _translated(stage, reader)
        return Trained(net=net, progress=progress)


def _translated(stage: StageSpec, reader: DataReader) -> dict[str, dict[str, dict[str, int]]]:
    """Task -> language -> how many training examples were translated and dropped."""
    sets = [data for data in stage.data if data.translation]
    found = {data.task: one.translated for data in sets for one in reader.encoded(data).values()}
    return {task: {code: dict(counts) for code, counts in languages.items()} for task, languages in found.items()}


def _smaller(schedule: Schedule, micro_tokens: int, error: BaseException) -> int:
    """The next smaller pass. Raises TrialError where none is: a batch of pairs is one pass, whatever its tokens."""
    if all(stream.items.head == "dual" for stream in schedule.streams):
        raise TrialError(
            "Out of memory, and a batch of pairs is one pass, since each query is held against all its candidates: use "
            "a smaller batch_size, a shorter max_length or fewer trials a device."
        ) from error
    return halved(micro_tokens, error)


def _streams(data: DataSpec, stage: StageSpec, reader: DataReader) -> Sequence[Stream]:
    head = FORMATS[reader.tasks[data.task].format].head
    found = []
    for language, encoded in reader.encoded(data).items():
        items = TaskItems(task=data.task, head=head, features=encoded.features, pad=reader.pad)
        seed = derived_seed("stream", stage.seed, data.task, language)
        found.append(Stream(items, stage.training.batch_size, seed))
    return found


def save_trained(trained: Trained, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the net as a Hugging Face folder, and beside its heads how it was trained."""
    save_net(trained.net, tokenizer, folder)
    (folder / PROGRESS_FILE).write_text(json.dumps(vars(trained.progress)), encoding="utf-8")


def load_trained(folder: Path, stage: StageSpec, reader: DataReader, device: torch.device) -> Trained:
    """What `save_trained` wrote: as if the stage had just been trained."""
    net = new_net(load_body(str(folder)), stage, reader, device)
    load_heads(net, folder)
    return Trained(net=net, progress=Progress(**json.loads((folder / PROGRESS_FILE).read_text(encoding="utf-8"))))
