"""The searches of a run as an Optuna journal, made from the ledger on demand for `optuna-dashboard`."""

import logging
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from sweeper.plan.units import Unit, make_plan
from sweeper.records.counting import chosen_trial
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import Role
from sweeper.run.run import Run
from sweeper.space import Choice, Distribution, Search
from sweeper.tuning.search import distribution, optuna_trial

logger = logging.getLogger(__name__)

ENDINGS: Mapping[Role, str] = {"search": "", "rung": " (rungs)", "race": " (race)", "replicate": " (replicates)"}
"""Role of trials -> the end of the name of their study."""
LOG_RANGE = 10
"""Numbers of a choice whose largest is at least this many times the smallest have a logarithmic scale."""


def write_journal(run: Run, path: Path) -> int:
    """Write the finished trials of a run to a file that `optuna-dashboard FILE` opens. Returns the number of studies.

    Each search unit, such as `mini-xlmr/baseline -> xnli`, has a study with its search trials in the order of their
    numbers, studies `... (rungs)` and `... (race)` if the space has them, and a study `... (replicates)` with the
    trainings that use its dials. No result depends on the file.

    Records that cannot be read are left out and named in the log. Raises UserError if `run` is not a run folder, and
    OSError if the file cannot be written.
    """
    space = run.space
    owners = {unit.name: unit for unit in make_plan(space).units if unit.searches}
    damaged: list[str] = []
    trainings = [record for record in run.ledger.trainings(damaged).values() if record.spec.study]
    for message in damaged:
        logger.warning("%s It is left out.", message)
    by_study = defaultdict(list)
    for record in sorted(trainings, key=_order):
        by_study[record.spec.study].append(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # A complete file replaces the earlier one: a dashboard that reads it sees no half of a study.
    with tempfile.TemporaryDirectory(prefix=".journal-", dir=path.parent) as folder:
        draft = Path(folder, "journal")
        draft.touch()
        storage = JournalStorage(JournalFileBackend(str(draft)))
        num = 0
        for name, records in sorted(_named(by_study.values(), owners)):
            num += _add_studies(storage, owners[name], records, space.search)
        draft.replace(path)
    return num


def _named(
    studies: Iterable[list[TrainingRecord]], owners: Mapping[str, Unit]
) -> Iterator[tuple[str, list[TrainingRecord]]]:
    """Each study with the name of its unit. A study without search trials has no name and is left out.

    Of two studies of one unit, whose data or model changed between two runs, the newest counts.
    """
    newest: dict[str, list[TrainingRecord]] = {}
    for records in sorted(studies, key=_last_start):
        specs = [record.spec for record in records if record.spec.role == "search"]
        for name, owner in owners.items():
            if specs and owner.search_name(specs[0].number) == specs[0].name:
                newest[name] = records
    yield from newest.items()


def _add_studies(storage: JournalStorage, owner: Unit, records: list[TrainingRecord], search: Search) -> int:
    """Add the study of a unit, and those of its race and of its replicates if it has any. Returns their number."""
    by_role = defaultdict(list)
    for record in records:
        by_role[record.spec.role].append(record)
    searched, chosen = by_role["search"], chosen_trial(records, search)
    notes = {
        "model": owner.model.name,
        "recipe": owner.recipe,
        "task": searched[0].spec.task,
        "targets": [target.task for target in owner.targets],
        "chosen trial": chosen.spec.name if chosen else None,
        "chosen dials": dict(chosen.spec.dials) if chosen else None,
    }
    scales = {name: scale(dial) for name, dial in owner.stage.dials.items()}
    for role, members in by_role.items():
        study = optuna.create_study(study_name=f"{owner.name}{ENDINGS[role]}", storage=storage, direction="maximize")
        for note, value in notes.items():
            study.set_user_attr(note, value)
        key = chosen.key if chosen else None
        study.add_trials([_trial(record, scales, is_chosen=record.key == key) for record in members])
    return len(by_role)


def scale(dial: Distribution) -> BaseDistribution:
    """The distribution of a dial on the scale on which a plot should show it.

    Numbers of a `Choice` have a numeric axis instead of one position for each value; positive numbers with a wide range
    have a logarithmic one. Other values stay categories.
    """
    if not isinstance(dial, Choice):
        return distribution(dial)
    numbers = [value for value in dial.values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(dial.values):
        return CategoricalDistribution(list(dial.values))
    low, high = min(numbers), max(numbers)
    is_wide = low > 0 and high >= LOG_RANGE * low
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(low), int(high), log=is_wide)
    # Fractions such as learning rates are compared by their ratios.
    return FloatDistribution(low, high, log=is_wide or (low > 0 and high < 1))


def _last_start(records: list[TrainingRecord]) -> str:
    return max(record.machine.get("started", "") for record in records)


def _order(record: TrainingRecord) -> tuple[int, int, str]:
    # Of equal values Optuna names the first trial as the best one, and the sweep chooses the lowest number.
    return record.spec.number, record.spec.seed, record.spec.name


def _trial(record: TrainingRecord, scales: Mapping[str, BaseDistribution], *, is_chosen: bool) -> FrozenTrial:
    """A finished trial with the times of its record."""
    spec = record.spec
    notes = {"recipe": spec.recipe, "seed": spec.seed, "reason": record.reason, "is chosen": is_chosen}
    trial = optuna_trial(record, scales, spec.dials, **notes)
    if start := record.machine.get("started"):
        # Optuna's times are local and have no time zone.
        trial.datetime_start = datetime.fromisoformat(start).astimezone().replace(tzinfo=None)
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=record.timing.get("total", 0.0))
    return trial
