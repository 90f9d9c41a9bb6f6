"""Data that are drawn for each seed: a trial reads only the draw of its seed, in all stages."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from search_spaces.demo_encoder import SPACE as DEMO_ENCODER
from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.plan.resolve import Resolver, check_data
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.site import Site
from sweeper.space import LogUniform, Model, Recipe, Search, Space, Stage, Target, Training
from sweeper.tasks.spec import Rows, RowsByLanguage, Task
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.pending import check_pending
from sweeper.tuning.sweep import Options, make_agenda, make_site
from sweeper.world.settings import world_folder
from tests.spaces import MATRIX

SEEDS = (1, 2)
WORDS = ("river", "town", "bridge", "old")


def rows(repository: str, split: str, language: str = "en") -> RowsByLanguage:
    return {language: (Rows(id=f"own/{repository}", split=split),)}


def task(name: str, repository: str) -> Task:
    columns = {"id": "id", "text": "text", "label": "label"}
    train, dev, test = (rows(repository, split) for split in ("train", "validation", "test"))
    return Task(
        name=name, title="", format="classify", scorer="accuracy", columns=columns, labels=("no", "yes"),
        train=train, dev=dev, test=test,
    )  # fmt: skip


TRAINING = Training(epochs=1, batch_size=4, max_length=16)
LEARN = Stage(tasks=("lesson",), training=TRAINING, mlm_share=0.3, mlm_task="corpus")
SPACE = Space(
    name="draws",
    models=(Model(name="small", id="own/encoder"),),
    recipes=(Recipe(name="baseline"), Recipe(name="taught", stages=(LEARN,))),
    targets=(Target(task="exam", training=TRAINING, dials={"learning_rate": LogUniform(low=1e-4, high=1e-2)}),),
    tasks=(
        task("lesson", "lesson-{seed}"),
        task("exam", "exam-{seed}"),
        task("fixed", "fixed"),
        Task(name="corpus", title="", format="mlm", scorer="loss", columns={"id": "id", "text": "text"},
             train=rows("corpus-{seed}", "train")),
    ),
    seeds=SEEDS,
    search=Search(scope="cell", trials=2, batch=2, share=0.3),
    evaluate="test",
)  # fmt: skip


def write_draw(mirror: Path, name: str) -> None:
    """Write a data set whose example ids contain its name."""
    folder = mirror / "datasets" / "own" / name
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test"):
        lines = [
            {"id": f"{name} {split} {n}", "text": f"{name} {WORDS[n % 4]} {n}", "label": ("no", "yes")[n % 2]}
            for n in range(12)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with the draws 0 to 2 of each data set."""
    for seed in (0, *SEEDS):
        for name in ("lesson", "exam", "corpus"):
            write_draw(tmp_path / "mirror", f"{name}-{seed}")
    write_draw(tmp_path / "mirror", "fixed")
    return tmp_path / "mirror"


@pytest.fixture
def encoder(mirror: Path) -> None:
    """A tiny encoder in the mirror."""
    from tests.tokenizers_tiny import save_tiny_encoder

    save_tiny_encoder(mirror / "models" / "own" / "encoder")


Resolve = Callable[..., Resolver]


@pytest.fixture
def resolve(mirror: Path, tmp_path: Path) -> Resolve:
    """Makes a resolver of the space, with changes, on the mirror."""
    sources = Sources(mirror=mirror, cache=tmp_path / "cache")
    return lambda **changes: Resolver(space=replace(SPACE, **changes), sources=sources)


def data_sets_of(spec: TrialSpec) -> set[str]:
    """The data sets that the task entries of a trial name."""
    splits = (split for entry in spec.tasks for split in (entry.train, entry.dev, entry.test))
    return {rows.id for split in splits for rows_list in split.values() for rows in rows_list}


def draws_of(names: Iterable[str]) -> set[str]:
    return {name.split()[0].rsplit("-", 1)[-1] for name in names}


def read_by(spec: TrialSpec, bench: Workbench) -> set[str]:
    """Ids of all examples that a trial reads for training, selection and scoring, in every stage."""
    stages = [data for stage in spec.chain for data in stage.all_data]
    reader = bench.reader(spec)
    data_specs = (*stages, *spec.select, *(score.data for score in spec.scores))
    return {
        example.id for data in data_specs for encoded in reader.encoded(data).values() for example in encoded.examples
    }


def run_agenda(agenda: Agenda, bench: Workbench) -> list[TrainingRecord]:
    """Run every trial of an agenda in this process."""
    records = []
    while (spec := agenda.next()) is not None:
        result = run_trial(spec, bench)
        agenda.complete(spec.name, result)
        records.append(result.training)
    return records


@pytest.mark.usefixtures("encoder")
def test_every_trial_of_a_sweep_reads_the_draw_of_its_seed_and_no_other(mirror: Path, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    site = Site(ledger=f"{run}/ledger", store=run, checkpoints=f"{run}/checkpoints", cache=f"{run}/cache",
                mirror=str(mirror))  # fmt: skip
    bench = Workbench(site)
    resolver = Resolver(space=SPACE, sources=bench.sources)
    check_data(resolver)
    agenda = make_agenda(resolver, bench.ledger.contents())
    check_pending(agenda, site, Console(file=StringIO()))
    records = run_agenda(agenda, bench)
    assert {record.state for record in records} == {"done"}
    assert {record.spec.seed for record in records} == {0, *SEEDS}
    for record in records:
        assert {stage.seed for stage in record.spec.chain} == {record.spec.seed}
        assert draws_of(read_by(record.spec, bench)) == {str(record.spec.seed)}
    for score in bench.ledger.scores().values():
        assert draws_of(bench.ledger.outcomes(score)["example"]) == {str(score.seed)}


def specs_of(resolver: Resolver) -> Specs:
    return Specs(plan=make_plan(resolver.space), resolver=resolver)


def trained(resolver: Resolver, seed: int, unit: str = "small/taught") -> TrialSpec:
    specs = specs_of(resolver)
    return specs.replicate(specs.plan.unit(unit), seed, None, ())


@pytest.fixture
def without_encoder(resolve: Resolve) -> Resolve:
    """Makes resolvers that need no encoder: its identity is a fixed text."""

    def make(**changes: object) -> Resolver:
        resolver = resolve(**changes)
        resolver.memo["model", "small"] = "weights"
        return resolver

    return make


def test_two_seeds_read_data_with_different_identities(without_encoder: Resolve) -> None:
    first, second = (trained(without_encoder(), seed) for seed in SEEDS)
    assert first.chain[0].data[0].identity != second.chain[0].data[0].identity
    assert first.select[0].identity != second.select[0].identity
    assert data_sets_of(first) == {"own/lesson-1", "own/corpus-1"}


def test_data_without_a_placeholder_are_the_same_for_every_seed_and_looked_up_once(without_encoder: Resolve) -> None:
    stage = Stage(tasks=("fixed",), training=TRAINING)
    resolver = without_encoder(recipes=(*SPACE.recipes[:1], Recipe(name="taught", stages=(stage,))))
    first = trained(resolver, 1)
    lookups = dict(resolver.memo)
    second = trained(resolver, 2)
    assert (first.chain[0].data, first.select, first.tasks) == (second.chain[0].data, second.select, second.tasks)
    assert resolver.memo == lookups


def test_a_plan_without_sources_names_the_data_of_the_draw() -> None:
    assert data_sets_of(trained(Resolver(space=SPACE, sources=None), 2)) == {"own/lesson-2", "own/corpus-2"}


@pytest.mark.parametrize("gone", ["lesson-1", "lesson-0", "corpus-2", "exam-2", "exam-0"])
def test_a_missing_draw_is_reported_before_anything_runs(resolve: Resolve, mirror: Path, gone: str) -> None:
    (mirror / "datasets" / "own" / gone).rename(mirror / "elsewhere")
    with pytest.raises(DataError, match=rf"Data set own/{gone} .*is missing"):
        check_data(resolve())


def test_draw_0_of_a_recipe_is_not_required_without_a_search_on_it(resolve: Resolve, mirror: Path) -> None:
    (mirror / "datasets" / "own" / "lesson-0").rename(mirror / "elsewhere")
    check_data(resolve(search=replace(SPACE.search, scope="target")))


def test_a_language_that_only_some_draws_have_is_reported_as_missing(resolve: Resolve, mirror: Path) -> None:
    exam = task("exam", "exam-{seed}")
    both = replace(exam, test={**exam.test, **rows("german-{seed}", "test", "de")})
    write_draw(mirror, "german-1")
    resolver = resolve(tasks=(*(entry for entry in SPACE.tasks if entry.name != "exam"), both))
    with pytest.raises(DataError, match=r"Task 'exam', test, de: Data set own/german-2 .*is missing"):
        check_data(resolver)
    assert resolver.languages(SPACE.targets[0]) == ("en",)


def test_a_language_that_no_draw_has_is_left_out(resolve: Resolve) -> None:
    exam = task("exam", "exam-{seed}")
    both = replace(exam, test={**exam.test, **rows("german-{seed}", "test", "de")})
    resolver = resolve(tasks=(*(entry for entry in SPACE.tasks if entry.name != "exam"), both))
    check_data(resolver)
    assert resolver.languages(SPACE.targets[0]) == ("en",)


def test_only_the_placeholder_is_replaced_by_the_seed() -> None:
    drawn = Rows(id="a/{seed}{}", config="{lang}-{seed}", split="train_{seed}", revision="{seed}").drawn(7)
    assert drawn == Rows(id="a/7{}", config="{lang}-7", split="train_7", revision="{seed}")


@pytest.mark.parametrize("field", [{"id": "a/b{seed}"}, {"config": "draw{seed}"}, {"split": "test_{seed}"}])
def test_a_target_that_trains_nothing_cannot_have_a_draw_for_each_seed(field: dict[str, str]) -> None:
    rows = replace(Rows(id="a/b", config="draw0", split="test"), **field)
    entry = Task(name="pairs", title="", format="retrieve", scorer="neighbours", test={"de": (rows,)})
    with pytest.raises(UserError, match=r"'pairs' trains nothing.* must not contain \{seed\}\. Name one draw"):
        replace(SPACE, tasks=(*SPACE.tasks, entry), targets=(*SPACE.targets, Target(task="pairs")))


def site_of(space: Space, folder: Path) -> Site:
    """The site of a run whose world exists already, as an empty folder, so that no time is spent on writing it."""
    world_folder(space.world, folder / "cache" / "worlds").mkdir(parents=True)
    return make_site(space, Options(run=str(folder), cache=str(folder / "cache")))


def test_a_space_without_drawn_data_needs_no_draws_of_its_world(tmp_path: Path) -> None:
    assert (DEMO_ENCODER.world, DEMO_ENCODER.seeds) == ("demo:draws=1", (1,))
    assert site_of(DEMO_ENCODER, tmp_path).world == "demo:draws=1"


def test_a_space_needs_a_draw_of_its_world_for_each_seed(tmp_path: Path) -> None:
    assert MATRIX.seeds == (1, 2)
    assert site_of(replace(MATRIX, world="demo:draws=3"), tmp_path).world == "demo:draws=3"
    with pytest.raises(UserError, match="the seeds need draw 2"):
        site_of(replace(MATRIX, world="demo:draws=2"), tmp_path)


def test_a_world_that_lacks_a_draw_or_an_encoder_is_refused_before_it_is_written(tmp_path: Path) -> None:
    options = Options(run=str(tmp_path / "run"), cache=str(tmp_path))
    for world in ("demo:draws=2", "demo:language_seed=3"):
        with pytest.raises(UserError, match=world):
            make_site(replace(MATRIX, world=world), options)
    assert list(tmp_path.iterdir()) == []
