"""Run a recorded trial again, in this process and a temporary folder, and compare it with the ledger."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sweeper.errors import UserError
from sweeper.files.leftovers import locked_folder
from sweeper.records.record import ScoreRecord
from sweeper.run.run import Run
from sweeper.training.stage import Trained
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Result of a trial that was run again, compared with the ledger."""

    lines: tuple[str, ...]
    """Text for the user."""
    same: bool
    """Whether state, selection value and all metrics equal those in the ledger."""


def run_again(
    run: str, key: str, mirror: str | None = None, take: Callable[[Trained], object] = lambda _: None
) -> Comparison:
    """Train and score a recorded trial again, starting from the encoders of earlier stages in the store of the run.

    Encoders that the store has lost are trained and stored in it. `take` is called with the trained net. Raises
    UserError if there is no training record with that key.
    """
    recorded = Run.open(run)
    site, ledger = recorded.site, recorded.ledger
    site = site.with_mirror(mirror) if mirror else site
    old = ledger.training(key)
    if old is None:
        raise UserError(f"{run} has no training record with the key {key!r}.")
    damaged: list[str] = []
    old_scores = {score.key: score for score in ledger.scores(damaged).values() if score.training == old.key}
    with locked_folder("sweeper-trial-") as scratch:
        bench = Workbench(site.with_results_in(str(scratch)))
        # Without `retrain`, the trial would load its own encoder from the store of the run.
        spec = replace(old.spec, keep=False, resources=old.spec.resources.alone)
        result = run_trial(spec, bench, retrain=True, take=take)
    lines = [f"{message} It is left out." for message in damaged]
    lines += [f"{old.spec.name} ({old.key}): {result.training.state} {result.training.reason}".rstrip()]
    same = result.training.state == old.state and result.training.value == old.value
    lines.append(f"selection: {result.training.value} now, {old.value} in the ledger")
    for target, predictors in result.training.predictors.items():
        equal = target in old.predictors and old.predictors[target].values == predictors.values
        same = same and equal
        values = ", ".join(f"{name} {value:.4f}" for name, value in predictors.values.items())
        lines.append(f"predictors of {target}: {values}; {_verdict(equal)}")
    for score in result.scores:
        # Exact equality: the same spec gives the same bytes on the same type of machine.
        equal = score.key in old_scores and old_scores[score.key].metrics == score.metrics
        same = same and equal
        lines.append(_score_line(score, _verdict(equal)))
    return Comparison(lines=(*lines, "Same as the ledger." if same else "Differs from the ledger."), same=same)


def _verdict(equal: bool) -> str:
    return "equal to the ledger" if equal else "NOT equal to the ledger"


def _score_line(score: ScoreRecord, verdict: str) -> str:
    values = ", ".join(f"{language} {100 * metrics[score.main]:.1f}" for language, metrics in score.metrics.items())
    return f"{score.target} ({score.main} x 100): {values}; {verdict}"
