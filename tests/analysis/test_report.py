"""The report folder, its text, and the messages for runs without results."""

import csv
import re
from dataclasses import replace

import pytest

from analysis.__main__ import main
from analysis.report.findings import is_loss, strongest_findings
from analysis.report.report import write_report
from analysis.report.sections import data_limits
from analysis.results.results import compute_results
from analysis.results.trivial import verdict
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.space import Model
from sweeper.space.settings import apply_settings

FILES = {
    "marks.csv",
    *("report.md", "report.html", "report.json"),
    "matrix.csv",
    "gains.csv",
    "languages.csv",
    *(f"heatmap{size}.{ending}" for size in ("", "-column", "-slide") for ending in ("pdf", "png", "svg")),
    *(f"{name}.{ending}" for name in ("forest", "languages", "traits") for ending in ("pdf", "png")),
}


def csv_rows(path):
    """The rows of a CSV file."""
    with path.open() as file:
        return list(csv.reader(file))


def test_a_report_is_a_folder_with_figures_and_tables(full_report):
    path = full_report.path
    assert path.name == "report.md"
    assert {path.name for path in path.parent.iterdir()} == FILES


def test_the_report_links_only_figures_that_were_drawn(full_report):
    linked = re.findall(r"\]\((\S+\.png)\)", full_report.path.read_text())
    assert "heatmap.png" in linked and "correlations.png" not in linked
    assert set(linked) <= FILES


def test_the_matrix_file_has_the_recipe_and_then_the_targets_in_points(full_report):
    folder = full_report.path.parent
    matrix, gains = csv_rows(folder / "matrix.csv"), csv_rows(folder / "gains.csv")
    assert matrix[0] == gains[0] == ["recipe", "tags", "pairs", "search"]
    assert matrix[2] == ["small_nli", "65.0000", "38.0000", "22.0000"]
    assert gains[2] == ["small_nli", "15.0000", "4.0000", "2.0000"]


def test_the_same_ledger_gives_the_same_bytes(full_report, tmp_path):
    first, run = full_report.path.parent, full_report.path.parent.parent
    second = write_report(str(run), str(tmp_path / "again")).path.parent
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_report_describes_the_run_and_the_cells_with_the_same_rows(full_report):
    text = full_report.path.read_text()
    assert "# Numbers made by hand" in text
    assert "| small_nli | +15.0 ± 7.1 | +4.0 ± 0.0† | +2.0 ± 1.4 |" in text
    assert "small_nli -> pairs (small_nli)" in text
    assert "- Search for dials: none, because no stage and no target has dials" in text
    assert "Replicates are trained without the examples that are set aside." in text
    assert "| tags | The task tags | licence of tags | – |" in text
    assert "Reported split: **dev**" in text


def test_the_limits_on_the_data_name_the_largest_number_of_steps():
    assert "at most 1,500 steps of a training" in data_limits(apply_settings(TINY, ["max_steps=1500"]))
    assert not [limit for limit in data_limits(TINY) if "steps" in limit]


def test_what_is_selected_by_reported_scores_is_called_an_overestimate(full_report):
    text = full_report.path.read_text()
    findings, trivial = text.split("## The run")[0], text.split("## Trivial scores")[1]
    assert "The largest gains are selected among the reported ones and are overestimated on average." in findings
    assert "so that its score is an overestimate: do not report it as a result." in trivial


def test_scores_that_are_not_clearly_above_the_trivial_score_are_named(full_report):
    text = full_report.path.read_text()
    # search: 20 against 25. pairs: 35 against 25 is about two standard errors of 100 examples.
    assert "not clearly above the trivial score: search" in text
    assert "not clearly learned: middle_qa on middle_qa" in text
    assert "| small_nli | small_nli | accuracy | 2 | 100 | 25.0 | 50.0 | above |" in text


@pytest.mark.parametrize(
    ("value", "trivial", "words"),
    [(0.5, 0.25, "above"), (0.3, 0.25, "unclear"), (0.25, 0.25, "not above"), (0.5, float("nan"), "unknown")],
)
def test_a_score_is_above_the_trivial_score_by_two_standard_errors(value, trivial, words):
    assert verdict(value, trivial, 100) == words


def test_failed_trainings_are_listed_with_their_reason(full_run):
    full_run.trained("large_nli", "tags", 9, state="failed", reason="The loss became NaN at step 3.")
    text = write_report(full_run.url).path.read_text()
    assert "- tiny/large_nli -> tags/seed 9 (replicate): The loss became NaN at step 3." in text


def test_a_partial_run_gives_a_partial_matrix(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.4})
    path = write_report(run.url).path
    assert "11 of 12 cells have no score" in path.read_text()
    assert "baseline -> tags (1 of 2 seeds)" in path.read_text()
    assert csv_rows(path.parent / "matrix.csv")[2] == ["small_nli", "", "", ""]
    assert "There is no gain yet" in path.read_text()


def test_the_chosen_dials_of_each_study_are_listed(make_run):
    run = make_run()
    for number, (rate, value) in enumerate({1e-3: 0.5, 1e-4: 0.7}.items()):
        dials = {"learning_rate": rate}
        run.trained("baseline", "tags", 0, role="search", study="s", number=number, value=value, dials=dials)
    run.cell("baseline", "tags", 1, {"en": 0.6}, study="s", dials={"learning_rate": 1e-4})
    text = write_report(run.url).path.read_text()
    assert "| tiny | baseline | tags | 2 | 0 | learning_rate = 0.0001 | 0.7000 |" in text


@pytest.mark.parametrize(("gain", "expected"), [(-0.001, True), (-1e-17, False), (0.0, False), (0.1, False)])
def test_a_gain_that_a_report_shows_as_zero_is_called_no_loss(gain, expected):
    assert is_loss(gain) == expected


def test_the_findings_name_left_out_cells_only_if_there_are_any(make_run):
    run = make_run()
    for recipe, value in (("baseline", 0.5), ("large_nli", 0.6)):
        for seed in run.space.seeds:
            run.cell(recipe, "tags", seed, {"en": value})
    assert strongest_findings(compute_results(run.url))[0].startswith("The largest gain is +10.0 points")


def test_with_two_seeds_the_intervals_of_few_rows_settle_nothing(full_run):
    findings = strongest_findings(compute_results(full_run.url))
    assert findings[0].startswith(
        "The largest gain outside cells with the same rows and incomplete cells is +15.0 points: `small_nli` on `tags`"
    )
    assert findings[1].startswith(
        "The largest loss outside cells with the same rows and incomplete cells is -10.0 points: `large_nli` on `tags`"
    )
    assert "The 95 % interval over 2 seeds is -48.5 to +78.5" in findings[0]
    assert "cannot be distinguished from no effect" in findings[0]
    assert findings[1].endswith("All 2 seeds have this gain, so that their variation is unknown.")
    assert (
        "`small_nli` has the highest gain with +8.5 points (95 % interval -29.6 to +46.6 over 2 seeds)" in findings[2]
    )


def test_with_one_seed_no_gain_is_tested_and_the_report_says_so(make_run):
    run = make_run(seeds=(1,))
    for recipe, score in (("baseline", 0.5), ("small_nli", 0.6)):
        run.cell(recipe, "tags", 1, {"en": score})
    text = write_report(run.url).path.read_text()
    assert "With one seed no gain is tested for significance" in text
    assert "There is one seed, so that the variation between seeds is unknown." in text
    assert "differ from 0 at q" not in text


def test_with_three_seeds_the_findings_have_an_interval_and_a_corrected_p(make_run):
    run = make_run(seeds=(1, 2, 3))
    for seed, gain in ((1, 0.01), (2, 0.02), (3, 0.03)):
        run.cell("baseline", "tags", seed, {"en": 0.6})
        run.cell("small_nli", "tags", seed, {"en": 0.6 + gain})
    findings = strongest_findings(compute_results(run.url))
    assert "95 % interval over 3 seeds is -0.5 to +4.5 (p = 0.074; 0.074 after correction" in findings[0]
    assert "cannot be distinguished from no effect" in findings[0]


def test_the_files_of_a_second_model_have_its_name(full_run):
    models = (*full_run.space.models, Model(name="other", id="tests/other"))
    space = replace(full_run.space, models=models)
    Folder(full_run.url).write("space.json", write_json(space))
    full_run.scored(full_run.trained("baseline", "tags", 1), "tags", {"en": 0.7}, model="other")
    folder = write_report(full_run.url).path.parent
    assert csv_rows(folder / "matrix-other.csv")[1][:2] == ["baseline", "70.0000"]
    assert csv_rows(folder / "matrix.csv")[1][:2] == ["baseline", "50.0000"]


def test_an_empty_ledger_is_refused_with_the_first_failure(make_run):
    run = make_run()
    with pytest.raises(UserError, match=r"has no dev score of a replicate yet\. Its ledger has 0 trainings"):
        write_report(run.url)
    run.trained("baseline", "tags", 1, state="failed", reason="The disk is full.")
    with pytest.raises(UserError, match="1 of them failed; the first reason is: The disk is full"):
        write_report(run.url)


def test_a_report_goes_to_a_local_folder_only(full_run):
    with pytest.raises(UserError, match="written to a local folder, got --out memory://report"):
        write_report(full_run.url, "memory://report")


def test_the_command_prints_the_path_of_the_report(full_run, tmp_path, capsys):
    assert main([full_run.url, "--out", str(tmp_path / "elsewhere")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "elsewhere" / "report.md")


def test_a_mistake_of_the_user_is_one_message_with_exit_code_two(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    output = capsys.readouterr()
    assert output.out == "" and "is not a run folder" in output.err and output.err.count("\n") == 1


def test_a_damaged_record_is_named_with_exit_code_three(full_run, capsys):
    Folder(full_run.url).write("ledger/scores/bad.json", b"{")
    assert main([full_run.url]) == 3
    assert "scores/bad.json is not JSON" in capsys.readouterr().err


def test_a_report_against_another_recipe_names_it_and_has_a_separate_folder(full_run):
    path = write_report(full_run.url, against="middle_qa").path
    assert path.parent.name == "report-against-middle_qa"
    text = path.read_text()
    title, statement, *_ = text.split("\n\n")
    assert title == "# Numbers made by hand: transfer matrix"
    assert statement == "Gains are measured against the recipe `middle_qa`, not against the baseline."
    assert "Score minus the score of `middle_qa` with the same seed" in text
    assert "| best other recipe | `middle_qa` vs. trivial |" in text
    assert "incomplete cells is +10.0 points: `small_nli` on `tags` (65.0, against 55.0 for `middle_qa`" in text
    assert "over the baseline" not in text.split("## Choice of dials")[0]
    assert csv_rows(path.parent / "gains.csv")[1] == ["baseline", "-5.0000", "2.0000", "5.0000"]


def test_a_report_against_the_baseline_equals_the_default(full_report, tmp_path):
    run = full_report.path.parent.parent
    named = write_report(str(run), str(tmp_path / "named"), "baseline").path.read_text()
    default = full_report.path.read_text()
    assert named == default
    title, introduction, heading, *_ = default.split("\n\n")
    assert title == "# Numbers made by hand: transfer matrix"
    assert introduction.startswith("Each row of the matrix is a **recipe**")
    assert heading == "## Strongest findings"
    assert "Score minus the score of the baseline with the same seed" in default


def test_the_command_accepts_the_recipe_that_gains_are_measured_against(full_run, capsys):
    assert main([full_run.url, "--against", "midle_qa"]) == 2
    assert "Did you mean 'middle_qa'?" in capsys.readouterr().err
    assert not Folder(full_run.url).exists("report-against-midle_qa/report.md")
    assert main([full_run.url, "--against", "middle_qa"]) == 0
    assert capsys.readouterr().out.strip().endswith("report-against-middle_qa/report.md")


def test_the_heatmap_of_a_report_can_be_clustered_and_an_unknown_order_names_the_known_ones(full_report, tmp_path):
    run = str(full_report.path.parent.parent)
    clustered = write_report(run, str(tmp_path / "clustered"), order="clustered").path.parent
    assert (clustered / "heatmap.svg").read_bytes() != (full_report.path.parent / "heatmap.svg").read_bytes()
    with pytest.raises(UserError, match=r"No order is called 'cluster'\. Did you mean 'clustered'"):
        write_report(run, order="cluster")
