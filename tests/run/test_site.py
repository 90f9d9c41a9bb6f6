"""The site of a run folder, and the resources that a process shares between trials."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.errors import DataError, UserError
from sweeper.records.spec import ModelSpec, TrialSpec
from sweeper.run.run import Run
from sweeper.run.site import Site
from sweeper.tuning.options import Options
from tests.worlds import MODEL, TrialFolders, data, stage, trial


def test_trials_of_a_process_share_the_tokenizer_and_data_of_a_model(folders: TrialFolders) -> None:
    bench = folders.bench()
    first, second = (bench.reader(trial(stage(task))) for task in ("words", "gaps"))
    assert first.tokenizer is second.tokenizer
    assert first.encoded(data("words")) is bench.reader(trial(stage("words"))).encoded(data("words"))


def test_a_trial_uses_its_definition_of_a_task_after_another_definition_was_read(
    folders: TrialFolders,
) -> None:
    bench, spec = folders.bench(), trial(stage("words"))
    other = replace(spec.tasks[0], labels=(*spec.tasks[0].labels, "X"))
    assert bench.reader(spec).encoded(data("words"))["en"].labels == spec.tasks[0].labels
    changed = bench.reader(replace(spec, tasks=(other,)))
    assert changed.encoded(data("words"))["en"].labels == changed.labels("words") == other.labels


def test_two_models_have_two_tokenizers(folders: TrialFolders) -> None:
    bench, spec = folders.bench(), trial(stage("words"))
    other = replace(spec, model=replace(MODEL, identity="another"))
    assert bench.reader(spec).tokenizer is not bench.reader(other).tokenizer


def test_a_worker_refuses_a_pretrained_model_with_a_flipped_bit_by_its_name(private_folders: TrialFolders) -> None:
    bench = private_folders.bench()
    model = replace(MODEL, identity=bench.sources.model_identity(MODEL.id, None))
    bench.pretrained(model)
    bench.pretrained(replace(model, identity=f"{model.identity}, lowest 1 layers"))
    bench.reader(_of(model))
    (weights,) = (private_folders.world / "models" / MODEL.id).glob("*.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for use in (bench.pretrained, lambda model: private_folders.bench("other").reader(_of(model))):
        with pytest.raises(
            DataError, match=r"^The files of model 'tiny' in .*demo/tiny are missing or damaged, or differ"
        ):
            use(model)


def _of(model: ModelSpec) -> TrialSpec:
    return replace(trial(stage("words")), model=model)


def test_the_site_is_read_back_unchanged_and_its_mirror_can_be_replaced(folders: TrialFolders) -> None:
    site = folders.bench().site
    run = Run.at(str(Path(site.ledger).parent))
    run.keep_site(site)
    assert run.site == site
    assert run.site.with_mirror("elsewhere") == replace(site, mirror=str(Path("elsewhere").resolve()))


def test_after_a_move_paths_inside_the_run_folder_follow_and_others_stay(tmp_path: Path) -> None:
    old = Site(
        ledger="/old/run/ledger", store="/old/run", checkpoints="/old/run/checkpoints", cache="/cache", mirror="/m"
    )
    run = Run.at(str(tmp_path))
    run.keep_site(old)
    moved = run.site
    assert (moved.ledger, moved.store) == (f"{tmp_path}/ledger", str(tmp_path))
    assert (moved.cache, moved.mirror) == ("/cache", "/m")


@pytest.mark.parametrize("seconds", [math.inf, math.nan])
def test_a_site_that_could_not_be_read_back_is_refused(seconds: float) -> None:
    with pytest.raises(UserError, match=r"Site\.store_patience needs a finite number"):
        Site(ledger="/run/ledger", store="/run", checkpoints="/c", cache="/cache", store_patience=seconds)


@pytest.mark.parametrize("option", ["store_patience", "checkpoint_every"])
@pytest.mark.parametrize("time", [math.inf, math.nan, 1e308, -1.0])
def test_a_time_without_end_is_refused_with_a_large_number_as_the_remedy(option: str, time: float) -> None:
    with pytest.raises(UserError, match=r"needs a number from 0 to 1e9, got .*\. Write 1e9 for a time that never ends"):
        Options(run="/run", **{option: time})


def test_a_folder_without_a_site_is_not_a_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run folder: it has no site\.json"):
        _ = Run.at(str(tmp_path)).site


def test_a_node_with_another_cache_has_its_generated_world_there_and_other_mirrors_stay(tmp_path: Path) -> None:
    site = Run.at(str(tmp_path)).make_site(cache="/disk/cache", mirror="/disk/cache/worlds/demo", world="demo")
    assert site.with_cache("/ssd/cache").mirror == "/ssd/cache/worlds/demo"
    assert replace(site, world="").with_cache("/ssd/cache") == replace(site, world="", cache="/ssd/cache")
