"""Real data sets: every entry that the mirror holds loads and encodes, with parallel ids and labels by name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from sweeper.data.encode import Encoded, encode
from sweeper.data.source import Sources, available_languages, check_task
from sweeper.errors import DataError
from sweeper.records.spec import DataSpec
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Split, Task

pytestmark = pytest.mark.mirror

NOT_MIRRORED = {"qqp", "ccg", "bucc2018", "siqa", "pos_r", "mewslix", "mewslix_pairs", "mewslix_entities"}
PARALLEL = ("xnli", "pawsx", "xquad")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def held(mirror: Path, cache: Path) -> Sources:
    return Sources(mirror=mirror, cache=cache)


@pytest.fixture
def small(held: Sources) -> Any:
    return AutoTokenizer.from_pretrained(held.model_location("mini-xlmr"))


def spec(task: Task, split: Split, **more: Any) -> DataSpec:
    return DataSpec(task=task.name, part=split, languages=(), max_length=128, stride=32, **more)


def splits_of(task: Task) -> list[Split]:
    return [split for split in ("train", "dev") if task.rows(split)]


@pytest.mark.parametrize("name", sorted(set(CATALOG) - NOT_MIRRORED))
def test_five_examples_of_every_language_that_the_mirror_holds_encode(name: str, held: Sources, small: Any) -> None:
    task = CATALOG[name]
    check_task(task, splits_of(task), None, held)
    for split in splits_of(task):
        for language in available_languages(task, split, held):
            data = spec(task, split, cap_examples=5, distractors=3)
            found = encode(data, task, language, held, small)
            assert found.counts["examples"] == (16 if name == "bucc" else 5)
            assert found.counts["tokens"] == len(found.features.tokens) == found.features.offsets[-1]


@pytest.mark.parametrize("name", sorted(NOT_MIRRORED))
def test_a_task_that_cannot_be_mirrored_says_which_path_was_tried(name: str, held: Sources, mirror: Path) -> None:
    with pytest.raises(DataError, match=str(mirror)):
        check_task(CATALOG[name], splits_of(CATALOG[name]), None, held)


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_languages_keep_the_same_items(name: str, held: Sources, small: Any) -> None:
    task = CATALOG[name]
    languages = available_languages(task, "dev", held)
    found = [encode(spec(task, "dev", cap_examples=30), task, code, held, small) for code in languages]
    ids = [{example.id for example in encoded.examples} for encoded in found]
    # PAWS-X leaves out what its translators marked as faulty, in each language other rows.
    shared = 20 if name == "pawsx" else 30
    assert all(len(each & ids[0]) >= shared for each in ids)


def gold_tags(encoded: Encoded, row: int) -> list[str]:
    features = encoded.features
    tags = features.labels["tags"][features.offsets[row] : features.offsets[row + 1]]
    return [encoded.labels[tag] for tag in tags if tag >= 0]


def test_upos_tags_keep_their_names_in_any_order_of_the_label_set(held: Sources, small: Any) -> None:
    task = CATALOG["pos"]
    turned = replace(task, labels=("NOUN", *(label for label in task.labels if label != "NOUN")))
    one, other = (encode(spec(each, "dev"), each, "fi", held, small) for each in (task, turned))
    assert gold_tags(one, 0) == gold_tags(other, 0) == one.examples[0].fields["tags"]
    assert not np.array_equal(one.features.labels["tags"], other.features.labels["tags"])
