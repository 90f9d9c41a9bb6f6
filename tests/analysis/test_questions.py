"""The pages of planned comparisons: sentences, tables, figures and messages."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis.contrast_text import sentences
from analysis.figures.colours import DOT
from analysis.figures.contrasts import contrast_figure, contrast_intervals
from analysis.figures.forest import UNSETTLED
from analysis.report.methods import methods_text
from analysis.report.questions import question_files, write_questions
from analysis.report.report import write_report
from analysis.results.contrasts import contrast_table
from analysis.results.load import load
from analysis.results.results import compute_results
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.space import EACH, Claim, Contrast, Slope, Term, difference

CONTRASTS = (
    difference("qa", "middle_qa", "baseline", title="Does QA help?", each=("target",), family="one page"),
    difference("qa or nli", "middle_qa", "small_nli", targets=("tags",), family="one page"),
    Contrast(
        name="size",
        family="sizes",
        terms=(Term(recipe=EACH),),
        slope=Slope(axis="recipe", covariate="examples", values={"small_nli": 1, "middle_qa": 8, "large_nli": 90}),
        targets=("tags",),
    ),
)
CLAIMS = (Claim(name="QA beats all", contrasts=("qa", "qa or nli")),)


def with_contrasts(run):
    """The run with contrasts in its space, as if the space had been changed after it."""
    space = replace(run.space, contrasts=CONTRASTS, claims=CLAIMS)
    Folder(run.url).write("space.json", write_json(space))
    return run


def files_of(run):
    data = load(run.url)
    return question_files(data, contrast_table(data))


def test_each_family_has_a_page_with_sentences_a_table_and_a_figure(full_run, tmp_path):
    run = with_contrasts(full_run)
    pages = write_questions(run.url, str(tmp_path / "out"))
    assert [page.name for page in pages] == ["questions-one-page.md", "questions-sizes.md"]
    text = pages[0].read_text(encoding="utf-8")
    assert "Does QA help?\n\n- qa · tags: +5.0 points, without an interval (equal differences)." in text
    assert "- qa or nli: −10.0 points, not distinguished from 0 (corrected p = " in text
    assert (
        "- Claim (tiny): QA beats all. It needs `qa` and `qa or nli`, and is not tested, because not all of them are."
        in text
    )
    assert "points per unit of examples" in pages[1].read_text(encoding="utf-8")
    half = contrast_table(load(run.url)).set_index("contrast").eval("50 * (high - low)")["size"]
    resolution = f"The median half width of the intervals is {half:.1f} points per unit of examples."
    assert resolution in pages[1].read_text(encoding="utf-8")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"contrasts.csv", "claims.csv", "questions-one-page.png", "questions-one-page.pdf"} <= names


def test_a_page_names_the_space_its_models_split_and_caps_and_prints_its_note(full_run):
    run = with_contrasts(full_run)
    note = "Ten seeds would be needed."
    Folder(run.url).write("space.json", write_json(replace(run.space, contrasts=CONTRASTS, note=note, eval_cap=60)))
    files = files_of(run)
    pages = [content.decode() for name, content in files.items() if name.endswith(".md")]
    assert len(pages) == 2
    for page in pages:
        assert f"Space `{run.space.name}`" in page
        assert "Models: tiny. Replicate seeds: 1, 2. Scored split: dev. Limits of the data: " in page
        assert "at most 60 evaluation items per language" in page
        assert f"\n\n{note}\n\n" in page


def test_the_estimates_of_the_csv_file_are_in_points(full_run):
    files = files_of(with_contrasts(full_run))
    (first_row,) = files["contrasts.csv"].decode().splitlines()[1:2]
    assert first_row.startswith("one page,qa,tiny,tags,,,,points,tags,")
    assert ",5," in first_row


def test_a_report_links_the_pages_of_its_contrasts(full_run):
    report = write_report(with_contrasts(full_run).url)
    assert "- [one page](questions-one-page.md)" in report.path.read_text(encoding="utf-8")
    assert (report.path.parent / "questions-sizes.md").exists()
    assert len(pd.read_csv(report.path.parent / "contrasts.csv")) == 5


def test_a_run_without_contrasts_is_refused_with_the_remedy(full_run):
    with pytest.raises(UserError, match=rf"has no contrasts.*sweeper run SPACE --out {full_run.url}`"):
        write_questions(full_run.url)


def test_verdicts_and_colours_follow_the_corrected_p_where_the_interval_alone_excludes_0(full_run):
    run = with_contrasts(full_run)
    rows = (
        contrast_table(load(run.url))
        .iloc[:2]
        .assign(estimate=0.1, low=[0.02, 0.09], high=[0.18, 0.11], p=[0.03, 0.001], p_holm=[0.06, 0.002], note="")
    )
    first, second = sentences(rows)
    assert first.endswith(
        "+10.0 points, not distinguished from 0 (corrected p = 0.060; 95 % interval of this estimate alone +2.0 to "
        "+18.0)."
    )
    assert ", differs from 0 (corrected p = 0.002;" in second
    axes = contrast_intervals(Figure().add_subplot(), rows)
    assert [to_hex(ink) for ink in axes.collections[-1].get_facecolor()] == [to_hex(UNSETTLED), to_hex(DOT)]


def test_an_estimate_of_one_seed_is_not_called_different_from_0(full_run):
    data = load(with_contrasts(full_run).url)
    untested = {"basis": "items", "low": 0.01, "high": 0.09, "p": np.nan, "p_holm": np.nan, "note": "one seed"}
    table = contrast_table(data).assign(**untested)
    text = question_files(data, table)["questions-one-page.md"].decode()
    alone = "(95 % interval of this estimate alone about new items only +1.0 to +9.0)"
    assert f"- qa or nli: −10.0 points, not tested: one seed {alone}." in text
    assert "The interval of one seed is about new items only. These estimates are not tested," in text
    assert "median half width" not in text
    axes = contrast_intervals(Figure().add_subplot(), table[table["covariate"] == ""])
    assert {to_hex(ink) for ink in axes.collections[-1].get_facecolor()} == {to_hex("white")}


def test_the_verdict_of_a_claim_has_its_corrected_p(full_run):
    data = load(with_contrasts(full_run).url)
    table = contrast_table(data).assign(estimate=0.1, p=0.01)
    text = question_files(data, table)["questions-one-page.md"].decode()
    assert "It needs `qa` and `qa or nli`, and holds (corrected one-sided p = 0.005)." in text


def test_slopes_have_a_panel_of_their_own_with_their_unit(full_run):
    table = contrast_table(load(with_contrasts(full_run).url))
    figure = contrast_figure(table, "all families")
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels == ["points", "points per unit of examples"]
    assert [len(axes.get_yticks()) for axes in figure.axes] == [4, 1]
    with pytest.raises(ValueError, match="need one unit, got points, points per unit of examples"):
        contrast_intervals(Figure().add_subplot(), table)


def test_the_methods_describe_contrasts_and_claims_only_where_they_were_computed(full_run):
    plain = load(full_run.url)
    results = compute_results(full_run.url)
    assert "contrast" not in methods_text(plain, [results])
    data = load(with_contrasts(full_run).url)
    table = contrast_table(data)
    text = methods_text(data, [results], table)
    assert "3 planned contrasts were computed seed by seed" in text
    assert "Contrasts on a covariate (examples) are least-squares slopes." in text
    assert "corrected within their family (Holm 1979)" in text and "- Holm 1979: " in text
    assert "Berger" not in text  # the claim cannot be tested
    tested = methods_text(data, [results], table.assign(p=0.01))
    assert "corrected for the number of claims (Holm 1979)" in tested
    assert "1 claim was tested with the largest one-sided p" in tested and "- Berger 1982: " in tested
