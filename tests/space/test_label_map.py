"""Mistakes in a label map: labels that the task, or its training task, does not have."""

from dataclasses import replace

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.space import Target
from sweeper.tasks.catalog import CATALOG

TARGET = Target(task="african")
TASK = replace(CATALOG["masakhaner"], name="african")


def test_a_map_to_labels_of_the_training_task_is_accepted() -> None:
    space = replace(TINY, tasks=(*TINY.tasks, TASK), targets=(TARGET,))
    assert space.task("african").read_labels == CATALOG["ner"].labels


@pytest.mark.parametrize(
    ("label_map", "message"),
    [
        ({"DAT": "O"}, "label in label_map"),
        ({"B-DATE": "O"}, "Did you mean 'DATE'"),
        ({"DATE": "PERS"}, "label of 'ner'"),
        ({"DATE": "PERS"}, "Did you mean 'PER'"),
    ],
)
def test_an_unknown_label_on_either_side_is_refused_with_the_nearest_name(
    label_map: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError) as error:
        replace(TINY, tasks=(*TINY.tasks, replace(TASK, label_map=label_map)), targets=(TARGET,))
    assert message in str(error.value)


def test_a_map_needs_a_format_with_labels() -> None:
    task = replace(CATALOG["ntrex"], name="pairs", label_map={"a": "b"})
    with pytest.raises(UserError, match="label_map, which needs"):
        replace(TINY, tasks=(*TINY.tasks, task))
