"""`sweeper run RUN` and `sweeper plan RUN` with the options that a run folder keeps, and environment variables."""

import json
from pathlib import Path

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.run.run import Run
from tests.runs import PATIENCE, Call, copy_of, is_user_error, shared_cache, tiny_run, world

pytestmark = pytest.mark.seconds


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """A finished run of `tiny` with two workers, in another place than the one where it ran."""
    return copy_of(tiny_run(), tmp_path / "elsewhere" / "run")


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A run folder of `tiny` with kept options and without any result."""
    run = Run.at(str(tmp_path / "started"))
    run.keep_space(TINY)
    run.keep_site(run.make_site(mirror=str(world()), checkpoint_every=5.0), {"workers": {"num": 3, "nice": 7}})
    return tmp_path / "started"


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.parametrize("name", ["", "/space.json"])
def test_a_finished_run_folder_is_continued_without_its_options(call: Call, moved: Path, name: str) -> None:
    result = call("run", f"{moved}{name}", "--checkpoint-every", "9")
    assert result.code == 0, result.err
    assert f"Kept options of {moved}: --workers 2\n" in result.out
    assert f"14 of 14 trials are in the ledger of {moved}." in result.out
    # The next command finds the options that were typed beside those that were kept.
    site = json.loads((moved / "site.json").read_text())
    assert (site["checkpoint_every"], site["store"], site["cache"]) == (9.0, str(moved), shared_cache())
    assert json.loads((moved / "options.json").read_text())["workers"]["num"] == 2


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_a_part_that_has_finished_names_the_command_for_the_rest(call: Call, moved: Path) -> None:
    result = call("run", str(moved), "--only", "recipes=baseline", "--only", "targets=names")
    assert result.code == 0, result.err
    assert "4 of 4 trials of --only recipes=baseline --only targets=names are in the ledger" in result.out
    assert f"Next: sweeper run {moved}, which runs the rest" in result.out


def test_the_plan_of_a_run_folder_has_its_kept_options(call: Call, started: Path) -> None:
    result = call("plan", str(started), "--set", "seeds=1")
    assert result.code == 0, result.err
    assert f"--mirror {world()} --checkpoint-every 5.0 --workers 3 --nice 7" in result.out


def test_a_shipped_space_has_priority_over_a_run_folder_of_its_name(call: Call, started: Path, tmp_path: Path) -> None:
    started.rename(tmp_path / "demo")
    plan = json.loads(call("plan", "demo", "--json").out)
    assert plan["space"] == "demo"
    assert json.loads(call("plan", "./demo", "--json").out)["space"] == "tiny"


def test_a_folder_that_is_not_a_run_folder_is_refused(call: Call, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    result = call("run", "runs")
    assert is_user_error(result)
    assert "runs is not a run folder" in result.err


def test_a_mirror_of_the_environment_is_used_and_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEPER_MIRROR", str(world()))
    result = call("plan", "text_small")
    assert result.out.startswith(f"Mirror: {world()} (SWEEPER_MIRROR)\n")
    assert f"{world()}/datasets/" in result.out


@pytest.mark.parametrize("variable", ["", "nowhere"])
def test_an_option_overrides_the_environment_and_an_empty_variable_counts_as_unset(
    call: Call, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("SWEEPER_MIRROR", variable)
    arguments = ("--mirror", str(world())) if variable else ()
    result = call("plan", "text_small", *arguments)
    assert result.code == 0, result.err
    assert "SWEEPER_MIRROR" not in result.out
    assert (f"{world()}/datasets/" in result.out) == bool(variable)


def test_a_mirror_of_the_environment_replaces_neither_a_world_nor_a_kept_mirror(
    call: Call, monkeypatch: pytest.MonkeyPatch, started: Path
) -> None:
    monkeypatch.setenv("SWEEPER_MIRROR", "nowhere")
    for space in ("tiny", str(started)):
        result = call("plan", space)
        assert result.code == 0, result.err
        assert "nowhere" not in result.out


def test_a_kept_mirror_that_this_machine_does_not_have_is_replaced_by_that_of_the_environment(
    call: Call, monkeypatch: pytest.MonkeyPatch, started: Path
) -> None:
    site = started / "site.json"
    # A file without a seal, as after a change by hand.
    kept = {name: value for name, value in json.loads(site.read_text()).items() if name != "sha256"}
    site.write_text(json.dumps(kept).replace(str(world()), "/another/machine"))
    assert call("plan", str(started)).code == 2
    monkeypatch.setenv("SWEEPER_MIRROR", str(world()))
    assert f"Mirror: {world()} (SWEEPER_MIRROR)" in call("plan", str(started)).out


def test_the_store_and_the_cache_of_the_environment_are_checked_and_named(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEPER_STORE", "store")
    monkeypatch.setenv("SWEEPER_CACHE", "/proc/nowhere")
    result = call("run", "tiny")
    assert result.code == 3
    assert result.out == "Store: store (SWEEPER_STORE)\nCache: /proc/nowhere (SWEEPER_CACHE)\n"
    assert result.err.startswith("error: The cache '/proc/nowhere' cannot be written: ")
