"""Dataset cartography: measures against values calculated by hand, and the page and figure of a run with data maps."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis.figures.cartography import MOST, data_map, map_figure
from analysis.report.report import write_report
from analysis.results.cartography import data_maps, map_cells, noise_found, shares_of
from analysis.results.load import load
from sweeper.records.record import DynamicsRecord
from sweeper.run.ledger import dynamics_file
from sweeper.space import Recipe, Stage, Target
from sweeper.training.dynamics import summary_of
from tests.runs import run_arguments, sweeper


def examples(confidence, variability=0.1, correctness=1.0, noisy=False, views=3):
    """Dynamics of the examples of one training."""
    measures = {"confidence": confidence, "variability": variability, "correctness": correctness}
    names = [str(number) for number in range(len(confidence))]
    return pd.DataFrame(
        {"task": "small_nli", "language": "en", "example": names, "noisy": noisy, **measures, "views": views}
    )


def test_examples_are_ambiguous_by_their_variability_and_else_easy_or_hard_by_their_confidence():
    table = examples([0.9, 0.9, 0.5, 0.1, 0.1], [0.1, 0.3, 0.1, 0.1, 0.2])
    assert shares_of(table) == {"easy": 1 / 5, "ambiguous": 2 / 5, "hard": 1 / 5}


def test_the_area_is_the_share_of_pairs_in_which_the_wrong_label_has_the_lower_confidence():
    # Of six pairs of a wrong and a right label, four are in order and one is equal.
    table = examples([0.1, 0.5, 0.3, 0.5, 0.9], noisy=[True, True, False, False, False]).assign(seed=1)
    found = noise_found(table)
    assert found["noise_auc"] == pytest.approx(4.5 / 6)
    # DeLong: variances of (1, 1/2) over the wrong and of (1/2, 3/4, 1) over the right labels.
    se = (0.125 / 2 + 0.0625 / 3) ** 0.5
    assert found["noise_low"] == pytest.approx(4.5 / 6 - 1.959964 * se)
    assert found["noise_high"] == 1.0
    assert noise_found(table.assign(noisy=False)) == {}


def test_the_area_of_several_seeds_is_their_mean_with_a_wider_interval():
    rng = np.random.default_rng(0)
    one = examples(rng.random(200), noisy=np.arange(200) < 60)
    flipped = one.assign(confidence=1 - one["confidence"])
    both = noise_found(pd.concat([one.assign(seed=1), flipped.assign(seed=2)]))
    single = noise_found(one.assign(seed=1))
    assert both["noise_auc"] == pytest.approx(0.5)
    assert both["noise_high"] - both["noise_low"] >= single["noise_high"] - single["noise_low"]


def test_a_map_has_the_means_of_the_examples_in_each_cell():
    cells = map_cells(examples([0.01, 0.03, 0.99, 1.0], [0.0, 0.01, 0.5, 0.5], [0.0, 0.5, 1.0, 1.0]))
    assert cells["num"].tolist() == [2, 2]
    assert cells["confidence"].tolist() == pytest.approx([0.02, 0.995])
    assert cells["correctness"].tolist() == pytest.approx([0.25, 1.0])


def test_a_panel_has_a_dot_for_each_cell_and_equal_numbers_have_equal_areas():
    _, axes = plt.subplots()
    assert data_map(axes, examples([0.01, 0.99], [0.0, 0.4]), title="small") is axes
    (dots,) = axes.collections
    assert len(dots.get_offsets()) == 2
    assert len(set(dots.get_sizes())) == 1
    assert axes.get_title(loc="left") == "small"
    plt.close()


def test_a_figure_has_at_most_twelve_panels_and_says_where_the_others_are():
    figure = map_figure({f"task {number}": examples([0.5]) for number in range(MOST + 2)})
    assert len(figure.axes) == MOST
    assert any("2 more recipes are in difficulty.csv" in text.get_text() for text in figure.texts)
    assert map_figure({}) is None


NOISY = Recipe(name="noisy", stages=(Stage(tasks=("small_nli",), label_noise=0.5),))


@pytest.fixture
def run(make_run):
    """Two recipes of one task, one of them with label noise and two seeds, and one of tags."""
    recipes = (
        Recipe(name="baseline"),
        Recipe(name="small_nli", stages=(Stage(tasks=("small_nli",)),)),
        NOISY,
        Recipe(name="tags", stages=(Stage(tasks=("tags",)),)),
    )
    made = make_run(name="maps", recipes=recipes, targets=(Target(task="tags"),), cartography=True)
    for recipe in ("baseline", "small_nli", "noisy"):
        made.cell(recipe, "tags", 1, {"en": 0.6, "de": 0.6})
    observed(made, "small_nli", 1, examples([0.9, 0.8, 0.1], [0.0, 0.3, 0.1]))
    noisy = examples([0.9, 0.8, 0.2, 0.1], noisy=[False, False, True, True])
    for seed in (1, 2):
        observed(made, "noisy", seed, noisy)
    made.trained("tags")
    return made


def observed(run, recipe, seed, table):
    """Write a preparation with its dynamics."""
    other = len(recipe)  # another training for each recipe, because their stages are equal
    record = run.trained(recipe, seed=seed)
    (stage,) = record.spec.chain
    data = tuple(replace(each, sample_seed=other) for each in stage.data)
    spec = replace(record.spec, chain=(replace(stage, data=data),), cartography=True)
    run.ledger.write_dynamics(spec.key, table)
    _, facts = run.ledger.unrecorded_dynamics(spec.key)
    dynamics = DynamicsRecord(file=dynamics_file(spec.key), facts=facts, means=summary_of(table))
    run.ledger.folder.remove(f"trainings/{record.key}.json")
    run.ledger.write_training(replace(record, key=spec.key, spec=spec, dynamics=dynamics))
    return dynamics.file


def page_of(run):
    report = write_report(run.url)
    return report.path.parent, (report.path.parent / "difficulty.md").read_text(encoding="utf-8")


def test_the_page_has_the_measures_of_each_recipe_with_one_label_and_the_data_maps(run):
    folder, page = page_of(run)
    assert "| small_nli | – | 3.0 | 0.60 | 0.13 | 33 % | 33 % | 33 % | – |" in page
    assert "| noisy | 50 % | 3.0 | 0.50 | 0.10 | 50 % | 0 % | 50 % | 1.00 (1.00 to 1.00) |" in page
    assert "| tags | – | 3.0" not in page
    assert "![Data maps](cartography.png)" in page
    assert (folder / "cartography.pdf").read_bytes().startswith(b"%PDF")
    table = pd.read_csv(folder / "difficulty.csv").set_index("recipe")
    assert table.loc["noisy", "noise_auc"] == 1.0
    assert table.loc["noisy", "easy"] == 50
    assert "cartography" in (folder / "report.md").read_text(encoding="utf-8")


def test_a_training_that_sees_its_examples_once_has_no_map(run):
    observed(run, "small_nli", 1, examples([0.9, 0.8, 0.1], np.nan, views=1))
    _, page = page_of(run)
    assert f"| small_nli | – | 1.0 |{' not defined |' * 5} – |" in page


@pytest.mark.parametrize("damage", ["lost", "damaged"])
def test_without_its_file_a_training_has_only_its_means_and_the_page_says_so(run, damage):
    file = observed(run, "small_nli", 1, examples([0.9, 0.8, 0.1], [0.0, 0.3, 0.1]))
    page_of(run)
    if damage == "lost":
        run.ledger.folder.remove(file)
    else:
        run.ledger.folder.write(file, b"PAR1" + run.ledger.folder.read(file)[4:-1])
    _, page = page_of(run)
    assert "| small_nli | – | 3.0 | 0.60 | 0.13 | – | – | – | – |" in page
    assert f"- The training dynamics of tiny/small_nli -> itself/seed 1 ({file}) are lost or damaged" in page


def test_a_training_from_before_the_option_is_named(run):
    run.trained("small_nli", seed=2)
    notes = data_maps(load(run.url), "tiny")["small_nli"].notes
    assert len(notes) == 1
    assert "tiny/small_nli -> itself/seed 2 has no training dynamics" in notes[0]


SPACE_FILE = """
from dataclasses import replace
from search_spaces.demo_full import PREPARE, SPACE
from sweeper.space import Recipe, Stage, Target, Training

SPACE = replace(
    SPACE,
    name="noisy",
    recipes=tuple(
        Recipe(name=task, stages=(Stage(tasks=(task,), label_noise=0.3, training=replace(PREPARE, epochs=3)),))
        for task in ("claims", "gaps")
    ),
    targets=(Target(task="names", training=Training(max_steps=1, cap_examples=16), languages=("en",), eval_cap=10),),
    seeds=(1,),
    cartography=True,
    world="demo:draws=2",
)
"""


@pytest.mark.slow
def test_a_sweep_finds_the_wrong_labels_that_it_planted_by_their_low_confidence(tmp_path):
    (tmp_path / "noisy.py").write_text(SPACE_FILE)
    url = str(tmp_path / "run")
    done = sweeper(*run_arguments(url, space=str(tmp_path / "noisy.py")))
    assert done.returncode == 0, done.stdout + done.stderr
    maps = data_maps(load(url), "tiny")
    assert set(maps) == {"claims", "gaps"}
    for each in maps.values():
        assert 0.2 < each.examples["noisy"].mean() < 0.4
        assert each.measures.views == 3
        assert each.measures.noise_low > 0.7
        by_label = each.examples.groupby("noisy")["confidence"].mean()
        assert by_label[True] < by_label[False]
