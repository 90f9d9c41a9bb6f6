"""The table that joins a task's format to the code behind it."""

from collections.abc import Mapping

from sweeper.formats.choose import Choose
from sweeper.formats.classify import Classify
from sweeper.formats.interface import Format
from sweeper.formats.mlm import Mlm
from sweeper.formats.rank import Rank
from sweeper.formats.retrieve import Retrieve
from sweeper.formats.span import Span
from sweeper.formats.tag import Tag
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
