"""Sweeps that fill a transfer matrix: which intermediate training helps which target, in which languages.

`from sweeper import analysis` and `from sweeper import search_spaces` work in every folder: see siblings.py.
"""

import logging
from typing import TYPE_CHECKING

from sweeper import siblings

if TYPE_CHECKING:
    import analysis as analysis
    import search_spaces as search_spaces

__version__ = "0.1.0"

siblings.install()
# Messages are printed only if a program asks for them, as `sweeper -v` does.
logging.getLogger(__name__).addHandler(logging.NullHandler())
