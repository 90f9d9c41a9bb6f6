"""A web server on this machine that shows the page of a run, or a list of the runs of a folder. It changes nothing."""

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sweeper.errors import SweeperError, UserError
from sweeper.files.folder import Folder
from sweeper.run.run import Run

from .data import to_json
from .page import policy, render_list, render_page
from .state import LiveRun

ADDRESS = "127.0.0.1"
HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""Accepted names in the header Host. Another name could be that of a web site that resolves to this machine."""
LIST_PAUSE = 10.0
"""Seconds for which a list of runs is used again."""
HTML, JSON = "text/html; charset=utf-8", "application/json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a request."""

    body: bytes
    kind: str = HTML
    status: HTTPStatus = HTTPStatus.OK
    version: str = ""
    """Different for different bodies; "" if the body must not be used again."""
    is_live: bool = True
    """Whether the page may ask this server for news."""


class Dashboard:
    """The answers of the server: of one run, or of all runs directly inside a folder.

    Raises UserError if the folder is not a run folder and has none inside.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._live: dict[str, LiveRun] = {}
        self._listed = -LIST_PAUSE
        self.is_run = _is_run(url)
        if self.is_run:
            self._live[""] = LiveRun(url)
        elif not self.runs():
            raise UserError(
                f"{url} is not a run folder and has no run folder directly inside. `sweeper run` creates run folders."
            )

    def runs(self) -> dict[str, LiveRun]:
        """Name -> each run; "" for the run itself. New runs in the folder appear after some seconds."""
        if not self.is_run and self._clock() >= self._listed + LIST_PAUSE:
            self._listed = self._clock()
            folder = Folder(self.url)
            for name in folder.names():
                if name not in self._live and _is_run(folder.child(name).url):
                    self._live[name] = LiveRun(folder.child(name).url)
        return dict(self._live)

    def answer(self, path: str) -> Answer:
        """The answer to the path of a request. Only the pages and data of listed runs have one, no other file."""
        name, _, page = path.removeprefix("/").rpartition("/")
        if name == page == "" and not self.is_run:
            return Answer(body=render_list(self.url, [_entry(name, run) for name, run in self.runs().items()]))
        run = self.runs().get(unquote(name))
        pages = {"": _page, "news.json": _news, "report.json": _data, "report.html": _file}
        if run is None or page not in pages:
            return Answer(body=b"Not found.\n", kind="text/plain", status=HTTPStatus.NOT_FOUND)
        return pages[page](run)


def _is_run(url: str) -> bool:
    try:
        Run.open(url)
    except UserError:
        return False
    return True


def _page(run: LiveRun) -> Answer:
    return Answer(body=render_page(run.title, run.url, None))


def _news(run: LiveRun) -> Answer:
    return Answer(body=to_json(run.news()), kind=JSON)


def _data(run: LiveRun) -> Answer:
    latest = run.latest
    if latest.data is None:
        return _not_yet(latest.message)
    return Answer(body=latest.data, kind=JSON, version=latest.version)


def _file(run: LiveRun) -> Answer:
    """The page as one file that needs no server."""
    latest = run.latest
    if latest.data is None:
        return _not_yet(latest.message)
    return Answer(body=render_page(run.title, run.url, latest.data), version=latest.version, is_live=False)


def _not_yet(message: str) -> Answer:
    return Answer(body=f"{message}\n".encode(), kind="text/plain", status=HTTPStatus.SERVICE_UNAVAILABLE)


def _entry(name: str, run: LiveRun) -> dict[str, Any]:
    """A line of the list of runs."""
    live = run.news()["live"]
    counts = live["counts"].values() if live else ()
    return {
        "name": name,
        "href": f"{quote(name, safe='')}/",
        "state": live["state"] if live else "unknown",
        "done": sum(done for done, _ in counts),
        "total": sum(total for _, total in counts),
        "failed": live["failed"] if live else 0,
        "written": live["written"] if live else "",
    }


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD requests; every other method is refused."""

    server: "DashboardServer"
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sweeper", ""
    timeout = 60
    """Seconds after which an idle connection is closed."""

    def do_GET(self) -> None:
        """Answer with a body."""
        self._send(self._answer(), with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers only."""
        self._send(self._answer(), with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing: a page asks every two seconds."""

    def _answer(self) -> Answer:
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in HOSTS:
            text = f"This server answers requests to {ADDRESS} and localhost only.\n"
            return Answer(body=text.encode(), kind="text/plain", status=HTTPStatus.FORBIDDEN)
        try:
            return self.server.dashboard.answer(urlsplit(self.path).path)
        except (SweeperError, OSError, ValueError) as error:
            return Answer(body=f"{error}\n".encode(), kind="text/plain", status=HTTPStatus.INTERNAL_SERVER_ERROR)

    def _send(self, answer: Answer, *, with_body: bool) -> None:
        tag = f'"{answer.version}"'
        is_known = bool(answer.version) and self.headers.get("If-None-Match") == tag
        is_zipped = "gzip" in self.headers.get("Accept-Encoding", "") and not is_known
        body = b"" if is_known else gzip.compress(answer.body, 6) if is_zipped else answer.body
        headers = {
            "Content-Type": answer.kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{policy(live=answer.is_live)}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache" if answer.version else "no-store",
            **({"ETag": tag} if answer.version else {}),
            **({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"} if is_zipped else {}),
        }
        self.send_response(HTTPStatus.NOT_MODIFIED if is_known else answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


class DashboardServer(ThreadingHTTPServer):
    """The server of a dashboard on 127.0.0.1. Port 0 chooses a free one.

    Raises UserError if the port is in use, or if `url` is not a run folder and has none inside.
    """

    daemon_threads = True

    def __init__(self, url: str, port: int) -> None:
        self.dashboard = Dashboard(url)
        try:
            super().__init__((ADDRESS, port), Handler)
        except OSError as error:
            raise UserError(f"Port {port} of {ADDRESS} cannot be used: {error}. Choose another with --port.") from error

    @property
    def address(self) -> str:
        """The address for a browser on this machine."""
        return f"http://{ADDRESS}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that a browser has closed."""
