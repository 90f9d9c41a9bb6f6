"""The changes of a space that its run folder accepts or refuses."""

from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.run.run import SPACE_FILE, Run
from sweeper.space import Search, Space, Stage, Target
from sweeper.tuning.options import KeptOptions, Workers
from tests.spaces import MATRIX

GROWN = {
    "unchanged": TINY,
    "seeds": replace(TINY, seeds=(1, 2, 7)),
    "trials": replace(TINY, search=replace(TINY.search, trials=9)),
    "recipes": replace(TINY, recipes=(*MATRIX.recipes[:5], *TINY.recipes[1:])),
    "targets": replace(TINY, targets=(*MATRIX.targets[:3], *TINY.targets)),
    "models": replace(TINY, models=(*TINY.models, replace(TINY.models[0], name="other"))),
    "tasks": replace(TINY, tasks=(*TINY.tasks, replace(TINY.tasks[0], name="another"))),
    "title": replace(TINY, title="Another title"),
}


@pytest.mark.parametrize("grown", GROWN.values(), ids=GROWN)
def test_a_run_folder_accepts_a_space_that_only_grew(grown: Space, tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    # Any finished training makes the run folder check the changes.
    run.write("ledger/trainings/key.json", b"a record")
    Run(run).keep_space(grown)
    assert Run(run).space == grown


def with_training(**values: object) -> Space:
    changed = tuple(replace(t, training=replace(t.training, **values)) for t in TINY.targets)  # type: ignore[arg-type]
    return replace(TINY, targets=changed)


CHANGED = {
    "fewer seeds": (replace(TINY, seeds=(1,)), "seeds: [1, 2] -> [1]"),
    "fewer trials": (replace(TINY, search=replace(TINY.search, trials=1)), "search.trials: 2 -> 1"),
    "fewer recipes": (replace(TINY, recipes=TINY.recipes[:1]), "recipes.parts: "),
    "fewer targets": (replace(TINY, targets=TINY.targets[:1]), "targets.few_questions: "),
    "batch": (replace(TINY, search=replace(TINY.search, batch=1)), "search.batch: 2 -> 1"),
    "evaluate": (replace(TINY, evaluate="dev"), "evaluate: 'test' -> 'dev'"),
    "name": (replace(TINY, name="other"), "name: 'tiny' -> 'other'"),
    "sample_seed": (replace(TINY, sample_seed=1), "sample_seed: 0 -> 1"),
    "batch_size": (with_training(batch_size=3), "targets.names.training.batch_size: 16 -> 3"),
    "eval_cap": (replace(TINY, eval_cap=5), "eval_cap: None -> 5"),
    "frozen_layers": (with_training(frozen_layers=1), "targets.few_questions.training.frozen_layers: 0 -> 1"),
    "cap_examples": (with_training(cap_examples=5), "targets.names.training.cap_examples: 64 -> 5"),
    "languages": (
        replace(TINY, targets=tuple(replace(target, languages=("en",)) for target in TINY.targets)),
        "targets.names.languages: ['en', 'xa', 'xf'] -> ['en']",
    ),
    "a stage": (
        replace(TINY, recipes=(TINY.recipes[0], replace(TINY.recipes[1], stages=TINY.recipes[1].stages * 2))),
        "recipes.parts.stages",
    ),
    "a task": (
        replace(TINY, tasks=tuple(replace(task, labels=("a", "b")) for task in TINY.tasks)),
        "tasks.claims_plus.labels",
    ),
    # Both decide how many examples a task leaves out because a task that it contains selects on them.
    "contains": (
        replace(TINY, tasks=tuple(replace(task, contains=("mnli",)) for task in TINY.tasks)),
        "tasks.claims_plus.contains",
    ),
    "train_size": (
        replace(TINY, tasks=tuple(replace(task, train_size=1) for task in TINY.tasks)),
        "tasks.claims_plus.train_size",
    ),
}


@pytest.mark.parametrize(("changed", "message"), CHANGED.values(), ids=CHANGED)
def test_a_run_folder_refuses_any_other_change_and_shows_the_difference(
    changed: Space, message: str, tmp_path: Path
) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/key.json", b"a record")
    with pytest.raises(UserError) as caught:
        Run(run).keep_space(changed)
    assert message in str(caught.value)
    assert "Use another --out" in str(caught.value)
    assert Run(run).space == TINY


def test_the_trials_of_a_search_with_a_prior_cannot_grow(tmp_path: Path) -> None:
    started = replace(TINY, search=Search(trials=4, prior="baseline"))
    Run.at(str(tmp_path)).keep_space(started)
    Folder(str(tmp_path)).write("ledger/trainings/key.json", b"a record")
    for trials in (3, 5):
        message = (
            rf"has search\.prior = 'baseline' and 4 trials per study, got {trials}\. Another number of trials would"
        )
        with pytest.raises(UserError, match=message):
            Run.at(str(tmp_path)).keep_space(replace(started, search=replace(started.search, trials=trials)))


WITHOUT_STUDIES = {
    "only the baseline": replace(TINY, recipes=TINY.recipes[:1]),
    "no dials of targets": replace(TINY, targets=tuple(replace(target, dials={}) for target in TINY.targets)),
}


@pytest.mark.parametrize("space", WITHOUT_STUDIES.values(), ids=WITHOUT_STUDIES)
def test_the_trials_may_grow_if_no_study_starts_from_a_prior(space: Space, tmp_path: Path) -> None:
    started = replace(space, search=Search(trials=4, prior="baseline"))
    Run.at(str(tmp_path)).keep_space(started)
    Folder(str(tmp_path)).write("ledger/trainings/key.json", b"a record")
    grown = replace(started, search=replace(started.search, trials=5))
    Run.at(str(tmp_path)).keep_space(grown)
    assert Run.at(str(tmp_path)).space == grown


def test_a_run_that_began_with_the_earlier_default_sampler_keeps_it(tmp_path: Path) -> None:
    run, automatic = Run.at(str(tmp_path)), replace(TINY, search=replace(TINY.search, sampler="auto"))
    earlier = replace(TINY, search=replace(TINY.search, sampler="tpe"))
    run.keep_space(earlier)
    assert run.continued(automatic) == automatic, "nothing has been trained yet"
    Folder(str(tmp_path)).write("ledger/trainings/key.json", b"a record")
    assert run.continued(automatic) == earlier
    run.check_space(automatic)
    other = replace(TINY, search=replace(TINY.search, sampler="random"))
    assert run.continued(other) == other


def test_a_target_may_get_more_evaluation_languages(tmp_path: Path) -> None:
    english = replace(TINY, targets=tuple(replace(target, languages=("en",)) for target in TINY.targets))
    wider = replace(TINY, targets=tuple(replace(target, languages=("en", "xa")) for target in TINY.targets))
    Run.at(str(tmp_path)).keep_space(english)
    Folder(str(tmp_path)).write("ledger/trainings/key.json", b"a record")
    Run.at(str(tmp_path)).keep_space(wider)
    with pytest.raises(UserError, match="languages"):
        Run.at(str(tmp_path)).keep_space(english)


def test_a_target_may_get_more_layers_but_no_other_main_layer(tmp_path: Path) -> None:
    few, more, other = (
        replace(TINY, targets=(Target(task="twins", layer=layer, also_layers=layers),))
        for layer, layers in ((0.5, (0.0,)), (0.5, (0.0, 1.0)), (1.0, (0.0, 1.0)))
    )
    run = Folder(str(tmp_path))
    Run(run).keep_space(few)
    run.write("ledger/trainings/key.json", b"a record")
    Run(run).keep_space(more)
    for refused in (few, other):
        with pytest.raises(UserError, match="layer"):
            Run(run).keep_space(refused)


def test_a_stage_may_not_change_its_training_languages(tmp_path: Path) -> None:
    multilingual = replace(TINY.task("words"), name="multilingual", train=TINY.task("words").test)
    stage = Stage(tasks=("multilingual",), languages=("en",))
    wider = replace(stage, languages=("en", "xa"))
    with_task = replace(TINY, tasks=(*TINY.tasks, multilingual))
    old, new = (
        replace(with_task, recipes=(with_task.recipes[0], replace(with_task.recipes[1], stages=(s,))))
        for s in (stage, wider)
    )
    Run.at(str(tmp_path)).keep_space(old)
    Folder(str(tmp_path)).write("ledger/trainings/key.json", b"a record")
    with pytest.raises(UserError, match="languages"):
        Run.at(str(tmp_path)).keep_space(new)


def test_a_folder_without_a_space_is_not_a_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run folder: it has no space\.json"):
        _ = Run.at(str(tmp_path)).space


def test_the_error_for_a_damaged_space_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / SPACE_FILE).write_text('{"name": "tiny"')
    with pytest.raises(UserError, match=r"space\.json is not JSON.*Run the sweep again with its space and --out"):
        _ = Run.at(str(tmp_path)).space


@pytest.mark.parametrize("name", [SPACE_FILE, "site.json", "options.json"])
def test_a_flipped_bit_in_a_file_of_the_run_folder_is_noticed(tmp_path: Path, name: str) -> None:
    run = Run.at(str(tmp_path))
    run.keep_space(TINY)
    run.keep_site(run.make_site(), KeptOptions(workers=Workers(num=2)))
    content = (tmp_path / name).read_bytes()
    for place in range(len(content) // 10, len(content), len(content) // 5):
        (tmp_path / name).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(UserError, match=rf"{name}.*Run the sweep again with its space and --out"):
            _ = run.space, run.site, run.options(KeptOptions)


def test_a_damaged_space_is_renamed_and_written_again(tmp_path: Path) -> None:
    run = Run.at(str(tmp_path))
    run.keep_space(TINY)
    Folder(str(tmp_path)).write("ledger/trainings/key.json", b"a record")
    content = (tmp_path / SPACE_FILE).read_bytes()
    (tmp_path / SPACE_FILE).write_bytes(content.replace(b"tiny", b"tinx", 1))
    run.check_space(TINY)
    message = run.keep_space(TINY)
    assert f"{SPACE_FILE} is damaged: its content differs from its digest. It was renamed to " in message
    assert run.space == TINY
    assert run.keep_space(TINY) == ""


def test_a_space_may_change_in_any_way_before_anything_is_trained(tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    changed = replace(TINY, tasks=tuple(replace(task, labels=("a", "b")) for task in TINY.tasks))
    Run(run).keep_space(changed)
    assert Run(run).space == changed


def test_descriptive_fields_of_a_task_may_change(tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/key.json", b"a record")
    fields: dict[str, object] = {"title": "Another title", "note": "new", "licence": "another", "departs": "new"}
    fields |= {"num_choices": 2, "parallel": True}
    changed = replace(TINY, tasks=tuple(replace(task, **fields) for task in TINY.tasks))  # type: ignore[arg-type]
    Run(run).keep_space(changed)
    assert Run(run).space == changed


def test_a_recipe_with_a_dot_in_its_name_may_be_added(tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/key.json", b"a record")
    other = replace(TINY.recipes[1], name="squad 1.1", stages=(Stage(tasks=("words",)),))
    Run(run).keep_space(replace(TINY, recipes=(*TINY.recipes, other)))


def test_a_stage_before_a_target_may_not_change_its_languages(tmp_path: Path) -> None:
    def space(*languages: str) -> Space:
        before = (Stage(tasks=("xnli",), languages=languages),)
        return replace(TINY, targets=(replace(TINY.targets[0], before=before),))

    run = Folder(str(tmp_path))
    Run(run).keep_space(space("en"))
    run.write("ledger/trainings/key.json", b"a record")
    with pytest.raises(UserError, match=r"before\.0\.languages"):
        Run(run).keep_space(space("en", "de"))
