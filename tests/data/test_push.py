"""Uploads to the Hub, which the tests replace."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

import sweeper.data.push as module
from sweeper.data.push import check_can_push, push
from sweeper.errors import UserError
from tests.runs import Call, is_user_error


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process that may use the Hub and has no token."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(module, "get_token", lambda: None)
    return monkeypatch


def test_a_push_without_a_token_ends_before_anything_is_read_or_written(
    online: pytest.MonkeyPatch, call: Call, tmp_path: Path
) -> None:
    result = call("export", "nowhere", "--recipe", "r", "--out", "out", "--push", "me/encoder")
    assert is_user_error(result)
    assert "--push needs a token of the Hub with write access: run `hf auth login`, or set HF_TOKEN." in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("repo", "message"), [("encoder", "NAMESPACE/NAME, got 'encoder'"), ("a/b c", "got 'a/b c'")])
def test_an_invalid_repository_is_refused(repo: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_can_push(repo)


def test_a_push_is_refused_while_the_hub_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        check_can_push("me/encoder")


def test_a_push_creates_a_private_repository_and_uploads_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[str, Any]] = []

    def create_repo(self: HfApi, repo: str, **options: Any) -> Any:
        calls.append((repo, options["private"]))
        return SimpleNamespace(repo_id=repo)

    def upload_folder(self: HfApi, **options: Any) -> None:
        calls.append((options["repo_id"], options["folder_path"]))

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    push(tmp_path, "me/encoder", private=True)
    push(tmp_path, "me/encoder", private=False)
    assert calls == [("me/encoder", True), ("me/encoder", tmp_path), ("me/encoder", False), ("me/encoder", tmp_path)]


def test_a_failed_upload_names_the_reason_the_folder_and_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def create_repo(self: HfApi, repo: str, **options: Any) -> Any:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    with pytest.raises(UserError, match=f"no route to host.*complete in {tmp_path}; `hf upload me/encoder {tmp_path}`"):
        push(tmp_path, "me/encoder", private=True)
