"""How far a run is, from its ledger alone: no data, no network, no ray."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from sweeper.plan.units import TRIAL_KINDS, Plan, make_plan, trial_kind
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run


@dataclass(frozen=True, kw_only=True)
class Status:
    """Finished and all trials by kind, and what failed."""

    run: str
    counts: dict[str, tuple[int, int]]
    failed: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        counts = {kind: {"finished": done, "all": total} for kind, (done, total) in self.counts.items()}
        return {"run": self.run, "trials": counts, "failed": self.failed}

    def table(self) -> Table:
        """For people."""
        table = Table("trials", "finished", "all", title=self.run, title_justify="left")
        for kind, (done, total) in self.counts.items():
            table.add_row(TRIAL_KINDS[kind], str(done), str(total))
        for name, reason in self.failed.items():
            table.add_row(f"failed: {name}", reason, "")
        return table


def status_of(run: str) -> Status:
    """The status of a run folder. Raises UserError if it is none."""
    run_folder = Run.open(run)
    plan = make_plan(run_folder.space)
    ledger = run_folder.ledger
    done = finished_names(ledger, plan)
    total: Counter[str] = Counter()
    finished: Counter[str] = Counter()
    for unit in plan.units:
        for role, number in plan.trials(unit):
            kind = trial_kind(unit.kind, role)
            total[kind] += 1
            finished[kind] += unit.trial_name(role, number) in done
    failed = {r.spec.name: r.reason for r in ledger.trainings().values() if r.state == "failed"}
    return Status(
        run=run, counts={kind: (finished[kind], total[kind]) for kind in TRIAL_KINDS if total[kind]}, failed=failed
    )


def finished_names(ledger: Ledger, plan: Plan) -> set[str]:
    """Names of the trials that a ledger holds. A scoring counts once all its targets are scored."""
    trainings = ledger.trainings()
    done = {record.spec.name for record in trainings.values()}
    scored = {(s.model, s.recipe, s.target, s.seed, s.pooling, s.layer, s.similarity) for s in ledger.scores().values()}
    for unit in plan.units:
        owner = unit.study and plan.unit(unit.study)
        if owner and any(unit.replicate_name(seed) in done for seed in plan.seeds(unit)):
            # Dials that a study suggests twice are trained once, under the lower number; a replicate waits for all.
            done = done | {owner.search_name(number) for number in range(plan.num_search(owner))}
        if unit.kind == "score":
            for seed in plan.seeds(unit):
                keys = [
                    (
                        unit.model.name,
                        unit.recipe,
                        t.task,
                        seed if unit.stages else None,
                        t.pooling,
                        layer,
                        t.similarity,
                    )
                    for t in unit.targets
                    for layer in t.layers
                ]
                name = unit.replicate_name(seed)
                done = done | {name} if scored.issuperset(keys) else done - {name}
    return done
