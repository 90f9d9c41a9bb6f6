"""Search for a translated answer in its translated context."""

import unicodedata

from sweeper.scoring import mlqa

UNSPACED = ("ja", "km", "lo", "my", "th", "zh")
"""Languages without spaces between words, in which an answer may start and end at any character."""


def find(context: str, answer: str, language: str, *, near: float) -> tuple[int, int] | None:
    """First and end character of an answer in a context, or None if the context does not contain it.

    If the answer occurs more than once, the result is the occurrence nearest to the character `near`. The answer is
    searched unchanged, then in lower case without punctuation, then without an initial article. These are the steps of
    the normalisation in the scorers. It has to start and end at word boundaries, except in UNSPACED languages.
    """
    anywhere = language in UNSPACED
    folded, positions = _folded(context)
    folded_answer = _folded(answer)[0].strip()
    spans = [(start, start + len(answer.strip())) for start in _starts(context, answer.strip(), anywhere=anywhere)]
    # The next step is only tried if the previous one has found nothing.
    for text in (folded_answer, _without_article(folded_answer, language)):
        starts = [] if spans else _starts(folded, text, anywhere=anywhere)
        spans += [(positions[start], positions[start + len(text) - 1] + 1) for start in starts]
    return min(spans, key=lambda span: abs(span[0] - near), default=None)


def _starts(text: str, target: str, *, anywhere: bool) -> list[int]:
    """Positions of the target in the text; unless `anywhere`, only those at word boundaries."""
    if not target:
        return []
    starts = (start for start in range(len(text)) if text.startswith(target, start))
    return [start for start in starts if anywhere or not (_inside(text, start) or _inside(text, start + len(target)))]


def _inside(text: str, position: int) -> bool:
    """Whether a position is inside a word."""
    return 0 < position < len(text) and _is_letter(text[position - 1]) and _is_letter(text[position])


def _is_letter(char: str) -> bool:
    """Letters, digits, and the marks that combine with them."""
    return unicodedata.category(char)[0] in "LMN"


def _folded(text: str) -> tuple[str, list[int]]:
    """A text in lower case with one space between words, and the position of each of its characters in the original."""
    chars: list[str] = []
    positions: list[int] = []
    for position, char in enumerate(text):
        # casefold may return several characters ("ß" -> "ss"); all of them get the position of the original.
        kept = char.casefold() if _is_letter(char) else " "
        if kept != " " or (chars and chars[-1] != " "):
            chars += kept
            positions += [position] * len(kept)
    return "".join(chars), positions


def _without_article(text: str, language: str) -> str:
    """A folded text without its first word, if the scorer of MLQA ignores that word as an article."""
    first, _, rest = text.partition(" ")
    if not rest or language not in mlqa.LANGUAGES:
        return text
    return text if mlqa.normaliser(language)(first) else rest
