"""No label of the evaluation data reaches a search: checked in the specs of search trials and in their results."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.export.choice import ExportOptions
from analysis.export.folder import export_encoder
from search_spaces.xtreme import SPACE as XTREME
from sweeper.plan.budget import Budget
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import Unit
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.run import Run
from sweeper.run.site import Site
from sweeper.space import LogUniform, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.space.settings import apply_settings
from sweeper.tasks.spec import Rows, RowsByLanguage, Task
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.sweep import make_agenda
from tests.spaces import rows_of
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.imaginary import specs_of


def searches(specs: Specs) -> Iterator[tuple[Unit, TrialSpec]]:
    """Every unit with search trials, and the spec of one of them with its whole chain."""
    for unit in specs.plan.units:
        if specs.plan.num_search(unit):
            chain = tuple(specs.stage(unit, stage, stage.training, 0) for stage in unit.stages[:-1])
            yield unit, specs.search(unit, 0, {}, chain)


def evaluated(space: Space) -> set[str]:
    """The rows of all reported scores."""
    by_target = (space.task(target.task).rows(space.evaluate) for target in space.targets)
    return {repr(rows) for by_language in by_target for rows_list in by_language.values() for rows in rows_list}


@pytest.mark.parametrize("evaluate", ["dev", "test"])
@pytest.mark.parametrize("scope", ["cell", "target"])
def test_every_search_trial_reads_only_english_training_data_and_scores_nothing(evaluate: str, scope: str) -> None:
    space = replace(XTREME, evaluate=evaluate, search=replace(XTREME.search, scope=scope))
    units = list(searches(specs_of(space)))
    # One preparation per recipe; six target trainings after each recipe, or only after the baseline.
    num_recipes = len(space.recipes)
    assert len(units) == num_recipes - 1 + 6 * (num_recipes if scope == "cell" else 1)
    reported = evaluated(space)
    for unit, spec in units:
        assert spec.scores == ()
        unlabelled = [stage.mlm for stage in spec.chain if stage.mlm]
        assert {space.task(data.task).format for data in unlabelled} <= {"mlm"}
        read = [data for stage in spec.chain for data in stage.data]
        assert {data.part for data in (*read, *unlabelled)} == {"train"}
        assert {data.part for data in spec.select} <= {"select", "dev"}
        for data in (*read, *spec.select):
            assert data.languages == ("en",) == unit.stage.languages
            assert not rows_of(space, data) & reported
            task = space.task(data.task)
            assert data.part != "dev" or (task.dev and task.test and not task.single_split)


@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_targets_with_a_single_evaluation_split_are_never_selected_on_it(evaluate: str) -> None:
    space = replace(XTREME, evaluate=evaluate)
    single = {target.task for target in space.targets if space.task(target.task).single_split}
    assert {"xquad", "tatoeba", "tydiqa"} <= single
    for _, spec in searches(specs_of(space)):
        assert all(data.part != "dev" or data.task not in single for data in spec.select)
        assert not {data.task for data in spec.select} & {"xquad", "tatoeba", "bucc2018"}


LEARNING_RATES = {"learning_rate": LogUniform(low=1e-6, high=1e-4)}
SWAHILI = Task(
    name="swahili", title="", format="classify", scorer="accuracy", labels=("no", "yes"),
    train={"sw": (Rows(id="own/swahili", split="train"),)}, dev={"sw": (Rows(id="own/swahili", split="dev"),)},
)  # fmt: skip
"""A task without English data, which has no selection data."""
QUESTIONS = Stage(tasks=("tydiqa",), languages=("sw", "te"), dials=LEARNING_RATES)
GERMAN = Stage(tasks=("xnli",), languages=("en", "de"), dials=LEARNING_RATES)
ELSEWHERE = replace(
    XTREME,
    tasks=(SWAHILI,),
    recipes=(
        Recipe(name="baseline"),
        Recipe(name="questions", stages=(QUESTIONS,)),
        Recipe(name="german", stages=(GERMAN,)),
        Recipe(name="both", stages=(replace(QUESTIONS, dials={}), GERMAN)),
        Recipe(name="swahili", stages=(Stage(tasks=("swahili",), languages=("sw",)),)),
        Recipe(name="jointly", stages=(Stage(tasks=("swahili", "tydiqa"), languages=("sw",)),)),
    ),
)
"""The space with recipes that train in other languages than English, with dials and without."""


@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_recipes_that_train_in_other_languages_are_selected_on_english(evaluate: str) -> None:
    space = replace(ELSEWHERE, evaluate=evaluate)
    units = list(searches(specs_of(space)))
    read = [data for _, spec in units for stage in spec.chain for data in stage.data]
    assert {language for data in read for language in data.languages} == {"en", "de", "sw", "te"}
    reported = evaluated(space)
    for unit, spec in units:
        assert spec.scores == ()
        assert spec.select or unit.stage.tasks == ("swahili",)
        for data in spec.select:
            assert data.languages == ("en",)
            assert not rows_of(space, data) & reported


LABELS = ("no", "yes")
WORDS = ("river", "town", "bridge", "old", "new")
TRAINING = Training(epochs=2, batch_size=4, max_length=16, evaluate_every=3)


def rows_in(name: str, split: str, *languages: str) -> RowsByLanguage:
    return {code: (Rows(id=f"own/{name}-{code}", split=split),) for code in languages}


def task(name: str, **splits: RowsByLanguage) -> Task:
    columns = {"id": "id", "text": "text", "label": "label"}
    return Task(
        name=name, title="", format="classify", scorer="accuracy", columns=columns, labels=LABELS,
        train=rows_in(name, "train", "en"), **splits,
    )  # fmt: skip


QUIZ = rows_in("quiz", "test", "en", "de")
TASKS = (
    task("lesson", dev=rows_in("lesson", "validation", "en")),
    task(
        "exam",
        dev=rows_in("exam", "validation", "en", "de"),
        test=rows_in("exam", "test", "en", "de"),
    ),
    task("quiz", dev=QUIZ, test=QUIZ),
)
DIALS = {"learning_rate": LogUniform(low=1e-4, high=3e-2)}
SPACE = Space(
    name="leak",
    models=(Model(name="small", id="own/encoder"),),
    recipes=(Recipe(name="baseline"), Recipe(name="taught", stages=(Stage(tasks=("lesson",), training=TRAINING),))),
    targets=tuple(Target(task=name, training=TRAINING, dials=DIALS) for name in ("exam", "quiz")),
    tasks=TASKS,
    seeds=(1,),
    # Batches of one trial: each suggestion depends on the values of all earlier ones.
    search=Search(scope="cell", trials=3, batch=1, share=0.3),
)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """One encoder for all runs: another one would have other weights."""
    save_tiny_encoder(tmp_path / "encoder")
    return tmp_path / "encoder"


def write_card(folder: Path) -> None:
    """Write a README that names the file of each split. Without it the identity of a split is that of all files."""
    files = "".join(f"  - split: {path.stem}\n    path: {path.name}\n" for path in sorted(folder.glob("*.jsonl")))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n")


def write_mirror(mirror: Path, encoder: Path, turned: set[str]) -> Path:
    """Write the data sets, with exchanged labels in the splits of `turned` (such as `exam-de/test`)."""
    splits = [split for task in TASKS for split in (task.train, task.dev, task.test)]
    for rows in {rows for split in splits for rows_list in split.values() for rows in rows_list}:
        name = f"{rows.id.removeprefix('own/')}/{rows.split}"
        labels = LABELS[::-1] if name in turned else LABELS
        lines = [
            {"id": f"{name} {n}", "text": f"{WORDS[n % 5]} {WORDS[n // 5 % 5]}", "label": labels[n % 5 % 2]}
            for n in range(20)
        ]
        path = mirror / "datasets" / rows.id / f"{rows.split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        write_card(path.parent)
    shutil.copytree(encoder, mirror / "models" / "own" / "encoder")
    return mirror


def turned_splits(evaluate: str) -> set[str]:
    """The splits of the targets that are reported or not English."""
    reported = "validation" if evaluate == "dev" else "test"
    names = ("exam-en", "exam-de", "quiz-en", "quiz-de")
    splits = {f"{name}/{split}" for name in names for split in ("validation", "test")}
    return {name for name in splits if "-de/" in name or name.endswith(("/test", reported))}


def run_all(
    space: Space, mirror: Path, run: Path, budget: Budget | None = None
) -> tuple[dict[str, TrainingRecord], dict[str, object]]:
    """Run every trial of the space in this process. Returns name -> training record, and the scores."""
    site = Site(
        ledger=f"{run}/ledger", store=str(run), checkpoints=f"{run}/checkpoints", cache=f"{run}/cache",
        mirror=str(mirror),
    )  # fmt: skip
    bench = Workbench(site)
    agenda = make_agenda(Resolver(space=space, sources=bench.sources), bench.ledger.contents(), budget=budget)
    records = {}
    while (spec := agenda.next()) is not None:
        result = run_trial(spec, bench)
        agenda.complete(spec.name, result)
        records[spec.name] = result.training
    scores = {
        f"{score.recipe} -> {score.target} {language}": dict(metrics)
        for score in bench.ledger.scores().values()
        for language, metrics in score.metrics.items()
    }
    return records, scores


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_other_labels_in_reported_rows_and_other_languages_change_no_selection_value_and_no_dial(
    evaluate: str, keep: str, encoder: Path, tmp_path: Path
) -> None:
    space = apply_settings(replace(SPACE, evaluate=evaluate), [f"keep={keep}"])
    turned = write_mirror(tmp_path / "two", encoder, turned_splits(evaluate))
    before, scored = run_all(space, write_mirror(tmp_path / "one", encoder, set()), tmp_path / "run one")
    after, scored_anew = run_all(space, turned, tmp_path / "run two")
    assert sum("/search " in name for name in before) == 2 * 2 * 3 + 1
    assert set(before) == set(after)
    for name, record in before.items():
        other = after[name]
        assert (record.key, record.value, record.selection, record.loss) == (
            other.key, other.value, other.selection, other.loss,
        )  # fmt: skip
        assert (record.kept_step, record.evaluations) == (other.kept_step, other.evaluations)
        assert bool(record.evaluations) == (keep == "best" and record.spec.kind != "score")
        assert dict(record.spec.dials) == dict(other.spec.dials)
    # The exchanged labels do change the scores.
    assert scored.keys() == scored_anew.keys()
    cells = [name for name in scored if "-> lesson" not in name]
    assert len(cells) == 2 * 2 * 2
    assert all(scored[name]["accuracy"] == pytest.approx(1 - scored_anew[name]["accuracy"]) for name in cells)


@pytest.mark.slow
@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_other_labels_in_reported_rows_and_other_languages_do_not_change_which_encoder_is_exported(
    evaluate: str, encoder: Path, tmp_path: Path
) -> None:
    # Without the baseline: it cannot be exported if it is the best recipe.
    longer = Recipe(name="longer", stages=(Stage(tasks=("lesson",), training=replace(TRAINING, epochs=4)),))
    space = replace(SPACE, evaluate=evaluate, recipes=(SPACE.recipes[1], longer), seeds=(1, 2))
    cards = {}
    for name, turned in (("one", set()), ("two", turned_splits(evaluate))):
        run = tmp_path / f"run {name}"
        run_all(space, write_mirror(tmp_path / name, encoder, turned), run)
        Run.at(str(run)).keep_space(space)
        Run.at(str(run)).keep_site(Run.at(str(run)).make_site())
        for target in ("exam", "quiz"):
            card = export_encoder(str(run), tmp_path / f"{target} {name}", ExportOptions(target=target)) / "README.md"
            cards[name, target] = card.read_text()
    for target in ("exam", "quiz"):
        weights = [(tmp_path / f"{target} {name}" / "model.safetensors").read_bytes() for name in ("one", "two")]
        assert weights[0] == weights[1]
        one, two = cards["one", target], cards["two", target]
        assert one != two, "the reported scores differ"
        assert without_scores(one) == without_scores(two)


def without_scores(card: str) -> list[str]:
    return [line for line in card.splitlines() if not line.startswith("| ")]
