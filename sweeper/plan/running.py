"""Running trials as text: step, loss, speed and time left."""

from sweeper.plan.numbers import clock, compact
from sweeper.records.progress import PHASES, TrialProgress


def progress_text(progress: TrialProgress) -> str:
    """One line about the inside of a running trial.

    >>> progress_text(TrialProgress(key="", name="", phase="evaluate", detail="xnli sw"))
    'evaluating xnli sw'
    """
    doing = " ".join(part for part in (PHASES[progress.phase], _object(progress)) if part)
    return ", ".join(part for part in (doing, *(_training(progress) if progress.phase == "train" else ())) if part)


def _object(progress: TrialProgress) -> str:
    return progress.detail or (progress.stage if progress.phase in ("load", "train") else "")


def _training(progress: TrialProgress) -> tuple[str, ...]:
    """Step, loss, selection value, speed and time left of a training; "" for each that is not known yet."""
    return (
        f"step {progress.step}/{progress.planned_steps}" if progress.planned_steps else "",
        "" if progress.loss is None else f"loss {progress.loss:.4g}",
        "" if progress.value is None else f"selection {100 * progress.value:.1f}",
        "" if not progress.tokens_per_second else f"{compact(round(progress.tokens_per_second))} tokens/s",
        "" if progress.seconds_left is None else f"{clock(progress.seconds_left)} left",
    )


def silence_text(progress: TrialProgress, now: float) -> str:
    """The age of a trial's last sign of life if it is stale, else ""."""
    if not progress.is_stale(now):
        return ""
    return f"stale: no sign of life for {clock(progress.silence(now))}"
