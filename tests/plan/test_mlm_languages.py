"""Masked language modelling where no languages are named: those that the source holds; plan and run name the others."""

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
from sweeper.tuning.sweep import check_pending, make_agenda
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
    place = folder / "local" / name
    place.mkdir(parents=True)
    (place / "train.jsonl").write_text(10 * (json.dumps({"text": name, "label": "no"}) + "\n"))


Hold = Callable[..., Resolver]


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    """A resolver of a space over a mirror with claims, and a corpus in some languages."""

    def make(*languages: str, space: Space = SPACE) -> Resolver:
        for name in ("claims-en", *(f"corpus-{language}" for language in languages)):
            write(tmp_path / "mirror" / "datasets", name)
        return Resolver(space=space, sources=Sources(mirror=tmp_path / "mirror", cache=tmp_path / "cache"))

    return make


def masked(resolver: Resolver, stage: Stage = STAGE) -> DataSpec | None:
    specs = Specs(plan=make_plan(resolver.space), resolver=resolver)
    return specs.stage(specs.plan.unit("small/mixed"), stage, TRAINING, 1).mlm


def test_a_stage_that_names_no_language_masks_those_that_the_source_holds(hold: Hold) -> None:
    resolver = hold("en", "de")
    check_data(resolver)
    found = masked(resolver)
    assert found is not None
    assert found.languages == ("de", "en")
    assert found == masked(resolver, replace(STAGE, mlm_languages=("de", "en")))


def test_where_every_language_is_there_the_data_are_those_of_a_stage_that_names_them_all(hold: Hold) -> None:
    resolver = hold(*LANGUAGES)
    found = masked(resolver)
    assert found is not None
    assert found == masked(resolver, replace(STAGE, mlm_languages=LANGUAGES))
    assert replace(found, identity="") == masked(Resolver(space=SPACE, sources=None))


def test_a_corpus_in_no_language_at_all_is_missing_before_anything_runs(hold: Hold) -> None:
    with pytest.raises(
        DataError, match=r"Task 'corpus', train, ar: (.|\n)*missing(.|\n)*Recipes that need them: mixed\."
    ):
        check_data(hold())


def test_a_plan_over_a_mirror_names_the_languages_that_are_not_masked(hold: Hold, tmp_path: Path) -> None:
    hold("en", "de")
    found = forecast(SPACE, mirror=str(tmp_path / "mirror"), run=str(tmp_path / "run"), pace=Pace())
    assert found.notes[-1] == "corpus: 2 of 4 languages are available; missing: ar, zh."


def test_a_run_over_a_mirror_names_them_too(hold: Hold, tmp_path: Path) -> None:
    resolver, told = hold("en", "de"), StringIO()
    save_tiny_encoder(tmp_path / "mirror" / "models" / "own" / "encoder")
    site = Site(
        ledger=str(tmp_path / "ledger"), store=str(tmp_path), checkpoints=str(tmp_path), cache=str(tmp_path / "cache"),
        mirror=str(tmp_path / "mirror"),
    )  # fmt: skip
    check_pending(make_agenda(resolver, Ledger.at(site.ledger)), site, Console(file=told, width=1000))
    assert told.getvalue().splitlines()[0] == "corpus: 2 of 4 languages are available; missing: ar, zh."


def test_a_plan_without_a_mirror_names_what_lacks_in_a_folder_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "claims-en")
    missing = forecast(SPACE, mirror=None, run=str(tmp_path / "run"), pace=Pace()).notes[-1]
    assert f"tried {tmp_path}/local/corpus-ar" in missing
    write(tmp_path, "corpus-en")
    found = forecast(SPACE, mirror=None, run=str(tmp_path / "run"), pace=Pace())
    assert found.notes[-1] == "corpus: 1 of 4 languages are available; missing: ar, de, zh."
