"""Trials of a dual encoder: it learns retrieval, and its queries search the candidates of all languages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.records.spec import DataSpec, ScoreSpec, StageSpec, TrialSpec, score_key
from sweeper.scoring.ranking import mean_average_precision
from sweeper.space import Training
from sweeper.tasks.spec import Rows, RowsByLanguage, Task
from sweeper.training import stage as stages
from sweeper.training.trial import run_trial
from tests.worlds import MODEL, TrialFolders

TRAINING = Training(learning_rate=1e-3, epochs=8, batch_size=16, max_length=48, warmup=0.1)
SENTENCES = 200


def write(folder: Path, split: str, rows: Sequence[Mapping[str, Any]]) -> Rows:
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return Rows(id=str(folder), split=split)


def paragraphs(folders: TrialFolders, language: str) -> list[tuple[str, str]]:
    """Ids and paragraphs of three sentences from the synthetic world. They are parallel in all languages."""
    folder = folders.world / "datasets" / "demo" / "twins" / "default"
    lines = (folder / f"test_{language}.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["sentence1"].rstrip(" .") for line in lines]
    return [(str(n), ". ".join(text.capitalize() for text in texts[n : n + 3]) + ".") for n in range(len(texts) - 3)]


def question(context: str) -> dict[str, Any]:
    """A question about the middle sentence: the words of the sentence in reverse order."""
    middle = context.split(". ")[1]
    start = context.index(middle)
    return {
        "question": " ".join(reversed(middle.lower().split())),
        "answers": {"text": [middle], "answer_start": [start]},
    }


@pytest.fixture
def tasks(folders: TrialFolders) -> tuple[Task, ...]:
    """Three tasks: pairs for training, questions in two languages, and the pool of candidate sentences."""
    rows_of: dict[str, RowsByLanguage] = {}
    for language in ("xa", "xb"):
        rows = [{"id": name, "context": text, **question(text)} for name, text in paragraphs(folders, language)]
        rows_of[language] = {language: (write(folders.root / language, "test", rows),)}
    train = write(folders.root / "pairs", "train", pairs(folders, SENTENCES))
    common = {"title": "", "format": "rank", "scorer": "ranking", "group": "retrieval"}
    both = rows_of["xa"] | rows_of["xb"]
    return (
        Task(name="pairs", columns={"query": "query", "candidate": "text"}, train={"en": (train,)}, **common),
        Task(
            name="queries",
            columns={"id": "id", "query": "question", "key": "id", "group": "context"},
            test=both,
            trains_on="pairs",
            pool="pool",
            **common,
        ),
        Task(name="pool", columns={"key": "id", "context": "context", "answers": "answers"}, test=both, **common),
    )


def pairs(folders: TrialFolders, number: int) -> list[dict[str, str]]:
    folder = folders.world / "datasets" / "demo" / "texts" / "default"
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()[:number]
    texts = [json.loads(line)["text"] for line in lines]
    return [{"query": " ".join(reversed(text.split())), "text": text} for text in texts]


def data(task: str, split: Any, languages: tuple[str, ...] = ("en",)) -> DataSpec:
    share = 0.2 if split in ("train", "select") else 0.0
    return DataSpec(task=task, part=split, languages=languages, max_length=48, stride=16, carve_share=share)


def trial(tasks: tuple[Task, ...], training: Training = TRAINING, **scored: Any) -> TrialSpec:
    score = ScoreSpec(target="queries", split="test", data=data("queries", "test", ("xa", "xb")))
    score = replace(score, pool=data("pool", "test", ("xa", "xb")), **scored)
    return TrialSpec(
        name="trial",
        kind="target",
        model=MODEL,
        recipe="row",
        task="pairs",
        chain=(StageSpec(data=(data("pairs", "train"),), training=training, seed=1),),
        role="replicate",
        seed=1,
        select=(data("pairs", "select"),),
        scores=(score,),
        tasks=tasks,
    )


def test_a_dual_encoder_learns_a_toy_retrieval(folders: TrialFolders, tasks: tuple[Task, ...]) -> None:
    bench = folders.bench()
    blank = run_trial(trial(tasks, replace(TRAINING, learning_rate=1e-9, epochs=0.1)), bench)
    learned = run_trial(trial(tasks), bench)
    assert learned.training.state == "done", learned.training.reason
    assert learned.training.loss[-1] < 0.5 * learned.training.loss[0]
    assert learned.training.value is not None and blank.training.value is not None
    assert learned.training.value > blank.training.value + 0.2


def test_the_queries_of_each_language_search_one_pool_of_all_languages(
    folders: TrialFolders, tasks: tuple[Task, ...]
) -> None:
    bench = folders.bench()
    spec = trial(tasks, replace(TRAINING, epochs=1))
    record = run_trial(spec, bench).scores[0]
    assert set(record.metrics) == {"xa", "xb"}
    rows = bench.ledger.outcomes(record)
    num = len(paragraphs(folders, "xa"))
    assert record.counts == {"xa": num, "xb": num}
    assert set(rows["right"]) == {2}, "one sentence of each language answers the question"
    names = {name for line in rows["prediction"] for name in json.loads(line)}
    assert len({name.rsplit("-", 1)[0] for name in names}) > num, "paragraphs of both languages are found"
    for language, metrics in record.metrics.items():
        again = mean_average_precision(rows[rows["language"] == language].to_dict("records"))
        assert again == pytest.approx(dict(metrics))
        assert 0 < record.trivial[language]["map20"] < 0.2


def test_the_queries_of_a_single_language_search_the_whole_pool(folders: TrialFolders, tasks: tuple[Task, ...]) -> None:
    spec = trial(tasks, replace(TRAINING, epochs=1), data=data("queries", "test", ("xa",)))
    both = trial(tasks, replace(TRAINING, epochs=1))
    bench = folders.bench()
    alone, together = (run_trial(trial_spec, bench).scores[0] for trial_spec in (spec, both))
    assert alone.metrics["xa"] == together.metrics["xa"]


def test_the_key_of_a_score_depends_on_the_pool(tasks: tuple[Task, ...]) -> None:
    spec = trial(tasks)
    score = spec.scores[0]
    smaller = replace(score, pool=data("pool", "test", ("xa",)))
    assert score_key(spec.key, score) != score_key(spec.key, smaller)


def test_the_error_for_an_out_of_memory_in_a_batch_of_pairs_gives_a_remedy(
    folders: TrialFolders, tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: Any) -> Any:
        raise MemoryError("imagined")

    monkeypatch.setattr(stages, "train", too_large)
    monkeypatch.setattr(stages, "TOO_LITTLE_MEMORY", (MemoryError,))
    # Otherwise much memory of other processes would be the reason.
    monkeypatch.setattr("sweeper.training.memory.share_of_others", lambda _: 0.1)
    result = run_trial(trial(tasks), folders.bench())
    assert result.training.state == "failed"
    assert "a batch of query-candidate pairs cannot be split" in result.training.reason
    assert "batch_size" in result.training.reason
