"""Scores files in the layout of XTREME's `evaluate.py` (labels and predictions) with the scorers of this project."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.formats.interface import Example
from sweeper.formats.table import FORMATS
from sweeper.scoring.accuracy import accuracy, accuracy_counts
from sweeper.scoring.counts import precision_recall_f1
from sweeper.scoring.ranking import average_precision, mean_average_precision
from sweeper.scoring.scorers import Scored
from sweeper.scoring.sums import mean
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task

FIXTURES = Path(__file__).parent / "scoring" / "xtreme"
VALUES: Mapping[str, Mapping[str, Mapping[str, float]]] = json.loads(
    (FIXTURES / "values.json").read_text(encoding="utf-8")
)
"""Task -> language -> metric -> value in percent that `evaluate.py` computed from the fixtures."""
QUESTIONS = ("xquad", "mlqa", "tydiqa")
ANSWERS = [(task, language) for task in QUESTIONS for language in VALUES[task]]
OTHERS = [(task, language) for task, languages in VALUES.items() if task not in QUESTIONS for language in languages]
Metrics = dict[str, float]
"""Metric of `evaluate.py` -> value in percent."""


def scores(folder: Path, task: str, language: str) -> Metrics:
    """The metrics of `folder/predictions/TASK/test-LANGUAGE.*` compared with the file of the same name in `labels`."""
    metrics = _SCORERS[task](*_texts(folder, task, language), language)
    return {name: 100 * value for name, value in metrics.items()}


def _texts(folder: Path, task: str, language: str) -> tuple[str, str]:
    """The text of the labels and that of the predictions."""
    [labels] = (folder / "labels" / task).glob(f"test-{language}.*")
    predictions = folder / "predictions" / task / labels.name
    return labels.read_text(encoding="utf-8"), predictions.read_text(encoding="utf-8")


def averages(folder: Path, task: str, languages: Iterable[str]) -> Metrics:
    """`avg_METRIC`: the mean over the languages, in the order of operations of `evaluate.py`."""
    values: Mapping[str, list[float]] = defaultdict(list)
    for language in languages:
        for name, value in scores(folder, task, language).items():
            values[name].append(value)
    return {f"avg_{name}": mean(column) for name, column in values.items()}


def _accuracy(labels: str, predictions: str, language: str) -> Metrics:
    pairs = zip(labels.split("\n"), predictions.split("\n"), strict=True)
    return accuracy([accuracy_counts(gold, guess) for gold, guess in pairs if gold])


def _tags(labels: str, predictions: str, language: str) -> Metrics:
    gold, guesses = ([block.split("\n") for block in text.strip().split("\n\n")] for text in (labels, predictions))
    examples = [_example(str(number), tokens=tags, tags=tags) for number, tags in enumerate(gold)]
    scored = _scored(CATALOG["pos"], examples, guesses, language)
    correct, predicted, true = (
        sum(row[name] for row in scored.outcomes) for name in ("chunks_correct", "chunks_predicted", "chunks_gold")
    )
    precision, recall, _ = precision_recall_f1(correct, predicted, true)
    return {"f1": scored.metrics["f1"], "precision": precision, "recall": recall}


def answer_rows(folder: Path, task: str, language: str) -> Sequence[Mapping[str, Any]]:
    """The outcome row of each question, with its exact match `em` and its `f1`."""
    return _scored_answers(task, *_texts(folder, task, language), language).outcomes


def _answers(task: str) -> Callable[[str, str, str], Metrics]:
    def score(labels: str, predictions: str, language: str) -> Metrics:
        metrics = _scored_answers(task, labels, predictions, language).metrics
        return {"exact_match": metrics["em"], "f1": metrics["f1"]}

    return score


def _scored_answers(task: str, labels: str, predictions: str, language: str) -> Scored:
    content, guesses = json.loads(labels), json.loads(predictions)
    articles = content.get("data", content)
    questions = [
        question for article in articles for paragraph in article["paragraphs"] for question in paragraph["qas"]
    ]
    examples = [
        _example(question["id"], answers=[answer["text"] for answer in question["answers"]], may_decline=False)
        for question in questions
    ]
    return _scored(CATALOG[task], examples, [{"text": guesses.get(example.id, "")} for example in examples], language)


def _pairs(labels: str, predictions: str, language: str) -> Metrics:
    gold, mined = (set(text.split("\n")) - {""} for text in (labels, predictions))
    precision, recall, f1 = precision_recall_f1(len(gold & mined), len(mined), len(gold))
    return {"f1": f1, "precision": precision, "recall": recall}


def _ranking(labels: str, predictions: str, language: str) -> Metrics:
    gold, ranked = json.loads(labels), json.loads(predictions)
    rows = []
    for query, right in gold.items():
        hits = [rank for rank, name in enumerate(ranked.get(query, []), start=1) if name in right]
        rows.append({"average_precision": average_precision(hits, len(right))})
    return {"map@20": mean_average_precision(rows)["map20"]}


def _example(name: str, **fields: Any) -> Example:
    return Example(id=name, group=name, fields=fields)


def _scored(task: Task, examples: list[Example], predictions: list[Any], language: str) -> Scored:
    return FORMATS[task.format].score(examples, predictions, task, language)


_SCORERS: Mapping[str, Callable[[str, str, str], Metrics]] = {
    "pawsx": _accuracy,
    "xnli": _accuracy,
    "tatoeba": _accuracy,
    "panx": _tags,
    "udpos": _tags,
    "bucc2018": _pairs,
    "xquad": _answers("xquad"),
    "mlqa": _answers("mlqa"),
    "tydiqa": _answers("tydiqa"),
    "mewslix": _ranking,
}
"""Folder of a task in `evaluate.py` -> the scorer of its files."""
