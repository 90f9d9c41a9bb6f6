"""The record of a score, the outcomes of its examples, its line in the log, and the selection value."""

import math
from collections.abc import Mapping

import pandas as pd

from sweeper.errors import TrialError
from sweeper.records.record import ScoreRecord
from sweeper.records.spec import ScoreSpec, TrialSpec, score_key
from sweeper.run.ledger import outcomes_file
from sweeper.scoring.scorers import SCORERS
from sweeper.scoring.sums import mean
from sweeper.tasks.spec import Task
from sweeper.training.evaluate import ByLanguage


def score_record(spec: TrialSpec, score: ScoreSpec, by_language: ByLanguage, task: Task) -> ScoreRecord:
    """The record of a score of a trial. `task` is that of the target. Raises TrialError if a metric is not finite."""
    for language, scored in by_language.items():
        check_finite(scored.metrics, f"{score.target} in {language}")
    key = score_key(spec.key, score)
    return ScoreRecord(
        key=key,
        training=spec.key,
        model=spec.model.name,
        recipe=spec.recipe,
        target=score.target,
        seed=spec.seed if spec.chain else None,  # the pretrained encoder does not depend on a seed
        split=score.split,
        condition=score.condition,
        pooling=score.pooling,
        layer=score.layer,
        similarity=score.similarity,
        metrics={language: dict(scored.metrics) for language, scored in by_language.items()},
        trivial={language: dict(scored.trivial) for language, scored in by_language.items()},
        counts={language: len(scored.outcomes) for language, scored in by_language.items()},
        main=SCORERS[task.scorer].main,
        outcomes=outcomes_file(key),
    )


def outcomes(by_language: ByLanguage) -> pd.DataFrame:
    """A table with one row for each example of each language."""
    return pd.DataFrame(
        [{"language": language, **row} for language, scored in by_language.items() for row in scored.outcomes]
    )


def score_text(by_language: ByLanguage, task: Task) -> str:
    """The main metric of each language x 100."""
    main = SCORERS[task.scorer].main
    values = (f"{language} {100 * scored.metrics[main]:.1f}" for language, scored in by_language.items())
    return f"{main} x 100: {', '.join(values)}"


def selection_value(selection: Mapping[str, Mapping[str, float]], tasks: Mapping[str, Task]) -> float | None:
    """Mean of the main metric over the tasks, with the sign changed if lower is better. None without tasks.

    Raises TrialError if a metric is not finite.
    """
    values = []
    for task, metrics in selection.items():
        check_finite(metrics, f"the selection data of {task}")
        scorer = SCORERS[tasks[task].scorer]
        values.append(metrics[scorer.main] if scorer.higher_is_better else -metrics[scorer.main])
    return mean(values) if values else None


def check_finite(metrics: Mapping[str, float], where: str) -> None:
    """Raise TrialError if a metric is not finite, because no comparison with it is defined."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrialError(
                f"The metric {name} on {where} is {value}: the outputs of the model are not finite, or the metric is "
                "not defined for these examples."
            )
