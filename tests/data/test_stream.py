"""The first rows of a split: streamed once, in the order of the split, without reading the rest of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import ClassLabel
from pyarrow import parquet
from transformers import PreTrainedTokenizerFast

from sweeper.data.encode import encode
from sweeper.data.source import Sources, data_identity
from sweeper.errors import DataError, UserError
from sweeper.records.spec import DataSpec
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task

ROWS = Rows(id="demo/articles", split="train")
WORDS = ("one", "two", "three", "four", "five")


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """A repository with five texts in its first file. The second file of the split is not a parquet file.

    `datasets` reads one group of rows ahead, so the groups of the first file are small.
    """
    folder = tmp_path / "mirror" / "datasets" / "demo" / "articles"
    folder.mkdir(parents=True)
    parquet.write_table(pa.table({"text": list(WORDS)}), folder / "train-00000-of-00002.parquet", row_group_size=2)
    (folder / "train-00001-of-00002.parquet").write_bytes(b"this is not parquet")
    return folder


@pytest.mark.usefixtures("articles")
def test_the_first_rows_are_those_at_the_beginning_of_the_split_and_the_rest_is_not_read(sources: Sources) -> None:
    for number in (1, 3, 4):
        table = sources.load(replace(ROWS, first=number))
        assert [row["text"] for row in table] == list(WORDS[:number])
    with pytest.raises(DataError, match="cannot be read"):
        sources.load(ROWS)


def test_rows_are_streamed_once_and_then_read_from_the_cache(sources: Sources, articles: Path) -> None:
    rows = replace(ROWS, first=3)
    assert len(sources.load(rows)) == 3
    [entry] = (sources.cache / "first").iterdir()
    written = {path.name: path.stat().st_mtime_ns for path in entry.iterdir()}
    assert len(Sources(mirror=sources.mirror, cache=sources.cache).load(rows)) == 3
    assert {path.name: path.stat().st_mtime_ns for path in entry.iterdir()} == written
    # An interrupted process leaves an entry without its last file, which is streamed again.
    (entry / "state.json").unlink()
    assert [row["text"] for row in sources.load(rows)] == list(WORDS[:3])
    parquet.write_table(pa.table({"text": ["new"] * 5}), articles / "train-00000-of-00002.parquet", row_group_size=2)
    assert [row["text"] for row in sources.load(rows)] == ["new"] * 3


@pytest.mark.usefixtures("articles")
@pytest.mark.parametrize("name", ["data-00000-of-00001.arrow", "state.json", "dataset_info.json", "manifest.json"])
def test_damaged_first_rows_are_streamed_again(sources: Sources, name: str) -> None:
    rows = replace(ROWS, first=3)
    sources.load(rows)
    [entry] = (sources.cache / "first").iterdir()
    content = (entry / name).read_bytes()
    (entry / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    again = Sources(mirror=sources.mirror, cache=sources.cache)
    assert [row["text"] for row in again.load(rows)] == list(WORDS[:3])
    assert (entry / name).read_bytes() == content


def test_a_split_with_fewer_rows_is_read_completely_with_its_label_names(
    sources: Sources, write: Callable[..., None]
) -> None:
    columns = {"text": ["a", "b"], "label": [1, 0]}
    write("demo/pairs", {"en": {"train": columns}}, {"label": ClassLabel(names=["no", "yes"])})
    rows = Rows(id="demo/pairs", config="en", split="train", first=9)
    assert list(sources.load(rows)) == [{"text": "a", "label": "yes"}, {"text": "b", "label": "no"}]


def task(first: int | None) -> Task:
    rows = {"en": (replace(ROWS, first=first),)}
    return Task(name="articles", title="", format="mlm", scorer="loss", columns={"text": "text"}, train=rows)


@pytest.mark.usefixtures("articles")
def test_a_corpus_of_first_rows_is_tokenised_and_its_number_of_rows_is_part_of_its_identity(
    sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    data = DataSpec(task="articles", part="train", languages=("en",), max_length=8, stride=2)
    sizes = {n: len(encode(data, task(n), "en", sources, tokenizer).examples) for n in (2, 4)}
    assert sizes == {2: 2, 4: 4}
    identities = {data_identity(task(n), "train", ("en",), sources) for n in (None, 2, 4)}
    assert len(identities) == 3


@pytest.mark.usefixtures("articles")
def test_an_error_about_first_rows_names_their_number(sources: Sources) -> None:
    with pytest.raises(DataError, match=r"split 'other', first 1,000 rows\) is missing"):
        sources.load(replace(ROWS, split="other", first=1000))
    with pytest.raises(UserError, match="Rows need first >= 1, or None for the whole split, got 0"):
        replace(ROWS, first=0)


def test_the_text_of_masked_language_modelling_is_a_pinned_part_of_wikipedia_on_the_hub(tmp_path: Path) -> None:
    sources = Sources(mirror=None, cache=tmp_path)
    for language, rows_list in CATALOG["mlm_text"].train.items():
        [rows] = rows_list
        assert (rows.id, rows.config, rows.first) == ("wikimedia/wikipedia", f"20231101.{language}", 10_000)
        assert sources.path(rows) is None
        # A pinned commit is its own identity, without a request.
        assert sources.identity(rows) == rows.revision
