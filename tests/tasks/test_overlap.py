"""Cells of the matrix whose recipe and target train on the same data."""

from dataclasses import replace

from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.overlap import shares_training_data
from sweeper.tasks.spec import Rows, Task

NINE = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")


def shared(target: str) -> tuple[str, ...]:
    return shares_training_data(NINE, CATALOG[target], CATALOG)


def test_mnli_and_the_task_that_contains_it_share_the_training_data_of_xnli() -> None:
    assert shared("xnli") == ("anli_plus", "mnli")


def test_both_squads_share_the_training_data_of_xquad_and_mlqa() -> None:
    assert shared("xquad") == shared("mlqa") == ("squad2", "squad")


def test_no_intermediate_shares_the_training_data_of_the_other_targets() -> None:
    assert all(shared(target) == () for target in ("pawsx", "pos", "ner", "tydiqa", "bucc2018", "tatoeba"))


def test_contains_is_followed_at_any_depth() -> None:
    wrapper = Task(name="wrapper", title="", format="classify", scorer="accuracy", contains=("anli_plus",))
    assert shares_training_data(["wrapper"], CATALOG["xnli"], CATALOG | {"wrapper": wrapper}) == ("wrapper",)


def test_a_task_with_the_same_rows_in_another_revision_shares_them() -> None:
    rows = replace(CATALOG["pawsx"].train["en"][0], revision="0" * 40)
    copy = Task(name="copy", title="", format="classify", scorer="accuracy", train={"en": (rows,)})
    assert shares_training_data(["copy"], CATALOG["pawsx"], CATALOG | {"copy": copy}) == ("copy",)


def test_another_split_of_the_same_data_set_is_not_shared() -> None:
    rows = Rows(id="google-research-datasets/paws-x", config="en", split="test")
    other = Task(name="other", title="", format="classify", scorer="accuracy", train={"en": (rows,)})
    assert shares_training_data(["other"], CATALOG["pawsx"], CATALOG | {"other": other}) == ()


def test_supertags_share_training_data_with_pos_and_not_with_ner() -> None:
    assert shares_training_data(["ud_supertags"], CATALOG["pos"], CATALOG) == ("ud_supertags",)
    assert shares_training_data(["mnli", "ud_supertags"], CATALOG["ner"], CATALOG) == ()


def test_the_stages_before_a_targets_training_count_too() -> None:
    rows = ("siqa", "copa", "mnli")
    assert shares_training_data(rows, CATALOG["xcopa"], CATALOG) == ("copa",)
    assert shares_training_data(rows, CATALOG["xcopa"], CATALOG, before=["siqa"]) == ("siqa", "copa")
    assert shares_training_data(["siqa"], CATALOG["tatoeba"], CATALOG, before=["siqa"]) == ("siqa",)


def test_lareqa_shares_the_training_data_of_squad() -> None:
    assert shared("lareqa") == ("squad2", "squad")


def test_two_tasks_with_the_same_draws_share_their_training_data() -> None:
    def drawn(name: str, config: str) -> Task:
        rows = Rows(id="own/data", config=config, split="train")
        return Task(name=name, title="", format="classify", scorer="accuracy", train={"en": (rows,)})

    target, same, other = drawn("target", "draw{seed}"), drawn("same", "draw{seed}"), drawn("other", "more{seed}")
    tasks = {task.name: task for task in (target, same, other)}
    assert shares_training_data(["same", "other"], target, tasks) == ("same",)
