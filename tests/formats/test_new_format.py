"""A new format needs its own class and one line in each of three tables: formats, scorers and heads. Nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.formats.fields import Line, field_of, id_of, text_of
from sweeper.formats.interface import (
    DEFAULT_SETTINGS,
    Example,
    Features,
    Lengths,
    Outputs,
    Properties,
    ScoreSettings,
    Summary,
)
from sweeper.formats.outcomes import outcome
from sweeper.formats.pieces import item_per_feature, tokenise
from sweeper.formats.table import FORMATS
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.tokens import stage_tokens
from sweeper.plan.units import make_plan
from sweeper.scoring.scorers import SCORERS, Scored, Scorer
from sweeper.space import Model, Recipe, Space, Stage, Target, Training
from sweeper.tasks.spec import Rows, Task
from sweeper.training.heads import HEADS, Batch, Head, Sizes
from sweeper.training.trial import run_trial
from tests.worlds import TrialFolders

NUM_TRAIN = 120


class Estimate:
    """Estimates a number for a text: a regression."""

    properties = Properties(scorers=("distance",), head="number")

    def read(self, row: Mapping[str, Any], task: Task, number: int) -> list[Example]:
        line = Line(row=row, task=task, number=number)
        fields = {"text": text_of(line, "text"), "number": field_of(line, "number")}
        return [Example(id=id_of(line), group=id_of(line), fields=fields)]

    def summary(self, example: Example) -> Summary:
        return Summary(texts={"text": example.fields["text"]})

    def encode(self, examples: Sequence[Example], tokenizer: Any, lengths: Lengths, labels: Sequence[str]) -> Features:
        texts = [example.fields["text"] for example in examples]
        pieces = tokenise(tokenizer, texts, None, {}, {"truncation": True, "max_length": lengths.max_length})
        numbers = np.array([example.fields["number"] for example in examples], dtype=np.int32)
        return item_per_feature(pieces, {"number": numbers})

    def decode(
        self, examples: Sequence[Example], features: Features, outputs: Outputs, labels: Sequence[str]
    ) -> list[float]:
        return [float(number) for number in outputs["estimate"]]

    def score(
        self,
        examples: Sequence[Example],
        predictions: Sequence[Any],
        task: Task,
        language: str,
        settings: ScoreSettings = DEFAULT_SETTINGS,
    ) -> Scored:
        gold = [example.fields["number"] for example in examples]
        errors = [abs(estimate - number) for estimate, number in zip(predictions, gold, strict=True)]
        rows = [outcome(*line, {"error": error}) for *line, error in zip(examples, predictions, errors, strict=True)]
        spread = float(np.mean(np.abs(np.array(gold) - np.median(gold))))
        return Scored(metrics={"distance": float(np.mean(errors))}, trivial={"distance": spread}, outcomes=rows)


class NumberHead(Head):
    """Estimates a number from the first token."""

    labels = "number"

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.out = nn.Linear(sizes.hidden, 1)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {"estimate": self.out(hidden[:, 0]).float()[:, 0]}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        return torch.sum((self.outputs(hidden, batch)["estimate"] - batch["number"]) ** 2)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "estimate", Estimate())  # type: ignore[arg-type]
    monkeypatch.setitem(SCORERS, "distance", Scorer(main="distance", metrics=("distance",), higher_is_better=False))  # type: ignore[arg-type]
    monkeypatch.setitem(HEADS, "number", NumberHead)  # type: ignore[arg-type]


@pytest.fixture
def task(folders: TrialFolders) -> Task:
    """Texts of the synthetic world with their number of words."""
    lines = (folders.world / "datasets" / "demo" / "twins" / "default" / "test_xa.jsonl").read_text(encoding="utf-8")
    sentences = [json.loads(line)["sentence2"] for line in lines.splitlines()]
    # Beginnings of the sentences, so that the numbers of words differ.
    texts = [" ".join(text.split()[: 1 + n % 8]) for n, text in enumerate(4 * sentences)]
    folder = folders.root / "lengths"
    folder.mkdir()
    for split, split_texts in (("train", texts[:NUM_TRAIN]), ("test", texts[NUM_TRAIN:])):
        rows = ({"text": text, "number": len(text.split())} for text in split_texts)
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    train, test = ({"en": (Rows(id=str(folder), split=split),)} for split in ("train", "test"))
    columns = {"text": "text", "number": "number"}
    return Task(
        name="lengths", title="Words", format="estimate", scorer="distance", columns=columns,
        train=train, dev=test, train_size=NUM_TRAIN,
    )  # fmt: skip


def space_of(task: Task) -> Space:
    training = Training(learning_rate=3e-3, epochs=6, batch_size=8, max_length=48)
    return Space(
        name="words",
        models=(Model(name="tiny", id="demo/tiny"),),
        recipes=(Recipe(name="baseline"), Recipe(name="words", stages=(Stage(tasks=("lengths",), training=training),))),
        targets=(Target(task="lengths", training=training),),
        tasks=(task,),
        seeds=(1,),
    )


@pytest.mark.usefixtures("registered")
def test_a_new_format_is_planned_read_trained_and_scored(folders: TrialFolders, task: Task) -> None:
    space = space_of(task)
    plan = make_plan(space)
    assert stage_tokens(space, space.recipes[1].stages[0], sets_aside=False) == 6 * NUM_TRAIN * 48 * 0.5
    specs = Specs(plan=plan, resolver=Resolver(space=space, sources=Sources(mirror=folders.world, cache=folders.cache)))
    [unit] = [unit for unit in plan.units if unit.recipe == "baseline"]
    result = run_trial(specs.replicate(unit, 1, None, ()), folders.bench())
    [record] = result.scores
    assert record.main == "distance"
    assert not record.scores_encoder
    assert record.metrics["en"]["distance"] < 0.8 * record.trivial["en"]["distance"], "the head has learned to count"


def test_a_format_that_is_not_in_the_table_is_refused_when_the_space_is_made(task: Task) -> None:
    with pytest.raises(
        UserError, match=r"No format \(task 'lengths'\) is called 'estimate'\..* Known: classify, choose"
    ):
        space_of(task)
    with pytest.raises(UserError, match=r"is called 'clasify'\. Did you mean 'classify'\?"):
        space_of(replace(task, format="clasify"))


@pytest.mark.usefixtures("registered")
def test_a_scorer_that_the_format_does_not_declare_is_refused_when_the_space_is_made(task: Task) -> None:
    message = r"No scorer of format 'estimate' \(task 'lengths'\) is called 'distanse'\. Did you mean 'distance'\?"
    with pytest.raises(UserError, match=message):
        space_of(replace(task, scorer="distanse"))
    with pytest.raises(UserError, match=r"is called 'accuracy'\. Known: distance\."):
        space_of(replace(task, scorer="accuracy"))
