"""Files and folders of the user as data sets: types of files, slices, relative paths, and messages about mistakes."""

from dataclasses import replace
from pathlib import Path

import pytest
from datasets import Dataset

from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.tasks.spec import Rows

LINES = [{"text": f"word {number}", "label": ("no", "yes")[number % 2]} for number in range(10)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a space file with one file of each type and with folders, beside the working directory."""
    folder, table = tmp_path / "project", Dataset.from_list(LINES)
    (folder / "single").mkdir(parents=True)
    (folder / "split").mkdir()
    table.to_csv(folder / "senti.csv", index=False)
    table.to_csv(folder / "senti.tsv", index=False, sep="\t")
    table.to_json(folder / "senti.jsonl")
    table.to_json(folder / "senti.json", lines=False)
    table.to_parquet(folder / "senti.parquet")
    table.to_csv(folder / "single" / "mine.csv", index=False)
    for split in ("train", "test"):
        table.to_csv(folder / "split" / f"{split}.csv", index=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return folder


@pytest.fixture
def sources(project: Path, tmp_path: Path) -> Sources:
    return Sources(mirror=None, cache=tmp_path / "cache", base=project)


def texts(sources: Sources, rows: Rows) -> list[str]:
    return [row["text"] for row in sources.load(rows)]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_a_file_beside_the_space_file_is_one_split_under_any_name(sources: Sources, suffix: str) -> None:
    rows = Rows(id=f"senti.{suffix}")
    assert sources.has(rows)
    assert list(sources.load(rows)) == LINES
    assert list(sources.load(replace(rows, split="validation"))) == LINES


@pytest.mark.parametrize("id_", ["./senti.csv", "single", "split"])
def test_slices_have_the_notation_of_datasets_for_files_and_folders(sources: Sources, id_: str) -> None:
    both = [texts(sources, Rows(id=id_, split=split)) for split in ("train[:90%]", "train[90%:]")]
    assert both[0] + both[1] == [row["text"] for row in LINES]
    assert len(both[1]) == 1
    assert texts(sources, Rows(id=id_, split="train[2:4]")) == ["word 2", "word 3"]
    assert len({sources.identity(Rows(id=id_, split=split)) for split in ("train", "train[:5]")}) == 1
    with pytest.raises(UserError, match=r"split='train\[50%\]' is not a slice: write train\[:50%\]"):
        sources.load(Rows(id=id_, split="train[50%]"))


def test_a_sum_of_splits_needs_all_of_them(sources: Sources) -> None:
    assert len(texts(sources, Rows(id="split", split="train+test[:2]"))) == 12
    assert not sources.has(Rows(id="split", split="train+validation"))


def test_a_folder_whose_files_have_no_split_name_is_its_train_split(sources: Sources) -> None:
    assert texts(sources, Rows(id="single")) == [row["text"] for row in LINES]
    with pytest.raises(DataError, match=r"split 'test'\) is missing: .*single has train\. Name another split"):
        sources.load(Rows(id="single", split="test"))
    with pytest.raises(DataError, match=r"is missing: .*split has test, train\."):
        sources.load(Rows(id="split", split="validation"))


def test_a_missing_config_is_answered_with_the_configs_of_the_folder(sources: Sources, project: Path) -> None:
    entries = "".join(f"- config_name: {name}\n  data_files: senti.csv\n" for name in ("de", "fr"))
    (project / "split" / "README.md").write_text(f"---\nconfigs:\n{entries}---\n")
    for config in (None, "en"):
        with pytest.raises(
            DataError, match=r"is missing: .*split has the configs de, fr\. Name another split or config"
        ):
            sources.load(Rows(id="split", config=config))


def test_the_first_rows_of_a_file_are_read_and_a_slice_of_them_is_refused(sources: Sources) -> None:
    assert len(texts(sources, Rows(id="senti.csv", first=3))) == 3
    with pytest.raises(UserError, match="Write a slice instead"):
        Rows(id="senti.csv", split="train[:5]", first=3)


def test_a_relative_path_starts_from_the_space_file_and_then_from_the_working_directory(
    sources: Sources, project: Path
) -> None:
    assert sources.path(Rows(id="senti.csv")) == project / "senti.csv"
    (project / "senti.csv").rename("senti.csv")
    assert sources.path(Rows(id="senti.csv")) == Path.cwd() / "senti.csv"
    assert sources.pinned(Rows(id="senti.csv")).id == str(Path.cwd() / "senti.csv")


def test_the_identity_of_a_file_does_not_depend_on_its_folder(sources: Sources, project: Path) -> None:
    before = sources.identity(Rows(id="senti.csv"))
    project.rename(project.with_name("moved"))
    assert replace(sources, base=project.with_name("moved")).identity(Rows(id="senti.csv")) == before


def test_a_missing_file_is_named_with_the_folders_that_were_tried_and_the_nearest_file(
    sources: Sources, project: Path
) -> None:
    with pytest.raises(DataError) as error:
        sources.load(Rows(id="data/sentiment.csv"))
    message = str(error.value)
    assert f"tried {project}/data/sentiment.csv, {Path.cwd()}/data/sentiment.csv." in message
    assert f"A relative path starts from {project}, the folder of the space file, or {Path.cwd()}." in message
    assert "Did you mean 'senti.csv'?" in message
    assert "huggingface" not in message


def test_a_missing_file_suggests_files_and_a_missing_id_suggests_repositories_of_the_mirror(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = tmp_path / "mirror/datasets/org/sentiment"
    repository.mkdir(parents=True)
    (repository / "README.md").touch()
    places = Sources(mirror=tmp_path / "mirror", cache=tmp_path, base=project).places
    assert places.hint("datasets", "./sentimen.csv").startswith(" Did you mean 'senti.csv'? Available here: senti.csv,")
    # The namespace `org` is not a data set.
    assert "here: org/sentiment, senti.csv" in places.hint("datasets", "org/sentimnt")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("latin.csv", "text,label\ncaf\xe9,yes\n".encode("latin-1"), "'utf-8' codec can't decode byte 0xe9"),
        ("wide.csv", b"text,label\na,yes\na,no,b\n", "Expected 2 fields in line 3, saw 3"),
        ("broken.jsonl", b'{"text": "a", "label": "yes"}\n{oops', "JSON parse error"),
        ("empty.csv", b"", "No columns to parse from file"),
        ("header.csv", b"text,label\n", "it has no rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported_with_the_reason(
    sources: Sources, project: Path, name: str, content: bytes, reason: str
) -> None:
    (project / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} cannot be read: .*{reason}"):
        sources.load(Rows(id=name))


def test_a_file_of_another_type_is_refused_with_the_known_suffixes(sources: Sources, project: Path) -> None:
    (project / "senti.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"senti\.xlsx is not a data file: its name must end in \.csv, \.tsv"):
        sources.load(Rows(id="./senti.xlsx"))


def test_a_mistyped_model_suggests_the_models_of_the_mirror_and_the_folders_beside_the_space(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for folder in (tmp_path / "mirror/models/org/mini-xlmr", tmp_path / "mirror/models/large", project / "encoder"):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    sources = Sources(mirror=tmp_path / "mirror", cache=tmp_path, base=project)
    with pytest.raises(UserError, match=r"no model 'mini-xlm': .*Did you mean 'org/mini-xlmr'\? Available here: lar"):
        sources.model_identity("mini-xlm", None)
    with pytest.raises(UserError) as error:
        sources.model_identity("./encodr", None)
    assert f"tried {project}/encodr, {Path.cwd()}/encodr. A relative path starts from" in str(error.value)
    assert "Did you mean './encoder'?" in str(error.value)
    assert sources.model_location("./encoder") == str(project / "encoder")
