"""Leaderboard submissions: their files, their recipes, and the checks before anything is written."""

import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from analysis.results.benchmark import benchmark_means
from analysis.results.best import best_per_target, selection_values
from analysis.results.load import load
from analysis.submission import submission
from analysis.submission.submission import SubmissionOptions, write_submission
from sweeper.errors import UserError
from sweeper.space import Recipe, Stage, Target
from sweeper.tasks.benchmarks import BENCHMARKS, SIZES, XTREME
from sweeper.tasks.catalog import CATALOG
from tests.analysis.conftest import TASKS

LANGUAGES = {entry.name: entry.languages for benchmark in BENCHMARKS for entry in benchmark.entries}
TARGETS = ("pawsx", "xquad", "tatoeba")
SIZE = 3
"""Examples per language in the small published splits."""
SELECTION = {"baseline": (0.5, 0.7), "small_nli": (0.6, 0.6), "large_nli": (0.4, 0.9), "middle_qa": (0.5, 0.5)}
"""Recipe -> selection values on pawsx and on xquad."""
BEST = SubmissionOptions(best_per_target=True)


@pytest.fixture(autouse=True)
def small_splits(monkeypatch):
    """Replace the sizes of the published splits by three examples per language."""
    sizes = {name: dict.fromkeys(LANGUAGES[name], SIZE) for name in LANGUAGES}
    monkeypatch.setattr(submission, "SIZES", {**SIZES, "test": sizes})


def column(task: str) -> Target:
    return Target(task=task)


def outcomes(task: str, languages: tuple[str, ...], mark: str) -> pd.DataFrame:
    """Outcomes as the formats write them. `mark` is part of each prediction and identifies the cell."""
    if task in ("bucc", "bucc2018"):
        return pd.DataFrame([{"language": code, "example": "source-7/target-9", "mined": 1} for code in languages])
    ranking = json.dumps(["Q1", "Q2"])
    answer = f"answer {mark}"
    texts = {"pawsx": mark, "xquad": answer, "xquad_r": answer, "xcopa": "1", "mewslix": ranking, "lareqa": ranking}
    text = texts.get(task, "e0")
    names = {"tatoeba": ["e0", "e1", "e2"], "tatoeba_r": ["e0", "e1", "e2"], "mewslix": ["q7", "q8", "q9"]}.get(
        task, ["7", "8", "9"]
    )
    rows = [{"language": code, "example": name, "prediction": text} for code in languages for name in names]
    return pd.DataFrame(rows)


def write_score(run, training, target, languages=None, mark="0", **changes):
    languages = languages or LANGUAGES[target]
    seed = changes.pop("seed", training.spec.seed)
    scored = run.scored(training, target, dict.fromkeys(languages, 0.5), split="test", seed=seed, **changes)
    run.ledger.write_score(scored, outcomes(target, languages, mark))
    return scored


@pytest.fixture
def run(make_run):
    """All cells of three XTREME tasks on test. By selection, large_nli is best on xquad and small_nli on pawsx."""
    run = make_run(targets=tuple(Target(task=name) for name in TARGETS), evaluate="test")
    for seed in run.space.seeds:
        for recipe, (pawsx, squad) in SELECTION.items():
            mark = "1" if recipe == "small_nli" else "0"
            write_score(run, run.trained(recipe, "pawsx", seed, value=pawsx), "pawsx", mark=mark)
            write_score(run, run.trained(recipe, "squad", seed, value=squad), "xquad", mark=f"{recipe} {seed}")
            prepared = run.trained(recipe, seed=seed)
            write_score(run, prepared, "tatoeba", seed=None if recipe == "baseline" else seed)
    return run


def read(folder, name):
    return (folder / name).read_text()


def test_a_submission_has_a_folder_per_task_and_a_file_per_language(run, tmp_path):
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    files = {str(path.relative_to(written.path)) for path in written.path.rglob("test-*")}
    expected = {f"pawsx/test-{code}.tsv" for code in LANGUAGES["pawsx"]}
    expected |= {f"xquad/test-{code}.json" for code in LANGUAGES["xquad"]}
    expected |= {f"tatoeba/test-{code}.tsv" for code in LANGUAGES["tatoeba"]}
    assert files == expected
    assert written.missing == ("xnli", "udpos", "panx", "mlqa", "tydiqa", "bucc2018")
    assert read(written.path, "tatoeba/test-de.tsv") == "0\n0\n0\n"


def test_each_target_uses_its_best_recipe_on_english_selection_data_and_the_first_seed(run, tmp_path):
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    rows = {cell.target: (cell.recipe, cell.seed) for cell in written.chosen}
    assert rows == {"pawsx": ("small_nli", 1), "xquad": ("large_nli", 1), "tatoeba": ("large_nli", 1)}
    assert read(written.path, "pawsx/test-de.tsv") == "1\n1\n1\n"
    assert json.loads(read(written.path, "xquad/test-el.json"))["7"] == "answer large_nli 1"
    message = {cell["folder"]: cell["by"] for cell in json.loads(read(written.path, "chosen.json"))}
    assert message["tatoeba"] == "best English selection value, 65.00, mean of pawsx, xquad"


def test_a_target_outside_the_leaderboard_does_not_influence_the_recipe_of_retrieval(make_run, tmp_path):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    targets = tuple(Target(task=name) for name in ("pawsx", "tags", "tatoeba"))
    run = make_run(targets=targets, tasks=tasks, evaluate="test", seeds=(1,))
    for recipe, (pawsx, tags) in {"small_nli": (0.6, 0.1), "middle_qa": (0.5, 0.9)}.items():
        write_score(run, run.trained(recipe, "pawsx", 1, value=pawsx), "pawsx")
        run.scored(run.trained(recipe, "tags", 1, value=tags), "tags", {"en": 0.5}, split="test")
        write_score(run, run.trained(recipe), "tatoeba")
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert {cell.target: cell.recipe for cell in written.chosen} == {"pawsx": "small_nli", "tatoeba": "small_nli"}


def test_retrieval_alone_has_no_best_recipe(make_run, tmp_path):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    run = make_run(targets=(Target(task="tags"), Target(task="tatoeba")), tasks=tasks, evaluate="test", seeds=(1,))
    run.scored(run.trained("small_nli", "tags", 1, value=0.9), "tags", {"en": 0.5}, split="test")
    assert "'tatoeba' trains nothing, and no other target of XTREME in this run does" in refused(run, tmp_path)


def test_a_note_states_how_the_recipe_of_retrieval_was_chosen(run, tmp_path):
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert written.notes == (
        "tatoeba: retrieval trains nothing and has no selection value. The recipe is the one with the highest mean "
        "selection value over the XTREME targets of the run that train. --recipe RECIPE --targets tatoeba --out DIR "
        "writes another one.",
    )
    named = write_submission(run.url, SubmissionOptions(recipe="baseline"), str(tmp_path / "named"))
    assert named.notes == ()


def test_test_scores_do_not_influence_the_best_recipe(run):
    before = best_per_target(load(run.url), "tiny")
    for score in run.ledger.scores().values():
        worse = 0.0 if score.recipe in ("small_nli", "large_nli") else 1.0
        changed = {code: dict.fromkeys(metrics, worse) for code, metrics in score.metrics.items()}
        run.ledger.write_score(replace(score, metrics=changed), run.ledger.outcomes(score))
    assert best_per_target(load(run.url), "tiny") == before


def test_of_recipes_with_equal_selection_values_the_first_one_in_the_space_is_chosen(make_run):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    for recipe in ("middle_qa", "small_nli"):
        write_score(run, run.trained(recipe, "pawsx", 1, value=0.5), "pawsx")
    assert best_per_target(load(run.url), "tiny")["pawsx"].recipe == "small_nli"


def test_a_recipe_with_a_missing_seed_is_not_compared(make_run):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test")
    write_score(run, run.trained("small_nli", "pawsx", 1, value=0.9), "pawsx")
    for seed in (1, 2):
        write_score(run, run.trained("middle_qa", "pawsx", seed, value=0.5), "pawsx")
    data = load(run.url)
    assert selection_values(data, "tiny")["pawsx"].dropna().to_dict() == {"middle_qa": 0.5}
    best = best_per_target(data, "tiny")["pawsx"]
    assert (best.recipe, best.num_compared) == ("middle_qa", 1)


def refitted_run(make_run, owner=None):
    """A run on PAWS-X with refitted replicates. Search trials, of `owner` or of each recipe, prefer middle_qa."""
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test")
    for recipe, value in {"baseline": 0.5, "small_nli": 0.6, "middle_qa": 0.7}.items():
        study = owner or recipe
        if study == recipe:
            run.trained(recipe, "pawsx", 0, role="search", study=study, value=value)
        for seed in (1, 2):
            write_score(run, run.trained(recipe, "pawsx", seed, study=study, refitted=True), "pawsx")
    return run


def test_the_best_recipe_of_refitted_replicates_has_the_best_search_trial_and_the_reason_says_so(make_run, tmp_path):
    run = refitted_run(make_run)
    best = best_per_target(load(run.url), "tiny")["pawsx"]
    assert (best.recipe, best.value, best.by_search) == ("middle_qa", 0.7, True)
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert written.chosen[0].by == (
        "best English selection value of the search trials (replicates were refitted), 70.00, of the 3 of 4 recipes "
        "with every seed"
    )


def test_search_trials_of_the_baseline_do_not_stand_in_for_refitted_replicates_of_other_recipes(make_run):
    data = load(refitted_run(make_run, owner="baseline").url)
    assert selection_values(data, "tiny")["pawsx"].dropna().to_dict() == {"baseline": 0.5}
    # Otherwise the baseline would win a comparison in which no other recipe takes part.
    with pytest.raises(UserError, match="no search trial of pawsx belongs to small_nli, middle_qa"):
        best_per_target(data, "tiny")


def test_refitted_replicates_without_a_search_leave_nothing_to_choose_by(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    write_score(run, run.trained("small_nli", "pawsx", 1, refitted=True), "pawsx")
    message = refused(run, tmp_path)
    assert "No recipe can be chosen for 'pawsx': its replicates were refitted and have no selection value" in message
    assert "Values of search trials need dials and search.scope = 'cell'. Name a recipe with --recipe." in message
    named = write_submission(run.url, SubmissionOptions(recipe="small_nli"), str(tmp_path / "out"))
    assert named.chosen[0].by == "named by the user"


def test_the_reason_for_a_recipe_gives_the_number_of_compared_recipes(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    for recipe in ("small_nli", "middle_qa"):
        write_score(run, run.trained(recipe, "pawsx", 1, value=0.5), "pawsx")
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert written.chosen[0].by == "best English selection value, 50.00, of the 2 of 4 recipes with every seed"


def test_a_recipe_chosen_by_name_is_used_for_all_targets(run, tmp_path):
    written = write_submission(run.url, SubmissionOptions(recipe="baseline"), str(tmp_path / "out"))
    assert {(cell.recipe, cell.seed) for cell in written.chosen} == {("baseline", 1), ("baseline", None)}
    assert read(written.path, "pawsx/test-de.tsv") == "0\n0\n0\n"


def test_languages_scored_at_different_times_are_written_to_one_folder(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    training = run.trained("baseline", "pawsx", 1, value=0.5)
    first, second = LANGUAGES["pawsx"][:4], LANGUAGES["pawsx"][4:]
    write_score(run, training, "pawsx", first)
    write_score(run, training, "pawsx", second)
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert written.chosen[0].num_languages == 7
    assert written.chosen[0].num_examples == 7 * SIZE


def refused(run, tmp_path, options=BEST):
    with pytest.raises(UserError) as error:
        write_submission(run.url, options, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".submission-*"))
    return str(error.value)


def test_a_missing_language_is_named_and_nothing_is_written(run, tmp_path):
    for score in run.ledger.scores().values():
        if score.target == "xquad":
            remaining = {code: metrics for code, metrics in score.metrics.items() if code not in ("th", "vi")}
            run.ledger.write_score(replace(score, metrics=remaining), run.ledger.outcomes(score))
    message = refused(run, tmp_path)
    assert "xquad/test-th.json: the run has no predictions in th" in message
    assert "xquad/test-vi.json: the run has no predictions in vi" in message
    assert message.endswith("--targets pawsx,tatoeba writes the complete folders.")
    whole = SubmissionOptions(best_per_target=True, targets=("pawsx", "tatoeba"))
    assert write_submission(run.url, whole, str(tmp_path / "out")).path.is_dir()


def test_a_target_that_is_not_requested_may_lack_selection_values(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"), Target(task="ner"), Target(task="tatoeba")), evaluate="test")
    for seed in run.space.seeds:
        write_score(run, run.trained("small_nli", "pawsx", seed, value=0.6), "pawsx")
    assert "No recipe can be chosen for 'ner'" in refused(run, tmp_path)
    written = write_submission(
        run.url, SubmissionOptions(best_per_target=True, targets=("pawsx",)), str(tmp_path / "out")
    )
    assert [(cell.target, cell.recipe) for cell in written.chosen] == [("pawsx", "small_nli")]


def test_the_recipe_of_retrieval_does_not_depend_on_the_requested_targets(run, tmp_path):
    options = SubmissionOptions(best_per_target=True, targets=("pawsx", "tatoeba"))
    written = write_submission(run.url, options, str(tmp_path / "out"))
    assert {cell.target: cell.recipe for cell in written.chosen} == {"pawsx": "small_nli", "tatoeba": "large_nli"}


def test_a_number_of_examples_that_differs_from_the_published_one_is_refused(run, tmp_path):
    for score in run.ledger.scores().values():
        if score.target == "pawsx":
            run.ledger.write_score(score, run.ledger.outcomes(score).iloc[1:])
    assert "pawsx/test-de.tsv: 2 examples, but the published split has 3" in refused(run, tmp_path)


def test_an_unknown_label_is_refused(run, tmp_path):
    for score in run.ledger.scores().values():
        if score.target == "pawsx":
            run.ledger.write_score(score, run.ledger.outcomes(score).assign(prediction="same"))
    assert "pawsx/test-de.tsv: the leaderboard does not accept the labels 'same'" in refused(run, tmp_path)


def test_a_capped_evaluation_is_refused(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,), eval_cap=100)
    write_score(run, run.trained("baseline", "pawsx", 1, value=0.5), "pawsx")
    assert "pawsx was scored on at most 100 items per language (eval_cap)" in refused(run, tmp_path)


def mining_run(make_run, task):
    """A run with PAWS-X, which trains, and mined pairs."""
    run = make_run(targets=(Target(task="pawsx"), Target(task=task)), evaluate="test", seeds=(1,))
    write_score(run, run.trained("small_nli", "pawsx", 1, value=0.6), "pawsx")
    write_score(run, run.trained("small_nli", seed=1), task, languages=LANGUAGES["bucc2018"])
    return run


def test_pairs_mined_with_a_threshold_from_dev_are_written(make_run, tmp_path):
    written = write_submission(mining_run(make_run, "bucc2018").url, BEST, str(tmp_path / "out"))
    assert [cell.folder for cell in written.chosen] == ["pawsx", "bucc2018"]
    assert read(written.path, "bucc2018/test-zh.tsv") == "zh-000000007\ten-000000009\n"


def test_pairs_mined_with_a_threshold_from_the_same_pool_are_omitted_with_the_reason(make_run, tmp_path):
    written = write_submission(mining_run(make_run, "bucc").url, BEST, str(tmp_path / "out"))
    assert [cell.folder for cell in written.chosen] == ["pawsx"]
    assert "bucc2018" in written.missing
    assert not (written.path / "bucc2018").exists()
    assert written.notes[0].startswith(
        "bucc2018 is omitted: bucc was scored on one half of its gold pairs with a threshold fitted on the other"
    )
    assert written.notes[0].endswith("`sweeper tasks bucc2018` describes the layout of both pools.")


def test_pairs_mined_with_a_threshold_from_the_same_pool_are_refused_if_requested(make_run, tmp_path):
    options = SubmissionOptions(best_per_target=True, targets=("pawsx", "bucc"))
    message = refused(mining_run(make_run, "bucc"), tmp_path, options)
    assert "bucc2018/: bucc was scored on one half of its gold pairs" in message
    assert message.endswith("--targets pawsx writes the complete folders.")


def test_a_run_with_only_a_single_pool_has_nothing_to_submit(make_run, tmp_path):
    run = make_run(targets=(Target(task="bucc"),), evaluate="test", seeds=(1,))
    message = refused(run, tmp_path, SubmissionOptions(recipe="baseline"))
    assert message.startswith("There is nothing to submit: bucc was scored on one half of its gold pairs")


def test_incomplete_pools_are_refused(make_run, tmp_path):
    run = make_run(targets=(Target(task="bucc2018", distractors=500),), evaluate="test", seeds=(1,))
    assert "bucc2018 was scored with 500 distractors" in refused(run, tmp_path, SubmissionOptions(recipe="baseline"))


def test_a_target_whose_data_depart_from_the_benchmark_is_left_out_of_submissions_and_means(make_run, tmp_path):
    stand_in = replace(CATALOG["pawsx"], departs="of other treebanks")
    run = make_run(
        targets=(Target(task="pawsx"), Target(task="xquad")), tasks=(*TASKS, stand_in), evaluate="test", seeds=(1,)
    )
    for target, task in (("pawsx", "pawsx"), ("xquad", "squad")):
        write_score(run, run.trained("baseline", task, 1, value=0.5), target)
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert [cell.folder for cell in written.chosen] == ["xquad"]
    assert "pawsx is omitted: the data of pawsx depart from the benchmark: of other treebanks." in written.notes
    (means,) = (means for means in benchmark_means(load(run.url), "tiny") if means.benchmark is XTREME)
    assert "pawsx: of other treebanks" in means.excluded
    assert means.tasks["pawsx"].isna().all()
    requested = SubmissionOptions(best_per_target=True, targets=("pawsx", "xquad"))
    assert "pawsx/: the data of pawsx depart from the benchmark" in refused(run, tmp_path / "named", requested)


def test_a_recipe_that_trains_in_a_language_is_noted_as_not_zero_shot(make_run, tmp_path):
    baseline = Recipe(name="baseline")
    german = Recipe(name="german", stages=(Stage(tasks=("xnli",), languages=("de",)),))
    run = make_run(recipes=(baseline, german), targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    write_score(run, run.trained("german", "pawsx", 1, value=0.5), "pawsx")
    written = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert written.notes == (
        "pawsx: the recipe german trains on labelled examples in de. Its predictions in these languages are not "
        "zero-shot.",
    )


def test_a_submission_to_xtreme_r_has_its_folders_languages_and_file_names(make_run, tmp_path):
    names = ("xquad_r", "xcopa", "tatoeba_r", "mewslix", "lareqa", "pawsx")
    official = (*TASKS, *(replace(CATALOG[name], departs="") for name in ("mewslix", "lareqa_sentences")))
    run = make_run(targets=tuple(Target(task=name) for name in names), tasks=official, evaluate="test", seeds=(1,))
    trained = {
        "xquad_r": "squad",
        "xcopa": "xcopa",
        "mewslix": "mewslix_pairs",
        "lareqa": "squad_pairs",
        "pawsx": "pawsx",
    }
    for target, task in trained.items():
        write_score(run, run.trained("baseline", task, 1, value=0.5), target)
    write_score(run, run.trained("baseline"), "tatoeba_r", seed=None)
    options = SubmissionOptions(best_per_target=True, benchmark="xtreme-r")
    written = write_submission(run.url, options, str(tmp_path / "out"))
    files = {str(path.relative_to(written.path)) for path in written.path.rglob("test-*")}
    expected = {f"xquad/test-{code}.json" for code in LANGUAGES["xquad_r"]}
    expected |= {f"xcopa/test-{code}.jsonl" for code in LANGUAGES["xcopa"]}
    expected |= {f"tatoeba/test-{code}.tsv" for code in LANGUAGES["tatoeba_r"]}
    expected |= {f"mewslix/test-{code}.json" for code in LANGUAGES["mewslix"]}
    assert files == expected
    assert "ro" in LANGUAGES["xquad_r"] and "az" in LANGUAGES["tatoeba_r"]
    assert read(written.path, "xcopa/test-et.jsonl") == '{"label": 1}\n' * SIZE
    assert json.loads(read(written.path, "mewslix/test-de.json"))["q7"] == ["Q1", "Q2"]
    assert written.missing == ("xnli", "udpos", "panx", "mlqa", "tydiqa", "lareqa")
    assert written.notes[0] == (
        "lareqa is omitted: the scorer of the benchmark, `evaluate.py`, reads no predictions of lareqa."
    )


def test_mewsli_x_of_another_release_and_lareqa_are_omitted_from_a_submission_to_xtreme_r(make_run, tmp_path):
    run = make_run(targets=tuple(map(column, ("xcopa", "mewslix", "lareqa"))), evaluate="test", seeds=(1,))
    write_score(run, run.trained("baseline", "xcopa", 1, value=0.5), "xcopa")
    options = SubmissionOptions(best_per_target=True, benchmark="xtreme-r")
    written = write_submission(run.url, options, str(tmp_path / "out"))
    assert [cell.folder for cell in written.chosen] == ["xcopa"]
    assert "mewslix is omitted: the data of mewslix depart from the benchmark: a newer release than" in written.notes[0]


def test_an_unknown_benchmark_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match="Did you mean 'xtreme-r'"):
        SubmissionOptions(best_per_target=True, benchmark="xtreme_r")


@pytest.mark.xtreme
def test_evaluate_py_of_xtreme_reads_a_submission_to_xtreme_r(make_run, tmp_path, xtreme):
    tasks = (*TASKS, replace(CATALOG["mewslix"], departs=""))
    run = make_run(targets=tuple(map(column, ("xcopa", "mewslix"))), tasks=tasks, evaluate="test", seeds=(1,))
    for target, task in (("xcopa", "xcopa"), ("mewslix", "mewslix_pairs")):
        write_score(run, run.trained("baseline", task, 1, value=0.5), target)
    options = SubmissionOptions(best_per_target=True, benchmark="xtreme-r")
    written = write_submission(run.url, options, str(tmp_path / "predictions"))
    for path in written.path.rglob("test-*"):
        gold = tmp_path / "labels" / path.relative_to(written.path)
        gold.parent.mkdir(parents=True, exist_ok=True)
        is_xcopa = path.suffix == ".jsonl"
        gold.write_text(path.read_text() if is_xcopa else json.dumps({f"q{n}": ["Q2"] for n in (7, 8, 9)}))
    # Only the scores of tags need seqeval.
    code = (
        "import sys, types; metrics = types.ModuleType('seqeval.metrics');"
        "metrics.f1_score = metrics.precision_score = metrics.recall_score = None;"
        "sys.modules['seqeval'] = types.ModuleType('seqeval'); sys.modules['seqeval.metrics'] = metrics;"
        "import json, evaluate; print(json.dumps(evaluate.evaluate(sys.argv[1], sys.argv[2], 'xtreme-r')[1]))"
    )
    command = [sys.executable, "-c", code, str(written.path), str(tmp_path / "labels")]
    process = subprocess.run(command, cwd=xtreme, capture_output=True, text=True, check=True)
    scores = json.loads(process.stdout)
    assert scores["xcopa"]["avg_accuracy"] == 100
    assert scores["mewslix"]["avg_map@20"] == 50
    assert set(scores["mewslix"]["map@20"]) == set(LANGUAGES["mewslix"])


def test_a_cell_without_a_score_is_named(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    write_score(run, run.trained("baseline", "pawsx", 1, value=0.5), "pawsx")
    assert "pawsx/: small_nli -> pawsx has no test score yet" in refused(
        run, tmp_path, SubmissionOptions(recipe="small_nli")
    )


def test_a_run_scored_on_dev_is_refused(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),))
    assert "was scored on dev, but a submission needs predictions on test" in refused(run, tmp_path)


def test_a_run_without_a_task_of_the_benchmark_has_nothing_to_submit(make_run, tmp_path):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    run = make_run(evaluate="test", tasks=tasks)
    assert "No target of this run is a task of XTREME" in refused(run, tmp_path)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"recipe": "smal_nli"}, "No recipe is called 'smal_nli'. Did you mean 'small_nli'?"),
        (
            {"recipe": "small_nli", "targets": ("paws",)},
            "No target of XTREME in this run is called 'paws'. Did you mean",
        ),
        ({"recipe": "small_nli", "model": "tinny"}, "No model is called 'tinny'. Did you mean 'tiny'?"),
    ],
    ids=["recipe", "target", "model"],
)
def test_the_error_for_an_unknown_name_suggests_the_nearest_one(run, tmp_path, options, text):
    assert text in refused(run, tmp_path, SubmissionOptions(**options))


def test_exactly_one_way_to_choose_recipes_must_be_given():
    for options in ({}, {"best_per_target": True, "recipe": "mnli"}):
        with pytest.raises(UserError, match="either --best-per-target or --recipe NAME"):
            SubmissionOptions(**options)


def test_a_submission_overwrites_nothing(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"is not empty\. Name a new folder"):
        write_submission(run.url, BEST, str(tmp_path / "out"))
