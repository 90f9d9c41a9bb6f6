"""A whole sweep from the driver's side: look everything up, check it, launch what is missing, say how it ended."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from sweeper.errors import UserError
from sweeper.plan.resolve import Resolver, check_data, missing_languages
from sweeper.plan.specs import ResourceOverrides, Specs, check_world
from sweeper.plan.units import make_plan
from sweeper.records.record import TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.run.site import Site
from sweeper.space import SEARCH_SEED, Choice, Space, Stage, Training
from sweeper.training.trial import check_spec
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda, Slot
from sweeper.tuning.halt import Halt
from sweeper.tuning.launch import Outcome, Workers, launch
from sweeper.tuning.progress import watching
from sweeper.tuning.search import Journal
from sweeper.tuning.watch import Watch
from sweeper.world.build import build, world_folder


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run may be told beside its space: none of it changes a result."""

    run: str
    mirror: str | None = None
    store: str | None = None
    """Encoder store; None: the run folder."""
    cache: str | None = None
    """Node-local folder for data and copies of encoders; None: `cache` in the run folder, or a temporary one."""
    workers: Workers = field(default_factory=Workers)
    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    """What each actor owns, where it is not what its model says."""
    checkpoint_every: float = 60.0
    """Seconds between two checkpoints of a training."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a sweep ended."""

    num_slots: int
    num_done: int
    failed: dict[str, str]
    """Trial -> reason, final."""
    lost: dict[str, str]
    """Trial -> reason; tried again by the next run."""
    blocked: dict[str, str]
    """Trial -> what it waits for in vain."""
    interrupted: bool = False
    fatal: str = ""

    @property
    def exit_code(self) -> int:
        """0 good, 1 some trials failed, 130 stopped."""
        if self.interrupted:
            return 130
        return 1 if self.failed or self.lost or self.blocked or self.fatal else 0


def run_sweep(space: Space, options: Options, console: Console, halt: Halt | None = None) -> Ending:
    """Run a space, or go on with it. Raises UserError for whatever the user must mend, before anything is trained."""
    run = Run.at(options.run)
    with ExitStack() as stack:
        _lock(run, stack)
        site = make_site(space, options)
        resolver = Resolver(space=space, sources=Workbench(site).sources)
        check_data(resolver)
        run.keep_space(space)
        run.keep_site(site)
        ledger = run.ledger
        for told in ledger.set_damaged_aside():
            console.print(told, markup=False)
        agenda = make_agenda(resolver, ledger, options.resources)
        if agenda.finished:
            return _ending(agenda)
        check_pending(agenda, site, console)
        known = list(ledger.scores().values())
        with watching(agenda, known, console) as watch:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sweeper-ray-")))
            outcome = launch(agenda, site, options.workers, JournalWatch(watch, agenda, run), scratch, halt or Halt())
        return _ending(agenda, outcome)


def make_site(space: Space, options: Options) -> Site:
    """Where the files of a run lie; makes the generated data set if the space stands on one and no mirror is named."""
    run = Run.at(options.run)
    cache = str(Path(options.cache or run.default_cache()).resolve())
    mirror = str(Path(options.mirror).resolve()) if options.mirror else None
    if mirror and not Path(mirror, "datasets").is_dir():
        raise UserError(
            f"--mirror {options.mirror}: a mirror has a folder `datasets`, and there is no {mirror}/datasets."
        )
    if space.world and mirror is None:
        check_world(space)
        mirror = str(world_folder(space.world, Path(cache, "worlds")))
        build(space.world, Path(mirror))
    return run.make_site(
        store=options.store,
        cache=cache,
        mirror=mirror,
        world=space.world if options.mirror is None else "",
        checkpoint_every=options.checkpoint_every,
    )


def make_agenda(resolver: Resolver, ledger: Ledger, resources: ResourceOverrides | None = None) -> Agenda:
    """The plan of a space minus what the ledger holds."""
    specs = Specs(plan=make_plan(resolver.space), resolver=resolver, resources=resources or ResourceOverrides())
    return Agenda(specs=specs, trainings=ledger.trainings(), scores=set(ledger.scores()))


def check_pending(agenda: Agenda, site: Site, console: Console) -> None:
    """Read, check and tokenise all data that the missing trials need, on the driver, before any GPU is asked for."""
    bench = Workbench(site, notify=partial(console.print, markup=False))
    missing = (slot for slot in agenda.slots() if slot not in agenda.done)
    asked = [_sample(agenda, slot) for slot in dict.fromkeys(_reader(agenda, slot) for slot in missing)]
    in_english = (sentence for spec in asked for sentence in _left_in_english(spec))
    for told in dict.fromkeys((*missing_languages(agenda.specs.resolver), *in_english)):
        console.print(told, markup=False)
    with console.status("reading and tokenising data ..."):
        for spec in asked:
            check_spec(spec, bench)


def _left_in_english(spec: TrialSpec) -> Iterator[str]:
    """A sentence for each task that stands in a translated stage and is not translated."""
    formats = {task.name: task.format for task in spec.tasks}
    for stage in spec.chain:
        beside = [data.task for data in stage.data if data.translation]
        for data in stage.data if beside else ():
            if not data.translation:
                yield (
                    f"{data.task}: stays in English beside translated {', '.join(beside)}, for the labels of format "
                    f"{formats[data.task]} do not survive a translation."
                )


def _reader(agenda: Agenda, slot: Slot) -> Slot:
    """The slot whose data are read for a missing one: the unit's first replicate, or one with the same draw."""
    unit = agenda.unit(slot)
    if not agenda.specs.reads_draws(unit):
        return slot._replace(role="replicate", number=agenda.plan.seeds(unit)[0])
    return slot._replace(number=0) if slot.role == "search" else slot


def _sample(agenda: Agenda, slot: Slot) -> TrialSpec:
    """A spec with a slot's data in it; dials do not matter for what is read."""
    specs, unit = agenda.specs, agenda.unit(slot)
    seed = SEARCH_SEED if slot.role == "search" else slot.number
    chain = tuple(specs.stage(unit, stage, _longest(stage), seed) for stage in unit.stages)
    parent = chain if unit.kind == "score" else chain[:-1]
    if slot.role == "search":
        return specs.search(unit, slot.number, {}, parent)
    return specs.replicate(unit, seed, None, parent)


def _longest(stage: Stage) -> Training:
    """The stage's training at the greatest length that its dials allow."""
    dial = stage.dials.get("max_length")
    lengths = [int(value) for value in dial.values] if isinstance(dial, Choice) else []
    return replace(stage.training, max_length=max([stage.training.max_length, *lengths]))


class JournalWatch(Watch):
    """Passes everything on, and mirrors finished trials into the Optuna journal beside a local run."""

    def __init__(self, watch: Watch, agenda: Agenda, run: Run) -> None:
        self._watch = watch
        self._owners = {
            agenda.name(slot): agenda.plan.unit(agenda.unit(slot).study)
            for slot in agenda.slots()
            if agenda.unit(slot).study
        }
        named = {r.key: r for slot, r in agenda.done.items() if agenda.name(slot) in self._owners}
        searched = list(named.values())  # dials suggested twice were trained once
        self._journal = Journal(run.journal, len(searched)) if run.journal else None
        for record in searched if self._journal is not None and self._journal.empty else ():
            self._add(record)

    def started(self, spec: TrialSpec) -> None:
        """Pass it on."""
        self._watch.started(spec)

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Pass it on, and add it to its study."""
        self._watch.finished(spec, result)
        self._add(result.training)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Pass it on."""
        self._watch.lost(spec, reason)

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Pass it on."""
        self._watch.notified(spec, message)

    def _add(self, record: TrainingRecord) -> None:
        owner = self._owners.get(record.spec.name)
        if self._journal is None or owner is None:
            return
        try:
            self._journal.add(owner.name, owner.stage.dials, record)
        except OSError as error:  # a full disk; the ledger has the trial, and a sweep does not end for its mirror
            self._journal = None
            self._watch.notified(
                record.spec, f"optuna.journal is not written any more ({error}). A new run restores it."
            )


def _lock(run: Run, stack: ExitStack) -> None:
    """Raise UserError if another driver works in this run folder: both would do the same trials."""
    if run.lock is None:
        return
    run.lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        stack.enter_context(FileLock(run.lock, timeout=0))
    except Timeout as error:
        raise UserError(f"Another `sweeper run` is working in {run.url}. Wait for it to end, or stop it.") from error


def _ending(agenda: Agenda, outcome: Outcome | None = None) -> Ending:
    failed = {agenda.name(slot): r.reason for slot, r in agenda.done.items() if r.state == "failed"}
    return Ending(
        num_slots=sum(1 for _ in agenda.slots()),
        num_done=len(agenda.done),
        failed=failed,
        lost={agenda.name(slot): reason for slot, reason in agenda.lost.items()},
        blocked={agenda.name(slot): reason for slot, reason in agenda.blocked.items()},
        interrupted=outcome is not None and outcome.interrupted,
        fatal=outcome.fatal if outcome is not None else "",
    )
