"""The layout of a download of Universal Dependencies as the data set of `pos`."""

import json
from pathlib import Path

import pytest

from sweeper.data.encode import encode
from sweeper.data.source import Sources, available_languages
from sweeper.data.treebanks import lay_out, main
from sweeper.errors import DataError, UserError
from sweeper.records.spec import DataSpec
from sweeper.tasks.catalog import CATALOG
from tests.data.treebanks import FRENCH, SHORT, node, token, write
from tests.tokenizers_tiny import tiny_tokenizer

GREEK = (node(1, "λίμνη", "NOUN", 0),)
ANCIENT = (node(1, "λόγος", "NOUN", 0),)
TIE = (node(1, "a", "NOUN", 0), token(2, 3, "bc"), node(2, "b", "SYM", 1), node(3, "c", "ADP", 1))


@pytest.fixture
def download(tmp_path: Path) -> Path:
    folder = tmp_path / "ud-treebanks-v2.5"
    write(folder / "UD_French-B" / "fr_b-ud-test.conllu", SHORT)
    write(folder / "UD_French-A" / "fr_a-ud-test.conllu", FRENCH)
    write(folder / "UD_French-A" / "fr_a-ud-train.conllu", FRENCH, SHORT, SHORT)
    write(folder / "UD_French-A" / "fr_a-ud-dev.conllu", SHORT)
    write(folder / "UD_Greek-GDT" / "el_gdt-ud-test.conllu", GREEK)
    write(folder / "UD_Ancient_Greek-PROIEL" / "grc_proiel-ud-test.conllu", ANCIENT)
    return folder


def lines(path: Path) -> list[list[str]]:
    return [json.loads(line)["tokens"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_language_has_the_treebanks_with_its_prefix_in_the_order_of_their_file_names(
    download: Path, tmp_path: Path
) -> None:
    layout = lay_out(download, tmp_path / "local" / "udpos")
    assert layout.sizes == {"el": {"test": 1}, "fr": {"train": 3, "validation": 1, "test": 2}}
    assert lines(tmp_path / "local/udpos/el/test.jsonl") == [["λίμνη"]], "Ancient Greek is another language"
    assert lines(tmp_path / "local/udpos/fr/test.jsonl") == [["Au", "bord", "du", "lac", "dors", "."], ["Le", "lac"]]
    [note] = layout.notes
    assert note.startswith("The download has no treebank of these languages: af, ar, bg")


def test_the_task_pos_reads_the_layout_from_the_working_directory(
    download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(download)]) == 0
    assert "fr  train 3  validation 1  test 2\n" in capsys.readouterr().out
    sources, task = Sources(mirror=None, cache=tmp_path / "cache"), CATALOG["pos"]
    assert available_languages(task, "test", sources) == ("el", "fr")
    data = DataSpec(task="pos", part="test", languages=("fr",), max_length=64, stride=16)
    encoded = encode(data, task, "fr", sources, tiny_tokenizer())
    assert [example.fields["tags"] for example in encoded.examples] == [
        ["ADP", "NOUN", "ADP", "NOUN", "VERB", "PUNCT"],
        ["DET", "NOUN"],
    ]


def test_a_file_that_the_script_of_xtreme_cannot_convert_is_left_out_with_a_note(
    download: Path, tmp_path: Path
) -> None:
    write(download / "UD_German-X" / "de_x-ud-test.conllu", SHORT, TIE)
    write(download / "UD_German-Y" / "de_y-ud-test.conllu", SHORT)
    layout = lay_out(download, tmp_path / "udpos")
    assert layout.sizes["de"] == {"test": 1}
    assert any(
        "de_x-ud-test.conllu is left out, as in XTREME, whose script stops at it" in note for note in layout.notes
    )


def test_a_tag_that_is_not_universal_is_an_error_and_nothing_is_written(download: Path, tmp_path: Path) -> None:
    write(download / "UD_German-X" / "de_x-ud-test.conllu", [node(1, "lac", "NN", 0)])
    with pytest.raises(DataError, match=r"de_x-ud-test.conllu: tags are universal .* got \['NN'\]"):
        lay_out(download, tmp_path / "udpos")
    assert not (tmp_path / "udpos").exists()


def test_a_folder_without_treebanks_and_an_existing_output_folder_are_errors(
    download: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="Name the unpacked folder ud-treebanks"):
        lay_out(tmp_path / "nothing", tmp_path / "udpos")
    assert main([str(download), "--out", str(download)]) == 2
    assert "exists. Remove it, or name another folder with --out." in capsys.readouterr().err
