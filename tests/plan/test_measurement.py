"""The measurement of `sweeper pace`: types of trials, hours computed by hand, memory, and the file."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.seal import sealed
from sweeper.files.serialize import write_json
from sweeper.plan.forecast import Forecast, forecast
from sweeper.plan.measurement import (
    Measurement,
    TypeMeasurement,
    length_key,
    read_measurement,
    trials_per_gpu,
    write_measurement,
)
from sweeper.plan.measurement_tables import bound_tables, memory_tables, speed_tables
from sweeper.plan.pace import Pace, speeds
from sweeper.plan.run_memory import types_of_run
from sweeper.plan.tables import forecast_tables
from sweeper.plan.tokens import FILLED_SHARE
from sweeper.plan.trial_types import largest, type_of
from sweeper.plan.units import make_plan
from sweeper.run.ledger import Ledger
from sweeper.space import Choice, Model, Resources, Space, Stage, Training
from tests.tuning.imaginary import SMALL, agenda_of, succeed

GPU = {"process": 2**30, "allocated": 2**30, "reserved": 3 * 2**30, "device": 80 * 2**30}
UNITS = {unit.label: unit for unit in make_plan(TINY).units}
NAMES = type_of(TINY, UNITS["baseline -> names"])


def measured(type_name: str = NAMES, **changes: object) -> TypeMeasurement:
    usual = TypeMeasurement(
        model="tiny",
        model_id="demo/tiny",
        layers=0,
        type=type_name,
        unit="tiny/baseline -> names",
        training=100.0,
        evaluation=500.0,
        rest=7.0,
        memory=GPU,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def measurement(*types: TypeMeasurement, lengths: dict[str, float] | None = None) -> Measurement:
    return Measurement(
        space="tiny",
        date="2026-11-30T12:00:00+00:00",
        host="node7",
        device="H200",
        versions={"torch": "2.13"},
        memory=64 * 2**30,
        types=types or (measured(),),
        lengths=lengths or {},
    )


def forecast_with(tmp_path: Path, content: Measurement, space: Space = TINY, **pace: object) -> Forecast:
    path = str(tmp_path / "pace.json")
    write_measurement(content, path)
    return forecast(space, mirror=None, run=str(tmp_path / "no"), pace=Pace(measured_in=path, **pace))  # type: ignore[arg-type]


def printed(*tables: RenderableType) -> str:
    console = Console(width=80, record=True, file=StringIO())
    for table in tables:
        console.print(table)
    return " ".join(console.export_text().split())


def test_a_type_names_the_kind_the_formats_and_the_options_that_decide_time_and_memory() -> None:
    assert NAMES == "target, tag: batch_size=16, max_length=128, frozen_layers=1"
    assert type_of(TINY, UNITS["parts"]) == "preparation, tag: batch_size=32, max_length=128"
    assert type_of(TINY, UNITS["parts -> names"]) == NAMES
    model = Model(name="big", id="big", resources=Resources(processes=2))
    mixed = Stage(tasks=("names", "claims"), mlm_share=0.5, training=Training(precision="bf16"))
    unit = replace(UNITS["parts"], model=model, stages=(mixed,))
    expected = "preparation, classify + tag + mlm: batch_size=32, max_length=128, precision=bf16, processes=2"
    assert type_of(TINY, unit) == expected


def test_a_searched_batch_size_and_length_count_with_their_largest_values() -> None:
    dials = {"batch_size": Choice(values=(8, 64)), "epochs": Choice(values=(1, 9))}
    assert largest(Stage(tasks=("names",), dials=dials)) == replace(Training(), batch_size=64)


def test_hours_are_those_of_the_types_with_their_evaluation_and_their_fixed_seconds(tmp_path: Path) -> None:
    other = measured("target, span", training=10.0, evaluation=None, rest=1.0)
    plan = forecast_with(tmp_path, measurement(measured(), other), price=2.0)
    row = next(row for row in plan.rows if row.unit == "tiny/baseline -> names")
    seconds = row.tokens_left / 100 + row.evaluation_left / 500 + row.left * 7
    assert row.seconds_left(plan.rates[row.unit]) == pytest.approx(seconds)
    # A type that was not measured has the medians of its model.
    row = next(row for row in plan.rows if row.unit == "tiny/parts")
    assert row.seconds_left(plan.rates[row.unit]) == pytest.approx(
        row.tokens_left / 55 + row.evaluation_left / 500 + row.left * 4
    )
    assert plan.worker_hours == pytest.approx(sum(r.seconds_left(plan.rates[r.unit]) for r in plan.rows) / 3600)
    assert plan.cost == pytest.approx(2 * (plan.worker_hours or 0))
    assert plan.as_json()["measurement"]["host"] == "node7"


def test_hours_use_the_measured_lengths_of_examples(tmp_path: Path) -> None:
    lengths = {
        length_key("names", 128, trains=True): FILLED_SHARE / 4,
        length_key("names", 128, trains=False): FILLED_SHARE / 2,
    }
    rates = forecast_with(tmp_path, measurement(lengths=lengths)).rates
    assert (rates["tiny/baseline -> names"].training, rates["tiny/baseline -> names"].evaluation) == (400, 1000)
    assert (rates["tiny/parts"].training, rates["tiny/parts"].evaluation) == (100, 500)


def test_a_plan_says_where_and_when_its_speed_was_measured(tmp_path: Path) -> None:
    text = printed(*forecast_tables(forecast_with(tmp_path, measurement())))
    assert "Measured on 2026-11-30 on node7 (H200; torch 2.13), with one trial at a time." in text
    assert "tiny: 100 training tokens per second of a worker, median of its measured trials in" in text
    assert "is assumed to be 3 times as fast" not in text


def test_a_plan_states_the_units_whose_values_were_not_measured(tmp_path: Path) -> None:
    lengths = {length_key("names", 128, trains=trains): FILLED_SHARE / 2 for trains in (True, False)}
    plan = forecast_with(tmp_path, measurement(lengths=lengths))
    num_units, num_other = len(plan.rows), sum(row.type != NAMES for row in plan.rows)
    text = printed(*forecast_tables(plan))
    assert "Hours are computed from measured lengths; the token counts above assume half of max_length." in text
    assert f"{num_other} of {num_units} units have a type that was not measured: medians of their model." in text
    number = plan.num_assumed("lengths")
    assert 0 < number < num_units
    assert f"{number} of {num_units} units have examples whose length was not measured: half of max_length." in text
    assert plan.as_json()["units_with_assumed"] == {"type": num_other, "evaluation": 0, "lengths": number}


def test_a_file_of_other_types_without_lengths_and_evaluation_is_not_called_measured(tmp_path: Path) -> None:
    plan = forecast_with(tmp_path, measurement(measured("target, span", evaluation=None)))
    text = printed(*forecast_tables(plan))
    num_units = len(plan.rows)
    assert f"{num_units} of {num_units} units have a type that was not measured: medians of their model." in text
    assert f"{num_units} of {num_units} units have examples whose length was not measured: half of max_length." in text
    number = sum(row.evaluation_left > 0 for row in plan.rows)
    assert f"Evaluation is assumed to be 3 times as fast as training in {number} of {num_units} units." in text
    assert "computed from measured lengths" not in text


def test_a_measured_unit_has_no_assumption(tmp_path: Path) -> None:
    lengths = {length_key("names", 128, trains=trains): FILLED_SHARE / 2 for trains in (True, False)}
    rates = forecast_with(tmp_path, measurement(lengths=lengths)).rates
    assert rates["tiny/baseline -> names"].assumed == frozenset()


def test_small_numbers_of_gpu_hours_are_not_shown_as_zero(tmp_path: Path) -> None:
    model = replace(TINY.models[0], resources=Resources(gpus=0.5))
    fast = measured(training=1e7, evaluation=1e7, rest=0.0)
    text = printed(*forecast_tables(forecast_with(tmp_path, measurement(fast), replace(TINY, models=(model,)))))
    assert " 0.0 GPU-hours" not in text
    assert "instead of 0.0." not in text


def test_a_model_with_another_id_or_other_layers_has_no_measurement(tmp_path: Path) -> None:
    path = str(tmp_path / "pace.json")
    write_measurement(measurement(), path)
    model = TINY.models[0]
    pace = Pace(measured_in=path)
    assert speeds((replace(model, name="renamed"),), pace)["renamed"].throughput == 100
    assert speeds((replace(model, id="demo/other"),), pace) == {}
    assert speeds((replace(model, layers=1),), pace) == {}
    plan = forecast_with(tmp_path, measurement(), replace(TINY, models=(replace(model, layers=1),)))
    # Lines are wrapped at spaces, and a long path within itself.
    assert f"({path} has no measurement of it)".replace(" ", "") in "".join(printed(*forecast_tables(plan)).split())


def test_a_space_without_trainings_has_the_speed_of_its_evaluation(tmp_path: Path) -> None:
    path = str(tmp_path / "pace.json")
    write_measurement(measurement(measured("encoder scores, retrieve", training=None, evaluation=300.0)), path)
    assert speeds(TINY.models, Pace(measured_in=path))["tiny"].throughput == 100


def test_a_file_that_was_changed_is_refused_with_the_command_that_writes_it(tmp_path: Path) -> None:
    path = str(tmp_path / "pace.json")
    write_measurement(measurement(), path)
    assert read_measurement(path) == measurement()
    Path(path).write_text(Path(path).read_text().replace("100.0", "900.0"))
    with pytest.raises(UserError, match=r"differs from its digest\. Measure again \(sweeper pace SPACE --out"):
        read_measurement(path)
    assert read_measurement(str(tmp_path)) is None
    assert read_measurement(str(tmp_path / "nothing")) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"training": 100.0', '"training": -5.0', "TypeMeasurement needs training > 0, got -5.0."),
        ('"training": 100.0', '"training": NaN', "TypeMeasurement.training needs a finite number, got nan."),
        ('"training": 100.0', '"training": "inf"', "TypeMeasurement.training needs a finite number, got inf."),
        ('"evaluation": 500.0', '"evaluation": 0.0', "TypeMeasurement needs evaluation > 0, got 0.0."),
        ('"rest": 7.0', '"rest": -7.0', "TypeMeasurement needs rest >= 0, got -7.0."),
        ('"process": 1073741824', '"process": 0', "TypeMeasurement.memory needs process > 0, and on a GPU"),
        ('"device": 85899345920', '"other": 1', "TypeMeasurement.memory needs process > 0, and on a GPU"),
        ('"device": 85899345920', '"device": 0', "TypeMeasurement.memory needs process > 0, and on a GPU"),
        ('"names train 128": 0.25', '"names train 128": 0.0', "Measurement.lengths needs shares > 0, got 0.0 for"),
        ('"memory": 68719476736', '"memory": -1', "Measurement needs memory >= 0, got -1."),
        ('"format": 2', '"format": 1', "Another version of the sweeper wrote"),
        ('"format": 2', '"format": 3', "Another version of the sweeper wrote"),
    ],
)
def test_a_file_with_an_impossible_value_is_refused_with_the_value_and_a_remedy(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "pace.json"
    content = write_json(measurement(lengths={"names train 128": 0.25})).decode()
    assert old in content
    path.write_bytes(sealed(content.replace(old, new).encode()))
    with pytest.raises(UserError) as caught:
        read_measurement(str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(f"Measure again (sweeper pace SPACE --out {path}), or remove the file.")


def test_a_file_with_a_flipped_bit_a_zeroed_block_or_a_missing_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pace.json"
    write_measurement(measurement(), str(path))
    content = path.read_bytes()
    places = range(0, len(content), 7)
    flipped = [content[:n] + bytes([content[n] ^ 1]) + content[n + 1 :] for n in places]
    for damaged in (*flipped, content[:100] + bytes(100) + content[200:], *(content[:n] for n in places)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"pace\.json"):
            read_measurement(str(path))


def test_a_file_without_a_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pace.json"
    path.write_bytes(write_json(measurement()))
    with pytest.raises(UserError, match=r"is not a file of `sweeper pace`, which begins with a digest\. Measure again"):
        read_measurement(str(path))


def test_the_memory_table_shows_the_memory_of_the_device_and_the_number_of_trials_that_fit() -> None:
    assert trials_per_gpu(GPU) == 20
    text = printed(*memory_tables((measured(), measured("on a CPU", memory={"process": 2**30})), 64 * 2**30))
    assert "3.00 GiB 80.0 GiB 20 1.00 GiB 64" in text
    assert "tiny, on a CPU 1.00 GiB 64" in text
    assert "A trial on a GPU counts with 1.00 GiB more" in text
    assert "GPU" not in printed(*memory_tables((measured(memory={"process": 2**30}),), 64 * 2**30))
    assert "per GPU process machine" in text
    assert "per GPU process ──" in printed(*memory_tables((measured(),)))
    assert "500 7.0" in printed(*speed_tables(measurement()))


def test_without_a_measurement_the_memory_has_a_lower_bound_and_the_command() -> None:
    text = printed(*bound_tables({"tiny": 2**30, "lost": "unknown. Model 'lost' cannot be read"}))
    assert "was not measured: sweeper pace SPACE measures it" in text
    assert "tiny: 1.00 GiB lost: unknown. Model 'lost' cannot be read" in text


def test_the_memory_of_a_run_is_the_largest_peak_of_each_model_and_kind(tmp_path: Path) -> None:
    Folder(str(tmp_path)).write("space.json", write_json(SMALL))
    ledger, agenda = Ledger.at(str(tmp_path / "ledger")), agenda_of(SMALL)
    first, second = agenda.next(), agenda.next()
    assert first is not None
    assert second is not None
    ledger.write_training(replace(succeed(first), memory=GPU))
    ledger.write_training(replace(succeed(second), memory=GPU | {"reserved": 2**31}))
    (largest_trial,) = types_of_run(str(tmp_path))
    assert (largest_trial.unit, largest_trial.memory) == (first.name, GPU)
    assert largest_trial.type.endswith("largest of 2")
