"""The page as one HTML file: template, style, script and data, under a content security policy."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from .data import PageSource, page_data, to_json

FOLDER = Path(__file__).parent
SCRIPTS = ("comparisons.js", "page.js")
"""The files of the script. The last one draws the page."""
PAGE_FILE, DATA_FILE = "report.html", "report.json"


def page_files(source: PageSource) -> dict[str, bytes]:
    """Name -> content of `report.html` and `report.json`."""
    data = to_json(page_data(source))
    title = source.data.space.title or source.data.space.name
    return {PAGE_FILE: render_page(title, source.run, data), DATA_FILE: data}


def render_page(title: str, run: str, data: bytes | None) -> bytes:
    """The page with its data; without data, a live page, which asks the server that it comes from."""
    return (
        _template("page.html.j2")
        .render(
            title=title,
            run=run,
            live=data is None,
            style=_text("page.css"),
            script=_script(),
            policy=policy(live=data is None),
            data="null" if data is None else inside_script(data.decode()),
        )
        .encode()
    )


def render_list(url: str, runs: Sequence[Mapping[str, Any]]) -> bytes:
    """The list of the runs in a folder, with links to their pages."""
    text = _template("list.html.j2").render(url=url, runs=runs, style=_text("page.css"), policy=policy(live=False))
    return text.encode()


def policy(*, live: bool) -> str:
    """The content security policy: no requests, except to the server of a live page; style and script by their hash."""
    rules = [
        "default-src 'none'",
        f"style-src '{_hash(_text('page.css'))}'",
        f"script-src '{_hash(_script())}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join([*rules, "connect-src 'self'"] if live else rules)


def inside_script(data: str) -> str:
    """JSON for a script element: the same value, without characters that could end the element."""
    for character in "<>&\u2028\u2029":  # much faster than `translate` for megabytes
        data = data.replace(character, f"\\u{ord(character):04x}")
    return data


@cache
def _script() -> str:
    """The script of the page: its files in one function, which share their names."""
    return "\n".join(['"use strict";', "(() => {", *(_text(name) for name in SCRIPTS), "})();", ""])


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _template(name: str) -> jinja2.Template:
    # A path, because the package may be loaded under another name than `analysis`.
    loader = jinja2.FileSystemLoader(FOLDER)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template(name)
