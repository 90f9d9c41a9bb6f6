"""Real sweeps with `keep_encoders = "needed"`: on a local disk and in a bucket."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.buckets import bucket, in_python
from tests.runs import PATIENCE, content, run_arguments, sweeper, tiny_run
from tests.tuning.test_remote import listed

__all__ = ["bucket"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]
NEEDED = ("--set", "keep_encoders=needed")
PART = ("--set", "seeds=1", "--set", "targets=names", *NEEDED)
WHOLE = ("--set", "seeds=1", *NEEDED)


def test_a_local_run_removes_its_encoders_and_a_larger_space_trains_them_again_with_equal_results(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    done = sweeper(*run_arguments(run, *PART))
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((run / "encoders").iterdir()) == []
    first = content(run)
    again = sweeper(*run_arguments(run, *PART))
    assert again.stdout.splitlines()[0] == f"5 of 5 trials are in the ledger of {run}."
    assert content(run) == first
    refused = sweeper("export", str(run), "--recipe", "parts", "--out", str(tmp_path / "exported"))
    assert refused.returncode == 2
    assert "It was removed when no trial needed it any more (keep_encoders = 'needed')." in refused.stderr
    assert "--only models=tiny --only recipes=parts --only seeds=1" in refused.stderr
    larger = sweeper(*run_arguments(run, *WHOLE))
    assert larger.returncode == 0, larger.stdout + larger.stderr
    assert "is not in the store: its last stage is trained again." in larger.stdout
    assert list((run / "encoders").iterdir()) == []
    assert first.items() < content(run).items()
    undisturbed = content(tiny_run())
    assert [key for key, record in content(run).items() if record != undisturbed.get(key)] == []


def test_a_run_in_a_bucket_has_no_encoder_left_and_a_changed_space_keeps_them(
    bucket: Mapping[str, str], tmp_path: Path
) -> None:
    arguments = run_arguments("s3://sweeps/few", *PART, "--cache", str(tmp_path / "cache"))
    done = sweeper(*arguments, env=bucket)
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed(bucket, "few/encoders") == []
    records = json.loads(
        in_python("import json; from tests.runs import content; print(json.dumps(content('s3://sweeps/few')))", bucket)
    )
    assert len([key for key in records if key.startswith("training")]) == 5
    kept = sweeper(*arguments[:-2], "--set", "seeds=2", "--set", "keep_encoders=all", env=bucket)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert [name for name in listed(bucket, "few/encoders") if name.endswith("manifest.json")]
    again = sweeper(*arguments[:-2], "--set", "seeds=2", env=bucket)
    assert "Encoders that were removed, because no remaining trial needs them: 1." in again.stdout
    assert listed(bucket, "few/encoders") == []
