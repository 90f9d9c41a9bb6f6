"""Exports an encoder of a run as an ordinary Hugging Face folder with a model card."""

import shutil
from pathlib import Path
from shlex import quote

from sweeper.errors import UserError
from sweeper.files.manifest import MANIFEST
from sweeper.records.spec import training_key
from sweeper.run.run import Run

from ..results.load import load
from .card import write_card
from .choice import Chosen, ExportOptions, choose_export


def export_encoder(run: str, folder: Path, options: ExportOptions) -> Path:
    """Copy an encoder of a run (a path or an fsspec URL) into `folder` with a model card, and return the folder.

    Raises UserError as `choose_export` does, if `folder` is not empty, or if the encoder store does not have the
    encoder.
    """
    if options.with_head:
        raise UserError("A head needs torch: use `sweeper export --with-head`.")
    data = load(run)
    check_is_new(folder)
    chosen = choose_export(data, options)
    copy_encoder(run, chosen, folder)
    write_card(data, chosen, folder)
    return folder


def check_is_new(folder: Path) -> None:
    """Raise UserError unless the folder is empty or does not exist."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty: name a new folder.")


def copy_encoder(run: str, chosen: Chosen, folder: Path) -> None:
    """Copy the encoder from the store of a run. Raises UserError if the store does not have it."""
    recorded = Run.open(run)
    key, store = training_key(chosen.model, chosen.encoder), recorded.store
    if not store.has(key):
        is_removed = recorded.space.keep_encoders == "needed"
        cause = " It was removed when no trial needed it any more (keep_encoders = 'needed')." if is_removed else ""
        names = {"models": chosen.model.name, "recipes": chosen.recipe, "seeds": str(chosen.seed)}
        part = " ".join(f"--only {quote(f'{key}={name}')}" for key, name in names.items())
        raise UserError(
            f"The store {store.folder.url} does not have the encoder {key} of recipe {chosen.recipe!r}, seed "
            f"{chosen.seed}.{cause} To make it again, run the space in a new folder: sweeper run SPACE --out NEW "
            f"--set keep_encoders=all {part}."
        )
    # The heads of earlier tasks and the manifest of the store are of no use outside the sweep.
    shutil.copytree(store.fetch(key), folder, ignore=shutil.ignore_patterns(MANIFEST, "heads"), dirs_exist_ok=True)
