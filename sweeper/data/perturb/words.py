"""The words of a text: runs without white space, without the punctuation around them."""

import re
import unicodedata
from collections.abc import Iterator

RUN = re.compile(r"\S+")


def words(text: str) -> Iterator[tuple[int, str]]:
    """The words with their positions. Punctuation and symbols inside a word, as in `don't`, stay."""
    for match in RUN.finditer(text):
        run = match.group()
        inside = [index for index, letter in enumerate(run) if unicodedata.category(letter)[0] not in "PS"]
        if inside:
            yield match.start() + inside[0], run[inside[0] : inside[-1] + 1]
