"""Loads the tokenizer of a model: the only module outside of training that imports transformers."""

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from sweeper.data.once import pretrained
from sweeper.errors import UserError


def load_tokenizer(location: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model. Raises UserError if it cannot be read or is not a fast one."""
    try:
        tokenizer: PreTrainedTokenizerBase = pretrained(
            AutoTokenizer.from_pretrained, location, revision, use_fast=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise UserError(f"The tokenizer of {location!r} cannot be read: {str(error).splitlines()[0]}") from error
    if not tokenizer.is_fast:
        raise UserError(f"Model {location!r} has no fast tokenizer (tokenizer.json), which span and tag tasks need.")
    return tokenizer
