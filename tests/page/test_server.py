"""The server of the dashboard: what it answers, what it refuses, and when it computes results again."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analysis.page.server import DashboardServer
from analysis.page.state import LiveRun
from sweeper.errors import UserError
from sweeper.records.live import LiveMessage, LiveState, LiveTrial, Waiting
from sweeper.run.run import Run as RunFolder
from tests.analysis.conftest import Run, _empty_run
from tests.page.conftest import Opened
from tests.runs import wait_for


@contextmanager
def served(url: str) -> Iterator[DashboardServer]:
    """A server of a run folder or a folder of runs, on a free port."""
    with DashboardServer(url, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def asked(server: DashboardServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    status, body = response.status, response.read()
    connection.close()
    return status, body


def state(**changes: object) -> LiveState:
    values = {"started": "2026-01-01T00:00:00+00:00", "state": "running", "host": "node-1", "pid": 1, "version": "0"}
    counts = {"target": (3, 8)}
    return LiveState(**{"written": values["started"], "counts": counts, "failed": 0, **values, **changes})  # type: ignore[arg-type]


def test_a_request_for_another_host_or_method_is_refused(strange_run: Run) -> None:
    with served(strange_run.url) as server:
        assert asked(server, "/", Host="attacker.example")[0] == 403
        assert asked(server, "/", Host="127.0.0.1:9999")[0] == 200
        assert asked(server, "/", Host="localhost")[0] == 200
        assert asked(server, "/", "POST")[0] == 501
        assert asked(server, "/", "HEAD") == (200, b"")


@pytest.mark.parametrize(
    "path", ["/space.json", "/../run/space.json", "/%2e%2e/space.json", "/ledger/", "//etc/passwd"]
)
def test_no_path_leads_to_a_file_of_the_run(strange_run: Run, path: str) -> None:
    with served(strange_run.url) as server:
        assert asked(server, path)[0] == 404


def test_an_answer_that_the_browser_has_is_not_sent_again(strange_run: Run) -> None:
    with served(strange_run.url) as server:
        version = wait_for(lambda: json.loads(asked(server, "/news.json")[1])["report"]["version"])
        assert asked(server, "/report.json")[0] == 200
        assert asked(server, "/report.json", **{"If-None-Match": f'"{version}"'}) == (304, b"")


def test_results_are_computed_again_only_if_the_ledger_has_new_records(tmp_path: Path) -> None:
    run = _empty_run(tmp_path)
    live = LiveRun(run.url)
    live.update()
    empty = live.latest
    live.update()
    assert live.latest is empty
    run.cell("baseline", "tags", 1, {"en": 0.5, "de": 0.5})
    live.update()
    cells = json.loads(live.latest.data or b"")["models"][0]["cells"]
    assert [cell["score"] for cell in cells if "score" in cell] == [0.5]
    assert live.latest.version != empty.version


def test_a_damaged_record_is_named_and_the_other_results_stay(tmp_path: Path) -> None:
    run = _empty_run(tmp_path)
    run.cell("baseline", "tags", 1, {"en": 0.5, "de": 0.5})
    run.ledger.folder.write("trainings/bad.json", b"{")
    live = LiveRun(run.url)
    live.update()
    data = json.loads(live.latest.data or b"")
    assert "bad.json" in data["damaged"][0]
    assert [cell["score"] for cell in data["models"][0]["cells"] if "score" in cell] == [0.5]


def test_a_folder_of_runs_is_a_list_with_links(tmp_path: Path) -> None:
    for name in ("first <run>", "second"):
        _empty_run(tmp_path, name)
    RunFolder.at(str(tmp_path / "second")).live.write(state())
    with served(str(tmp_path)) as server:
        text = asked(server, "/")[1].decode()
        assert "first &lt;run&gt;" in text
        assert "3 of 8" in text
        assert asked(server, "/first%20%3Crun%3E/")[0] == 200
        assert asked(server, "/third/")[0] == 404


def test_a_folder_without_a_run_and_a_port_in_use_are_mistakes_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no run folder directly inside"):
        DashboardServer(str(tmp_path), 0)
    run = _empty_run(tmp_path)
    with DashboardServer(run.url, 0) as server, pytest.raises(UserError, match="Choose another with --port"):
        DashboardServer(run.url, server.server_address[1])


def test_cells_fill_on_an_open_page_while_records_arrive(show: Callable[..., Opened], tmp_path: Path) -> None:
    run = _empty_run(tmp_path)
    lost = LiveMessage(name="a <b>", time="2026-01-01T00:00:00+00:00", text="node died")
    RunFolder.at(run.url).live.write(state(lost=(lost,)))
    with served(run.url) as server:
        page = show(server.address)
        page.tab.wait_for_selector("#live .bar")
        assert "3 of 8" in page.tab.locator("#live").inner_text()
        assert "node died" in page.tab.locator("#live").inner_text()
        assert "0 of 2 seeds" in page.cell("baseline", "tags").inner_text()
        for recipe, score in (("baseline", 0.5), ("small_nli", 0.6)):
            run.cell(recipe, "tags", 1, {"en": score, "de": score})
        page.tab.wait_for_function("() => document.querySelector('#matrix').textContent.includes('+10.0')")
        assert "1 of 2 seeds" in page.cell("small_nli", "tags").inner_text()
        assert page.errors == []
        assert all(request.startswith(server.address) for request in page.requests)


def test_an_open_page_continues_after_a_restart_of_the_sweep(show: Callable[..., Opened], tmp_path: Path) -> None:
    run = _empty_run(tmp_path)
    live = RunFolder.at(run.url).live
    live.write(state(state="stopped"))
    with served(run.url) as server:
        page = show(server.address)
        page.tab.wait_for_selector("#live-state:has-text('state: stopped')")
        live.write(state(counts={"target": (5, 8)}))
        page.tab.wait_for_selector("#live-state:has-text('state: running')")
        assert "5 of 8" in page.tab.locator("#live").inner_text()
        # The state is months old.
        assert "probably been killed" in page.tab.locator("#live").inner_text()


def test_the_live_page_has_no_serious_violations_of_accessibility(show: Callable[..., Opened], tmp_path: Path) -> None:
    run = _empty_run(tmp_path)
    waiting = Waiting(ready=1, waiting=2)
    trial = {
        "kind": "target",
        "model": "tiny",
        "recipe": "baseline",
        "target": "tags",
        "seed": 1,
        "step": 3,
        "steps": 9,
    }
    running = LiveTrial(name="tiny/baseline -> tags/seed 1", key="k", since="2026-01-01T00:00:00+00:00", **trial)  # type: ignore[arg-type]
    RunFolder.at(run.url).live.write(state(running=(running,), queue={"target": waiting}))
    with served(run.url) as server:
        page = show(server.address, color_scheme="dark")
        page.tab.wait_for_selector("#live table")
        page.tab.wait_for_selector("#matrix :text('1 running')")
        assert page.violations() == []
