"""Markdown files of a report, in which names of a space cannot become HTML, links or formulas."""

import re

_CODE = re.compile(r"((`+)(?!`).*?(?<!`)\2(?!`))")
"""Code of a line: between equally many backticks."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""A character that can begin an HTML element or a link; `x < y` has a space instead."""
_FOREIGN_LINK = re.compile(r"\]\((?!(?!//)[\w./#%-]*\))")
"""The middle of a link that leaves the report: links of a report are relative paths."""


def document(text: str) -> bytes:
    """The content of a Markdown file.

    HTML and links are also replaced inside code, because a name with a backtick can move the borders of code. There,
    `&lt;` is shown instead of `<`.
    """
    text = _FOREIGN_LINK.sub(r"]\\(", _TAG.sub("&lt;", text))
    return "\n".join(map(_without_formulas, text.split("\n"))).encode()


def _without_formulas(line: str) -> str:
    """A line whose dollar signs are shown as such: GitHub and notebooks typeset text between two of them."""
    if "$" not in line:
        return line
    # A part of three: text, code, and the backticks of the code.
    parts = _CODE.split(line)
    parts[::3] = [part.replace("$", "&#36;") for part in parts[::3]]
    del parts[2::3]
    return "".join(parts)
