"""The state of a run, computed from its ledger alone: no data, no network, no Ray."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sweeper.plan.units import TRIAL_KINDS, Plan, Unit, make_plan, trial_kind
from sweeper.records.record import ScoreRecord
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run


@dataclass(frozen=True, kw_only=True)
class Status:
    """The numbers of finished and of all trials, by kind, and the trials that failed."""

    run: str
    counts: dict[str, tuple[int, int]]
    """Kind of trial (a key of TRIAL_KINDS) -> finished trials, all trials."""
    failed: dict[str, str]
    """Name of a failed trial -> reason."""

    def as_json(self) -> dict[str, Any]:
        """The value that `sweeper status --json` prints."""
        counts = {key: {"finished": done, "all": total} for key, (done, total) in self.counts.items()}
        return {"run": self.run, "trials": counts, "failed": self.failed}


def status_of(url: str) -> Status:
    """The status of a run folder. Raises UserError if the folder is not a run folder."""
    run = Run.open(url)
    plan = make_plan(run.space)
    done = finished_names(run.ledger, plan)
    total: Counter[str] = Counter()
    finished: Counter[str] = Counter()
    for unit in plan.units:
        for role, number in plan.trials(unit):
            key = trial_kind(unit.kind, role)
            total[key] += 1
            finished[key] += unit.trial_name(role, number) in done
    counts = {key: (finished[key], total[key]) for key in TRIAL_KINDS if total[key]}
    failed = {r.spec.name: r.reason for r in run.ledger.trainings().values() if r.state == "failed"}
    return Status(run=url, counts=counts, failed=failed)


ScoreId = tuple[object, ...]
"""Model, recipe, target, seed, pooling, layer and similarity of a score."""


def finished_names(ledger: Ledger, plan: Plan) -> set[str]:
    """Names of the trials that a ledger contains. A scoring is finished when all of its scores exist."""
    done = {record.spec.name for record in ledger.trainings().values()}
    scored = {_score_id(score) for score in ledger.scores().values()}
    for unit in plan.units:
        done |= _search_names_of(plan, unit) if _has_replicate(plan, unit, done) else set()
        if unit.kind == "score":
            # The training record of a scoring is that of its encoder: only the scores show whether it has run.
            names = {unit.replicate_name(seed): _score_ids(unit, seed) for seed in plan.seeds(unit)}
            done -= set(names)
            done |= {name for name, ids in names.items() if scored.issuperset(ids)}
    return done


def _has_replicate(plan: Plan, unit: Unit, done: set[str]) -> bool:
    return any(unit.replicate_name(seed) in done for seed in plan.seeds(unit))


def _search_names_of(plan: Plan, unit: Unit) -> set[str]:
    """Names of all search trials of the study that chose the unit's dials; empty if nothing was searched.

    A replicate starts after all of them. Some names can be missing in the ledger: dials that a study suggests twice
    are trained once, under the lower number.
    """
    if not unit.study:
        return set()
    owner = plan.unit(unit.study)
    return {owner.search_name(number) for number in range(plan.num_search(owner))}


def _score_ids(unit: Unit, seed: int) -> list[ScoreId]:
    """The scores of a scoring unit with a seed. Scores of the pretrained encoder have the seed None."""
    return [
        (unit.model.name, unit.recipe, t.task, seed if unit.stages else None, t.pooling, layer, t.similarity)
        for t in unit.targets
        for layer in t.layers
    ]


def _score_id(score: ScoreRecord) -> ScoreId:
    return (score.model, score.recipe, score.target, score.seed, score.pooling, score.layer, score.similarity)
