"""Retrieval from files to the ledger, without Ray: thresholds from dev pools, CSLS, and additional layers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sweeper.training.chain
from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.formats.interface import Array
from sweeper.plan.resolve import Resolver, check_data
from sweeper.plan.specs import Specs
from sweeper.plan.status import finished_names
from sweeper.plan.units import make_plan
from sweeper.records.record import ScoreRecord
from sweeper.records.spec import score_key
from sweeper.run.ledger import Ledger
from sweeper.space import Model, Recipe, Search, Space, Stage, Target
from sweeper.tasks.spec import Rows, Task
from sweeper.training import evaluate
from sweeper.training.check import check_spec
from sweeper.training.nearest import DeviceIndex
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda
from sweeper.world.tasks import TASKS
from tests.worlds import TRAINING, TrialFolders

Pair = tuple[str, str]
LANGUAGES = ("xa", "xg")


def sentences(folders: TrialFolders, language: str) -> list[Pair]:
    """Sentences of the synthetic world and their translations."""
    lines = (folders.world / f"datasets/demo/twins/default/test_{language}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    return [(row["sentence1"], row["sentence2"]) for row in rows]


def write_pool(folder: Path, split: str, pairs: Sequence[Pair], gold: Sequence[tuple[int, int]]) -> None:
    row = {"here": [pair[0] for pair in pairs], "there": [pair[1] for pair in pairs], "gold": [list(g) for g in gold]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def same(count: int) -> list[tuple[int, int]]:
    """Gold pairs of each sentence and its translation, with numbers from 1."""
    return [(number, number) for number in range(1, count + 1)]


def crossed(count: int) -> list[tuple[int, int]]:
    """Gold pairs that no encoder would find: each sentence and the translation of the next one."""
    return [(number, number % count + 1) for number in range(1, count + 1)]


@pytest.fixture
def pools(folders: TrialFolders) -> Path:
    """Files of a task that a user defines: dev and test pools in two languages."""
    for language in LANGUAGES:
        pairs, folder = sentences(folders, language), folders.root / "pools" / language
        write_pool(folder, "validation", pairs[:16], same(16))
        write_pool(folder, "test", pairs[16:36], same(16))
    return folders.root / "pools"


def task(folder: Path, **changes: Any) -> Task:
    dev, test = (
        {language: (Rows(id=str(folder / language), split=split),) for language in LANGUAGES}
        for split in ("validation", "test")
    )
    columns = {"source": "here", "target": "there", "gold": "gold"}
    plain = Task(name="pools", title="", format="retrieve", scorer="mining", columns=columns, dev=dev, test=test)
    return replace(plain, **changes)


def space(
    *tasks: Task,
    targets: tuple[Target, ...],
    recipes: tuple[Recipe, ...] = (),
    evaluate: Literal["dev", "test"] = "test",
) -> Space:
    return Space(
        name="retrieval",
        models=(Model(name="tiny", id="demo/tiny"),),
        recipes=(Recipe(name="baseline"), *recipes),
        targets=targets,
        tasks=(*TASKS, *tasks),
        seeds=(1,),
        search=Search(scope="cell", trials=1, share=0.3, cap=24),
        evaluate=evaluate,
    )


def mining(**changes: Any) -> Target:
    return Target(task="pools", training=TRAINING, layer=0.5, **changes)


def specs_of(folders: TrialFolders, requested: Space) -> Specs:
    resolver = Resolver(space=requested, sources=Sources(mirror=folders.world, cache=folders.cache))
    check_data(resolver)
    return Specs(plan=make_plan(requested), resolver=resolver)


def run_remaining(folders: TrialFolders, requested: Space) -> list[str]:
    """Run the remaining trials of a space one after the other. Returns their names."""
    bench, started = folders.bench(), []
    contents = bench.ledger.contents()
    agenda = Agenda(specs=specs_of(folders, requested), trainings=contents.trainings, scores=set(contents.scores))
    while not agenda.finished:
        spec = agenda.next()
        assert spec is not None
        check_spec(spec, bench)
        agenda.complete(spec.name, run_trial(spec, bench))
        started.append(spec.name)
    return started


def only_score(bench: Workbench) -> ScoreRecord:
    [record] = bench.ledger.scores().values()
    return record


def test_the_threshold_is_fitted_on_the_dev_pool_and_all_pairs_of_the_test_pool_count(
    folders: TrialFolders, pools: Path
) -> None:
    run_remaining(folders, space(task(pools), targets=(mining(),)))
    record = only_score(folders.bench())
    rows = folders.bench().ledger.outcomes(record)
    assert record.split == "test"
    assert rows.groupby("language")["gold"].sum().to_dict() == {"xa": 16, "xg": 16}, (
        "all sixteen pairs, not half of them"
    )


def test_other_gold_pairs_in_dev_change_the_threshold_and_the_pairs_mined_in_test(
    folders: TrialFolders, pools: Path
) -> None:
    # No pair found in the dev pool is correct, so the threshold accepts all pairs.
    for language in LANGUAGES:
        write_pool(pools / language, "validation", sentences(folders, language)[:16], crossed(16))
    run_remaining(folders, space(task(pools), targets=(mining(),)))
    rows = folders.bench().ledger.outcomes(only_score(folders.bench()))
    everything = rows.groupby("language")["mined"].sum().to_dict()

    # Only one of twenty sentences has a partner, so the threshold accepts one pair in twenty.
    for language in LANGUAGES:
        write_pool(pools / language, "validation", sentences(folders, language)[:20], [(1, 1)])
    run_remaining(folders, space(task(pools), targets=(mining(),)))
    scores = folders.bench().ledger.scores()
    assert len(scores) == 2, "other dev data give a separate score"
    strict = {key: folders.bench().ledger.outcomes(record) for key, record in scores.items()}
    fewest = min((rows["mined"].sum() for rows in strict.values()), default=0)
    assert fewest < sum(everything.values())


def test_an_evaluation_on_dev_fits_the_threshold_on_the_scored_pool_and_all_its_pairs_count(
    folders: TrialFolders, pools: Path
) -> None:
    run_remaining(folders, space(task(pools), targets=(mining(),), evaluate="dev"))
    record = only_score(folders.bench())
    rows = folders.bench().ledger.outcomes(record)
    assert record.split == "dev"
    assert rows.groupby("language")["gold"].sum().to_dict() == {"xa": 16, "xg": 16}, (
        "all sixteen pairs, not half of them"
    )


def test_with_a_single_pool_the_threshold_is_fitted_on_one_half_and_the_other_half_is_scored(
    folders: TrialFolders, pools: Path
) -> None:
    pool_task = task(pools)
    run_remaining(folders, space(replace(pool_task, dev=pool_task.test), targets=(mining(),)))
    rows = folders.bench().ledger.outcomes(only_score(folders.bench()))
    assert rows.groupby("language")["gold"].sum().to_dict() == {"xa": 8, "xg": 8}


def test_the_threshold_is_fitted_on_the_dev_pool_only_if_it_differs_from_the_test_pool(
    folders: TrialFolders, pools: Path
) -> None:
    pool_task, target = task(pools), mining(distractors=3, eval_cap=9)
    requested = space(pool_task, targets=(target,))

    def fit(changed: Space) -> Any:
        specs = specs_of(folders, changed)
        [score] = specs.scores(specs.plan.units[0], 1)
        return score.fit

    dev_data = fit(requested)
    assert (dev_data.part, dev_data.languages, dev_data.distractors, dev_data.cap_examples) == ("dev", LANGUAGES, 3, 9)
    assert dev_data.identity
    assert fit(replace(requested, evaluate="dev")) == dev_data
    assert fit(space(replace(pool_task, test={}), targets=(target,), evaluate="dev")) is None
    assert fit(space(replace(pool_task, dev=pool_task.test), targets=(target,))) is None


def test_the_error_for_a_language_without_its_own_dev_pool_names_the_language(pools: Path) -> None:
    pool_task = task(pools)
    for dev in ({"xa": pool_task.dev["xa"]}, {**pool_task.dev, "xg": pool_task.test["xg"]}):
        with pytest.raises(UserError, match=r"fits its threshold on dev, but has no separate dev pool in xg"):
            space(replace(pool_task, dev=dev), targets=(mining(),))
        assert space(replace(pool_task, dev=dev), targets=(mining(languages=("xa",)),))
        assert space(replace(pool_task, dev=dev), targets=(mining(),), evaluate="dev"), "only dev is read"


def test_a_language_without_dev_files_is_left_out_and_no_language_is_an_error(
    folders: TrialFolders, pools: Path
) -> None:
    requested = space(task(pools), targets=(mining(),))
    (pools / "xg" / "validation.jsonl").unlink()
    specs = specs_of(folders, requested)
    [score] = specs.scores(specs.plan.units[0], 1)
    assert score.data.languages == score.fit.languages == ("xa",)  # type: ignore[union-attr]
    (pools / "xa" / "validation.jsonl").unlink()
    with pytest.raises(DataError, match=r"'pools', dev, xa"):
        specs_of(folders, requested)


def lay_out(folder: Path, config: str, split: str, pairs: Sequence[Pair]) -> None:
    """Write a split with one row, in the layout that the note of the task describes."""
    row = {"sentence1": [source for source, _ in pairs], "sentence2": [target for _, target in pairs]}
    (folder / config).mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([{**row, "gold": [list(pair) for pair in same(len(pairs))]}])
    pq.write_table(table, folder / config / f"{split}.parquet")


def test_bucc_in_the_documented_layout_is_scored_as_in_the_benchmark(
    folders: TrialFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, configs = tmp_path / "local" / "bucc2018", []
    for code, language in (("de", "xa"), ("zh", "xg")):
        pairs = sentences(folders, language)
        lay_out(folder, f"{code}-en", "validation", pairs[:6])
        lay_out(folder, f"{code}-en", "test", pairs[6:14])
        files = [{"split": split, "path": f"{code}-en/{split}.parquet"} for split in ("validation", "test")]
        configs.append({"config_name": f"{code}-en", "data_files": files})
    (folder / "README.md").write_text(f"---\n{json.dumps({'configs': configs})}\n---\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run_remaining(folders, space(targets=(replace(mining(), task="bucc2018"),)))
    rows = folders.bench().ledger.outcomes(only_score(folders.bench()))
    assert rows.groupby("language")["gold"].sum().to_dict() == {"de": 8, "zh": 8}


def test_the_error_for_missing_bucc_names_the_command_that_describes_its_layout(
    folders: TrialFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"local/bucc2018 .*`sweeper tasks bucc2018` describes its layout"):
        specs_of(folders, space(targets=(replace(mining(), task="bucc2018"),)))


def test_the_note_on_differences_from_a_benchmark_changes_no_key(folders: TrialFolders, pools: Path) -> None:
    pool_task = task(pools)
    keys = []
    for departs in ("", "of another release"):
        specs = specs_of(folders, space(replace(pool_task, departs=departs), targets=(mining(),)))
        [unit] = specs.plan.units
        [score] = specs.scores(unit, 1)
        keys.append(score_key("training", score))
    assert keys[0] == keys[1]


class CountingIndex(DeviceIndex):
    """An index that counts its searches."""

    searches = 0

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        CountingIndex.searches += 1
        return super().best(queries, k)


def test_a_search_on_the_device_gives_the_same_scores(
    folders: TrialFolders, pools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested = space(task(pools), targets=(mining(), replace(TWINS, similarity="csls")))
    outcomes = []
    for library in ("numpy", "device"):
        if library == "device":
            monkeypatch.setattr(evaluate, "search_on", lambda device: partial(CountingIndex, device=device))
        run_remaining(replace(folders, root=folders.root / library), requested)
        ledger = replace(folders, root=folders.root / library).bench().ledger
        outcomes.append({key: ledger.outcomes(record) for key, record in ledger.scores().items()})
    assert CountingIndex.searches == 2 * (2 * 2 + 2), (
        "both directions of dev and test, and two searches for csls, in two languages"
    )
    assert outcomes[0].keys() == outcomes[1].keys()
    assert all(rows.equals(outcomes[1][key]) for key, rows in outcomes[0].items())


def test_relative_depths_of_the_same_layer_have_equal_scores(folders: TrialFolders, pools: Path) -> None:
    run_remaining(folders, space(task(pools), targets=(mining(also_layers=(0.51,)),)))
    first, second = folders.bench().ledger.scores().values()
    assert {first.layer, second.layer} == {0.5, 0.51}
    assert first.metrics == second.metrics


TWINS = Target(task="twins", training=TRAINING, layer=0.5, languages=LANGUAGES, eval_cap=12)


def test_a_layer_added_to_a_finished_sweep_is_scored_without_training(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(name="parts", stages=(Stage(tasks=("parts",), training=TRAINING),))
    requested = space(targets=(TWINS,), recipes=(recipe,))
    assert run_remaining(folders, requested) == [
        "tiny/baseline = scores/seed 1",
        "tiny/parts/seed 1",
        "tiny/parts = scores/seed 1",
    ]
    assert run_remaining(folders, requested) == []

    monkeypatch.setattr(sweeper.training.chain, "run_stage", None)  # any further training fails
    more = replace(requested, targets=(replace(TWINS, also_layers=(0.0, 0.5, 1.0)),))
    ledger = folders.bench().ledger
    score_names = {"tiny/baseline = scores/seed 1", "tiny/parts = scores/seed 1"}
    assert score_names & finished_names(ledger.contents(), make_plan(requested)) == score_names
    assert score_names & finished_names(ledger.contents(), make_plan(more)) == set()
    assert set(run_remaining(folders, more)) == score_names
    layers = sorted((score.recipe, score.layer) for score in ledger.scores().values() if score.target == "twins")
    assert layers == [(recipe_name, layer) for recipe_name in ("baseline", "parts") for layer in (0.0, 0.5, 1.0)]
    assert score_names & finished_names(ledger.contents(), make_plan(more)) == score_names


def test_csls_and_cosine_are_separate_scores_of_one_encoder(folders: TrialFolders) -> None:
    for similarity in ("cosine", "csls"):
        run_remaining(folders, space(targets=(replace(TWINS, similarity=similarity),)))  # type: ignore[arg-type]
    scores = Ledger.at(folders.bench().site.ledger).scores()
    assert sorted(score.similarity for score in scores.values()) == ["cosine", "csls"]
    assert len({score.training for score in scores.values()}) == 1
