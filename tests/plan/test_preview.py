"""Examples as a model sees them: texts, tokens and labels of each format, truncation, label counts, overlaps."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.plan.preview import Preview, Request, preview
from sweeper.space import Model, Recipe, Space, Stage, Target, Training
from sweeper.tasks.spec import Rows, Task
from tests.tokenizers_tiny import tiny_tokenizer

TOKENIZER = tiny_tokenizer()
MODEL = Model(name="mine", id="./encoder")
TRAINING = Training(max_length=12, stride=2)


class Files:
    """Writes data files into the folder of a space, and previews the task `own`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = Sources(mirror=None, cache=folder / "cache", base=folder)

    def write(self, name: str, rows: list[dict[str, Any]]) -> str:
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return name

    def preview(self, task: Task, **request: Any) -> Preview:
        stage = Stage(tasks=("own",), training=TRAINING)
        trains = bool(task.train)
        other = Task(name="other", format="classify", train="other.jsonl", test="other.jsonl")
        space = Space(
            name="study",
            models=(MODEL,),
            recipes=(Recipe(name="baseline"), *([Recipe(name="own", stages=(stage,))] if trains else [])),
            targets=(Target(task="other" if trains else "own", training=TRAINING),),
            tasks=(task, other),
            evaluate="test",
        )
        return preview(space, Request(task="own", **request), self.sources, MODEL, TOKENIZER)

    def first(self, format_: str, *rows: dict[str, Any], **more: Any) -> Preview:
        """The preview of a task whose training split (test split for retrieval) has these rows."""
        split = "test" if format_ == "retrieve" else "train"
        return self.preview(Task(name="own", format=format_, **{split: self.write("own.jsonl", list(rows))}, **more))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def aligned(shown: Preview) -> list[tuple[str, str]]:
    """(token, label) of the first feature of the first example, without tokens that have no label."""
    first = shown.examples[0].inputs[0]
    return [pair for pair in zip(first.tokens, first.marks, strict=True) if pair[1]]


def test_a_classified_text_is_shown_with_its_tokens_label_counts_and_truncated_share(files: Files) -> None:
    long = {"text": "the old town of the river " * 4, "label": "bad"}
    shown = files.first("classify", {"text": "the old town", "label": "good"}, long, {"text": "town", "label": "bad"})
    example = shown.examples[0]
    assert example.summary.texts == {"text": "the old town"}
    assert example.summary.facts == {"label": "good"}
    assert "".join(example.inputs[0].tokens).replace("▁", " ") == "<s> the old town</s>"
    assert len(shown.examples[1].inputs[0].tokens) == 12
    assert (shown.sizes.too_long, shown.sizes.measured) == (1, 3)
    assert shown.sizes.longest == 12
    assert shown.counts.labels == {"bad": 2, "good": 1}
    assert shown.owner == "recipe own"


def test_a_text_that_fits_exactly_is_not_truncated(files: Files) -> None:
    texts = [" ".join((*["town"] * number, *["of"] * more)) for number in range(9) for more in range(9)]
    text = next(text for text in texts if len(TOKENIZER(text)["input_ids"]) == 12)
    shown = files.first("classify", {"text": text, "label": "x"}, {"text": f"{text} a", "label": "y"})
    assert shown.sizes.too_long == 1


def test_the_median_length_is_that_of_truncated_inputs(files: Files) -> None:
    long = [{"text": "the old town of the river " * 4, "label": label} for label in ("good", "bad")]
    shown = files.first("classify", *long)
    assert (shown.sizes.median, shown.sizes.longest) == (12, 12)


def test_choices_are_numbered_and_each_is_one_input(files: Files) -> None:
    shown = files.first("choose", {"question": "who", "choice1": "the town", "choice2": "it", "label": 1})
    assert shown.examples[0].summary.texts == {"prompt": "who", "choice 1": "the town", "choice 2": "it"}
    assert shown.examples[0].summary.facts == {"correct": "choice 2"}
    assert len(shown.examples[0].inputs) == 2


def test_tags_are_shown_on_the_first_token_of_each_word(files: Files) -> None:
    rows = {"tokens": ["old", "town"], "tags": ["O", "B-LOC"]}
    shown = files.first("tag", rows, {"tokens": ["town"] * 30, "tags": ["O"] * 30})
    marks = aligned(shown)
    assert [mark for _, mark in marks] == ["O", "B-LOC"]
    assert [token.lstrip("▁")[:1] for token, _ in marks] == ["o", "t"]
    assert shown.counts.labels == {"O": 31, "B-LOC": 1}
    assert shown.sizes.too_long == 1  # the second sentence has several windows


def test_an_answer_is_shown_on_its_tokens_and_its_absence_on_the_first_token(files: Files) -> None:
    def row(text: str, start: int, context: str) -> dict[str, Any]:
        return {"context": context, "question": "who", "answers": {"text": [text], "answer_start": [start]}}

    shown = files.first("span", row("town", 4, "old town"), row("river", 50, "the old town of the river " * 3))
    assert "".join(token for token, _ in aligned(shown)).strip("▁") == "town"
    assert {mark for _, mark in aligned(shown)} == {"answer"}
    assert shown.examples[0].summary.facts == {"answers": "town (the first one at character 4)"}
    windows = shown.examples[1].inputs
    assert len(windows) > 1
    assert "no answer" in {mark for window in windows for mark in window.marks}
    assert shown.counts.labels == {"answer in the context": 2}


def test_sentence_pairs_and_query_and_candidate_are_two_inputs(files: Files) -> None:
    pair = files.first("retrieve", {"sentence1": "der Fluss", "sentence2": "the river"})
    assert pair.split == "test"
    assert pair.examples[0].summary.texts == {"source": "der Fluss", "target": "the river"}
    assert len(pair.examples[0].inputs) == 2
    assert pair.overlaps == {}
    ranked = files.first("rank", {"query": "who", "candidate": "the town"})
    assert ranked.examples[0].summary.texts == {"query": "who", "candidate": "the town"}
    assert len(ranked.examples[0].inputs) == 2


def test_plain_text_is_one_input_without_labels(files: Files) -> None:
    shown = files.first("mlm", {"text": "the river"})
    assert shown.examples[0].summary.texts == {"text": "the river"}
    assert not shown.counts.labels


def test_the_overlap_of_training_and_evaluation_ignores_case_and_white_space(files: Files) -> None:
    rows = [{"text": text, "label": label} for text, label in (("the town", "x"), ("old", "y"), ("it", "x"))]
    evaluation = [{"text": "The  TOWN", "label": "y"}, {"text": "new", "label": "x"}]
    task = Task(
        name="own",
        format="classify",
        train=Rows(id=files.write("train.jsonl", rows), split="train[:2]"),
        dev=Rows(id="train.jsonl", split="train[2:]"),
        test={"en": files.write("test.jsonl", evaluation), "de": files.write("de.jsonl", rows)},
    )
    assert files.preview(task).overlaps == {"dev": (0, 1), "test": (1, 2)}
    german = files.preview(task, language="de", split="test", rows=1)
    assert german.overlaps == {"test": (2, 3)}
    assert len(german.examples) == 1
    with pytest.raises(UserError, match=r"No split of 'own' is called 'tset'\. Did you mean 'test'"):
        files.preview(task, split="tset")
    with pytest.raises(UserError, match=r"No train language of 'own' is called 'de'"):
        files.preview(task, language="de")
