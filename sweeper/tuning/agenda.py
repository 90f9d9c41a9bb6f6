"""The trials that can run next: the plan without the trials that have finished.

The order of trials depends only on which results exist, not on timing. This module does not use Ray.
"""

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from sweeper.plan.budget import Budget, Purchase
from sweeper.plan.specs import Chain, Specs
from sweeper.plan.units import Plan, PlannedTrial, Unit
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec, score_key, training_key
from sweeper.tuning.results import Results
from sweeper.tuning.search import Request, Studies, Suggestion
from sweeper.tuning.slots import Slot, Slots


@dataclass
class Agenda:
    """Hands out trials when everything that they depend on has finished, and receives their results.

    `trainings` and `scores` are the contents of the ledger, by key, when the sweep starts.
    """

    specs: Specs
    trainings: dict[str, EndedTrial]
    scores: set[str]
    retried: Sequence[EndedTrial] = ()
    """Failed trials of the ledger that run again, with the same dials."""
    budget: Budget | None = None
    """Limits the trials to those that it buys. A later wave is added when all trials of the earlier ones have ended."""
    ready: list[Slot] = field(default_factory=list)
    """A heap of the slots that can run now."""
    running: dict[str, Slot] = field(default_factory=dict)
    """Name of a trial that was handed out and has not ended -> its slot."""
    done: dict[Slot, EndedTrial] = field(default_factory=dict)
    """Slots with a final record, also of a failed trial."""
    lost: dict[Slot, str] = field(default_factory=dict)
    """Slots whose trial was lost (a worker died, a disk was full) -> reason. The next run tries them again."""
    blocked: dict[Slot, str] = field(default_factory=dict)
    """Slots that cannot run because something that they depend on failed or was lost -> reason."""

    def __post_init__(self) -> None:
        # The plan without a budget. With one, the plan starts empty and grows by waves.
        self.whole = self.specs.plan
        if self.budget:
            self.specs = replace(self.specs, plan=replace(self.whole, part=frozenset()))
        self.results = self._results_of(self.plan)
        # Slots that were made ready or done: each is offered only once.
        self._offered: set[Slot] = set()
        # Name of a unit -> the units that may change when one of its trials ends, itself included.
        self._dependents: dict[str, list[str]] = {}
        recorded = chain(self.trainings.values(), self.retried)
        searches = (record.spec for record in recorded if record.spec.role == "search")
        # Dials that the ledger has for a trial of a study. They are used again instead of a new suggestion.
        self._searched = {(spec.study, spec.number): Suggestion(spec.dials, spec.phase) for spec in searches}
        self._studies = Studies()
        self._ready_specs: dict[Slot, TrialSpec] = {}
        # (unit, key of a training) -> the first slot with it, and that slot -> later slots with the same training.
        self._firsts: dict[tuple[int, str], Slot] = {}
        self._twins: dict[Slot, list[Slot]] = {}
        for unit in self.plan.units:
            for name in {unit.parent, unit.study, unit.name, *unit.prior} - {""}:
                self._dependents.setdefault(name, []).append(unit.name)
        self._parents = {unit.parent for unit in self.plan.units}
        # Slot of a trial that may train the encoder at the start of another one -> its chain.
        self._chains: dict[Slot, Chain] = {}
        # Names of units whose slots are offered next. Each waits once, although many of its trials may change at once.
        self._changed = OrderedDict.fromkeys(unit.name for unit in self.plan.units)
        self._settle()

    @property
    def plan(self) -> Plan:
        """The plan of the sweep."""
        return self.specs.plan

    @property
    def upcoming(self) -> TrialSpec | None:
        """The trial that `next` would return."""
        return self._ready_specs[self.ready[0]] if self.ready else None

    def next(self) -> TrialSpec | None:
        """The next trial; None if every trial that is left waits for a running one, or if none is left."""
        if not self.ready:
            return None
        slot = heapq.heappop(self.ready)
        spec = self._ready_specs.pop(slot)
        self.running[spec.name] = slot
        return spec

    def retriable(self) -> dict[str, EndedTrial]:
        """Key -> each failed trial of the plan that may succeed when it runs again."""
        return {ended.key: ended for ended in self.done.values() if ended.can_be_retried}

    @property
    def finished(self) -> bool:
        """Whether no trial is ready and none is running."""
        return not self.ready and not self.running

    def complete(self, name: str, result: TrialResult) -> None:
        """Receive the result of a running trial, whose state is `done` or `failed`. Both are final."""
        slot, ended = self.running.pop(name), EndedTrial.of(result.training)
        for finished in (slot, *self._twins.get(slot, ())):
            self._close(finished, ended)
        self._settle()

    def mark_lost(self, name: str, reason: str) -> None:
        """End a running trial that left no record."""
        slot = self.running.pop(name)
        for lost in (slot, *self._twins.get(slot, ())):
            self.lost[lost] = reason
            self._notify_dependents(lost)
        self._settle()

    @property
    def slots(self) -> Slots:
        """The slots of the plan."""
        return self.results.slots

    def unit(self, slot: Slot) -> Unit:
        """The unit of a slot."""
        return self.results.unit(slot)

    def name(self, slot: Slot) -> str:
        """The name of a slot's trial."""
        return self.results.name(slot)

    def record(self, trial: PlannedTrial) -> EndedTrial | None:
        """The final record of a trial of the plan; None without one, and for a trial outside of the part that runs."""
        name, role, number = trial
        return self.done.get(self.slots.slot(self.plan.unit(name), role, number))

    def encoder(self, trial: PlannedTrial) -> str:
        """The key of the encoder that a trial of a preparation trains; "" if its stages are not known yet."""
        name, role, number = trial
        unit = self.plan.unit(name)
        chain = self._chains.get(self.slots.slot(unit, role, number))
        return training_key(self.specs.resolver.model(unit.model), chain) if chain else ""

    def _results_of(self, plan: Plan) -> Results:
        """The results as those of a plan, which grows with a budget."""
        return Results(plan=plan, slots=Slots(plan), done=self.done, lost=self.lost, blocked=self.blocked)

    def _offer_all(self, unit: Unit) -> None:
        for slot in self.slots.of(unit):
            self._offer(slot)

    def _offer(self, slot: Slot) -> None:
        """Make a slot blocked, done (if the ledger has its record) or ready, or leave it if a dependency runs."""
        if slot in self._offered or slot in self.blocked:
            return
        reason = self.results.reason_blocked(slot)
        if reason:
            self.blocked[slot] = reason
            self._notify_dependents(slot)
            return
        spec = self._spec(slot)
        if spec is None:
            # A later result offers this slot again.
            return
        self._offered.add(slot)
        if self.unit(slot).name in self._parents:
            self._chains[slot] = spec.chain
        record = self.trainings.get(spec.key)
        if record is not None and self._is_complete(spec, record):
            self._close(slot, record)
        elif not self._has_twin(slot, spec):
            self._ready_specs[slot] = spec
            heapq.heappush(self.ready, slot)

    def _has_twin(self, slot: Slot, spec: TrialSpec) -> bool:
        """Whether an earlier search trial of the unit has the same dials. Its training then counts for both slots.

        If both ran, the trial that ends first would give the record its number, and the ledger would depend on timing.
        """
        first = self._firsts.setdefault((slot.order, spec.key), slot)
        if first == slot:
            return False
        self._twins.setdefault(first, []).append(slot)
        if first in self.done:
            self._close(slot, self.done[first])
        elif first in self.lost:
            self.lost[slot] = self.lost[first]
            self._notify_dependents(slot)
        return True

    def _is_complete(self, spec: TrialSpec, record: EndedTrial) -> bool:
        """Whether the ledger has everything that a trial would produce."""
        # A failed training has no scores. The record of a scoring is that of its encoder, which did not fail.
        if record.state == "failed" and spec.kind != "score":
            return True
        return all(score_key(spec.key, score) in self.scores for score in spec.scores)

    def _close(self, slot: Slot, record: EndedTrial) -> None:
        spec = record.spec
        if slot.role != "replicate" and spec.number != slot.number:
            # The record of a twin: this slot has the same dials and another number.
            record = replace(record, spec=replace(spec, number=slot.number, name=self.name(slot)))
        self.done[slot] = record
        self._notify_dependents(slot)

    def _notify_dependents(self, slot: Slot) -> None:
        self._changed.update(dict.fromkeys(self._dependents[self.unit(slot).name]))

    def _settle(self) -> None:
        """Offer the slots of all units whose dependencies changed, until nothing changes any more."""
        while self._changed or self._buy():
            name, _ = self._changed.popitem(last=False)
            self._offer_all(self.plan.unit(name))

    def _buy(self) -> bool:
        """Add the trials that the budget buys once all others have ended. Returns whether there are any.

        After a lost trial nothing is added: the next run repeats it, and a wave depends on all results of earlier ones.
        """
        if self.budget is None or not self.finished or self.lost:
            return False
        ended = {self.name(slot): None for slot in self.blocked}
        # The record of a scoring is that of its encoder, whose selection value is not one of the scored cell.
        values = {
            self.name(slot): record.value if self.unit(slot).trains else None for slot, record in self.done.items()
        }
        plan = Purchase.of(self.whole, self.budget, ended | values).plan
        assert plan.part is not None and self.plan.part is not None
        added = {name for name, _, _ in plan.part - self.plan.part}
        self.specs = replace(self.specs, plan=plan)
        self.results = self._results_of(plan)
        self._changed.update(dict.fromkeys(unit.name for unit in plan.units if unit.name in added))
        return bool(added)

    def _spec(self, slot: Slot) -> TrialSpec | None:
        """The spec of a slot; None if something that it depends on has not finished."""
        unit = self.unit(slot)
        chain = self._parent_chain(unit, slot)
        if chain is None:
            return None
        if slot.role == "search":
            return self._search_spec(unit, slot.number, chain)
        if slot.role == "rung":
            return self._rung_spec(unit, slot.number, chain)
        if slot.role == "race":
            return self._race_spec(unit, slot.number, chain)
        if not unit.study:
            return self.specs.replicate(unit, slot.number, None, chain)
        best = self.results.choice(unit)
        return self.specs.replicate(unit, slot.number, best.spec, chain) if best else None

    def _search_spec(self, unit: Unit, number: int, chain: Chain) -> TrialSpec | None:
        prior = self._prior_keys(unit)
        if prior is None:
            return None
        study = self.specs.study_key(unit, chain, prior)
        recorded = self._searched.get((study, number)) if study else None
        if recorded is None:
            recorded = self._suggested(unit, number, study)
        if recorded is None:
            return None
        return replace(self.specs.search(unit, number, recorded.dials, chain, prior), phase=recorded.phase)

    def _rung_spec(self, unit: Unit, number: int, chain: Chain) -> TrialSpec | None:
        """The spec of a trial of a rung after the first; None if the rung before it has no results yet."""
        level = self.slots.level(self.slots.slot(unit, "rung", number))
        numbers = self.plan.rung_numbers(unit, level)
        contender = self._contender(unit, chain, self.slots.rung(unit, level - 1), numbers.index(number), len(numbers))
        return self.specs.rung(unit, level, number, contender) if contender else None

    def _race_spec(self, unit: Unit, number: int, chain: Chain) -> TrialSpec | None:
        """The spec of a trial in a race; None if the search or its rungs have no results yet."""
        search = self.plan.space.search
        place = number // len(search.race_seeds)
        contender = self._contender(unit, chain, self.slots.rung(unit, len(search.rungs)), place, search.race)
        return self.specs.race(unit, number, contender) if contender else None

    def _contender(self, unit: Unit, chain: Chain, slots: Sequence[Slot], place: int, num: int) -> TrialSpec | None:
        """A search trial with the dials that are in a place among the best `num` of some slots.

        If they have fewer different dials, the first ones take the other places too. None if a slot has no result, or
        if all trials failed.
        """
        prior = self._prior_keys(unit)
        best = self.results.leaders(slots, num) if self.results.have(slots) else []
        if not best or prior is None:
            return None
        return self.specs.search(unit, 0, best[place % len(best)].spec.dials, chain, prior)

    def _suggested(self, unit: Unit, number: int, study: str) -> Suggestion | None:
        """New dials of a search trial; None if a result that they depend on is missing."""
        search, owners = self.plan.space.search, [self.plan.unit(name) for name in unit.prior]
        earlier = self.slots.search(unit)[: search.barrier(number, has_prior=bool(owners))]
        # In descending order, because trials that have not finished are mostly among the last ones.
        if not self.results.have([*reversed(earlier), *chain.from_iterable(map(self.slots.search, owners))]):
            return None
        if not unit.searches:
            return Suggestion({}, "fixed")
        request = Request(
            study=study,
            number=number,
            dials=unit.stage.dials,
            finished=self.results.search_records(unit),
            prior=[self.results.search_records(owner) for owner in owners],
            search=search,
        )
        return self._studies.suggestion(request)

    def _prior_keys(self, unit: Unit) -> tuple[str, ...] | None:
        """The keys of the studies from whose results a unit's study starts; None if one of them has no encoder yet."""
        keys = []
        for owner in (self.plan.unit(name) for name in unit.prior):
            start = self._parent_chain(owner, self.slots.slot(owner, "search", 0))
            if start is None:
                return None
            keys.append(self.specs.study_key(owner, start))
        return tuple(keys)

    def _parent_chain(self, unit: Unit, slot: Slot) -> Chain | None:
        """The chain of the encoder that a trial starts from; None if that encoder does not exist (yet)."""
        if not unit.parent:
            return ()
        parent = self.plan.unit(unit.parent)
        if slot.role != "replicate":
            best = self.results.choice(parent)
            return self._chains[self.slots.slot(parent, best.spec.role, best.spec.number)] if best else None
        # A replicate starts from the encoder with the same seed.
        start = self.slots.slot(parent, "replicate", slot.number)
        record = self.done.get(start)
        return self._chains[start] if record is not None and record.state == "done" else None
