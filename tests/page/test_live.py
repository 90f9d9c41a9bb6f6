"""The live page of a running sweep, in a local folder and in a bucket."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.buckets import bucket, free_port
from tests.page.conftest import Opened
from tests.runs import PATIENCE, end_session, ended, run_arguments, start, wait_for

__all__ = ["bucket"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]

PART = ("--set", "targets=names", "--set", "seeds=1")
"""Options that reduce `tiny` to two cells: five trials."""
FILLED = "#matrix tbody td:not(.missing):not(.mean)"


@contextmanager
def dashboard(run: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """`sweeper dashboard RUN`: the address that it prints."""
    process = start("dashboard", run, "--port", str(free_port()), env=env)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0]
    finally:
        end_session(process.pid)
        process.communicate()


def watch(page: Opened, driver: "subprocess.Popen[str]", seconds: float) -> tuple[list[int], bool]:
    """Look at a page until the sweep has ended: the numbers of filled cells, and whether a trial was seen running."""
    counts: list[int] = []
    was_running = False

    def has_ended() -> bool:
        nonlocal was_running
        page.tab.wait_for_timeout(300)
        counts.append(page.tab.locator(FILLED).count())
        was_running = was_running or "Running trials" in page.tab.locator("#live").inner_text()
        return driver.poll() is not None

    wait_for(has_ended)
    assert ended(driver).returncode == 0
    page.tab.wait_for_selector("#live-state:has-text('state: ended')", timeout=1000 * seconds)
    page.tab.wait_for_function(f"() => document.querySelectorAll({FILLED!r}).length == 2", timeout=1000 * seconds)
    return counts, was_running


def test_the_cells_of_a_running_sweep_fill_on_the_page(show: Callable[..., Opened], tmp_path: Path) -> None:
    run = tmp_path / "run"
    driver = start(*run_arguments(run, *PART))
    wait_for((run / "live.json").exists, driver)
    with dashboard(str(run)) as address:
        page = show(address)
        counts, was_running = watch(page, driver, 30)
        assert counts[0] < 2
        assert was_running
        assert page.errors == []


def test_the_cells_of_a_sweep_in_a_bucket_fill_on_the_page(
    show: Callable[..., Opened], bucket: Mapping[str, str], tmp_path: Path
) -> None:
    cache = ("--cache", str(tmp_path / "cache"))
    driver = start(*run_arguments("s3://sweeps/live", *PART), *cache, env=bucket)
    assert driver.stdout is not None
    driver.stdout.readline()
    with dashboard("s3://sweeps/live", bucket) as address:
        page = show(address)
        counts, _ = watch(page, driver, 90)
        assert counts[0] < 2
        assert page.errors == []
