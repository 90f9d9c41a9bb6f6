"""A whole sweep on the driver: resolve the space, check its data, launch the missing trials, summarise the end."""

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from sweeper.data.source import Sources
from sweeper.errors import ExitCode, UserError
from sweeper.files.leftovers import DAY, HOUR, remove_drafts, remove_temporary
from sweeper.files.patience import use_patience
from sweeper.plan.budget import Budget
from sweeper.plan.infer import infer_space
from sweeper.plan.measurement import default_file, read_measurement
from sweeper.plan.only import ALL, Only, narrowed
from sweeper.plan.resolve import Resolver, check_data
from sweeper.plan.sources import check_paths, mirror_of, sources_of
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.ended import EndedTrial
from sweeper.run.cache import open_cache
from sweeper.run.lease import leased
from sweeper.run.ledger import Contents
from sweeper.run.run import Run
from sweeper.run.site import Site
from sweeper.space import ResourceOverrides, Space
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.halt import Halt
from sweeper.tuning.launch import launch
from sweeper.tuning.live_file import live_file
from sweeper.tuning.memory_watch import MemoryWatch
from sweeper.tuning.metrics import MetricsWatch
from sweeper.tuning.options import Options
from sweeper.tuning.pending import check_pending, warn_of_bf16
from sweeper.tuning.progress import announce, watching
from sweeper.tuning.release import check_store, remover
from sweeper.tuning.searcher import LaunchResult
from sweeper.tuning.shares import Shares, first_shares
from sweeper.tuning.trackers.feed import tracking
from sweeper.tuning.trackers.table import open_trackers
from sweeper.tuning.watch import Watches

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """The state of a sweep when it ends."""

    num_slots: int
    """Number of trials in the plan."""
    num_done: int
    """Number of trials with a final record, failed ones included."""
    failed: dict[str, str]
    """Trial -> reason. The next run does not repeat it without `Options.retry_failed`."""
    lost: dict[str, str]
    """Trial -> reason. The next run tries it again."""
    blocked: dict[str, str]
    """Trial -> the failed or lost trial that it depends on."""
    interrupted: bool = False
    fatal: str = ""
    """The reason why the sweep stopped early (a full disk, an unreachable store); "" if there is none."""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of `sweeper run`."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.fatal or self.lost:
            return ExitCode.MACHINE_ERROR
        return ExitCode.FAILED_TRIALS if self.failed or self.blocked else ExitCode.SUCCESS


def run_sweep(space: Space, options: Options, console: Console, halt: Halt | None = None) -> SweepResult:
    """Run a space, or continue it in its run folder.

    Raises UserError for everything that the user must correct, before anything is trained.
    """
    use_patience(60 * options.store_patience)
    run = Run.at(options.run)
    trackers = open_trackers(options.trackers, run.trackers)
    report, halt = partial(console.print, markup=False), halt or Halt()
    with ExitStack() as stack:
        _lock(run, stack, report, halt)
        # Everything up to `launch` raises errors before a training starts.
        site = make_site(space, options)
        check_store(space, site)
        remove_leftovers(run, site)
        space, sources, inferred = complete(run.continued(space), site, options.only)
        for message in inferred:
            console.print(message, markup=False)
        agenda, contents, retried = _continued(space, sources, site, options, console)
        logger.info("%s has %d of %d trials", run.url, len(agenda.done), sum(1 for _ in agenda.slots))
        release = remover(agenda, site, report)
        if release and (num_removed := release.remove_all()):
            report(f"Encoders that were removed, because no remaining trial needs them: {num_removed}.")
        if agenda.finished:
            return _summary(agenda)
        _before_trials(agenda, retried, site, options, console)
        with (
            watching(agenda, contents.scores.values(), console, quiet=options.quiet) as display,
            tracking(trackers, agenda, report, halt) as tracked,
            live_file(agenda, run.live, report, halt) as live,
        ):
            memory = [] if options.quiet else [MemoryWatch(report)]
            watch = Watches([display, live, MetricsWatch(), *tracked, *memory, *([release] if release else [])], report)
            result = launch(agenda, site, options.workers, watch, halt, _shares(agenda, report))
        return _summary(agenda, result)


def _before_trials(agenda: Agenda, retried: Collection[str], site: Site, options: Options, console: Console) -> None:
    """Check the data of the missing trials, set aside the records of failed trials that run again, and print notes."""
    check_pending(agenda, site, console, quiet=options.quiet)
    if options.retry_failed:
        Run.at(options.run).ledger.set_failed_aside(retried)
        console.print(f"Failed trials that run again: {len(retried)}.")
    if options.workers.is_local:
        warn_of_bf16(agenda, console)
    if not options.quiet:
        announce(options.run, console)


def _continued(
    space: Space, sources: Sources, site: Site, options: Options, console: Console
) -> tuple[Agenda, Contents, Collection[str]]:
    """Write the space and the site to the run folder, and make the agenda from its ledger.

    Returns the agenda, the contents of the ledger that it is made from, and the keys of failed trials that run again.
    Prints a message for each damaged file.
    """
    run = Run.at(options.run)
    if run.has_lost_space:
        space = with_sampler_of_results(space, sources, run.ledger.contents(), options.only)
    resolver = Resolver(space=space, sources=sources)
    damage = run.keep_space(space)
    run.keep_site(site, options.kept())
    contents, damaged = run.ledger.repaired()
    for message in (*([damage] if damage else []), *damaged):
        console.print(message, markup=False)
    agenda = make_agenda(resolver, contents, options.resources, options.only, budget=options.budget)
    retried = agenda.retriable() if options.retry_failed else {}
    if retried:
        contents, again = contents.without(retried), tuple(retried.values())
        agenda = make_agenda(resolver, contents, options.resources, options.only, again, options.budget)
    return agenda, contents, retried


def complete(space: Space, site: Site, only: Only) -> tuple[Space, Sources, Sequence[str]]:
    """The space with the columns and labels that are inferred from its data, its sources, and messages about them.

    Raises UserError for paths and data that do not exist.
    """
    sources = sources_of(space, Path(site.mirror) if site.mirror else None, Path(site.cache))
    check_paths(space, sources)
    check_data(Resolver(space=space, sources=sources), only)
    space, inferred = infer_space(space, sources)
    return space, sources, inferred


def make_site(space: Space, options: Options) -> Site:
    """The site of a run. Generates the synthetic world of the space, unless a mirror replaces it.

    Raises UserError if the given folder is not a mirror, or if the world does not have every encoder and draw
    that the space uses.
    """
    run = Run.at(options.run)
    cache = str(open_cache(options.cache or run.default_cache()).resolve())
    mirror = mirror_of(space, options.mirror, Path(cache))
    site = run.make_site(
        store=options.store,
        cache=cache,
        mirror=str(mirror) if mirror else None,
        world=space.world if options.mirror is None else "",
        checkpoint_every=options.checkpoint_every,
    )
    return replace(site, store_patience=60 * options.store_patience, verbose=options.verbose)


def with_sampler_of_results(space: Space, sources: Sources | None, contents: Contents, only: Only = ALL) -> Space:
    """The space, with the sampler `tpe` instead of `auto` if the ledger has more of its trials then.

    `tpe` was the default of earlier versions. Only the keys of the results tell the sampler if `space.json` is lost.
    """
    spaces = [space]
    if space.search.sampler == "auto":
        spaces.append(replace(space, search=replace(space.search, sampler="tpe")))
    agendas = [make_agenda(Resolver(space=each, sources=sources), contents, only=only) for each in spaces]
    # If the numbers are equal, the first one: the space as it was given.
    return max(agendas, key=lambda agenda: len(agenda.done)).plan.space


def make_agenda(
    resolver: Resolver,
    contents: Contents,
    resources: ResourceOverrides | None = None,
    only: Only = ALL,
    retried: Sequence[EndedTrial] = (),
    budget: Budget | None = None,
) -> Agenda:
    """The agenda of a space, or of a part of it: its plan without the trials that the ledger contains.

    `retried` are failed trials that are not among the contents and run again.
    """
    specs = Specs(
        plan=narrowed(make_plan(resolver.space), only), resolver=resolver, resources=resources or ResourceOverrides()
    )
    scores = set(contents.scores)
    return Agenda(specs=specs, trainings=contents.trainings, scores=scores, retried=retried, budget=budget)


def _shares(agenda: Agenda, report: Callable[[str], object]) -> Shares:
    """The shares of GPUs with which the sweep starts. Reports those that are larger than in the space."""
    file = default_file(agenda.plan.space.name)
    try:
        measurement = read_measurement(file)
    except UserError as error:
        report(f"{error} The sweep does not use it.")
        measurement = None
    shares, of_trials = first_shares(agenda, measurement), dict(first_shares(agenda, None))
    for model, share in shares:
        source = "ended trials of this run have measured that they need it"
        if measurement and of_trials.get(model) != share:
            source = (
                f"`sweeper pace` has measured on {measurement.device} that they need it ({file}). If this sweep uses "
                "other GPUs, measure again or remove the file"
            )
        report(f"Trials of {model} reserve {share}, because {source}.")
    return shares


def _lock(run: Run, stack: ExitStack, report: Callable[[str], object], halt: Halt) -> None:
    """Raise UserError if another driver works in this run folder, because both would run the same trials."""
    if run.lock is None:
        stack.enter_context(leased(run.folder, report, partial(setattr, halt, "is_replaced", True)))
        return
    run.lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        stack.enter_context(FileLock(run.lock, timeout=0))
    except Timeout as error:
        raise UserError(f"Another `sweeper run` is working in {run.url}. Wait for it to end, or stop it.") from error


def remove_leftovers(run: Run, site: Site) -> None:
    """Remove temporary files of killed processes. The caller has locked a local run folder."""
    remove_temporary()
    # Other processes may use the cache and the store now.
    store = site.open_store().folder.local
    for folder in (Path(site.cache), *([store] if store else [])):
        remove_drafts(folder, DAY)
    # Between nodes, some shared file systems have no locks: the trials of another driver may write here.
    for folder in run.written_by_trials:
        remove_drafts(folder, HOUR)


def _summary(agenda: Agenda, result: LaunchResult | None = None) -> SweepResult:
    return SweepResult(
        num_slots=sum(1 for _ in agenda.slots),
        num_done=len(agenda.done),
        failed={agenda.name(slot): r.reason for slot, r in agenda.done.items() if r.state == "failed"},
        lost={agenda.name(slot): reason for slot, reason in agenda.lost.items()},
        blocked={agenda.name(slot): reason for slot, reason in agenda.blocked.items()},
        interrupted=result is not None and result.interrupted,
        fatal=result.fatal if result is not None else "",
    )
