"""Six kinds of encoder, from ModernBERT to XLM-R, are supported without code from the Hub."""

import pytest

from sweeper.training.model import check_encoder, load_body, load_tokenizer, usable_positions
from tests.encoders import ENCODERS, POSITIONS, save_encoder


@pytest.fixture(scope="module", params=ENCODERS)
def encoder_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_encoder(request.param, tmp_path_factory.mktemp(request.param))


def test_each_of_six_kinds_of_encoder_is_read_without_remote_code(encoder_folder: str) -> None:
    config, tokenizer = check_encoder(encoder_folder), load_tokenizer(encoder_folder)
    assert load_body(encoder_folder).config.vocab_size == len(tokenizer)  # type: ignore[union-attr]
    assert tokenizer.mask_token_id is not None
    assert usable_positions(config, tokenizer) >= POSITIONS - 2
