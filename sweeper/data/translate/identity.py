"""Name of a translator that is valid on every worker, and its identity in keys."""

from pathlib import Path

from sweeper.data.source import Sources
from sweeper.data.translate import apertium
from sweeper.data.translate.recorded import Recorded
from sweeper.space import APERTIUM, FOLDER

GENERATION = ("generation_config.json", "*.spm")
"""Patterns of files that a translation model has in addition to those of an encoder."""


def portable_name(by: str, language: str, sources: Sources) -> str:
    """The translator's name, with an absolute path for a local folder, so that it is valid in every process."""
    if by.startswith(FOLDER):
        return f"{FOLDER}{sources.places.local(by.removeprefix(FOLDER)).resolve()}"
    if by == APERTIUM:
        return by
    folder = Path(sources.model_location(model_id(by, language)))
    is_local = folder.is_dir() and not (sources.mirror and folder.is_relative_to(sources.mirror))
    # `by` may contain `{language}`, so its own path is made absolute, and not that of one language's model.
    return str(sources.places.local(by, lambda path: _of_language(path, language).is_dir())) if is_local else by


def _of_language(path: Path, language: str) -> Path:
    return Path(model_id(str(path), language))


def model_id(by: str, language: str) -> str:
    """The model for a language: `by` with the code in place of `{language}`, if it contains that."""
    return by.replace("{language}", language)


def translator_identity(by: str, language: str, revision: str | None, sources: Sources) -> str:
    """Identity of the translations into a language: the Hub commit of a model, or a digest of files.

    Raises UserError if the model, the folder or the program is missing.
    """
    if by.startswith(FOLDER):
        return Recorded(Path(by.removeprefix(FOLDER))).identity
    if by == APERTIUM:
        return apertium.identity(language)
    return sources.model_identity(model_id(by, language), revision, GENERATION)
