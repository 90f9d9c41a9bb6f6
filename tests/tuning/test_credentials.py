"""Keys in the environment of the driver: workers have them, and no file of Ray does."""

import os
import tempfile
from pathlib import Path

import pytest

from sweeper.tuning.credentials import CREDENTIALS, credentials, use_credentials
from tests.runs import CORNER, PATIENCE, run_arguments, sweeper

SECRETS = {
    "AWS_ACCESS_KEY_ID": "marked-id-5417",
    "AWS_SECRET_ACCESS_KEY": "marked-secret-5417",
    "AWS_SESSION_TOKEN": "marked-session-5417",
    "HF_TOKEN": "marked-hub-5417",
    "WANDB_API_KEY": "marked-tracker-5417",
}


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_no_file_of_a_sweep_contains_a_key_of_the_environment() -> None:
    # The paths of Ray's sockets must be short.
    with tempfile.TemporaryDirectory(prefix="keys-") as folder:
        env = {"RAY_TMPDIR": folder, "TMPDIR": folder, **SECRETS}
        done = sweeper(*run_arguments(f"{folder}/run", *CORNER), env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert any(path.name == "runtime_env_agent.log" for path in files)
        assert [path for path in files if b"-5417" in path.read_bytes()] == []


def test_a_worker_uses_the_keys_of_the_driver_and_no_token_of_its_own_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.setenv(name, "of the machine")
    use_credentials({})
    assert credentials() == dict.fromkeys(CREDENTIALS, "of the machine")
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    use_credentials(keys)
    assert credentials() == keys
    assert "AWS_SESSION_TOKEN" not in os.environ
