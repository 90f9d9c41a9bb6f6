"""`python -m sweeper.data.treebanks DOWNLOAD`: the part-of-speech data of XTREME from Universal Dependencies 2.5.

DOWNLOAD is the unpacked folder `ud-treebanks-v2.5`, which contains one folder for each treebank. The data set is
written to `local/udpos` in the working directory, where the task `pos` reads it.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.data.conllu import Tagged, TieError, tagged_sentences
from sweeper.errors import DataError, UserError
from sweeper.files.draft import atomic_folder
from sweeper.tasks.languages import TREEBANK
from sweeper.tasks.targets import UDPOS, UPOS, udpos_file

SPLITS = {"train": "train", "dev": "validation", "test": "test"}
"""Part of the name of a file -> split of the data set. As in XTREME, the first part that the name contains decides."""
Parts = Mapping[str, Sequence[Tagged]]
"""Split -> sentences."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The data set that was written."""

    sizes: Mapping[str, Mapping[str, int]]
    """Language -> split -> number of sentences."""
    notes: tuple[str, ...]
    """Remarks for the user on languages and files that are missing."""


def lay_out(download: Path, out: Path) -> Layout:
    """Write the data set to the folder `out`, which must not exist.

    The language of a treebank is the prefix of its files (`el_gdt-ud-test.conllu`), so Ancient Greek (`grc_`) does not
    belong to Greek. A file that XTREME's script cannot convert is left out with a note, because the script writes no
    file for it. Raises UserError if `out` exists or `download` has no treebank of the 33 languages, DataError for a
    malformed file.
    """
    if out.exists():
        raise UserError(f"{out} exists. Remove it, or name another folder with --out.")
    files = _files(download)
    if not files:
        raise UserError(
            f"{download} has no file */LANGUAGE_*.conllu of the languages {', '.join(TREEBANK)}. Name the unpacked "
            "folder ud-treebanks-v2.5."
        )
    missing = [code for code in TREEBANK if code not in files]
    notes = [f"The download has no treebank of these languages: {', '.join(missing)}."] if missing else []
    sizes: dict[str, dict[str, int]] = {}

    def fill(draft: Path) -> None:
        for language in filter(files.__contains__, TREEBANK):
            parts = _parts(files[language], language, notes)
            sizes[language] = {split: len(sentences) for split, sentences in parts.items()}
            _write(draft, language, parts)
        (draft / "README.md").write_text(_card(sizes), encoding="utf-8")

    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_folder(out, fill)
    return Layout(sizes=sizes, notes=tuple(notes))


def _files(download: Path) -> dict[str, list[Path]]:
    """Language -> its files, in the order of their names."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(download.glob("*/*.conllu"), key=lambda path: path.name):
        language = path.name.split("_")[0]
        if language in TREEBANK:
            files[language].append(path)
    return files


def _parts(files: Sequence[Path], language: str, notes: list[str]) -> Parts:
    """The sentences of each split that has any. Files that cannot be converted are added to the notes."""
    parts: dict[str, list[Tagged]] = {split: [] for split in SPLITS.values()}
    for path in files:
        split = next((split for part, split in SPLITS.items() if part in path.name), None)
        if split is None:
            notes.append(f"{path} is left out: its name contains none of {', '.join(SPLITS)}.")
            continue
        try:
            sentences = list(tagged_sentences(path, language))
        except TieError as error:
            notes.append(f"{path} is left out, as in XTREME, whose script stops at it: {error}")
            continue
        _check_tags(path, sentences)
        parts[split] += sentences
    return {split: sentences for split, sentences in parts.items() if sentences}


def _check_tags(path: Path, sentences: Sequence[Tagged]) -> None:
    """Raise DataError for a tag that is not one of the 17 universal tags."""
    others = {tag for _, tags in sentences for tag in tags}.difference(UPOS)
    if others:
        raise DataError(f"{path}: tags are universal parts of speech ({', '.join(UPOS)}), got {sorted(others)}.")


def _write(folder: Path, language: str, parts: Parts) -> None:
    for split, sentences in parts.items():
        path = folder / udpos_file(language, split)
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for words, tags in sentences:
                file.write(json.dumps({"tokens": words, "pos_tags": tags}, ensure_ascii=False) + "\n")


def _card(sizes: Mapping[str, Mapping[str, int]]) -> str:
    """README.md, which names the files of each config and split."""
    lines = ["---", "configs:"]
    for language, splits in sizes.items():
        lines += [f"- config_name: '{language}'", "  data_files:"]
        lines += [f"  - split: {split}\n    path: {udpos_file(language, split)}" for split in splits]
    lines += ["---", "", "Words and parts of speech from Universal Dependencies, selected as in XTREME."]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the data set and print its sizes. Exit codes: 0 success, 2 a mistake of the user."""
    parser = argparse.ArgumentParser(
        prog="python -m sweeper.data.treebanks",
        description="Write the part-of-speech data of XTREME from a download of Universal Dependencies 2.5.",
    )
    parser.add_argument("download", metavar="DOWNLOAD", type=Path, help="the unpacked folder ud-treebanks-v2.5")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path(UDPOS), help=f"folder to write ({UDPOS})")
    options = parser.parse_args(arguments)
    try:
        layout = lay_out(options.download, options.out)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sizes = (
        f"{language}  " + "  ".join(f"{split} {size:,}" for split, size in splits.items())
        for language, splits in layout.sizes.items()
    )
    sys.stdout.write("\n".join([*sizes, *layout.notes, f"Data set: {options.out}\n"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
