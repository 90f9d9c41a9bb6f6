"""The driver refuses trainings that keep the best weights but are too short for an evaluation."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.errors import UserError
from sweeper.plan.resolve import Resolver
from sweeper.run.site import Site
from sweeper.space import Choice, Dials, LogUniform, Space, Training
from sweeper.training.workbench import Workbench
from sweeper.tuning.pending import check_pending
from sweeper.tuning.sweep import make_agenda
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.test_no_leak import SPACE, TRAINING, write_mirror


@pytest.fixture
def site(tmp_path: Path) -> Site:
    save_tiny_encoder(tmp_path / "encoder")
    mirror = write_mirror(tmp_path / "mirror", tmp_path / "encoder", set())
    run = str(tmp_path / "run")
    return Site(
        ledger=f"{run}/ledger", store=run, checkpoints=f"{run}/checkpoints", cache=f"{run}/cache", mirror=str(mirror)
    )


def check(space: Space, site: Site) -> None:
    bench = Workbench(site)
    agenda = make_agenda(Resolver(space=space, sources=bench.sources), bench.ledger.contents())
    check_pending(agenda, site, Console(quiet=True))


def evaluated(every: int, dials: Dials | None = None) -> Space:
    """Targets that are evaluated after this number of steps. They have 20 rows, at most four of them set aside."""
    training: Training = replace(TRAINING, keep="best", evaluate_every=every)
    search = replace(SPACE.search, cap=4)
    targets = tuple(replace(t, training=training, dials=t.dials if dials is None else dials) for t in SPACE.targets)
    return replace(SPACE, targets=targets, search=search)


def test_a_training_that_ends_before_its_first_evaluation_is_refused(site: Site) -> None:
    # Two epochs of four batches of four.
    check(evaluated(7), site)
    with pytest.raises(
        UserError,
        match=r"keep = 'best' needs evaluate_every below the 8 steps of the training on exam, got 8: no evaluation "
        r"would happen before the last step\. Lower evaluate_every, or use keep = 'last'\.",
    ):
        check(evaluated(8), site)


@pytest.mark.parametrize(
    ("dials", "steps"),
    [
        ({"epochs": LogUniform(low=1.0, high=4.0)}, 4),
        ({"batch_size": Choice(values=(2, 16))}, 2),
        ({"epochs": Choice(values=(3, 2)), "batch_size": Choice(values=(4, 8))}, 4),
        ({"cap_examples": Choice(values=(4, 16))}, 2),
    ],
)
def test_the_evaluations_are_checked_for_the_dials_with_the_fewest_steps(site: Site, dials: Dials, steps: int) -> None:
    check(evaluated(steps - 1, dials), site)
    with pytest.raises(UserError, match=f"below the {steps} steps"):
        check(evaluated(steps, dials), site)


def test_the_longest_length_among_the_dials_is_checked(site: Site) -> None:
    with pytest.raises(UserError, match="max_length=4096 of task 'exam' is larger than the"):
        check(evaluated(7, {"max_length": Choice(values=(16, 4096))}), site)
