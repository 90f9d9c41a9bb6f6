"""The scores of a trial: those of the ledger, and the missing ones, which are computed and written."""

import logging
from dataclasses import replace

from sweeper.records.record import ScoreRecord
from sweeper.records.spec import ScoreSpec, score_key
from sweeper.space import CLEAN
from sweeper.training.evaluate import ByLanguage, evaluate, layer_groups
from sweeper.training.model import Net
from sweeper.training.running import Trial, predictor_of
from sweeper.training.scores import outcomes, score_record, score_text
from sweeper.training.subwords import subword_facts

logger = logging.getLogger(__name__)


def all_scores(trial: Trial, net: Net, *, timed: bool) -> tuple[ScoreRecord, ...]:
    """The records of all scores of the spec. Scores that are not in the ledger are computed and written.

    `timed`: whether they have their time, because no training record will include it.
    """
    earlier: dict[str, float] = {}
    ledger, keys = trial.bench.ledger, {score: score_key(trial.spec.key, score) for score in trial.spec.scores}
    records = {score: ledger.score(key) for score, key in keys.items()}
    for scores in layer_groups([score for score, record in records.items() if record is None]):
        results = _evaluate(trial, net, scores)
        for score, by_language in results.items():
            task = trial.reader.tasks[score.target]
            logger.info("%s: %s", score.target, score_text(by_language, task))
            record = replace(score_record(trial.spec, score, by_language, task), subwords=_subwords(trial, score))
            if timed:
                timing, started = trial.clock.since(earlier)
                record, earlier = replace(record, timing=timing, started=started), trial.clock.timing()
            records[score] = ledger.write_score(record, outcomes(by_language))
    return tuple(record for record in records.values() if record is not None)


def _subwords(trial: Trial, score: ScoreSpec) -> dict[str, dict[str, float]]:
    """Facts about the evaluation data of a target that starts from the pretrained encoder; empty for other scores.

    The data of a retrieval target contain both languages of a pair.
    """
    if len(trial.spec.chain) != 1 or score.scores_encoder or score.condition != CLEAN:
        return {}
    return subword_facts(trial.reader.encoded(score.data), trial.reader.tokenizer)


def _evaluate(trial: Trial, net: Net, scores: list[ScoreSpec]) -> dict[ScoreSpec, ByLanguage]:
    """Compute scores that differ only in their layer, and report each language."""
    target = scores[0].target

    def report(language: str) -> None:
        trial.reporter.enter("evaluate", f"{target} {language}")

    trial.reporter.enter("evaluate", target)
    with trial.clock.time("evaluate"):
        return evaluate(
            predictor_of(trial, net, scores[0]), scores, trial.reader, report, certain=trial.spec.log_probabilities
        )
