"""Retrieval from files to the ledger: thresholds from dev pools, CSLS, and layers that only score. No Ray."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sweeper.training.trial
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
from sweeper.training.nearest import DeviceIndex
from sweeper.training.trial import check_spec, run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda
from sweeper.world.tasks import TASKS
from tests.worlds import TRAINING, TrialFolders

Pair = tuple[str, str]
LANGUAGES = ("xa", "xg")


def sentences(folders: TrialFolders, language: str) -> list[Pair]:
    """Sentences of the generated world with their translations."""
    lines = (folders.world / f"datasets/demo/twins/default/test_{language}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    return [(row["sentence1"], row["sentence2"]) for row in rows]


def write_pool(folder: Path, split: str, pairs: Sequence[Pair], gold: Sequence[tuple[int, int]]) -> None:
    row = {"here": [pair[0] for pair in pairs], "there": [pair[1] for pair in pairs], "gold": [list(g) for g in gold]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def same(count: int) -> list[tuple[int, int]]:
    """Each sentence belongs to its own translation."""
    return [(number, number) for number in range(1, count + 1)]


def crossed(count: int) -> list[tuple[int, int]]:
    """Gold that no encoder would find: each belongs to the next one's translation."""
    return [(number, number % count + 1) for number in range(1, count + 1)]


@pytest.fixture
def pools(folders: TrialFolders) -> Path:
    """A task of the user's own: dev and test pools of two languages as files."""
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


def specs_of(folders: TrialFolders, asked: Space) -> Specs:
    resolver = Resolver(space=asked, sources=Sources(mirror=folders.world, cache=folders.cache))
    check_data(resolver)
    return Specs(plan=make_plan(asked), resolver=resolver)


def work_off(folders: TrialFolders, asked: Space) -> list[str]:
    """Run all that is left of a space, one trial after the other. Their names."""
    bench, started = folders.bench(), []
    ledger = bench.ledger
    agenda = Agenda(specs=specs_of(folders, asked), trainings=ledger.trainings(), scores=set(ledger.scores()))
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


def test_the_threshold_is_fitted_on_the_dev_pool_and_every_pair_of_the_test_pool_counts(
    folders: TrialFolders, pools: Path
) -> None:
    work_off(folders, space(task(pools), targets=(mining(),)))
    record = only_score(folders.bench())
    rows = folders.bench().ledger.outcomes(record)
    assert record.split == "test"
    assert rows.groupby("language")["gold"].sum().to_dict() == {"xa": 16, "xg": 16}, "all sixteen, not half of them"


def test_other_dev_gold_moves_the_threshold_and_so_what_is_mined_in_test(folders: TrialFolders, pools: Path) -> None:
    for language in LANGUAGES:  # a dev pool in which nothing found is right: the threshold takes everything
        write_pool(pools / language, "validation", sentences(folders, language)[:16], crossed(16))
    work_off(folders, space(task(pools), targets=(mining(),)))
    rows = folders.bench().ledger.outcomes(only_score(folders.bench()))
    everything = rows.groupby("language")["mined"].sum().to_dict()

    for language in LANGUAGES:  # of twenty sentences only the first has a partner: the threshold takes one in twenty
        write_pool(pools / language, "validation", sentences(folders, language)[:20], [(1, 1)])
    work_off(folders, space(task(pools), targets=(mining(),)))
    scores = folders.bench().ledger.scores()
    assert len(scores) == 2, "other dev data are another score"
    strict = {key: folders.bench().ledger.outcomes(record) for key, record in scores.items()}
    fewest = min((rows["mined"].sum() for rows in strict.values()), default=0)
    assert fewest < sum(everything.values())


def test_on_dev_the_threshold_is_fitted_on_the_pool_that_is_scored_and_every_pair_of_it_counts(
    folders: TrialFolders, pools: Path
) -> None:
    work_off(folders, space(task(pools), targets=(mining(),), evaluate="dev"))
    record = only_score(folders.bench())
    rows = folders.bench().ledger.outcomes(record)
    assert record.split == "dev"
    assert rows.groupby("language")["gold"].sum().to_dict() == {"xa": 16, "xg": 16}, "all sixteen, not half of them"


def test_a_single_pool_is_fitted_on_one_half_and_scored_on_the_other(folders: TrialFolders, pools: Path) -> None:
    one = task(pools)
    work_off(folders, space(replace(one, dev=one.test), targets=(mining(),)))
    rows = folders.bench().ledger.outcomes(only_score(folders.bench()))
    assert rows.groupby("language")["gold"].sum().to_dict() == {"xa": 8, "xg": 8}


def test_the_threshold_is_fitted_on_the_dev_pool_where_it_is_not_the_test_pool_too(
    folders: TrialFolders, pools: Path
) -> None:
    own, target = task(pools), mining(distractors=3, eval_cap=9)
    asked = space(own, targets=(target,))

    def fit(changed: Space) -> Any:
        specs = specs_of(folders, changed)
        [score] = specs.scores(specs.plan.units[0], 1)
        return score.fit

    found = fit(asked)
    assert (found.part, found.languages, found.distractors, found.cap_examples) == ("dev", LANGUAGES, 3, 9)
    assert found.identity
    assert fit(replace(asked, evaluate="dev")) == found
    assert fit(space(replace(own, test={}), targets=(target,), evaluate="dev")) is None
    assert fit(space(replace(own, dev=own.test), targets=(target,))) is None


def test_a_language_without_a_dev_pool_of_its_own_is_refused_by_name(pools: Path) -> None:
    own = task(pools)
    for dev in ({"xa": own.dev["xa"]}, {**own.dev, "xg": own.test["xg"]}):
        with pytest.raises(UserError, match=r"fits its threshold on dev, which has no pool of its own in xg"):
            space(replace(own, dev=dev), targets=(mining(),))
        assert space(replace(own, dev=dev), targets=(mining(languages=("xa",)),))
        assert space(replace(own, dev=dev), targets=(mining(),), evaluate="dev"), "dev alone is read"


def test_dev_files_that_are_missing_leave_out_a_language_and_at_last_the_column(
    folders: TrialFolders, pools: Path
) -> None:
    asked = space(task(pools), targets=(mining(),))
    (pools / "xg" / "validation.jsonl").unlink()
    specs = specs_of(folders, asked)
    [score] = specs.scores(specs.plan.units[0], 1)
    assert score.data.languages == score.fit.languages == ("xa",)  # type: ignore[union-attr]
    (pools / "xa" / "validation.jsonl").unlink()
    with pytest.raises(DataError, match=r"'pools', dev, xa"):
        specs_of(folders, asked)


def lay_out(folder: Path, config: str, split: str, pairs: Sequence[Pair]) -> None:
    """A split of one row, as the entry's note says."""
    row = {"sentence1": [one for one, _ in pairs], "sentence2": [other for _, other in pairs]}
    (folder / config).mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([{**row, "gold": [list(pair) for pair in same(len(pairs))]}])
    pq.write_table(table, folder / config / f"{split}.parquet")


def test_bucc_laid_out_as_its_note_says_is_scored_as_the_benchmark_does(
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
    work_off(folders, space(targets=(replace(mining(), task="bucc2018"),)))
    rows = folders.bench().ledger.outcomes(only_score(folders.bench()))
    assert rows.groupby("language")["gold"].sum().to_dict() == {"de": 8, "zh": 8}


def test_bucc_that_is_not_laid_out_is_refused_with_where_to_read_how(
    folders: TrialFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"local/bucc2018 .*`sweeper tasks bucc2018` describes its layout"):
        specs_of(folders, space(targets=(replace(mining(), task="bucc2018"),)))


def test_how_an_entry_departs_from_its_benchmark_moves_no_key(folders: TrialFolders, pools: Path) -> None:
    own = task(pools)
    keys = []
    for departs in ("", "of another release"):
        specs = specs_of(folders, space(replace(own, departs=departs), targets=(mining(),)))
        [unit] = specs.plan.units
        [score] = specs.scores(unit, 1)
        keys.append(score_key("training", score))
    assert keys[0] == keys[1]


class Watched(DeviceIndex):
    """A device's index that says how often it was asked."""

    asked = 0

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        Watched.asked += 1
        return super().best(queries, k)


def test_a_search_on_the_trial_s_device_changes_no_score(
    folders: TrialFolders, pools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = space(task(pools), targets=(mining(), replace(TWINS, similarity="csls")))
    outcomes = []
    for where in ("numpy", "device"):
        if where == "device":
            monkeypatch.setattr(evaluate, "search_on", lambda device: partial(Watched, device=device))
        work_off(replace(folders, root=folders.root / where), asked)
        ledger = replace(folders, root=folders.root / where).bench().ledger
        outcomes.append({key: ledger.outcomes(record) for key, record in ledger.scores().items()})
    assert Watched.asked == 2 * (2 * 2 + 2), "both directions of dev and test and twice for csls, in two languages"
    assert outcomes[0].keys() == outcomes[1].keys()
    assert all(rows.equals(outcomes[1][key]) for key, rows in outcomes[0].items())


def test_shares_of_the_depth_that_mean_one_layer_have_one_score(folders: TrialFolders, pools: Path) -> None:
    work_off(folders, space(task(pools), targets=(mining(also_layers=(0.51,)),)))
    first, second = folders.bench().ledger.scores().values()
    assert {first.layer, second.layer} == {0.5, 0.51}
    assert first.metrics == second.metrics


TWINS = Target(task="twins", training=TRAINING, layer=0.5, languages=LANGUAGES, eval_cap=12)


def test_a_layer_added_to_a_finished_sweep_is_scored_without_any_training(
    folders: TrialFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(name="parts", stages=(Stage(tasks=("parts",), training=TRAINING),))
    asked = space(targets=(TWINS,), recipes=(recipe,))
    assert work_off(folders, asked) == [
        "tiny/baseline = scores/seed 1",
        "tiny/parts/seed 1",
        "tiny/parts = scores/seed 1",
    ]
    assert work_off(folders, asked) == []

    monkeypatch.setattr(sweeper.training.trial, "run_stage", None)  # whoever trains now, fails
    more = replace(asked, targets=(replace(TWINS, also_layers=(0.0, 0.5, 1.0)),))
    ledger = folders.bench().ledger
    left = {"tiny/baseline = scores/seed 1", "tiny/parts = scores/seed 1"}
    assert left & finished_names(ledger, make_plan(asked)) == left
    assert left & finished_names(ledger, make_plan(more)) == set()
    assert set(work_off(folders, more)) == left
    layers = sorted((score.recipe, score.layer) for score in ledger.scores().values() if score.target == "twins")
    assert layers == [(row, layer) for row in ("baseline", "parts") for layer in (0.0, 0.5, 1.0)]
    assert left & finished_names(ledger, make_plan(more)) == left


def test_csls_is_a_score_of_its_own_beside_cosine(folders: TrialFolders) -> None:
    for similarity in ("cosine", "csls"):
        work_off(folders, space(targets=(replace(TWINS, similarity=similarity),)))  # type: ignore[arg-type]
    found = Ledger.at(folders.bench().site.ledger).scores()
    assert sorted(score.similarity for score in found.values()) == ["cosine", "csls"]
    assert len({score.training for score in found.values()}) == 1
