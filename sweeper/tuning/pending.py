"""Checks of the missing trials on the driver: reads and tokenises their data before any GPU is reserved."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from rich.console import Console

from sweeper.plan.resolve import missing_languages
from sweeper.plan.specs import Chain
from sweeper.records.spec import TrialSpec
from sweeper.run.site import Site
from sweeper.space import SEARCH_SEED, Stage, Value
from sweeper.space.dials import bounds
from sweeper.training.check import check_spec
from sweeper.training.runtime import slow_bf16
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.progress import reading
from sweeper.tuning.slots import Slot

logger = logging.getLogger(__name__)


def check_pending(agenda: Agenda, site: Site, console: Console, *, quiet: bool = False) -> None:
    """Read, check and tokenise all data of the missing trials, on the driver, before any GPU is reserved.

    Prints a message for data that are incomplete. Raises DataError for data that cannot be used.
    """
    bench = Workbench(site, notify=partial(console.print, markup=False))
    missing = (slot for slot in agenda.slots if slot not in agenda.done)
    # Slots that read the same data are checked once.
    specs = [_data_spec(agenda, slot) for slot in dict.fromkeys(_data_slot(agenda, slot) for slot in missing)]
    untranslated = (message for spec in specs for message in _untranslated(spec))
    for message in dict.fromkeys((*missing_languages(agenda.specs.resolver), *untranslated)):
        console.print(message, markup=False)
    with reading(console, len(specs), quiet=quiet) as show:
        for spec in specs:
            show(spec)
            logger.info("reading and tokenising the data of %s", spec.name)
            check_spec(spec, bench)


def warn_of_bf16(agenda: Agenda, console: Console) -> None:
    """Print a warning if a remaining training uses bf16 on a CPU, and this CPU has no instructions for it."""
    units = {slot.order: agenda.unit(slot) for slot in agenda.slots if slot not in agenda.done}.values()
    trained = [unit for unit in units if unit.trains and unit.stage.training.precision == "bf16"]
    on_cpu = any(not agenda.specs.resources.for_model(unit.model).gpus for unit in trained)
    if on_cpu and (warning := slow_bf16()):
        console.print(warning, markup=False)


def _untranslated(spec: TrialSpec) -> Iterator[str]:
    """A message for each task that stays in English in a stage with translated tasks."""
    formats = {task.name: task.format for task in spec.tasks}
    for stage in spec.chain:
        translated = [data.task for data in stage.data if data.translation]
        for data in stage.data if translated else ():
            if not data.translation:
                yield (
                    f"{data.task} stays in English, while {', '.join(translated)} is translated: a translation does "
                    f"not preserve the labels of format {formats[data.task]}."
                )


def _data_slot(agenda: Agenda, slot: Slot) -> Slot:
    """A slot that reads the same data: the first replicate of the unit, or the first slot with the same data."""
    unit, is_replicate = agenda.unit(slot), slot.role == "replicate"
    slot = slot._replace(wave=0)  # the slots of all waves of a budget read the same data
    if agenda.specs.reads_draws(unit):
        return slot if is_replicate else slot._replace(role="search", number=0)
    if agenda.plan.space.search.refit and not is_replicate:
        return slot._replace(role="search", number=0)
    return slot._replace(role="replicate", number=agenda.plan.seeds(unit)[0])


def _data_spec(agenda: Agenda, slot: Slot) -> TrialSpec:
    """A spec with the data of a slot. Its dials have the values that a check is most likely to refuse."""
    specs, unit = agenda.specs, agenda.unit(slot)
    # A replicate may wait for a choice of dials; its data do not depend on them, except for their length.
    seed = SEARCH_SEED if slot.role == "search" else slot.number
    chain: Chain = ()
    for owner in agenda.plan.lineage(unit):
        training = replace(owner.stage.training, **_critical_dials(owner.stage))  # type: ignore[arg-type]
        chain = (*chain, specs.stage(owner, owner.stage, training, seed))
    if not unit.trains:
        return specs.replicate(unit, seed, None, chain)
    trial = specs.search(unit, slot.number if slot.role == "search" else 0, _critical_dials(unit.stage), chain[:-1])
    return trial if slot.role == "search" else specs.replicate(unit, seed, trial, chain[:-1])


def _critical_dials(stage: Stage) -> dict[str, Value]:
    """The values of dials that a check is most likely to refuse: the largest `max_length` and `frozen_layers`, and with
    `keep = "best"` the values that give the fewest steps.
    """
    choose: dict[str, Callable[[Iterable[Value]], Value]] = {"max_length": max, "frozen_layers": max}
    if stage.training.keep == "best":
        choose |= dict.fromkeys(("epochs", "min_steps", "max_steps", "cap_examples", "cap_tokens"), min)
        choose["batch_size"] = max
    return {name: pick(bounds(stage.dials[name])) for name, pick in choose.items() if name in stage.dials}
