"""Uploads a folder to a model repository on the Hub."""

import re
from pathlib import Path

from huggingface_hub import HfApi, constants, get_token

from sweeper.errors import UserError

REPO = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""An id with its namespace, the user or the organisation."""


def check_can_push(repo: str) -> None:
    """Raise UserError if the id is invalid, no token is configured, or the Hub is switched off. Sends no request."""
    if not REPO.fullmatch(repo):
        raise UserError(f"--push needs the id of a repository on the Hub, NAMESPACE/NAME, got {repo!r}.")
    if constants.HF_HUB_OFFLINE:
        raise UserError("--push needs the Hub, but HF_HUB_OFFLINE is set. Unset it, or export without --push.")
    if not get_token():
        raise UserError(
            "--push needs a token of the Hub with write access: run `hf auth login`, or set HF_TOKEN. Without --push "
            "the folder is only written."
        )


def push(folder: Path, repo: str, *, private: bool) -> str:
    """Create the model repository if it does not exist, upload the folder, and return the URL of the repository.

    The visibility of an existing repository does not change. Raises UserError if the Hub refuses or does not answer.
    """
    api = HfApi()
    try:
        created = api.create_repo(repo, repo_type="model", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=created.repo_id,
            folder_path=folder,
            repo_type="model",
            commit_message="Upload from transfer-sweeper",
        )
    except Exception as error:  # errors of the network and the server have many types
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"The upload to {repo} failed: {reason[0]} The export is complete in {folder}; "
            f"`hf upload {repo} {folder}` uploads it."
        ) from error
    return str(created)
