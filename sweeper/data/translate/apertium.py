"""The `apertium` program: rule-based translation on the CPU, straight out of English or by way of a third language."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sweeper.errors import UserError
from sweeper.files.digests import digest

BATCH = 500
"""Sentences a call of the program: loading its dictionaries takes a while."""
BREAK = "\n\n"
"""What the program takes for the end of a paragraph, over which no rule reaches."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "en": ("eng", "en"),
    "es": ("spa", "es"),
    "ca": ("cat", "ca"),
    "gl": ("glg", "gl"),
    "eo": ("epo", "eo"),
    "pt": ("por", "pt"),
    "it": ("ita", "it"),
    "fr": ("fra", "fr"),
}
"""Our code -> what a language is called in the names of modes, which are of two letters or of three."""
PIVOTS = ("es", "ca")
"""The languages by way of which a third one is reached, in this order."""
PACKAGES: Mapping[str, str] = {
    "es": "apertium-eng-spa",
    "ca": "apertium-eng-cat",
    "gl": "apertium-en-gl",
    "eo": "apertium-eo-en",
    "pt": "apertium-eng-spa apertium-es-pt",
    "it": "apertium-eng-spa apertium-es-it",
    "fr": "apertium-eng-cat apertium-fra-cat",
}
"""Debian packages with the dictionaries of a pair."""


@dataclass(frozen=True)
class Apertium:
    """An engine around the program."""

    def batches(self, sentences: Sequence[str]) -> list[list[str]]:
        """BATCH sentences each."""
        return [list(sentences[start : start + BATCH]) for start in range(0, len(sentences), BATCH)]

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        """The sentences through every mode on the way."""
        said = list(batch)
        for mode in route(language):
            said = _through(mode, said)
        return said


def route(language: str) -> tuple[str, ...]:
    """The modes that lead from English to a language: one, or two by way of a pivot.

    Raises UserError saying what to install if the program or the modes are not there.
    """
    modes = installed()
    for pivot in ("", *PIVOTS):
        legs = [("en", language)] if not pivot else [("en", pivot), (pivot, language)]
        found = [next((name for name in _mode_names(*leg) if name in modes), None) for leg in legs]
        if all(found):
            return tuple(name for name in found if name)
    wanted = PACKAGES.get(language)
    told = f"install it (Debian: apt-get install {wanted})" if wanted else f"it can do {', '.join(PACKAGES)}"
    raise UserError(
        f"Apertium cannot translate English into {language!r}: {told}. Installed modes: {', '.join(modes) or 'none'}."
    )


def installed() -> tuple[str, ...]:
    """The modes that `apertium -l` lists. Raises UserError if the program is not there."""
    return _installed(str(_program()))


def identity(language: str) -> str:
    """Digest of the dictionaries and rules behind every mode on the way."""
    prefix = _program().resolve().parent.parent
    modes = [prefix / "share" / "apertium" / "modes" / f"{mode}.mode" for mode in route(language)]
    return digest([_mode_digest(path) for path in modes])


def _mode_names(source: str, target: str) -> Iterator[str]:
    for one in NAMES.get(source, (source,)):
        yield from (f"{one}-{other}" for other in NAMES.get(target, (target,)))


def _mode_digest(path: Path) -> str:
    """sha256 over the files that a mode names, each once; their places stay out, so that machines compare."""
    if not path.is_file():
        raise UserError(f"Apertium lists the mode {path.stem!r}, but there is no {path}: install it again.")
    words = dict.fromkeys(re.findall(r"[^\s'\"]+", path.read_text(encoding="utf-8")))
    files = [Path(word) for word in words if os.path.isabs(word) and Path(word).is_file()]  # noqa: PTH117
    return digest([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])


def _program() -> Path:
    found = shutil.which("apertium")
    if found is None:
        raise UserError(
            "by = 'apertium' needs the program of that name, on every machine that trains: install it (Debian: "
            "apt-get install apertium apertium-eng-spa), or name another translator."
        )
    return Path(found)


@cache
def _installed(program: str) -> tuple[str, ...]:
    return tuple(_run("-l").split())


def _through(mode: str, sentences: Sequence[str]) -> list[str]:
    """Each sentence a paragraph; should the paragraphs not come back as they went, each by itself."""
    said = _run("-u", mode, text=BREAK.join(sentences)).strip().split(BREAK)
    if len(said) == len(sentences):
        return [one.strip() for one in said]
    return [_run("-u", mode, text=sentence).strip() for sentence in sentences]


def _run(*arguments: str, text: str = "") -> str:
    """What the program prints. Raises OSError if it fails."""
    command = [str(_program()), *arguments]
    surroundings = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", env=surroundings, check=False)
    if done.returncode:
        raise OSError(f"`{' '.join(command)}` has failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
