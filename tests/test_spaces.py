"""Spaces by name or file, what `--set` changes, and what a run folder lets a space become."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.load import load_space, shipped
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.files.folder import Folder
from sweeper.formats.table import properties_of
from sweeper.run.run import SPACE_FILE, Run
from sweeper.space import Choice, LogUniform, Recipe, Search, Space, Stage, Target, Training, Translation
from sweeper.space.settings import SETTINGS, apply_settings
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task
from tests.spaces import MATRIX


@pytest.mark.parametrize("name", shipped())
def test_every_space_that_ships_has_its_modules_name_and_survives_a_run_folder(name: str, tmp_path: Path) -> None:
    space = load_space(name)
    assert space.name == name
    Run.at(str(tmp_path)).keep_space(space)
    assert Run.at(str(tmp_path)).space == space


def test_an_unknown_space_is_answered_with_the_nearest_one_and_the_list() -> None:
    with pytest.raises(UserError, match=r"No space is called 'demmo'\. Did you mean 'demo'\? Known: .*tiny.* my_space"):
        load_space("demmo")


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_file_of_the_users_own_is_a_space(tmp_path: Path) -> None:
    imports = "from dataclasses import replace\nfrom search_spaces.tiny import SPACE as TINY\n"
    text = f"{imports}SPACE = replace(TINY, name='own')"
    assert load_space(write(tmp_path / "own.py", text)) == replace(TINY, name="own")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SPACE = 3", "it defines a value of type int"),
        ("", "must define SPACE as a sweeper.space.Space; it defines nothing"),
        ("SPACE = (", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("SPACE = Space(name='x')", "NameError"),
        ("from sweeper.space import Space\nSPACE = Space(nam='x')", "TypeError"),
        (
            "from sweeper.space import LogUniform\nLogUniform(low=2, high=1)",
            "LogUniform needs 0 < low < high, got low=2",
        ),
        ("SPACE = {}['x']", "KeyError"),
        ("SPACE = int('x')", "ValueError"),
    ],
)
def test_a_file_that_makes_no_space_is_refused_in_one_message(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_space(write(tmp_path / "own.py", text))


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file .*own\.py"):
        load_space(str(tmp_path / "own.py"))


SET: dict[str, tuple[str, Callable[[Space], object], object]] = {
    "seeds": ("3", lambda s: s.seeds, (1, 2, 3)),
    "trials": ("7", lambda s: s.search.trials, 7),
    "batch": ("3", lambda s: s.search.batch, 3),
    "scope": ("cell", lambda s: s.search.scope, "cell"),
    "sampler": ("gp", lambda s: s.search.sampler, "gp"),
    "evaluate": ("dev", lambda s: s.evaluate, "dev"),
    "eval_cap": ("9", lambda s: s.eval_cap, 9),
    "sample_seed": ("4", lambda s: s.sample_seed, 4),
    "keep_targets": ("yes", lambda s: s.keep_targets, True),
    "models": ("tiny", lambda s: [m.name for m in s.models], ["tiny"]),
    "recipes": ("parts,baseline", lambda s: [r.name for r in s.recipes], ["baseline", "parts"]),
    "targets": ("names", lambda s: [t.task for t in s.targets], ["names"]),
    "precision": ("bf16", lambda s: s.targets[0].training.precision, "bf16"),
    "threads": ("2", lambda s: s.recipes[1].stages[0].training.threads, 2),
    "micro_tokens": ("100", lambda s: s.targets[0].training.micro_tokens, 100),
    "cap_tokens": ("100", lambda s: s.targets[1].training.cap_tokens, 100),
    "cap_examples": ("10", lambda s: s.recipes[1].stages[0].training.cap_examples, 10),
    "epochs": ("1.5", lambda s: s.targets[0].training.epochs, 1.5),
    "world": ("demo:draws=9", lambda s: s.world, "demo:draws=9"),
}


@pytest.mark.parametrize("key", SETTINGS)
def test_each_setting_sets_what_it_names(key: str) -> None:
    text, read, wanted = SET[key]
    assert read(apply_settings(TINY, [f"{key}={text}"])) == wanted


def test_settings_add_up_and_the_last_one_counts() -> None:
    assert apply_settings(TINY, ["seeds=3,5", "trials=4", "trials=6"]) == replace(
        TINY, seeds=(3, 5), search=replace(TINY.search, trials=6)
    )


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("trails=3", r"No --set key is called 'trails'\. Did you mean 'trials'\? Known: seeds, trials"),
        ("seeds", r"--set takes key=value, got 'seeds'"),
        ("seeds=two", r"--set seeds=two: "),
        ("seeds=0", r"Seeds are different numbers other than 0"),
        ("seeds=1,1", r"Seeds are different numbers other than 0"),
        ("trials=0", r"Search needs trials >= 1"),
        ("scope=cel", r"No value is called 'cel'\. Did you mean 'cell'\? Known: cell, target"),
        ("evaluate=train", r"Known: dev, test"),
        ("keep_targets=perhaps", r"Known: true"),
        ("targets=name", r"No target is called 'name'\. Did you mean 'names'\?"),
        ("recipes=part", r"No recipe is called 'part'\. Did you mean 'parts'\?"),
        ("recipes=parts", r"add a recipe without stages"),
        ("epochs=-1", r"Training needs epochs > 0, got -1"),
        ("eval_cap=0", r"eval_cap"),
        ("cap_tokens=-5", r"cap_tokens"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_with_what_would(setting: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        apply_settings(TINY, [setting])


GROWN = {
    "the same": TINY,
    "seeds": replace(TINY, seeds=(1, 2, 7)),
    "trials": replace(TINY, search=replace(TINY.search, trials=9)),
    "recipes": replace(TINY, recipes=(*MATRIX.recipes[:5], *TINY.recipes[1:])),
    "targets": replace(TINY, targets=(*MATRIX.targets[:3], *TINY.targets)),
    "models": replace(TINY, models=(*TINY.models, replace(TINY.models[0], name="other"))),
    "tasks": replace(TINY, tasks=(*TINY.tasks, replace(TINY.tasks[0], name="own"))),
    "title": replace(TINY, title="Another title"),
}


@pytest.mark.parametrize("grown", GROWN.values(), ids=GROWN)
def test_a_space_that_only_grew_goes_on_in_its_folder(grown: Space, tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/one.json", b"a record")
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
}


@pytest.mark.parametrize(("changed", "said"), CHANGED.values(), ids=CHANGED)
def test_any_other_change_is_refused_with_the_difference_and_changes_nothing(
    changed: Space, said: str, tmp_path: Path
) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/one.json", b"a record")
    with pytest.raises(UserError) as caught:
        Run(run).keep_space(changed)
    assert said in str(caught.value)
    assert "Use another --out" in str(caught.value)
    assert Run(run).space == TINY


def test_more_evaluation_languages_of_a_target_are_growth(tmp_path: Path) -> None:
    one = replace(TINY, targets=tuple(replace(target, languages=("en",)) for target in TINY.targets))
    two = replace(TINY, targets=tuple(replace(target, languages=("en", "xa")) for target in TINY.targets))
    Run.at(str(tmp_path)).keep_space(one)
    Folder(str(tmp_path)).write("ledger/trainings/one.json", b"a record")
    Run.at(str(tmp_path)).keep_space(two)
    with pytest.raises(UserError, match="languages"):
        Run.at(str(tmp_path)).keep_space(one)


def test_more_layers_of_a_target_are_growth_and_another_own_layer_is_not(tmp_path: Path) -> None:
    few, more, other = (
        replace(TINY, targets=(Target(task="twins", layer=layer, also_layers=layers),))
        for layer, layers in ((0.5, (0.0,)), (0.5, (0.0, 1.0)), (1.0, (0.0, 1.0)))
    )
    run = Folder(str(tmp_path))
    Run(run).keep_space(few)
    run.write("ledger/trainings/one.json", b"a record")
    Run(run).keep_space(more)
    for refused in (few, other):
        with pytest.raises(UserError, match="layer"):
            Run(run).keep_space(refused)


def test_the_layers_of_a_target_are_its_own_first_and_each_once() -> None:
    target = Target(task="twins", layer=14 / 24, also_layers=tuple(n / 12 for n in range(13)))
    assert target.layers == (14 / 24, *(n / 12 for n in range(13) if n != 7))


def test_other_training_languages_of_a_stage_are_another_space(tmp_path: Path) -> None:
    several = replace(TINY.task("words"), name="several", train=TINY.task("words").test)
    stage = Stage(tasks=("several",), languages=("en",))
    wider = replace(stage, languages=("en", "xa"))
    own = replace(TINY, tasks=(*TINY.tasks, several))
    old, new = (replace(own, recipes=(own.recipes[0], replace(own.recipes[1], stages=(s,)))) for s in (stage, wider))
    Run.at(str(tmp_path)).keep_space(old)
    Folder(str(tmp_path)).write("ledger/trainings/one.json", b"a record")
    with pytest.raises(UserError, match="languages"):
        Run.at(str(tmp_path)).keep_space(new)


def test_a_folder_without_a_space_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run folder: it has no space\.json"):
        _ = Run.at(str(tmp_path)).space


def test_a_damaged_space_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / SPACE_FILE).write_text('{"name": "tiny"')
    with pytest.raises(UserError, match=r"space\.json is not JSON.*Restore the file"):
        _ = Run.at(str(tmp_path)).space


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Target(task="names", dials={"learning_rat": LogUniform(low=1, high=2)}),
            "Did you mean 'learning_rate'",
        ),
        (lambda: Stage(tasks=("parts",), dials={"seed": Choice(values=(1, 2))}), "No dial is called 'seed'"),
        (lambda: replace(TINY, targets=(Target(task="nams"),)), "No task is called 'nams'. Did you mean 'names'"),
        (lambda: replace(TINY, targets=(Target(task="names", languages=("xq",)),)), "test language of 'names'"),
        (lambda: Search(share=1.5), "0 < share < 1"),
        (lambda: Training(batch_size=0), "batch_size > 0, got 0"),
        (lambda: Training(frozen_layers=-1), "frozen_layers >= 0, or None to train everything, got -1"),
        (lambda: Stage(tasks=("parts",), dials={"frozen_layers": Choice(values=(0, -2))}), "train everything, got -2"),
        (lambda: Training(mask_share=1.0), "0 < mask_share < 1, got 1.0"),
        (
            lambda: Stage(tasks=("parts",), dials={"mask_share": LogUniform(low=0.1, high=2.0)}),
            "0 < mask_share < 1, got 2.0",
        ),
        (lambda: Choice(values=(3,)), "two different values"),
        (lambda: LogUniform(low=1e-5, high=1e-3, first=(1.0,)), "starts inside its bounds"),
        (lambda: replace(TINY, targets=TINY.targets * 2), "Each target stands once"),
        (lambda: Target(task="twins", also_layers=(0.5, 1.5)), "0 <= layer <= 1 (a share of the depth), got 1.5"),
        (lambda: Target(task="twins", similarity="clss"), "Did you mean 'csls'"),  # type: ignore[arg-type]
        (lambda: Target(task="twins", pooling="max"), "of Target.pooling is called 'max'. Did you mean 'mean'?"),  # type: ignore[arg-type]
        (lambda: replace(TINY, evaluate="both"), "No value of Space.evaluate is called 'both'. Known: dev, test."),  # type: ignore[arg-type]
        (lambda: replace(TINY, evaluate="train"), "No value of Space.evaluate is called 'train'. Known: dev, test."),  # type: ignore[arg-type]
        (lambda: Search(scope="Cell"), "No value of Search.scope is called 'Cell'. Did you mean 'cell'?"),  # type: ignore[arg-type]
        (lambda: Search(sampler="tpes"), "No value of Search.sampler is called 'tpes'. Did you mean 'tpe'?"),  # type: ignore[arg-type]
        (lambda: Training(precision="bf-16"), "No value of Training.precision is called 'bf-16'. Did you mean 'bf16'?"),  # type: ignore[arg-type]
        (
            lambda: replace(
                TINY,
                targets=(Target(task="names"),),
                tasks=tuple(
                    replace(task, train={"xa": task.train["en"]}) if task.name == "names" else task
                    for task in TINY.tasks
                ),
            ),
            "Target 'names' trains in English, and 'names' has no English training data.",
        ),
        (lambda: replace(TINY, targets=(Target(task="names", also_layers=(0.5,)),)), "also_layers is for targets that"),
        (lambda: replace(TINY, targets=(Target(task="mining", similarity="csls"),)), "with the scorer neighbours"),
    ],
)
def test_a_space_is_checked_when_it_is_made(make: Callable[[], object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert said in str(caught.value)


SWAHILI = Task(
    name="swahili",
    title="A task without English data",
    format="classify",
    scorer="accuracy",
    labels=("no", "yes"),
    train={"sw": (Rows(id="own/swahili", split="train"),)},
)


def test_dials_are_refused_where_no_english_data_can_choose_them() -> None:
    def with_row(stage: Stage) -> Space:
        return replace(TINY, tasks=(*TINY.tasks, SWAHILI), recipes=(*TINY.recipes, Recipe(name="row", stages=(stage,))))

    stage = Stage(tasks=("swahili",), languages=("sw",))
    assert with_row(stage)
    searched = replace(stage, dials={"learning_rate": LogUniform(low=1e-4, high=1e-2)})
    with pytest.raises(UserError, match=r"and task 'swahili' has training data in sw only: give learning_rate in the"):
        with_row(searched)


def test_a_space_may_change_in_any_way_while_nothing_was_trained_in_its_folder(tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    mended = replace(TINY, tasks=tuple(replace(task, labels=("a", "b")) for task in TINY.tasks))
    Run(run).keep_space(mended)
    assert Run(run).space == mended


def test_what_a_task_says_for_people_and_plans_alone_may_change(tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/one.json", b"a record")
    told = {"title": "Told otherwise", "note": "new", "licence": "another", "departs": "a bit"}
    told |= {"train_size": 1, "num_choices": 2}
    mended = replace(TINY, tasks=tuple(replace(task, **told) for task in TINY.tasks))  # type: ignore[arg-type]
    Run(run).keep_space(mended)
    assert Run(run).space == mended


def test_a_recipe_with_a_dot_in_its_name_is_growth_too(tmp_path: Path) -> None:
    run = Folder(str(tmp_path))
    Run(run).keep_space(TINY)
    run.write("ledger/trainings/one.json", b"a record")
    other = replace(TINY.recipes[1], name="squad 1.1", stages=(Stage(tasks=("words",)),))
    Run(run).keep_space(replace(TINY, recipes=(*TINY.recipes, other)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("search=replace(TINY.search, cap='many')", "search.cap"),
        ("targets=(replace(TINY.targets[0], distractors='none'),)", "distractors"),
        (
            "targets=(replace(TINY.targets[0], training=replace(TINY.targets[0].training, stride='half')),)",
            "stride",
        ),
    ],
)
def test_a_value_of_another_kind_is_refused_when_the_space_is_loaded(tmp_path: Path, change: str, told: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import replace\nfrom search_spaces.tiny import SPACE as TINY\n"
        f"SPACE = replace(TINY, {change})\n"
    )
    with pytest.raises(UserError, match=told):
        load_space(str(file))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (Task(name="lone", title="", format="classify", scorer="accuracy"), "trains on no other task"),
        (
            Task(name="lone", title="", format="classify", scorer="accuracy", trains_on="words"),
            "cannot train on 'words'",
        ),
    ],
)
def test_a_target_that_nothing_can_be_trained_for_is_refused(entry: Task, told: str) -> None:
    places = {"en": (Rows(id="a/b", split="test"),)}
    entry = replace(entry, dev=places, test=places)
    with pytest.raises(UserError, match=told):
        replace(TINY, tasks=(*TINY.tasks, entry), targets=(Target(task="lone"),))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"languages": ()}, "different languages other than 'en'"),
        ({"languages": ("de", "de")}, "different languages other than 'en'"),
        ({"languages": ("de", "en")}, "different languages other than 'en'"),
        ({"share": 0.0}, "0 < share <= 1, got 0.0: without any, leave the translation out"),
        ({"share": 1.1}, "0 < share <= 1"),
        ({"num_beams": 0}, "num_beams >= 1, got 0"),
        ({"by": ""}, "a Hub id or folder of a model, 'folder:PATH' or 'apertium'"),
        ({"by": "folder:"}, "a Hub id or folder of a model, 'folder:PATH' or 'apertium'"),
    ],
)
def test_a_translation_that_cannot_be_is_refused_with_its_values(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Translation(**{"languages": ("de",), "by": "apertium", **wrong})  # type: ignore[arg-type]


GERMAN = Translation(languages=("de",), by="apertium")


def test_a_translation_is_out_of_english() -> None:
    with pytest.raises(UserError, match=r"A translation is out of English: languages = \('en',\), got \('de',\)"):
        Stage(tasks=("xnli",), languages=("de",), translation=GERMAN)


def test_a_stage_without_a_task_that_can_be_translated_takes_no_translation() -> None:
    def with_row(*tasks: str) -> Space:
        row = Recipe(name="translated", stages=(Stage(tasks=tasks, translation=GERMAN),))
        return replace(TINY, recipes=(*TINY.recipes, row))

    assert with_row("mnli", "ud_supertags")
    with pytest.raises(UserError, match=r"a task of format classify, choose, span .*, got ud_supertags \(tag\): add"):
        with_row("ud_supertags")


@pytest.mark.parametrize(
    ("wrong", "said"), [({"temperature": 0.5}, "temperature >= 1"), ({"mlm_exponent": 2.0}, "<= 1")]
)
def test_a_mixture_that_cannot_be_is_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Stage(tasks=("mnli",), **wrong)  # type: ignore[arg-type]


def test_the_study_mixes_masked_text_into_every_row_and_translates_all_that_can_be() -> None:
    rows = {recipe.name: recipe.stages for recipe in load_space("xtreme").recipes}
    plain = [name for name in rows if name != "baseline" and not name.endswith(("_mlm", "_mt"))]
    assert [name for name in rows if name.endswith("_mlm")] == [f"{name}_mlm" for name in plain]
    assert [name for name in rows if name.endswith("_mt")] == [f"{name}_mt" for name in plain if name != "ccg"]
    for name in plain:
        (one,), (mixed,) = rows[name], rows[f"{name}_mlm"]
        assert replace(mixed, mlm_share=0.0, dials=one.dials) == one
        for translated in rows.get(f"{name}_mt", ()):
            assert translated.translation
            assert (translated.translation.languages, translated.translation.share) == (("de", "ru", "sw"), 1.0)
            assert replace(translated, translation=None) == one
    assert properties_of(CATALOG["ccg"]).translation is None


def test_a_setting_of_every_training_reaches_the_stages_before_a_target() -> None:
    target = replace(TINY.targets[0], before=(Stage(tasks=("gaps",)),))
    changed = apply_settings(replace(TINY, targets=(target,)), ["cap_examples=7"]).targets[0]
    assert changed.before[0].training.cap_examples == changed.training.cap_examples == 7


def test_the_languages_of_a_stage_before_a_target_decide_a_training_and_cannot_grow(tmp_path: Path) -> None:
    def space(*languages: str) -> Space:
        before = (Stage(tasks=("xnli",), languages=languages),)
        return replace(TINY, targets=(replace(TINY.targets[0], before=before),))

    run = Folder(str(tmp_path))
    Run(run).keep_space(space("en"))
    run.write("ledger/trainings/one.json", b"a record")
    with pytest.raises(UserError, match=r"before\.0\.languages"):
        Run(run).keep_space(space("en", "de"))


def test_a_stage_before_a_target_names_a_task_that_can_be_trained_on() -> None:
    with pytest.raises(UserError, match=r"No task is called 'gasp'\. Did you mean 'gaps'"):
        replace(TINY, targets=(replace(TINY.targets[0], before=(Stage(tasks=("gasp",)),)),))


def test_a_pool_is_a_ranking_task_without_queries() -> None:
    lareqa = CATALOG["lareqa"]
    wrong = replace(lareqa, pool="squad_pairs")
    with pytest.raises(UserError, match=r"A pool is a task of format rank without queries.*'squad_pairs'"):
        replace(TINY, tasks=(*TINY.tasks, wrong), targets=(Target(task="lareqa"),))
    with pytest.raises(UserError, match=r"No task is called 'lareqa_sentence'\. Did you mean 'lareqa_sentences'"):
        replace(TINY, tasks=(*TINY.tasks, replace(lareqa, pool="lareqa_sentence")), targets=(Target(task="lareqa"),))


def test_xtreme_r_has_the_ten_targets_of_the_benchmark_in_its_four_groups() -> None:
    space = load_space("xtreme_r")
    groups: dict[str, list[str]] = {}
    for target in space.targets:
        groups.setdefault(space.task(target.task).group, []).append(target.task)
    assert groups == {
        "classification": ["xnli", "xcopa"],
        "tagging": ["pos_r", "ner_r"],
        "qa": ["xquad_r", "mlqa", "tydiqa"],
        "retrieval": ["tatoeba_r", "mewslix", "lareqa"],
    }


def test_mewsli_x_is_searched_among_the_rates_of_its_script_and_no_target_else_so_high() -> None:
    targets = {target.task: target.dials for target in load_space("xtreme_r").targets if target.dials}
    rates = {name: dials["learning_rate"] for name, dials in targets.items()}
    mewslix = rates.pop("mewslix")
    assert isinstance(mewslix, LogUniform)
    assert mewslix.first == (1e-5, 2e-5, 5e-5, 1e-4)
    assert mewslix.high == 1e-4
    assert {rate.high for rate in rates.values() if isinstance(rate, LogUniform)} == {5e-5}


def test_xtreme_base_is_xtreme_with_another_encoder() -> None:
    base, large = load_space("xtreme_base"), load_space("xtreme")
    assert replace(base, name=large.name, title=large.title, models=large.models) == large
