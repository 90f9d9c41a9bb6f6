"""Translation by the `apertium` program: rule-based, on the CPU, from English directly or through a pivot language."""

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
"""Sentences in one call of the program, which loads its dictionaries each time."""
BREAK = "\n\n"
"""Separator of paragraphs. The program applies no rule across it."""
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
"""Two-letter code -> codes of the language in the names of modes, with three or two letters."""
PIVOTS = ("es", "ca")
"""Pivot languages, in the order in which they are tried."""
PACKAGES: Mapping[str, str] = {
    "es": "apertium-eng-spa",
    "ca": "apertium-eng-cat",
    "gl": "apertium-en-gl",
    "eo": "apertium-eo-en",
    "pt": "apertium-eng-spa apertium-es-pt",
    "it": "apertium-eng-spa apertium-es-it",
    "fr": "apertium-eng-cat apertium-fra-cat",
}
"""Language -> Debian packages with the dictionaries that its translation from English needs."""


@dataclass(frozen=True)
class Apertium:
    """An engine that calls the program."""

    def batches(self, sentences: Sequence[str]) -> list[list[str]]:
        """The sentences in batches of BATCH."""
        return [list(sentences[start : start + BATCH]) for start in range(0, len(sentences), BATCH)]

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        """The sentences translated by each mode of the route in turn."""
        texts = list(batch)
        for mode in route(language):
            texts = _translate(mode, texts)
        return texts


def route(language: str) -> tuple[str, ...]:
    """The modes that translate from English into a language: one, or two with a pivot language.

    Raises UserError, with the packages to install, if the program or a mode is missing.
    """
    modes = installed()
    for pivot in ("", *PIVOTS):  # the direct mode first
        legs = [("en", language)] if not pivot else [("en", pivot), (pivot, language)]
        route_modes = [next((name for name in _mode_names(*leg) if name in modes), None) for leg in legs]
        if all(route_modes):
            return tuple(name for name in route_modes if name)
    packages = PACKAGES.get(language)
    advice = (
        f"install its dictionaries (Debian: apt-get install {packages})"
        if packages
        else f"it supports {', '.join(PACKAGES)}"
    )
    raise UserError(
        f"Apertium cannot translate English into {language!r}: {advice}. Installed modes: {', '.join(modes) or 'none'}."
    )


def installed() -> tuple[str, ...]:
    """The modes that `apertium -l` lists. Raises UserError if the program is not installed."""
    return _installed(str(_program()))


def identity(language: str) -> str:
    """Digest of the dictionaries and rules that the modes of the route use."""
    prefix = _program().resolve().parent.parent
    modes = [prefix / "share" / "apertium" / "modes" / f"{mode}.mode" for mode in route(language)]
    return digest([_mode_digest(path) for path in modes])


def _mode_names(source: str, target: str) -> Iterator[str]:
    for source_code in NAMES.get(source, (source,)):
        yield from (f"{source_code}-{target_code}" for target_code in NAMES.get(target, (target,)))


def _mode_digest(path: Path) -> str:
    """Digest of the contents of all files of a mode, without their paths, so that it is equal on all machines."""
    if not path.is_file():
        raise UserError(f"Apertium lists the mode {path.stem!r}, but {path} does not exist: install its package again.")
    # A mode is a shell pipeline; the absolute paths among its words are the dictionaries and rules.
    words = dict.fromkeys(re.findall(r"[^\s'\"]+", path.read_text(encoding="utf-8")))
    files = [Path(word) for word in words if os.path.isabs(word) and Path(word).is_file()]  # noqa: PTH117
    return digest([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])


def _program() -> Path:
    path = shutil.which("apertium")
    if path is None:
        raise UserError(
            "by = 'apertium' needs the program `apertium` on every machine that trains: install it (Debian: "
            "apt-get install apertium apertium-eng-spa), or name another translator."
        )
    return Path(path)


@cache
def _installed(program: str) -> tuple[str, ...]:
    # The argument is the key of the cache: another `apertium` on the PATH has other modes.
    return tuple(_run("-l").split())


def _translate(mode: str, sentences: Sequence[str]) -> list[str]:
    """Translate the sentences as paragraphs of one call. If the number of paragraphs changes, use one call for each."""
    # -u: unknown words are not marked with an asterisk.
    paragraphs = _run("-u", mode, text=BREAK.join(sentences)).strip().split(BREAK)
    if len(paragraphs) == len(sentences):
        return [paragraph.strip() for paragraph in paragraphs]
    return [_run("-u", mode, text=sentence).strip() for sentence in sentences]


def _run(*arguments: str, text: str = "") -> str:
    """The output of the program. Raises OSError if it fails."""
    command = [str(_program()), *arguments]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", env=environment, check=False)
    if done.returncode:
        raise OSError(f"`{' '.join(command)}` failed: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout
