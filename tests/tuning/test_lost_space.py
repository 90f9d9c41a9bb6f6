"""A run folder whose `space.json` is missing or damaged keeps the sampler of its results, and repeats no trial."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.run.ledger import Contents
from sweeper.run.run import SPACE_FILE, Run
from sweeper.space import Space
from sweeper.space.search import Sampler
from sweeper.tuning.options import Options
from sweeper.tuning.sweep import run_sweep, with_sampler_of_results
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.imaginary import SMALL, FakeLedger, run_all
from tests.tuning.test_no_leak import SPACE, write_mirror
from tests.tuning.test_no_leak import run_all as train_all


def with_sampler(space: Space, sampler: Sampler) -> Space:
    return replace(space, search=replace(space.search, sampler=sampler))


def contents_of(ledger: FakeLedger) -> Contents:
    return Contents(
        trainings=ledger.ended(), scores=dict.fromkeys(ledger.scores), damaged={}, foreign={}, num_unsealed=0
    )


@pytest.mark.parametrize(
    ("recorded", "given", "kept"),
    [("tpe", "auto", "tpe"), ("auto", "auto", "auto"), ("gp", "auto", "auto"), ("tpe", "random", "random")],
)
def test_the_sampler_is_that_of_the_trials_in_the_ledger(recorded: Sampler, given: Sampler, kept: Sampler) -> None:
    _, ledger = run_all(with_sampler(SMALL, recorded))
    given_space = with_sampler(SMALL, given)
    assert with_sampler_of_results(given_space, None, contents_of(ledger)) == with_sampler(SMALL, kept)
    assert with_sampler_of_results(given_space, None, contents_of(FakeLedger())) == given_space


@pytest.mark.parametrize("is_missing", [False, True], ids=["damaged", "missing"])
def test_a_run_of_an_earlier_version_without_its_space_repeats_no_finished_trial(
    tmp_path: Path, is_missing: bool
) -> None:
    save_tiny_encoder(tmp_path / "encoder")
    mirror, run = write_mirror(tmp_path / "mirror", tmp_path / "encoder", set()), Run.at(str(tmp_path / "run"))
    space = replace(SPACE, recipes=SPACE.recipes[:1], targets=SPACE.targets[:1])
    earlier = with_sampler(space, "tpe")
    train_all(earlier, mirror, tmp_path / "run")
    run.keep_space(earlier)
    file = tmp_path / "run" / SPACE_FILE
    if is_missing:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-20])
    records = run.ledger.record_names()
    output = Console(file=io.StringIO())
    result = run_sweep(space, Options(run=run.url, mirror=str(mirror), quiet=True), output)
    assert (result.num_done, result.num_slots) == (4, 4)
    assert run.ledger.record_names() == records
    assert run.space.search.sampler == "tpe"
