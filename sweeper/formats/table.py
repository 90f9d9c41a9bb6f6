"""The table that joins a task's format to the code behind it."""

from collections.abc import Callable, Mapping

from sweeper.formats.choose import Choose
from sweeper.formats.classify import Classify
from sweeper.formats.interface import Format
from sweeper.formats.mlm import Mlm
from sweeper.formats.rank import Rank
from sweeper.formats.retrieve import Retrieve
from sweeper.formats.span import Span
from sweeper.formats.tag import Tag
from sweeper.scoring.nearest import Search
from sweeper.tasks.spec import FormatName

FORMATS: Mapping[FormatName, Format] = {
    "classify": Classify(),
    "choose": Choose(),
    "tag": Tag(),
    "span": Span(),
    "retrieve": Retrieve(),
    "rank": Rank(),
    "mlm": Mlm(),
}

SEARCHING: Mapping[FormatName, Callable[[Search | None], Format]] = {"rank": Rank}
"""Formats that search in whatever task they score; retrieval is told with its terms."""


def searched_by(name: FormatName, search: Search | None) -> Format:
    """A format that, if it searches, does so by `search`."""
    return SEARCHING[name](search) if name in SEARCHING else FORMATS[name]
