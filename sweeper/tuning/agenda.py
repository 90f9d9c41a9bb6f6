"""What runs next: the plan minus what has finished. Decides alone by what finished, never by when. Knows no ray."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sweeper.plan.specs import Chain, Specs
from sweeper.plan.units import Plan, Unit
from sweeper.records.counting import chosen
from sweeper.records.record import TrainingRecord, TrialResult
from sweeper.records.spec import Role, TrialSpec, score_key
from sweeper.tuning.search import barrier, suggest


class Slot(NamedTuple):
    """A place in the plan that one trial fills. Ordered by when it should run."""

    row: int
    order: int
    """Number of its unit in the plan."""
    role: Role
    number: int
    """Search number, or replicate seed."""


@dataclass
class Agenda:
    """Hands out trials as they become ready and takes their results in.

    `trainings` and `scores` are what the ledger holds by key when the sweep starts.
    """

    specs: Specs
    trainings: dict[str, TrainingRecord]
    scores: set[str]
    ready: list[Slot] = field(default_factory=list)
    flying: dict[str, Slot] = field(default_factory=dict)
    """Trials handed out and not back, by name."""
    done: dict[Slot, TrainingRecord] = field(default_factory=dict)
    lost: dict[Slot, str] = field(default_factory=dict)
    """Slots that the machines failed, with the reason: tried again by the next run."""
    blocked: dict[Slot, str] = field(default_factory=dict)
    """Slots that can never run, with the reason: what they wait for has failed."""

    def __post_init__(self) -> None:
        self._offered: set[Slot] = set()
        self._children: dict[str, list[Unit]] = {}
        self._order = {unit.name: number for number, unit in enumerate(self.plan.units)}
        searches = (record.spec for record in self.trainings.values() if record.spec.role == "search")
        self._searched = {(spec.study, spec.number): spec.dials for spec in searches}
        self._ready_specs: dict[Slot, TrialSpec] = {}
        self._firsts: dict[tuple[int, str], Slot] = {}
        self._twins: dict[Slot, list[Slot]] = {}
        for unit in self.plan.units:
            for name in {unit.parent, unit.study, unit.name} - {""}:
                self._children.setdefault(name, []).append(unit)
        self._changed = deque(self.plan.units)
        self._settle()

    @property
    def plan(self) -> Plan:
        """The plan it works off."""
        return self.specs.plan

    def next(self) -> TrialSpec | None:
        """The next trial to run, None if all that is left waits for a trial in flight (or nothing is left)."""
        if not self.ready:
            return None
        slot = heapq.heappop(self.ready)
        spec = self._ready_specs.pop(slot)
        self.flying[spec.name] = slot
        return spec

    @property
    def finished(self) -> bool:
        """Whether nothing is ready and nothing in flight."""
        return not self.ready and not self.flying

    def take(self, name: str, result: TrialResult) -> None:
        """A trial has finished, well or not: its record is final."""
        slot = self.flying.pop(name)
        for one in (slot, *self._twins.get(slot, ())):
            self._close(one, result.training)
        self._settle()

    def lose(self, name: str, reason: str) -> None:
        """The machines failed a trial: nothing was recorded."""
        slot = self.flying.pop(name)
        for one in (slot, *self._twins.get(slot, ())):
            self.lost[one] = reason
            self._follow(one)
        self._settle()

    def slots(self) -> Iterator[Slot]:
        """Every slot of the plan."""
        for order, unit in enumerate(self.plan.units):
            for role, number in self.plan.trials(unit):
                yield Slot(unit.row, order, role, number)

    def unit(self, slot: Slot) -> Unit:
        """The unit of a slot."""
        return self.plan.units[slot.order]

    def name(self, slot: Slot) -> str:
        """The name a person knows a slot under."""
        return self.unit(slot).trial_name(slot.role, slot.number)

    def search_records(self, unit: Unit) -> list[TrainingRecord]:
        """Finished search trials of a unit."""
        slots = [self._slot(unit, "search", number) for number in range(self.plan.num_search(unit))]
        return [self.done[slot] for slot in slots if slot in self.done]

    def choice(self, unit: Unit) -> TrainingRecord | None:
        """The search trial whose dials a unit takes, None while its study is not complete or has no good trial."""
        owner = self.plan.unit(unit.study) if unit.study else unit
        records = self.search_records(owner)
        return self._best(owner, records) if len(records) == self.plan.num_search(owner) else None

    def _best(self, owner: Unit, records: list[TrainingRecord]) -> TrainingRecord | None:
        """The best of a unit's search trials, all finished. Where nothing is searched its one trial needs no value."""
        if not owner.searches:
            return next((record for record in records if record.state == "done"), None)
        return chosen(records, len(records))

    def _slot(self, unit: Unit, role: Role, number: int) -> Slot:
        return Slot(unit.row, self._order[unit.name], role, number)

    def _offer(self, unit: Unit) -> None:
        """Look at every slot of a unit that is not settled: it may be ready, blocked, or in the ledger already."""
        for role, number in self.plan.trials(unit):
            self._try(self._slot(unit, role, number))

    def _try(self, slot: Slot) -> None:
        if slot in self._offered or slot in self.blocked:
            return
        reason = self._reason_blocked(slot)
        if reason:
            self.blocked[slot] = reason
            self._follow(slot)
            return
        spec = self._spec(slot)
        if spec is None:
            return
        self._offered.add(slot)
        record = self.trainings.get(spec.key)
        if record is not None and self._complete(spec, record):
            self._close(slot, record)
        elif not self._follows_twin(slot, spec):
            self._ready_specs[slot] = spec
            heapq.heappush(self.ready, slot)

    def _follows_twin(self, slot: Slot, spec: TrialSpec) -> bool:
        """Whether a smaller number of the same study has the same dials, and so the same training, which answers both.

        Both in flight would leave it to their timing which of the two numbers the ledger names.
        """
        first = self._firsts.setdefault((slot.order, spec.key), slot)
        if first == slot:
            return False
        self._twins.setdefault(first, []).append(slot)
        if first in self.done:
            self._close(slot, self.done[first])
        elif first in self.lost:
            self.lost[slot] = self.lost[first]
            self._follow(slot)
        return True

    def _complete(self, spec: TrialSpec, record: TrainingRecord) -> bool:
        if record.state == "failed" and spec.kind != "score":
            return True
        return all(score_key(spec.key, score) in self.scores for score in spec.scores)

    def _close(self, slot: Slot, record: TrainingRecord) -> None:
        spec = record.spec
        if slot.role == "search" and spec.number != slot.number:
            record = replace(record, spec=replace(spec, number=slot.number, name=self.name(slot)))
        self.done[slot] = record
        self._follow(slot)

    def _follow(self, slot: Slot) -> None:
        self._changed.extend(self._children[self.unit(slot).name])

    def _settle(self) -> None:
        while self._changed:
            self._offer(self._changed.popleft())

    def _spec(self, slot: Slot) -> TrialSpec | None:
        """The spec of a slot, None while something it needs is missing."""
        unit = self.unit(slot)
        chain = self._parent_chain(unit, slot)
        if chain is None:
            return None
        if slot.role == "search":
            return self._search_spec(unit, slot.number, chain)
        if not unit.study:
            return self.specs.replicate(unit, slot.number, None, chain)
        best = self.choice(unit)
        return self.specs.replicate(unit, slot.number, best.spec, chain) if best else None

    def _search_spec(self, unit: Unit, number: int, chain: Chain) -> TrialSpec | None:
        study = self.specs.study_key(unit, chain)
        known = self._searched.get((study, number)) if study else None
        if known is not None:
            return self.specs.search(unit, number, known, chain)
        # Backwards, since what is missing is mostly among the last ones.
        earlier = reversed(range(barrier(number, self.plan.space.search)))
        if not all(self._slot(unit, "search", one) in self.done for one in earlier):
            return None
        finished = self.search_records(unit)
        dials = suggest(study, number, unit.stage.dials, finished, self.plan.space.search) if unit.searches else {}
        return self.specs.search(unit, number, dials, chain)

    def _parent_chain(self, unit: Unit, slot: Slot) -> Chain | None:
        if not unit.parent:
            return ()
        parent = self.plan.unit(unit.parent)
        if slot.role == "search":
            best = self.choice(parent)
            return best.spec.chain if best else None
        record = self.done.get(self._slot(parent, "replicate", slot.number))
        return record.spec.chain if record is not None and record.state == "done" else None

    def _reason_blocked(self, slot: Slot) -> str:
        """Why a slot can never run in this sweep, "" if it can."""
        unit = self.unit(slot)
        if slot.role == "replicate" and unit.parent:
            reason = self._reason_gone(self._slot(self.plan.unit(unit.parent), "replicate", slot.number))
            if reason:
                return reason
        if slot.role == "search":
            owners = {unit.parent}
            reasons = [self._reason_missing(earlier) for earlier in self._batch_before(slot)]
        else:
            owners, reasons = {unit.study}, []
        reasons += [self._reason_unchosen(self.plan.unit(name)) for name in owners - {""}]
        return next(filter(None, reasons), "")

    def _batch_before(self, slot: Slot) -> Iterator[Slot]:
        """The search slots that a suggestion waits for; what the batches before them lack blocks these already."""
        search = self.plan.space.search
        edge = barrier(slot.number, search)
        yield from (slot._replace(number=number) for number in range(max(0, edge - search.batch), edge))

    def _reason_gone(self, slot: Slot) -> str:
        record = self.done.get(slot)
        if record is not None and record.state == "failed":
            return f"{self.name(slot)} failed: {record.reason}"
        return self._reason_missing(slot)

    def _reason_missing(self, slot: Slot) -> str:
        found = self.lost.get(slot) or self.blocked.get(slot)
        return f"{self.name(slot)} is missing: {found}" if found else ""

    def _reason_unchosen(self, owner: Unit) -> str:
        slots = [self._slot(owner, "search", number) for number in range(self.plan.num_search(owner))]
        gone = [self._reason_gone(slot) for slot in slots if slot in self.lost or slot in self.blocked]
        if gone:
            return gone[0]
        records = self.search_records(owner)
        if slots and len(records) == len(slots) and self._best(owner, records) is None:
            return f"every search trial of {owner.name} failed, the first one: {records[0].reason}"
        return ""
