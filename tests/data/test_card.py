"""Cards of data sets: what they list, and messages for malformed ones."""

from pathlib import Path

import pytest
import yaml
from datasets.data_files import resolve_pattern
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.data.card import EMPTY, read_card
from sweeper.data.mirror import config_list, rows_digest, split_files, split_list
from sweeper.errors import DataError

MALFORMED = {
    "not YAML": "configs: [",
    "a text": "just text",
    "a number": "3",
    "a list": "- configs",
    "configs is a number": "configs: 3",
    "configs is a mapping": "configs: {config_name: a}",
    "a config is a text": "configs: [a]",
    "a config name is a list": "configs: [{config_name: [a]}]",
    "files are a mapping": "configs: [{data_files: {train: a.jsonl}}]",
    "files without a path": "configs: [{data_files: [{split: train}]}]",
    "files without a split": "configs: [{data_files: [{path: a.jsonl}]}]",
    "a path is a mapping": "configs: [{data_files: [{split: train, path: {a: b}}]}]",
    "a folder is a list": "configs: [{data_dir: [a]}]",
    "a parent folder": "configs: [{data_files: '../*.jsonl'}]",
    "a parent folder of a split": "configs: [{data_files: [{split: train, path: [a.jsonl, ../../b.jsonl]}]}]",
    "an absolute path": "configs: [{data_files: /etc/passwd}]",
    "an absolute folder": "configs: [{data_dir: /etc/apt}]",
    "information is a number": "dataset_info: 3",
    "information is a list of texts": "dataset_info: [a]",
    "a Python object": "configs: !!python/object/apply:os.system [ls]",
    "nested without end": "configs: &a [*a]",
    "deeply nested": "[" * 5_000,
}


def written(folder: Path, front_matter: str) -> Path:
    (folder / "README.md").write_text(f"---\n{front_matter}\n---\n\n# A data set\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_card_is_a_data_error_that_names_its_file(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, MALFORMED[name])
    for read in (config_list, lambda path: split_list(path, None), lambda path: split_files(path, None, "train")):
        with pytest.raises(DataError, match=r"^The card of a data set, .*README\.md, (cannot be|has a wrong|lists)"):
            read(folder)


def test_a_readme_that_is_no_text_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"---\nconfigs: \xff\n---\n")
    with pytest.raises(DataError, match="cannot be read: 'utf-8' codec"):
        read_card(tmp_path)


@pytest.mark.parametrize("text", ["", "# A data set\n", "---\n---\n", "---\nlicense: mit\n---\n"])
def test_a_readme_without_configs_is_an_empty_card(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert read_card(tmp_path) == EMPTY


def test_names_that_yaml_reads_as_numbers_are_texts(tmp_path: Path) -> None:
    files = {"split": 2020, "path": "a.jsonl"}
    folder = written(tmp_path, yaml.safe_dump({"configs": [{"config_name": 2023, "data_files": [files]}]}))
    assert config_list(folder) == ("2023",)
    assert split_list(folder, "2023") == ("2020",)


@pytest.mark.parametrize("pattern", [".", "", "**x", "a/**b", "./", "a" * 5_000])
def test_a_path_that_is_no_file_name_gives_no_files_or_a_data_error(tmp_path: Path, pattern: str) -> None:
    folder = written(tmp_path, yaml.safe_dump({"configs": [{"data_files": [{"split": "train", "path": pattern}]}]}))
    try:
        assert split_files(folder, None, "train") == []
    except DataError as error:
        assert "which is no file name" in str(error)


@pytest.mark.parametrize(
    "pattern", ["**", "**/*", "a/**", "a/**/*", "*/*", "a/*.jsonl", "**/README.md", ".*/*", "__*/*"]
)
def test_a_path_of_a_card_has_the_files_that_datasets_reads(tmp_path: Path, pattern: str) -> None:
    """Metadata, hidden files and special folders only if the path has them."""
    folder = written(tmp_path, yaml.safe_dump({"configs": [{"data_files": [{"split": "train", "path": pattern}]}]}))
    for name in ("a/b.jsonl", "a/c/d.jsonl", "a/.e.jsonl", "a/README.md", "a/config.json", ".f/g.jsonl", "__h/i.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    files = split_files(folder, None, "train")
    assert sorted(map(str, files)) == sorted(resolve_pattern(pattern, str(folder)))


def test_a_path_that_ends_with_two_asterisks_is_all_files_below(tmp_path: Path) -> None:
    """As in `datasets`. The method `glob` of paths finds them from Python 3.13 on."""
    folder = written(tmp_path, yaml.safe_dump({"configs": [{"data_files": [{"split": "train", "path": "a/**"}]}]}))
    files = [folder / "a" / "b.jsonl", folder / "a" / "c" / "d.jsonl"]
    for file in (*files, folder / "a" / ".cache" / "b.jsonl", folder / "a" / "README.md"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert split_files(folder, None, "train") == files


def test_features_whose_names_have_no_order_have_a_digest(tmp_path: Path) -> None:
    folder = written(tmp_path, "dataset_info: {features: {1: 2, a: 3}}")
    assert rows_digest(folder, None, None) == rows_digest(folder, None, None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(["a.jsonl", "", ".", "*", "**/*", "[", "/", "..", "a/../../b", "\0", "~", "C:\\a"])
FIELDS = st.sampled_from(["config_name", "data_files", "data_dir", "default", "features", "split", "path"])
ENTRIES = st.dictionaries(FIELDS, VALUES | PATHS | st.lists(st.dictionaries(FIELDS, VALUES | PATHS, max_size=3)))
CARDS = st.fixed_dictionaries(
    {}, optional={"configs": VALUES | st.lists(ENTRIES, max_size=3), "dataset_info": VALUES | ENTRIES}
)


@pytest.mark.seconds
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CARDS)
def test_any_card_is_read_or_refused_with_a_data_error(tmp_path: Path, fields: dict[str, object]) -> None:
    outside = tmp_path / "outside.jsonl"
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    outside.touch()
    (folder / "a.jsonl").touch()
    written(folder, yaml.safe_dump(fields))
    read_card.__globals__["_read"].cache_clear()
    try:
        files = split_files(folder, None, "train")
        split_list(folder, None)
        rows_digest(folder, None, None)
    except DataError:
        return
    assert all(folder in path.parents for path in files)
    assert outside not in files
