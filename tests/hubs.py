"""A small Hub on a server of the tests: repositories from a folder in the layout of a mirror, and a log of requests."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The commit of every repository."""


@dataclass
class Hub:
    """A running server and what it has been asked."""

    root: Path
    """Folder with `models/NAMESPACE/NAME` and `datasets/NAMESPACE/NAME`."""
    refuse: int = 0
    """Number of next requests that are answered with `Retry-After`."""
    status: int = 429
    """The status of these answers."""
    retry_after: str | None = "1"
    url: str = ""
    requests: list[str] = field(default_factory=list)
    """Method and path of each request that was not refused."""
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(root: Path) -> Iterator[Hub]:
    """A Hub with the repositories of a folder, while the block runs."""
    hub = Hub(root)
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield hub
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def _answer(self) -> None:
        with self.hub.lock:
            is_refused = self.hub.refuse > 0
            self.hub.refuse -= is_refused
            self.hub.refused += is_refused
            if not is_refused:
                self.hub.requests.append(f"{self.command} {self.path}")
        if is_refused:
            headers = {"Retry-After": self.hub.retry_after} if self.hub.retry_after is not None else {}
            self._send(self.hub.status, b"busy", headers)
            return
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts == [""]:
            self._send(200, b"Hub", {})
        elif parts[0] == "api":
            self._api(parts[1:])
        else:
            repo_type = parts.pop(0) if parts[0] == "datasets" else "models"
            self._file(self.hub.root / repo_type / parts[0] / parts[1], "/".join(parts[4:]))

    def _api(self, parts: list[str]) -> None:
        folder = self.hub.root.joinpath(*parts[:3])
        if not folder.is_dir():
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            return
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
        if parts[3:4] == ["tree"]:
            under = "/".join(parts[5:])
            entries = [self._entry(folder, name) for name in names if name.startswith(under)]
            if not entries:
                self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
                return
            self._json(entries)
        elif parts[3:4] == ["paths-info"]:
            self._json([self._entry(folder, name) for name in names])
        else:
            siblings = [{"rfilename": name} for name in names]
            self._json({"id": "/".join(parts[1:3]), "sha": COMMIT, "siblings": siblings, "tags": [], "private": False})

    def _entry(self, folder: Path, name: str) -> dict[str, object]:
        content = (folder / name).read_bytes()
        return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def _file(self, folder: Path, name: str) -> None:
        if not (folder / name).is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        content = (folder / name).read_bytes()
        tag = f'"{hashlib.sha1(content).hexdigest()}"'
        self._send(200, content, {"ETag": tag, "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        start, end = 0, len(content)
        if status == 200 and (range_ := self.headers.get("Range")):
            first, last = range_.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last or end - 1) + 1, end)
            status = 206
            headers = headers | {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[start:end])
