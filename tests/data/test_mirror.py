"""Real data sets: every catalog entry in the mirror loads and encodes, with parallel ids and named labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from sweeper.data.encode import encode
from sweeper.data.entry import Encoded
from sweeper.data.source import Sources, available_languages, check_task
from sweeper.errors import DataError
from sweeper.records.spec import DataSpec
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Split, Task

pytestmark = pytest.mark.mirror

NOT_MIRRORED = {
    "qqp",
    "ccg",
    "bucc2018",
    "siqa",
    "pos",
    "mlm_text",
    "pos_r",
    "mewslix",
    "mewslix_pairs",
    "mewslix_entities",
    "sib200",
    "belebele",
    "americas_nli",
    "ntrex",
}
PARALLEL = ("xnli", "pawsx", "xquad")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sources(mirror: Path, cache: Path) -> Sources:
    return Sources(mirror=mirror, cache=cache)


@pytest.fixture
def small(sources: Sources) -> Any:
    return AutoTokenizer.from_pretrained(sources.model_location("mini-xlmr"))


def spec(task: Task, split: Split, **more: Any) -> DataSpec:
    return DataSpec(task=task.name, part=split, languages=(), max_length=128, stride=32, **more)


def splits_of(task: Task) -> list[Split]:
    return [split for split in ("train", "dev") if task.rows(split)]


@pytest.mark.parametrize("name", sorted(set(CATALOG) - NOT_MIRRORED))
def test_five_examples_of_every_language_in_the_mirror_encode(name: str, sources: Sources, small: Any) -> None:
    task = CATALOG[name]
    check_task(task, splits_of(task), None, sources)
    for split in splits_of(task):
        for language in available_languages(task, split, sources):
            data = spec(task, split, cap_examples=5, distractors=3)
            encoded = encode(data, task, language, sources, small)
            assert encoded.counts["examples"] == (16 if name == "bucc" else 5)
            assert encoded.counts["tokens"] == len(encoded.features.tokens) == encoded.features.offsets[-1]


@pytest.mark.parametrize("name", sorted(NOT_MIRRORED))
def test_the_error_of_a_task_without_a_mirror_names_the_path_that_was_tried(
    name: str, sources: Sources, mirror: Path
) -> None:
    with pytest.raises(DataError, match=str(mirror)):
        check_task(CATALOG[name], splits_of(CATALOG[name]), None, sources)


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_languages_keep_the_same_items(name: str, sources: Sources, small: Any) -> None:
    task = CATALOG[name]
    languages = available_languages(task, "dev", sources)
    encoded_languages = [encode(spec(task, "dev", cap_examples=30), task, code, sources, small) for code in languages]
    ids = [{example.id for example in encoded.examples} for encoded in encoded_languages]
    # PAWS-X leaves out the rows that its translators marked as faulty, which differ between languages.
    shared = 20 if name == "pawsx" else 30
    assert all(len(language_ids & ids[0]) >= shared for language_ids in ids)


def gold_tags(encoded: Encoded, row: int) -> list[str]:
    features = encoded.features
    tags = features.labels["tags"][features.offsets[row] : features.offsets[row + 1]]
    return [encoded.labels[tag] for tag in tags if tag >= 0]


def test_upos_tags_keep_their_names_in_any_order_of_the_label_set(sources: Sources, small: Any) -> None:
    task = CATALOG["pos_hub"]
    reordered = replace(task, labels=("NOUN", *(label for label in task.labels if label != "NOUN")))
    first, second = (encode(spec(entry, "dev"), entry, "fi", sources, small) for entry in (task, reordered))
    assert gold_tags(first, 0) == gold_tags(second, 0) == first.examples[0].fields["tags"]
    assert not np.array_equal(first.features.labels["tags"], second.features.labels["tags"])
