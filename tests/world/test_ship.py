"""Copying the encoder of a run into the package."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from search_spaces.tiny import SPACE as TINY
from sweeper.run.run import Run
from sweeper.world.encoder import WEIGHTS
from sweeper.world.ship import ship

WEIGHT = np.array([[0.5, -1.25], [3.0, 0.125]], dtype=np.float32)
"""Values that float16 represents exactly."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run folder with one encoder and a damaged one."""
    run = Run.at(str(tmp_path / "run"))
    run.keep_space(TINY)
    run.keep_site(run.make_site())
    (tmp_path / "encoder").mkdir()
    save_file({"weight": WEIGHT}, tmp_path / "encoder" / WEIGHTS)
    for key in ("a1", "b2"):
        run.store.keep(key, tmp_path / "encoder")
    run.store.folder.set_aside("b2")
    return run


def test_the_encoder_is_written_as_float16(run: Run, tmp_path: Path) -> None:
    ship(Path(run.url), tmp_path / "shipped")
    weights = load_file(tmp_path / "shipped")
    assert weights["weight"].dtype == np.float16
    np.testing.assert_array_equal(weights["weight"], WEIGHT)


def test_a_run_with_two_encoders_is_refused(run: Run, tmp_path: Path) -> None:
    run.store.keep("c3", tmp_path / "encoder")
    with pytest.raises(SystemExit, match=r"has one encoder, but .* has 2"):
        ship(Path(run.url), tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()


def test_a_run_without_an_encoder_is_refused(run: Run, tmp_path: Path) -> None:
    run.store.folder.set_aside("a1")
    with pytest.raises(SystemExit, match=r"has one encoder, but .* has 0"):
        ship(Path(run.url), tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()


def test_a_real_encoder_is_rounded_and_otherwise_the_same(run: Run, demo_world: Path, tmp_path: Path) -> None:
    run.store.folder.set_aside("a1")
    run.store.keep("real", demo_world / "models" / "demo" / "blank")
    ship(Path(run.url), tmp_path / "shipped")
    weights = load_file(demo_world / "models" / "demo" / "blank" / WEIGHTS)
    shipped = load_file(tmp_path / "shipped")
    assert shipped.keys() == weights.keys()
    for name, array in shipped.items():
        assert array.dtype == np.float16
        assert np.allclose(array, weights[name], atol=1e-4)
