"""Requests to the Hub: whether it answers, and the commit of a repository."""

import re
from functools import cache

from huggingface_hub import HfApi, constants, get_session
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sweeper.data.busy import busy, use_patience
from sweeper.errors import DataError, UserError

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A full commit hash; branches and tags are shorter or contain other characters."""
PATIENCE = 5.0
"""Seconds to wait for an answer of the Hub before it counts as unreachable."""


def is_reachable() -> bool:
    """Whether the Hub answers. It is not asked if HF_HUB_OFFLINE is set, and otherwise once per process.

    Raises BusyError if it refuses requests for too long.
    """
    return not constants.HF_HUB_OFFLINE and _answers()


@cache
def _answers() -> bool:
    use_patience()
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except Exception as error:
        if busy(error):
            raise
        return False
    return True


@cache
def commit(repo_type: str, id_: str, revision: str | None) -> str:
    """The commit of a Hub repository's revision, requested once per process. A full commit hash needs no request."""
    if revision and COMMIT.fullmatch(revision):
        return revision
    use_patience()
    try:
        info = HfApi().repo_info(id_, revision=revision, repo_type=repo_type)
    except (RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError) as error:
        raise DataError(
            f"The Hub has no {repo_type} {id_!r} at revision {revision or 'main'!r} that you can read, and there is no "
            "folder of that name: check the id, log in if it is gated, or name a mirror with --mirror."
        ) from error
    except HFValidationError as error:
        raise DataError(
            f"{id_!r} is neither an existing folder nor a valid name of a {repo_type} on the Hub."
        ) from error
    except Exception as error:  # errors of the network have many types: httpx, OSError, Hub errors
        if cause := busy(error):
            raise cause from None
        raise _unreachable(repo_type, id_, error) from error
    # Check the file list here, on the driver, before a worker tries to download the model.
    names = [file.rfilename for file in getattr(info, "siblings", None) or ()]
    if repo_type == "model" and names and not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"Models are loaded from safetensors only, and {id_!r} has no *.safetensors file at revision "
            f"{revision or 'main'!r}: name a revision that has one (often refs/pr/N), or a folder written by "
            "`save_pretrained`."
        )
    return str(info.sha)


def _unreachable(repo_type: str, id_: str, error: Exception) -> DataError:
    return DataError(
        f"The request for the commit of {repo_type} {id_!r} failed ({type(error).__name__}): go online, pin a revision "
        "of 40 hexadecimal digits, or name a mirror with --mirror."
    )
