"""Exported encoders: the stages that made them, and the model card."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from huggingface_hub import ModelCard

from analysis.export.card import _task_text, write_card
from analysis.export.choice import ExportOptions, choose_export
from analysis.export.folder import export_encoder
from analysis.export.metadata import licence_fields
from analysis.results.best import best_per_target
from analysis.results.load import load
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.serialize import write_json
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.records.spec import DataSpec, LabelNoiseSpec, PerturbationSpec, TranslationSpec, TrialSpec, score_key
from sweeper.run.encoders import EncoderStore
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import LogUniform, Model, Recipe, Space, Stage, Target
from tests.tuning.imaginary import FakeLedger, agenda_of, drain

BEFORE = (Stage(tasks=("claims",)),)
SPACE = replace(
    TINY,
    recipes=(Recipe(name="baseline"), Recipe(name="parts", stages=(Stage(tasks=("parts",)),))),
    targets=(
        Target(task="names", before=BEFORE, dials={"learning_rate": LogUniform(low=1e-4, high=1e-2)}),
        Target(task="twins", before=BEFORE, layer=0.25),
        Target(task="mining"),
    ),
    seeds=(1, 2),
)
FURTHER = "## Further stages before scoring"


def tasks_of(spec: TrialSpec) -> list[str]:
    return [data.task for stage in spec.chain for data in stage.data]


def complete_run(folder: Path, *, best: str, luckiest: str = "baseline", space: Space = SPACE) -> str:
    """A run folder with all cells and encoders. `best` has the highest selection value, `luckiest` the highest score.

    Seed 2 has higher selection values and higher scores than seed 1.
    """
    run = Run.at(str(folder))
    run.keep_space(space)
    run.keep_site(run.make_site())
    ledger = run.ledger

    def end(spec: TrialSpec) -> TrainingRecord:
        value = (0.9 if spec.recipe == best else 0.5) + 0.01 * spec.seed
        return TrainingRecord(key=spec.key, spec=spec, state="done", value=value)

    fake = FakeLedger()
    specs = drain(agenda_of(space), fake, end)
    for record in fake.trainings.values():
        ledger.write_training(record)
    for spec in specs:
        keep_scores(ledger, spec, (0.7 if spec.recipe == luckiest else 0.5) + 0.1 * spec.seed)
        if spec.kind == "prepare":
            keep_encoder(run.store, spec, folder / "draft")
    return run.url


def keep_scores(ledger: Ledger, spec: TrialSpec, value: float) -> None:
    for score in spec.scores:
        key = score_key(spec.key, score)
        record = ScoreRecord(
            key=key, training=spec.key, model="tiny", recipe=spec.recipe, target=score.target, seed=spec.seed,
            split=score.split, pooling=score.pooling, layer=score.layer, similarity=score.similarity,
            metrics={"xa": {"accuracy": value}}, trivial={}, counts={}, main="accuracy", outcomes=f"outcomes/{key}",
        )  # fmt: skip
        ledger.write_score(record, pd.DataFrame({"language": ["xa"]}))


def keep_encoder(store: EncoderStore, spec: TrialSpec, draft: Path) -> None:
    """Store an encoder whose configuration is the list of tasks it was trained on."""
    draft.mkdir(exist_ok=True)
    (draft / "config.json").write_text(json.dumps(tasks_of(spec)))
    store.keep(spec.encoder, draft)


def export_best(run: str, target: str, folder: Path, **options: Any) -> Path:
    return export_encoder(run, folder, ExportOptions(target=target, **options))


def exported(run: str, target: str, folder: Path) -> tuple[list[str], str]:
    """The tasks that the exported encoder was trained on, and its card."""
    export_best(run, target, folder)
    return json.loads((folder / "config.json").read_text()), (folder / "README.md").read_text()


def test_for_a_target_that_trains_nothing_the_encoder_that_was_scored_is_exported(tmp_path: Path) -> None:
    tasks, card = exported(complete_run(tmp_path / "run", best="parts"), "twins", tmp_path / "out")
    assert tasks == ["parts", "claims"]
    assert "1. parts, seed 1\n" in card
    assert "2. claims, seed 1 (a stage of the target `twins`, not of the recipe)\n" in card
    assert "The scores are those of this encoder without further training: mean pooling at 0.25 of its depth." in card
    assert "accuracy × 100 on twins (test split), mean over 1 language." in card
    assert "| this encoder (seed 1) | 60.0 |" in card
    assert "| all 2 seeds of the recipe, mean | 65.0 (standard deviation 7.1) |" in card
    assert "| baseline (no intermediate training), mean over seeds | 85.0 |" in card
    assert "Reason for the recipe: best English selection value, 91.50, mean of names. The seed is" in card
    assert "Does a claim about one word of the premise hold?: generated" in card


def test_for_a_target_that_trains_the_encoder_of_the_recipe_is_exported_and_later_stages_are_listed(
    tmp_path: Path,
) -> None:
    tasks, card = exported(complete_run(tmp_path / "run", best="parts"), "names", tmp_path / "out")
    assert tasks == ["parts"]
    encoder, further = card.split(FURTHER)
    assert "1. parts, seed 1\n" in encoder
    assert "claims" not in encoder
    assert "The scores were measured after the further stages listed at the end, which are not part of" in encoder
    assert "1. claims, seed 1\n" in further
    assert "2. names, seed 1\n" in further
    assert '"learning_rate": 0.0' in further.split("2. names")[1], "the dial that the study chose"
    assert "Does a claim" not in further, "licences are those of the data that the encoder was trained on"


def test_for_a_target_without_stages_the_encoder_of_the_recipe_is_exported_as_it_was_scored(tmp_path: Path) -> None:
    tasks, card = exported(complete_run(tmp_path / "run", best="parts"), "mining", tmp_path / "out")
    assert tasks == ["parts"]
    assert "not of the recipe" not in card
    assert FURTHER not in card


def test_the_choice_is_that_of_the_best_recipes_and_exchanged_scores_do_not_change_it(tmp_path: Path) -> None:
    for target in ("names", "twins", "mining"):
        exports = []
        for luckiest in ("baseline", "parts"):
            run = complete_run(tmp_path / target / luckiest, best="parts", luckiest=luckiest)
            assert best_per_target(load(run), "tiny")[target].recipe == "parts"
            tasks, card = exported(run, target, tmp_path / target / f"out of {luckiest}")
            exports.append((tasks, [line for line in card.splitlines() if not re.match(r"\| | *value: ", line)]))
        assert exports[0] == exports[1]


def test_an_encoder_of_a_seed_that_left_the_space_is_not_exported(tmp_path: Path) -> None:
    url = complete_run(tmp_path / "run", best="parts")
    run = Run.at(url)
    # The ledger has scores of seeds and recipes that the matrix does not show.
    run.folder.write("space.json", write_json(replace(SPACE, seeds=(2,))))
    _, card = exported(url, "names", tmp_path / "out")
    assert "1. parts, seed 2\n" in card
    run.folder.write("space.json", write_json(replace(SPACE, recipes=SPACE.recipes[:1])))
    with pytest.raises(UserError, match="No recipe is better than the baseline on 'names'"):
        export_best(url, "names", tmp_path / "other")


def test_a_named_recipe_is_exported_instead_of_the_best_one(tmp_path: Path) -> None:
    url = complete_run(tmp_path / "run", best="baseline")
    export_best(url, "names", tmp_path / "out", recipe="parts")
    assert "Reason for the recipe: named by the user." in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(UserError, match=r"No recipe is called 'part'\. Did you mean 'parts'"):
        export_best(url, "names", tmp_path / "other", recipe="part")
    with pytest.raises(UserError, match="The encoder of 'baseline' is the pretrained one, demo/tiny: nothing to"):
        export_best(url, "names", tmp_path / "other", recipe="baseline")


def test_a_run_of_retrieval_alone_has_no_selection_values_and_needs_a_named_recipe(tmp_path: Path) -> None:
    url = complete_run(tmp_path / "run", best="parts", space=replace(SPACE, targets=SPACE.targets[2:]))
    with pytest.raises(UserError, match="'mining' trains nothing, and no other target in this run does"):
        export_best(url, "mining", tmp_path / "out")
    export_best(url, "mining", tmp_path / "out", recipe="parts")
    assert (tmp_path / "out" / "config.json").is_file()


def test_a_run_with_several_models_needs_a_named_model(tmp_path: Path) -> None:
    other = replace(TINY.models[0], name="other")
    url = complete_run(tmp_path / "run", best="parts", space=replace(SPACE, models=(*TINY.models, other)))
    with pytest.raises(UserError, match=r"The run has several models\. Choose one with --model: tiny, other"):
        export_best(url, "names", tmp_path / "out")
    export_best(url, "names", tmp_path / "out", model="tiny")
    assert "# tiny prepared by `parts`, for names" in (tmp_path / "out" / "README.md").read_text()


def test_if_the_baseline_is_best_the_message_names_the_encoder_that_was_scored(tmp_path: Path) -> None:
    run = complete_run(tmp_path / "run", best="baseline", luckiest="parts")
    with pytest.raises(UserError, match="on 'twins': the pretrained encoder with the target's own stages has the"):
        export_best(run, "twins", tmp_path / "out")
    with pytest.raises(UserError, match="on 'mining': the pretrained encoder has the highest selection value"):
        export_best(run, "mining", tmp_path / "out")


def test_an_export_does_not_replace_a_file(tmp_path: Path) -> None:
    run = complete_run(tmp_path / "run", best="parts")
    (tmp_path / "out").write_text("notes")
    with pytest.raises(UserError, match=r"out is not empty: name a new folder\."):
        export_best(run, "twins", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "notes"


def test_an_export_loads_no_training_or_plotting_library() -> None:
    heavy = ("torch", "transformers", "datasets", "ray", "matplotlib", "scipy")
    code = f"import sys, analysis.export.folder; print([name for name in {heavy} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_the_card_of_an_encoder_from_a_folder_has_no_path_and_names_a_missing_licence(tmp_path: Path) -> None:
    tasks = tuple(replace(task, licence="") for task in SPACE.tasks)
    space = replace(SPACE, models=(Model(name="tiny", id="/home/user/encoder"),), tasks=tasks, world="")
    run = complete_run(tmp_path / "run", best="parts", space=space)
    card = (export_best(run, "names", tmp_path / "out") / "README.md").read_text()
    assert "the encoder `encoder`" in card
    assert "/home/user" not in card
    assert "base_model" not in card
    assert ": not stated" in card


def test_a_task_in_a_card_has_the_shares_of_its_changed_examples() -> None:
    plain = DataSpec(task="mnli", part="train", languages=("en",), max_length=128, stride=64)
    changed = replace(
        plain,
        translation=TranslationSpec(languages=("de", "sw"), share=0.5, num_beams=4, by="folder:/home/me/translations"),
        label_noise=LabelNoiseSpec(probability=0.15, seed=1),
        perturbation=PerturbationSpec(name="keyboard", budget=0.2, share=0.3),
    )
    assert _task_text(plain) == "mnli"
    assert _task_text(changed) == (
        "mnli (50% machine-translated into de, sw by translations; wrong labels with a probability of 0.15; 30% "
        "perturbed by keyboard)"
    )


def test_the_card_of_an_encoder_from_the_hub_names_it(tmp_path: Path) -> None:
    card = (
        export_best(complete_run(tmp_path / "run", best="parts"), "names", tmp_path / "out") / "README.md"
    ).read_text()
    assert ModelCard(card).data.base_model == "demo/tiny"


def card_of(folder: Path) -> ModelCard:
    return ModelCard((folder / "README.md").read_text(encoding="utf-8"))


def test_without_a_target_the_encoder_of_a_recipe_is_exported_for_the_first_or_the_named_seed(tmp_path: Path) -> None:
    url = complete_run(tmp_path / "run", best="baseline")
    for seed, folder in ((None, "first"), (2, "second")):
        export_encoder(url, tmp_path / folder, ExportOptions(recipe="parts", seed=seed))
        assert json.loads((tmp_path / folder / "config.json").read_text()) == ["parts"]
        text = card_of(tmp_path / folder).text
        assert f"1. parts, seed {seed or 1}\n" in text
        assert FURTHER not in text
        assert f"| names | accuracy × 100 | {50 + 10 * (seed or 1)}.0 | {70 + 10 * (seed or 1)}.0 |" in text
    with pytest.raises(UserError, match=r"no replicate seed 3\. Its seeds: 1, 2\."):
        export_encoder(url, tmp_path / "out", ExportOptions(recipe="parts", seed=3))
    with pytest.raises(UserError, match=r"Name what to export: --recipe RECIPE, or --target TARGET"):
        export_encoder(url, tmp_path / "out", ExportOptions())
    with pytest.raises(UserError, match=r"--with-head needs --target TARGET"):
        choose_export(load(url), ExportOptions(recipe="parts", with_head=True))
    with pytest.raises(UserError, match=r"'twins' scores the encoder itself and trains no head"):
        choose_export(load(url), ExportOptions(recipe="parts", target="twins", with_head=True))


def test_a_target_with_its_head_has_all_stages_and_may_belong_to_the_baseline(tmp_path: Path) -> None:
    data = load(complete_run(tmp_path / "run", best="baseline"))
    chosen = choose_export(data, ExportOptions(target="names", with_head=True))
    assert (chosen.recipe, [stage.data[0].task for stage in chosen.encoder]) == ("baseline", ["claims", "names"])
    write_card(data, chosen, tmp_path)
    card = card_of(tmp_path)
    assert card.data.pipeline_tag == "token-classification"
    assert '"token-classification", model="FOLDER"' in card.text
    assert "The scores are those of this model." in card.text
    assert [(result.dataset_args, result.metric_value) for result in card.data.eval_results or []] == [
        ({"language": "xa"}, pytest.approx(0.8))
    ]


def test_the_metadata_of_a_card_name_languages_licence_data_sets_and_results_of_each_language(tmp_path: Path) -> None:
    tasks = tuple(replace(task, licence="CC BY-SA 4.0") for task in SPACE.tasks)
    space = replace(SPACE, tasks=tasks, world="", models=(Model(name="tiny", id="org/encoder"),))
    export_best(complete_run(tmp_path / "run", best="parts", space=space), "twins", tmp_path / "out")
    card = card_of(tmp_path / "out").data
    assert (card.license, card.library_name, card.pipeline_tag) == (
        "cc-by-sa-4.0",
        "transformers",
        "feature-extraction",
    )
    assert card.base_model == "org/encoder"
    assert card.datasets == ["demo/parts", "demo/claims"]
    assert card.language == ["en", "xa"]
    [result] = card.eval_results or []
    assert (result.dataset_type, result.dataset_split, result.metric_type) == ("twins", "test_xa", "accuracy")
    assert result.metric_value == pytest.approx(0.6)
    assert card.metrics == ["accuracy"]
    assert not (tmp_path / "out" / "LICENSE.md").exists()


def test_data_with_several_or_unknown_licences_give_the_licence_other_and_a_list(tmp_path: Path) -> None:
    assert licence_fields(["MIT", "MIT according to its card"]) == {"license": "mit"}
    assert licence_fields(["CC BY-NC 4.0 (non-commercial)"]) == {"license": "cc-by-nc-4.0"}
    for licences in (["MIT", "CC BY 4.0"], ["MIT", ""], ["Apache-2.0; text from Wikipedia, CC BY-SA"]):
        assert licence_fields(licences)["license"] == "other"
    export_best(complete_run(tmp_path / "run", best="parts"), "names", tmp_path / "out")
    assert card_of(tmp_path / "out").data.license_link == "LICENSE.md"
    assert "generated, free of any claim" in (tmp_path / "out" / "LICENSE.md").read_text()
