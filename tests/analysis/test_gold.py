"""The sentences of a submission are compared with the user's copy of the data."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.submission.gold import check_sentences, gold_file
from analysis.submission.layouts import LayoutError, Sheet
from analysis.submission.submission import SubmissionOptions, write_submission
from sweeper.errors import UserError
from sweeper.space import Target
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.languages import TREEBANK, TREEBANK_R
from sweeper.tasks.spec import Task
from sweeper.tasks.targets import udpos_file
from tests.analysis.conftest import TASKS


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "udpos" / udpos_file("de", "test")
    path.parent.mkdir(parents=True)
    rows = [{"tokens": ["a", "b"], "pos_tags": ["X", "X"]}, {"tokens": ["c"], "pos_tags": ["X"]}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sheet(*words: int) -> Sheet:
    return Sheet(language="de", rows=pd.DataFrame({"tokens": words}), labels=())


def test_sentences_with_as_many_words_as_the_gold_data_are_accepted(gold: Path) -> None:
    check_sentences(sheet(2, 1), gold)


@pytest.mark.parametrize(
    ("words", "message"),
    [((2,), "1 examples, but .* has 2"), ((2, 1, 1), "3 examples"), ((2, 2), "sentence 2 has another number of words")],
)
def test_sentences_that_differ_from_the_gold_data_are_a_problem(
    gold: Path, words: tuple[int, ...], message: str
) -> None:
    with pytest.raises(LayoutError, match=message):
        check_sentences(sheet(*words), gold)


def test_the_gold_data_are_those_of_the_named_folder_or_of_the_working_directory(
    gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gold_file(CATALOG["pos"], "de", str(tmp_path / "udpos")) == gold
    assert gold_file(CATALOG["pos"], "fr", str(tmp_path / "udpos")) is None
    assert gold_file(CATALOG["ner"], "de", str(tmp_path / "udpos")) is None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    gold.parent.parent.rename(tmp_path / "local" / "udpos")
    found = gold_file(CATALOG["pos"], "de", "")
    assert found is not None
    assert found.is_file()


SENTENCES = {language: (3, 1 + number) for number, language in enumerate(TREEBANK)}
"""Language -> words of its two sentences. No language has as many sentences as the copy on the Hub."""


def scored_run(make_run, task: str, sentences: dict[str, tuple[int, ...]], *entries: Task):
    """A run of a task with these sentences in its test sets. `entries` replace those of the catalog."""
    run = make_run(targets=(Target(task=task),), tasks=(*TASKS, *entries), evaluate="test", seeds=(1,))
    scored = run.scored(run.trained("baseline", task, 1), task, dict.fromkeys(sentences, 0.5), split="test")
    rows = [
        {"language": language, "example": str(number), "prediction": json.dumps(["NOUN"] * words), "tokens": words}
        for language, sizes in sentences.items()
        for number, words in enumerate(sizes)
    ]
    run.ledger.write_score(scored, pd.DataFrame(rows))
    return run


@pytest.fixture
def run(make_run):
    """A run of `pos` on the test sets of the user."""
    return scored_run(make_run, "pos", SENTENCES)


def write_gold(folder: Path, sentences: dict[str, tuple[int, ...]]) -> str:
    for language, sizes in sentences.items():
        path = folder / udpos_file(language, "test")
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps({"tokens": ["w"] * words}) + "\n" for words in sizes), encoding="utf-8")
    return str(folder)


def test_a_submission_of_the_users_own_data_is_accepted_without_a_published_number(run, tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold", SENTENCES)
    written = write_submission(run.url, SubmissionOptions(recipe="baseline", gold=gold), str(tmp_path / "out"))
    assert (written.path / "udpos/test-af.tsv").read_text() == "NOUN\nNOUN\nNOUN\n\nNOUN\n"
    assert written.notes == ()


def test_a_submission_with_other_sentences_than_the_users_data_is_refused(run, tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold", SENTENCES | {"de": (3,), "el": (3, 9)})
    with pytest.raises(UserError) as refused:
        write_submission(run.url, SubmissionOptions(recipe="baseline", gold=gold), str(tmp_path / "out"))
    assert f"udpos/test-de.tsv: 2 examples, but {gold}/de/test.jsonl has 1" in str(refused.value)
    assert "udpos/test-el.tsv: sentence 2 has another number of words" in str(refused.value)


def test_a_submission_without_the_users_data_says_what_was_not_checked(run, tmp_path: Path) -> None:
    written = write_submission(run.url, SubmissionOptions(recipe="baseline"), str(tmp_path / "out"))
    [note] = written.notes
    assert note.startswith("udpos: the number of sentences was not checked in 33 languages")
    assert "--gold DIR" in note


def test_the_note_on_unchecked_data_of_xtreme_r_names_no_folder_because_none_is_read(make_run, tmp_path: Path) -> None:
    official = replace(CATALOG["pos_r"], departs="")
    run = scored_run(make_run, "pos_r", dict.fromkeys(TREEBANK_R, (2,)), official)
    options = SubmissionOptions(recipe="baseline", benchmark="xtreme-r")
    [note] = write_submission(run.url, options, str(tmp_path / "out")).notes
    assert note.startswith("udpos: the number of sentences was not checked in 38 languages")
    assert "--gold" not in note


@pytest.mark.parametrize(("task", "benchmark"), [("pos_hub", "xtreme"), ("pos_r", "xtreme-r")])
def test_the_data_of_the_hub_are_no_submission(make_run, tmp_path: Path, task: str, benchmark: str) -> None:
    run = make_run(targets=(Target(task=task),), evaluate="test", seeds=(1,))
    with pytest.raises(UserError) as refused:
        write_submission(run.url, SubmissionOptions(recipe="baseline", benchmark=benchmark), str(tmp_path / "out"))
    assert f"the data of {task} depart from the benchmark: {CATALOG[task].departs}" in str(refused.value)
