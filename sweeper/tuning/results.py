"""The trials of a sweep that have ended, the dials that they choose, and the trials that cannot run because of them."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from sweeper.plan.units import Plan, Unit
from sweeper.records.counting import chosen_trial, leaders
from sweeper.records.ended import EndedTrial
from sweeper.tuning.slots import Slot, Slots


@dataclass(frozen=True, kw_only=True)
class Results:
    """What the trials of a plan depend on. The agenda fills `done`, `lost` and `blocked`."""

    plan: Plan
    slots: Slots
    done: dict[Slot, EndedTrial]
    """Slots with a final record, also of a failed trial."""
    lost: dict[Slot, str]
    """Slots whose trial was lost -> reason."""
    blocked: dict[Slot, str]
    """Slots that cannot run -> reason."""
    choices: dict[str, EndedTrial | None] = field(default_factory=dict)
    """Name of a unit with a complete study -> the search trial that it has chosen."""

    def unit(self, slot: Slot) -> Unit:
        """The unit of a slot."""
        return self.plan.units[slot.order]

    def name(self, slot: Slot) -> str:
        """The name of a slot's trial."""
        return self.unit(slot).trial_name(slot.role, slot.number)

    def have(self, slots: Sequence[Slot]) -> bool:
        """Whether all of these slots have a final record."""
        return all(slot in self.done for slot in slots)

    def search_records(self, unit: Unit) -> list[EndedTrial]:
        """The finished search trials of a unit, in order of their numbers."""
        return [self.done[slot] for slot in self.slots.search(unit) if slot in self.done]

    def choice(self, unit: Unit) -> EndedTrial | None:
        """The search trial whose dials a unit uses; None if its study is not complete or all of its trials failed."""
        return self._own_choice(self.plan.unit(unit.study) if unit.study else unit)

    def _own_choice(self, owner: Unit) -> EndedTrial | None:
        """The search trial that the study of this unit has chosen; None if it is not complete or all have failed."""
        # Records do not change, so that the choice of a complete study is final.
        if owner.name not in self.choices and self.have(self.slots.studied(owner)):
            self.choices[owner.name] = self._chosen(owner)
        return self.choices.get(owner.name)

    def _chosen(self, owner: Unit) -> EndedTrial | None:
        records = [self.done[slot] for slot in self.slots.studied(owner)]
        if not owner.searches:
            # The only trial of a unit without dials. It may have no selection value.
            return next((record for record in records if record.state == "done"), None)
        return chosen_trial(records, self.plan.space.search)

    def leaders(self, slots: Sequence[Slot], num: int) -> list[EndedTrial]:
        """The trials with the best `num` different dials among the finished ones of some slots."""
        return leaders([self.done[slot] for slot in slots if slot in self.done], num)

    def reason_blocked(self, slot: Slot) -> str:
        """The reason why a slot cannot run in this sweep; "" if it can."""
        unit = self.unit(slot)
        if slot.role == "replicate" and unit.parent:
            reason = self._reason_unusable(self.slots.slot(self.plan.unit(unit.parent), "replicate", slot.number))
            if reason:
                return reason
        # A search starts from the chosen encoder of its parent; a replicate uses the dials that its study chose.
        owner = unit.study if slot.role == "replicate" else unit.parent
        reasons = []
        if slot.role == "search":
            prior = (self.slots.search(self.plan.unit(name)) for name in unit.prior)
            needed = itertools.chain(self._previous_batch(slot), *prior)
            reasons = [self._reason_missing(earlier) for earlier in needed]
        elif slot.role != "replicate":
            reasons = [self._reason_no_leader(unit, self.slots.level(slot) - 1)]
        if owner:
            reasons.append(self._reason_no_choice(self.plan.unit(owner)))
        return next(filter(None, reasons), "")

    def _previous_batch(self, slot: Slot) -> Iterator[Slot]:
        """The search trials of the batch before that of a slot. A missing trial of an older batch blocks that batch."""
        barrier = partial(self.plan.space.search.barrier, has_prior=bool(self.unit(slot).prior))
        edge = barrier(slot.number)
        yield from (slot._replace(number=number) for number in range(barrier(max(0, edge - 1)), edge))

    def _reason_unusable(self, slot: Slot) -> str:
        record = self.done.get(slot)
        if record is not None and record.state == "failed":
            return f"{self.name(slot)} failed: {record.reason}"
        return self._reason_missing(slot)

    def _reason_missing(self, slot: Slot) -> str:
        reason = self.lost.get(slot) or self.blocked.get(slot)
        return f"{self.name(slot)} is missing: {reason}" if reason else ""

    def _reason_no_choice(self, owner: Unit) -> str:
        """The reason why the study of a unit can never choose dials; "" if it can."""
        if self._own_choice(owner) is not None:
            return ""
        slots = self.slots.studied(owner)
        return self._reason_lost(slots) or self._reason_failed(owner, slots)

    def _reason_no_leader(self, unit: Unit, level: int) -> str:
        """The reason why no dials can continue after a rung of a unit; "" if some can."""
        slots = self.slots.rung(unit, level)
        best = self.leaders(slots, 1)
        return self._reason_lost(slots) or ("" if best else self._reason_failed(unit, slots))

    def _reason_lost(self, slots: Sequence[Slot]) -> str:
        """The reason of the first slot that has no result in this sweep; "" without one."""
        return next((self._reason_unusable(slot) for slot in slots if slot in self.lost or slot in self.blocked), "")

    def _reason_failed(self, owner: Unit, slots: Sequence[Slot]) -> str:
        """The reason of the first failed slot if all have ended; "" before, and without slots."""
        if not slots or not self.have(slots):
            return ""
        reasons = (self.done[slot].reason for slot in slots if self.done[slot].state == "failed")
        first = "".join(f"; the first failure: {reason}" for reason in itertools.islice(reasons, 1))
        return f"no trial of the study of {owner.name} that could be chosen has a value{first}"
