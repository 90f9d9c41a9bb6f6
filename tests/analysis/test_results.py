"""Results: each value is computed once for each model, and the package gives them to a notebook."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

import analysis
from analysis.report.report import write_report
from analysis.results import results as module
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.space import Model

COMPUTED = (
    "gain_table",
    "matrix_of",
    "estimates",
    "row_means",
    "scores_by_seed",
    "language_table",
    "correlate",
    "layer_scores",
    "benchmark_means",
    "published_comparisons",
    "target_levels",
    "preparation_levels",
    "language_coverage",
    "partial_cells",
)
"""Functions that compute a part of Results."""


@pytest.fixture
def calls(monkeypatch):
    """Calls of each function in COMPUTED, wherever a module of the package has imported it, by function and model."""
    counted = Counter()

    def counting(name, function):
        def call(*args, **kwargs):
            counted[name] += 1
            return function(*args, **kwargs)

        return call

    modules = [value for name, value in sys.modules.items() if name.startswith("analysis.")]
    for name in COMPUTED:
        counter = counting(name, getattr(module, name))
        for importer in modules:
            if hasattr(importer, name):
                monkeypatch.setattr(importer, name, counter)
    return counted


def test_a_report_computes_every_part_of_the_results_once(full_run, calls):
    write_report(full_run.url)
    assert calls == dict.fromkeys(COMPUTED, 1)


def test_a_report_of_two_models_computes_every_part_once_per_model(full_run, calls):
    models = (*full_run.space.models, Model(name="other", id="tests/other"))
    Folder(full_run.url).write("space.json", write_json(replace(full_run.space, models=models)))
    write_report(full_run.url)
    assert calls == dict.fromkeys(COMPUTED, 2)


def test_a_notebook_gets_the_results_of_a_run_folder_or_of_loaded_tables(full_run):
    data = analysis.load(full_run.url)
    results = analysis.compute_results(data)
    assert (results.model, results.matrix.reference) == ("tiny", "baseline")
    assert results.matrix.gains.equals(analysis.compute_results(full_run.url).matrix.gains)
    assert analysis.compute_results(data, against="middle_qa").matrix.reference == "middle_qa"


def test_the_results_of_an_unknown_model_are_refused_with_the_nearest_name(full_run):
    with pytest.raises(UserError, match=r"No model is called 'tinny'\. Did you mean 'tiny'\?"):
        analysis.compute_results(full_run.url, model="tinny")


def test_every_public_name_can_be_imported(full_run):
    assert set(analysis.__all__) <= set(dir(analysis))
    for name in analysis.__all__:
        assert getattr(analysis, name).__name__ == name
    assert len(dir(analysis)) == len(set(dir(analysis)))
    with pytest.raises(AttributeError, match="has no attribute 'reports'"):
        analysis.reports  # noqa: B018


def test_importing_the_package_loads_none_of_its_libraries():
    code = "import sys, analysis; print([name for name in ('pandas', 'numpy', 'matplotlib') if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
