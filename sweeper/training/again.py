"""One recorded trial again, in this process and in a scratch folder, held against what the ledger says."""

import tempfile
from dataclasses import dataclass, replace

from sweeper.errors import UserError
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a trial came to this time, line by line, and whether it is what the ledger holds."""

    lines: tuple[str, ...]
    same: bool


def run_again(run: str, key: str, mirror: str | None = None) -> Comparison:
    """Train and score a recorded trial again; encoders it starts from come out of the run's store.

    Raises UserError if no record, or more than one, begins with that key.
    """
    recorded = Run.open(run)
    site, ledger = recorded.site, recorded.ledger
    site = site.with_mirror(mirror) if mirror else site
    old = _record(ledger, key)
    olds = {score.key: score for score in ledger.scores().values() if score.training == old.key}
    with tempfile.TemporaryDirectory(prefix="sweeper-trial-") as scratch:
        bench = Workbench(site.with_results_in(scratch))
        result = run_trial(replace(old.spec, keep=False), bench, retrain=True)
    lines = [f"{old.spec.name} ({old.key}): {result.training.state} {result.training.reason}".rstrip()]
    same = result.training.state == old.state and result.training.value == old.value
    lines.append(f"selection: {result.training.value} now, {old.value} in the ledger")
    for score in result.scores:
        equal = score.key in olds and olds[score.key].metrics == score.metrics
        same = same and equal
        lines += _told(score, "equal to the ledger" if equal else "NOT what the ledger holds")
    return Comparison(lines=(*lines, "Same as the ledger." if same else "Differs from the ledger."), same=same)


def _record(ledger: Ledger, key: str) -> TrainingRecord:
    found = [record for known, record in ledger.trainings().items() if known.startswith(key)]
    if len(found) != 1:
        raise UserError(
            f"{len(found)} training records begin with {key!r}; keys are the names of the files in "
            f"{ledger.folder.url}/trainings, their first digits are enough if no other begins so."
        )
    return found[0]


def _told(score: ScoreRecord, verdict: str) -> list[str]:
    cells = ", ".join(f"{language} {100 * metrics[score.main]:.1f}" for language, metrics in score.metrics.items())
    return [f"{score.target} ({score.main} x 100): {cells}; {verdict}"]
