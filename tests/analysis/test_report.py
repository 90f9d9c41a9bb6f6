"""The report folder, its text, and the messages for runs without results."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import sweeper
from analysis.__main__ import main
from analysis.figures.heatmap import gain_square, matrix_grid, matrix_key
from analysis.figures.pages import Orders, orders_of
from analysis.numbers import gain_text, p_text, signed_text
from analysis.report.files import csv as csv_text
from analysis.report.findings import strongest_findings
from analysis.report.latex import math_gain
from analysis.report.methods import _references, methods_text
from analysis.report.methods_statistics import interval_sentences
from analysis.report.report import write_report
from analysis.report.sections import data_limits
from analysis.results.estimates import mean_estimates
from analysis.results.load import load
from analysis.results.results import compute_results
from analysis.results.trivial import verdict
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.space import Model, Recipe, Stage
from sweeper.space.settings import apply_settings
from tests.analysis.conftest import SPACE
from tests.analysis.test_correlate import SEEDS, wide_space
from tests.analysis.texts import text_report

FILES = {
    *("report.html", "report.json"),
    *(f"{name}.md" for name in ("report", "appendix", "methods")),
    *(f"{name}.csv" for name in ("marks", "trials", "cells", "languages", "seeds", "means", "best", "correlations")),
    *(f"{name}.csv" for name in ("english", "distances", "families", "predictors")),
    *(f"tables/{name}.tex" for name in ("gains", "scores", "means")),
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
    found = {str(file.relative_to(path.parent)) for file in path.parent.rglob("*") if file.is_file()}
    assert found == FILES


def test_the_list_of_files_has_every_file_with_content_and_no_other(full_report):
    listed = [row.split(" | ")[0].strip("| ") for row in files_section(full_report).splitlines() if row.startswith("|")]
    names = {name for row in listed[2:] for name in row.split(", ")}
    figures = {name.removesuffix(".png") for name in FILES if name.endswith(".png")}
    others = {name for name in FILES if not name.endswith((".png", ".pdf", ".svg"))}
    folder = full_report.path.parent
    empty = {name for name in FILES if name.endswith(".csv") and len((folder / name).read_text().splitlines()) == 1}
    assert "distances.csv" in empty
    assert names == figures | others - {"report.md"} - empty
    assert listed[2] == "report.html"


def files_section(report):
    """The list of files in report.md."""
    return report.path.read_text().split("## Files")[1]


def test_the_report_links_only_figures_that_were_drawn(full_report):
    linked = re.findall(r"\]\((\S+\.png)\)", full_report.path.read_text() + appendix(full_report))
    assert "heatmap.png" in linked and "correlations.png" not in linked
    assert set(linked) <= FILES


def appendix(report):
    """The text of the appendix."""
    return report.path.with_name("appendix.md").read_text()


def cell(folder, recipe, target, name="cells"):
    """The line of a cell in a CSV file, as a dictionary."""
    with (folder / f"{name}.csv").open() as file:
        return next(row for row in csv.DictReader(file) if (row["recipe"], row["target"]) == (recipe, target))


def test_the_files_of_cells_and_seeds_have_the_numbers_of_the_matrix_in_points(full_report):
    folder = full_report.path.parent
    row = cell(folder, "small_nli", "tags")
    assert (row["score"], row["gain"], row["num_seeds"], row["language"]) == ("65", "15", "2", "mean")
    assert float(row["low"]) < 15 < float(row["high"])
    assert cell(folder, "small_nli", "pairs")["marks"].startswith("same rows")
    seed = cell(folder, "small_nli", "tags", "seeds")
    assert (seed["seed"], seed["gain"]) == ("1", "10")
    assert cell(folder, "small_nli", "tags", "languages")["language"] == "de"
    assert len(csv_rows(folder / "trials.csv")) > 20


def test_the_same_ledger_gives_the_same_bytes(full_report, tmp_path):
    first, run = full_report.path.parent, full_report.path.parent.parent
    second = write_report(str(run), str(tmp_path / "again")).path.parent
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_report_describes_the_run_and_the_cells_with_the_same_rows(full_report):
    text = full_report.path.read_text()
    assert "# Transfer matrix of hand (Numbers made by hand)" in text
    assert "| small_nli | +15.0 ± 63.5 | +4.0† | +2.0 ± 12.7 |" in text
    assert "small_nli -> pairs (small_nli)" in text
    assert "- Search for dials: none, because no stage and no target has dials" in text
    assert "Replicates are trained without the examples that are set aside." in appendix(full_report)
    assert "| tags | The task tags | licence of tags | – |" in appendix(full_report)
    assert "reported split: **dev**" in text


def test_a_report_has_at_most_120_lines(full_report, make_run):
    assert len(full_report.path.read_text().splitlines()) <= 120
    space = wide_space(("en", "de"))
    pairs = [(f"s{a}", f"s{b}") for a in range(4) for b in range(a)]
    rows = [Recipe(name=f"a-rather-long-name-{'-'.join(pair)}", stages=(Stage(tasks=pair),)) for pair in pairs]
    run = make_run(**{**space, "recipes": (*space["recipes"][:6], *rows)})
    assert len(run.space.recipes) == 12
    for target in space["targets"]:
        for recipe in run.space.recipes:
            run.cell(recipe.name, target.task, 1, {"en": 0.5, "de": 0.4})
    assert len(text_report(run.url).path.read_text().splitlines()) <= 120


def test_the_methods_name_seeds_split_metrics_versions_and_fingerprints(full_report):
    text = full_report.path.with_name("methods.md").read_text()
    assert "repeated with 2 seeds (1, 2)" in text
    assert "Scores are those of the dev split (F1: tags; accuracy: pairs, search)" in text
    assert f"We used the transfer sweeper {sweeper.__version__}" in text
    assert "- model tiny: tiny's weights" in text
    assert "GPU hours" not in text  # no record has a duration
    assert "averaged over languages (de, en: tags, pairs; de, fr: search)" in text
    assert "No dials were searched, because no stage and no target has dials." in text


def test_the_methods_say_what_intervals_cover(full_run):
    cells = mean_estimates(compute_results(full_run.url).estimates)
    (first, second) = interval_sentences(cells)
    assert first == "95 % intervals use Student's t."
    assert second == "They cover new seeds only, because the ledger has no outcomes of items."
    own = cells.assign(basis="seeds and items", se_item=float("nan"))
    assert list(interval_sentences(own))[1:] == [
        "They cover new seeds and new items, because each seed has its own items."
    ]
    mixed = own.assign(se_item=own["se_item"].where(own["target"] == "tags", 0.01))
    sentences = list(interval_sentences(mixed))
    assert sentences[0] == "95 % intervals use Student's t."
    assert sentences[1].startswith("Where they cover both, intervals over seeds and over items are combined")
    texts = sorted(sentences[2:])
    assert texts[0].startswith("Those on pairs, search cover new seeds and new items: the variance over seeds plus")
    assert texts[1].startswith("Those on tags cover new seeds and new items, because each seed")
    assert list(interval_sentences(cells.assign(basis=""))) == ["No gain has an interval."]


def test_the_methods_list_the_works_that_they_cite_and_no_other():
    cited = list(_references("moderated (Smyth 2004) and tested (Tukey 1953)"))
    assert [line.split(":")[0] for line in cited[2:]] == ["Smyth 2004", "Tukey 1953"]


def test_the_methods_name_and_cite_the_predictors_that_were_computed_and_no_other(full_run):
    data, results = load(full_run.url), compute_results(full_run.url)
    assert "redictor" not in methods_text(data, [results])
    computed = pd.DataFrame({"predictor": ["embedding", "knn"]})
    text = methods_text(replace(data, predictors=computed), [results])
    assert "over training examples: the accuracy of nearest neighbours; the cosine between the mean" in text
    assert "- Vu et al. 2020: " in text and "LogME" not in text


def test_the_limits_on_the_data_name_the_largest_number_of_steps():
    assert "at most 1,500 steps of a training" in data_limits(apply_settings(TINY, ["max_steps=1500"]))
    assert not [limit for limit in data_limits(TINY) if "steps" in limit]


def test_what_is_selected_by_reported_scores_is_called_an_overestimate(full_report):
    trivial = appendix(full_report).split("## Trivial scores")[1]
    assert "so that its score is an overestimate: do not report it as a result." in trivial


def test_scores_that_are_not_clearly_above_the_trivial_score_are_named(full_report):
    # search: 20 against 25. pairs: 35 against 25 is about two standard errors of 100 examples.
    assert "**At chance**: on search, the baseline is not above the trivial score." in full_report.path.read_text()
    assert "**Not learned**: middle_qa on middle_qa is not clearly above" in full_report.path.read_text()
    text = appendix(full_report)
    assert "not clearly above the trivial score: search" in text
    assert "| small_nli | small_nli | accuracy | 2 | 100 | 25.0 | 50.0 | above |" in text


@pytest.mark.parametrize(
    ("value", "trivial", "words"),
    [(0.5, 0.25, "above"), (0.3, 0.25, "unclear"), (0.25, 0.25, "not above"), (0.5, float("nan"), "unknown")],
)
def test_a_score_is_above_the_trivial_score_by_two_standard_errors(value, trivial, words):
    assert verdict(value, trivial, 100) == words


def test_failed_trainings_are_listed_with_their_reason(full_run):
    full_run.trained("large_nli", "tags", 9, state="failed", reason="The loss became NaN at step 3.")
    report = text_report(full_run.url)
    assert "- tiny/large_nli -> tags/seed 9 (replicate): The loss became NaN at step 3." in appendix(report)
    assert "1 training failed" in report.path.read_text()


def test_a_partial_run_gives_a_partial_matrix(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.4})
    text = text_report(run.url).path.read_text()
    assert "11 of 12 cells have no score" in text
    assert "baseline -> tags (1 of 2 seeds)" in text
    assert "| small_nli | – | – | – |" in text
    assert "There is no gain yet" in text


def test_the_chosen_dials_of_each_study_are_listed(make_run):
    run = make_run()
    for number, (rate, value) in enumerate({1e-3: 0.5, 1e-4: 0.7}.items()):
        dials = {"learning_rate": rate}
        run.trained("baseline", "tags", 0, role="search", study="s", number=number, value=value, dials=dials)
    run.cell("baseline", "tags", 1, {"en": 0.6}, study="s", dials={"learning_rate": 1e-4})
    text = appendix(text_report(run.url))
    assert "| tiny | baseline | tags | 2 | 0 | learning_rate = 0.0001 | 70.0 |" in text
    assert "can be far above the reported score of the same dials" in text


def test_the_appendix_has_no_empty_tables_and_says_once_why_there_are_no_correlations(full_report):
    text = appendix(full_report).split("## Correlations")[1].split("## Choice of dials")[0]
    assert text.count("No correlations: 3 recipes and 3 targets, at least 6 are needed.") == 1
    assert "n = 3" not in text
    assert "Pearson" not in text and "Spearman" not in text and "### Predicted cells" not in text
    assert "| small_nli | 100 |" in text


def test_the_findings_have_intervals_and_name_only_what_is_settled(full_run):
    findings = strongest_findings(compute_results(full_run.url))
    assert findings[0].startswith("Of 2 cells, 0 gains and 0 losses differ from 0 (q < 0.05")
    assert findings[1].startswith("The largest gain is +15.0 points (95 % interval −48.5 to +78.5): `small_nli` on")
    # The largest loss is not settled, so that it is no finding.
    assert not any("largest loss" in finding for finding in findings)
    assert "`small_nli` has the highest gain, +8.5 points (95 % interval" in findings[2]
    assert "It cannot be distinguished from" in findings[2]


def test_with_one_seed_no_gain_is_tested_and_the_report_says_so(make_run):
    run = make_run(seeds=(1,))
    for recipe, score in (("baseline", 0.5), ("small_nli", 0.6)):
        run.cell(recipe, "tags", 1, {"en": score})
    text = text_report(run.url).path.read_text()
    assert "No gain can be tested: one seed does not show how much scores vary between seeds." in text
    one_seed = "One seed does not show how much scores vary between seeds"
    assert f"{one_seed}. There is no interval without outcomes." in text
    assert "Scores are in one language (en)" in text
    assert "differ from 0" not in text


def test_with_three_seeds_the_findings_have_an_interval_and_a_corrected_p(make_run):
    run = make_run(seeds=(1, 2, 3))
    for seed, gain in ((1, 0.01), (2, 0.02), (3, 0.03)):
        run.cell("baseline", "tags", seed, {"en": 0.6})
        run.cell("small_nli", "tags", seed, {"en": 0.6 + gain})
    findings = strongest_findings(compute_results(run.url))
    assert "+2.0 points (95 % interval −0.5 to +4.5)" in findings[1]
    assert "(p = 0.074; q = 0.074" in findings[1]


def test_a_gain_on_a_target_at_chance_says_so(make_run):
    run = make_run(seeds=(1, 2, 3))
    for seed in (1, 2, 3):
        run.cell("baseline", "tags", seed, {"en": 0.2 + seed / 1000})
        run.cell("small_nli", "tags", seed, {"en": 0.6 - seed / 1000})
    findings = strongest_findings(compute_results(run.url))
    assert "the baseline itself is not above the trivial score" in findings[1]


@pytest.mark.parametrize(("value", "text"), [(0.0, "p < 0.001"), (0.0123, "p = 0.012"), (float("nan"), "")])
def test_no_p_is_printed_as_zero(value, text):
    assert p_text(value) == text


@pytest.mark.parametrize(
    ("number", "num_decimals", "text"),
    [(-0.034, 1, "0.0"), (7e-18, 1, "0.0"), (0.04, 1, "0.0"), (-0.051, 1, "−0.1"), (1.25, 1, "+1.2"), (-0.3, 0, "0")],
)
def test_a_number_that_rounds_to_0_has_no_sign(number, num_decimals, text):
    assert signed_text(number, num_decimals) == text


@pytest.mark.parametrize(
    ("gain", "low", "high", "text"),
    [
        (-0.0423, -0.0841, -0.0005, "−4.23 ± 4.18"),
        (0.0328, -0.0006, 0.0662, "+3.28 ± 3.34"),
        (0.0, -0.03, 0.03, "0.0 ± 3.0"),
    ],
)
def test_a_half_width_that_rounds_to_the_gain_has_another_decimal(gain, low, high, text):
    assert gain_text(gain, low, high) == text
    estimate = SimpleNamespace(gain=gain, low=low, high=high, basis="seeds and items", note="")
    square = gain_square(estimate)
    assert f"{square.text} {square.small}".replace("±", "± ") == text
    assert math_gain(gain, low, high) == "$" + text.replace("±", r"\pm").replace("−", "-") + "$"


def test_equal_and_bimodal_gains_have_no_interval_and_are_named(make_run):
    run = make_run(seeds=(1, 2, 3))
    for seed in (1, 2, 3):
        run.cell("baseline", "tags", seed, {"en": 0.5})
        run.cell("small_nli", "tags", seed, {"en": 0.6})
    text = text_report(run.url).path.read_text()
    assert "The gains of all seeds are equal, which gives no interval: small_nli -> tags." in text
    assert gain_text(0.1, float("nan"), float("nan"), "bimodal") == "+10.0 bimodal"


def test_names_with_special_characters_cannot_break_latex(make_run):
    odd = "a&b_c%$#{}~^"
    run = make_run(recipes=(SPACE.recipes[0], replace(SPACE.recipes[1], name=odd)))
    for seed in (1, 2):
        run.cell("baseline", "tags", seed, {"en": 0.5, "de": 0.5})
        run.cell(odd, "tags", seed, {"en": 0.6 + seed / 100, "de": 0.5})
    table = (text_report(run.url).path.parent / "tables" / "gains.tex").read_text()
    assert r"a\&b\_c\%\$\#\{\}\textasciitilde{}\textasciicircum{} &" in table
    body = table.split("\\midrule\n")[1].split("\\bottomrule")[0]
    (line,) = body.strip().splitlines()
    unescaped = re.sub(r"\\[&%$#_{}]", "", line)
    assert unescaped.count("&") == table.split("{tabular}{")[1].index("}") - 1


def test_the_tables_for_latex_have_intervals_marks_and_the_meaning_of_signs(full_report):
    folder = full_report.path.parent / "tables"
    gains, scores, means = ((folder / f"{name}.tex").read_text() for name in ("gains", "scores", "means"))
    assert r"small\_nli & $+15.0 \pm 63.5$ & $+4.0^{\dagger}$ & $+2.0 \pm 12.7$ \\" in gains
    assert r"middle\_qa & $+5.0$ & $-2.0$ & $-5.0$ \\" in gains
    assert r"% \dagger: the recipe trains on rows of the target" in gains
    assert "% Gains over the baseline in points +- half width of the 95 % interval" in gains
    assert r"small\_nli & $65.0$ & $38.0^{\dagger}$" in scores
    assert r"small\_nli & $+8.5 \pm" in means


def test_a_gain_whose_interval_excludes_0_is_bold_in_math_mode_and_its_interval_is_not():
    assert math_gain(0.1, 0.05, 0.15, signs="†§", is_bold=True) == r"$\mathbf{+10.0}^{\dagger\S} \pm 5.0$"
    assert math_gain(-0.0001, float("nan"), float("nan")) == "$0.0$"
    assert math_gain(-0.012, -0.02, -0.004) == r"$-1.2 \pm 0.8$"
    assert math_gain(float("nan"), float("nan"), float("nan")) == "--"


def test_the_files_of_a_second_model_have_its_name(full_run):
    models = (*full_run.space.models, Model(name="other", id="tests/other"))
    space = replace(full_run.space, models=models)
    Folder(full_run.url).write("space.json", write_json(space))
    full_run.scored(full_run.trained("baseline", "tags", 1), "tags", {"en": 0.7}, model="other")
    folder = text_report(full_run.url).path.parent
    assert cell(folder, "baseline", "tags", "cells-other")["score"] == "70"
    assert cell(folder, "baseline", "tags")["score"] == "50"
    text = (folder / "report.md").read_text()
    assert "**other**" in text and "## Gains: other" in text


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


def test_a_damaged_record_is_left_out_and_named_in_the_report_and_on_the_terminal(full_run, capsys):
    Folder(full_run.url).write("ledger/scores/bad.json", b"{")
    assert main([full_run.url]) == 0
    output = capsys.readouterr()
    assert "scores/bad.json is not JSON" in output.err
    assert output.err.count("\n") == 1
    text = Path(output.out.strip()).read_text()
    assert "scores/bad.json is not JSON" in text
    assert "| small_nli | +15.0" in text


def test_a_ledger_of_damaged_records_only_has_a_report_that_names_the_first(make_run, capsys):
    run = make_run()
    Folder(run.url).write("ledger/trainings/bad.json", b"")
    assert main([run.url]) == 0
    output = capsys.readouterr()
    assert "Left out because it cannot be read" in output.err
    assert "1 record is damaged" in Path(output.out.strip()).read_text()


def test_a_report_against_another_recipe_names_it_and_has_a_separate_folder(full_run):
    report = text_report(full_run.url, against="middle_qa")
    path = report.path
    assert path.parent.name == "report-against-middle_qa"
    text = path.read_text()
    title, statement, *_ = text.split("\n\n")
    assert title == "# Transfer matrix of hand (Numbers made by hand)"
    assert statement == "Gains are measured against the recipe `middle_qa`, not against the baseline."
    assert "Score minus the score of `middle_qa` with the same seed" in text
    assert "| best other recipe | `middle_qa` vs. trivial |" in appendix(report)
    assert "The largest gain is +10.0 points" in text
    assert "over the baseline" not in text + appendix(report).split("## Choice of dials")[0]
    assert cell(path.parent, "baseline", "tags")["gain"] == "-5"


def test_a_report_against_the_baseline_equals_the_default(full_report, tmp_path):
    run = full_report.path.parent.parent
    named = write_report(str(run), str(tmp_path / "named"), "baseline").path.read_text()
    default = full_report.path.read_text()
    assert named == default
    _, introduction, heading, *_ = default.split("\n\n")
    assert introduction.startswith("Each row of the matrix is a **recipe**")
    assert heading == "## Findings"
    assert "Score minus the score of the baseline with the same seed" in default


def test_the_command_accepts_the_recipe_that_gains_are_measured_against(full_run, capsys):
    assert main([full_run.url, "--against", "midle_qa"]) == 2
    assert "Did you mean 'middle_qa'?" in capsys.readouterr().err
    assert not Folder(full_run.url).exists("report-against-midle_qa/report.md")
    assert main([full_run.url, "--against", "middle_qa"]) == 0
    assert capsys.readouterr().out.strip().endswith("report-against-middle_qa/report.md")


def test_the_heatmap_of_a_report_can_be_clustered(full_report, tmp_path):
    run = str(full_report.path.parent.parent)
    clustered = write_report(run, str(tmp_path / "clustered"), order="clustered").path.parent
    assert (clustered / "heatmap.svg").read_bytes() != (full_report.path.parent / "heatmap.svg").read_bytes()


def test_an_order_names_one_order_of_the_heatmap_and_one_of_languages():
    assert orders_of("given") == Orders(matrix="given", languages="family")
    assert orders_of("distance,clustered") == Orders(matrix="clustered", languages="distance")
    with pytest.raises(UserError, match=r"No order is called 'cluster'\. Did you mean 'clustered'"):
        orders_of("cluster")
    with pytest.raises(UserError, match=r"at most one order of the heatmap .*, got 'family,distance'"):
        orders_of("family,distance")


def test_csv_files_have_the_text_that_pandas_writes():
    table = pd.DataFrame(
        {
            "recipe": ['a, b "c"', "line\nbreak", "plain"],
            "seed": pd.array([1, None, 3], dtype="Int64"),
            "num": [1000000, 2, 3],
            "at_chance": [True, False, True],
            "gain": [0.123456789, float("nan"), 1e-9],
            "p": [float("inf"), 0.5, 123456789.0],
            "mixed": ["x", None, 3],
        }
    )
    expected = table.assign(gain=100 * table["gain"]).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    assert csv_text(table, ("gain", "other")).decode() == expected
    assert csv_text(table[:0]).decode() == ",".join(table.columns) + "\n"


def three_seeds(make_run, scores, **changes):
    """Results of a run on `tags`: recipe -> scores of seeds 1, 2 and 3."""
    run = make_run(**{"seeds": (1, 2, 3), **changes})
    for recipe, values in scores.items():
        for seed, value in enumerate(values, 1):
            run.cell(recipe, "tags", seed, {"en": value, "de": value})
    return run


LOSSES = {"baseline": (0.50, 0.51, 0.52), "small_nli": (0.45, 0.47, 0.47), "middle_qa": (0.30, 0.31, 0.33)}


def test_a_matrix_without_any_gain_names_the_smallest_loss(make_run):
    findings = strongest_findings(compute_results(three_seeds(make_run, LOSSES).url))
    assert findings[0].endswith("corrected for the number of cells): `middle_qa` on `tags`, `small_nli` on `tags`.")
    assert findings[1].startswith("No recipe gains on any target; the smallest loss is −4.7 points (95 % interval")
    assert findings[2].startswith("The largest loss is −19.7 points (95 % interval")
    assert not any("largest gain" in finding for finding in findings)


def test_a_recipe_that_loses_least_on_average_is_not_said_to_gain(make_run):
    run = three_seeds(make_run, LOSSES)
    for recipe, values in LOSSES.items():
        for seed, value in enumerate(values, 1):
            run.cell(recipe, "search", seed, {"de": value, "fr": value})
    findings = strongest_findings(compute_results(run.url))
    assert findings[-1].startswith(
        "No recipe gains on average over the 2 targets that all compared recipes have; the smallest"
    )
    assert findings[-1].endswith("of `small_nli`.")


def test_a_bold_gain_has_an_interval_without_zero_in_the_table_and_in_the_heatmap(make_run):
    scores = {"baseline": (0.50, 0.52, 0.54), "small_nli": (0.60, 0.62, 0.65), "middle_qa": (0.50, 0.56, 0.52)}
    run = three_seeds(make_run, scores)
    results = compute_results(run.url)
    grid = matrix_grid(results)
    bold = {recipe: grid.squares[recipe, "tags"].is_bold for recipe in ("small_nli", "middle_qa")}
    assert bold == {"small_nli": True, "middle_qa": False}
    report = text_report(run.url)
    text = report.path.read_text()
    assert "| small_nli | **+10.3 ± " in text and "| middle_qa | +0.7 ± " in text
    assert "Bold (cells only): the interval includes the variation between seeds and excludes 0" in text
    assert "bold: interval over seeds excludes 0" in matrix_key(results).scales
    assert "bold is not corrected for the number of cells" in [entry.text for entry in matrix_key(results).entries]
    assert "\\mathbf{+10.3}" in (report.path.parent / "tables" / "gains.tex").read_text()


def test_one_comparable_target_has_no_mean_and_the_report_says_so(make_run):
    text = text_report(three_seeds(make_run, LOSSES).url).path.read_text()
    assert "There is no mean over targets: only tags has a comparable gain of every recipe." in text
    assert "| recipe | tags | pairs | search |\n" in text


def test_the_methods_say_which_cells_have_paired_t_tests(full_report, make_run):
    run = three_seeds(make_run, LOSSES)
    small = methods_text(load(run.url), [compute_results(run.url)])
    assert "Intervals over seeds are those of paired t tests (Student 1908)" in small
    assert "moderated over" not in small and "Smyth" not in small
    space = wide_space()
    large = make_run("large", **{**space, "targets": (replace(space["targets"][0], eval_cap=100), space["targets"][1])})
    random = np.random.default_rng(61)
    for target, recipes in (("t0", space["recipes"]), ("t1", space["recipes"][:3])):
        for recipe in recipes:
            for seed in SEEDS:
                large.cell(recipe.name, target, seed, {"en": 0.5 + 0.05 * random.normal()})
    text = methods_text(load(large.url), [compute_results(large.url)])
    assert "moderated over the recipes of a target" in text
    assert f"; the 2 cells on t1 have paired t tests with {len(SEEDS) - 1} degrees of freedom instead." in text
    assert "Evaluation items per language were limited to 100 on t0." in text
    assert "transfer of 2 of 3 planned intermediate trainings to 1 of 3 planned target tasks" in small


def test_cautions_are_about_the_usual_condition_only(make_run):
    run = three_seeds(make_run, LOSSES)
    for recipe in LOSSES:
        for seed in (1, 2, 3):
            run.scored(run.trained(recipe, "tags", seed), "tags", {"en": 0.5, "de": 0.5}, condition="attacked")
    text = text_report(run.url).path.read_text()
    assert "The gains of all seeds are equal" not in text


def test_rounding_errors_are_written_as_zero_points_and_small_p_values_are_kept():
    table = pd.DataFrame({"gain": [-1.41872e-16, -1e-300, 0.0123], "p": [1e-14, 0.5, 1.0]})
    assert csv_text(table).decode().splitlines() == ["gain,p", "0,1e-14", "0,0.5", "1.23,1"]
