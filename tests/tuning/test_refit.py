"""`Search.refit`: whole runs on tiny data, in which replicates train on the rows that search trials set aside."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.export.choice import ExportOptions
from analysis.export.folder import export_encoder
from analysis.results.best import best_per_target
from analysis.results.load import load
from sweeper.run.run import Run
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.test_no_leak import SPACE, run_all, write_mirror

SEARCH = replace(SPACE.search, refit=True, cap=4)
NUM_ROWS = 20
EPOCHS = 2


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    save_tiny_encoder(tmp_path / "encoder")
    return write_mirror(tmp_path / "mirror", tmp_path / "encoder", set())


def test_refitted_replicates_train_on_all_rows_with_the_chosen_dials_and_have_no_value(
    mirror: Path, tmp_path: Path
) -> None:
    records, scores = run_all(replace(SPACE, search=SEARCH), mirror, tmp_path / "run")
    assert scores
    for name, record in records.items():
        task = record.spec.chain[-1].data[0].task
        is_refitted = record.spec.role == "replicate"
        assert record.spec.refitted == is_refitted
        assert (record.value is None) == is_refitted, name
        # At most four rows are set aside: the share of 0.3 would be six.
        assert record.examples == {task: EPOCHS * (NUM_ROWS if is_refitted else NUM_ROWS - 4)}
    for record in records.values():
        if record.spec.study and record.spec.role == "replicate":
            trials = [r for r in records.values() if r.spec.study == record.spec.study and r.spec.role == "search"]
            best = max(trials, key=lambda trial: (trial.value or 0.0, -trial.spec.number))
            assert dict(best.spec.dials) == dict(record.spec.dials)


def test_a_target_that_is_selected_on_its_dev_split_has_a_value_with_refit(mirror: Path, tmp_path: Path) -> None:
    records, _ = run_all(replace(SPACE, search=SEARCH, evaluate="test"), mirror, tmp_path / "run")
    exam = [record for name, record in records.items() if name.endswith("-> exam/seed 1")]
    assert exam
    for record in exam:
        assert record.value is not None
        assert not record.spec.refitted
        assert record.examples == {"exam": EPOCHS * NUM_ROWS}


def test_the_encoder_of_a_refitted_run_is_chosen_by_the_values_of_the_search_trials(
    mirror: Path, tmp_path: Path
) -> None:
    space = replace(SPACE, search=SEARCH, recipes=SPACE.recipes[1:])
    records, _ = run_all(space, mirror, tmp_path / "run")
    run = Run.at(str(tmp_path / "run"))
    run.keep_space(space)
    run.keep_site(run.make_site())
    values = [record.value or 0.0 for name, record in records.items() if "-> exam/search" in name]
    best = best_per_target(load(run.url), "small")["exam"]
    assert (best.value, best.by_search) == (max(values), True)
    card = export_encoder(run.url, tmp_path / "out", ExportOptions(target="exam")) / "README.md"
    reason = f"best English selection value of the search trials (replicates were refitted), {100 * max(values):.2f}."
    assert f"Reason for the recipe: {reason}" in card.read_text()
