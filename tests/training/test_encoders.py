"""Six kinds of encoder, from ModernBERT to XLM-R, are supported without code from the Hub."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sweeper.data.tokenizer import load_tokenizer
from sweeper.errors import UserError
from sweeper.records.record import TrialResult
from sweeper.records.spec import ModelSpec, TrialSpec
from sweeper.training.batches import collate
from sweeper.training.check import check_spec
from sweeper.training.loop import StageContext
from sweeper.training.model import Net, check_encoder, load_body, usable_positions
from sweeper.training.padding import known_padding
from sweeper.training.stage import DataReader, make_schedule, run_stage
from sweeper.training.trial import run_trial
from tests.encoders import ENCODERS, POSITIONS, save_encoder
from tests.worlds import TRAINING, TrialFolders, score, stage, trial

pytestmark = pytest.mark.seconds

FROZEN = 2


@pytest.fixture(scope="module", params=ENCODERS)
def encoder_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_encoder(request.param, tmp_path_factory.mktemp(request.param))


def test_each_of_six_kinds_of_encoder_is_read_without_remote_code(encoder_folder: str) -> None:
    config, tokenizer = check_encoder(encoder_folder), load_tokenizer(encoder_folder)
    assert load_body(encoder_folder).config.vocab_size == len(tokenizer)  # type: ignore[union-attr]
    assert tokenizer.mask_token_id is not None
    assert usable_positions(config, tokenizer) >= POSITIONS - 2


def layers_of(folder: str, reader: DataReader, net: Net) -> tuple[Tensor, ...]:
    """The hidden states of a batch of tagged sentences."""
    model_reader = replace(reader, tokenizer=load_tokenizer(folder), opened={})
    stream = make_schedule(stage("words"), model_reader).streams[0]
    with torch.no_grad():
        return net.eval().layers(collate(stream.items, stream.batch(0), torch.device("cpu")))


@pytest.mark.parametrize("num", [0, FROZEN, 3])
def test_the_output_of_the_frozen_layers_does_not_change_and_that_of_the_next_layer_does(
    num: int, encoder_folder: str, reader: DataReader, context: StageContext
) -> None:
    model_reader = replace(reader, tokenizer=load_tokenizer(encoder_folder), opened={})
    training = replace(TRAINING, frozen_layers=num, learning_rate=1e-2)
    trained = run_stage(lambda: load_body(encoder_folder), stage("words", training=training), model_reader, context)
    before = layers_of(encoder_folder, reader, Net(load_body(encoder_folder), {}))
    after = layers_of(encoder_folder, reader, trained.net)
    is_equal = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert is_equal == [layer <= num for layer in range(4)]


def spec_for(encoder_folder: str, training_frozen: int | None) -> TrialSpec:
    """A stage of tagging with masked language modelling, then a tagging target, with this number of frozen layers."""
    training = replace(TRAINING, frozen_layers=training_frozen)
    first, last = stage("words", training=training, mlm=0.5), stage("words", training=training, seed=2)
    model = ModelSpec(name="six", id=encoder_folder, identity=encoder_folder)
    return trial(first, last, model=model, scores=(score("words"),))


@pytest.fixture
def folders(demo_world: Path, tmp_path: Path, shared_cache: Path) -> TrialFolders:
    return TrialFolders(demo_world, tmp_path, shared_cache)


@pytest.mark.parametrize("frozen", [None, FROZEN])
def test_each_of_six_kinds_of_encoder_runs_tagging_and_masked_language_modelling_with_and_without_frozen_layers(
    frozen: int | None, encoder_folder: str, folders: TrialFolders
) -> None:
    spec, bench = spec_for(encoder_folder, frozen), folders.bench()
    # The first stage is a preparation of its own, whose encoder the target starts from.
    prepare = replace(spec, kind="prepare", chain=spec.chain[:1], scores=(), keep=True)
    for each in (prepare, spec):
        check_spec(each, bench)
        result: TrialResult = run_trial(each, bench)
        assert result.training.state == "done", result.training.reason
    assert "texts" in bench.ledger.trainings()[prepare.key].examples
    [record] = result.scores
    assert all(0 <= values[record.main] <= 1 for values in record.metrics.values())


def test_more_frozen_layers_than_the_encoder_has_are_refused_on_the_driver(
    encoder_folder: str, folders: TrialFolders
) -> None:
    with pytest.raises(
        UserError, match=r"frozen_layers=4 is larger than the 3 layers of model 'six': set .* 3 or less"
    ):
        check_spec(spec_for(encoder_folder, 4), folders.bench())


def test_an_encoder_that_needs_code_from_its_repository_is_refused_on_the_driver(tmp_path: Path) -> None:
    config = {"model_type": "unknown_type", "auto_map": {"AutoConfig": "configuration_unknown.UnknownConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "configuration_unknown.py").write_text("raise SystemExit('the code ran')")
    with pytest.raises(UserError, match="needs code from its repository, which is never run: update transformers"):
        check_encoder(str(tmp_path))


@pytest.mark.parametrize("lengths", [(9, 9), (9, 4)])
def test_padding_that_the_cpu_knows_changes_no_bit_and_is_not_read_from_the_device(
    encoder_folder: str, lengths: tuple[int, int]
) -> None:
    mask = torch.tensor([[int(position < length) for position in range(9)] for length in lengths])
    batch = {"input_ids": torch.full((2, 9), 7), "attention_mask": mask}
    net = Net(load_body(encoder_folder), {}).eval()
    with torch.no_grad():
        expected = net.hidden(batch)
        with known_padding(mask):
            assert torch.equal(net.hidden(batch), expected)
            on_device = {name: tensor.to("meta") for name, tensor in batch.items()}
            assert net.to("meta").hidden(on_device).shape == expected.shape
