"""One training stage: data, new heads, order of the batches, and training of the net."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from sweeper.data.encode import encode, label_set
from sweeper.data.entry import Encoded
from sweeper.data.source import Sources, data_identity
from sweeper.data.translate.examples import ExampleTranslator
from sweeper.data.translate.round_trip import RoundTrip, Translators
from sweeper.errors import DataError, OutOfMemoryError, UserError
from sweeper.files.digests import digest
from sweeper.files.serialize import plain
from sweeper.formats.table import properties_of
from sweeper.records.spec import DataSpec, StageSpec
from sweeper.tasks.spec import Task
from sweeper.training.batches import Masking, Stream, TaskItems, draw_streams, smoothed
from sweeper.training.dynamics import Source
from sweeper.training.heads import HEADS
from sweeper.training.keep import ValueOf
from sweeper.training.loop import StageContext, train
from sweeper.training.memory import check_fits
from sweeper.training.model import Net, freeze, load_body, load_heads, recompute_activations, save_net
from sweeper.training.progress import Progress
from sweeper.training.runtime import (
    TOO_LITTLE_MEMORY,
    derived_seed,
    halved,
    main_memory_errors,
    seed_everything,
    use_threads,
)
from sweeper.training.schedule import Schedule
from sweeper.training.translators import Models, check_translator, needs_device, open_translator, round_trip_specs

logger = logging.getLogger(__name__)

CPU = torch.device("cpu")
PROGRESS_FILE = "heads/progress.json"
"""File in the folder of a trained net that contains its `Progress`."""
MOST_OPEN = 64
"""Maximum number of opened data sets, counted per language. Each uses about eight file descriptors."""


@dataclass(frozen=True, kw_only=True)
class DataReader:
    """Reads and tokenises the data of trials, and translates the examples of stages with a translation."""

    tasks: Mapping[str, Task]
    """Name -> task, for every task that the trial reads."""
    sources: Sources
    tokenizer: PreTrainedTokenizerBase
    device: torch.device = CPU
    """Device of the translation models."""
    notify: Callable[[str], None] = lambda _: None
    """Called with each message for the user."""
    opened: dict[str, dict[str, Encoded]] = field(default_factory=dict)
    """Digest of data spec and task -> opened memory maps. Trials in one process share them."""
    label_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Digest of the task -> its label set."""

    def encoded(self, data: DataSpec) -> dict[str, Encoded]:
        """Language -> tokenised examples.

        Raises DataError if data are missing, invalid, or have changed since the sweep started, UserError if a
        translation is not available.
        """
        task = self.tasks[data.task]
        key = digest([plain(data), plain(task)])
        if key not in self.opened:
            self._check_identity(data, task)
            # Close the oldest memory maps first.
            while self.opened and sum(map(len, self.opened.values())) + len(data.languages) > MOST_OPEN:
                self.opened.pop(next(iter(self.opened)))
            models: Models = {}
            self.opened[key] = {
                language: encode(
                    data, task, language, self.sources, self.tokenizer, self._translators(data, language, models)
                )
                for language in data.languages
            }
        return self.opened[key]

    def prepare(self, data: DataSpec) -> list[str]:
        """Check the translator of the data, if there is one, and tokenise the data into the cache. This needs no GPU.

        Data that a model translates are read and checked, but not translated: the trial does that on its own device.
        Returns a message for each language of which some rows are left out, because their labels cannot be right.
        """
        whole = data
        if data.translation is not None:
            check_translator(data.translation, self.sources)
            if needs_device(data.translation):
                data = replace(data, translation=None)
        if data.perturbation is not None and data.perturbation.name == "paraphrase":
            specs = [spec for language in data.languages for spec in round_trip_specs(data.perturbation, language)]
            for spec in specs:
                check_translator(spec, self.sources)
            if needs_device(specs[0]):
                data = replace(data, perturbation=None)
        # No trial reads data without its translation, so that other nodes do not need them either.
        reader = self if data is whole else replace(self, sources=replace(self.sources, shared=None))
        return [
            f"{data.task}, {language}: rows are left out of the training, because their answers cannot be right. Their "
            f"number is {encoded.wrong[0]}: {'; '.join(encoded.wrong[1:])}."
            for language, encoded in reader.encoded(data).items()
            if encoded.wrong
        ]

    def _translators(self, data: DataSpec, language: str, models: Models) -> Translators:
        """The translators of the data. They share the loaded models."""
        examples = round_trip = None
        if data.translation is not None:
            translator = open_translator(data.translation, self.sources, self.device)
            examples = ExampleTranslator(spec=data.translation, translator=translator, notify=self.notify)
        if data.perturbation is not None and data.perturbation.name == "paraphrase":
            specs = round_trip_specs(data.perturbation, language)
            there, back = (open_translator(spec, self.sources, self.device, models) for spec in specs)
            round_trip = RoundTrip(language=language, pivot=specs[0].languages[0], there=there, back=back)
        return Translators(examples=examples, round_trip=round_trip)

    def _check_identity(self, data: DataSpec, task: Task) -> None:
        if data.identity and data_identity(task, data.part, data.languages, self.sources) != data.identity:
            raise DataError(
                f"The {data.part} data of {task.name!r} have changed since the sweep started. Run the same command "
                "again: it treats the new data as a different data set."
            )

    def labels(self, task: str) -> tuple[str, ...]:
        """The label set of a task, in the order of the outputs of its head. Reads no data if the task declares it."""
        key = digest(plain(self.tasks[task]))
        if key not in self.label_sets:
            labels = label_set(self.tasks[task], self.sources)
            self.label_sets[key] = replace(self.tasks[task], labels=labels).read_labels
        return self.label_sets[key]

    @property
    def pad(self) -> int:
        """Token id of padding."""
        return int(self.tokenizer.pad_token_id)

    @property
    def masking(self) -> Masking | None:
        """Masking for the evaluation of masked language modelling; None if the tokenizer has no mask token."""
        if self.tokenizer.mask_token_id is None:
            return None
        return Masking(
            special=frozenset(self.tokenizer.all_special_ids),
            mask=self.tokenizer.mask_token_id,
            vocabulary=len(self.tokenizer),
        )

    def check_masking(self, data: DataSpec) -> None:
        """Raise UserError if the task of the data needs a mask token and the tokenizer has none."""
        if properties_of(self.tasks[data.task]).is_corpus and self.masking is None:
            raise UserError(
                f"Task {data.task!r} is masked language modelling, but the tokenizer of the model has no mask token: "
                "choose another model, or remove the task."
            )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Result of a stage: the trained net, and the counters of its training."""

    net: Net
    progress: Progress


def new_net(body: nn.Module, stage: StageSpec, reader: DataReader, device: torch.device) -> Net:
    """A net of the given body and new heads for the tasks of a stage. The stage's seed decides their weights."""
    vocabulary = int(body.config.vocab_size)  # type: ignore[union-attr, arg-type]
    sizes: dict[str, tuple[str, int]] = {}
    for data in stage.all_data:
        head = properties_of(reader.tasks[data.task]).head
        sizes[data.task] = (head, vocabulary if HEADS[head].is_masked else len(reader.labels(data.task)))
    seed_everything(derived_seed("heads", stage.seed))  # the heads are initialised in Net
    if stage.training.frozen_layers is not None:
        freeze(body, stage.training.frozen_layers)
    if stage.training.gradient_checkpointing:
        recompute_activations(body)
    return Net(body, sizes).to(device)


def make_schedule(stage: StageSpec, reader: DataReader) -> Schedule:
    """All batches of a stage. They depend only on the stage, its data and its seed.

    With a single task the number of steps is epochs x batches, and `sampling_cap` has no effect. With several tasks it
    is epochs x batches of the capped sizes min(examples, sampling_cap), and each step draws its task in proportion to
    capped size ^ (1 / temperature). The languages of a task are drawn in proportion to their examples, those of a
    corpus in proportion to texts ^ mlm_exponent. `shares` replaces these proportions without a change of the number of
    steps. Masked language modelling adds steps until it has its share of all steps. `max_steps` limits their number.
    """
    training = stage.training
    tasks = [_streams(data, stage, reader) for data in stage.data]
    streams = [stream for languages in tasks for stream in languages]
    sizes = _sizes(tasks, stage)
    shares = _shares(tasks, stage)
    per_epoch = sum(-(-size // training.batch_size) for size in sizes)  # rounded up
    num_steps = max(1, round(training.epochs * per_epoch), training.min_steps)
    if stage.mlm is not None and stage.mlm_share:
        num_steps = round(num_steps / (1 - stage.mlm_share))
        corpora = _streams(stage.mlm, stage, reader)
        texts = _language_shares(corpora, stage.mlm, replace(stage, shares=()))
        streams += corpora
        # The shares of the tasks decrease by the factor by which the number of steps increased.
        shares = [*((1 - stage.mlm_share) * share for share in shares), *(stage.mlm_share * share for share in texts)]
    num_steps = min(num_steps, training.max_steps or num_steps)
    order = draw_streams(streams, shares, num_steps, derived_seed("order", stage.seed))
    masking = reader.masking and replace(reader.masking, share=training.mask_share)
    return Schedule(
        streams=tuple(streams), order=order, training=training, seed=stage.seed, masking=masking, stop=stage.stop
    )


def _sizes(tasks: Sequence[Sequence[Stream]], stage: StageSpec) -> list[int]:
    """Examples per epoch of each language of each task in order, after the sampling cap."""
    sizes = []
    for streams, capped in zip(tasks, _capped(tasks, stage), strict=True):
        numbers = [stream.items.num_items for stream in streams]
        sizes += [round(capped * (number / sum(numbers))) for number in numbers]
    return sizes


def _shares(tasks: Sequence[Sequence[Stream]], stage: StageSpec) -> list[float]:
    """Share of the steps of each language of each task in order."""
    names, given = [data.task for data in stage.data], dict(stage.shares)
    if set(names) <= set(given):
        by_task = [given[name] for name in names]
    else:
        by_task = smoothed(_capped(tasks, stage), 1 / stage.temperature)
    return [
        share * part
        for share, streams, data in zip(by_task, tasks, stage.data, strict=True)
        for part in _language_shares(streams, data, stage)
    ]


def _capped(tasks: Sequence[Sequence[Stream]], stage: StageSpec) -> list[int]:
    """Examples of each task. The sampling cap balances tasks against each other, so a single task has none."""
    totals = [sum(stream.items.num_items for stream in streams) for streams in tasks]
    return [min(total, stage.sampling_cap) for total in totals] if len(totals) > 1 else totals


def _language_shares(streams: Sequence[Stream], data: DataSpec, stage: StageSpec) -> list[float]:
    """Share of each language in the steps of one task."""
    given = dict(stage.shares)
    if set(data.languages) <= set(given):
        return [given[language] for language in data.languages]
    is_corpus = streams[0].items.head_type.is_masked
    return smoothed([stream.items.num_items for stream in streams], stage.mlm_exponent if is_corpus else 1.0)


def run_stage(
    make_body: Callable[[], nn.Module],
    stage: StageSpec,
    reader: DataReader,
    context: StageContext,
    value_of: ValueOf | None = None,
) -> Trained:
    """Train a stage, starting from its last checkpoint if there is one. `value_of` is for `keep = "best"`.

    If the device runs out of memory, the training continues with micro-batches of half the size. The effective batch
    size does not change. With only a share of a GPU, the error about its memory is raised instead.
    Raises TrialError if the loss is not finite, or if the smallest micro-batch does not fit.
    """
    context.reporter.begin(stage)
    with context.clock.time("load"):
        schedule = make_schedule(stage, reader)
    micro_tokens = stage.training.micro_tokens
    while True:
        with context.clock.time("load"):
            net = new_net(make_body(), stage, reader, CPU)
            check_fits(net, stage.training, context.memory)
            net = net.to(context.device)
        context.reporter.begin(stage)  # once more: the body may need the training of an earlier stage
        use_threads(stage.training.threads)
        logger.info("stage with seed %d: %s", stage.seed, stage.training)
        try:
            with main_memory_errors(), context.team() as team:
                progress = train(net, schedule, micro_tokens, context, value_of, team)
        except TOO_LITTLE_MEMORY as error:
            del net  # its memory must be free before the next net is made
            torch.cuda.empty_cache()
            if context.shares_gpu:
                raise
            micro_tokens = _smaller(schedule, micro_tokens, error)
            context.notify(
                f"Out of memory: continuing with {micro_tokens} tokens per micro-batch; the effective batch size does "
                "not change."
            )
            continue
        progress.translated = _translation_counts(stage, reader)
        return Trained(net=net, progress=progress)


def _translation_counts(stage: StageSpec, reader: DataReader) -> dict[str, dict[str, dict[str, int]]]:
    """Task -> language -> numbers of training examples `translated` and `dropped`."""
    sets = [data for data in stage.data if data.translation]
    counts = {data.task: encoded.translated for data in sets for encoded in reader.encoded(data).values()}
    return {task: {code: dict(numbers) for code, numbers in languages.items()} for task, languages in counts.items()}


def _smaller(schedule: Schedule, micro_tokens: int, error: BaseException) -> int:
    """Half of `micro_tokens`. Raises OutOfMemoryError if that is too small, or if no batch can be split."""
    if all(stream.items.head_type.is_contrastive for stream in schedule.streams):
        raise OutOfMemoryError(
            "Out of memory: a batch of query-candidate pairs cannot be split, because its loss compares each query "
            "with all candidates. Use a smaller batch_size, a shorter max_length or fewer trials per device."
        ) from error
    return halved(micro_tokens, error)


def _streams(data: DataSpec, stage: StageSpec, reader: DataReader) -> list[Stream]:
    """One stream for each language of the data."""
    head = properties_of(reader.tasks[data.task]).head
    streams = []
    for language, encoded in reader.encoded(data).items():
        logger.info("training data, %s %s: %s", data.task, language, encoded.facts)
        items = TaskItems(task=data.task, head=head, features=encoded.features, pad=reader.pad)
        seed = derived_seed("stream", stage.seed, data.task, language)
        streams.append(Stream(items, stage.training.batch_size, seed))
    return streams


def examples_of(stage: StageSpec, reader: DataReader) -> list[Source]:
    """The data, the language and the examples of each stream of the tasks of a stage, in the order of its schedule."""
    return [(data, language, encoded) for data in stage.data for language, encoded in reader.encoded(data).items()]


def save_trained(trained: Trained, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the net as a Hugging Face folder with its heads, and its progress to PROGRESS_FILE."""
    save_net(trained.net, tokenizer, folder)
    (folder / PROGRESS_FILE).write_text(json.dumps(vars(trained.progress)), encoding="utf-8")


def load_trained(folder: Path, stage: StageSpec, reader: DataReader, device: torch.device) -> Trained:
    """Read a net and its progress from a folder that `save_trained` wrote."""
    net = new_net(load_body(str(folder)), stage, reader, device)
    load_heads(net, folder)
    return Trained(net=net, progress=read_progress(folder))


def read_progress(folder: Path) -> Progress:
    """The counters of a training from a folder that `save_trained` wrote."""
    return Progress(**json.loads((folder / PROGRESS_FILE).read_text(encoding="utf-8")))
