"""The ledger: reading and writing records, and setting damaged ones aside."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from sweeper.errors import DamagedError, UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import FORMAT, write_json
from sweeper.records.ended import EndedTrial
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import score_key
from sweeper.run.ledger import VERIFIED_FILE, Ledger
from sweeper.run.verified import VerifiedFiles
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


def flipped(content: bytes, place: int) -> bytes:
    """The bytes with one bit flipped."""
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def replace_outcomes(ledger: Ledger, outcomes: pd.DataFrame) -> bytes:
    """The bytes of a file with other outcomes."""
    elsewhere = Ledger(ledger.folder.child("elsewhere"))
    return elsewhere.folder.read(elsewhere.write_score(score(), outcomes).outcomes)


def test_a_metric_that_is_not_a_number_is_null_in_its_file_and_is_read_back(ledger: Ledger) -> None:
    ledger.write_score(replace(score(), metrics={"en": {"accuracy": float("nan"), "f1": 0.5}}), OUTCOMES)
    assert b'"accuracy": null' in ledger.folder.read(f"scores/{score().key}.json")
    (read,) = ledger.scores().values()
    assert math.isnan(read.metrics["en"]["accuracy"]) and read.metrics["en"]["f1"] == 0.5


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
    written = ledger.write_score(score(), OUTCOMES)
    assert replace(written, outcome_facts=None) == score()
    assert ledger.scores() == {score().key: written}
    assert ledger.score(score().key) == written
    pd.testing.assert_frame_equal(ledger.outcomes(written), OUTCOMES, check_dtype=False)


def test_of_two_records_of_a_training_in_a_remote_store_the_first_one_is_kept(tmp_path: Path) -> None:
    ledger, record = Ledger.at(f"memory://{tmp_path.name}/ledger"), training()
    ledger.write_training(record)
    ledger.write_training(replace(record, timing={"total": 2.5}))
    ledger.write_training(fail(record.spec))
    assert ledger.training(record.key) == record


@pytest.mark.parametrize("first_outcomes_are_last", [False, True])
def test_two_drivers_that_write_a_score_with_other_outcomes_leave_a_record_that_fits_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_outcomes_are_last: bool
) -> None:
    ledger, other = Ledger.at(f"memory://{tmp_path.name}/ledger"), OUTCOMES.assign(prediction="other")
    create, second = Folder.create, replace(score(), timing={"total": 2.5})

    def overtaken(folder: Folder, name: str, content: bytes) -> bool:
        # The second driver does all of its work between the two writes of the first one, or most of it.
        monkeypatch.setattr(Folder, "create", create)
        ledger.write_score(second, other)
        if first_outcomes_are_last:
            ledger._write_table(score().outcomes, OUTCOMES)
        return folder.create(name, content)

    monkeypatch.setattr(Folder, "create", overtaken)
    ledger.write_score(score(), OUTCOMES)
    [kept] = ledger.scores().values()
    assert kept.timing == ({} if first_outcomes_are_last else second.timing)
    assert ledger.outcomes(kept).equals(ledger._read_table(kept.outcomes, None)[0])


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
    _, (message,) = ledger.repaired()
    assert name in message
    assert "its trial runs again" in message
    assert ledger.trainings() == {}
    assert ledger.folder.child("trainings").names() == [f"{record.key}.json.damaged"]


@pytest.mark.parametrize("kind", ["trainings", "scores"])
def test_a_record_with_any_flipped_bit_is_damaged_or_has_the_content_that_was_written(
    ledger: Ledger, kind: str
) -> None:
    ledger.write_training(training())
    ledger.write_score(score(), OUTCOMES)
    read: Callable[[], Mapping[str, object]] = getattr(ledger, kind)
    ((key, written),) = read().items()
    name = f"{kind}/{key}.json"
    content = ledger.folder.read(name)
    random = Random(0)
    places = [*range(8 * 16), *(random.randrange(8 * len(content)) for _ in range(300))]
    num_damaged = 0
    for place in places:
        ledger.folder.write(name, flipped(content, place))
        contents = ledger.contents()
        try:
            assert read() == {key: written}
            assert not contents.damaged
        except DamagedError:
            assert list(contents.damaged) == [name]
            num_damaged += 1
    # A flip in the name of the seal leaves a record without one.
    assert num_damaged > 350


def test_the_contents_of_a_ledger_are_those_of_its_valid_records(ledger: Ledger) -> None:
    record = training()
    ledger.write_training(record)
    ledger.write_score(score(), OUTCOMES)
    unsealed = fail(replace(record.spec, seed=7))
    ledger.folder.write(f"trainings/{unsealed.key}.json", write_json(unsealed))
    ledger.folder.write("trainings/abc.json", b"{")
    contents = ledger.contents()
    assert contents.trainings == {record.key: EndedTrial.of(record), unsealed.key: EndedTrial.of(unsealed)}
    assert contents.scores == {score().key: ledger.score(score().key)}
    assert list(contents.damaged) == ["trainings/abc.json"]
    assert contents.num_unsealed == 1, "a damaged record is not counted again"


def test_a_training_record_without_a_seal_needs_all_of_its_fields(ledger: Ledger) -> None:
    ledger.write_training(training())
    name = f"trainings/{training().key}.json"
    raw = json.loads(write_json(training()))
    del raw["spec"]["model"]
    ledger.folder.write(name, json.dumps(raw).encode())
    assert "spec.model" in ledger.contents().damaged[name]


def test_records_that_changed_places_are_damaged(ledger: Ledger) -> None:
    other = replace(score(), key="f" * 20, outcomes=f"outcomes/{'f' * 20}.parquet")
    ledger.write_score(score(), OUTCOMES)
    ledger.write_score(other, OUTCOMES)
    first, second = (f"scores/{record.key}.json" for record in (score(), other))
    contents = ledger.folder.read(first), ledger.folder.read(second)
    ledger.folder.write(first, contents[1])
    ledger.folder.write(second, contents[0])
    _, messages = ledger.repaired()
    assert len(messages) == 2
    assert f"{first} is damaged: it has the record of {other.key}. {first} was renamed to " in messages[0]
    assert ledger.scores() == {}


def test_a_record_without_a_seal_is_read_if_its_key_is_that_of_its_content(ledger: Ledger) -> None:
    record = training()
    ledger.folder.write(f"trainings/{record.key}.json", write_json(record))
    assert ledger.trainings() == {record.key: record}
    model = replace(record.spec.model, identity="other weights")
    other = replace(record, spec=replace(record.spec, model=model))
    ledger.folder.write(f"trainings/{record.key}.json", write_json(other))
    with pytest.raises(DamagedError, match=f"it has the record of {other.spec.key}"):
        ledger.trainings()


@pytest.mark.parametrize("damage", ["bit", "block", "truncated", "swapped", "removed"])
def test_a_score_with_damaged_outcomes_is_computed_again(ledger: Ledger, damage: str) -> None:
    written = ledger.write_score(score(), OUTCOMES)
    content = ledger.folder.read(written.outcomes)
    other = OUTCOMES.assign(correct=[0, 0, 0])
    damaged = {
        "bit": flipped(content, 1000),
        "block": content[:100] + bytes(100) + content[200:],
        "truncated": content[:-20],
        "swapped": replace_outcomes(ledger, other),
    }
    if damage == "removed":
        ledger.folder.remove(written.outcomes)
        reason = "are missing"
    else:
        ledger.folder.write(written.outcomes, damaged[damage])
        reason = "differ from what was written"
        with pytest.raises(DamagedError, match="differs from the digest in its record"):
            ledger.outcomes(written)
    # Reading the outcomes of a whole remote ledger could take minutes: there only their size is compared.
    is_noticed = ledger.folder.local is not None or len(damaged.get(damage, b"")) != len(content)
    _, messages = ledger.repaired()
    assert len(messages) == is_noticed
    assert all(f"The outcomes {written.outcomes} {reason}." in message for message in messages)
    assert (ledger.scores() == {}) == is_noticed


def reads_of_outcomes(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that receives the path of each file with outcomes when it is read."""
    reads, read = list[str](), Folder.read

    def recorded(folder: Folder, name: str) -> bytes:
        if name.startswith("outcomes"):
            reads.append(name)
        return read(folder, name)

    monkeypatch.setattr(Folder, "read", recorded)
    return reads


def test_outcomes_are_compared_with_their_digests_only_once_unless_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.at(str(tmp_path))
    reads = reads_of_outcomes(ledger, monkeypatch)
    first = ledger.write_score(score(), OUTCOMES).outcomes
    assert ledger.repaired()[1] == []
    second = replace(score(), key="f" * 20, outcomes=f"outcomes/{'f' * 20}.parquet")
    ledger.write_score(second, OUTCOMES)
    assert Ledger.at(str(tmp_path)).repaired()[1] == ledger.repaired()[1] == []
    assert reads == [first, second.outcomes]
    content = (tmp_path / first).read_bytes()
    (tmp_path / first).write_bytes(flipped(content, 1000))
    assert len(ledger.repaired()[1]) == 1
    assert reads == [first, second.outcomes, first]


def test_outcomes_that_a_disk_has_changed_without_a_new_time_are_computed_again_after_they_were_read(
    tmp_path: Path,
) -> None:
    ledger = Ledger.at(str(tmp_path))
    written = ledger.write_score(score(), OUTCOMES)
    file = tmp_path / written.outcomes
    file.write_bytes(flipped(file.read_bytes(), 1000))
    # A note about the undamaged file with the state of the damaged one.
    verified = VerifiedFiles(ledger.folder, VERIFIED_FILE)
    verified._now[written.outcomes] = [written.outcome_facts.sha256, *ledger.outcome_states()[written.outcomes]]
    verified.write()
    assert ledger.repaired()[1] == []
    with pytest.raises(DamagedError, match="differs from the digest in its record"):
        ledger.outcomes(written)
    assert len(ledger.repaired()[1]) == 1


@pytest.mark.parametrize("note", [b"", b"[]", b'{"files": 7}', b'{"sha256": "0"}'])
def test_a_damaged_note_about_verified_outcomes_means_that_they_are_compared_again(tmp_path: Path, note: bytes) -> None:
    ledger = Ledger.at(str(tmp_path))
    written = ledger.write_score(score(), OUTCOMES)
    ledger.repaired()
    (tmp_path / written.outcomes).write_bytes(b"no outcomes")
    (tmp_path / VERIFIED_FILE).write_bytes(note)
    assert len(ledger.repaired()[1]) == 1


def test_a_note_about_verified_outcomes_that_cannot_be_read_means_that_they_are_compared_again(tmp_path: Path) -> None:
    ledger = Ledger.at(str(tmp_path))
    written = ledger.write_score(score(), OUTCOMES)
    (tmp_path / written.outcomes).write_bytes(b"no outcomes")
    (tmp_path / VERIFIED_FILE).mkdir()
    assert len(ledger.repaired()[1]) == 1


def test_a_record_without_a_required_field_is_damaged(ledger: Ledger) -> None:
    ledger.folder.write("scores/abc.json", b'{"key": "abc"}')
    with pytest.raises(DamagedError, match="is not a ScoreRecord: training"):
        ledger.score("abc")


def test_complete_records_are_not_set_aside(ledger: Ledger) -> None:
    ledger.write_training(training())
    ledger.write_score(score(), OUTCOMES)
    assert ledger.repaired()[1] == []
    assert len(ledger.trainings()) == len(ledger.scores()) == 1


def test_a_record_of_a_newer_version_is_refused_rather_than_set_aside(ledger: Ledger) -> None:
    ledger.write_training(replace(training(), format=FORMAT + 1))
    with pytest.raises(UserError, match="Update the sweeper"):
        ledger.repaired()
    assert ledger.folder.child("trainings").names() == [f"{training().key}.json"]


@pytest.mark.parametrize("version", [FORMAT - 1, FORMAT + 1])
def test_commands_that_read_leave_out_a_record_of_another_version_and_name_it(ledger: Ledger, version: int) -> None:
    ledger.write_training(replace(training(), format=version))
    damaged: list[str] = []
    assert ledger.trainings(damaged) == {}
    assert [f"has format {version}" in message for message in damaged] == [True]
    with pytest.raises(UserError, match=f"has format {version}"):
        ledger.trainings()


def test_a_record_of_an_earlier_version_is_refused_rather_than_set_aside(ledger: Ledger) -> None:
    ledger.write_training(replace(training(), format=FORMAT - 1))
    with pytest.raises(UserError, match="Start a new run folder"):
        ledger.repaired()
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
    text = write_json(replace(training(), format=FORMAT - 1))
    text, num = re.subn(rb'"learning_rate": [^,\n]*', b'"learning_rate": -1.0', text)
    assert num
    ledger.folder.write(f"trainings/{training().key}.json", text)
    with pytest.raises(UserError, match=f"has format {FORMAT - 1}"):
        ledger.trainings()
