"""Where a translator is, and what stands for it in keys."""

from pathlib import Path

from sweeper.data.source import Sources
from sweeper.data.translate import apertium
from sweeper.data.translate.recorded import Recorded
from sweeper.files.folder import own_path
from sweeper.space import APERTIUM, FOLDER

GENERATION = ("generation_config.json", "*.spm")
"""Files of a translation model that an encoder does not have."""


def portable_name(by: str, language: str, sources: Sources) -> str:
    """The translator's name for any process: a folder of the user's own in full."""
    if by.startswith(FOLDER):
        return f"{FOLDER}{own_path(by.removeprefix(FOLDER)).resolve()}"
    place = Path(sources.model_location(model_id(by, language)))
    own = by != APERTIUM and place.is_dir() and not (sources.mirror and place.is_relative_to(sources.mirror))
    return str(own_path(by).absolute()) if own else by


def model_id(by: str, language: str) -> str:
    """The model for a language, where there is one for each."""
    return by.replace("{language}", language)


def translator_identity(by: str, language: str, revision: str | None, sources: Sources) -> str:
    """What decides the translations into a language: a model's Hub commit, or a digest of files.

    Raises UserError if the model, the folder or the program is not there.
    """
    if by.startswith(FOLDER):
        return Recorded(Path(by.removeprefix(FOLDER))).identity
    if by == APERTIUM:
        return apertium.identity(language)
    return sources.model_identity(model_id(by, language), revision, GENERATION)
