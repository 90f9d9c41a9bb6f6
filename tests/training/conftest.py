"""Real stages on the generated world: readings, streams and surroundings without a ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from sweeper.data.source import Sources
from sweeper.files.folder import Folder
from sweeper.training.batches import Stream
from sweeper.training.loop import Checkpoints, StageContext
from sweeper.training.model import load_body, load_tokenizer
from sweeper.training.runtime import Clock, set_up
from sweeper.training.stage import DataReader, make_schedule
from tests.worlds import BY_NAME, stage

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up(1)


@pytest.fixture(scope="session")
def encoder(demo_world: Path) -> str:
    return str(demo_world / "models" / "demo" / "tiny")


@pytest.fixture
def body(encoder: str) -> Callable[[], nn.Module]:
    return lambda: load_body(encoder)


@pytest.fixture(scope="session")
def reader(demo_world: Path, shared_cache: Path, encoder: str) -> DataReader:
    sources = Sources(mirror=demo_world, cache=shared_cache)
    return DataReader(tasks=BY_NAME, sources=sources, tokenizer=load_tokenizer(encoder))


@pytest.fixture
def stream(reader: DataReader) -> Callable[[str], Stream]:
    """The stream of a task's 24 training examples."""
    return lambda task: make_schedule(stage(task), reader).streams[0]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def context(tmp_path: Path, told: list[str]) -> StageContext:
    """Checkpoints as often as the loop can make them."""
    kept = Checkpoints(folder=Folder(str(tmp_path / "checkpoints")), name="one.pt", every=0.0)
    return StageContext(device=CPU, clock=Clock(), checkpoints=kept, notify=told.append)
