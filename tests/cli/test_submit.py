"""The submit command: its output, and its messages about mistakes of the user."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from search_spaces.load import load_space
from search_spaces.xtreme import SPACE as XTREME
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, ModelSpec, StageSpec, TrialSpec
from sweeper.run.ledger import Ledger
from sweeper.space import Space, Training
from sweeper.tasks.languages import PAWSX
from tests.runs import Call, is_user_error


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A run folder of `xtreme`, which is scored on dev, without any results."""
    Folder(str(tmp_path / "run")).write("space.json", write_json(load_space("xtreme")))
    return str(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either --best-per-target or --recipe NAME"),
        (("--best-per-target", "--recipe", "mnli"), "either --best-per-target or --recipe NAME"),
        (("--best-per-target",), "was scored on dev, but a submission needs predictions on test"),
    ],
    ids=["no recipe", "two choices", "dev"],
)
def test_an_impossible_submission_ends_with_one_message(
    call: Call, run: str, arguments: tuple[str, ...], message: str
) -> None:
    result = call("submit", run, *arguments)
    assert is_user_error(result)
    assert message in result.err


def write_recipe(ledger: Ledger, space: Space, number: int, value: float) -> None:
    """Write a recipe's training on PAWS-X and its predictions on the test split: always the number of the recipe."""
    recipe = space.recipes[number]
    chain = tuple(
        StageSpec(
            data=(DataSpec(task=task, part="train", languages=("en",), max_length=8, stride=4),),
            training=Training(),
            seed=1,
        )
        for task in (*(stage.tasks[0] for stage in recipe.stages), "pawsx")
    )
    spec = TrialSpec(
        name=recipe.name, kind="target", model=ModelSpec(name="xlmr-large", id="x"), recipe=recipe.name, task="pawsx",
        chain=chain, role="replicate", seed=1,
    )  # fmt: skip
    ledger.write_training(TrainingRecord(key=spec.key, spec=spec, state="done", value=value))
    score = ScoreRecord(
        key=f"s{number}", training=spec.key, model="xlmr-large", recipe=recipe.name, target="pawsx", seed=1,
        split="test", metrics={code: {"accuracy": 0.5} for code in PAWSX}, trivial={}, counts={}, main="accuracy",
        outcomes=f"outcomes/s{number}.parquet",
    )  # fmt: skip
    rows = [{"language": code, "example": str(n), "prediction": str(number)} for code in PAWSX for n in range(2_000)]
    ledger.write_score(score, pd.DataFrame(rows))


def test_submit_prints_the_chosen_recipes_and_the_missing_targets_and_writes_predictions(
    call: Call, tmp_path: Path
) -> None:
    pawsx = tuple(target for target in XTREME.targets if target.task == "pawsx")
    space = replace(XTREME, recipes=XTREME.recipes[:2], targets=pawsx, seeds=(1,), evaluate="test")
    Folder(str(tmp_path / "run")).write("space.json", write_json(space))
    ledger = Ledger.at(str(tmp_path / "run" / "ledger"))
    write_recipe(ledger, space, 0, 0.6)
    write_recipe(ledger, space, 1, 0.7)
    result = call("submit", str(tmp_path / "run"), "--best-per-target")
    assert result.code == 0, result.err
    assert "pawsx    anli_plus   1      7           14,000   best English selection value, 70.00" in result.out
    assert (
        "Missing for a complete leaderboard entry: xnli, udpos, panx, xquad, mlqa, tydiqa, bucc2018, tatoeba."
        in result.out
    )
    folder = tmp_path / "run" / "submission" / "pawsx"
    assert {path.name for path in folder.iterdir()} == {f"test-{code}.tsv" for code in PAWSX}
    assert (folder / "test-ko.tsv").read_text() == "1\n" * 2_000
