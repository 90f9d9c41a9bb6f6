"""What a submission holds, which rows it takes, and that it is whole or not written at all."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from analysis.results.best import best_per_target, selection_values
from analysis.results.load import load
from analysis.submission import submission
from analysis.submission.submission import Wish, write_submission
from sweeper.errors import UserError
from sweeper.space import Target
from sweeper.tasks.benchmarks import SIZES, XTREME

LANGUAGES = {entry.name: entry.languages for entry in XTREME.entries}
TARGETS = ("pawsx", "xquad", "tatoeba")
SIZE = 3
"""Items a language of the tiny published splits."""
SELECTION = {"baseline": (0.5, 0.7), "small_nli": (0.6, 0.6), "large_nli": (0.4, 0.9), "middle_qa": (0.5, 0.5)}
"""Row -> its selection value on pawsx and on xquad."""
BEST = Wish(best_per_target=True)


@pytest.fixture(autouse=True)
def small_splits(monkeypatch):
    """Published splits of three items a language."""
    sizes = {name: dict.fromkeys(LANGUAGES[name], SIZE) for name in LANGUAGES}
    monkeypatch.setattr(submission, "SIZES", {**SIZES, "test": sizes})


def outcomes(task: str, languages: tuple[str, ...], mark: str) -> pd.DataFrame:
    """Rows as the formats leave them; `mark` tells whose they are."""
    if task in ("bucc", "bucc2018"):
        return pd.DataFrame([{"language": code, "example": "source-7/target-9", "mined": 1} for code in languages])
    said = {"pawsx": mark, "xquad": f"answer {mark}", "tatoeba": "e0"}[task]
    names = ["e0", "e1", "e2"] if task == "tatoeba" else ["7", "8", "9"]
    rows = [{"language": code, "example": name, "prediction": said} for code in languages for name in names]
    return pd.DataFrame(rows)


def keep(run, training, target, languages=None, mark="0", **changes):
    languages = languages or LANGUAGES[target]
    seed = changes.pop("seed", training.spec.seed)
    scored = run.scored(training, target, dict.fromkeys(languages, 0.5), split="test", seed=seed, **changes)
    run.ledger.write_score(scored, outcomes(target, languages, mark))
    return scored


@pytest.fixture
def run(make_run):
    """Every cell of three tasks of XTREME on test: large_nli is best on xquad by selection, small_nli on pawsx."""
    run = make_run(targets=tuple(Target(task=name) for name in TARGETS), evaluate="test")
    for seed in run.space.seeds:
        for recipe, (pawsx, squad) in SELECTION.items():
            mark = "1" if recipe == "small_nli" else "0"
            keep(run, run.trained(recipe, "pawsx", seed, value=pawsx), "pawsx", mark=mark)
            keep(run, run.trained(recipe, "squad", seed, value=squad), "xquad", mark=f"{recipe} {seed}")
            prepared = run.trained(recipe, seed=seed)
            keep(run, prepared, "tatoeba", seed=None if recipe == "baseline" else seed)
    return run


def read(place, name):
    return (place / name).read_text()


def test_a_submission_holds_a_folder_a_task_and_a_file_a_language(run, tmp_path):
    made = write_submission(run.url, BEST, str(tmp_path / "out"))
    files = {str(path.relative_to(made.place)) for path in made.place.rglob("test-*")}
    wanted = {f"pawsx/test-{code}.tsv" for code in LANGUAGES["pawsx"]}
    wanted |= {f"xquad/test-{code}.json" for code in LANGUAGES["xquad"]}
    wanted |= {f"tatoeba/test-{code}.tsv" for code in LANGUAGES["tatoeba"]}
    assert files == wanted
    assert made.absent == ("xnli", "udpos", "panx", "mlqa", "tydiqa", "bucc2018")
    assert read(made.place, "tatoeba/test-de.tsv") == "0\n0\n0\n"


def test_each_target_takes_the_row_that_english_selection_puts_first_and_the_first_seed(run, tmp_path):
    made = write_submission(run.url, BEST, str(tmp_path / "out"))
    rows = {one.target: (one.recipe, one.seed) for one in made.chosen}
    assert rows == {"pawsx": ("small_nli", 1), "xquad": ("large_nli", 1), "tatoeba": ("large_nli", 1)}
    assert read(made.place, "pawsx/test-de.tsv") == "1\n1\n1\n"
    assert json.loads(read(made.place, "xquad/test-el.json"))["7"] == "answer large_nli 1"
    told = {one["folder"]: one["by"] for one in json.loads(read(made.place, "chosen.json"))}
    assert told["tatoeba"] == "best English selection value, 65.00, mean of pawsx, xquad"


def test_a_column_that_the_leaderboard_does_not_have_moves_no_row(make_run, tmp_path):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    targets = tuple(Target(task=name) for name in ("pawsx", "tags", "tatoeba"))
    run = make_run(targets=targets, tasks=tasks, evaluate="test", seeds=(1,))
    for recipe, (pawsx, tags) in {"small_nli": (0.6, 0.1), "middle_qa": (0.5, 0.9)}.items():
        keep(run, run.trained(recipe, "pawsx", 1, value=pawsx), "pawsx")
        run.scored(run.trained(recipe, "tags", 1, value=tags), "tags", {"en": 0.5}, split="test")
        keep(run, run.trained(recipe), "tatoeba")
    made = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert {one.target: one.recipe for one in made.chosen} == {"pawsx": "small_nli", "tatoeba": "small_nli"}


def test_a_row_of_retrieval_needs_a_target_of_the_benchmark_that_trains(make_run, tmp_path):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    run = make_run(targets=(Target(task="tags"), Target(task="tatoeba")), tasks=tasks, evaluate="test", seeds=(1,))
    run.scored(run.trained("small_nli", "tags", 1, value=0.9), "tags", {"en": 0.5}, split="test")
    assert "'tatoeba' trains nothing, and no other target of XTREME in this run does" in refused(run, tmp_path)


def test_what_a_row_of_retrieval_is_chosen_by_is_said(run, tmp_path):
    made = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert made.notes == (
        "tatoeba: retrieval trains nothing, so no selection value speaks of it; its row is the best one of the run's "
        "targets of XTREME that train, by their mean. --recipe ROW --targets tatoeba --out DIR writes another.",
    )
    named = write_submission(run.url, Wish(recipe="baseline"), str(tmp_path / "named"))
    assert named.notes == ()


def test_no_test_score_moves_the_choice(run):
    before = best_per_target(load(run.url), "tiny")
    for score in run.ledger.scores().values():
        worse = 0.0 if score.recipe in ("small_nli", "large_nli") else 1.0
        changed = {code: dict.fromkeys(metrics, worse) for code, metrics in score.metrics.items()}
        run.ledger.write_score(replace(score, metrics=changed), run.ledger.outcomes(score))
    assert best_per_target(load(run.url), "tiny") == before


def test_of_rows_with_equal_selection_values_the_first_of_the_space_is_taken(make_run):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    for recipe in ("middle_qa", "small_nli"):
        keep(run, run.trained(recipe, "pawsx", 1, value=0.5), "pawsx")
    assert best_per_target(load(run.url), "tiny")["pawsx"].recipe == "small_nli"


def test_a_row_that_lacks_a_seed_is_not_compared(make_run):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test")
    keep(run, run.trained("small_nli", "pawsx", 1, value=0.9), "pawsx")
    for seed in (1, 2):
        keep(run, run.trained("middle_qa", "pawsx", seed, value=0.5), "pawsx")
    study = load(run.url)
    assert selection_values(study, "tiny")["pawsx"].dropna().to_dict() == {"middle_qa": 0.5}
    best = best_per_target(study, "tiny")["pawsx"]
    assert (best.recipe, best.num_compared) == ("middle_qa", 1)


def test_rows_that_could_not_be_compared_are_counted_where_the_choice_is_told(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    for recipe in ("small_nli", "middle_qa"):
        keep(run, run.trained(recipe, "pawsx", 1, value=0.5), "pawsx")
    made = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert made.chosen[0].by == "best English selection value, 50.00, of the 2 of 4 rows that have every seed"


def test_a_named_row_stands_for_every_target(run, tmp_path):
    made = write_submission(run.url, Wish(recipe="baseline"), str(tmp_path / "out"))
    assert {(one.recipe, one.seed) for one in made.chosen} == {("baseline", 1), ("baseline", None)}
    assert read(made.place, "pawsx/test-de.tsv") == "0\n0\n0\n"


def test_languages_scored_one_after_the_other_make_one_folder(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    training = run.trained("baseline", "pawsx", 1, value=0.5)
    first, second = LANGUAGES["pawsx"][:4], LANGUAGES["pawsx"][4:]
    keep(run, training, "pawsx", first)
    keep(run, training, "pawsx", second)
    made = write_submission(run.url, BEST, str(tmp_path / "out"))
    assert made.chosen[0].num_languages == 7
    assert made.chosen[0].num_examples == 7 * SIZE


def refused(run, tmp_path, wish=BEST):
    with pytest.raises(UserError) as error:
        write_submission(run.url, wish, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".submission-*"))
    return str(error.value)


def test_a_missing_language_is_named_and_nothing_is_written(run, tmp_path):
    for score in run.ledger.scores().values():
        if score.target == "xquad":
            kept = {code: metrics for code, metrics in score.metrics.items() if code not in ("th", "vi")}
            run.ledger.write_score(replace(score, metrics=kept), run.ledger.outcomes(score))
    told = refused(run, tmp_path)
    assert "xquad/test-th.json: the run holds no predictions in th" in told
    assert "xquad/test-vi.json: the run holds no predictions in vi" in told
    assert told.endswith("--targets pawsx,tatoeba writes what is whole.")
    whole = Wish(best_per_target=True, targets=("pawsx", "tatoeba"))
    assert write_submission(run.url, whole, str(tmp_path / "out")).place.is_dir()


def test_a_target_that_is_not_wanted_may_lack_what_its_row_is_chosen_by(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"), Target(task="ner"), Target(task="tatoeba")), evaluate="test")
    for seed in run.space.seeds:
        keep(run, run.trained("small_nli", "pawsx", seed, value=0.6), "pawsx")
    assert "No recipe can be chosen for 'ner'" in refused(run, tmp_path)
    made = write_submission(run.url, Wish(best_per_target=True, targets=("pawsx",)), str(tmp_path / "out"))
    assert [(one.target, one.recipe) for one in made.chosen] == [("pawsx", "small_nli")]


def test_a_row_of_retrieval_does_not_depend_on_which_targets_are_wanted(run, tmp_path):
    wish = Wish(best_per_target=True, targets=("pawsx", "tatoeba"))
    made = write_submission(run.url, wish, str(tmp_path / "out"))
    assert {one.target: one.recipe for one in made.chosen} == {"pawsx": "small_nli", "tatoeba": "large_nli"}


def test_another_number_of_items_than_published_is_refused(run, tmp_path):
    for score in run.ledger.scores().values():
        if score.target == "pawsx":
            run.ledger.write_score(score, run.ledger.outcomes(score).iloc[1:])
    assert "pawsx/test-de.tsv: 2 items, the published split has 3" in refused(run, tmp_path)


def test_an_unknown_label_is_refused(run, tmp_path):
    for score in run.ledger.scores().values():
        if score.target == "pawsx":
            run.ledger.write_score(score, run.ledger.outcomes(score).assign(prediction="same"))
    assert "pawsx/test-de.tsv: labels that the leaderboard does not know: 'same'" in refused(run, tmp_path)


def test_a_capped_evaluation_is_refused(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,), eval_cap=100)
    keep(run, run.trained("baseline", "pawsx", 1, value=0.5), "pawsx")
    assert "pawsx was scored on at most 100 items per language (eval_cap)" in refused(run, tmp_path)


def mining_run(make_run, task):
    """A run of PAWS-X, which trains, and of mined pairs."""
    run = make_run(targets=(Target(task="pawsx"), Target(task=task)), evaluate="test", seeds=(1,))
    keep(run, run.trained("small_nli", "pawsx", 1, value=0.6), "pawsx")
    keep(run, run.trained("small_nli", seed=1), task, languages=LANGUAGES["bucc2018"])
    return run


def test_pairs_mined_with_a_threshold_from_dev_pools_are_a_folder(make_run, tmp_path):
    made = write_submission(mining_run(make_run, "bucc2018").url, BEST, str(tmp_path / "out"))
    assert [one.folder for one in made.chosen] == ["pawsx", "bucc2018"]
    assert read(made.place, "bucc2018/test-zh.tsv") == "zh-000000007\ten-000000009\n"


def test_pairs_mined_with_a_threshold_from_their_own_pool_are_left_out_with_the_reason(make_run, tmp_path):
    made = write_submission(mining_run(make_run, "bucc").url, BEST, str(tmp_path / "out"))
    assert [one.folder for one in made.chosen] == ["pawsx"]
    assert "bucc2018" in made.absent
    assert not (made.place / "bucc2018").exists()
    assert made.notes[0].startswith(
        "bucc2018 is left out: bucc was scored on one half of its gold pairs with a threshold fitted on the other"
    )
    assert made.notes[0].endswith("`sweeper tasks bucc2018` says how both pools are laid out.")


def test_pairs_mined_with_a_threshold_from_their_own_pool_are_refused_where_they_are_asked_for(make_run, tmp_path):
    wish = Wish(best_per_target=True, targets=("pawsx", "bucc"))
    told = refused(mining_run(make_run, "bucc"), tmp_path, wish)
    assert "bucc2018/: bucc was scored on one half of its gold pairs" in told
    assert told.endswith("--targets pawsx writes what is whole.")


def test_a_run_of_nothing_but_single_pools_has_nothing_to_submit(make_run, tmp_path):
    run = make_run(targets=(Target(task="bucc"),), evaluate="test", seeds=(1,))
    told = refused(run, tmp_path, Wish(recipe="baseline"))
    assert told.startswith("There is nothing to submit: bucc was scored on one half of its gold pairs")


def test_pools_without_all_of_their_sentences_are_refused(make_run, tmp_path):
    run = make_run(targets=(Target(task="bucc2018", distractors=500),), evaluate="test", seeds=(1,))
    assert "bucc2018 was scored with 500 distractors" in refused(run, tmp_path, Wish(recipe="baseline"))


def test_a_cell_without_a_score_is_named(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),), evaluate="test", seeds=(1,))
    keep(run, run.trained("baseline", "pawsx", 1, value=0.5), "pawsx")
    assert "pawsx/: small_nli -> pawsx has no test score yet" in refused(run, tmp_path, Wish(recipe="small_nli"))


def test_a_run_scored_on_dev_is_refused(make_run, tmp_path):
    run = make_run(targets=(Target(task="pawsx"),))
    assert "was scored on dev; a submission holds predictions of test" in refused(run, tmp_path)


def test_a_run_without_a_task_of_the_benchmark_has_nothing_to_submit(make_run, tmp_path):
    tasks = tuple(replace(task, test=task.dev) for task in make_run().space.tasks)
    run = make_run(evaluate="test", tasks=tasks)
    assert "No column of this run is a task of XTREME" in refused(run, tmp_path)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"recipe": "smal_nli"}, "No row is called 'smal_nli'. Did you mean 'small_nli'?"),
        (
            {"recipe": "small_nli", "targets": ("paws",)},
            "No target of XTREME in this run is called 'paws'. Did you mean",
        ),
        ({"recipe": "small_nli", "model": "tinny"}, "No model is called 'tinny'. Did you mean 'tiny'?"),
    ],
    ids=["row", "target", "model"],
)
def test_an_unknown_name_is_answered_with_the_nearest_one(run, tmp_path, wish, said):
    assert said in refused(run, tmp_path, Wish(**wish))


def test_a_wish_is_for_the_best_rows_or_for_a_named_one():
    for wish in ({}, {"best_per_target": True, "recipe": "mnli"}):
        with pytest.raises(UserError, match="either --best-per-target or --recipe NAME"):
            Wish(**wish)


def test_a_submission_overwrites_nothing(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty: name a folder that is new"):
        write_submission(run.url, BEST, str(tmp_path / "out"))
