"""Stages without MLM languages use those that the source has; a plan and a run list the missing ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.data.source import Sources
from sweeper.errors import DataError
from sweeper.plan.forecast import forecast
from sweeper.plan.pace import Pace
from sweeper.plan.resolve import Resolver, check_data
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.spec import DataSpec
from sweeper.run.ledger import Ledger
from sweeper.run.site import Site
from sweeper.space import Model, Recipe, Space, Stage, Target, Training
from sweeper.tasks.spec import Rows, Task
from sweeper.tuning.pending import check_pending
from sweeper.tuning.sweep import make_agenda
from tests.tokenizers_tiny import save_tiny_encoder

LANGUAGES = ("ar", "de", "en", "zh")
TRAINING = Training(epochs=1, batch_size=4, max_length=16)
STAGE = Stage(tasks=("claims",), training=TRAINING, mlm_share=0.3, mlm_task="corpus")


def rows(name: str, language: str) -> tuple[Rows, ...]:
    return (Rows(id=f"local/{name}-{language}", split="train"),)


SPACE = Space(
    name="masked",
    models=(Model(name="small", id="own/encoder"),),
    recipes=(Recipe(name="baseline"), Recipe(name="mixed", stages=(STAGE,))),
    targets=(Target(task="claims", training=TRAINING),),
    tasks=(
        Task(
            name="claims", title="", format="classify", scorer="accuracy", labels=("no", "yes"),
            columns={"text": "text", "label": "label"}, train={"en": rows("claims", "en")},
            dev={"en": rows("claims", "en")},
        ),
        Task(name="corpus", title="", format="mlm", scorer="loss", columns={"text": "text"},
             train={language: rows("corpus", language) for language in LANGUAGES}),
    ),
)  # fmt: skip


def write(folder: Path, name: str) -> None:
    data_set = folder / "local" / name
    data_set.mkdir(parents=True)
    (data_set / "train.jsonl").write_text(10 * (json.dumps({"text": name, "label": "no"}) + "\n"))


Resolve = Callable[..., Resolver]


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    """Makes a resolver on a mirror with claims, and with a corpus in the given languages."""

    def make(*languages: str, space: Space = SPACE) -> Resolver:
        for name in ("claims-en", *(f"corpus-{language}" for language in languages)):
            write(tmp_path / "mirror" / "datasets", name)
        return Resolver(space=space, sources=Sources(mirror=tmp_path / "mirror", cache=tmp_path / "cache"))

    return make


def masked(resolver: Resolver, stage: Stage = STAGE) -> DataSpec | None:
    specs = Specs(plan=make_plan(resolver.space), resolver=resolver)
    return specs.stage(specs.plan.unit("small/mixed"), stage, TRAINING, 1).mlm


def test_a_stage_without_mlm_languages_uses_those_that_the_source_has(resolve: Resolve) -> None:
    resolver = resolve("en", "de")
    check_data(resolver)
    corpus = masked(resolver)
    assert corpus is not None
    assert corpus.languages == ("de", "en")
    assert corpus == masked(resolver, replace(STAGE, mlm_languages=("de", "en")))


def test_a_complete_corpus_gives_the_data_of_a_stage_that_names_all_languages(resolve: Resolve) -> None:
    resolver = resolve(*LANGUAGES)
    corpus = masked(resolver)
    assert corpus is not None
    assert corpus == masked(resolver, replace(STAGE, mlm_languages=LANGUAGES))
    assert replace(corpus, identity="") == masked(Resolver(space=SPACE, sources=None))


def test_a_corpus_without_any_language_is_reported_before_anything_runs(resolve: Resolve) -> None:
    with pytest.raises(
        DataError, match=r"Task 'corpus', train, ar: (.|\n)*missing(.|\n)*Recipes that need them: mixed\."
    ):
        check_data(resolve())


def test_a_plan_with_a_mirror_lists_the_missing_languages_of_a_corpus(resolve: Resolve, tmp_path: Path) -> None:
    resolve("en", "de")
    plan = forecast(SPACE, mirror=str(tmp_path / "mirror"), run=str(tmp_path / "run"), pace=Pace())
    assert plan.notes[-1] == "corpus: 2 of 4 languages are available; missing: ar, zh."


def test_a_run_with_a_mirror_lists_the_missing_languages_of_a_corpus(resolve: Resolve, tmp_path: Path) -> None:
    resolver, output = resolve("en", "de"), StringIO()
    save_tiny_encoder(tmp_path / "mirror" / "models" / "own" / "encoder")
    site = Site(
        ledger=str(tmp_path / "ledger"), store=str(tmp_path), checkpoints=str(tmp_path), cache=str(tmp_path / "cache"),
        mirror=str(tmp_path / "mirror"),
    )  # fmt: skip
    check_pending(make_agenda(resolver, Ledger.at(site.ledger).contents()), site, Console(file=output, width=1000))
    assert output.getvalue().splitlines()[0] == "corpus: 2 of 4 languages are available; missing: ar, zh."


def test_a_plan_without_a_mirror_lists_the_missing_languages_of_a_local_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "claims-en")
    missing = forecast(SPACE, mirror=None, run=str(tmp_path / "run"), pace=Pace()).notes[-1]
    assert f"tried {tmp_path}/local/corpus-ar" in missing
    write(tmp_path, "corpus-en")
    plan = forecast(SPACE, mirror=None, run=str(tmp_path / "run"), pace=Pace())
    assert plan.notes[-1] == "corpus: 1 of 4 languages are available; missing: ar, de, zh."
