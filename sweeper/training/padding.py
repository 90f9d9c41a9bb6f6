"""Tells transformers whether a batch has padding, which it would otherwise read from the GPU in each forward pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from transformers import masking_utils

CHECK = "_ignore_bidirectional_mask_sdpa"
"""Function of transformers that decides whether attention needs a mask. It waits for the GPU to read the padding."""


@contextmanager
def known_padding(attention_mask: Tensor) -> Iterator[None]:
    """Decide by this mask, which is on the CPU, whether the forward passes of the block need a mask for attention.

    The decision is that of transformers. A version without the function CHECK reads the padding by itself.
    """
    original: Any = getattr(masking_utils, CHECK, None)
    if original is None:
        yield
        return
    has_padding = not attention_mask.all()

    def can_be_skipped(_: Tensor | None, *args: Any, **options: Any) -> Any:
        return False if has_padding else original(None, *args, **options)

    setattr(masking_utils, CHECK, can_be_skipped)
    try:
        yield
    finally:
        setattr(masking_utils, CHECK, original)
