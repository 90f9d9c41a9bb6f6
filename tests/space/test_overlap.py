"""Cells of the matrix whose recipe and target train on the same rows, items or languages."""

from dataclasses import replace
from typing import Literal

import pytest

from search_spaces.xtreme import SPACE as XTREME
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.space import Recipe, Space, Stage, Target, Translation
from sweeper.space.overlap import Overlap, Part, SourceIndex, overlap_of, overlapping
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task

NINE = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")
NOTHING = Overlap()


def english(*tasks: str) -> tuple[Part, ...]:
    return tuple(Part(task=task, language="en") for task in tasks)


def same_rows(recipe: tuple[str, ...], target: str, catalog: dict[str, Task] | None = None, before: str = "") -> object:
    """The tasks of a recipe with the same rows as a target that trains after the task `before`."""
    tasks = {**CATALOG, **(catalog or {})}
    trained = english(*(name for name in (before, tasks[target].training_task) if name))
    rows, _ = overlapping(english(*recipe), trained, SourceIndex(tasks))
    return rows


def overlap(stage: Stage, target: str | Target, space: Space = XTREME) -> Overlap:
    target = Target(task=target) if isinstance(target, str) else target
    return overlap_of(space, Recipe(name="row", stages=(stage,)), target)


def test_mnli_and_the_task_that_contains_it_have_the_same_rows_as_xnli() -> None:
    assert same_rows(NINE, "xnli") == ("anli_plus", "mnli")


def test_both_squads_have_the_same_rows_as_xquad_and_mlqa() -> None:
    assert same_rows(NINE, "xquad") == same_rows(NINE, "mlqa") == ("squad2", "squad")


def test_no_intermediate_has_the_same_rows_as_the_other_targets() -> None:
    assert all(same_rows(NINE, target) == () for target in ("pawsx", "pos", "ner", "tydiqa", "bucc2018", "tatoeba"))


@pytest.mark.parametrize(("task", "language"), [("tydiqa", "fi"), ("ner", "sw"), ("pos", "de")])
def test_another_language_of_a_task_whose_languages_have_different_items_is_only_not_zero_shot(
    task: str, language: str
) -> None:
    assert overlap(Stage(tasks=(task,), languages=(language,)), task) == Overlap(not_zero_shot=(language,))


def test_translated_mnli_has_the_same_items_as_xnli_and_not_the_same_rows() -> None:
    assert overlap(Stage(tasks=("xnli",), languages=("sw",)), "xnli") == Overlap(
        same_items=("xnli",), not_zero_shot=("sw",)
    )
    both = overlap(Stage(tasks=("xnli",), languages=("en", "sw")), "xnli")
    assert both == Overlap(same_rows=("xnli",), not_zero_shot=("sw",))


def test_german_paws_x_has_the_same_items_as_english_paws_x() -> None:
    assert overlap(Stage(tasks=("pawsx",), languages=("de",)), "pawsx") == Overlap(
        same_items=("pawsx",), not_zero_shot=("de",)
    )


def test_a_stage_that_translates_all_examples_has_the_same_items_and_one_that_keeps_some_has_the_same_rows() -> None:
    whole = Translation(languages=("de",), by="apertium")
    stage = Stage(tasks=("mnli",), translation=whole)
    assert overlap(stage, "xnli") == Overlap(same_items=("mnli",), not_zero_shot=("de",))
    half = replace(stage, translation=replace(whole, share=0.5))
    assert overlap(half, "xnli") == Overlap(same_rows=("mnli",), not_zero_shot=("de",))
    assert overlap(half, "pos") == Overlap(not_zero_shot=("de",))


def test_tags_stay_in_english_in_a_translated_stage() -> None:
    stage = Stage(tasks=("ner", "mnli"), translation=Translation(languages=("de",), by="apertium"))
    assert overlap(stage, "ner") == Overlap(same_rows=("ner",), not_zero_shot=("de",))
    assert overlap(replace(stage, tasks=("ner",)), "ner") == Overlap(same_rows=("ner",))


def test_masked_language_modelling_leaves_a_language_zero_shot() -> None:
    mixed = Stage(tasks=("mnli",), mlm_share=0.2, mlm_languages=("sw", "de"))
    assert overlap(mixed, "pos") == NOTHING
    assert overlap(Stage(tasks=("mlm_text",), languages=("sw", "de")), "ner") == NOTHING


def test_english_is_marked_for_no_recipe_and_a_language_that_the_target_is_not_scored_in_neither() -> None:
    stage = Stage(tasks=("xnli",), languages=("sw", "en", "ur"))
    assert overlap(stage, Target(task="ner", languages=("en", "ur"))) == Overlap(not_zero_shot=("ur",))
    assert overlap(stage, "tatoeba") == Overlap(not_zero_shot=("sw", "ur"))


def test_a_language_of_a_stage_that_the_target_adds_is_not_marked() -> None:
    before = (Stage(tasks=("ner",), languages=("sw",)),)
    assert overlap(Stage(tasks=("xnli",), languages=("sw",)), Target(task="ner", before=before)) == NOTHING


def test_the_cells_of_xtreme_that_are_marked() -> None:
    marked = {
        recipe.name: {target.task: found for target in XTREME.targets if (found := overlap_of(XTREME, recipe, target))}
        for recipe in XTREME.recipes
    }
    rows = {(name, task) for name, row in marked.items() for task, found in row.items() if found.same_rows}
    mixtures = {"multitask", "multitask_mlm"}
    nli, squads = {"anli_plus", "mnli"}, {"squad", "squad2"}
    expected = {(f"{name}{end}", "xnli") for name in nli for end in ("", "_mlm")}
    expected |= {(f"{name}{end}", task) for name in squads for end in ("", "_mlm") for task in ("xquad", "mlqa")}
    expected |= {(name, task) for name in mixtures for task in ("xnli", "xquad", "mlqa")}
    assert expected <= rows
    items = {(name, task) for name, row in marked.items() for task, found in row.items() if found.same_items}
    assert {("mnli_mt", "xnli"), ("squad_mt", "xquad"), ("multitask_mt", "mlqa")} <= items
    assert not rows & items
    assert marked["mnli_mt"]["pos"].not_zero_shot == ("de", "ru")
    assert marked["mnli_mt"]["ner"].not_zero_shot == ("de", "ru", "sw")
    assert marked["mnli"]["pos"] == marked["baseline"]["xnli"] == NOTHING


def test_contains_is_followed_at_any_depth() -> None:
    wrapper = Task(name="wrapper", title="", format="classify", scorer="accuracy", contains=("anli_plus",))
    assert same_rows(("wrapper",), "xnli", {"wrapper": wrapper}) == ("wrapper",)


def test_a_task_with_the_same_rows_in_another_revision_shares_them() -> None:
    rows = replace(CATALOG["pawsx"].train["en"][0], revision="0" * 40)
    copy = Task(name="copy", title="", format="classify", scorer="accuracy", train={"en": (rows,)})
    assert same_rows(("copy",), "pawsx", {"copy": copy}) == ("copy",)


def test_another_split_of_the_same_data_set_is_not_shared() -> None:
    rows = Rows(id="google-research-datasets/paws-x", config="en", split="test")
    other = Task(name="other", title="", format="classify", scorer="accuracy", train={"en": (rows,)})
    assert same_rows(("other",), "pawsx", {"other": other}) == ()


def test_supertags_have_the_same_rows_as_every_version_of_pos_and_not_as_ner() -> None:
    for target in ("pos", "pos_hub", "pos_r"):
        assert same_rows(("ud_supertags", "pos"), target) == ("ud_supertags", "pos")
    assert same_rows(("mnli", "ud_supertags"), "ner") == ()


def test_the_stages_before_a_targets_training_count_too() -> None:
    rows = ("siqa", "copa", "mnli")
    assert same_rows(rows, "xcopa") == ("copa",)
    assert same_rows(rows, "xcopa", before="siqa") == ("siqa", "copa")
    assert same_rows(("siqa",), "tatoeba", before="siqa") == ("siqa",)
    xcopa = next(target for target in XTREME_R.targets if target.task == "xcopa")
    assert overlap(Stage(tasks=("siqa",)), xcopa, XTREME_R) == Overlap(same_rows=("siqa",))


def test_lareqa_has_the_rows_of_squad() -> None:
    assert same_rows(NINE, "lareqa") == ("squad2", "squad")


def test_two_tasks_with_the_same_draws_share_their_training_data() -> None:
    def drawn(name: str, config: str) -> Task:
        rows = Rows(id="own/data", config=config, split="train")
        return Task(name=name, title="", format="classify", scorer="accuracy", train={"en": (rows,)})

    tasks = {
        name: drawn(name, config)
        for name, config in (("target", "draw{seed}"), ("same", "draw{seed}"), ("other", "more{seed}"))
    }
    assert same_rows(("same", "other"), "target", tasks) == ("same",)


def test_a_recipe_that_trains_on_items_that_the_target_is_scored_on_has_the_same_rows() -> None:
    dev = {code: (Rows(id="facebook/xnli", config=code, split="validation"),) for code in ("de", "fr")}
    dev_rows = replace(CATALOG["mnli"], name="dev_rows", train=dev, contains=(), parallel=True)
    apart = replace(dev_rows, parallel=False)
    target = replace(CATALOG["xnli"], dev={"fr": dev["fr"]}, test={"fr": (Rows(id="facebook/xnli", config="fr"),)})

    def marked(task: Task, evaluate: Literal["dev", "test"]) -> tuple[str, ...]:
        space = replace(XTREME, tasks=(task, target), evaluate=evaluate)
        return overlap(Stage(tasks=("dev_rows",), languages=("de",)), "xnli", space).same_rows

    # The items of parallel tasks are the same in every language. Other languages of other tasks have other items.
    assert marked(dev_rows, "dev") == ("dev_rows",)
    assert marked(apart, "dev") == ()
    assert marked(replace(apart, train={"de": dev["fr"]}), "dev") == ("dev_rows",)
    assert marked(dev_rows, "test") == ()


@pytest.mark.parametrize(
    ("train", "scored"), [("xnli", "americas_nli"), ("americas_nli", "xnli"), ("xquad", "lareqa"), ("lareqa", "xquad")]
)
def test_evaluation_rows_of_a_task_with_the_same_items_count_as_rows_of_the_target(train: str, scored: str) -> None:
    # Read as plain questions, so that no pool is needed.
    learned = replace(CATALOG["mnli"], name="learned", train=CATALOG[train].dev, contains=())
    language = next(iter(learned.train))
    stage = Stage(tasks=("learned",), languages=(language,))
    dev, test = (replace(XTREME, tasks=(learned,), evaluate=split) for split in ("dev", "test"))
    assert overlap(stage, scored, dev).same_rows == ("learned",)
    # XQuAD has one split only. The dev rows of XNLI are not those of its test split.
    assert overlap(stage, scored, test).same_rows == (("learned",) if CATALOG[train].single_split else ())
    assert overlap(stage, "pawsx", dev).same_rows == ()


def test_slices_of_one_split_have_the_same_rows_unless_they_are_certainly_apart() -> None:
    def own(name: str, split: str, id_: str = "senti.csv") -> Task:
        return Task(name=name, format="classify", train=Rows(id=id_, split=split))

    tasks = (own("all", "train"), own("head", "train[:90%]"), own("tail", "train[90%:]"), own("first", "train[:100]"))
    catalog = {task.name: task for task in (*tasks, own("other", "train[:90%]", "other.csv"))}
    catalog["again"] = own("again", "train[:90%]", "./senti.csv")
    recipe = ("all", "head", "first", "other", "again")
    assert same_rows(recipe, "tail", catalog) == ("all", "first")
    assert same_rows(recipe, "head", catalog) == ("all", "head", "first", "again")
