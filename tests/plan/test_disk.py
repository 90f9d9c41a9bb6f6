"""The size of a run folder: the estimate of a plan against files of finished runs and simulated sweeps."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from search_spaces.load import load_space
from search_spaces.tiny import SPACE as TINY
from sweeper.data.source import Sources
from sweeper.plan import disk as disk_module
from sweeper.plan import weights
from sweeper.plan.disk import Disk, disk_of
from sweeper.plan.forecast import forecast
from sweeper.plan.only import narrowed, parse_only
from sweeper.plan.pace import Pace
from sweeper.plan.tables import forecast_tables
from sweeper.plan.units import make_plan
from sweeper.plan.weights import EMBEDDED, encoder_bytes, num_weights
from sweeper.space import Model, Recipe, Space
from tests.runs import PATIENCE, tiny_run
from tests.tuning.imaginary import SMALL, with_chain
from tests.tuning.test_release import OBSERVED, RUNGS, needed, sweeps_in

NO_FILES = Sources(mirror=None, cache=Path("/nowhere"))
WITHIN = 1.5
"""Largest ratio between the estimate and the files of a finished run of `tiny`."""


def disk(space: Space, num_workers: int = 2) -> Disk:
    return disk_of(make_plan(space), NO_FILES, num_workers)


def size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_the_estimate_is_within_a_factor_of_one_and_a_half_of_the_files_of_a_finished_run() -> None:
    run, estimate = tiny_run(), disk(TINY)
    records = [*run.glob("ledger/trainings/*"), *run.glob("ledger/scores/*"), *run.glob("logs/*")]
    parts = {
        "encoders": (estimate.encoders, size((run / "encoders").rglob("*"))),
        "outcomes": (estimate.outcomes, size((run / "ledger" / "outcomes").iterdir())),
        "records": (estimate.records, size(records)),
    }
    ratios = {name: estimated / real for name, (estimated, real) in parts.items()}
    assert all(1 / WITHIN < ratio < WITHIN for ratio in ratios.values()), ratios


@pytest.mark.parametrize("space", [with_chain(TINY), with_chain(SMALL), with_chain(RUNGS), OBSERVED])
def test_the_largest_number_of_encoders_that_are_needed_at_a_time_is_that_of_a_sweep_or_little_more(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "encoder_bytes", lambda *_: 1)
    kept_all, few = sweeps_in(tmp_path / "all"), sweeps_in(tmp_path / "needed")
    kept_all.run(space)
    few.run(needed(space))
    estimate = disk(space)
    assert estimate.encoders == kept_all.most
    assert few.most <= estimate.encoders_needed <= estimate.encoders


def test_a_part_of_a_space_has_only_its_own_encoders() -> None:
    space = with_chain(TINY)
    rows = narrowed(make_plan(space), parse_only(["recipes=parts"], space))
    assert 0 < disk_of(rows, NO_FILES, 2).encoders < disk(space).encoders
    assert disk_of(narrowed(make_plan(space), parse_only(["recipes=baseline"], space)), NO_FILES, 2).encoders == 0


def with_rows(space: Space, num: int) -> Space:
    """The space with more recipes, which share no encoder with others."""
    [stage] = next(recipe.stages for recipe in space.recipes if recipe.stages)
    stages = [replace(stage, training=replace(stage.training, epochs=10 + number)) for number in range(num)]
    more = tuple(Recipe(name=f"row {number}", stages=(each,)) for number, each in enumerate(stages))
    return replace(space, recipes=(*space.recipes, *more))


ROWS = with_rows(replace(TINY, seeds=(1, 2, 3, 4, 5, 6)), 5)
PARTS = [
    (ROWS, {"only": "targets=names"}),
    (ROWS, {"budget": "95"}),  # some trials of the last wave are not bought
    (ROWS, {"budget": "125"}),  # all trials, in waves: each of them has all rows
    (with_chain(SMALL), {"only": "targets=names"}),
    (with_chain(RUNGS), {"only": "targets=names"}),
    (with_chain(SMALL), {"only": "seeds=1"}),
]


@pytest.mark.parametrize(("space", "options"), PARTS)
def test_encoders_that_trials_outside_of_a_part_need_are_counted_in_all_rows_and_at_the_end(
    space: Space, options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "encoder_bytes", lambda *_: 1)
    few = sweeps_in(tmp_path)
    estimate = disk_of(few.run(needed(space), **options).plan, NO_FILES, 2)
    assert few.most <= estimate.encoders_needed <= estimate.encoders
    assert estimate.end["all"] - estimate.end["needed"] == estimate.encoders - few.num_stored


def test_stored_targets_averages_and_best_weights_are_counted() -> None:
    kept = disk(replace(TINY, keep_targets=True))
    [encoder] = {encoder_bytes(model, NO_FILES) for model in TINY.models}
    assert encoder
    assert kept.targets == 2 * 2 * 2 * encoder  # recipes, targets, seeds
    best = replace(TINY.targets[0], training=replace(TINY.targets[0].training, keep="best"))
    larger = disk(replace(TINY, targets=(best, *TINY.targets[1:])))
    assert larger.checkpoints == disk(TINY).checkpoints * 4 / 3
    assert disk(TINY, num_workers=6).checkpoints == 3 * disk(TINY).checkpoints


def test_the_size_of_an_encoder_is_that_of_its_weights_in_float32_whether_its_world_exists_or_not(
    demo_world: Path,
) -> None:
    [model] = TINY.models
    [folder] = demo_world.glob("models/demo/tiny") or [None]
    assert folder
    num = sum(array.size for array in load_file(folder / "model.safetensors").values())
    assert encoder_bytes(model, NO_FILES) == 4 * num
    built = encoder_bytes(model, Sources(mirror=demo_world, cache=Path("/nowhere")))
    assert built == 4 * num + size(folder.glob("*.json"))
    shallow = num_weights([folder / "model.safetensors"], layers=1)
    assert num_weights([folder / "model.safetensors"], layers=3) == num
    # Layers have equal sizes, and the rest are embeddings.
    assert (num - shallow) % 2 == 0
    assert 0 < shallow < num


def test_the_published_shapes_have_the_parameters_that_the_spaces_give() -> None:
    for model in load_space("questions/scale-xl").models:
        if model.id in weights.SHAPES:
            _, hidden = weights.SHAPES[model.id]
            assert encoder_bytes(model, NO_FILES) == 4 * (model.parameters + EMBEDDED * hidden)


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0[]", b'\x08\0\0\0\0\0\0\0{"a":{}}', b"\xff" * 20])
def test_an_encoder_whose_file_cannot_be_read_has_no_known_size(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert encoder_bytes(Model(name="broken", id=str(tmp_path)), NO_FILES) is None


def test_a_model_of_unknown_size_is_named_and_not_counted() -> None:
    unknown = Model(name="unknown", id="somebody/unknown")
    space = replace(TINY, models=(*TINY.models, unknown))
    both = disk(space)
    assert both.unsized == ("unknown",)
    assert both.encoders == disk(TINY).encoders
    pace = Pace(workers=2, throughputs={}, measured_in="", price=None)
    texts = [str(table) for table in forecast_tables(forecast(space, mirror=None, run="/nowhere", pace=pace))]
    assert any("Not counted: encoders and checkpoints of unknown, whose" in text for text in texts)


def test_the_plan_states_the_size_for_both_values_of_keep_encoders() -> None:
    pace = Pace(workers=2, throughputs={}, measured_in="", price=None)
    plans = [forecast(space, mirror=None, run="/nowhere", pace=pace) for space in (SMALL, needed(SMALL))]
    first, second = ([text for text in map(str, forecast_tables(plan)) if "Run folder" in text] for plan in plans)
    assert " with keep_encoders=needed." in first[0]
    assert " with keep_encoders=all." in second[0]
    assert plans[0].disk.peak == plans[1].disk.peak
    values = plans[0].as_json()["disk"]
    assert values["peak"]["needed"] <= values["peak"]["all"]
    assert values["end"]["needed"] < values["end"]["all"] < values["peak"]["all"]
