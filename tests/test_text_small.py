"""A part of the real-text space on the mirror of published data, from the files to the scores."""

from pathlib import Path

import pytest

from sweeper.run.ledger import Ledger
from tests.runs import PATIENCE, run_arguments, sweeper

pytestmark = [pytest.mark.slow, pytest.mark.mirror, pytest.mark.timeout(2 * PATIENCE)]


def test_the_raw_encoder_finds_translations_in_every_language_of_the_mirror(tmp_path: Path, mirror: Path) -> None:
    corner = ("--mirror", str(mirror), "--set", "recipes=baseline", "--set", "targets=tatoeba")
    done = sweeper(*run_arguments(tmp_path / "run", *corner, space="text_small"))
    assert done.returncode == 0, done.stdout + done.stderr
    (score,) = Ledger.at(f"{tmp_path}/run/ledger").scores().values()
    assert score.seed is None and len(score.metrics) == 24
    accuracy = [metrics["accuracy"] for metrics in score.metrics.values()]
    assert sum(accuracy) / len(accuracy) > 5 * score.trivial["de"]["accuracy"]
