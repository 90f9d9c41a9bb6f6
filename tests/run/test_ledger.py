"""The ledger: reading and writing records, and setting damaged ones aside."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sweeper.errors import DamagedError, UserError
from sweeper.files.serialize import FORMAT
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import score_key
from sweeper.run.ledger import Ledger
from tests.tuning.imaginary import SMALL, agenda_of, fail, succeed

OUTCOMES = pd.DataFrame(
    {
        "language": ["en", "en", "xa"],
        "example": ["1", "2", "1"],
        "group": ["1", "2", "1"],
        "prediction": ["yes", "no", "ja"],
        "correct": [1, 0, 1],
    }
)


@pytest.fixture(params=["local", "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    return Ledger.at(str(tmp_path / "ledger") if request.param == "local" else f"memory://{tmp_path.name}/ledger")


def training() -> TrainingRecord:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    return replace(succeed(spec), loss=(1.5, 0.25), machine={"host": "here"}, timing={"total": 1.5})


def score() -> ScoreRecord:
    key = "0123456789abcdef0123"
    return ScoreRecord(
        key=key,
        training="abc",
        model="tiny",
        recipe="baseline",
        target="names",
        seed=1,
        split="test",
        metrics={"en": {"accuracy": 0.1 + 0.2}, "xa": {"accuracy": 1.0}},
        trivial={"en": {"accuracy": 0.5}, "xa": {"accuracy": 0.5}},
        counts={"en": 2, "xa": 1},
        main="accuracy",
        outcomes=f"outcomes/{key}.parquet",
    )


def test_a_ledger_whose_folder_does_not_exist_is_empty(ledger: Ledger) -> None:
    assert ledger.trainings() == {}
    assert ledger.scores() == {}
    assert ledger.training("abc") is None
    assert ledger.score("abc") is None


def test_a_training_record_is_read_back_unchanged(ledger: Ledger) -> None:
    record = training()
    ledger.write_training(record)
    assert ledger.training(record.key) == record
    assert ledger.trainings() == {record.key: record}
    assert ledger.trainings()[record.key].spec.key == record.key


def test_the_record_of_a_failed_training_is_read_back_unchanged(ledger: Ledger) -> None:
    record = fail(training().spec)
    ledger.write_training(record)
    assert ledger.training(record.key) == record


def test_a_score_record_and_its_outcomes_are_read_back_exactly(ledger: Ledger) -> None:
    ledger.write_score(score(), OUTCOMES)
    assert ledger.scores() == {score().key: score()}
    assert ledger.score(score().key) == score()
    pd.testing.assert_frame_equal(ledger.outcomes(score()), OUTCOMES, check_dtype=False)


def test_outcomes_without_a_record_are_ignored(ledger: Ledger) -> None:
    ledger.write_score(score(), OUTCOMES)
    # The state after an interruption between the two writes.
    ledger.folder.remove(f"scores/{score().key}.json")
    assert ledger.scores() == {}


def test_no_score_record_is_written_if_its_outcomes_cannot_be_written(tmp_path: Path) -> None:
    # A file at the path of the folder makes every write of outcomes fail.
    (tmp_path / "outcomes").write_text("a file where a folder should be")
    ledger = Ledger.at(str(tmp_path))
    with pytest.raises(OSError, match="outcomes"):
        ledger.write_score(score(), OUTCOMES)
    assert ledger.scores() == {}


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_truncated_record_is_damaged_and_set_aside(ledger: Ledger, cut: int) -> None:
    record = training()
    ledger.write_training(record)
    name = f"trainings/{record.key}.json"
    ledger.folder.write(name, ledger.folder.read(name)[:cut])
    with pytest.raises(DamagedError, match=record.key):
        ledger.trainings()
    (message,) = ledger.set_damaged_aside()
    assert name in message
    assert "its trial runs again" in message
    assert ledger.trainings() == {}
    assert ledger.folder.child("trainings").names() == [f"{record.key}.json.damaged"]


def test_a_record_without_a_required_field_is_damaged(ledger: Ledger) -> None:
    ledger.folder.write("scores/abc.json", b'{"key": "abc"}')
    with pytest.raises(DamagedError, match="is not a ScoreRecord: training"):
        ledger.score("abc")


def test_complete_records_are_not_set_aside(ledger: Ledger) -> None:
    ledger.write_training(training())
    ledger.write_score(score(), OUTCOMES)
    assert ledger.set_damaged_aside() == []
    assert len(ledger.trainings()) == len(ledger.scores()) == 1


def test_a_record_of_a_newer_version_is_refused_rather_than_set_aside(ledger: Ledger) -> None:
    ledger.write_training(replace(training(), format=FORMAT + 1))
    with pytest.raises(UserError, match="Update the sweeper"):
        ledger.set_damaged_aside()
    assert ledger.folder.child("trainings").names() == [f"{training().key}.json"]


def test_a_record_of_an_earlier_version_is_refused_rather_than_set_aside(ledger: Ledger) -> None:
    ledger.write_training(replace(training(), format=FORMAT - 1))
    with pytest.raises(UserError, match="Start a new run folder"):
        ledger.set_damaged_aside()
    assert ledger.folder.child("trainings").names() == [f"{training().key}.json"]


def test_the_key_of_a_score_depends_on_its_training_and_on_what_is_scored() -> None:
    agenda = agenda_of(SMALL)
    unit = next(unit for unit in agenda.plan.units if unit.kind == "target")
    (score_spec,) = agenda.specs.scores(unit, 1)
    keys = {
        score_key("one", score_spec),
        score_key("two", score_spec),
        score_key("one", replace(score_spec, split="dev")),
        score_key("one", replace(score_spec, condition="attacked")),
        score_key("one", replace(score_spec, data=replace(score_spec.data, languages=("en",)))),
    }
    assert len(keys) == 5


def test_the_format_of_a_record_is_checked_before_its_values(ledger: Ledger) -> None:
    ledger.write_training(replace(training(), format=FORMAT - 1))
    name = f"trainings/{training().key}.json"
    text, num = re.subn(rb'"learning_rate": [^,\n]*', b'"learning_rate": -1.0', ledger.folder.read(name))
    assert num
    ledger.folder.write(name, text)
    with pytest.raises(UserError, match=f"has format {FORMAT - 1}"):
        ledger.trainings()
