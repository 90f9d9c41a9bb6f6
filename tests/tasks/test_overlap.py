"""Which cells of the matrix train twice on the same data."""

from dataclasses import replace

from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.overlap import shares_training_data
from sweeper.tasks.spec import Rows, Task

NINE = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")


def shared(target: str) -> tuple[str, ...]:
    return shares_training_data(NINE, CATALOG[target], CATALOG)


def test_mnli_and_what_contains_it_share_the_training_data_of_xnli() -> None:
    assert shared("xnli") == ("anli_plus", "mnli")


def test_both_squads_share_the_training_data_of_xquad_and_mlqa() -> None:
    assert shared("xquad") == shared("mlqa") == ("squad2", "squad")


def test_no_intermediate_shares_the_training_data_of_the_other_targets() -> None:
    assert all(shared(target) == () for target in ("pawsx", "pos", "ner", "tydiqa", "bucc2018", "tatoeba"))


def test_containing_is_followed_at_any_depth() -> None:
    wrapper = Task(name="wrapper", title="", format="classify", scorer="accuracy", contains=("anli_plus",))
    assert shares_training_data(["wrapper"], CATALOG["xnli"], CATALOG | {"wrapper": wrapper}) == ("wrapper",)


def test_a_renamed_copy_of_the_same_rows_is_found_whatever_its_revision() -> None:
    rows = replace(CATALOG["pawsx"].train["en"][0], revision="0" * 40)
    copy = Task(name="copy", title="", format="classify", scorer="accuracy", train={"en": (rows,)})
    assert shares_training_data(["copy"], CATALOG["pawsx"], CATALOG | {"copy": copy}) == ("copy",)


def test_another_split_of_the_same_data_set_is_not_shared_data() -> None:
    rows = Rows(id="google-research-datasets/paws-x", config="en", split="test")
    other = Task(name="other", title="", format="classify", scorer="accuracy", train={"en": (rows,)})
    assert shares_training_data(["other"], CATALOG["pawsx"], CATALOG | {"other": other}) == ()


def test_supertags_share_sentences_and_the_first_letters_of_their_labels_with_pos() -> None:
    assert shares_training_data(["ud_supertags"], CATALOG["pos"], CATALOG) == ("ud_supertags",)
    assert shares_training_data(["mnli", "ud_supertags"], CATALOG["ner"], CATALOG) == ()


def test_what_a_target_trains_on_before_its_own_task_counts_too() -> None:
    rows = ("siqa", "copa", "mnli")
    assert shares_training_data(rows, CATALOG["xcopa"], CATALOG) == ("copa",)
    assert shares_training_data(rows, CATALOG["xcopa"], CATALOG, before=["siqa"]) == ("siqa", "copa")
    assert shares_training_data(["siqa"], CATALOG["tatoeba"], CATALOG, before=["siqa"]) == ("siqa",)


def test_questions_and_sentences_of_squad_are_its_training_data() -> None:
    assert shared("lareqa") == ("squad2", "squad")


def test_two_tasks_that_are_drawn_alike_share_their_training_data() -> None:
    def drawn(name: str, place: str) -> Task:
        rows = Rows(id="own/data", config=place, split="train")
        return Task(name=name, title="", format="classify", scorer="accuracy", train={"en": (rows,)})

    one, same, other = drawn("one", "draw{seed}"), drawn("same", "draw{seed}"), drawn("other", "more{seed}")
    known = {task.name: task for task in (one, same, other)}
    assert shares_training_data(["same", "other"], one, known) == ("same",)
